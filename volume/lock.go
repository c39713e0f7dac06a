package volume

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"

	"salvor/block"
	"salvor/block/probe"
	"salvor/finding"
)

// Lock is one row of the table of encrypted volumes.
type Lock struct {
	Name string // lower case: "luks", "bitlocker"
	// Probes find the headers. Each ID begins with Name and a dot.
	Probes []probe.Probe
	// Read returns every encrypted volume that it finds on src: at its start, and at the landmarks. Errors are
	// those of the context only; what is broken is a finding.
	Read func(ctx context.Context, src block.Source, landmarks []probe.Hit) ([]Locked, error)
	// Detached returns the volume that a header which stands at the start of another source describes on src: a
	// header that was never with its volume, or a backup of one that is gone. Nothing tells whether src is that
	// volume before it is open. Nil where the format knows no such headers.
	Detached func(ctx context.Context, header, src block.Source) ([]Locked, error)
}

// Locked is an encrypted volume by its header's word.
type Locked struct {
	Lock   string // the row's name
	Format string // "LUKS2", "BitLocker"
	UUID   string
	Label  string
	Cipher string       // "aes-xts-plain64, 512-bit key"
	Header int64        // where the header that was used stands on the source, bytes
	Extent block.Extent // of the volume on the source, header included
	Valid  bool         // all checks of the header passed
	Backup bool         // the header was read from its second copy
	// Needs are the secrets that can open it, for people too: the keys that its slots name.
	Needs []Need
	// Open tries a secret. The error is [ErrWrongSecret] when the header says that it is not the right one, and
	// another when the header is too damaged to tell or the plain bytes cannot be had. The source implements
	// [Placer], with Member 0 for the source that the volume was found on. Nil when no secret can open it.
	Open     func(ctx context.Context, s Secret) (block.Source, error)
	Findings []finding.Finding
}

// SecretKind says what a secret is.
type SecretKind string

// The kinds of secrets.
const (
	Passphrase  SecretKind = "passphrase"   // typed by a person
	KeyFile     SecretKind = "key-file"     // bytes of a file
	RecoveryKey SecretKind = "recovery-key" // BitLocker: 48 digits in eight groups
	StartupKey  SecretKind = "startup-key"  // BitLocker: a .BEK file
	VolumeKey   SecretKind = "volume-key"   // the key of the bytes themselves
	ClearKey    SecretKind = "clear-key"    // stands in the header: protection is suspended
	HeaderFile  SecretKind = "header"       // LUKS: a backup of the header; another secret is needed beside it
)

// Need is a secret that a volume can be opened with.
type Need struct {
	Kind SecretKind
	ID   string // of the key: BitLocker's key ID, "slot 1" of LUKS; "" where it has none
	Note string // for people, beside the kind and the ID: "argon2id, 1 GiB of memory"
}

// Secret opens a volume. It is never written to a case, a report, a log or an error.
type Secret struct {
	Kind  SecretKind
	Bytes []byte
	// Header is a backup of the header, for a volume that lost its own.
	Header block.Source
}

// Keyring gives the secrets that a person offers for encrypted volumes: from files, a descriptor or a prompt.
type Keyring interface {
	// Secrets returns what may open l, in the order in which it is worth trying, only of the kinds that l needs.
	// Who tries them stops the sequence at the first that opens; a prompt asks only when everything before it
	// failed, and asks again until it gets nothing. The sequence is short and ends early when ctx does. It may be
	// asked for again, for the same volume as for others. A secret is valid until the next one is asked for.
	Secrets(ctx context.Context, l Locked) iter.Seq[Secret]
	// Header returns the header that a person gave beside the medium, for [Lock.Detached]; nil when there is none.
	Header() block.Source
}

// hidden stands for every secret that is printed.
const hidden = "(secret)"

// String hides the secret.
func (Secret) String() string { return hidden }

// Format hides the secret from every format verb.
func (Secret) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, hidden) }

// MarshalText hides the secret from JSON and from logs.
func (Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// ErrWrongSecret says that a header is sound and the secret is not one of its own.
var ErrWrongSecret = errors.New("volume: the secret does not open it")
