package fdt

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"salvor/block"
	"salvor/cursor"
)

// Kind is the kind of a token of the structure block.
type Kind uint8

// The kinds of tokens, by their numbers.
const (
	BeginNode Kind = 1
	EndNode   Kind = 2
	Property  Kind = 3
	Nop       Kind = 4
	End       Kind = 9
)

// Bounds of one tree.
const (
	maxName    = 1024
	maxStrings = 4 << 20
	maxTokens  = 2_000_000
	// Inline is the longest value that is kept, in bytes.
	Inline = 64 << 10
)

// Token is one step through the structure block.
type Token struct {
	Kind   Kind
	Extent block.Extent // of the token with what belongs to it and its filling, on the source
	Name   string       // of the node or the property; "" for a property whose name stands behind the end of the source
	Value  block.Extent // of the property, on the source
	// Data is the value, valid until the next token; nil when it is longer than Inline, or when the source ends in it.
	Data []byte
}

// window reads pieces of a structure block that follow each other, by large reads.
type window struct {
	src  block.Source
	all  block.Extent
	scan int64 // bytes that are asked for, 0 for all
	at   int64 // of buf on the source
	buf  []byte
	page []byte
}

// piece returns n bytes at off, at most Inline and a little, or fewer at the end of the block.
func (w *window) piece(off, n int64) ([]byte, error) {
	end := w.all.End()
	n = min(n, end-off)
	if n <= 0 {
		return nil, nil
	}
	if off < w.at || off+n > w.at+int64(len(w.buf)) {
		if w.page == nil {
			w.page = make([]byte, min(2*Inline, w.all.Length))
			if w.scan > 0 {
				w.page = w.page[:min(w.scan+maxName, int64(len(w.page)))]
			}
		}
		p := w.page[:min(int64(len(w.page)), end-off)]
		m, err := w.src.ReadAt(p, off)
		w.at, w.buf = off, p[:m]
		if int64(m) < n {
			if err == nil || off+int64(m) >= w.src.Size() {
				return w.buf, nil
			}
			return nil, err
		}
	}
	at := off - w.at
	return w.buf[at : at+n], nil
}

// names are the strings block, as much of it as is there and wanted.
type names struct {
	text   []byte
	length int64 // of the whole block
}

// at returns the string at off. One that is not there, since the source ends in front of it or nobody asked, is "".
func (s *names) at(off int64) (string, error) {
	const name = "device tree: property"
	if off >= s.length {
		return "", cursor.Corrupt(name, -1, fmt.Sprintf("a name inside of %d bytes of strings", s.length), off)
	}
	if off >= int64(len(s.text)) {
		return "", nil
	}
	p := s.text[off:min(off+maxName, int64(len(s.text)))]
	n := bytes.IndexByte(p, 0)
	switch {
	case n >= 0:
		return string(p[:n]), nil
	case off+int64(len(p)) < s.length && len(p) < maxName:
		return "", nil
	}
	return "", cursor.Corrupt(name, -1, fmt.Sprintf("a name that ends behind at most %d bytes", maxName-1), "none")
}

// Walk calls visit for each token of the structure block up to its end, with the names that h's strings give. An error
// of visit ends it and is returned. A broken structure is a [*cursor.CorruptError].
func (h *Header) Walk(ctx context.Context, src block.Source, visit func(*Token) error) error {
	s, err := cursor.Read(src, "device tree: strings", h.Strings.Offset, min(h.Strings.Length, max(src.Size()-h.Strings.Offset, 0)), maxStrings)
	if err != nil {
		return err
	}
	return h.walk(ctx, &window{src: src, all: h.Struct}, &names{text: s, length: h.Strings.Length}, visit)
}

// Scan is Walk over the tokens that begin in the first bytes of the structure block, up to 64 KiB. It reads neither
// values nor the names of properties, which stand far behind, and ends without an error where those bytes do.
func (h *Header) Scan(ctx context.Context, src block.Source, bytes int64, visit func(*Token) error) error {
	return h.walk(ctx, &window{src: src, all: h.Struct, scan: min(bytes, Inline)}, &names{length: h.Strings.Length}, visit)
}

func (h *Header) walk(ctx context.Context, w *window, strings *names, visit func(*Token) error) error {
	const name = "device tree: structure"
	at := h.Struct.Offset
	for n := range maxTokens {
		if n%4096 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		p, err := w.piece(at, 12)
		switch {
		case err != nil:
			return err
		case len(p) < 4:
			return cursor.Corrupt(name, at, "a token", "the end of the block")
		}
		t := Token{Kind: Kind(min(be.Uint32(p), 255)), Extent: block.Extent{Offset: at, Length: 4}}
		switch t.Kind {
		case BeginNode:
			err = t.begin(w)
		case Property:
			err = t.property(w, p, strings)
		case EndNode, Nop, End:
		default:
			return cursor.Corrupt(name, at, "a token from 1 to 4, or 9", be.Uint32(p))
		}
		if err != nil {
			return err
		}
		if err := visit(&t); err != nil {
			return err
		}
		if at = t.Extent.End(); t.Kind == End || w.scan > 0 && at >= h.Struct.Offset+w.scan {
			return nil
		}
	}
	return cursor.Corrupt(name, at, fmt.Sprintf("at most %d tokens", maxTokens), "more")
}

// begin reads the name of a node.
func (t *Token) begin(w *window) error {
	p, err := w.piece(t.Extent.Offset+4, maxName)
	if err != nil {
		return err
	}
	n := bytes.IndexByte(p, 0)
	if n < 0 {
		return cursor.Corrupt("device tree: name of a node", t.Extent.Offset+4, fmt.Sprintf("a 0 behind at most %d bytes", maxName-1), "none")
	}
	t.Name = string(p[:n])
	t.Extent.Length += (int64(n) + 4) &^ 3
	return nil
}

// property reads the name and the value of a property; head are its first bytes.
func (t *Token) property(w *window, head []byte, strings *names) (err error) {
	const name = "device tree: property"
	at := t.Extent.Offset
	if len(head) < 12 {
		return cursor.Corrupt(name, at, "12 bytes", len(head))
	}
	t.Value = block.Extent{Offset: at + 12, Length: int64(be.Uint32(head[4:]))}
	if t.Name, err = strings.at(int64(be.Uint32(head[8:]))); err != nil {
		return err
	}
	if !w.all.Contains(t.Value) {
		return cursor.Corrupt(name, at+4, fmt.Sprintf("a value up to %d bytes", w.all.End()-t.Value.Offset), fmt.Sprintf("%d bytes of %q", t.Value.Length, t.Name))
	}
	t.Extent.Length = min((12+t.Value.Length+3)&^3, w.all.End()-at)
	if t.Value.Length > Inline || w.scan > 0 {
		return nil
	}
	p, err := w.piece(t.Value.Offset, t.Value.Length)
	if err != nil {
		return err
	}
	if int64(len(p)) < t.Value.Length {
		return nil // the source ends inside of it, which the next token tells
	}
	if t.Data = p; p == nil {
		t.Data = []byte{}
	}
	return nil
}

// errNodes is what a tree is broken by that has more nodes, deeper ones or more properties than any real one.
var errNodes = errors.New("device tree: more nodes or properties than any real one has")
