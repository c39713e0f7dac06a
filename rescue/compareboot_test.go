//go:build linux

package rescue

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"salvor/compare"
	"salvor/compare/boot"
	"salvor/internal/need"
)

func (c *Compared) choice(t *testing.T, scheme string) *boot.Choice {
	t.Helper()
	for i := range c.Choices {
		if c.Choices[i].Scheme == scheme {
			return &c.Choices[i]
		}
	}
	t.Fatalf("no %s among %+v", scheme, c.Choices)
	return nil
}

// What boot loaders left on a disk: Android's misc and GPT attributes, with their places.
func TestCompareBoot(t *testing.T) {
	u := newEMMC(t, 31)
	copy(u.image[u.b:], u.new[:100_000])
	misc := u.image[6144*512:]
	copy(misc, "boot-recovery")
	k := misc[2048:]
	copy(k, "_a")
	binary.LittleEndian.PutUint32(k[4:], 0x42414342)
	k[8], k[9] = 1, 2
	binary.LittleEndian.PutUint16(k[12:], 14|1<<7)
	binary.LittleEndian.PutUint16(k[14:], 15|6<<4)
	binary.LittleEndian.PutUint32(k[28:], crc32.ChecksumIEEE(k[:28]))
	c := u.compareTo(t, nil)
	m := c.choice(t, "Android misc")
	if m.Next != "b" || !m.Trial || m.Offset != 6144*512 || !c.told("compare.boot.switched") || !c.told("compare.boot.pending") {
		t.Errorf("%+v %v", m, c.Findings)
	}

	// The attributes of the partition entries, by sgdisk's own tool: a kernel of ChromiumOS in each slot.
	need.Tools(t, "sgdisk")
	disk := filepath.Join(u.dir, "now.img")
	for _, args := range [][]string{
		{"-t", "1:7F00", "-t", "2:7F00", disk}, {"-A", "1:set:48", "-A", "1:set:56", "-A", "2:set:49", "-A", "2:set:52", disk},
	} {
		if out, err := exec.Command("sgdisk", args...).CombinedOutput(); err != nil {
			t.Fatalf("sgdisk %q: %v: %s", args, err, out)
		}
	}
	u.image = readFile(t, disk)
	c = u.compareTo(t, nil)
	g := c.choice(t, "ChromiumOS GPT attributes")
	if g.Next != "rootfs_b" || !g.Trial || g.Offset != 1024+128+48 {
		t.Errorf("%+v", g)
	}
	if got := binary.LittleEndian.Uint64(u.image[g.Offset:]); got>>48 != 2|1<<4 {
		t.Errorf("at %d stands %x", g.Offset, got)
	}
}

// A file system's files: RAUC's slots, whose names are those of the configuration, and GRUB's environment.
func TestCompareRAUCConfiguration(t *testing.T) {
	need.Tools(t, "sgdisk", "mkfs.ext4", "grub-editenv", "debugfs")
	u := newEMMC(t, 32)
	copy(u.image[u.b:], u.new[:100_000])
	u.file(t, "root/etc/rauc/system.conf", []byte("[system]\ncompatible=Test\nbootloader=grub\n\n[slot.system.0]\ndevice=/dev/mmcblk0p1\nbootname=X\n\n[slot.system.1]\ndevice=/dev/mmcblk0p2\nbootname=Y\n"))
	u.file(t, "root/grub/x", nil)
	env := filepath.Join(u.dir, "root/grub/grubenv")
	u.inDir(t, "", "grub-editenv", env, "create")
	u.inDir(t, "", "grub-editenv", env, "set", "ORDER=Y X", "X_OK=1", "Y_OK=1", "X_TRY=0", "Y_TRY=0")
	volume := filepath.Join(u.dir, "ext4")
	u.inDir(t, "", "mkfs.ext4", "-q", "-d", "root", volume, "512k")
	copy(u.image[6272*512:], readFile(t, volume))
	disk := u.file(t, "named.img", u.image)
	u.inDir(t, "", "sgdisk", "-c", "1:left", "-c", "2:right", disk)
	u.image = readFile(t, disk)
	c := u.compareTo(t, nil)
	x := c.on(t, "right")
	holds(t, "by configuration", x, u.image[u.b:], u.old, u.new, 100_000)
	if r := c.Regions[x.Region]; r.Group != "system" || r.Slot != "y" {
		t.Errorf("%+v", r)
	}
	g := c.choice(t, "GRUB environment")
	if g.Next != "Y" || c.Leads(c.Regions, g) != compare.SwitchedYes {
		t.Errorf("%+v", g)
	}
	if g.Offset < 0 || !bytes.HasPrefix(u.image[g.Offset:], []byte("# GRUB Environment Block\n")) {
		t.Errorf("at %d stands %q", g.Offset, u.image[max(0, g.Offset):][:20])
	}
}

// The flash of an ESP chip, with its partition table. Written from ESP-IDF's description: not checked against the maker's tool.
func TestCompareESP(t *testing.T) {
	u := newEMMC(t, 33)
	image := bytes.Repeat([]byte{0xFF}, 4<<20)
	row := func(i int, name string, kind, sub byte, at, size uint32) {
		b := image[0x8000+32*i:]
		b[0], b[1], b[2], b[3] = 0xAA, 0x50, kind, sub
		binary.LittleEndian.PutUint32(b[4:], at)
		binary.LittleEndian.PutUint32(b[8:], size)
		clear(b[12:32])
		copy(b[12:28], name)
	}
	row(0, "nvs", 1, 2, 0x9000, 0x4000)
	row(1, "otadata", 1, 0, 0xD000, 0x2000)
	row(2, "ota_0", 0, 0x10, 0x10000, 0x180000)
	row(3, "ota_1", 0, 0x11, 0x190000, 0x180000)
	b := image[0xD000:]
	binary.LittleEndian.PutUint32(b, 1)
	binary.LittleEndian.PutUint32(b[24:], 2)
	binary.LittleEndian.PutUint32(b[28:], crc32.Update(0xFFFFFFFF, crc32.IEEETable, b[:4]))
	copy(image[0x10000:], u.old)
	u.a, u.b = 0x10000, 0x190000
	cut := 300_000 // the rest was erased ahead
	copy(image[u.b:], u.new[:cut])
	u.image = image
	c := u.compareTo(t, nil)
	x := c.on(t, "ota_1")
	if x.Bracket.From > int64(cut) || x.Bracket.To < int64(cut) || x.Bytes[compare.Erased] == 0 {
		t.Errorf("%v %+v %+v", x.Order, x.Bracket, x.Bytes)
	}
	if o := c.choice(t, "ESP otadata"); o.Next != "ota_0" || c.Leads(c.Regions, o) != compare.SwitchedNo || o.Offset != 0xD000 {
		t.Errorf("%+v", o)
	}
	u.finish(t, c)
}

// The picture has one character for each share, and the class that matters most of each.
func TestComparePicture(t *testing.T) {
	u := newEMMC(t, 34)
	copy(u.image[u.b:], u.new[:len(u.new)/2])
	for _, l := range u.compareTo(t, nil).Lines().Parts {
		if len(l.Picture) != 64 || strings.Trim(l.Picture, "#.=%+_?!~-") != "" {
			t.Errorf("%s: %q", l.Region, l.Picture)
		}
		if l.Region == "rootfs_b" && (!strings.HasPrefix(strings.TrimLeft(l.Picture, "="), "#") || !strings.HasSuffix(strings.TrimRight(l.Picture, "="), ".")) {
			t.Errorf("%q", l.Picture)
		}
	}
}
