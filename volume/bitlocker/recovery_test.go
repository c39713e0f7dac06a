package bitlocker

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"strings"
	"testing"
	"unicode/utf16"
)

const typed = "471207-278498-422125-177177-561902-537405-468006-693451" // the example of the documentation of libbde

func utf16le(s string) []byte {
	out := []byte{0xff, 0xfe}
	for _, u := range utf16.Encode([]rune(s)) {
		out = binary.LittleEndian.AppendUint16(out, u)
	}
	return out
}

func utf16be(s string) []byte {
	out := []byte{0xfe, 0xff}
	for _, u := range utf16.Encode([]rune(s)) {
		out = binary.BigEndian.AppendUint16(out, u)
	}
	return out
}

// saved is what Windows writes to a file.
const saved = `BitLocker Drive Encryption recovery key

To verify that this is the correct recovery key, compare the start of the following identifier with the identifier value displayed on your PC.

Identifier:

	64311DEA-4587-4029-924A-BA299647998E

If the above identifier matches the one displayed by your PC, then use the following key to unlock your drive.

Recovery Key:

	` + typed + `

If the above identifier doesn't match the one displayed by your PC, then this isn't the right key – try another.
`

func TestRecoveryKeys(t *testing.T) {
	var key [16]byte
	for i, g := range strings.Split(typed, "-") {
		v := 0
		for _, c := range g {
			v = v*10 + int(c-'0')
		}
		binary.LittleEndian.PutUint16(key[2*i:], uint16(v/11))
	}
	want := sha256.Sum256(key[:])
	plain := strings.ReplaceAll(typed, "-", "")
	for name, in := range map[string][]byte{
		"typed": []byte(typed), "a line": []byte(typed + "\r\n"), "spaces": []byte(strings.ReplaceAll(typed, "-", " ")), "no hyphens": []byte(plain),
		"wide spaces": []byte(strings.ReplaceAll(typed, "-", "  -  ")), "lines": []byte(strings.ReplaceAll(typed, "-", "\n")),
		"a file": []byte(saved), "a file of Windows": utf16le(saved), "big-endian": utf16be(saved),
	} {
		got, err := recoveryKeys(in)
		if err != nil || len(got) != 1 || got[0] != want {
			t.Errorf("%s: %d keys, %v", name, len(got), err)
		}
	}
	// A file with several keys, one of them mistyped.
	two := saved + strings.Replace(saved, "471207", "471208", 1) + strings.Replace(saved, "471207", "000011", 1)
	if got, err := recoveryKeys([]byte(two)); err != nil || len(got) != 2 || got[0] != want || got[1] == want {
		t.Errorf("%d keys, %v", len(got), err)
	}
	for in, say := range map[string]string{
		"":          "has 0 digits",
		"12":        "has 2 digits",
		plain + "1": "has 49 digits",
		strings.Replace(typed, "537405", "537406", 1): "group 6 of",
		strings.Replace(typed, "693451", "720896", 1): "group 8 of", // 65536 times 11
		strings.Replace(typed, "471207", "999999", 1): "group 1 of",
		strings.Replace(plain, "278498", "278489", 1): "group 2 of",
	} {
		got, err := recoveryKeys([]byte(in))
		if err == nil || !strings.Contains(err.Error(), say) || got != nil {
			t.Errorf("%q: %v, expected %q", in, err, say)
		}
		// Nothing of the key is told but the number of the group.
		for _, g := range strings.FieldsFunc(in, func(r rune) bool { return r == '-' }) {
			if err != nil && len(g) == 6 && g != "720896" && strings.Contains(err.Error(), g) {
				t.Errorf("the error tells a group: %v", err)
			}
		}
	}
	if _, err := recoveryKeys(make([]byte, maxSecretText+1)); err == nil {
		t.Error("a long file is searched")
	}
}

func TestStartupKeys(t *testing.T) {
	whole := member(t, "4381F759-C4F8-4DE0-BB61-FC33A831BDA5.BEK")
	k, err := parseStartupKey(whole)
	if err != nil || k.id.String() != "4381F759-C4F8-4DE0-BB61-FC33A831BDA5" || len(k.key) != masterSize {
		t.Fatalf("%v, %v", k.id, err)
	}
	for n := range len(whole) {
		if _, err := parseStartupKey(whole[:n]); err == nil {
			t.Errorf("%d bytes of it are taken", n)
		}
	}
	for at := range whole {
		b := bytes.Clone(whole)
		b[at] ^= 0xff
		_, _ = parseStartupKey(b)
	}
	if _, err := parseStartupKey(make([]byte, maxSecretText+1)); err == nil {
		t.Error("a long file is read")
	}
}

func FuzzSecrets(f *testing.F) {
	f.Add([]byte(typed))
	f.Add([]byte(saved))
	f.Add(utf16le(saved))
	f.Add(member(f, "4381F759-C4F8-4DE0-BB61-FC33A831BDA5.BEK"))
	f.Fuzz(func(t *testing.T, b []byte) {
		before := bytes.Clone(b)
		keys, err := recoveryKeys(b)
		if err == nil && (len(keys) == 0 || len(keys) > maxKeys) {
			t.Fatalf("%d keys", len(keys))
		}
		if k, err := parseStartupKey(b); err == nil && len(k.key) != masterSize {
			t.Fatalf("a key of %d bytes", len(k.key))
		}
		passwordKey(b)
		if !bytes.Equal(before, b) {
			t.Fatal("the secret was changed")
		}
	})
}
