package host

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"salvor/internal/need"
)

// machine writes a tree of /sys, /proc and /dev. Each line of text is "path = content" or "path -> target"
// of a link; \n in a content is a line break.
func machine(t *testing.T, text string) System {
	t.Helper()
	if os.PathSeparator != '/' {
		t.Skip("names of /sys cannot stand here")
	}
	root := t.TempDir()
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		if path, target, ok := strings.Cut(line, " -> "); ok {
			path = filepath.Join(root, path)
			mustPanicFree(t, os.MkdirAll(filepath.Dir(path), 0o755))
			mustPanicFree(t, os.Symlink(target, path))
			continue
		}
		path, content, ok := strings.Cut(line, " = ")
		if !ok {
			t.Fatalf("line %q", line)
		}
		path = filepath.Join(root, path)
		mustPanicFree(t, os.MkdirAll(filepath.Dir(path), 0o755))
		mustPanicFree(t, os.WriteFile(path, []byte(strings.ReplaceAll(content, `\n`, "\n")), 0o644))
	}
	return System{Root: root}
}

// laptop has an NVMe system disk with LUKS and LVM, a USB card reader with a card, an eMMC that is worn, two
// disks of a RAID, and an unused loop device.
const laptop = `
	sys/class/block/nvme0n1 -> ../../devices/pci0/nvme/nvme0/nvme0n1
	sys/class/block/nvme0n1p1 -> ../../devices/pci0/nvme/nvme0/nvme0n1/nvme0n1p1
	sys/class/block/nvme0n1p2 -> ../../devices/pci0/nvme/nvme0/nvme0n1/nvme0n1p2
	sys/devices/pci0/nvme/nvme0/nvme0n1/size = 1000215216
	sys/devices/pci0/nvme/nvme0/nvme0n1/dev = 259:0
	sys/devices/pci0/nvme/nvme0/nvme0n1/removable = 0
	sys/devices/pci0/nvme/nvme0/nvme0n1/ro = 0
	sys/devices/pci0/nvme/nvme0/nvme0n1/queue/logical_block_size = 512
	sys/devices/pci0/nvme/nvme0/nvme0n1/queue/physical_block_size = 4096
	sys/devices/pci0/nvme/nvme0/nvme0n1/device/model = ACME Fast 512
	sys/devices/pci0/nvme/nvme0/nvme0n1/device/serial = S1234
	sys/devices/pci0/nvme/nvme0/nvme0n1/nvme0n1p1/partition = 1
	sys/devices/pci0/nvme/nvme0/nvme0n1/nvme0n1p1/dev = 259:1
	sys/devices/pci0/nvme/nvme0/nvme0n1/nvme0n1p2/partition = 2
	sys/devices/pci0/nvme/nvme0/nvme0n1/nvme0n1p2/dev = 259:2
	sys/devices/pci0/nvme/nvme0/nvme0n1/nvme0n1p2/holders/dm-0 = 1
	sys/class/block/dm-0 -> ../../devices/virtual/block/dm-0
	sys/devices/virtual/block/dm-0/dev = 252:0
	sys/devices/virtual/block/dm-0/ro = 0
	sys/devices/virtual/block/dm-0/size = 1000
	sys/devices/virtual/block/dm-0/dm/name = cryptroot
	sys/devices/virtual/block/dm-0/dm/uuid = CRYPT-LUKS2-abc
	sys/devices/virtual/block/dm-0/holders/dm-1 = 1
	sys/class/block/dm-1 -> ../../devices/virtual/block/dm-1
	sys/devices/virtual/block/dm-1/dev = 252:1
	sys/devices/virtual/block/dm-1/ro = 0
	sys/devices/virtual/block/dm-1/dm/name = vg-root
	sys/devices/virtual/block/dm-1/dm/uuid = LVM-xyz

	sys/class/block/sdb -> ../../devices/pci0/usb1/1-2/host4/target4:0:0/4:0:0:0/block/sdb
	sys/class/block/sdb1 -> ../../devices/pci0/usb1/1-2/host4/target4:0:0/4:0:0:0/block/sdb/sdb1
	sys/devices/pci0/usb1/1-2/host4/target4:0:0/4:0:0:0/block/sdb/size = 62333952
	sys/devices/pci0/usb1/1-2/host4/target4:0:0/4:0:0:0/block/sdb/dev = 8:16
	sys/devices/pci0/usb1/1-2/host4/target4:0:0/4:0:0:0/block/sdb/removable = 1
	sys/devices/pci0/usb1/1-2/host4/target4:0:0/4:0:0:0/block/sdb/device/vendor = Generic
	sys/devices/pci0/usb1/1-2/host4/target4:0:0/4:0:0:0/block/sdb/device/model = Card Reader
	sys/devices/pci0/usb1/1-2/host4/target4:0:0/4:0:0:0/block/sdb/sdb1/partition = 1
	sys/devices/pci0/usb1/1-2/host4/target4:0:0/4:0:0:0/block/sdb/sdb1/dev = 8:17
	dev/disk/by-id/usb-Generic_Card_Reader_058F63666485-0:0 -> ../../sdb
	dev/disk/by-id/usb-Generic_Card_Reader_058F63666485-0:0-part1 -> ../../sdb1

	sys/class/block/mmcblk0 -> ../../devices/soc/mmc_host/mmc0/mmc0:0001/block/mmcblk0
	sys/devices/soc/mmc_host/mmc0/mmc0:0001/block/mmcblk0/size = 15269888
	sys/devices/soc/mmc_host/mmc0/mmc0:0001/block/mmcblk0/dev = 179:0
	sys/devices/soc/mmc_host/mmc0/mmc0:0001/block/mmcblk0/device/name = 8GTF4R
	sys/devices/soc/mmc_host/mmc0/mmc0:0001/block/mmcblk0/device/serial = 0x1a2b3c4d
	sys/devices/soc/mmc_host/mmc0/mmc0:0001/block/mmcblk0/device/type = MMC
	sys/devices/soc/mmc_host/mmc0/mmc0:0001/block/mmcblk0/device/life_time = 0x03 0x0b
	sys/devices/soc/mmc_host/mmc0/mmc0:0001/block/mmcblk0/device/pre_eol_info = 0x03
	sys/class/block/mmcblk0boot0 -> ../../devices/soc/mmc_host/mmc0/mmc0:0001/block/mmcblk0boot0
	sys/devices/soc/mmc_host/mmc0/mmc0:0001/block/mmcblk0boot0/size = 8192

	sys/class/block/sdc -> ../../devices/pci0/ata3/host2/block/sdc
	sys/devices/pci0/ata3/host2/block/sdc/size = 7814037168
	sys/devices/pci0/ata3/host2/block/sdc/dev = 8:32
	sys/devices/pci0/ata3/host2/block/sdc/device/vendor = ATA
	sys/devices/pci0/ata3/host2/block/sdc/device/model = NAS Disk 4T
	sys/devices/pci0/ata3/host2/block/sdc/holders/md0 = 1
	sys/class/block/md0 -> ../../devices/virtual/block/md0
	sys/devices/virtual/block/md0/dev = 9:0
	sys/devices/virtual/block/md0/ro = 0
	sys/devices/virtual/block/md0/md/array_state = clean

	sys/class/block/sdd -> ../../devices/pci0/ata4/host3/block/sdd
	sys/devices/pci0/ata4/host3/block/sdd/size = 7814037168
	sys/devices/pci0/ata4/host3/block/sdd/dev = 8:48
	sys/class/block/sde -> ../../devices/pci0/ata5/host4/block/sde
	sys/devices/pci0/ata5/host4/block/sde/size = 7814037168
	sys/devices/pci0/ata5/host4/block/sde/dev = 8:64
	sys/fs/btrfs/11-22/devices/sdd -> ../../../../devices/pci0/ata4/host3/block/sdd
	sys/fs/btrfs/11-22/devices/sde -> ../../../../devices/pci0/ata5/host4/block/sde

	sys/class/block/loop0 -> ../../devices/virtual/block/loop0
	sys/devices/virtual/block/loop0/size = 0
	sys/class/block/zram0 -> ../../devices/virtual/block/zram0
	sys/devices/virtual/block/zram0/size = 100
	proc/self/mountinfo = 20 1 252:1 / / rw,relatime - ext4 /dev/mapper/vg-root rw\n21 20 259:1 / /boot/efi rw - vfat /dev/nvme0n1p1 rw\n22 20 8:17 / /media/My\040Card rw - vfat /dev/sdb1 rw\n23 20 0:44 / /srv rw - btrfs /dev/sdd rw\n24 20 0:5 / /proc rw - proc proc rw\nnonsense\n
	proc/swaps = Filename Type Size Used Priority\n
	sys/class/power_supply/AC/type = Mains
	sys/class/power_supply/AC/online = 0
	sys/class/power_supply/BAT0/type = Battery
`

func TestDisks(t *testing.T) {
	s := machine(t, laptop)
	disks, err := s.Disks(t.Context())
	mustPanicFree(t, err)
	byName := map[string]Disk{}
	var names []string
	for _, d := range disks {
		byName[d.Name] = d
		names = append(names, d.Name)
	}
	if want := []string{"mmcblk0", "nvme0n1", "sdb", "sdc", "sdd", "sde"}; !slices.Equal(names, want) {
		t.Fatalf("disks %v, want %v", names, want)
	}
	n := byName["nvme0n1"]
	if n.Path != "/dev/nvme0n1" || n.Size != 1000215216*512 || n.SectorSize != 512 || n.PhysicalSectorSize != 4096 ||
		n.Model != "ACME Fast 512" || n.Serial != "S1234" || n.Transport != "nvme" || !n.System || n.Removable || n.Health.Known {
		t.Errorf("nvme0n1: %+v", n)
	}
	b := byName["sdb"]
	if b.Model != "Generic Card Reader" || b.Serial != "058F63666485" || b.Transport != "usb" || !b.Removable || b.System {
		t.Errorf("sdb: %+v", b)
	}
	if len(b.Holders) != 1 || b.Holders[0].Name != "/media/My Card" || !b.Holders[0].CanWrite {
		t.Errorf("sdb is held by %+v", b.Holders)
	}
	m := byName["mmcblk0"]
	if m.Transport != "mmc" || m.Model != "8GTF4R" || m.Serial != "0x1a2b3c4d" || !m.Health.Worn() || m.Health.Used != 110 ||
		m.Health.Reserve != "urgent" || len(m.Findings()) != 1 || !strings.Contains(m.Health.Words(), "urgent") {
		t.Errorf("mmcblk0: %+v, %v", m, m.Findings())
	}
	if c := byName["sdc"]; c.Model != "NAS Disk 4T" || c.Transport != "sata" || c.Health.Words() != "unknown" {
		t.Errorf("sdc: %+v", c)
	}
	if battery, known := s.OnBattery(); !battery || !known {
		t.Error("runs on its battery")
	}
}

func TestCheckSafeNamesWhatHoldsIt(t *testing.T) {
	s := machine(t, laptop)
	for _, c := range []struct{ path, code, why, next string }{
		{"/dev/sdb", "host.source.mount", "/media/My Card", "sudo umount '/media/My Card'"},
		{"/dev/sdb1", "host.source.mount", "/media/My Card", "umount"},
		{"/dev/nvme0n1", "host.source.mount", "mounted at /", "another system"},
		{"/dev/nvme0n1p2", "host.source.mount", "mounted at /", "another system"},
		{"/dev/sdc", "host.source.md", "/dev/md0", "mdadm --stop /dev/md0"},
		{"/dev/sdd", "host.source.mount", "/srv", "umount /srv"},
		{"/dev/sde", "host.source.mount", "/srv", "umount /srv"}, // the other half of a Btrfs of two disks
		{"/dev/mmcblk0", "", "", ""},
	} {
		err := s.CheckSafe(c.path)
		var r *RefusedError
		switch {
		case c.code == "" && err != nil:
			t.Errorf("%s: %v", c.path, err)
		case c.code != "" && !errors.As(err, &r):
			t.Errorf("%s: %v, want a refusal", c.path, err)
		case c.code != "" && (r.Code != c.code || r.Exit != ExitRefused || !strings.Contains(r.Why, c.why) || !strings.Contains(r.Next, c.next)):
			t.Errorf("%s: %+v", c.path, r)
		}
	}
}

func TestWhatAMountCanWrite(t *testing.T) {
	for _, c := range []struct {
		fs, mount, super string
		deviceRO         string
		canWrite         bool
	}{
		{"vfat", "rw", "rw", "0", true},
		{"vfat", "ro", "ro", "0", false},
		{"vfat", "ro", "rw", "0", false},
		{"ext4", "ro", "ro", "0", true},
		{"ext4", "ro", "ro,noload", "0", false},
		{"ext4", "ro", "ro,norecovery", "0", false},
		{"ext4", "ro", "ro", "1", false},
		{"ext2", "ro", "ro", "0", false},
		{"xfs", "ro", "ro", "0", true},
		{"xfs", "ro", "ro,norecovery", "0", false},
		{"btrfs", "ro", "ro,rescue=nologreplay", "0", false},
		{"btrfs", "ro", "ro", "0", true},
		{"ntfs3", "ro", "ro,norecovery", "0", true},
		{"fuseblk", "ro", "ro", "0", true},
		{"f2fs", "ro", "ro,disable_roll_forward", "0", false},
	} {
		s := machine(t, `
			sys/class/block/sda/dev = 8:0
			sys/class/block/sda/size = 2048
			sys/class/block/sda/ro = `+c.deviceRO+`
			proc/self/mountinfo = 20 1 8:0 / /mnt `+c.mount+` - `+c.fs+` /dev/sda `+c.super+`\n`)
		h, err := s.Holders("/dev/sda")
		if err != nil || len(h) != 1 || h[0].CanWrite != c.canWrite {
			t.Errorf("%+v: holders %+v, %v", c, h, err)
		}
		if (s.CheckSafe("/dev/sda") == nil) == c.canWrite {
			t.Errorf("%+v: refused wrongly", c)
		}
	}
}

func TestSwapAndReadOnlyArray(t *testing.T) {
	s := machine(t, `
		sys/class/block/sda/dev = 8:0
		sys/class/block/sda/sda1/partition = 1
		sys/class/block/sda1 -> sda/sda1
		sys/class/block/sda/sda1/dev = 8:1
		sys/class/block/sdb/dev = 8:16
		sys/class/block/sdb/holders/md1 = x
		sys/class/block/md1/dev = 9:1
		sys/class/block/md1/md/array_state = readonly
		proc/self/mountinfo = 20 1 0:1 / / rw - tmpfs none rw\n
		proc/swaps = Filename Type Size\n/dev/sda1 partition 100 0 -2\n/swapfile file 1 1 1\n`)
	var r *RefusedError
	if err := s.CheckSafe("/dev/sda"); !errors.As(err, &r) || r.Code != "host.source.swap" {
		t.Errorf("swap: %v", err)
	}
	if err := s.CheckSafe("/dev/sdb"); err != nil {
		t.Errorf("a RAID that is read-only: %v", err)
	}
	if err := s.CheckSafe("/dev/sdz"); err != nil {
		t.Errorf("a name that is no device holds nothing: %v", err)
	}
}

func TestHoldersThatStandInACircle(t *testing.T) {
	s := machine(t, `
		sys/class/block/dm-0/dev = 252:0
		sys/class/block/dm-0/dm/name = a
		sys/class/block/dm-0/holders/dm-1 = x
		sys/class/block/dm-1/dev = 252:1
		sys/class/block/dm-1/dm/name = b;rm\n
		sys/class/block/dm-1/holders/dm-0 = x
		proc/self/mountinfo = \n`)
	h, err := s.Holders("/dev/dm-0")
	if err != nil || len(h) != 1 || h[0].Kind != HeldByDM || !strings.Contains(h[0].Next, "'b;rm'") {
		t.Errorf("holders %+v, %v", h, err)
	}
}

func TestContainsFollowsWhatStandsOnTheSource(t *testing.T) {
	s := machine(t, laptop)
	// Where no folder of that name is on this computer, the nearest one that is decides, which is the root.
	for path, want := range map[string]bool{"/dev/nvme0n1": true, "/dev/nvme0n1p2": true, "/dev/sdb": false, "/dev/sdc": false} {
		if got, err := s.Contains(path, "/no-such-folder-here/case"); err != nil || got != want {
			t.Errorf("Contains(%s) = %v, %v; want %v", path, got, err, want)
		}
	}
}

func TestParseMountinfo(t *testing.T) {
	m := parseMountinfo([]byte(`36 35 98:0 /mnt1 /mnt\0402 rw,noatime master:1 shared:2 - ext3 /dev/root ro,errors=continue` + "\nshort - x\n- -\n"))
	if len(m) != 1 {
		t.Fatalf("%d mounts", len(m))
	}
	if got := m[0]; got.Device != "98:0" || got.Point != "/mnt 2" || got.FS != "ext3" || got.Source != "/dev/root" || !got.ReadOnly ||
		!slices.Contains(got.Options, "errors=continue") {
		t.Errorf("%+v", got)
	}
}

func FuzzMountinfo(f *testing.F) {
	f.Add([]byte("36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw\n"))
	f.Add([]byte(`1 2 3:4 / /a\04 ro - x`))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, m := range parseMountinfo(b) {
			replays(m)
		}
	})
}

func TestQuote(t *testing.T) {
	for in, want := range map[string]string{"/dev/sda1": "/dev/sda1", "a b": "'a b'", "it's": `'it'\''s'`, "": "''", "$(x)": "'$(x)'"} {
		if got := quote(in); got != want {
			t.Errorf("quote(%q) = %s, want %s", in, got, want)
		}
	}
}

func TestThisMachine(t *testing.T) {
	if _, err := os.Stat("/sys/class/block"); err != nil {
		need.Lacking(t, "no /sys here")
	}
	disks, err := Disks(t.Context())
	mustPanicFree(t, err)
	for _, d := range disks {
		if d.Path == "" || d.Name == "" || d.Size < 0 {
			t.Errorf("%+v", d)
		}
	}
}
