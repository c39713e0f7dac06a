package elf_test

import (
	"os"
	"testing"

	"salvor/filetype/elf"
	"salvor/filetype/filetypetest"
)

var scouted = []string{"gcc-386-freebsd-exec", "gcc-amd64-linux-exec", "liblight.so", "vsock_diag.ko"}

func scoutedFiles(t testing.TB) [][]byte {
	t.Helper()
	return filetypetest.Named(t, os.DirFS("testdata"), scouted...)
}

func TestScout(t *testing.T) {
	for i, data := range scoutedFiles(t) {
		t.Run(scouted[i], func(t *testing.T) { filetypetest.Scouts(t, elf.Formats()[0], data) })
	}
}

func FuzzScout(f *testing.F) { filetypetest.FuzzScout(f, elf.Formats()[0], scoutedFiles(f)...) }
