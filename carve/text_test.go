package carve_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"salvor/block"
	"salvor/block/blocktest"
	"salvor/block/probe"
	"salvor/carve"
	"salvor/filetype"
	textformat "salvor/filetype/text"
)

// textTable has a format without signature that takes every valid UTF-8, and one with a signature.
func textTable(t testing.TB) *filetype.Table {
	return tableOf(t, filetype.Format{Name: "plain", Class: filetype.Text, Ceiling: filetype.Consistent,
		Examine: func(ctx context.Context, src block.Source) (filetype.Report, error) {
			p := make([]byte, src.Size())
			n, err := src.ReadAt(p, 0)
			if ctx.Err() != nil {
				return filetype.Report{}, ctx.Err()
			}
			if n < len(p) && err != nil || !utf8.Valid(p) {
				return filetype.Report{}, filetype.ErrNot
			}
			return filetype.Report{Verdict: filetype.Consistent, Size: src.Size(), GoodUntil: src.Size()}, nil
		}},
		filetype.Format{Name: "pdf", Class: filetype.Document, Ceiling: filetype.Proven, Carve: true, Signatures: []probe.Probe{{ID: "pdf.head", Bytes: []byte("%PDF-")}},
			Examine: func(_ context.Context, src block.Source) (filetype.Report, error) {
				return filetype.Report{Verdict: filetype.Consistent, Size: src.Size(), GoodUntil: src.Size()}, nil
			}})
}

// prose returns n bytes of lines of words.
func prose(seed uint64, n int) []byte {
	rnd := rand.New(rand.NewPCG(seed, 4))
	words := strings.Fields("the gateway lost its network after an update and the log says größe 温度 sensor=21.5 state;ok retry, value: never (42)")
	var b bytes.Buffer
	for line := 0; b.Len() < n; b.WriteString(words[rnd.IntN(len(words))]) {
		if b.Len()-line > 60 {
			b.WriteByte('\n')
			line = b.Len()
		} else if b.Len() > 0 {
			b.WriteByte(' ')
		}
	}
	p := b.Bytes()[:n]
	for !utf8.Valid(p) {
		p = append(p[:len(p)-1], '.')
		for i := len(p) - 1; i >= 0 && !utf8.Valid(p); i-- {
			p[i] = '.'
		}
	}
	return p
}

func json(n int) []byte {
	var b bytes.Buffer
	b.WriteString(`{"device": "gw-100", "values": [`)
	for i := 0; b.Len() < n; i++ {
		fmt.Fprintf(&b, "%d, ", i*7)
	}
	b.WriteString("0]}\n")
	return b.Bytes()
}

func TestText(t *testing.T) {
	const size = 3 << 20
	long := prose(1, 1500000)
	exact := prose(2, 4096)
	tests := []struct {
		name  string
		files map[int][]byte
		fill  byte // of the sector that the file ends in, and of the rest of the medium where noise is false
		noise bool
		free  block.Set
		bad   []block.Extent
		want  []want
	}{
		{name: "prose", files: map[int][]byte{4096: prose(3, 5000)}, want: []want{{"plain", 4096, 5000, filetype.Consistent}}},
		{name: "in noise", noise: true, files: map[int][]byte{4096: append(prose(3, 5000), make([]byte, 120)...)}, want: []want{{"plain", 4096, 5000, filetype.Consistent}}},
		{name: "in erased flash", fill: 0xFF, files: map[int][]byte{4096: prose(3, 5000)}, want: []want{{"plain", 4096, 5000, filetype.Consistent}}},
		{name: "at the start", files: map[int][]byte{0: prose(4, 700)}, want: []want{{"plain", 0, 700, filetype.Consistent}}},
		{name: "long", files: map[int][]byte{512: long}, want: []want{{"plain", 512, int64(len(long)), filetype.Consistent}}},
		{name: "whole sectors", files: map[int][]byte{8192: exact}, want: []want{{"plain", 8192, 4096, filetype.Consistent}}},
		{name: "neighbours", files: map[int][]byte{8192: prose(5, 3900), 12288: prose(6, 600)}, want: []want{{"plain", 8192, 3900, filetype.Consistent}, {"plain", 12288, 600, filetype.Consistent}}},
		{name: "short", files: map[int][]byte{8192: prose(5, 511)}},
		{name: "short JSON", files: map[int][]byte{8192: json(100)}, want: []want{{"plain", 8192, int64(len(json(100))), filetype.Consistent}}},
		{name: "very short JSON", files: map[int][]byte{8192: []byte(`{"a": [1, 2, 3]}`)}},
		{name: "short JSON that breaks", files: map[int][]byte{8192: json(100)[:90]}},
		{name: "not at a sector", files: map[int][]byte{8192 + 7: prose(5, 400)}},
		{name: "ends in noise", noise: true, files: map[int][]byte{8192: prose(5, 3000)}},
		{name: "behind a sector of text that is cut", noise: true, files: map[int][]byte{8192: slicesConcat(prose(5, 2*512), []byte{1}, prose(6, 2*512-1), prose(7, 900), make([]byte, 124))}},
		{name: "a wrong byte", files: map[int][]byte{8192: slicesConcat(prose(5, 3000), []byte{0xC3, '.'}, prose(6, 100))}},
		{name: "one byte only", files: map[int][]byte{8192: bytes.Repeat([]byte("U"), 3000)}},
		{name: "a pattern", files: map[int][]byte{8192: bytes.Repeat([]byte("abcdefgh"), 400)}},
		{name: "of another format", files: map[int][]byte{8192: append([]byte("%PDF-1.4\n"), prose(5, 3000)...)}},
		{name: "only in free space", files: map[int][]byte{8192: prose(5, 3000), 65536: prose(6, 3000)}, free: block.SetOf(block.Between(65536, size)),
			want: []want{{"plain", 65536, 3000, filetype.Consistent}}},
		{name: "goes on into owned space", files: map[int][]byte{8192: prose(5, 30000)}, free: block.SetOf(block.Between(0, 16384)), want: []want{{"plain", 8192, 8192, filetype.Partial}}},
		{name: "comes out of owned space", files: map[int][]byte{8192: prose(5, 30000)}, free: block.SetOf(block.Between(16384, size))},
		{name: "free space that is no multiple", files: map[int][]byte{8192: prose(5, 3000)}, free: block.SetOf(block.Between(8000, 8193), block.Between(8193, 9000)),
			want: nil},
		{name: "unreadable inside", files: map[int][]byte{8192: prose(5, 3000), 65536: prose(6, 3000)}, bad: []block.Extent{{Offset: 9000, Length: 1}},
			want: []want{{"plain", 65536, 3000, filetype.Consistent}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			data := bytes.Repeat([]byte{tt.fill}, size)
			if tt.noise {
				data = random(11, size)
			}
			for at, f := range tt.files {
				copy(data[at:], f)
			}
			if tt.free.Empty() {
				tt.free = block.SetOf(block.Between(0, size+5000))
			}
			src := blocktest.Faulty(block.Bytes(data), blocktest.Bad(tt.bad...))
			var found []carve.Found
			stats, err := carve.Text(t.Context(), carve.TextOptions{Source: src, Free: tt.free, Table: textTable(t),
				Emit: func(f carve.Found) error { found = append(found, f); return nil }})
			if err != nil {
				t.Fatal(err)
			}
			compare(t, found, tt.want)
			if stats.Found != len(tt.want) || stats.Failed != 0 || stats.Examined != stats.Found+stats.Chance {
				t.Errorf("%+v", stats)
			}
		})
	}
}

func slicesConcat(p ...[]byte) []byte { return bytes.Join(p, nil) }

func TestTextStops(t *testing.T) {
	data := make([]byte, 1<<20)
	for at := 0; at < len(data); at += 4096 {
		copy(data[at:], prose(uint64(at), 1000))
	}
	o := carve.TextOptions{Source: block.Bytes(data), Free: block.SetOf(block.Between(0, 1<<20)), Table: textTable(t)}
	boom, n := errors.New("boom"), 0
	o.Emit = func(carve.Found) error {
		if n++; n == 3 {
			return boom
		}
		return nil
	}
	if _, err := carve.Text(t.Context(), o); !errors.Is(err, boom) || n != 3 {
		t.Errorf("%v after %d", err, n)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := carve.Text(ctx, o); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func BenchmarkText(b *testing.B) {
	for _, m := range []struct {
		name string
		data []byte
	}{{"zeros", make([]byte, 16<<20)}, {"noise", random(12, 16<<20)}} {
		b.Run(m.name, func(b *testing.B) {
			b.SetBytes(int64(len(m.data)))
			table, err := filetype.NewTable(nil)
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				if _, err := carve.Text(b.Context(), carve.TextOptions{Source: block.Bytes(m.data), Free: block.SetOf(block.Between(0, 16<<20)), Table: table}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// A text whose last sector is filled up with old data ends with its last line; encoded data without words is none.
func TestTextBeforeOldData(t *testing.T) {
	text := append(prose(3, 5000), '\n')
	old := random(9, 4096)
	old[0] = 0
	data := slicesConcat(make([]byte, 4096), text, old[:(8192-len(text))%4096], make([]byte, 4096), bytes.Repeat([]byte("oFfy199mVL7pprP06JOqgQlURaqymcYhn4GPdGUlh\n"), 100), make([]byte, 4096))
	var found []carve.Found
	stats, err := carve.Text(t.Context(), carve.TextOptions{Source: block.Bytes(data), Free: block.SetOf(block.Between(0, int64(len(data)))), Table: tableOf(t, textformat.Formats()...),
		Emit: func(f carve.Found) error { found = append(found, f); return nil }})
	if err != nil || len(found) != 1 || found[0].Offset != 4096 || found[0].Size != int64(len(text)) {
		t.Errorf("%+v, %+v, %v; want %d bytes at 4096", found, stats, err, len(text))
	}
}

// Text in the encodings that there are, and the ways in which one ends, each in a medium of noise.
func TestTextEnds(t *testing.T) {
	wide := func(s string) []byte {
		out := []byte{0xFF, 0xFE}
		for _, c := range s {
			out = append(out, byte(c), byte(c>>8))
		}
		return out
	}
	plain := strings.Repeat("The keeper cleaned the lamp and wrote it down.\n", 200)
	latin := strings.ReplaceAll(plain, "lamp", "gr\xFCne Lampe")
	for name, c := range map[string]struct {
		text   []byte
		behind string // in the last sector, before noise
		size   int    // 0: all of it
		want   filetype.Verdict
	}{
		"ASCII, old data":           {[]byte(plain), "\xF1\x9Cx\x00", 0, filetype.Consistent},
		"ASCII, a few letters":      {[]byte(plain), "ab\x91\x00", 0, filetype.Consistent},
		"ASCII, zeros":              {[]byte(plain), strings.Repeat("\x00", 512-len(plain)%512), 0, filetype.Consistent},
		"Latin-1, zeros":            {[]byte(latin), strings.Repeat("\x00", 512-len(latin)%512), 0, filetype.Consistent},
		"Latin-1, old data":         {[]byte(latin), "\x91\x80\x00", 0, filetype.Consistent},
		"UTF-16, zeros":             {wide(plain), strings.Repeat("\x00", 512-(2+2*len(plain))%512), 0, filetype.Consistent},
		"UTF-16 of Greek":           {wide(strings.ReplaceAll(plain, "lamp", "λύχνος")), strings.Repeat("\x00", 400), 0, filetype.Consistent},
		"cut in a line at a sector": {[]byte(plain)[:8192], "\x00\x01", 8192, filetype.Partial},
		"JSON without a last line":  {[]byte("[\n" + strings.Repeat(" {\"a\": 1},\n", 400) + " {\"b\": [2, 3]}\n]"), "\xEC\x01", 0, filetype.Consistent},
	} {
		t.Run(name, func(t *testing.T) {
			data := random(77, 256<<10)
			data[8191] = 0
			copy(data[8192:], c.text)
			copy(data[8192+len(c.text):], c.behind)
			if c.size == 0 {
				c.size = len(c.text)
			}
			var found []carve.Found
			_, err := carve.Text(t.Context(), carve.TextOptions{Source: block.Bytes(data), Free: block.SetOf(block.Between(0, int64(len(data)))), Table: tableOf(t, textformat.Formats()...),
				Emit: func(f carve.Found) error { found = append(found, f); return nil }})
			if err != nil || len(found) != 1 || found[0].Offset != 8192 || found[0].Size != int64(c.size) || found[0].Report.Verdict != c.want {
				t.Errorf("%+v, %v; want %d bytes at 8192, %v", found, err, c.size, c.want)
			}
		})
	}
}

// A sentence that begins with a sector like a mailbox does, and text of bytes right behind one of 16-bit units.
func TestTextIsNotSplit(t *testing.T) {
	sentence := []byte(strings.Repeat("We left at dawn, and came back late. ", 400))
	copy(sentence[8192:], "From near the bridge we saw it. ")
	data := make([]byte, 64<<10)
	copy(data[4096:], sentence)
	wide := make([]byte, 8192)
	for i := range wide {
		if i%2 == 0 {
			wide[i] = "a wide line of text "[i/2%20]
		}
	}
	copy(data[32768:], wide)
	copy(data[32768+8192:], sentence[:3000])
	var found []string
	_, err := carve.Text(t.Context(), carve.TextOptions{Source: block.Bytes(data), Free: block.SetOf(block.Between(0, int64(len(data)))), Table: tableOf(t, textformat.Formats()...),
		Emit: func(f carve.Found) error {
			found = append(found, fmt.Sprintf("%d+%d %v", f.Offset, f.Size, f.Report.Verdict))
			return nil
		}})
	if want := fmt.Sprintf("[4096+%d consistent 32768+8192 partial 40960+3000 consistent]", len(sentence)); err != nil || fmt.Sprint(found) != want {
		t.Errorf("%v, %v; want %s", found, err, want)
	}
}

// A mail that begins where a text under way stands in the middle of a line is a file of its own; what comes before is cut.
func TestTextBehindText(t *testing.T) {
	first := []byte(strings.Repeat("The keeper cleaned the lamp, and wrote it down ", 300))[:8192]
	second := []byte("From: ada@example.org\nTo: bo@example.org\nDate: Wed, 11 Feb 2026 08:00:00 -0000\nSubject: Tide\n\n" + strings.Repeat("High at six.\n", 80))
	data := make([]byte, 64<<10)
	copy(data[4096:], first)
	copy(data[4096+8192:], second)
	var found []string
	_, err := carve.Text(t.Context(), carve.TextOptions{Source: block.Bytes(data), Free: block.SetOf(block.Between(0, int64(len(data)))), Table: tableOf(t, textformat.Formats()...),
		Emit: func(f carve.Found) error {
			found = append(found, fmt.Sprintf("%d+%d %v", f.Offset, f.Size, f.Report.Verdict))
			return nil
		}})
	if want := fmt.Sprintf("[4096+8192 partial %d+%d consistent]", 4096+8192, len(second)); err != nil || fmt.Sprint(found) != want {
		t.Errorf("%v, %v; want %s", found, err, want)
	}
}
