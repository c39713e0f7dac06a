package container_test

import (
	"context"
	"errors"
	"testing"

	"salvor/block"
	"salvor/block/probe"
	"salvor/container"
	"salvor/cursor"
)

// TestOpen asks the rows that recognise an image, in their order.
func TestOpen(t *testing.T) {
	row := func(name, magic string, at int64, image *container.Image, err error) container.Format {
		return container.Format{Name: name, Title: "T " + name, Signatures: []probe.Probe{{ID: name + ".x", Bytes: []byte(magic), At: at}},
			Open: func(context.Context, block.Source, string, container.Opener) (*container.Image, error) {
				return image, err
			}}
	}
	first, last := &container.Image{Format: "first"}, &container.Image{Format: "last"}
	corrupt := cursor.Corrupt("x", 0, "a", "b")
	for _, c := range []struct {
		name string
		rows []container.Format
		want *container.Image
		err  any // nil, or of the type that is expected
	}{
		{"none", []container.Format{row("first", "zz", 0, first, nil)}, nil, nil},
		{"first", []container.Format{row("first", "ab", 0, first, nil), row("last", "yz", -2, last, nil)}, first, nil},
		{"by its end", []container.Format{row("first", "zz", 0, first, nil), row("last", "yz", -2, last, nil)}, last, nil},
		{"too far", []container.Format{row("first", "ab", -200, first, nil), row("last", "ab", 500, last, nil)}, nil, nil},
		{"not of that format", []container.Format{row("first", "ab", 0, nil, cursor.ErrNot), row("last", "yz", -2, last, nil)}, last, nil},
		{"another is whole", []container.Format{row("first", "ab", 0, nil, corrupt), row("last", "yz", -2, last, nil)}, last, nil},
		{"broken", []container.Format{row("first", "ab", 0, nil, corrupt)}, nil, new(*container.BrokenError)},
		{"locked", []container.Format{row("first", "ab", 0, nil, &container.LockedError{How: "a", Need: "b"}), row("last", "yz", -2, last, nil)}, nil, new(*container.LockedError)},
		{"not read", []container.Format{row("first", "ab", 0, nil, &container.UnsupportedError{What: "a", Next: "b"})}, nil, new(*container.UnsupportedError)},
	} {
		image, err := container.Open(context.Background(), c.rows, block.Bytes([]byte("ab...yz")), "x", nil)
		if image != c.want || (err == nil) != (c.err == nil) || c.err != nil && (!errors.As(err, c.err) || err.Error() == "") {
			t.Errorf("%s: %v, %v", c.name, image, err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := container.Open(ctx, []container.Format{row("first", "ab", 0, nil, context.Canceled)}, block.Bytes([]byte("ab")), "x", nil); !errors.Is(err, context.Canceled) {
		t.Errorf("a context that is over: %v", err)
	}
	if (&container.BrokenError{Err: corrupt}).Unwrap() != corrupt {
		t.Error("what the format said is lost")
	}
}
