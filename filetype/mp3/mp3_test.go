package mp3

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"strings"
	"testing"

	"salvor/block"
	"salvor/filetype"
	"salvor/filetype/filetypetest"
)

func files(t testing.TB) map[string][]byte {
	return filetypetest.Load(t, os.DirFS("testdata"), "*.mp[23]")
}

// frameEnds returns where the frames of p end, with the places of up to limit bytes behind each, which cannot be told
// from bytes that are none of the file.
func frameEnds(p []byte, off int) (ends []int64) {
	for off+4 <= len(p) {
		h, ok := parseHeader(p[off:])
		if !ok {
			break
		}
		off += h.size
		ends = append(ends, int64(off), int64(off+1))
	}
	return append(ends, int64(off+2))
}

func TestSuite(t *testing.T) {
	titles := map[string]string{"tone.mp3": "A tone", "cover.mp3": "A tone", "v1.mp3": "Old tag", "vbr.mp3": "Protected"}
	var samples []filetypetest.Sample
	for name, data := range files(t) {
		s := filetypetest.Sample{Name: name, Data: data, Verdict: filetype.Consistent, Title: titles[name], Extension: name[len(name)-3:], Head: 30}
		switch name {
		case "v1.mp3", "bare.mp3", "layer2.mp2":
			s.Ends, s.Loose, s.Head = frameEnds(data, 0), name != "v1.mp3", 1000
		case "vbr.mp3": // the tag at the end of a file that is complete without
			s.Ends = []int64{int64(len(data)) - 128, int64(len(data)) - 127, int64(len(data)) - 126}
		}
		samples = append(samples, s)
	}
	filetypetest.Run(t, Formats()[0], samples)
}

func examine(t testing.TB, data []byte) (filetype.Report, error) {
	t.Helper()
	r, err := Formats()[0].Examine(t.Context(), block.Bytes(data))
	if err == nil {
		if err := filetypetest.Check(Formats()[0], block.Bytes(data), r); err != nil {
			t.Error(err)
		}
	}
	return r, err
}

func TestHeaders(t *testing.T) {
	tests := []struct {
		bits    uint32
		size    int
		rate    uint32
		samples uint32
	}{
		{0xFFFB9064, 417, 44100, 1152}, {0xFFFB9264, 418, 44100, 1152}, {0xFFF340C4, 104, 22050, 576}, {0xFFFDC400, 768, 48000, 1152},
		{0xFFFF9004, 312, 44100, 384}, {0xFFE348C4, 288, 8000, 576}, {0xFFFBF064, 0, 0, 0}, {0xFFEB9064, 0, 0, 0}, {0xFFFB9C64, 0, 0, 0},
		{0xFFF99064, 0, 0, 0}, {0xFEFB9064, 0, 0, 0}, {0xFFFB0064, 0, 0, 0}, {0xFFFB9066, 0, 0, 0},
	}
	for _, tt := range tests {
		h, ok := parseHeader(binary.BigEndian.AppendUint32(nil, tt.bits))
		if ok != (tt.size > 0) || ok && (h.size != tt.size || h.rate != tt.rate || h.samples != tt.samples) {
			t.Errorf("%08x: %+v %v", tt.bits, h, ok)
		}
	}
}

// A file whose header tells of more frames is cut or broken, and says how long it plays.
func TestAnnounced(t *testing.T) {
	p := files(t)["tone.mp3"]
	r, err := examine(t, p[:len(p)/2])
	if err != nil || r.Verdict != filetype.Partial || !strings.HasPrefix(r.Findings[0].Text, "plays 0:00–0:0") || r.Size != int64(len(p)) {
		t.Errorf("%v of %d: %v %v", r.Verdict, r.Size, r.Findings, err)
	}
	q := bytes.Clone(p)
	copy(q[len(q)/2:], bytes.Repeat([]byte{0x55}, 512))
	if r, err = examine(t, q); err != nil || r.Verdict != filetype.Damaged || r.GoodUntil > int64(len(q)/2+200) {
		t.Errorf("%v good until %d: %v %v", r.Verdict, r.GoodUntil, r.Findings, err)
	}
}

// The check of the encoder over all frames is computed, unless a program is known to have changed them.
func TestMusic(t *testing.T) {
	p := bytes.Clone(files(t)["tone.mp3"])
	p[len(p)-20] ^= 4
	r, err := examine(t, p)
	if err != nil || r.Verdict != filetype.Damaged || r.Findings[0].Code != "mp3.checksum" || r.Size != int64(len(p)) {
		t.Errorf("%v %v %v", r.Verdict, r.Findings, err)
	}
	body := "\x06\x00\x00\x00\x00\x00\x00\x00MP3GAIN_MINMAX\x00100,200"
	le := func(n int) string { return string(binary.LittleEndian.AppendUint32(nil, uint32(n))) }
	ape := "APETAGEX" + le(2000) + le(len(body)+32) + le(1) + le(-0x80000000|1<<29) + "\x00\x00\x00\x00\x00\x00\x00\x00" + body
	ape += "APETAGEX" + le(2000) + le(len(body)+32) + le(1) + le(-0x80000000) + "\x00\x00\x00\x00\x00\x00\x00\x00"
	r, err = examine(t, append(p, ape...))
	if err != nil || r.Verdict != filetype.Consistent || r.Findings[0].Code != "mp3.changed" || r.Size != int64(len(p)+len(ape)) {
		t.Errorf("%v of %d: %v %v", r.Verdict, r.Size, r.Findings, err)
	}
}

// A CRC in a frame is computed.
func TestProtected(t *testing.T) {
	p := bytes.Clone(files(t)["vbr.mp3"])
	at := len(p) / 2
	for h, ok := parseHeader(p[at:]); !ok || !h.sum || h.size > 1000; h, ok = parseHeader(p[at:]) {
		at++
	}
	p[at+10] ^= 1
	if r, err := examine(t, p); err != nil || r.Verdict != filetype.Damaged || r.GoodUntil != int64(at) {
		t.Errorf("%v good until %d, expected %d: %v %v", r.Verdict, r.GoodUntil, at, r.Findings, err)
	}
}

// A stream that begins in the middle is taken as a file of its own only where it is not carved.
func TestMiddle(t *testing.T) {
	p := files(t)["bare.mp3"]
	ends := frameEnds(p, 0)
	leaning := 0
	for i := 0; i+20 < len(ends); i += 2 {
		h, _ := parseHeader(p[ends[i]:])
		_, err := examine(t, p[ends[i]:])
		if h.leans(p[ends[i]:]) != errors.Is(err, filetype.ErrNot) {
			t.Errorf("frame %d: %v", i, err)
		}
		if h.leans(p[ends[i]:]) {
			leaning++
		}
		if r, err := Formats()[1].Examine(t.Context(), block.Bytes(p[ends[i]:])); err != nil || r.Verdict != filetype.Consistent {
			t.Errorf("frame %d: %v %v", i, r.Verdict, err)
		}
	}
	if leaning == 0 {
		t.Error("no frame leans on those before it")
	}
}

func TestShapes(t *testing.T) {
	p := files(t)["tone.mp3"]
	bare := files(t)["bare.mp3"]
	tests := []struct {
		name    string
		p       []byte
		verdict filetype.Verdict
		not     bool
	}{
		{"zeros behind the tag", append(append(bytes.Clone(p[:104]), make([]byte, 500)...), p[104:]...), filetype.Consistent, false},
		{"a tag and nothing of sound", append(bytes.Clone(p[:104]), bytes.Repeat([]byte("FLAC"), 99)...), 0, true},
		{"a tag alone", p[:104], filetype.Partial, false},
		{"three frames", bare[:frameEnds(bare, 0)[4]], 0, true},
		{"another kind of frames behind", append(bytes.Clone(bare), files(t)["layer2.mp2"]...), filetype.Partial, false},
		{"a fill behind", append(bytes.Clone(bare), bytes.Repeat([]byte{0}, 3000)...), filetype.Consistent, false},
	}
	for _, tt := range tests {
		r, err := examine(t, tt.p)
		if (err == filetype.ErrNot) != tt.not || r.Verdict != tt.verdict {
			t.Errorf("%s: %v %v %v", tt.name, r.Verdict, r.Findings, err)
		}
	}
}

func TestPreview(t *testing.T) {
	f := Formats()[0]
	for name, want := range map[string]string{"tone.mp3": "0:02", "v1.mp3": "0:01"} {
		p, err := f.Preview(t.Context(), block.Bytes(files(t)[name]))
		if err != nil || p.Facts[0].Name != "Sound" || p.Facts[1].Value != want {
			t.Errorf("%s: %v %v", name, p.Facts, err)
		}
	}
	m, err := f.Thumbnail(t.Context(), block.Bytes(files(t)["cover.mp3"]), 10)
	if err != nil || m.Bounds().Dx() != 32 {
		t.Errorf("%v", err)
	}
	if _, err := f.Thumbnail(t.Context(), block.Bytes(files(t)["bare.mp3"]), 10); err != filetype.ErrNot {
		t.Errorf("%v", err)
	}
}

func FuzzExamine(f *testing.F) {
	for _, data := range files(f) {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		filetypetest.Fuzz(t, Formats()[0], data)
		filetypetest.Fuzz(t, Formats()[1], data)
	})
}

func BenchmarkExamine(b *testing.B) {
	for _, name := range []string{"tone.mp3", "v1.mp3"} {
		data := files(b)[name]
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				if _, err := Formats()[0].Examine(b.Context(), block.Bytes(data)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
