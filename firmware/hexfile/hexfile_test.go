package hexfile

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"salvor/block"
	"salvor/firmware"
	"salvor/firmware/firmwaretest"
	"salvor/internal/need"
)

// objcopy turns bytes into a file of a format with binutils.
func objcopy(t testing.TB, format string, p []byte, args ...string) []byte {
	t.Helper()
	dir := t.TempDir()
	in, out := filepath.Join(dir, "in"), filepath.Join(dir, "out")
	if err := os.WriteFile(in, p, 0o600); err != nil {
		t.Fatal(err)
	}
	if text, err := need.Command(t, "objcopy", append(append([]string{"-I", "binary", "-O", format}, args...), in, out)...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// blind are bytes that no sum covers: ends of lines, the type of an S-record, and the letters of hexadecimal digits, whose
// case says nothing.
func blind(p []byte) (s block.Set) {
	for i, b := range p {
		if b == '\r' || b == '\n' || b == 'S' || b == ':' {
			s.Add(block.Extent{Offset: int64(i), Length: 1})
		}
		if b == 'S' {
			s.Add(block.Extent{Offset: int64(i) + 1, Length: 1})
		}
	}
	return s
}

func TestFiles(t *testing.T) {
	for _, tt := range []struct {
		format string
		name   string
		args   []string
		size   int
		at     string
	}{
		{"ihex", "ihex", nil, 3000, "0x00000000"},
		{"ihex", "ihex", []string{"--change-addresses", "0x08000000"}, 70_000, "0x08000000"},
		{"srec", "srec", nil, 3000, "0x00000000"},
		{"srec", "srec", []string{"--change-addresses", "0x20001000"}, 5000, "0x20001000"},
	} {
		content := firmwaretest.Noise(tt.size, 1)
		p := objcopy(t, tt.format, content, tt.args...)
		formats := Formats()
		if tt.name == "srec" {
			formats[0], formats[1] = formats[1], formats[0]
		}
		part := firmwaretest.Open(t, p, nil, formats...)
		if part.Format != tt.name || len(part.Children) == 0 {
			t.Fatalf("%s: %q, %d children", tt.name, part.Format, len(part.Children))
		}
		c := part.Children[0]
		if got, err := io.ReadAll(block.Reader(c.Source)); err != nil || !bytes.Equal(got, content) || c.Name != tt.at || c.Installs[0].Needs != int64(tt.size) {
			t.Errorf("%s: %d bytes at %s, %v", tt.name, len(got), c.Name, err)
		}
		if v := firmware.Whole(part); v.Answer != firmware.OK {
			t.Errorf("%s: %v %q", tt.name, v.Answer, v.Reasons)
		}
		// A changed letter may say the same: compare with what comes out, not with the answer alone.
		same := blind(p)
		for i, b := range p {
			if b >= 'A' && b <= 'F' {
				same.Add(block.Extent{Offset: int64(i), Length: 1})
			}
		}
		firmwaretest.Run(t, p, firmwaretest.Options{Blind: same, Flips: 200, Cuts: 40, Short: func(n int64) bool { return strings.TrimSpace(string(p[n:])) == "" || n < 14 }}, formats...)
	}
}

func TestReasons(t *testing.T) {
	p := objcopy(t, "ihex", firmwaretest.Noise(200, 1))
	lines := bytes.SplitAfter(p, []byte("\n"))
	lines[3][12] ^= 1
	v := firmware.Whole(firmwaretest.Open(t, bytes.Join(lines, nil), nil, Formats()...))
	if v.Answer != firmware.No || !strings.Contains(v.Reasons[0], "line 4 of") {
		t.Errorf("%v %q", v.Answer, v.Reasons)
	}
	s := objcopy(t, "srec", firmwaretest.Noise(200, 1))
	rows := bytes.SplitAfter(s, []byte("\n"))
	counted := append(bytes.Join(rows[:len(rows)-2], nil), []byte("S5030000FC\r\n")...)
	v = firmware.Whole(firmwaretest.Open(t, append(counted, rows[len(rows)-2]...), nil, Formats()...))
	if v.Answer != firmware.No || !strings.Contains(strings.Join(v.Reasons, "\n"), "number of lines") {
		t.Errorf("%v %q", v.Answer, v.Reasons)
	}
	cut := bytes.Join(bytes.SplitAfter(p, []byte("\n"))[:5], nil)
	v = firmware.Whole(firmwaretest.Open(t, cut, nil, Formats()...))
	if v.Answer != firmware.No || !strings.Contains(strings.Join(v.Reasons, "\n"), "cut off") {
		t.Errorf("%v %q", v.Answer, v.Reasons)
	}
	if p := firmwaretest.Open(t, []byte("Some text: no program at all.\nS was here\n"), nil, Formats()...); p.Format != "" {
		t.Errorf("text is taken for %q", p.Format)
	}
}

func FuzzOpen(f *testing.F) {
	f.Add([]byte(":10010000214601360121470136007EFE09D2190140\n:00000001FF\n"))
	f.Add([]byte("S00600004844521B\nS1137AF00A0A0D0000000000000000000000000061\nS5030001FB\nS9030000FC\n"))
	f.Fuzz(func(t *testing.T, p []byte) { firmwaretest.Open(t, p, nil, Formats()...) })
}

// TestWriting changes what no sum covers: a file that is not written as tools write it is never whole.
func TestWriting(t *testing.T) {
	content := firmwaretest.Noise(3000, 9)
	for _, format := range []string{"ihex", "srec"} {
		p := objcopy(t, format, content)
		if v := firmware.Whole(firmwaretest.Open(t, p, nil, Formats()...)); v.Answer != firmware.OK {
			t.Fatalf("%s: %v %q", format, v.Answer, v.Reasons)
		}
		letter, line := bytes.IndexAny(p, "ABCDEF"), bytes.IndexByte(p, '\r')
		for name, change := range map[string]func(q []byte) []byte{
			"small letter":   func(q []byte) []byte { q[letter] |= 0x20; return q },
			"tab":            func(q []byte) []byte { q[line] = '\t'; return q },
			"no end of line": func(q []byte) []byte { return q[:len(q)-1] },
			"type": func(q []byte) []byte {
				if second := line + 2; format == "srec" {
					q[second+1] = '0' // data that becomes a title
				} else {
					q[second] = ';'
				}
				return q
			},
		} {
			if v := firmware.Whole(firmwaretest.Open(t, change(bytes.Clone(p)), nil, Formats()...)); v.Answer == firmware.OK {
				t.Errorf("%s, %s: %q", format, name, v.Reasons)
			}
		}
	}
}
