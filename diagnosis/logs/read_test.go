package logs

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf16"
)

// found is a line as the blocks give it.
type found struct {
	text           string
	offset, length int64
	number         int64
	when           int64
}

// all reads an input, and joins the blocks' own lines; lines that go over blocks come in pieces.
func all(t *testing.T, r io.Reader) []found {
	t.Helper()
	list, err := gather(r)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func gather(r io.Reader) ([]found, error) {
	var list []found
	err := Read(context.Background(), r, func(b *Block) error {
		for at := b.From; at < b.To; {
			end := b.To
			if i := bytes.IndexByte(b.Text[at:b.To], '\n'); i >= 0 {
				end = at + i
			}
			f := found{text: string(b.Text[at:end])}
			f.offset, f.length, f.number = b.Place(at, end)
			if w := b.When(at); !w.IsZero() {
				f.when = w.UnixMicro()
			}
			list = append(list, f)
			at = end + 1
		}
		b.Free()
		return nil
	})
	return list, err
}

func encode16(order binary.AppendByteOrder, s string) []byte {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		b = order.AppendUint16(b, u)
	}
	return b
}

func pack(b []byte) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	_, _ = z.Write(b)
	_ = z.Close()
	return out.Bytes()
}

func TestEncodings(t *testing.T) {
	text := "first line of the log\nGröße überschritten\n\nlast line"
	latin := make([]byte, 0, len(text))
	for _, r := range text {
		latin = append(latin, byte(r))
	}
	for _, c := range []struct {
		name string
		in   []byte
		// offset of the second and the last line
		second, last int64
	}{
		{"UTF-8", []byte(text), 22, 46},
		{"Latin-1", latin, 22, 43},
		{"UTF-16 LE with a mark", append([]byte{0xff, 0xfe}, encode16(binary.LittleEndian, text)...), 2 + 44, 2 + 86},
		{"UTF-16 BE", encode16(binary.BigEndian, text), 44, 86},
		{"UTF-16 LE", encode16(binary.LittleEndian, text), 44, 86},
		{"packed", pack([]byte(text)), 22, 46},
		{"packed twice", pack(pack([]byte(text))), 22, 46},
	} {
		t.Run(c.name, func(t *testing.T) {
			list := all(t, bytes.NewReader(c.in))
			var lines []string
			for _, f := range list {
				lines = append(lines, f.text)
			}
			if strings.Join(lines, "\n") != text {
				t.Fatalf("%q", lines)
			}
			if list[1].offset != c.second || list[1].number != 2 || list[3].offset != c.last || list[3].number != 4 {
				t.Errorf("%+v", list)
			}
		})
	}
}

func TestCleaning(t *testing.T) {
	in := "\x1b[1;31mERR\x1b[0mOR: bad\r\nnul\x00s in\x00side\ntyy\bped\n\x1b]0;title\x07after\n\x1b[2Kprogress 10%\rprogress 20%\nplain \x1b"
	want := []string{"ERROR: bad", "nuls inside", "typed", "after", "progress 10%\rprogress 20%", "plain "}
	list := all(t, strings.NewReader(in))
	if len(list) != len(want) {
		t.Fatalf("%+v", list)
	}
	for i, f := range list {
		if f.text != want[i] {
			t.Errorf("line %d: %q, want %q", i+1, f.text, want[i])
		}
		raw := in[f.offset : f.offset+f.length]
		if string(bytes.TrimSuffix(appendClean(nil, []byte(raw)), []byte("\r"))) != f.text {
			t.Errorf("line %d stands at %q", i+1, raw)
		}
	}
}

func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{
		"plain\r\n":            "plain",
		"a\tb\x01c":            "a b\ufffdc",
		"Gr\xf6\xdfe is wrong": "Größe is wrong",
		"Größe":                "Größe",
		"\x80\x81garbage":      "\ufffd\ufffdgarbage",
		"\x1b[31mred\x1b[0m":   "red",
	} {
		if got := Printable([]byte(in), 100); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	if got := Printable([]byte("ääää"), 5); got != "ää" && got != "ä" {
		t.Errorf("cut: %q", got)
	}
}

// The place of every line of a long input is that of its bytes, also where blocks meet.
func TestPlaces(t *testing.T) {
	var b bytes.Buffer
	for i := 0; b.Len() < 5*blockSize/2; i++ {
		fmt.Fprintf(&b, "line %d %s\n", i+1, strings.Repeat("x", i%301))
	}
	in := b.Bytes()
	for _, reader := range []io.Reader{bytes.NewReader(in), iotest.HalfReader(bytes.NewReader(in))} {
		list := all(t, reader)
		for i, f := range list {
			if f.number != int64(i+1) || !strings.HasPrefix(f.text, fmt.Sprintf("line %d ", i+1)) || string(in[f.offset:f.offset+f.length]) != f.text {
				t.Fatalf("line %d: %+v", i+1, f)
			}
		}
	}
}

// A line longer than blocks comes in pieces, each of its bytes once, and the lines behind it count on.
func TestLongLine(t *testing.T) {
	for _, escape := range []string{"", "\x1b[0m"} {
		long := strings.Repeat("0123456789abcde"+escape+"f", 3*blockSize/16+77)
		in := "head\n" + long + "\ntail\n"
		list := all(t, strings.NewReader(in))
		var joined strings.Builder
		for _, f := range list[1 : len(list)-1] {
			if f.number != 2 {
				t.Fatalf("number %d", f.number)
			}
			joined.WriteString(f.text)
		}
		if joined.String() != strings.Repeat("0123456789abcdef", 3*blockSize/16+77) {
			t.Errorf("%d bytes of %d", joined.Len(), len(long))
		}
		if last := list[len(list)-1]; last.text != "tail" || last.number != 3 || in[last.offset:last.offset+4] != "tail" {
			t.Errorf("%+v", last)
		}
	}
}

func TestErrors(t *testing.T) {
	boom := errors.New("boom")
	list, err := gather(io.MultiReader(strings.NewReader("one\ntwo\n"), iotest.ErrReader(boom)))
	if !errors.Is(err, boom) || len(list) != 2 {
		t.Errorf("%v, %+v", err, list)
	}
	packed := pack([]byte(strings.Repeat("some text to pack, and more of it\n", 9999)))
	list, err = gather(bytes.NewReader(packed[:len(packed)/2]))
	if err == nil || len(list) == 0 {
		t.Errorf("half a packed file: %v, %d lines", err, len(list))
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := Read(ctx, strings.NewReader("x"), func(*Block) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if list := all(t, strings.NewReader("")); len(list) != 0 {
		t.Errorf("%+v", list)
	}
}
