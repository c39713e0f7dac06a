package elf_test

import (
	"bytes"
	"maps"
	"os"
	"testing"
	"time"

	"salvor/block"
	"salvor/filetype"
	"salvor/filetype/elf"
	"salvor/filetype/filetypetest"
)

func files(t testing.TB) map[string][]byte { return filetypetest.Load(t, os.DirFS("testdata"), "*.gz") }

func format(t testing.TB, name string) filetype.Format {
	t.Helper()
	return filetypetest.Row(t, elf.Formats(), name)
}

func examine(t testing.TB, name string, data []byte) filetype.Report {
	t.Helper()
	return filetypetest.Accepted(t, format(t, name), data)
}

// expected is what is to be said of each fixture.
var expected = map[string]filetypetest.Sample{
	"gcc-386-freebsd-exec":            {Extension: "elf"},
	"gcc-amd64-linux-exec":            {Extension: "elf"},
	"go-relocation-test-gcc5-ppc.obj": {Extension: "o"},
	"light.o":                         {Extension: "o"},
	"liblight.so":                     {Extension: "so", Title: "liblight.so.1"},
	"vsock_diag.ko":                   {Extension: "ko", Title: "vsock_diag"},
}

func TestSuite(t *testing.T) {
	all, samples := files(t), maps.Clone(expected)
	for name, s := range samples {
		if at := bytes.LastIndex(all[name], []byte("\x06\x09\x2A\x86\x48\x86\xF7\x0D\x01\x07\x02")); at > 0 {
			for n := range int64(15) { // up to here it might be a module without a signature
				s.Ends = append(s.Ends, int64(at)-4+n)
			}
			samples[name] = s
		}
	}
	filetypetest.RunAll(t, elf.Formats(), all, samples)
}

// The signature behind a kernel module belongs to it; what only looks like one does not.
func TestSignature(t *testing.T) {
	data := files(t)["vsock_diag.ko"]
	if !bytes.HasSuffix(data, []byte("~Module signature appended~\n")) {
		t.Fatal("the module is not signed")
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

func FuzzExamine(f *testing.F) { filetypetest.FuzzAll(f, elf.Formats(), files(f), 32<<10) }
