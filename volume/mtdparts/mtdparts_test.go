package mtdparts

import (
	"encoding/binary"
	"hash/crc32"
	"strings"
	"testing"

	"salvor/volume/volumetest"
)

// parm makes a parameter block as Rockchip describes it.
func parm(text string) []byte {
	b := make([]byte, 8, 8+len(text)+4)
	copy(b, "PARM")
	binary.LittleEndian.PutUint32(b[4:], uint32(len(text)))
	b = append(b, text...)
	return binary.LittleEndian.AppendUint32(b, rockchipCRC([]byte(text)))
}

const parameterText = "FIRMWARE_VER:8.1\nMACHINE_MODEL:box\nCMDLINE: console=ttyS2 mtdparts=rk29xxnand:0x00002000@0x00002000(uboot),0x00002000@0x00004000(trust)," +
	"0x00008000@0x00006000(boot:bootable),-@0x0000e000(rootfs:grow)\n"

func image(size int, at int, b []byte) []byte {
	img := make([]byte, size)
	copy(img[at:], b)
	return img
}

func TestParameter(t *testing.T) {
	const names = " 1:8192+8192=uboot 2:16384+8192=trust 3:24576+32768=boot 4:57344+8192=rootfs"
	for _, c := range []struct {
		name string
		img  []byte
		want string
	}{
		{"at 0", image(32<<20, 0, parm(parameterText)), "mtdparts@0/512 valid" + names},
		{"behind the loader", image(32<<20, 4<<20, parm(parameterText)),
			"mtdparts@4194304/512 valid 1:16384+8192=uboot 2:24576+8192=trust 3:32768+32768=boot 4:65536+0=rootfs; mtdparts@4194304/512 valid" + names},
		{"a copy elsewhere", image(32<<20, 3<<20, parm(parameterText)), "mtdparts@3145728/512 valid" + names},
		{"a wrong checksum", image(32<<20, 0, append(parm(parameterText)[:8+len(parameterText)], 1, 2, 3, 4)), "mtdparts@0/512" + names + " mtdparts.checksum"},
		{"another text", image(1<<20, 0, parm("FIRMWARE_VER:1\n")), ""},
		{"a broken list", image(1<<20, 0, parm("CMDLINE: mtdparts=x:0x10(a),!\n")), "mtdparts@0/512 mtdparts.text"},
		{"a long length", image(1<<20, 0, []byte("PARM\xff\xff\xff\xff")), ""},
	} {
		got := volumetest.Describe(volumetest.Read(t, Scheme(), c.img))
		if c.name == "behind the loader" {
			// The last one takes what is left behind it: nothing in the first reading, so that it has an error.
			if !strings.Contains(got, "; mtdparts@4194304/512 valid"+names) {
				t.Errorf("%s: got %s", c.name, got)
			}
			continue
		}
		if got != c.want {
			t.Errorf("%s: got  %s\nwant %s", c.name, got, c.want)
		}
	}
}

// The checksum is that of the maker's tool: these bytes are from its documentation of the algorithm.
func TestChecksum(t *testing.T) {
	if rockchipCRC(nil) != 0 || rockchipCRC([]byte{1}) != 0x04C10DB7 || rockchipCRC([]byte{0x80}) == 0 {
		t.Errorf("got %08x", rockchipCRC([]byte{1}))
	}
}

// environment makes an environment of U-Boot.
func uboot(size int, redundant bool, values ...string) []byte {
	b := make([]byte, size)
	head := 4
	if redundant {
		head = 5
		b[4] = 1
	}
	copy(b[head:], strings.Join(values, "\x00")+"\x00\x00")
	binary.LittleEndian.PutUint32(b, crc32.ChecksumIEEE(b[head:]))
	return b
}

func TestEnvironment(t *testing.T) {
	const list = "mtdparts=mtdparts=spi0.0:256k(u-boot)ro,64k(env),4m(kernel),-(rootfs);nand0:1m(other)"
	for _, redundant := range []bool{false, true} {
		img := image(16<<20, 256<<10, uboot(64<<10, redundant, "bootcmd=bootm", list, "zz=1"))
		tables := volumetest.Read(t, Scheme(), img)
		if len(tables) != 1 || !tables[0].Valid || len(tables[0].Entries) != 4 {
			t.Fatalf("got %s", volumetest.Describe(tables))
		}
		e := tables[0].Entries
		if e[2].Extent.Offset != 320<<10 || e[2].Extent.Length != 4<<20 || e[3].Extent.End() != 16<<20 || e[3].Name != "rootfs" || strings.Join(e[0].Notes, "") != "read-only" {
			t.Errorf("got %s", volumetest.Describe(tables))
		}
		img[256<<10+9]++
		tables = volumetest.Read(t, Scheme(), img)
		if len(tables) != 1 || tables[0].Valid || len(tables[0].Findings) != 1 {
			t.Errorf("a damaged environment: %s", volumetest.Describe(tables))
		}
	}
}

func TestText(t *testing.T) {
	for _, c := range []struct {
		text string
		want string // "" is an error
	}{
		{"jz_sfc:256K(boot),352K(tag),2560K(kernel),5M(rootfs),-(data),16M@0(all)", "1 2 3 4 5 6"},
		{"x:0x10@0x20(a)", "1"},
		{"x:-", "1"},
		{"x", ""}, {"x:", ""}, {"x:(a)", ""}, {"x:1k(a", ""}, {"x:1k(a),", ""}, {"x:99999999999999999999(a)", ""}, {"x:1g@-1(a)", ""},
		{"x:9223372036854775807g(a)", ""}, {"x:0(a)", ""},
	} {
		e, err := parseText(c.text, 0, 1, 0, 16<<20)
		var got []string
		for _, p := range e {
			got = append(got, string(rune('0'+p.Number)))
		}
		if (err != nil) != (c.want == "") || strings.Join(got, " ") != c.want {
			t.Errorf("%q: %v, %v", c.text, got, err)
		}
	}
}

func TestDamage(t *testing.T) { volumetest.Damage(t, Scheme(), image(1<<20, 0, parm(parameterText))) }

func FuzzRead(f *testing.F) {
	volumetest.Fuzz(f, Scheme(), parm(parameterText), uboot(4096, false, "a=b", "mtdparts=x:1k(a),-(b)"))
}
