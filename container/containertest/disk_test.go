package containertest

import (
	"bytes"
	"os"
	"testing"
)

// TestDisk holds the disks to be the same for each seed: fixtures were made of them. With SALVOR_DISKS set to a folder
// it writes them there, for making new ones.
func TestDisk(t *testing.T) {
	for _, c := range []struct {
		name string
		size int
		seed uint64
	}{{"small", 512 * 3001, 1}, {"medium", 5 << 20, 2}, {"odd", 3<<20 + 512*77, 3}} {
		disk := Disk(c.size, c.seed)
		if len(disk) != c.size || !bytes.Equal(disk, Disk(c.size, c.seed)) || bytes.Equal(disk, Disk(c.size, c.seed+9)) {
			t.Errorf("%s is not the same each time", c.name)
		}
		if dir := os.Getenv("SALVOR_DISKS"); dir != "" {
			Write(t, dir, c.name+".img", disk)
		}
	}
}
