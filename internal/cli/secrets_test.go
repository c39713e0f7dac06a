package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"salvor/block"
	"salvor/volume"
)

func lockedBy(name string, kinds ...volume.SecretKind) volume.Locked {
	l := volume.Locked{Lock: "x", Format: "X", UUID: name}
	for i, k := range kinds {
		l.Needs = append(l.Needs, volume.Need{Kind: k, ID: fmt.Sprintf("ID-%d", i)})
	}
	return l
}

// offered lists what a keyring offers for a volume that opens with one of these secrets.
func offered(ctx context.Context, k *keyring, l volume.Locked, opens ...string) []string {
	var out []string
	for s := range k.Secrets(ctx, l) {
		text := fmt.Sprintf("%s:%s", s.Kind, s.Bytes)
		if s.Header != nil {
			text += "+header"
		}
		out = append(out, text)
		if slices.Contains(opens, string(s.Bytes)) && s.Header == nil {
			break
		}
	}
	return out
}

func secretFiles(t *testing.T, files map[string]string) func(string) string {
	dir := t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return func(name string) string { return filepath.Join(dir, name) }
}

// Only what a volume needs is offered, files of each kind in the order of the kinds.
func TestKeyringOffers(t *testing.T) {
	at := secretFiles(t, map[string]string{"p1": "first\n", "p2": "second\r\n", "k": "key\n", "r": "recovery\n", "b": "\x00bek", "h": "header"})
	f := secretFlags{passphrases: []string{at("p1"), at("p2")}, keyFiles: []string{at("k")}, recoveryKeys: []string{at("r")}, startupKeys: []string{at("b")}, fd: -1}
	k, err := f.open(newProgress(&bytes.Buffer{}))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		needs []volume.SecretKind
		opens string
		want  string
	}{
		{[]volume.SecretKind{volume.Passphrase, volume.KeyFile}, "", "passphrase:first passphrase:second key-file:key\n"},
		{[]volume.SecretKind{volume.Passphrase, volume.KeyFile}, "first", "passphrase:first"},
		{[]volume.SecretKind{volume.RecoveryKey, volume.Passphrase, volume.StartupKey}, "", "startup-key:\x00bek recovery-key:recovery\n passphrase:first passphrase:second"},
		{[]volume.SecretKind{volume.StartupKey}, "", "startup-key:\x00bek"},
		{nil, "", ""},
		{[]volume.SecretKind{volume.HeaderFile}, "", ""},
	} {
		if got := strings.Join(offered(t.Context(), k, lockedBy("a", c.needs...), c.opens), " "); got != c.want {
			t.Errorf("%v: %q, expected %q", c.needs, got, c.want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got := offered(ctx, k, lockedBy("a", volume.Passphrase)); len(got) != 0 {
		t.Errorf("after a stop: %q", got)
	}

	// With a header each is tried with that too, and a header without any word of its needs is enough to try.
	f.header = at("h")
	if k, err = f.open(newProgress(&bytes.Buffer{})); err != nil || k.Header().Size() != 6 {
		t.Fatal(err)
	}
	for _, kinds := range [][]volume.SecretKind{{volume.HeaderFile}, {volume.Passphrase, volume.KeyFile}} {
		want := "passphrase:first passphrase:first+header passphrase:second passphrase:second+header key-file:key\n key-file:key\n+header"
		if got := strings.Join(offered(t.Context(), k, lockedBy("a", kinds...)), " "); got != want {
			t.Errorf("%q, expected %q", got, want)
		}
	}

	// What is closed has forgotten all.
	secret := k.given[0].Bytes
	k.close()
	if !bytes.Equal(secret, make([]byte, len(secret))) || len(offered(t.Context(), k, lockedBy("a", volume.Passphrase))) != 0 {
		t.Error("a secret is left")
	}
}

func TestSecretFiles(t *testing.T) {
	at := secretFiles(t, map[string]string{
		"unix": "wörd \n", "dos": "wörd \r\n", "bare": "wörd ", "bom": "\xef\xbb\xbfwörd \n", "two": "wörd \n\n",
		"le": "\xff\xfew\x00\xf6\x00r\x00d\x00 \x00\r\x00\n\x00", "be": "\xfe\xff\x00w\x00\xf6\x00r\x00d\x00 ", "pair": "\xff\xfe\x3d\xd8\x00\xde\n\x00",
		"empty": "", "line": "\n", "long": strings.Repeat("x", maxPhrase+1), "zeros": "\x00\x00", "odd": "\xff\xfex\x00y",
	})
	for name, want := range map[string]string{"unix": "wörd ", "dos": "wörd ", "bare": "wörd ", "bom": "wörd ", "two": "wörd \n", "le": "wörd ", "be": "wörd ",
		"pair": "😀", "zeros": "\x00\x00", "odd": "x"} {
		k, err := (&secretFlags{passphrases: []string{at(name)}, fd: -1}).open(newProgress(&bytes.Buffer{}))
		if err != nil || string(k.given[0].Bytes) != want {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, want := range map[string]string{"empty": "empty", "line": "empty", "long": "more than 65536 bytes", "missing": "no such file"} {
		_, err := (&secretFlags{passphrases: []string{at(name)}, fd: -1}).open(newProgress(&bytes.Buffer{}))
		var usage usageError
		if err == nil || !strings.Contains(err.Error(), want) || !errors.As(err, &usage) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// A part of a key file; a file may be longer than a key.
	big := at("big")
	if err := os.WriteFile(big, append(make([]byte, 5000), "the key and more"...), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ offset, size, want, err string }{
		{"5000", "7", "the key", ""}, {"5000", "", "the key and more", ""}, {"", "2", "\x00\x00", ""}, {"5016", "", "", ""},
		{"5017", "", "", "only 5016"}, {"5000", "17", "", "only 5016"}, {"x", "", "", "a number of bytes"}, {"-1", "", "", "a number of bytes"}, {"0", "9000000", "", "only 5016"},
	} {
		f := secretFlags{keyFiles: []string{big}, keyFileOffset: c.offset, keyFileSize: c.size, fd: -1}
		k, err := f.open(newProgress(&bytes.Buffer{}))
		switch {
		case c.err != "":
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%+v: %v", c, err)
			}
		case err != nil || string(k.given[0].Bytes) != c.want:
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// A person is asked after all else failed, again until it opens or nothing is typed, and what was typed once is tried
// for the next volume before it is asked for.
func TestKeyringAsks(t *testing.T) {
	var questions []string
	answers := []string{}
	k := &keyring{asked: map[string]int{}, given: []volume.Secret{{Kind: volume.Passphrase, Bytes: []byte("file")}}}
	k.ask = func(_ context.Context, q string) ([]byte, error) {
		questions = append(questions, q)
		if len(answers) == 0 {
			return nil, errors.New("no answer")
		}
		a := answers[0]
		answers = answers[1:]
		return []byte(a), nil
	}
	both := []volume.SecretKind{volume.RecoveryKey, volume.Passphrase}
	key := strings.Repeat("000011-", 8)[:55]
	a, b, c := lockedBy("a", both...), lockedBy("b", volume.Passphrase), lockedBy("c", volume.RecoveryKey)
	a.Label = "my\x1b[2J disk"

	answers = []string{"one", key, "two"}
	if got, want := offered(t.Context(), k, a, "two"), []string{"passphrase:file", "passphrase:one", "recovery-key:" + key, "passphrase:two"}; !slices.Equal(got, want) {
		t.Errorf("%q, expected %q", got, want)
	}
	if len(questions) != 3 || !strings.Contains(questions[0], "key ID ID-0") || !strings.Contains(questions[0], "Password or recovery key") || strings.Contains(questions[0], "\x1b") ||
		!strings.HasPrefix(questions[1], "That does not open it.") {
		t.Errorf("%q", questions)
	}
	questions = nil
	if got := offered(t.Context(), k, a, "two"); len(questions) != 0 || got[len(got)-1] != "passphrase:two" {
		t.Errorf("asked for what was typed: %q, %q", questions, got)
	}
	if offered(t.Context(), k, b, "one"); len(questions) != 0 {
		t.Errorf("asked for what another volume has: %q", questions)
	}
	// Nothing typed leaves it locked, for good.
	answers = []string{""}
	offered(t.Context(), k, b)
	offered(t.Context(), k, b)
	if len(questions) != 1 || !strings.Contains(questions[0], "Passphrase (") {
		t.Errorf("%q", questions)
	}
	// What is typed for a volume that has a recovery key only is one.
	questions, answers = nil, []string{"nonsense"}
	if got := offered(t.Context(), k, c, "nonsense"); got[len(got)-1] != "recovery-key:nonsense" {
		t.Errorf("%q", got)
	}
	// It ends.
	questions, answers = nil, slices.Repeat([]string{"no"}, 100)
	if offered(t.Context(), k, lockedBy("d", volume.Passphrase)); len(questions) != maxAsked {
		t.Errorf("asked %d times", len(questions))
	}
	// A file that nobody can type is not asked for.
	questions = nil
	if offered(t.Context(), k, lockedBy("e", volume.StartupKey)); len(questions) != 0 {
		t.Errorf("%q", questions)
	}
}

// No way of printing shows a secret.
func TestSecretsAreNotPrinted(t *testing.T) {
	s := volume.Secret{Kind: volume.Passphrase, Bytes: []byte("hush"), Header: block.Bytes([]byte("hush"))}
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
		for _, v := range []any{s, &s, []volume.Secret{s}, map[string]volume.Secret{"a": s}, struct{ S volume.Secret }{s}} {
			if text := fmt.Sprintf(format, v); strings.Contains(text, "hush") || strings.Contains(text, "68757368") || strings.Contains(text, "104 117") || strings.Contains(text, "0x68") {
				t.Errorf("%s of %T: %s", format, v, text)
			}
		}
	}
	b, err := json.Marshal(s)
	if err != nil || string(b) != `"(secret)"` {
		t.Errorf("%s, %v", b, err)
	}
}
