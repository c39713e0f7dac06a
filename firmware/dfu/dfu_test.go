package dfu

import (
	"bytes"
	"hash/crc32"
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

// dfuSuffix runs the maker's tool over a file and returns what it became and what was said.
func dfuSuffix(t testing.TB, p []byte, args ...string) ([]byte, string, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file.dfu")
	if err := os.WriteFile(path, p, 0o600); err != nil {
		t.Fatal(err)
	}
	out, runErr := need.Command(t, "dfu-suffix", append(args, path)...).CombinedOutput()
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return got, string(out), runErr
}

func TestSuffix(t *testing.T) {
	content := firmwaretest.Noise(5000, 2)
	p, out, err := dfuSuffix(t, content, "-v", "0483", "-p", "df11", "-d", "0210", "-a")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	part := firmwaretest.Open(t, p, nil, Format())
	if part.Title != "DFU file for 0483:df11" || part.Version != "2.10" || len(part.Claims) != 1 || part.Claims[0].Values[0] != "0483:df11" || part.Claims[0].Kind != firmware.USB || firmware.Whole(part).Answer != firmware.OK {
		t.Errorf("%q, version %q, claims %v, %v", part.Title, part.Version, part.Claims, firmware.Whole(part))
	}
	if got, err := io.ReadAll(block.Reader(part.Children[0].Source)); err != nil || !bytes.Equal(got, content) {
		t.Errorf("the content is another: %v", err)
	}
	// A cut file has no suffix any more: nothing says that it was one.
	firmwaretest.Run(t, p, firmwaretest.Options{Short: func(int64) bool { return true }}, Format())
	// The tool sees what we see.
	p[100] ^= 1
	if _, out, err := dfuSuffix(t, p, "-c"); err == nil && !strings.Contains(out, "CRC does not match") {
		t.Errorf("the tool takes a changed file: %s", out)
	}
	if v := firmware.Whole(firmwaretest.Open(t, p, nil, Format())); v.Answer != firmware.No || !strings.Contains(v.Reasons[0], "CRC-32") {
		t.Errorf("%v %q", v.Answer, v.Reasons)
	}
}

// dfuseFile makes a DfuSe file from the specification.
func dfuseFile(elements ...[]byte) []byte {
	var body []byte
	for i, e := range elements {
		body = le.AppendUint32(body, 0x08000000+uint32(i)*0x10000)
		body = le.AppendUint32(body, uint32(len(e)))
		body = append(body, e...)
	}
	target := append([]byte("Target\x00\x01\x00\x00\x00"), make([]byte, 255)...)
	copy(target[11:], "Internal Flash")
	target = le.AppendUint32(target, uint32(len(body)))
	target = le.AppendUint32(target, uint32(len(elements)))
	p := append([]byte("DfuSe\x01\x00\x00\x00\x00\x01"), append(target, body...)...)
	le.PutUint32(p[6:], uint32(len(p)))
	p = le.AppendUint16(p, 0)
	p = le.AppendUint16(p, 0xdf11)
	p = le.AppendUint16(p, 0x0483)
	p = le.AppendUint16(p, dfuse)
	p = append(p, "UFD\x10"...)
	return le.AppendUint32(p, ^crc32.ChecksumIEEE(p))
}

func TestDfuSe(t *testing.T) {
	p := dfuseFile(firmwaretest.Noise(3000, 2), firmwaretest.Noise(500, 2))
	part := firmwaretest.Open(t, p, nil, Format())
	if len(part.Children) != 1 || part.Children[0].Name != "Internal Flash" || len(part.Children[0].Children) != 2 || part.Children[0].Children[1].Name != "0x08010000" {
		t.Fatalf("%+v", part.Children)
	}
	if got, err := io.ReadAll(block.Reader(part.Children[0].Children[0].Source)); err != nil || !bytes.Equal(got, firmwaretest.Noise(3000, 2)) {
		t.Errorf("the first element is another: %v", err)
	}
	firmwaretest.Run(t, p, firmwaretest.Options{Short: func(n int64) bool { return n < headSize }}, Format())
}

func FuzzOpen(f *testing.F) {
	f.Add(dfuseFile(firmwaretest.Noise(20, 2), firmwaretest.Noise(5, 2)))
	f.Fuzz(func(t *testing.T, p []byte) { firmwaretest.Open(t, p, nil, Format()) })
}
