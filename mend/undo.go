package mend

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"

	"salvor/block"
)

// Undo is what an undo file says: which image was mended, and how.
type Undo struct {
	Size          int64  // of the image, bytes
	Before, After string // SHA-256 of the image with zeros for what could not be read, lower case hex
	Patches       []Patch
}

const (
	undoName    = "salvor-undo"
	undoVersion = 1
	maxUndoLine = 2*MaxStructure*4/3 + 1<<20 // old and new bytes in base64
	maxPatches  = 1 << 20
)

type undoHead struct {
	Format  string `json:"format"`
	Version int    `json:"version"`
	Size    int64  `json:"size"`
	Before  string `json:"sha256_before"`
	After   string `json:"sha256_after"`
}

type undoPatch struct {
	Structure string     `json:"structure"`
	Offset    int64      `json:"offset"`
	Old       []byte     `json:"old"`
	New       []byte     `json:"new"`
	Unread    [][2]int64 `json:"unread,omitempty"` // offset and length
	Evidence  []string   `json:"evidence"`
}

// WriteTo writes the undo file.
func (u *Undo) WriteTo(w io.Writer) (int64, error) {
	c := &counter{w: bufio.NewWriter(w)}
	e := json.NewEncoder(c)
	err := e.Encode(undoHead{undoName, undoVersion, u.Size, u.Before, u.After})
	for _, p := range u.Patches {
		if err != nil {
			break
		}
		l := undoPatch{Structure: p.Structure, Offset: p.Offset, Old: p.Old, New: p.New, Evidence: p.Evidence}
		for x := range p.Unread.All() {
			l.Unread = append(l.Unread, [2]int64{x.Offset, x.Length})
		}
		err = e.Encode(l)
	}
	if err == nil {
		err = c.w.Flush()
	}
	return c.n, err
}

type counter struct {
	w *bufio.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

// ReadUndo reads an undo file.
func ReadUndo(r io.Reader) (*Undo, error) {
	s := bufio.NewScanner(r)
	s.Buffer(make([]byte, 64<<10), maxUndoLine)
	var head undoHead
	if !s.Scan() {
		return nil, fmt.Errorf("mend: undo file: line 1: expected its heading, found %w", orEnd(s.Err()))
	}
	if err := json.Unmarshal(s.Bytes(), &head); err != nil || head.Format != undoName {
		return nil, fmt.Errorf("mend: undo file: line 1: expected the format %q, found %.80q", undoName, s.Bytes())
	}
	if head.Version != undoVersion || head.Size < 0 {
		return nil, fmt.Errorf("mend: undo file: line 1: expected version %d and a size, found %d and %d", undoVersion, head.Version, head.Size)
	}
	u := &Undo{Size: head.Size, Before: head.Before, After: head.After}
	for line := 2; s.Scan(); line++ {
		var l undoPatch
		if err := json.Unmarshal(s.Bytes(), &l); err != nil {
			return nil, fmt.Errorf("mend: undo file: line %d: %w", line, err)
		}
		p := Patch{Structure: l.Structure, Offset: l.Offset, Old: l.Old, New: l.New, Evidence: l.Evidence}
		for _, x := range l.Unread {
			e := block.Extent{Offset: x[0], Length: x[1]}
			if !e.Valid() || !p.Extent().Contains(e) {
				return nil, fmt.Errorf("mend: undo file: line %d: the unreadable range %v lies outside of %v", line, e, p.Extent())
			}
			p.Unread.Add(e)
		}
		if !p.Extent().Valid() || len(p.Old) != len(p.New) || p.Extent().End() > u.Size || len(u.Patches) >= maxPatches {
			return nil, fmt.Errorf("mend: undo file: line %d: expected old and new bytes of one length inside of %d bytes, found %d and %d at %d",
				line, u.Size, len(p.Old), len(p.New), p.Offset)
		}
		u.Patches = append(u.Patches, p)
	}
	if err := s.Err(); err != nil {
		return nil, fmt.Errorf("mend: undo file: %w", err)
	}
	return u, nil
}

func orEnd(err error) error {
	if err == nil {
		return io.ErrUnexpectedEOF
	}
	return err
}

// Reverse returns the patches that lead back, in the order in which they must be made.
func (u *Undo) Reverse() List {
	var out List
	for i := len(u.Patches) - 1; i >= 0; i-- {
		p := u.Patches[i]
		out.Patches = append(out.Patches, Patch{Structure: p.Structure, Offset: p.Offset, New: p.Old, Old: p.New, Evidence: []string{"the undo file"}})
	}
	return out
}
