package hfsplus

import (
	"bytes"
	"testing"
)

// empty makes the volume that testdata/make.sh begins with: one without files, which a driver can write to.
func empty(t testing.TB) []byte {
	m := newMaker(t, 4096, 2048)
	m.next = 2
	return m.bytes()
}

// The volume that the kernel's driver was given is what is made here.
func TestEmpty(t *testing.T) {
	if !bytes.Equal(fixture(t, "empty.img.gz"), empty(t)) {
		t.Error("testdata/empty.img.gz is not what the maker makes")
	}
}
