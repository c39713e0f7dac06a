package luks

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"salvor/block"
	"salvor/volume"
)

// TestDamagedHeaders has either header broken in all the ways that an interrupted update leaves behind.
func TestDamagedHeaders(t *testing.T) {
	m := encrypted(t, 256<<10, append([]string{"--cipher", "aes-xts-plain64", "--key-size", "256"}, pbkdf2...)...)
	whole := m.read(t)
	const size = 16 << 10 // of a header, what cryptsetup makes by default
	for name, c := range map[string]struct {
		damage         func(b []byte)
		findings       string
		second, broken bool
	}{
		"first magic":           {func(b []byte) { copy(b, "\xff\xff\xff\xff") }, "header.damaged", true, false},
		"first sector":          {func(b []byte) { clear(b[:512]) }, "header.damaged", true, false},
		"first header":          {func(b []byte) { clear(b[:size]) }, "header.damaged", true, false},
		"first header, a table": {func(b []byte) { clear(b[:512]); b[510], b[511] = 0x55, 0xaa }, "header.damaged", true, false},
		"a bit of the JSON":     {func(b []byte) { b[5000] ^= 1 }, "header.damaged", true, false},
		"first size":            {func(b []byte) { b[13] ^= 0x10 }, "header.damaged", true, false},
		"second header":         {func(b []byte) { clear(b[size : 2*size]) }, "header.damaged", false, false},
		"second JSON":           {func(b []byte) { b[size+4200] ^= 1 }, "header.damaged", false, false},
		"both, not the JSON":    {func(b []byte) { b[400]++; b[size+400]++ }, "header.checksum", false, true},
	} {
		t.Run(name, func(t *testing.T) {
			b := bytes.Clone(whole)
			c.damage(b)
			l := only(t, b)
			if codes(l) != c.findings || l.Backup != c.second || (l.Header == size) != c.second || l.Valid == c.broken {
				t.Errorf("%+v, findings %q", l, codes(l))
			}
			src, err := l.Open(t.Context(), phrase(secret))
			if err != nil {
				t.Fatal(err)
			}
			m.holds(t, src)
			if _, err := l.Open(t.Context(), phrase("x")); err != volume.ErrWrongSecret {
				t.Errorf("a wrong one: %v", err)
			}
		})
	}

	// Without both nothing is left to see, and with a magic that remains it is told.
	b := bytes.Clone(whole)
	clear(b[:2*size])
	if list, err := Lock().Read(t.Context(), block.Bytes(b), landmarks(b)); len(list) != 0 || err != nil {
		t.Errorf("%d volumes without headers, %v", len(list), err)
	}
	copy(b, whole[:4096])
	l := only(t, b)
	if codes(l) != "header.unusable" || l.UUID == "" || l.Valid || len(l.Needs) != 1 || l.Needs[0].Kind != volume.HeaderFile {
		t.Errorf("%+v, findings %q", l, codes(l))
	}
	if _, err := l.Open(t.Context(), phrase(secret)); err == nil || !strings.Contains(err.Error(), "backup") {
		t.Errorf("%v", err)
	}
}

// TestNewerHeader has an interrupted change of a key: the second header is older, or the first.
func TestNewerHeader(t *testing.T) {
	m := encrypted(t, 256<<10, append([]string{"--cipher", "aes-xts-plain64", "--key-size", "256"}, pbkdf2...)...)
	before := m.read(t)
	file := filepath.Join(m.dir, "new")
	if err := os.WriteFile(file, []byte("a new one"), 0o600); err != nil {
		t.Fatal(err)
	}
	must(t, "cryptsetup", append([]string{"luksAddKey", "-q", "--key-file", m.secret(), m.path, file}, pbkdf2...)...)
	after := m.read(t)
	const size = 16 << 10
	for name, c := range map[string]struct {
		from, to int
		second   bool
	}{"the second is older": {size, 2 * size, false}, "the first is older": {0, size, true}} {
		b := bytes.Clone(after)
		copy(b[c.from:c.to], before[c.from:c.to])
		l := only(t, b)
		if codes(l) != "header.older" || l.Backup != c.second || !l.Valid {
			t.Errorf("%s: %+v, findings %q", name, l, codes(l))
		}
		for _, s := range []string{secret, "a new one"} {
			if src, err := l.Open(t.Context(), phrase(s)); err != nil {
				t.Errorf("%s: %q: %v", name, s, err)
			} else {
				m.holds(t, src)
			}
		}
	}
}

// TestBackup opens a volume whose headers and keys are overwritten by the backup of its header, found on a disk by
// what its owner gives, and a volume that never had a header.
func TestBackup(t *testing.T) {
	for _, version := range []string{"luks1", "luks2"} {
		t.Run(version, func(t *testing.T) {
			m := encrypted(t, 256<<10, append([]string{"--cipher", "aes-xts-plain64", "--key-size", "256"}, pbkdf2...)...)
			if version == "luks1" {
				must(t, "cryptsetup", "convert", "-q", "--type", "luks1", m.path)
			}
			file := filepath.Join(m.dir, "backup")
			must(t, "cryptsetup", "luksHeaderBackup", "-q", "--header-backup-file", file, m.path)
			backup, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			head := block.Bytes(backup)
			whole := m.read(t)

			// The key material is lost, the header stands.
			b := bytes.Clone(whole)
			clear(b[32<<10 : 300<<10])
			if version == "luks1" {
				clear(b[4096 : 300<<10])
			}
			l := only(t, b)
			if codes(l) != "keyslot.damaged" {
				t.Errorf("findings %q", codes(l))
			}
			if _, err := l.Open(t.Context(), phrase(secret)); err != volume.ErrWrongSecret {
				t.Errorf("lost key material: %v", err)
			}
			s := phrase(secret)
			s.Header = head
			src, err := l.Open(t.Context(), s)
			if err != nil {
				t.Fatal(err)
			}
			m.holds(t, src)
			// On a disk, behind other things.
			disk := append(make([]byte, 1<<20), b...)
			l = only(t, disk, landmarks(disk)...)
			if l.Extent.Offset != 1<<20 {
				t.Errorf("%+v", l)
			}
			if src, err = l.Open(t.Context(), s); err != nil {
				t.Fatal(err)
			}
			m.holds(t, src)
			if p := src.(volume.Placer).Places(block.Extent{Length: 1}); len(p) != 1 || disk[p[0].Physical] != whole[p[0].Physical-1<<20] || p[0].Physical < 1<<20 {
				t.Errorf("places %+v", p)
			}

			// Nothing of the header is left: the person says that it is a volume.
			clear(b[:len(b)-int(src.Size())])
			list, err := Lock().Detached(t.Context(), head, block.Bytes(b))
			if err != nil || len(list) != 1 {
				t.Fatalf("%d volumes, %v", len(list), err)
			}
			if src, err = list[0].Open(t.Context(), phrase(secret)); err != nil {
				t.Fatal(err)
			}
			m.holds(t, src)
			if _, err := list[0].Open(t.Context(), phrase("x")); err != volume.ErrWrongSecret {
				t.Errorf("a wrong one: %v", err)
			}

			// The backup of another volume, and none at all.
			other := encrypted(t, 64<<10, pbkdf2...)
			l = only(t, whole)
			s.Header = block.Bytes(other.read(t))
			if _, err := l.Open(t.Context(), s); err == nil || !strings.Contains(err.Error(), "another volume") {
				t.Errorf("%v", err)
			}
			s.Header = block.Bytes(make([]byte, 10000))
			if _, err := l.Open(t.Context(), s); err == nil || !strings.Contains(err.Error(), "no LUKS header") {
				t.Errorf("%v", err)
			}
			if list, err := Lock().Detached(t.Context(), s.Header, block.Bytes(b)); err != nil || len(list) != 0 {
				t.Errorf("%d volumes, %v", len(list), err)
			}
		})
	}
}

// TestDetached opens a volume that was made with its header elsewhere.
func TestDetached(t *testing.T) {
	dir := t.TempDir()
	data, head, key := filepath.Join(dir, "data"), filepath.Join(dir, "head"), filepath.Join(dir, "key")
	plain := known(256 << 10)
	for name, content := range map[string][]byte{data: plain, key: []byte(secret)} {
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	must(t, "cryptsetup", append([]string{"reencrypt", "--encrypt", "-q", "--type", "luks2", "--header", head, "--key-file", key, "--force-offline-reencrypt", data}, pbkdf2...)...)
	b, err := os.ReadFile(data)
	if err != nil {
		t.Fatal(err)
	}
	header, err := os.ReadFile(head)
	if err != nil {
		t.Fatal(err)
	}
	if list, err := Lock().Read(t.Context(), block.Bytes(b), landmarks(b)); len(list) != 0 || err != nil {
		t.Errorf("%d volumes, %v", len(list), err)
	}
	list, err := Lock().Detached(t.Context(), block.Bytes(header), block.Bytes(b))
	if err != nil || len(list) != 1 {
		t.Fatalf("%d volumes, %v", len(list), err)
	}
	src, err := list[0].Open(t.Context(), phrase(secret))
	if err != nil {
		t.Fatal(err)
	}
	made{plain: plain}.holds(t, src)
	if src.Size() != int64(len(plain)) {
		t.Errorf("%d bytes", src.Size())
	}
}

// TestReencryption reads volumes whose reencryption was killed: at a moment when all was written, and in the middle
// of a part.
func TestReencryption(t *testing.T) {
	whole := encrypted(t, 1<<20, append([]string{"--cipher", "aes-xts-plain64", "--key-size", "256"}, pbkdf2...)...)
	before := whole.read(t)
	moved := map[bool]int{}
	for _, when := range []string{"10", "12", "14", "20", "22"} {
		if err := os.WriteFile(whole.path, before, 0o600); err != nil {
			t.Fatal(err)
		}
		// It ends by a signal.
		_, _ = tool(t, "strace", "-f", "-o", os.DevNull, "-e", "trace=fsync", "-e", "inject=fsync:signal=KILL:when="+when,
			"cryptsetup", "reencrypt", "-q", "--force-offline-reencrypt", "--key-file", whole.secret(), "--resilience", "checksum",
			"--hotzone-size", "131072", "--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000", whole.path)
		l := only(t, whole.read(t))
		if !strings.Contains(codes(l), "reencryption") {
			t.Logf("killed at %s: %q", when, codes(l))
			continue
		}
		src, err := l.Open(t.Context(), phrase(secret))
		if err != nil {
			t.Fatal(err)
		}
		lost := int64(0)
		for at := int64(0); at < int64(len(whole.plain)); {
			p := make([]byte, 4096)
			n, err := src.ReadAt(p, at)
			if !bytes.Equal(p[:n], whole.plain[at:at+int64(n)]) {
				t.Fatalf("killed at %s: wrong bytes at %d", when, at)
			}
			if at += int64(n); err != nil {
				u, ok := block.IsUnreadable(err)
				if !ok || !strings.Contains(err.Error(), "encrypted anew") {
					t.Fatal(err)
				}
				lost += u.Ranges[0].Length
				at = u.Ranges[0].End()
			}
		}
		moved[lost > 0]++
		if lost != 0 && lost != 128<<10 {
			t.Errorf("killed at %s: %d bytes are lost", when, lost)
		}
		if _, err := l.Open(t.Context(), phrase("x")); err != volume.ErrWrongSecret {
			t.Errorf("a wrong one: %v", err)
		}
	}
	if moved[true] == 0 || moved[false] == 0 {
		t.Errorf("stopped within a part: %d, between parts: %d; expected both", moved[true], moved[false])
	}
}

// A volume in the middle of a disk is found by its second header alone, at the start that this one tells.
func TestSearch(t *testing.T) {
	m := encrypted(t, 256<<10, append([]string{"--cipher", "aes-xts-plain64", "--key-size", "256"}, pbkdf2...)...)
	const at = 3 << 20
	disk := append(make([]byte, at), m.read(t)...)
	copy(disk, "\xeb\x3c\x90mkfs.fat") // a new volume over the old one
	clear(disk[at : at+8192])
	// A copy of a header inside of a file, which says that it stands elsewhere.
	copy(disk[100<<10:], disk[at+16<<10:at+17<<10])
	binary.BigEndian.PutUint64(disk[100<<10+256:], 64<<10)
	l := only(t, disk, landmarks(disk)...)
	if l.Extent.Offset != at || !l.Backup || !l.Valid || l.Header != at+16<<10 {
		t.Fatalf("%+v", l)
	}
	src, err := l.Open(t.Context(), phrase(secret))
	if err != nil {
		t.Fatal(err)
	}
	m.holds(t, src)
}
