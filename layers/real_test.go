package layers

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"salvor/filesystem"
	"salvor/filesystem/ext"
	"salvor/filesystem/fat"
	"salvor/filesystem/named"
	"salvor/filesystem/ntfs"
	"salvor/volume/all"
)

func realTables() Tables {
	return Tables{Schemes: all.Table(), Kinds: append([]filesystem.Kind{ext.Kind(), fat.Kind(), ntfs.Kind()}, named.Kinds()...)}
}

// made runs a command that makes a volume of mib MiB in the file IMG, with a folder SRC of files, and
// returns the volume.
func made(t *testing.T, mib int, lines ...string) []byte {
	t.Helper()
	dir := t.TempDir()
	src := filepath.Join(dir, "src")
	if err := os.Mkdir(src, 0o700); err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		text := strings.Repeat(fmt.Sprintf("file %d\n", i), 300+100*i)
		if err := os.WriteFile(filepath.Join(src, fmt.Sprintf("a long name of file %d.txt", i)), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	img := filepath.Join(dir, "img")
	if err := os.WriteFile(img, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(img, int64(mib)<<20); err != nil {
		t.Fatal(err)
	}
	for _, line := range lines {
		command(t, strings.NewReplacer("IMG", img, "SRC", src).Replace(line))
	}
	b, err := os.ReadFile(img)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// realDisk is an image of 200 MiB with real volumes and no table.
type realDisk struct {
	img   []byte
	spans []span
	kinds []string
}

func newRealDisk(t *testing.T) realDisk {
	d := realDisk{img: make([]byte, 200<<20)}
	for _, v := range []struct {
		at, size int
		kind     string
		lines    []string
	}{
		{1, 40, "fat32", []string{"mkfs.vfat -F 32 -s 1 -n BOOT IMG", "mcopy -s -i IMG SRC ::"}},
		{44, 48, "ext4", []string{"mke2fs -q -t ext4 -b 1024 -L rootfs_a -d SRC IMG"}},
		{100, 32, "fat16", []string{"mkfs.vfat -F 16 -n DATA IMG", "mcopy -s -i IMG SRC ::"}},
		{140, 16, "ntfs", []string{"mkfs.ntfs -Q -F -q -L Windows IMG"}},
		{160, 24, "ext2", []string{"mke2fs -q -t ext2 -b 1024 -L old -d SRC IMG"}},
	} {
		copy(d.img[v.at*mib:], made(t, v.size, v.lines...))
		d.spans = append(d.spans, span{v.at, v.size})
		d.kinds = append(d.kinds, v.kind)
	}
	return d
}

func (d realDisk) want(states ...string) string {
	var out []string
	for i, s := range d.spans {
		w := fmt.Sprintf("v%d %s %d+%dM", i+1, d.kinds[i], s.at, s.size)
		if len(states) > i && states[i] != "" {
			w += " " + states[i]
		}
		out = append(out, w)
	}
	return strings.Join(out, "; ")
}

func TestRealVolumes(t *testing.T) {
	d := newRealDisk(t)
	tables := realTables()
	for _, c := range []struct {
		name   string
		write  func(img []byte)
		sweep  bool
		states []string
	}{
		{"gpt", func(b []byte) { writeGPT(b, 512, d.spans...) }, false, nil},
		{"gpt of 4096, primary gone", func(b []byte) { writeGPT(b, 4096, d.spans...); dropPrimary(b, 4096) }, false, nil},
		{"gpt, first MiB gone", func(b []byte) { writeGPT(b, 512, d.spans...); clear(b[:mib]) }, true, nil},
		{"gpt, both gone", func(b []byte) { writeGPT(b, 512, d.spans...); dropPrimary(b, 512); dropBackup(b, 512) }, true, nil},
		{"mbr", func(b []byte) { writeMBR(b, 512, d.spans[:4]...) }, true, nil},
		{"no table", func(b []byte) { clear(b[:mib]) }, true, nil},
		{"a table that is wrong", func(b []byte) { writeGPT(b, 512, span{3, 50}, span{90, 30}) }, true, nil},
		{"only backups, with a table", func(b []byte) { writeGPT(b, 512, d.spans...); d.wipe(b) }, true, d.wiped()},
		{"only backups, no table", func(b []byte) { d.wipe(b) }, true, d.wiped()},
	} {
		t.Run(c.name, func(t *testing.T) {
			img := append([]byte(nil), d.img...)
			c.write(img)
			l := resolve(t, img, tables, c.sweep)
			if got := volumes(l); got != d.want(c.states...) {
				t.Errorf("got  %s\nwant %s\n%s", got, d.want(c.states...), show(l))
			}
			for _, v := range l.Volumes() {
				if !v.Readable {
					t.Errorf("%s %s: readable is %v", v.ID, v.Kind, v.Readable)
				}
			}
		})
	}
}

// wipe destroys the primary structure of every volume that has a backup: boot sectors and superblocks.
func (d realDisk) wipe(img []byte) {
	for i, s := range d.spans {
		switch d.kinds[i] {
		case "fat32", "ntfs":
			clear(img[s.at*mib:][:512])
		case "ext4", "ext2":
			clear(img[s.at*mib:][:4096])
		}
	}
}

func (d realDisk) wiped() []string {
	var out []string
	for _, k := range d.kinds {
		if k == "fat16" { // it has no backup
			out = append(out, "")
		} else {
			out = append(out, "damaged")
		}
	}
	return out
}

// TestRealTables reads the tables of sgdisk and sfdisk, an extended partition with a broken chain among them.
func TestRealTables(t *testing.T) {
	d := newRealDisk(t)
	img := filepath.Join(t.TempDir(), "disk.img")
	write := func() {
		if err := os.WriteFile(img, d.img, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	read := func() []byte {
		b, err := os.ReadFile(img)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	write()
	line := "sgdisk"
	for i, s := range d.spans {
		line += fmt.Sprintf(" -n %d:%d:%d", i+1, s.at*2048, (s.at+s.size)*2048-1)
	}
	command(t, line+" "+img)
	l := resolve(t, read(), realTables(), false)
	if got := volumes(l); got != d.want() {
		t.Errorf("got %s\n%s", got, show(l))
	}

	write()
	command(t, "sfdisk --no-reread --no-tell-kernel "+img, extended(d))
	whole := read()
	l = resolve(t, whole, realTables(), false)
	if got := volumes(l); got != d.want() {
		t.Errorf("got %s\n%s", got, show(l))
	}
	// The chain breaks behind its second link: what it named later is found by the landmarks.
	clear(whole[139*mib : 139*mib+512])
	l = resolve(t, whole, realTables(), true)
	if got := volumes(l); got != d.want() {
		t.Errorf("got %s\n%s", got, show(l))
	}
	has(t, l, "mbr.extended.broken", "layers.volume.lost")
}

// extended returns a script for sfdisk: the first volume in a primary partition, the others in logical ones
// whose records stand one MiB before them.
func extended(d realDisk) string {
	s := fmt.Sprintf("label: dos\n1 : start=%d, size=%d, type=c\n2 : start=%d, size=%d, type=5\n",
		d.spans[0].at*2048, d.spans[0].size*2048, 43*2048, 156*2048)
	for i, p := range d.spans[1:] {
		s += fmt.Sprintf("%d : start=%d, size=%d, type=83\n", 5+i, p.at*2048, p.size*2048)
	}
	return s
}

// TestRAIDMember finds the volume of one half of a mirror inside of it.
func TestRAIDMember(t *testing.T) {
	const data = 2 << 20
	inner := made(t, 16, "mkfs.vfat -F 16 -n MIRROR IMG", "mcopy -s -i IMG SRC ::")
	img := make([]byte, 32<<20)
	member := img[4*mib:][:data+len(inner)]
	copy(member[data:], inner)
	s := member[4096:]
	le := binary.LittleEndian
	le.PutUint32(s, 0xa92b4efc)
	le.PutUint32(s[4:], 1)
	copy(s[16:], "0123456789abcdefnas:0")
	le.PutUint32(s[72:], 1)
	le.PutUint64(s[80:], uint64(len(inner)/512))
	le.PutUint32(s[92:], 2)
	le.PutUint64(s[128:], data/512)
	le.PutUint64(s[136:], uint64(len(inner)/512))
	le.PutUint64(s[144:], 8)
	le.PutUint32(s[220:], 2)
	var sum uint64
	for i := 0; i < 256+4; i += 4 {
		sum += uint64(le.Uint32(s[i:]))
	}
	le.PutUint32(s[216:], uint32(sum)+uint32(sum>>32))
	for _, table := range []bool{true, false} {
		b := append([]byte(nil), img...)
		if table {
			writeMBR(b, 512, span{4, 18})
		}
		l := resolve(t, b, realTables(), true)
		if got := volumes(l); got != "v1 linux_raid 4+18M; v2 fat16 6+16M" {
			t.Errorf("got %s\n%s", got, show(l))
		}
		if v := l.Volumes(); len(v) == 2 && (v[1].Parent != v[0] || v[0].Label != "nas:0" || v[1].Label != "MIRROR") {
			t.Errorf("got\n%s", show(l))
		}
		has(t, l, "layers.volume.inside", "named.container")
	}
}

// TestLocked gives an encrypted volume the room of its partition, or up to what follows.
func TestLocked(t *testing.T) {
	key := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(key, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	volume := made(t, 8, "cryptsetup -q luksFormat --type luks1 --pbkdf-force-iterations 1000 IMG "+key)
	inner := made(t, 16, "mkfs.vfat -F 16 -n AFTER IMG", "mcopy -s -i IMG SRC ::")
	img := make([]byte, 32<<20)
	copy(img[mib:], volume)
	copy(img[9*mib:], inner)
	for _, table := range []bool{true, false} {
		b := append([]byte(nil), img...)
		if table {
			writeMBR(b, 512, span{1, 8}, span{9, 16})
		}
		l := resolve(t, b, realTables(), true)
		if got := volumes(l); got != "v1 luks 1+8M locked; v2 fat16 9+16M" {
			t.Errorf("got %s\n%s", got, show(l))
		}
		has(t, l, "named.locked")
	}
}
