package host

import (
	"testing"
)

// What reading by a process of its own costs, in reads of 1 MiB and of 4 KiB.
func BenchmarkRead(b *testing.B) {
	path := b.TempDir() + "/disk.img"
	writeFile(b, path, pattern(64<<20))
	for name, use := range map[string]ReaderUse{"file": ReaderForDevices, "process": ReaderAlways} {
		for size, p := range map[string][]byte{"1MiB": make([]byte, 1<<20), "4KiB": make([]byte, 4096)} {
			b.Run(name+"/"+size, func(b *testing.B) {
				o, err := Open(b.Context(), path, OpenOptions{Reader: use})
				if err != nil {
					b.Fatal(err)
				}
				defer o.Close()
				b.SetBytes(int64(len(p)))
				off := int64(0)
				for b.Loop() {
					if _, err := o.Source.ReadAt(p, off); err != nil {
						b.Fatal(err)
					}
					off = (off + int64(len(p))) % o.Size
				}
			})
		}
	}
}
