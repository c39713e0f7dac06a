package imaging

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"

	"salvor/block"
	"salvor/cursor"
)

// ChunkSize is the unit of reading and of the sums, in bytes. No sum reaches over a multiple of it.
const ChunkSize = 1 << 20

// Sum is what is known of a stretch of bytes inside of one chunk.
type Sum struct {
	block.Extent
	Bad  bool              // it could not be read, and Hash has no meaning
	Hash [sha256.Size]byte // SHA-256 of its bytes
}

// appendLine adds the line of the sums file for s to b.
func (s Sum) appendLine(b []byte) []byte {
	b = fmt.Appendf(b, "0x%010x 0x%08x ", s.Offset, s.Length)
	if s.Bad {
		return append(b, '-', '\n')
	}
	return append(hex.AppendEncode(b, s.Hash[:]), '\n')
}

// AppendSums adds sums to the end of a sums file. The first addition writes the heading.
func AppendSums(w io.Writer, sums []Sum, first bool) error {
	var b []byte
	if first {
		b = append(b, "# Sums. Created by Salvor\n# One SHA-256 for each stretch that was read, at most 1 MiB; - is what could not be read.\n# Later lines replace earlier ones where they overlap.\n# offset length sha256\n"...)
	} else {
		b = append(b, '\n')
	}
	for _, s := range sums {
		b = s.appendLine(b)
		if len(b) >= 64<<10 {
			if _, err := w.Write(b); err != nil {
				return fmt.Errorf("sums file: %w", err)
			}
			b = b[:0]
		}
	}
	if _, err := w.Write(b); err != nil {
		return fmt.Errorf("sums file: %w", err)
	}
	return nil
}

// ReadSums yields the lines of a sums file in their order. A line that breaks the format, as one that a power
// failure cut, is yielded as a [*cursor.CorruptError], and reading goes on behind it; an error of r is the last.
func ReadSums(r io.Reader) iter.Seq2[Sum, error] {
	return func(yield func(Sum, error) bool) {
		for s, err := range readLines(r, 64<<10) {
			if !yield(s.Sum, err) {
				return
			}
		}
	}
}

// sumLine is a sum and where its line begins in the file.
type sumLine struct {
	Sum
	at int64
}

func readLines(r io.Reader, buffer int) iter.Seq2[sumLine, error] {
	return func(yield func(sumLine, error) bool) {
		in := bufio.NewReaderSize(r, buffer)
		for number, at := 1, int64(0); ; number++ {
			line, err := in.ReadSlice('\n')
			start := at
			at += int64(len(line))
			long := errors.Is(err, bufio.ErrBufferFull)
			for ; errors.Is(err, bufio.ErrBufferFull); at += int64(len(line)) {
				line, err = in.ReadSlice('\n')
			}
			if err != nil && !errors.Is(err, io.EOF) {
				yield(sumLine{}, fmt.Errorf("sums file: %w", err))
				return
			}
			text := bytes.TrimSpace(line)
			if long || (len(text) > 0 && text[0] != '#') {
				s, ok := parseSum(text)
				var bad error
				if !ok || long {
					s, bad = Sum{}, cursor.Corrupt(fmt.Sprintf("sums file: line %d", number), start,
						"offset, length and SHA-256", fmt.Sprintf("%.40q", text))
				}
				if !yield(sumLine{s, start}, bad) {
					return
				}
			}
			if err != nil {
				return
			}
		}
	}
}

func parseSum(line []byte) (s Sum, ok bool) {
	f := bytes.Fields(line)
	if len(f) != 3 {
		return s, false
	}
	var err1, err2 error
	s.Offset, err1 = number(string(f[0]))
	s.Length, err2 = number(string(f[1]))
	if err1 != nil || err2 != nil || !s.Valid() || s.Length == 0 || s.Length > ChunkSize-s.Offset%ChunkSize {
		return s, false
	}
	if s.Bad = string(f[2]) == "-"; s.Bad {
		return s, true
	}
	if len(f[2]) != 2*sha256.Size {
		return s, false
	}
	_, err := hex.Decode(s.Hash[:], f[2])
	return s, err == nil
}

// LastSums returns the last n sums of a sums file that have a hash, in their order: what [Verify] needs to see
// that the source of a run that goes on is still the one it was.
func LastSums(r io.Reader, n int) ([]Sum, error) {
	var last []Sum
	for s, err := range ReadSums(r) {
		if _, broken := cursor.IsCorrupt(err); broken || s.Bad {
			continue
		}
		if err != nil {
			return nil, err
		}
		if last = append(last, s); len(last) >= 2*n {
			last = append(last[:0], last[len(last)-n:]...)
		}
	}
	return last[max(0, len(last)-n):], nil
}

// Verification says what became of the bytes that sums were made of.
type Verification struct {
	Same       block.Set // read again, with the same hash
	Changed    block.Set // read again, with another one
	Unreadable block.Set // could not be read again
	Broken     []error   // lines of the sums file that say nothing
}

// Verify reads what sums name from src and compares. Where lines overlap the last one counts. Errors are those of ctx
// and of the sums' own file.
func Verify(ctx context.Context, src block.Source, sums iter.Seq2[Sum, error]) (Verification, error) {
	var v Verification
	p := make([]byte, ChunkSize)
	for s, err := range sums {
		if _, broken := cursor.IsCorrupt(err); broken {
			if len(v.Broken) < 100 {
				v.Broken = append(v.Broken, err)
			}
			continue
		}
		if err != nil {
			return v, err
		}
		if err := ctx.Err(); err != nil {
			return v, err
		}
		if s.Bad {
			continue
		}
		n, err := src.ReadAt(p[:s.Length], s.Offset)
		if cause := ctx.Err(); cause != nil {
			return v, cause
		}
		in := &v.Same
		switch {
		case int64(n) < s.Length && err != nil:
			in = &v.Unreadable
		case sha256.Sum256(p[:n]) != s.Hash:
			in = &v.Changed
		}
		for _, set := range []*block.Set{&v.Same, &v.Changed, &v.Unreadable} {
			if set != in && set.Overlaps(s.Extent) {
				set.Remove(s.Extent)
			}
		}
		in.Add(s.Extent)
	}
	return v, nil
}

// SampleSums returns at most n sums of a sums file that have a hash and that no later line replaces: the first and the
// last by offset, those that were written last, and others spread over the file. They show whether a source is still
// the one it was.
func SampleSums(r io.ReaderAt, size int64, n int) ([]Sum, error) {
	var (
		all   int
		first = Sum{Extent: block.Extent{Offset: -1}}
		end   Sum
		tail  []Sum
	)
	good := func(yield func(Sum) bool) error {
		for s, err := range ReadSums(io.NewSectionReader(r, 0, size)) {
			if _, broken := cursor.IsCorrupt(err); broken || s.Bad {
				continue
			}
			if err != nil {
				return err
			}
			if !yield(s) {
				return nil
			}
		}
		return nil
	}
	if err := good(func(s Sum) bool {
		all++
		if first.Offset < 0 || s.Offset <= first.Offset {
			first = s
		}
		if s.Offset >= end.Offset {
			end = s
		}
		if tail = append(tail, s); len(tail) > max(n/2, 1) {
			tail = tail[1:]
		}
		return true
	}); err != nil || all == 0 {
		return nil, err
	}
	picked := append([]Sum{first, end}, tail...)
	every, at := max(all/max(n-len(picked), 1), 1), 0
	if err := good(func(s Sum) bool {
		if at++; at%every == 0 && len(picked) < n {
			picked = append(picked, s)
		}
		return true
	}); err != nil {
		return nil, err
	}
	// A line that a later one replaces says nothing of what the copy holds now.
	var out []Sum
	replaced := make([]bool, len(picked))
	if err := good(func(s Sum) bool {
		for i, p := range picked {
			if s.Overlaps(p.Extent) {
				replaced[i] = s != p
			}
		}
		return true
	}); err != nil {
		return nil, err
	}
	for i, p := range picked {
		if !replaced[i] && !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	return out, nil
}
