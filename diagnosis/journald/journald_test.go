package journald_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/pierrec/lz4/v4"
	"github.com/ulikunitz/xz"

	"salvor/block"
	"salvor/cursor"
	"salvor/diagnosis/journald"
	"salvor/diagnosis/logs"
)

func fixture(t testing.TB, name string) []byte {
	t.Helper()
	f, err := os.Open("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// lines reads a journal as diagnosis/logs sees it, with the places of its lines in the file.
func lines(t testing.TB, b []byte) (text []string, places []journald.Entry) {
	t.Helper()
	j := journald.Open(context.Background(), block.Bytes(b))
	var offsets []int64
	err := logs.Read(context.Background(), j, func(x *logs.Block) error {
		for at := 0; at < len(x.Text); {
			end := at + bytes.IndexByte(x.Text[at:], '\n')
			if end < at {
				end = len(x.Text)
			}
			offset, _, _ := x.Place(at, end)
			text, offsets = append(text, string(x.Text[at:end])), append(offsets, offset)
			at = end + 1
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range offsets {
		e, ok := j.Entry(o)
		if !ok {
			t.Fatalf("no entry at %d", o)
		}
		places = append(places, e)
	}
	return text, places
}

func TestReal(t *testing.T) {
	for _, name := range []string{"zstd.journal.gz", "compact.journal.gz"} {
		b := fixture(t, name)
		text, places := lines(t, b)
		if len(text) != 40 {
			t.Fatalf("%s: %d lines", name, len(text))
		}
		if want := "rauc[412]: Compatible mismatch: Expected 'acme,gw' but bundle manifest has 'acme,hub'"; text[20] != want {
			t.Errorf("%s: line 20 is %q", name, text[20])
		}
		if !strings.HasPrefix(text[30], "app[412]: long word0") || !strings.HasSuffix(text[30], "end-of-long") || !places[30].Packed {
			t.Errorf("%s: line 30 is %q, %+v", name, text[30], places[30])
		}
		for i, p := range places {
			if p.Packed {
				continue
			}
			_, message, _ := strings.Cut(text[i], ": ")
			if got := string(b[p.Offset : p.Offset+p.Length]); got != message {
				t.Errorf("%s: at %d of the file stands %q, expected %q", name, p.Offset, got, message)
			}
		}
	}
}

// object builds an object of the format.
func object(kind, flags byte, body []byte) []byte {
	b := make([]byte, 16, 16+len(body)+8)
	b[0], b[1] = kind, flags
	binary.LittleEndian.PutUint64(b[8:], uint64(16+len(body)))
	b = append(b, body...)
	for len(b)%8 != 0 {
		b = append(b, 0)
	}
	return b
}

// build makes a journal with one entry, whose message is stored as flags say.
func build(flags byte, payload []byte) []byte {
	b := make([]byte, 264)
	copy(b, "LPKSHHRH")
	binary.LittleEndian.PutUint64(b[88:], 264)
	at := len(b)
	b = append(b, object(1, flags, append(make([]byte, 48), payload...))...)
	entry := make([]byte, 48)
	binary.LittleEndian.PutUint64(entry[8:], 1_700_000_000_000_000)
	entry = binary.LittleEndian.AppendUint64(entry, uint64(at))
	entry = binary.LittleEndian.AppendUint64(entry, 0)
	b = append(b, object(3, 0, entry)...)
	binary.LittleEndian.PutUint64(b[96:], uint64(len(b)-264))
	return b
}

func TestCompressions(t *testing.T) {
	message := "MESSAGE=" + strings.Repeat("a message that repeats, ", 100) + "end"
	packed := make([]byte, lz4.CompressBlockBound(len(message)))
	n, err := lz4.CompressBlock([]byte(message), packed, nil)
	if err != nil || n == 0 {
		t.Fatal(n, err)
	}
	var x bytes.Buffer
	w, err := xz.NewWriter(&x)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, message); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{
		"none": build(0, []byte(message)),
		"LZ4":  build(2, append(binary.LittleEndian.AppendUint64(nil, uint64(len(message))), packed[:n]...)),
		"XZ":   build(1, x.Bytes()),
	} {
		text, _ := lines(t, b)
		if len(text) != 1 || text[0] != strings.TrimPrefix(message, "MESSAGE=") {
			t.Errorf("%s: %q", name, text)
		}
	}
	// A message that unpacks to more than is kept, and ones that do not unpack.
	huge := build(2, append(binary.LittleEndian.AppendUint64(nil, 1<<40), 0x1f, 'M', 1, 0, 255, 255, 255, 255, 255, 255, 0, 0x50, 'a', 'b', 'c', 'd', 'e'))
	for name, b := range map[string][]byte{"a bomb": huge, "half": build(2, []byte{1, 2}), "no XZ": build(1, []byte("nothing")), "two ways": build(3, []byte("x"))} {
		if text, _ := lines(t, b); len(text) != 0 {
			t.Errorf("%s: %q", name, text)
		}
	}
}

func TestRefused(t *testing.T) {
	good := build(0, []byte("MESSAGE=x"))
	for name, change := range map[string]func([]byte) []byte{
		"another file":  func(b []byte) []byte { copy(b, "XXXX"); return b },
		"a flag":        func(b []byte) []byte { b[13] = 1; return b },
		"a header":      func(b []byte) []byte { b[88] = 1; return b },
		"half a header": func(b []byte) []byte { return b[:100] },
	} {
		_, err := io.ReadAll(journald.Open(context.Background(), block.Bytes(change(slices.Clone(good)))))
		if _, ok := cursor.IsCorrupt(err); !ok {
			t.Errorf("%s: %v", name, err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := io.ReadAll(journald.Open(ctx, block.Bytes(good))); err == nil {
		t.Error("the context is not obeyed")
	}
}

// What is broken hides nothing that stands elsewhere: at least the entries of which no byte was changed, and whose data
// was not, are found.
func TestDamage(t *testing.T) {
	whole := fixture(t, "zstd.journal.gz")
	end := len(bytes.TrimRight(whole, "\x00"))
	r := rand.New(rand.NewPCG(3, 4))
	least := 40
	for range 100 {
		b := slices.Clone(whole)
		for range 3 {
			at := 264 + r.IntN(end-264)
			for i := range min(16, end-at) {
				b[at+i] = byte(r.IntN(256))
			}
		}
		text, _ := lines(t, b)
		known := 0
		for _, l := range text {
			if strings.Contains(l, "ordinary message number") || strings.Contains(l, "Compatible mismatch") || strings.Contains(l, "long word0") {
				known++
			}
		}
		least = min(least, known)
	}
	if least < 30 {
		t.Errorf("three places of damage left %d entries of 40", least)
	}
	for cut := 264; cut < end; cut += 4093 {
		lines(t, whole[:cut])
	}
}

func FuzzJournal(f *testing.F) {
	f.Add(build(0, []byte("MESSAGE=x")))
	f.Add(build(2, append(binary.LittleEndian.AppendUint64(nil, 9), 0x90, 'M', 'E', 'S', 'S', 'A', 'G', 'E', '=', 'x')))
	f.Fuzz(func(t *testing.T, b []byte) {
		n, err := io.Copy(io.Discard, journald.Open(context.Background(), block.Bytes(b)))
		if n > 0 && err != nil {
			t.Fatal(fmt.Errorf("%d bytes, and %w", n, err))
		}
	})
}
