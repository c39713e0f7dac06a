package ntfs

import (
	"io"
	"os"
	"testing"

	"salvor/block"
)

// imageFile is an image that is not read into memory.
type imageFile struct {
	*os.File
	size int64
}

func (f imageFile) Size() int64 { return f.size }

// BenchmarkImage lists and reads the volume in the file that NTFS_IMAGE names.
func BenchmarkImage(b *testing.B) {
	f, err := os.Open(os.Getenv("NTFS_IMAGE"))
	if err != nil {
		b.Skip(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		b.Fatal(err)
	}
	walk := func(b *testing.B, read func(block.Source) int64) {
		b.ReportAllocs()
		for b.Loop() {
			fsys, err := Open(b.Context(), imageFile{f, info.Size()})
			if err != nil {
				b.Fatal(err)
			}
			files, bytes := 0, int64(0)
			for f, err := range fsys.Files(b.Context()) {
				if err != nil {
					b.Fatal(err)
				}
				files++
				for _, s := range f.Streams {
					src, err := fsys.Open(f, s.Name)
					if err != nil {
						b.Fatal(err)
					}
					bytes += read(src)
				}
			}
			b.ReportMetric(float64(files), "files")
			b.ReportMetric(float64(bytes>>20), "MiB")
		}
	}
	b.Run("list", func(b *testing.B) { walk(b, func(block.Source) int64 { return 0 }) })
	buf := make([]byte, 1<<20)
	b.Run("read", func(b *testing.B) {
		walk(b, func(src block.Source) int64 {
			n, _ := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{block.Reader(src)}, buf)
			return n
		})
	})
}
