package host

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestPointsOfDrives(t *testing.T) {
	s := machine(t, `
	proc/self/mountinfo = 20 1 8:1 / / rw - ext4 /dev/sda1 rw\n21 20 8:17 / /media/usb rw - vfat /dev/sdb1 rw\n22 20 0:5 / /proc rw - proc proc rw\n23 20 0:6 / /mnt/nas rw - nfs4 nas:/x rw\n24 20 7:0 / /snap/x ro - squashfs /dev/loop0 ro\n25 20 8:2 / /boot/efi rw - vfat /dev/sda2 rw\n26 20 11:0 / /media/cd ro - iso9660 /dev/sr0 ro\n27 20 0:7 / /tmp rw - tmpfs tmpfs rw\n28 20 8:1 /hosts /etc/hosts rw - ext4 /dev/sda1 rw\n
	media/usb/x = 1
	media/cd/x = 1
	`)
	if got := s.points(); !slices.Equal(got, []string{"/", "/media/usb", "/mnt/nas"}) {
		t.Error(got)
	}
}

// TestDrives asks this computer: what there is differs, what is said of it must hold.
func TestDrives(t *testing.T) {
	list, err := Drives(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range list {
		if st, err := os.Stat(d.Point); err != nil || !st.IsDir() {
			t.Errorf("%s is no folder: %v", d.Point, err)
		}
	}
	dir := t.TempDir()
	if d, ok := DriveOf(t.Context(), filepath.Join(dir, "new", "folder")); ok && (d.Point == "" || d.Free < 0 && d.Total > 0) {
		t.Errorf("%+v", d)
	}
}

func TestTreeSize(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "a", "b"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, n := range map[string]int{"x": 3, "a/y": 40, "a/b/z": 500} {
		if err := os.WriteFile(filepath.Join(dir, filepath.FromSlash(name)), make([]byte, n), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := TreeSize(t.Context(), dir); n != 543 || err != nil {
		t.Error(n, err)
	}
	if n, err := TreeSize(t.Context(), filepath.Join(dir, "none")); n != 0 || err != nil {
		t.Error(n, err)
	}
}

// TestOnSameDisk holds that no part of a disk is a place to save what stands on another part of it.
func TestOnSameDisk(t *testing.T) {
	dir := t.TempDir()
	// A disk that this computer has as well would be asked instead: none has so many.
	named := strings.NewReplacer("sdb", "sdzzzb", "sdd", "sdzzzd")
	s := machine(t, named.Replace(laptop+`
	sys/class/block/sdb2 -> ../../devices/pci0/usb1/1-2/host4/target4:0:0/4:0:0:0/block/sdb/sdb2
	sys/devices/pci0/usb1/1-2/host4/target4:0:0/4:0:0:0/block/sdb/sdb2/partition = 2
	sys/devices/pci0/usb1/1-2/host4/target4:0:0/4:0:0:0/block/sdb/sdb2/dev = 8:18
	proc/self/mountinfo = 20 1 252:1 / / rw - ext4 /dev/dm-1 rw\n21 20 8:18 / `+dir+` rw - vfat /dev/sdb2 rw\n
	dev/sdb1 = x
	dev/sdb2 = x
	dev/sdb = x
	dev/sdd = x
	`))
	for source, want := range map[string]bool{"/dev/sdb": true, "/dev/sdb1": true, "/dev/sdb2": true, "/dev/sdd": false} {
		got, err := s.OnSameDisk(named.Replace(source), filepath.Join(dir, "new"))
		if err != nil || got != want {
			t.Errorf("%s: %v, %v", source, got, err)
		}
	}
}
