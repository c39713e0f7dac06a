package squash

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"salvor/block"
	"salvor/cursor"
	"salvor/guard"
)

// maxProblems bounds how many are kept; all are counted.
const maxProblems = 100

// Problem is a structure that does not hold what is promised.
type Problem struct {
	What   string // "data block 3 of bin/busybox"
	Extent block.Extent
	Err    error
	// Unreadable says that the medium could not be read, so that nothing is known of the image.
	Unreadable bool
}

// Report says what came out of a check of the whole image.
type Report struct {
	Blocks   int   // of data that were decompressed, fragments included
	Content  int64 // bytes that came out of them
	Files    int   // regular ones, each name of one
	Problems []Problem
	Count    int // of all problems, kept or not
	// Read are the bytes of the image that something refers to and that were right; Proven those of them that a sum
	// covers, or whose values all the rest forces.
	Read, Proven block.Set
}

// Verify checks the whole image. The error is that of ctx.
func (f *FS) Verify(ctx context.Context) (*Report, error) {
	v := &verifier{f: f, ctx: ctx, r: &Report{}, named: make([]byte, f.Inodes/8+1), fragSize: make([]int32, len(f.frags))}
	v.tables()
	v.begin()
	v.fragments()
	v.files()
	v.finish()
	v.super()
	slices.SortStableFunc(v.r.Problems, func(a, b Problem) int { return int(min(max(a.Extent.Offset-b.Extent.Offset, -1), 1)) })
	return v.r, ctx.Err()
}

type verifier struct {
	f        *FS
	ctx      context.Context
	mu       sync.Mutex
	r        *Report
	done     block.Set // data blocks that were given to the workers
	named    []byte    // a bit for each inode that has a name
	names    uint32    // bits that are set
	found    uint32    // inodes in the table
	tight    bool      // all tables follow each other up to the last byte
	fragSize []int32
	jobs     chan job
	wait     sync.WaitGroup
}

// job is a data block.
type job struct {
	at    int64
	word  uint32
	want  int64 // bytes of content; 0 for a fragment, which may have less than a block
	path  string
	index int
}

func (j job) what() string {
	if j.path == "" {
		return fmt.Sprintf("fragment %d", j.index)
	}
	return fmt.Sprintf("data block %d of %s", j.index, j.path)
}

func (v *verifier) problem(what string, e block.Extent, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.ctx.Err() != nil {
		return
	}
	if v.r.Count++; len(v.r.Problems) < maxProblems {
		v.r.Problems = append(v.r.Problems, Problem{What: what, Extent: e, Err: err, Unreadable: Unreadable(err)})
	}
}

func (v *verifier) right(e block.Extent, proven bool) {
	v.r.Read.Add(e)
	if proven {
		v.r.Proven.Add(e)
	}
}

// tables checks the chains of inodes and directories and the tables with lists.
func (v *verifier) tables() {
	f := v.f
	v.tight = true
	if f.Flags&hasOptions != 0 {
		if b, err := f.readMeta(SuperSize, "options of the compression"); err != nil {
			v.problem("options of the compression", block.Extent{Offset: SuperSize, Length: 2}, err)
		} else {
			v.right(block.Between(SuperSize, b.next), b.summed)
		}
	}
	v.inodeTable()
	v.blocks("directory table", int64(f.dirTable), f.dirEnd())
	end := f.dirEnd()
	list := func(what string, at uint64, count, width int64) {
		if count == 0 || at == none64 {
			return
		}
		e, err := f.readTable(v.ctx, what, at, 0, count, width, func(_ []byte, summed bool, e block.Extent) { v.right(e, summed) })
		if err != nil {
			v.tight = false
			v.problem(what, block.Extent{Offset: int64(at), Length: 8}, err)
			return
		}
		// Entries of a list follow from where the blocks stand.
		v.right(block.Between(int64(at), e.End()), true)
		if e.Offset != end {
			v.tight = false
		}
		end = e.End()
	}
	list("fragment table", f.fragTable, int64(f.Fragments), 16)
	list("export table", f.exportTable, int64(f.Inodes), 8)
	list("ID table", f.idTable, int64(f.IDs), 4)
	if f.IDs == 0 {
		v.problem("superblock", block.Extent{Offset: 26, Length: 2}, cursor.Corrupt("squashfs: superblock", 26, "at least one ID", 0))
	}
	if f.xattrTable != none64 {
		end = v.attributes(end)
	}
	if end != f.Used {
		v.tight = false
	}
}

// attributes checks the blocks of the extended attributes, as far as they are decompressed.
func (v *verifier) attributes(end int64) int64 {
	f := v.f
	at := int64(f.xattrTable)
	p, err := cursor.Read(f.src, "squashfs: attribute table", at, 16, 16)
	if err != nil {
		v.problem("attribute table", block.Extent{Offset: at, Length: 16}, err)
		return end
	}
	start, count := le.Uint64(p), int64(le.Uint32(p[8:]))
	if count == 0 || start >= f.xattrTable || count > maxInodes {
		v.problem("attribute table", block.Extent{Offset: at, Length: 16}, cursor.Corrupt("squashfs: attribute table", at, "a place before it, and a number of attributes", fmt.Sprintf("%d, %d of them", start, count)))
		return end
	}
	e, err := f.readTable(v.ctx, "attribute table", uint64(at), 16, count, 16, func(_ []byte, summed bool, e block.Extent) { v.right(e, summed) })
	if err != nil {
		v.problem("attribute table", block.Extent{Offset: at, Length: 16}, err)
		return end
	}
	v.right(block.Between(at, e.End()), true) // all of it follows from where the blocks stand
	v.blocks("attributes", int64(start), e.Offset)
	if int64(start) != end {
		v.tight = false
	}
	return e.End()
}

// blocks decompresses a chain of metadata blocks, which must end where it should.
func (v *verifier) blocks(what string, at, end int64) {
	for at < end && v.ctx.Err() == nil {
		b, err := v.f.readMeta(at, what)
		if err == nil && b.next > end {
			err = cursor.Corrupt("squashfs: "+what, at, fmt.Sprintf("a block that ends at %d", end), b.next)
		}
		if err == nil && b.next < end && len(b.data) != metaSize {
			err = cursor.Corrupt("squashfs: "+what, at, fmt.Sprintf("%d bytes of content", metaSize), len(b.data))
		}
		if err != nil {
			v.problem(what, block.Between(at, min(at+2+metaSize, end)), err)
			return // where the next one begins is not known
		}
		v.right(block.Between(at, b.next), b.summed)
		at = b.next
	}
}

// inodeTable counts the inodes of the table, and checks its blocks.
func (v *verifier) inodeTable() {
	f := v.f
	start, end := int64(f.inodeTable), int64(f.dirTable)
	v.blocks("inode table", start, end)
	c, err := f.chainAt("inode table", start, 0)
	for v.ctx.Err() == nil && err == nil && v.found <= f.Inodes && (c.at < end || len(c.rest) > 0) {
		if _, err = f.readInode(c); err == nil {
			v.found++
		}
	}
	if err == nil && v.found != f.Inodes {
		err = cursor.Corrupt("squashfs: inode table", start, fmt.Sprintf("%d inodes", f.Inodes), v.found)
	}
	if err != nil {
		v.problem("inode table", block.Between(start, end), err)
	}
}

// begin starts the workers that decompress data.
func (v *verifier) begin() {
	v.jobs = make(chan job, 64)
	for range guard.Workers() {
		v.wait.Go(func() {
			dst := make([]byte, v.f.BlockSize)
			for j := range v.jobs {
				if v.ctx.Err() == nil {
					v.data(j, dst)
				}
			}
		})
	}
}

func (v *verifier) finish() {
	close(v.jobs)
	v.wait.Wait()
}

func (v *verifier) data(j job, dst []byte) {
	size := int64(j.word &^ packedBit)
	data, summed, err := v.f.dataBlock(j.at, j.word, dst)
	if err == nil && (j.want > 0 && int64(len(data)) != j.want || len(data) == 0) {
		err = cursor.Corrupt("squashfs: data block", j.at, fmt.Sprintf("%d bytes of content", j.want), len(data))
	}
	e := block.Extent{Offset: j.at, Length: size}
	if err != nil {
		v.problem(j.what(), e, err)
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.r.Blocks++
	v.r.Content += int64(len(data))
	v.right(e, summed)
	if j.path == "" {
		v.fragSize[j.index] = int32(len(data))
	}
}

func (v *verifier) give(j job) {
	e := block.Extent{Offset: j.at, Length: int64(j.word &^ packedBit)}
	if e.Length == 0 || v.done.Contains(e) || v.ctx.Err() != nil {
		return // a hole, or the same content as another file's
	}
	v.done.Add(e)
	v.jobs <- j
}

func (v *verifier) fragments() {
	if v.f.broken != nil {
		return // told with the table
	}
	for i, g := range v.f.frags {
		v.give(job{at: g.at, word: g.word, index: i})
	}
}

// files walks over all names, and gives the blocks of each file to the workers.
func (v *verifier) files() {
	f := v.f
	type end struct {
		path     string
		frag     uint32
		off, len int64
	}
	var ends []end
	settle := func() {
		v.finish()
		for _, e := range ends {
			if got := int64(v.fragSize[e.frag]); got > 0 && e.off+e.len > got {
				v.problem("end of "+e.path, block.Extent{Offset: f.frags[e.frag].at}, cursor.Corrupt("squashfs: fragment", f.frags[e.frag].at, fmt.Sprintf("%d bytes from %d on", e.len, e.off), fmt.Sprintf("%d bytes", got)))
			}
		}
		ends = ends[:0]
		v.begin()
	}
	err := f.Walk(v.ctx, func(file File, err error) bool {
		if err != nil {
			v.problem(fmt.Sprintf("%q", "/"+file.Path), block.Between(int64(f.inodeTable), f.dirEnd()), err)
			return true
		}
		n := file.node
		if at := file.Inode / 8; int(at) < len(v.named) && v.named[at]&(1<<(file.Inode%8)) == 0 {
			v.named[at] |= 1 << (file.Inode % 8)
			v.names++
		}
		if file.Kind != Regular {
			return true
		}
		v.r.Files++
		at := n.start
		count := len(n.blocks) / 4
		for i := range count {
			word := le.Uint32(n.blocks[4*i:])
			v.give(job{at: at, word: word, want: min(f.BlockSize, n.size-int64(i)*f.BlockSize), path: file.Path, index: i})
			at += int64(word &^ packedBit)
		}
		if tail := n.size - int64(count)*f.BlockSize; tail > 0 && f.broken == nil {
			if int64(n.fragment) >= int64(len(f.frags)) {
				v.problem("end of "+file.Path, block.Between(int64(f.inodeTable), int64(f.dirTable)), cursor.Corrupt("squashfs: inode", -1, fmt.Sprintf("a fragment below %d", len(f.frags)), n.fragment))
			} else if ends = append(ends, end{file.Path, n.fragment, int64(n.fragOff), tail}); len(ends) >= 64<<10 {
				settle()
			}
		}
		return true
	})
	if err != nil {
		v.problem("root directory", block.Between(int64(f.inodeTable), int64(f.dirTable)), err)
	}
	settle()
}

// super says which fields of the superblock are forced by all the rest.
func (v *verifier) super() {
	f := v.f
	v.r.Read.Add(block.Extent{Length: SuperSize})
	if f.Used > f.src.Size() {
		v.problem("superblock", block.Extent{Offset: 40, Length: 8}, cursor.Corrupt("squashfs: superblock", 40, fmt.Sprintf("at most %d bytes that are used", f.src.Size()), f.Used))
	}
	if v.ctx.Err() != nil || v.r.Count > 0 {
		return
	}
	// The root is counted too, which has no name.
	if n := v.names + 1; n != f.Inodes {
		v.problem("directories", block.Between(int64(f.dirTable), f.dirEnd()), cursor.Corrupt("squashfs: directories", int64(f.dirTable), fmt.Sprintf("names for %d inodes", f.Inodes), n))
		return
	}
	v.r.Proven.Add(block.Extent{Length: 8})              // magic, number of inodes
	v.r.Proven.Add(block.Extent{Offset: 12, Length: 12}) // size and number of blocks, compression
	v.r.Proven.Add(block.Extent{Offset: 26, Length: 14}) // IDs, version, root
	if v.tight {
		v.r.Proven.Add(block.Extent{Offset: 40, Length: SuperSize - 40})
	}
}
