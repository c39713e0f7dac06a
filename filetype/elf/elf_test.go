package elf_test

import (
	"bytes"
	"os"
	"testing"
	"time"

	"salvor/block"
	"salvor/filetype"
	"salvor/filetype/elf"
	"salvor/filetype/filetypetest"
)

func files(t testing.TB) map[string][]byte { return filetypetest.Load(t, os.DirFS("testdata"), "*.gz") }

// format returns the row of that name.
func format(t testing.TB, name string) filetype.Format {
	t.Helper()
	for _, f := range elf.Formats() {
		if f.Name == name {
			return f
		}
	}
	t.Fatalf("no row %s", name)
	return filetype.Format{}
}

func examine(t testing.TB, name string, data []byte) filetype.Report {
	t.Helper()
	f := format(t, name)
	r, err := f.Examine(t.Context(), block.Bytes(data))
	if err != nil {
		t.Fatal(err)
	}
	if err := filetypetest.Check(f, block.Bytes(data), r); err != nil {
		t.Errorf("%v: %+v", err, r)
	}
	return r
}

// expected is what is to be said of each fixture.
var expected = map[string]struct {
	row string
	filetypetest.Sample
}{
	"gcc-386-freebsd-exec":            {"elf", filetypetest.Sample{Extension: "elf"}},
	"gcc-amd64-linux-exec":            {"elf", filetypetest.Sample{Extension: "elf"}},
	"go-relocation-test-gcc5-ppc.obj": {"elf", filetypetest.Sample{Extension: "o"}},
	"light.o":                         {"elf", filetypetest.Sample{Extension: "o"}},
	"liblight.so":                     {"elf", filetypetest.Sample{Extension: "so", Title: "liblight.so.1"}},
	"vsock_diag.ko":                   {"elf", filetypetest.Sample{Extension: "ko", Title: "vsock_diag"}},
}

func TestSuite(t *testing.T) {
	all := files(t)
	for name, want := range expected {
		s := want.Sample
		s.Name, s.Data = name, all[name]
		if s.Data == nil {
			t.Fatalf("no fixture %s", name)
		}
		if at := bytes.LastIndex(s.Data, []byte("\x06\x09\x2A\x86\x48\x86\xF7\x0D\x01\x07\x02")); at > 0 {
			for n := range int64(15) { // up to here it might be a module without a signature
				s.Ends = append(s.Ends, int64(at)-4+n)
			}
		}
		if s.Verdict == filetype.Unknown {
			s.Verdict = filetype.Consistent
		}
		filetypetest.Run(t, format(t, want.row), []filetypetest.Sample{s})
	}
}

// The signature behind a kernel module belongs to it; what only looks like one does not.
func TestSignature(t *testing.T) {
	data := files(t)["vsock_diag.ko"]
	if !bytes.HasSuffix(data, []byte("~Module signature appended~\n")) {
		t.Skip("the module is not signed")
	}
	bad := bytes.Clone(data)
	bad[len(bad)-5] ^= 1
	if r := examine(t, "elf", bad); r.Size >= int64(len(data)) || r.Verdict != filetype.Consistent {
		t.Errorf("%v of %d", r.Verdict, r.Size)
	}
}

// Tables that claim what cannot be are contradictions and cost nothing.
func TestHostile(t *testing.T) {
	data := files(t)["light.o"]
	for at := 16; at < 64; at++ {
		for _, b := range []byte{0xFF, 0x7F, 0x80} {
			c := bytes.Clone(data)
			c[at] = b
			filetypetest.Bomb(t, format(t, "elf"), c, 5*time.Second, 4<<20)
		}
	}
}

func TestPreview(t *testing.T) {
	p, err := format(t, "elf").Preview(t.Context(), block.Bytes(files(t)["liblight.so"]))
	if err != nil || len(p.Members) < 10 || p.Facts[0].Value != "x86-64" {
		t.Errorf("%+v %v", p, err)
	}
}

func FuzzExamine(f *testing.F) {
	for _, data := range files(f) {
		if len(data) < 32<<10 {
			f.Add(data)
		}
	}
	rows := elf.Formats()
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, row := range rows {
			filetypetest.Fuzz(t, row, data)
			if row.Preview != nil {
				_, _ = row.Preview(t.Context(), block.Bytes(data))
			}
		}
	})
}
