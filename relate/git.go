package relate

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"path"
	"regexp"
	"strings"

	"salvor/block"
	"salvor/finding"
)

var hash = regexp.MustCompile(`^[0-9a-f]{40}$`)

// repositories follows HEAD of a Git repository to the commit of its branch. Whether all that the commit needs is there,
// `git fsck` tells. The folder is the repository's own: .git, or name.git.
func repositories(ctx context.Context, f *Folder) []Told {
	heads := f.byName["head"]
	if len(heads) == 0 || !strings.HasSuffix(strings.ToLower(f.Path), ".git") {
		return nil
	}
	x := best(heads, true)
	told := func(format string, args ...any) []Told {
		return []Told{{ID: x.ID, Finding: gitMissing.New(finding.Expected(nil, fmt.Sprintf(format, args...)))}}
	}
	text := strings.TrimSpace(string(head(ctx, x)))
	if x.Size == 0 || text == "" {
		return told("HEAD is empty")
	}
	commit := text
	if ref, ok := strings.CutPrefix(text, "ref: "); ok {
		ref = strings.TrimSpace(ref)
		commit = f.ref(ctx, ref)
		switch {
		case commit == "" && !f.Exists(path.Join(f.Path, "objects")) && !f.anyObject():
			return nil // a repository without a commit yet
		case commit == "":
			return told("the branch %s, which HEAD names, is not here", ref)
		}
	}
	if !hash.MatchString(commit) {
		return told("HEAD leads to %.60q, which is no commit", commit)
	}
	if f.Exists(path.Join(f.Path, "objects", commit[:2], commit[2:])) {
		return nil
	}
	if found, known := f.packed(ctx, commit); !found && known {
		return told("the commit %s, which HEAD leads to, is in no object and in no pack", commit)
	}
	return nil
}

// ref returns the commit of a branch: its own file, or a line of packed-refs. Files below the repository's folder are asked
// for through Content.
func (f *Folder) ref(ctx context.Context, ref string) string {
	if p, ok := f.content(ctx, path.Join(f.Path, ref)); ok {
		return strings.TrimSpace(string(p))
	}
	p, _ := f.content(ctx, path.Join(f.Path, "packed-refs"))
	for _, line := range strings.Split(string(p), "\n") {
		if commit, name, ok := strings.Cut(strings.TrimSpace(line), " "); ok && name == ref {
			return commit
		}
	}
	return ""
}

// content returns the beginning of the file at p of the volume.
func (f *Folder) content(ctx context.Context, p string) ([]byte, bool) {
	if f.Find == nil {
		return nil, false
	}
	x := f.Find(p)
	if x == nil {
		return nil, false
	}
	return head(ctx, x), true
}

func (f *Folder) anyObject() bool { return len(f.packs()) > 0 }

// packs returns the indexes of packs.
func (f *Folder) packs() []*File {
	if f.List == nil {
		return nil
	}
	var out []*File
	for _, x := range f.List(path.Join(f.Path, "objects", "pack")) {
		if strings.HasSuffix(x.Name(), ".idx") {
			out = append(out, x)
		}
	}
	return out
}

// packed looks for a commit in the indexes of packs, version 2: magic, version, 256 counts, sorted hashes (gitformat-pack).
// known is false when an index could not be read.
func (f *Folder) packed(ctx context.Context, commit string) (found, known bool) {
	want, err := hex.DecodeString(commit)
	if err != nil {
		return false, false
	}
	known = true
	for _, x := range f.packs() {
		ok := read(ctx, x, func(ctx context.Context, src block.Source) error {
			b := make([]byte, 8+256*4)
			if n, err := src.ReadAt(b, 0); n < len(b) {
				return err
			}
			if !bytes.Equal(b[:8], []byte{0xff, 't', 'O', 'c', 0, 0, 0, 2}) {
				return fmt.Errorf("relate: no index of version 2")
			}
			count := func(i int) int64 { return int64(binary.BigEndian.Uint32(b[8+4*i:])) }
			low, high := int64(0), count(int(want[0]))
			if want[0] > 0 {
				low = count(int(want[0]) - 1)
			}
			name := make([]byte, 20)
			for low < high {
				mid := (low + high) / 2
				if n, err := src.ReadAt(name, int64(len(b))+20*mid); n < len(name) {
					return err
				}
				switch bytes.Compare(name, want) {
				case 0:
					found = true
					return nil
				case -1:
					low = mid + 1
				default:
					high = mid
				}
			}
			return nil
		})
		if found {
			return true, true
		}
		known = known && ok
	}
	return false, known
}
