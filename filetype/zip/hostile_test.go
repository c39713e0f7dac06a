package zip

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math/rand"
	"slices"
	"strings"
	"testing"
	"time"

	"salvor/block"
	"salvor/filetype"
	"salvor/filetype/filetypetest"
)

// build returns an archive of members with the given names and contents, deflated.
func build(t testing.TB, files ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := 0; i+1 < len(files); i += 2 {
		w, err := z.Create(files[i])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(files[i+1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// deflate compresses as the standard library does.
func deflate(t testing.TB, level int, data []byte) []byte {
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, level)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// overlapping builds an archive whose directory names the members of one kernel again and again, each
// header quoting the next, as a zip bomb does.
func overlapping(n int) []byte {
	le := binary.LittleEndian
	kernel := deflate(nil, 9, make([]byte, 1<<20))
	crc := crc32.ChecksumIEEE(make([]byte, 1<<20))
	local := func(i, csize, usize int, crc uint32) []byte {
		h := le.AppendUint32(nil, sigLocal)
		h = append(h, 20, 0, 0, 0, 8, 0, 0, 0, 0x21, 0x50)
		h = le.AppendUint32(h, crc)
		h = le.AppendUint32(h, uint32(csize))
		h = le.AppendUint32(h, uint32(usize))
		h = append(h, 4, 0, 0, 0)
		return append(h, fmt.Sprintf("%04d", i)...)
	}
	// From the last to the first: a stored block that quotes the header behind it, then the kernel.
	tail := append(local(n-1, len(kernel), 1<<20, crc), kernel...)
	offsets := []int{0}
	for i := n - 2; i >= 0; i-- {
		quoted := 34
		h := append([]byte{0, byte(quoted), 0, byte(^quoted), 0xFF}, tail...)
		head := local(i, len(h), 1<<20+quoted*(n-1-i), 0)
		tail = append(head, h...)
		for j := range offsets {
			offsets[j] += len(head) + 5
		}
		offsets = append(offsets, 0)
	}
	start := len(tail)
	for i, off := range offsets {
		h := le.AppendUint32(nil, sigCentral)
		h = append(h, 20, 0, 20, 0, 0, 0, 8, 0, 0, 0, 0x21, 0x50)
		h = le.AppendUint32(h, crc)
		h = le.AppendUint32(h, uint32(len(kernel)))
		h = le.AppendUint32(h, 1<<20)
		h = append(h, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
		h = le.AppendUint32(h, uint32(off))
		tail = append(tail, append(h, fmt.Sprintf("%04d", n-1-i)...)...)
	}
	e := le.AppendUint32(nil, sigEnd)
	e = append(e, 0, 0, 0, 0)
	e = le.AppendUint16(e, uint16(n))
	e = le.AppendUint16(e, uint16(n))
	e = le.AppendUint32(e, uint32(len(tail)-start))
	e = le.AppendUint32(e, uint32(start))
	return append(tail, append(e, 0, 0)...)
}

func TestBombs(t *testing.T) {
	format := Formats()[0]
	zeros := strings.Repeat("\x00", 8<<20)
	nested := string(build(t, "a", zeros, "b", zeros, "c", zeros))
	for range 4 {
		nested = string(build(t, "0.zip", nested, "1.zip", nested, "2.zip", nested))
	}
	r := filetypetest.Bomb(t, format, []byte(nested), 5*time.Second, 64<<20)
	if r.Verdict != filetype.Consistent {
		t.Errorf("archives inside archives: %v %v", r.Verdict, r.Findings)
	}
	r = filetypetest.Bomb(t, format, overlapping(2000), 5*time.Second, 64<<20)
	if r.Verdict != filetype.Damaged {
		t.Errorf("overlapping members: %v %v", r.Verdict, r.Findings)
	}
	// A member that expands to more than it declares is left at once.
	liar := build(t, "a", zeros)
	i := bytes.Index(liar, []byte("PK\x07\x08"))
	liar[6] &^= 8
	binary.LittleEndian.PutUint32(liar[14:], binary.LittleEndian.Uint32(liar[i+4:]))
	binary.LittleEndian.PutUint32(liar[18:], binary.LittleEndian.Uint32(liar[i+8:]))
	binary.LittleEndian.PutUint32(liar[22:], 100)
	r = filetypetest.Bomb(t, format, liar, time.Second, 8<<20)
	if r.Verdict != filetype.Damaged || !slices.Contains(codes(r), "zip.member.size") {
		t.Errorf("more content than declared: %v %v", r.Verdict, r.Findings)
	}
}

func TestSiblingsOfDamage(t *testing.T) {
	good := fixture(t, "doc.odt")
	r := rand.New(rand.NewSource(11))
	seen := 0
	for range 400 {
		p := bytes.Clone(good)
		at := r.Intn(len(p) - 40)
		r.Read(p[at : at+1+r.Intn(32)])
		if !startsArchive(p) {
			continue
		}
		for _, f := range judge(t, p).Findings {
			if f.Code == "zip.members" && f.Args["total"] != "0" {
				seen++
				if f.Args["good"] == "0" {
					t.Errorf("damage at %d hides every member: %v", at, f)
				}
			}
		}
	}
	if seen < 200 {
		t.Errorf("only %d of 400 damaged archives were told as such", seen)
	}
}

func TestDamageNamesItsByte(t *testing.T) {
	p := fixture(t, "7z.zip")
	z, err := zip.NewReader(bytes.NewReader(p), int64(len(p)))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range z.File {
		off, err := f.DataOffset()
		if err != nil {
			t.Fatal(err)
		}
		q := bytes.Clone(p)
		q[off+int64(f.CompressedSize64)/2] ^= 0x55
		r := judge(t, q)
		if r.Verdict != filetype.Damaged || r.GoodUntil < off || r.GoodUntil > off+int64(f.CompressedSize64) || r.Size != int64(len(p)) {
			t.Errorf("%s: %v, good until %d of %d, expected in %d+%d", f.Name, r.Verdict, r.GoodUntil, r.Size, off, f.CompressedSize64)
		}
		if r.Findings[0].Text != "2 of 3 members are whole" {
			t.Errorf("%s: %v", f.Name, r.Findings)
		}
	}
}

// TestTailAndPrefix: an archive seen from its second member, and one that counts from the start of a program.
func TestTailAndPrefix(t *testing.T) {
	p := fixture(t, "python.jar")
	second := bytes.Index(p[4:], []byte("PK\x03\x04")) + 4
	r := judge(t, p[second:])
	if r.Verdict != filetype.Damaged || !slices.Contains(codes(r), "zip.tail") {
		t.Errorf("tail: %v %v", r.Verdict, r.Findings)
	}
	var b bytes.Buffer
	program := bytes.Repeat([]byte("program"), 1000)
	b.Write(program)
	z := zip.NewWriter(&b)
	z.SetOffset(int64(len(program)))
	w, _ := z.Create("a")
	w.Write([]byte("content of a member"))
	z.Close()
	r = judge(t, b.Bytes()[len(program):])
	if r.Verdict != filetype.Consistent || !slices.Contains(codes(r), "zip.prefixed") {
		t.Errorf("prefixed: %v %v", r.Verdict, r.Findings)
	}
}

func TestSigningBlock(t *testing.T) {
	p := fixture(t, "python.jar")
	at := bytes.Index(p, []byte("PK\x01\x02"))
	payload := bytes.Repeat([]byte{7}, 500)
	n := binary.LittleEndian.AppendUint64(nil, uint64(len(payload)+24))
	sign := slices.Concat(n, payload, n, []byte(signingMagic))
	q := slices.Concat(p[:at], sign, p[at:])
	e := len(q) - endSize
	binary.LittleEndian.PutUint32(q[e+16:], uint32(at+len(sign)))
	r := judge(t, q)
	if r.Verdict != filetype.Consistent || !slices.Contains(codes(r), "zip.signing-block") || r.Size != int64(len(q)) {
		t.Errorf("%v %v", r.Verdict, r.Findings)
	}
}

// TestAttributesAreNotProven: a document with permissions, which no check covers, is not Proven.
func TestAttributesAreNotProven(t *testing.T) {
	p := fixture(t, "python.epub")
	at := bytes.Index(p, []byte("PK\x01\x02"))
	for _, field := range []int{36, 38, 41} {
		q := bytes.Clone(p)
		q[at+field] ^= 0x20
		if r := judge(t, q); r.Verdict != filetype.Consistent {
			t.Errorf("byte %d of the directory: %v", field, r.Verdict)
		}
	}
}

// TestEveryFlipOfADocument turns every bit of a document: none may stay Proven outside of Uncovered.
func TestEveryFlipOfADocument(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	p := fixture(t, "python.epub")
	for i := range len(p) * 8 {
		q := bytes.Clone(p)
		q[i/8] ^= 1 << (i % 8)
		r, err := examine(context.Background(), block.Bytes(q))
		if err == nil && r.Verdict == filetype.Proven && !r.Uncovered.Has(int64(i/8)) {
			t.Errorf("bit %d of byte %d turned: proven", i%8, i/8)
		}
	}
}

func FuzzExamine(f *testing.F) {
	for _, x := range fixtures {
		f.Add(fixture(f, x.name))
	}
	f.Add(overlapping(20))
	f.Fuzz(func(t *testing.T, p []byte) { filetypetest.Fuzz(t, Formats()[0], p) })
}
