package recovery

import (
	"errors"
	"math"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"salvor/block"
	"salvor/cursor"
)

func TestCodecLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := &Entry{ID: "x", Size: rapid.Int64Range(0, math.MaxInt64).Draw(t, "size")}
		e.GoodUntil = rapid.Int64Range(0, e.Size).Draw(t, "good")
		e.Hints.Title = rapid.String().Draw(t, "title")
		e.Times.Modified = time.Unix(rapid.Int64Range(-1<<40, 1<<40).Draw(t, "sec"), rapid.Int64Range(0, 999999999).Draw(t, "nsec")).UTC()
		for i := range rapid.IntRange(0, 6).Draw(t, "runs") {
			r := block.Run{Logical: int64(i) * 100, Length: rapid.Int64Range(1, 100).Draw(t, "length"), Kind: block.RunKind(rapid.IntRange(0, 4).Draw(t, "kind"))}
			if r.Kind.Stands() {
				r.Physical = rapid.Int64Range(0, math.MaxInt64-200).Draw(t, "physical")
			}
			e.Runs = append(e.Runs, r)
			e.Missing.Add(block.Extent{Offset: rapid.Int64Range(0, 1<<50).Draw(t, "missing"), Length: r.Length})
		}
		got := &Entry{ID: "x", Size: e.Size}
		if err := decodeEntry(encodeEntry(e, e.Size), got); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, e) {
			t.Fatalf("got %+v, want %+v", got, e)
		}
	})
}

// A damaged catalogue gives an error that names the entry, never a panic or a huge allocation.
func FuzzDecodeEntry(f *testing.F) {
	full := fullEntry()
	f.Add(encodeEntry(full, full.Size))
	f.Add(encodeEntry(&Entry{}, 0))
	f.Add([]byte{1, tagRuns, 3, 0xff, 0xff, 0x7f})
	f.Add([]byte{2})
	f.Fuzz(func(t *testing.T, b []byte) {
		e := &Entry{ID: "x", Size: 5000}
		if err := decodeEntry(b, e); err != nil {
			var c *cursor.CorruptError
			if !errors.As(err, &c) {
				t.Errorf("%v", err)
			}
			return
		}
		again := &Entry{ID: "x", Size: 5000}
		if err := decodeEntry(encodeEntry(e, e.Size), again); err != nil {
			t.Errorf("what was read cannot be written: %v", err)
		}
	})
}
