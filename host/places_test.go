package host

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestPlaces(t *testing.T) {
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, "proc/self"), 0o755); err != nil {
		t.Fatal(err)
	}
	mounts := `22 1 8:1 / / rw - ext4 /dev/sda1 rw
23 22 0:5 / /proc rw - proc proc rw
24 22 8:2 / /boot/efi rw - vfat /dev/sda2 rw
25 22 8:3 / /home rw - ext4 /dev/sda3 rw
26 22 8:17 / /media/anna/STICK\0401 rw - vfat /dev/sdb1 rw
27 22 0:44 / /run/user/1000 rw - tmpfs tmpfs rw
28 22 0:45 / /srv/share rw - nfs4 nas:/share rw
29 22 8:1 /x /etc/hosts rw - ext4 /dev/sda1 rw
30 22 7:0 / /snap/core/1 ro - squashfs /dev/loop0 ro
33 22 8:1 /x /srv/settings rw - ext4 /dev/sda1 rw
31 22 0:46 / /mnt rw - tmpfs tmpfs rw
32 22 8:17 / /media/anna/STICK\0401 rw - vfat /dev/sdb1 rw
`
	if err := os.MkdirAll(filepath.Join(root, "srv/share"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "srv/settings"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "proc/self/mountinfo"), []byte(mounts), 0o600); err != nil {
		t.Fatal(err)
	}
	got := System{Root: root}.Places("/home/anna")
	want := []Place{{PlaceHome, "/home/anna"}, {PlaceDrive, "/home"}, {PlaceDrive, "/media/anna/STICK 1"}, {PlaceDrive, "/mnt"}, {PlaceDrive, "/srv/share"}, {PlaceAll, "/"}}
	if !slices.Equal(got, want) {
		t.Errorf("expected %v, found %v", want, got)
	}
	// Without a list of mounts the folders that other systems have are asked.
	bare := t.TempDir()
	if err := os.MkdirAll(filepath.Join(bare, "Volumes/CARD"), 0o755); err != nil {
		t.Fatal(err)
	}
	if got := (System{Root: bare}).Places(""); !slices.Equal(got, []Place{{PlaceDrive, "/Volumes/CARD"}, {PlaceAll, "/"}}) {
		t.Errorf("found %v", got)
	}
	if got := Places(root); len(got) < 2 || got[0].Path != root {
		t.Errorf("this computer: %v", got)
	}
}
