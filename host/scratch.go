package host

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"salvor/block"
)

// ScratchFile is a file that is written once, from front to back, and read at any place: what comes out of a compressed
// part. Its folder is thrown away with it.
type ScratchFile struct {
	f    *os.File
	size int64
}

// NewScratch makes the scratch file of that number in dir.
func NewScratch(dir string, number int) (*ScratchFile, error) {
	f, err := CreateFile(filepath.Join(dir, fmt.Sprintf("part-%06d", number)))
	if err != nil {
		return nil, err
	}
	return &ScratchFile{f: f}, nil
}

// Write writes behind what was written before.
func (s *ScratchFile) Write(p []byte) (int, error) {
	n, err := s.f.WriteAt(p, s.size)
	s.size += int64(n)
	return n, err
}

// Size is how much was written.
func (s *ScratchFile) Size() int64 { return s.size }

// ReadAt reads what was written.
func (s *ScratchFile) ReadAt(p []byte, off int64) (int, error) {
	p, end, err := clamp(p, off, s.size)
	if err != nil || len(p) == 0 {
		return 0, err
	}
	n, err := s.f.ReadAt(p, off)
	if n == len(p) {
		return n, end
	}
	return n, readError(block.Extent{Offset: off + int64(n), Length: int64(len(p) - n)}, err)
}

// Close closes the file.
func (s *ScratchFile) Close() error { return s.f.Close() }

// ListFiles returns the paths of the regular files in a folder, in order of their names.
func ListFiles(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("host: %w", err)
	}
	var out []string
	for _, e := range entries {
		if path := filepath.Join(dir, e.Name()); FileSize(path) >= 0 && !IsFolder(path) {
			out = append(out, path)
		}
	}
	slices.Sort(out)
	return out, nil
}
