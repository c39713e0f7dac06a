package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"salvor/block"
	"salvor/imaging"
	"salvor/rescue"
	"salvor/volume"
)

// How much is read of what holds a secret.
const (
	maxPhrase  = 64 << 10 // of a passphrase, a recovery key or a startup key
	maxKeyFile = 8 << 20  // of a key file, as cryptsetup does
	maxHeader  = 64 << 20 // of the backup of a header
	maxAsked   = 5        // times that a person is asked for one volume
)

// secretFlags are the options that say where secrets of encrypted volumes stand. None of them takes a secret: a
// command line can be read by every program of the computer, and stays in the history of the shell.
type secretFlags struct {
	passphrases, keyFiles, recoveryKeys, startupKeys []string
	header                                           string
	keyFileOffset, keyFileSize                       string
	fd                                               int
	ask                                              bool
}

func (f *secretFlags) add(cmd *cobra.Command) {
	s := cmd.Flags()
	s.StringArrayVar(&f.passphrases, "passphrase-file", nil, "`FILE` with the passphrase or password of an encrypted volume, its line end is not part of it")
	s.StringArrayVar(&f.keyFiles, "key-file", nil, "key `FILE` of an encrypted volume: all its bytes are the key")
	s.StringVar(&f.keyFileOffset, "keyfile-offset", "", "skip so many `BYTES` of the key file")
	s.StringVar(&f.keyFileSize, "keyfile-size", "", "use only so many `BYTES` of the key file")
	s.StringArrayVar(&f.recoveryKeys, "recovery-key-file", nil, "`FILE` with a BitLocker recovery key, as Windows saves it or typed")
	s.StringArrayVar(&f.startupKeys, "startup-key", nil, "startup key `FILE` of BitLocker (.BEK)")
	s.StringVar(&f.header, "header", "", "`FILE` with the backup of a LUKS header, or a header that was always apart")
	s.IntVar(&f.fd, "secret-fd", -1, "read a passphrase or a recovery key from the open file descriptor `N`")
	s.BoolVar(&f.ask, "ask", false, "ask on the terminal for the secret of each encrypted volume that is still locked")
}

// keyring holds the secrets that were given, and asks for others when it may.
type keyring struct {
	given  []volume.Secret
	header block.Source
	// ask shows a question and returns what was typed, without showing that; nil when nobody may be asked.
	ask   func(ctx context.Context, question string) ([]byte, error)
	typed [][]byte
	asked map[string]int // by volume: how often; maxAsked when the person gave up
}

var _ volume.Keyring = (*keyring)(nil)

// open reads the files that hold secrets, before any work begins. p is what must be silent while a person types.
func (f *secretFlags) open(p *progress) (*keyring, error) {
	k := &keyring{asked: map[string]int{}}
	err := f.read(k)
	if err == nil && f.ask {
		in := int(os.Stdin.Fd())
		if !term.IsTerminal(in) {
			err = usageError{errors.New("--ask needs a terminal; --passphrase-file and its like, or --secret-fd, do not")}
		}
		k.ask = func(ctx context.Context, question string) (typed []byte, err error) {
			p.quiet(func() { typed, err = prompt(ctx, p.w, in, question) })
			return typed, err
		}
	}
	if err != nil {
		k.close()
		return nil, err
	}
	return k, nil
}

func (f *secretFlags) read(k *keyring) error {
	add := func(kind volume.SecretKind, option string, paths []string, limit int64, change func([]byte) ([]byte, error)) error {
		for _, path := range paths {
			b, err := readSecret(path, limit)
			if err != nil {
				return usageError{fmt.Errorf("--%s: %w", option, err)}
			}
			if b, err = change(b); err != nil {
				return usageError{fmt.Errorf("--%s %s: %w", option, path, err)}
			}
			k.given = append(k.given, volume.Secret{Kind: kind, Bytes: b})
		}
		return nil
	}
	same := func(b []byte) ([]byte, error) { return b, nil }
	line := func(b []byte) ([]byte, error) { return rescue.OneLine(b) }
	part, err := f.part()
	if err != nil {
		return err
	}
	if err := errors.Join(
		add(volume.StartupKey, "startup-key", f.startupKeys, maxPhrase, same),
		add(volume.RecoveryKey, "recovery-key-file", f.recoveryKeys, maxPhrase, same),
		add(volume.Passphrase, "passphrase-file", f.passphrases, maxPhrase, line),
		add(volume.KeyFile, "key-file", f.keyFiles, maxKeyFile+part.End(), part.of),
	); err != nil {
		return usageError{err}
	}
	if f.fd >= 0 {
		file := os.NewFile(uintptr(f.fd), "the descriptor")
		if file == nil {
			return usageError{fmt.Errorf("--secret-fd %d: no such descriptor", f.fd)}
		}
		b, err := readAll(file, maxPhrase)
		if err == nil {
			b, err = rescue.OneLine(b)
		}
		if err != nil {
			return usageError{fmt.Errorf("--secret-fd %d: %w", f.fd, err)}
		}
		k.given = append(k.given, volume.Secret{Kind: volume.Passphrase, Bytes: b}, volume.Secret{Kind: volume.RecoveryKey, Bytes: bytes.Clone(b)})
	}
	if f.header != "" {
		b, err := readSecret(f.header, maxHeader)
		if err != nil {
			return usageError{fmt.Errorf("--header: %w", err)}
		}
		k.header = block.Bytes(b)
	}
	return nil
}

// keyPart is the part of a key file that is the key.
type keyPart struct {
	block.Extent
	whole bool // up to the end of the file
}

func (f *secretFlags) part() (keyPart, error) {
	p := keyPart{whole: f.keyFileSize == ""}
	if (f.keyFileOffset != "" || f.keyFileSize != "") && len(f.keyFiles) == 0 {
		return p, usageError{errors.New("--keyfile-offset and --keyfile-size: of which --key-file?")}
	}
	for option, field := range map[string]*int64{"keyfile-offset": &p.Offset, "keyfile-size": &p.Length} {
		text := map[string]string{"keyfile-offset": f.keyFileOffset, "keyfile-size": f.keyFileSize}[option]
		if text == "" {
			continue
		}
		n, err := imaging.ParseSize(text, 512)
		if err != nil || n < 0 || n > 1<<40 {
			return p, usageError{fmt.Errorf("--%s %s: expected a number of bytes", option, text)}
		}
		*field = n
	}
	return p, nil
}

// of cuts the part out of a file.
func (p keyPart) of(b []byte) ([]byte, error) {
	end := p.End()
	if p.whole {
		end = int64(len(b))
	}
	if p.Offset > int64(len(b)) || end > int64(len(b)) {
		return nil, fmt.Errorf("the file has only %d bytes", len(b))
	}
	if end-p.Offset > maxKeyFile {
		return nil, fmt.Errorf("a key has at most %d bytes", maxKeyFile)
	}
	return b[p.Offset:end], nil
}

// readSecret reads a file. Its error names the file and nothing that stands in it.
func readSecret(path string, limit int64) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	b, err := readAll(file, limit)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return b, nil
}

// readAll reads up to limit bytes, without leaving copies of them behind.
func readAll(r io.Reader, limit int64) ([]byte, error) {
	b := make([]byte, 0, 4096)
	for {
		n, err := r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		switch {
		case int64(len(b)) > limit:
			clear(b)
			return nil, fmt.Errorf("it has more than %d bytes", limit)
		case errors.Is(err, io.EOF):
			return b, nil
		case err != nil:
			clear(b)
			return nil, err
		case len(b) == cap(b):
			grown := make([]byte, len(b), 2*cap(b))
			copy(grown, b)
			clear(b)
			b = grown
		}
	}
}

// close forgets the secrets.
func (k *keyring) close() {
	for _, s := range k.given {
		clear(s.Bytes)
	}
	for _, b := range k.typed {
		clear(b)
	}
	k.given, k.typed = nil, nil
}

// Header returns the header that was given.
func (k *keyring) Header() block.Source { return k.header }

// Secrets returns what was given, then what was typed before for other volumes, then what a person types.
func (k *keyring) Secrets(ctx context.Context, l volume.Locked) iter.Seq[volume.Secret] {
	kinds := rescue.NeededKinds(l, k.header != nil)
	return func(yield func(volume.Secret) bool) {
		offer := func(s volume.Secret) bool {
			if ctx.Err() != nil {
				return false
			}
			if !kinds[s.Kind] {
				return true
			}
			return rescue.OfferSecret(s, k.header, yield) && ctx.Err() == nil
		}
		for _, s := range k.given {
			if !offer(s) {
				return
			}
		}
		if !kinds[volume.Passphrase] && !kinds[volume.RecoveryKey] {
			return
		}
		for _, b := range k.typed {
			if !offer(typedSecret(kinds, b)) {
				return
			}
		}
		k.askFor(ctx, l, kinds, offer)
	}
}

// askFor asks until a secret opens the volume, nothing is typed, or it was asked often enough.
func (k *keyring) askFor(ctx context.Context, l volume.Locked, kinds map[volume.SecretKind]bool, offer func(volume.Secret) bool) {
	name := l.Lock + "/" + l.UUID
	for k.ask != nil && k.asked[name] < maxAsked && ctx.Err() == nil {
		again := k.asked[name] > 0
		k.asked[name]++
		b, err := k.ask(ctx, question(l, kinds, again))
		if err != nil || len(b) == 0 {
			k.asked[name] = maxAsked
			return
		}
		k.typed = append(k.typed, b)
		if !offer(typedSecret(kinds, b)) {
			return
		}
	}
}

// typedSecret says of which kind a secret is that a person typed: 48 digits are a recovery key where one is needed.
func typedSecret(kinds map[volume.SecretKind]bool, b []byte) volume.Secret {
	digits := 0
	for _, c := range b {
		if c >= '0' && c <= '9' {
			digits++
		}
	}
	if kinds[volume.RecoveryKey] && (digits == 48 || !kinds[volume.Passphrase]) {
		return volume.Secret{Kind: volume.RecoveryKey, Bytes: b}
	}
	return volume.Secret{Kind: volume.Passphrase, Bytes: b}
}

// question asks for what opens l.
func question(l volume.Locked, kinds map[volume.SecretKind]bool, again bool) string {
	var b strings.Builder
	if again {
		b.WriteString("That does not open it.\n")
	} else {
		b.WriteString(show(l.Format))
		for _, s := range []string{l.Label, l.UUID} {
			if s != "" {
				fmt.Fprintf(&b, " %q", show(s))
				break
			}
		}
		b.WriteString(" is locked.")
		for _, n := range l.Needs {
			if n.Kind == volume.RecoveryKey {
				fmt.Fprintf(&b, " Its recovery key is kept under the key ID %s.", show(n.ID))
			}
		}
		b.WriteString("\n")
	}
	switch {
	case kinds[volume.Passphrase] && kinds[volume.RecoveryKey]:
		b.WriteString("Password or recovery key")
	case kinds[volume.RecoveryKey]:
		b.WriteString("Recovery key")
	default:
		b.WriteString("Passphrase")
	}
	b.WriteString(" (it is not shown; nothing leaves the volume locked): ")
	return b.String()
}

// prompt asks on a terminal, which shows nothing of what is typed. When ctx ends first the terminal becomes what it
// was; the read that waits for a line then ends with the program.
func prompt(ctx context.Context, w io.Writer, fd int, question string) ([]byte, error) {
	before, err := term.GetState(fd)
	if err != nil {
		return nil, err
	}
	fmt.Fprint(w, question)
	type answer struct {
		typed []byte
		err   error
	}
	done := make(chan answer, 1)
	go func() {
		b, err := term.ReadPassword(fd)
		done <- answer{b, err}
	}()
	defer fmt.Fprintln(w)
	select {
	case a := <-done:
		return a.typed, a.err
	case <-ctx.Done():
		return nil, errors.Join(ctx.Err(), term.Restore(fd, before))
	}
}
