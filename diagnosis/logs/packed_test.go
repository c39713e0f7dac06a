package logs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"salvor/internal/need"
)

// packedBy packs text with a tool.
func packedBy(t *testing.T, tool string, text []byte) []byte {
	t.Helper()
	cmd := need.Command(t, tool, "-c")
	cmd.Stdin = bytes.NewReader(text)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestPacked(t *testing.T) {
	var text bytes.Buffer
	for i := range 60_000 {
		fmt.Fprintf(&text, "Nov 21 14:31:%02d gateway app[%d]: line %d of this log\n", i%60, i*7919%30000, i)
	}
	for _, tool := range []string{"gzip", "xz", "zstd", "bzip2", "lz4"} {
		t.Run(tool, func(t *testing.T) {
			b := packedBy(t, tool, text.Bytes())
			check := func(r io.Reader, want []byte, last bool) error {
				t.Helper()
				var got []byte
				ends := 0
				err := Read(context.Background(), r, func(b *Block) error {
					got = append(got, b.Text[b.From:b.To]...)
					if b.Last {
						ends++
					}
					if offset, _, _ := b.Place(0, 0); !b.Unpacked || offset != int64(len(got)-(b.To-b.From)) {
						t.Errorf("a block at %d, unpacked %v", offset, b.Unpacked)
					}
					b.Free()
					return nil
				})
				if !bytes.HasPrefix(want, got) || err == nil && len(got) != len(want) || last && ends != 1 {
					t.Errorf("%d bytes of %d, %d last blocks, %v", len(got), len(want), ends, err)
				}
				return err
			}
			if err := check(iotest.HalfReader(bytes.NewReader(b)), text.Bytes(), true); err != nil {
				t.Error(err)
			}
			if err := check(bytes.NewReader(append(b[:len(b):len(b)], b...)), append(text.Bytes(), text.Bytes()...), true); err != nil {
				t.Error(err) // two streams, as a rotated log is appended to
			}
			if err := check(bytes.NewReader(b[:len(b)*2/3]), text.Bytes(), false); err == nil || !strings.HasPrefix(err.Error(), tool) {
				t.Errorf("a file that breaks off: %v", err)
			}
			boom := errors.New("boom")
			if err := check(io.MultiReader(bytes.NewReader(b[:len(b)/2]), iotest.ErrReader(boom)), text.Bytes(), false); err == nil {
				t.Error("what cannot be read is the end of a log")
			}
			if begin, ok := Unpack(b, 100); !ok || !bytes.Equal(begin, text.Bytes()[:100]) {
				t.Errorf("%q, %v", begin, ok)
			}
		})
	}
}

// No goroutine waits for a receiver that has stopped.
func TestPackedStops(t *testing.T) {
	b := packedBy(t, "gzip", bytes.Repeat([]byte("a line of a log\n"), 1<<20))
	boom := errors.New("boom")
	if err := Read(context.Background(), bytes.NewReader(b), func(*Block) error { return boom }); !errors.Is(err, boom) {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	err := Read(ctx, bytes.NewReader(b), func(*Block) error { cancel(); return nil })
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// Text that begins like a packed file is text.
func TestNotPacked(t *testing.T) {
	for _, head := range []string{"BZh9 is how bzip2 begins", "]\x00\x00 a log", "PK\x03\x04"} {
		if packing([]byte(head)) != nil {
			t.Errorf("%q is packed", head)
		}
		if _, ok := Unpack([]byte(head), 10); ok {
			t.Errorf("%q was unpacked", head)
		}
	}
}
