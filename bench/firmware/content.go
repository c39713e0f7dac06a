package main

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// english returns licences, which every Debian has, one after the other and again until size is full.
func english(size int) []byte {
	names, _ := filepath.Glob("/usr/share/common-licenses/*")
	return fill(size, names, nil)
}

// manual returns text in which the names that formats begin with stand everywhere, as in the documents on them.
func manual(size int) []byte {
	rnd := rand.New(rand.NewPCG(3, 1))
	out := make([]byte, 0, size+80)
	for len(out) < size {
		out = append(append(out, magicWords[rnd.IntN(len(magicWords))]...), " \n"[rnd.IntN(8)/7])
	}
	return out[:size]
}

var magicWords = strings.Fields(`the header of squashfs begins with hsqs or sqsh and jffs2 UBI# UBI! ubifs cramfs Compressed ROMFS romfs -rom1fs- ANDROID!
AVB0 HDR0 CrAU TP-LINK Technologies uImage Linux U-Boot bootcmd=run bootdelay=3 baudrate=115200 fwup-ptn sw-description UF2 070701 VNDRBOOT image`)

// code returns programs and libraries of this machine, one after the other and again until size is full; the marks of the
// formats that a program knows stand in it as its constants.
func code(size int) []byte {
	var names []string
	for _, pattern := range []string{"/usr/bin/*", "/usr/sbin/*", "/usr/lib/*/*.so*"} {
		found, _ := filepath.Glob(pattern)
		names = append(names, found...)
	}
	return fill(size, names, []byte("\x7fELF"))
}

// fill joins files that begin with magic, and repeats them until size is full.
func fill(size int, names []string, magic []byte) []byte {
	var out []byte
	for _, name := range names {
		info, err := os.Lstat(name)
		if err != nil || !info.Mode().IsRegular() || info.Size() > 8<<20 || len(out) >= size {
			continue
		}
		if p, err := os.ReadFile(name); err == nil && bytes.HasPrefix(p, magic) {
			out = append(out, p...)
		}
	}
	if len(out) == 0 {
		return make([]byte, size)
	}
	return slices.Repeat(out, size/len(out)+1)[:size]
}

// noise returns n bytes that follow from the seed.
func noise(n int, seed uint64) []byte {
	p := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8), byte(seed >> 16), 9}).Read(p) // it never fails
	return p
}
