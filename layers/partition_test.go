package layers

import (
	"strings"
	"testing"
)

func slotsOf(t *Partitioning) string {
	var out []string
	for _, s := range t.Slots {
		w := strings.TrimSpace(strings.Join([]string{itoa(s.Number), itoa(int(s.Extent.Offset / mib)), itoa(int(s.Extent.Length / mib)), s.TypeName}, " "))
		if len(s.Doubts) > 0 {
			w += " ?"
		}
		out = append(out, w)
	}
	return t.Scheme + ": " + strings.Join(out, "; ")
}

func itoa(n int) string {
	if n < 10 {
		return string(rune('0' + n))
	}
	return itoa(n/10) + itoa(n%10)
}

// TestPartition puts tables together from what is left of a disk.
func TestPartition(t *testing.T) {
	d := newRealDisk(t)
	const all = "1 1 40 FAT32?; 2 44 48 Linux filesystem?; 3 100 32 FAT16?; 4 140 16 NTFS?; 5 160 24 Linux filesystem?"
	lost := strings.ReplaceAll(all, "?", " ?")
	for _, c := range []struct {
		name, scheme string
		write        func(b []byte)
		want         string
		doubts       bool // of the table itself
	}{
		{"gpt", "", func(b []byte) { writeGPT(b, 512, d.spans...) },
			"gpt: 1 1 40 Linux filesystem; 2 44 48 Linux filesystem; 3 100 32 Linux filesystem; 4 140 16 Linux filesystem; 5 160 24 Linux filesystem", false},
		{"gpt as mbr", "mbr", func(b []byte) { writeGPT(b, 512, d.spans[:3]...) },
			"mbr: 1 1 40 FAT32; 2 44 48 Linux filesystem; 3 100 32 FAT16; 4 140 16 NTFS ?; 5 160 24 Linux filesystem ?", true},
		{"two are lost", "", func(b []byte) { writeMBR(b, 512, d.spans[0], d.spans[2]) },
			"mbr: 1 1 40 Linux filesystem; 2 100 32 Linux filesystem; 3 44 48 Linux filesystem ?; 4 140 16 NTFS ?; 5 160 24 Linux filesystem ?", false},
		{"nothing is left", "", func(b []byte) { clear(b[:mib]) }, "gpt: " + lost, false},
		{"a damaged table gives sizes and types", "", func(b []byte) {
			writeGPT(b, 512, span{1, 42}, span{44, 50}, d.spans[2], d.spans[3], d.spans[4])
			clear(b[:512])
			b[512+16]++
			dropBackup(b, 512)
		}, "gpt: 1 1 42 Linux filesystem; 2 44 50 Linux filesystem; 3 100 32 Linux filesystem; 4 140 16 Linux filesystem; 5 160 24 Linux filesystem", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			img := append([]byte(nil), d.img...)
			c.write(img)
			r := Partition(resolve(t, img, realTables(), true), c.scheme)
			if got := slotsOf(r); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			if len(r.Doubts) > 0 != c.doubts && c.name != "nothing is left" {
				t.Errorf("doubts %q", r.Doubts)
			}
			for _, s := range r.Slots {
				if len(s.Evidence) == 0 || s.Score < AcceptScore {
					t.Errorf("partition %d: score %d, evidence %q", s.Number, s.Score, s.Evidence)
				}
			}
		})
	}
	// A volume on all of the medium needs no table.
	whole := Partition(resolve(t, made(t, 16, "mkfs.vfat -F 16 -n WHOLE IMG", "mcopy -s -i IMG SRC ::"), realTables(), true), "")
	if whole.Scheme != "" || len(whole.Slots) > 0 || len(whole.Doubts) != 1 {
		t.Errorf("%+v", whole)
	}
}
