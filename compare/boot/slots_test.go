package boot

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"salvor/block"
)

// miscImage writes Android's misc as AOSP's headers define it. Not checked against the maker's tool.
func miscImage(command, recovery string, slots [2]slotMetadata) []byte {
	b := make([]byte, 64<<10)
	copy(b, command)
	copy(b[64:], recovery)
	k := b[controlAt:]
	copy(k, "_a")
	binary.LittleEndian.PutUint32(k[4:], controlMagic)
	k[8] = 1
	k[9] = 2 | 7<<3
	for i, s := range slots {
		m := uint16(s.priority) | uint16(s.tries)<<4
		if s.good {
			m |= 1 << 7
		}
		binary.LittleEndian.PutUint16(k[12+2*i:], m)
	}
	binary.LittleEndian.PutUint32(k[28:], crc32.ChecksumIEEE(k[:28]))
	v := b[virtualAt:]
	v[0] = 2
	binary.LittleEndian.PutUint32(v[1:], virtualMagic)
	v[5], v[6] = 3, 1
	return b
}

func TestMisc(t *testing.T) {
	b := miscImage("boot-recovery", "recovery\n--update_package=/cache/update.zip\n", [2]slotMetadata{{priority: 14, good: true}, {priority: 15, tries: 6}})
	area := Area{Name: "misc", Source: block.Section(block.Bytes(append(make([]byte, 4096), b...)), block.Extent{Offset: 4096, Length: int64(len(b))})}
	list := find(t, Input{Areas: []Area{area}})
	if len(list) != 1 || list[0].Next != "b" || !list[0].Trial || list[0].Pending != "the recovery system installs an update at the next start" {
		t.Fatalf("%+v", list)
	}
	if v, at := list[0].value("slot b tries remaining"); v != "6" || at != 4096+controlAt+14 {
		t.Errorf("%s at %d", v, at)
	}
	if v, _ := list[0].value("merge_status"); v != mergeWords[3] {
		t.Error(v)
	}
	// No tries left: the other one.
	list = find(t, Input{Areas: []Area{{Name: "misc", Source: block.Bytes(miscImage("", "", [2]slotMetadata{{priority: 14, good: true}, {priority: 15}}))}}})
	if list[0].Next != "a" || list[0].Trial || list[0].Pending != "" {
		t.Errorf("%+v", list)
	}
	// Every flipped bit of the metadata is told, and chooses nothing.
	for i := range 32 * 8 {
		p := miscImage("", "", [2]slotMetadata{{priority: 15, good: true}, {priority: 14, tries: 1}})
		p[controlAt+i/8] ^= 1 << (i % 8)
		for _, c := range find(t, Input{Areas: []Area{{Name: "misc", Source: block.Bytes(p)}}}) {
			if c.Next != "" {
				t.Fatalf("bit %d: %+v", i, c)
			}
		}
	}
}

func TestAttributes(t *testing.T) {
	list := find(t, Input{Entries: []Entry{
		{Name: "KERN-A", Type: kernelType, Attributes: (1 | 15<<4) << 48, Offset: 1072},
		{Name: "KERN-B", Type: kernelType, Attributes: (2 | 1<<8) << 48, Offset: 1200},
		{Name: "boot_a", Attributes: (3 | 1<<2 | 7<<3 | 1<<6) << 48, Offset: 2000},
		{Name: "boot_b", Attributes: (2 | 1<<7) << 48, Offset: 2128},
		{Name: "data"},
	}})
	if len(list) != 2 || list[0].Next != "KERN-B" || list[0].Trial || list[0].Offset != 1200 || list[1].Next != "boot_a" || list[1].Trial {
		t.Errorf("%+v", list)
	}
	if v, at := list[0].value("KERN-A tries"); v != "15" || at != 1072 {
		t.Error(v, at)
	}
}

func otaRecord(b []byte, seq, state uint32) {
	binary.LittleEndian.PutUint32(b, seq)
	binary.LittleEndian.PutUint32(b[24:], state)
	binary.LittleEndian.PutUint32(b[28:], crc32.Update(0xFFFFFFFF, crc32.IEEETable, b[:4]))
}

func TestOTAData(t *testing.T) {
	for _, c := range []struct {
		one, two        uint32
		state1, state2  uint32
		breakTwo, trial bool
		next            string
	}{
		{1, 2, 2, 0, false, true, "ota_1"},
		{3, 2, 2, 2, false, false, "ota_0"},
		{1, 2, 2, 4, false, false, "ota_0"},
		{1, 2, 2, 2, true, false, "ota_0"},
	} {
		b := bytes.Repeat([]byte{0xFF}, 8192)
		otaRecord(b, c.one, c.state1)
		otaRecord(b[4096:], c.two, c.state2)
		if c.breakTwo {
			b[4096] ^= 2
		}
		list := find(t, Input{Areas: []Area{{Name: "otadata", Source: block.Bytes(b)}}})
		if len(list) != 1 || list[0].Next != c.next || list[0].Trial != c.trial {
			t.Errorf("%+v: %+v", c, list)
		}
	}
	if list := find(t, Input{Areas: []Area{{Name: "otadata", Source: block.Bytes(bytes.Repeat([]byte{0xFF}, 8192))}}}); len(list) != 1 || list[0].Next != "factory" {
		t.Errorf("%+v", list)
	}
}

// slot makes a slot of MCUboot with these flags at its end, as design.md says. Not checked against the maker's tool.
func slot(magic bool, imageOK, copyDone, swap byte) []byte {
	b := bytes.Repeat([]byte{0xFF}, 64<<10)
	if magic {
		copy(b[len(b)-16:], mcuMagic)
	}
	b[len(b)-24], b[len(b)-32], b[len(b)-40] = imageOK, copyDone, swap
	return b
}

func TestMCUboot(t *testing.T) {
	for _, c := range []struct {
		name          string
		first, second []byte
		next          string
		pending       bool
	}{
		{"test swap", slot(false, 0xFF, 0xFF, 0xFF), slot(true, 0xFF, 0xFF, 2), "image-1", true},
		{"permanent", slot(false, 0xFF, 0xFF, 0xFF), slot(true, 1, 0xFF, 3), "image-1", true},
		{"revert", slot(true, 0xFF, 1, 2), slot(false, 0xFF, 0xFF, 0xFF), "image-1", true},
		{"confirmed", slot(true, 1, 1, 2), slot(false, 0xFF, 0xFF, 0xFF), "image-0", false},
	} {
		list := find(t, Input{Areas: []Area{{Name: "image-0", Source: block.Bytes(c.first)}, {Name: "image-1", Source: block.Bytes(c.second)}}})
		last := list[len(list)-1]
		if last.Scheme != "MCUboot" || last.Next != c.next || (last.Pending != "") != c.pending {
			t.Errorf("%s: %+v", c.name, list)
		}
	}
}

func TestGrub(t *testing.T) {
	dir := t.TempDir()
	env := filepath.Join(dir, "grubenv")
	tool(t, "grub-editenv", env, "create")
	tool(t, "grub-editenv", env, "set", "ORDER=A B", "A_OK=1", "A_TRY=1", "B_OK=1", "B_TRY=0", "saved_entry=old")
	v := Volume{Name: "efi", FS: fstest.MapFS{"EFI/BOOT/grubenv": {Data: read(t, env)}}, Place: func(string) int64 { return 5000 }}
	list := find(t, Input{Volumes: []Volume{v}})
	if len(list) != 1 || list[0].Next != "B" || list[0].Offset != 5000 {
		t.Fatalf("%+v", list)
	}
	if v, at := list[0].value("A_OK"); v != "1" || string(read(t, env)[at-5000:at-5000+6]) != "A_OK=1" {
		t.Error(v, at)
	}
	tool(t, "grub-editenv", env, "unset", "ORDER")
	v.FS = fstest.MapFS{"boot/grub/grubenv": {Data: read(t, env)}}
	if list = find(t, Input{Volumes: []Volume{v}}); list[0].Next != "old" {
		t.Errorf("%+v", list)
	}
}

func files(names map[string]string) fs.FS {
	m := fstest.MapFS{}
	for n, text := range names {
		m[n] = &fstest.MapFile{Data: []byte(text)}
	}
	return m
}

func TestFiles(t *testing.T) {
	for _, c := range []struct {
		name, next string
		trial      bool
		files      map[string]string
	}{
		{"newest on trial", "linux-6.10", true, map[string]string{"loader/entries/linux-6.9.conf": "", "loader/entries/linux-6.10+2-1.conf": ""}},
		{"newest failed", "linux-6.9", false, map[string]string{"loader/entries/linux-6.9.conf": "", "loader/entries/linux-6.10+0-3.conf": ""}},
		{"a default", "old", false, map[string]string{"EFI/Linux/new.efi": "", "EFI/Linux/old.efi": "", "loader/loader.conf": "timeout 3\ndefault old*\n"}},
		{"autoboot", "partition 2", false, map[string]string{"autoboot.txt": "[all]\ntryboot_a_b=1\nboot_partition=2\n[tryboot]\nboot_partition=3\n"}},
		{"tryboot", "config.txt", false, map[string]string{"tryboot.txt": "kernel=new.img\n", "config.txt": ""}},
	} {
		list := find(t, Input{Volumes: []Volume{{Name: "boot", FS: files(c.files)}}})
		if len(list) != 1 || list[0].Next != c.next || list[0].Trial != c.trial {
			t.Errorf("%s: %+v", c.name, list)
		}
		for n := range c.files {
			if !WantedFile(n) {
				t.Errorf("%s is not read", n)
			}
		}
	}
}

func TestESPTable(t *testing.T) {
	row := func(name string, kind, sub byte, at, size uint32) []byte {
		b := make([]byte, 32)
		b[0], b[1], b[2], b[3] = 0xAA, 0x50, kind, sub
		binary.LittleEndian.PutUint32(b[4:], at)
		binary.LittleEndian.PutUint32(b[8:], size)
		copy(b[12:], name)
		return b
	}
	table := append(row("otadata", 1, 0, 0xD000, 0x2000), row("ota_0", 0, 0x10, 0x10000, 0x100000)...)
	if list := ESPTable(append(table, bytes.Repeat([]byte{0xFF}, 64)...)); len(list) != 2 || list[1].Name != "ota_0" || list[1].Size != 0x100000 {
		t.Errorf("%+v", list)
	}
	for _, bad := range [][]byte{nil, {0xAA}, append(bytes.Clone(table), "text that is no row and no sum...."...), row("x", 0, 0, 1, 5)} {
		if list := ESPTable(bad); list != nil {
			t.Errorf("%q: %+v", bad, list)
		}
	}
}

func FuzzAreas(f *testing.F) {
	f.Add(miscImage("boot-recovery", "", [2]slotMetadata{})[:4096], "misc")
	f.Add(slot(true, 1, 1, 2)[60<<10:], "image-0")
	f.Add([]byte(grubHead+"a=b\n"), "otadata")
	f.Fuzz(func(t *testing.T, b []byte, name string) {
		_, err := Find(t.Context(), Input{Areas: []Area{{Name: name, Loose: len(b)%2 == 0, Source: block.Bytes(b)}},
			Volumes: []Volume{{Name: name, FS: fstest.MapFS{"grubenv": {Data: b}, "autoboot.txt": {Data: b}, "uboot.env": {Data: b}}}}})
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		_ = ESPTable(b)
	})
}
