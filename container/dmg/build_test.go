package dmg_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"testing"

	"github.com/klauspost/compress/zlib"
	"github.com/ulikunitz/xz"

	"salvor/container/containertest"
)

// piece is a chunk to be written: its kind, and what of the disk it holds.
type piece struct {
	kind    uint32
	content []byte
}

// pack packs a chunk.
func pack(t testing.TB, p piece) []byte {
	t.Helper()
	var b bytes.Buffer
	switch p.kind {
	case 1:
		return p.content
	case 0, 2:
		return nil
	case 0x80000004:
		return encodeADC(p.content)
	case 0x80000005:
		w := zlib.NewWriter(&b)
		w.Write(p.content)
		w.Close()
	case 0x80000006:
		dir := t.TempDir()
		containertest.Write(t, dir, "x", p.content)
		containertest.Tool(t, dir, "bzip2", "x")
		return containertest.ReadFolder(t, dir)["x.bz2"]
	case 0x80000007: // blocks that are not packed
		b.WriteString("bvx-")
		b.Write(binary.LittleEndian.AppendUint32(nil, uint32(len(p.content))))
		b.Write(p.content)
		b.WriteString("bvx$")
	case 0x80000008:
		w, err := xz.WriterConfig{DictCap: 1 << 16}.NewWriter(&b)
		if err != nil {
			t.Fatal(err)
		}
		w.Write(p.content)
		w.Close()
	}
	return b.Bytes()
}

// encodeADC packs with literals, and copies of both lengths where bytes repeat.
func encodeADC(p []byte) []byte {
	var out, literal []byte
	flush := func() {
		for len(literal) > 0 {
			n := min(len(literal), 128)
			out = append(append(out, 0x80|byte(n-1)), literal[:n]...)
			literal = literal[n:]
		}
	}
	last := map[string]int{}
	for i := 0; i < len(p); {
		n, from := 0, 0
		if i+8 <= len(p) {
			if at, ok := last[string(p[i:i+8])]; ok && i-at <= 65536 {
				for from = at; n < 67 && i+n < len(p) && p[from+n] == p[i+n]; n++ {
				}
			}
			last[string(p[i:i+8])] = i
		}
		switch d := i - from - 1; {
		case n >= 8 && n <= 18 && d < 1024:
			flush()
			out = append(out, byte(n-3)<<2|byte(d>>8), byte(d))
		case n >= 8:
			flush()
			out = append(out, 0x40|byte(n-4), byte(d>>8), byte(d))
		default:
			literal = append(literal, p[i])
			n = 1
		}
		i += n
	}
	flush()
	return out
}

// tables makes the data and the tables ("mish") of parts of a disk.
func tables(t testing.TB, parts [][]piece) (data []byte, out [][]byte) {
	be := binary.BigEndian
	start := 0
	for _, list := range parts {
		var chunks []byte
		at, sum := 0, uint32(0)
		for _, p := range list {
			b := pack(t, p)
			n := len(p.content) / 512
			chunks = be.AppendUint32(chunks, p.kind)
			chunks = be.AppendUint32(chunks, 0)
			for _, v := range []int{at, n, len(data), len(b)} {
				chunks = be.AppendUint64(chunks, uint64(v))
			}
			if p.kind != 2 {
				sum = crc32.Update(sum, crc32.IEEETable, p.content)
			}
			data = append(data, b...)
			at += n
		}
		chunks = be.AppendUint32(chunks, 0xffffffff)
		chunks = be.AppendUint32(chunks, 0)
		for _, v := range []int{at, 0, len(data), 0} {
			chunks = be.AppendUint64(chunks, uint64(v))
		}
		b := be.AppendUint32([]byte("mish"), 1)
		b = be.AppendUint64(b, uint64(start))
		b = be.AppendUint64(b, uint64(at))
		b = be.AppendUint64(b, 0)
		b = be.AppendUint32(b, 2056)
		b = be.AppendUint32(b, 0)
		b = append(b, make([]byte, 24)...)
		b = be.AppendUint32(b, 2)
		b = be.AppendUint32(b, 32)
		b = be.AppendUint32(b, sum)
		b = append(b, make([]byte, 124)...)
		b = be.AppendUint32(b, uint32(len(chunks)/40))
		out = append(out, append(b, chunks...))
		start += at
	}
	return data, out
}

// plist is the list of tables as XML.
func plist(tables [][]byte) []byte {
	var b bytes.Buffer
	b.WriteString("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n" +
		"<plist version=\"1.0\">\n<dict>\n\t<key>resource-fork</key>\n\t<dict>\n\t\t<key>blkx</key>\n\t\t<array>\n")
	for i, t := range tables {
		text := base64.StdEncoding.EncodeToString(t)
		for k := 60; k < len(text); k += 65 {
			text = text[:k] + "\n\t\t\t\t" + text[k:]
		}
		fmt.Fprintf(&b, "\t\t\t<dict>\n\t\t\t\t<key>Attributes</key>\n\t\t\t\t<string>0x0050</string>\n\t\t\t\t<key>CFName</key>\n\t\t\t\t<string>part %d</string>\n"+
			"\t\t\t\t<key>Data</key>\n\t\t\t\t<data>\n\t\t\t\t%s\n\t\t\t\t</data>\n\t\t\t\t<key>ID</key>\n\t\t\t\t<string>%d</string>\n\t\t\t\t<key>Name</key>\n\t\t\t\t<string>part %d</string>\n\t\t\t</dict>\n",
			i, text, i, i)
	}
	b.WriteString("\t\t</array>\n\t\t<key>plst</key>\n\t\t<array>\n\t\t\t<dict>\n\t\t\t\t<key>Data</key>\n\t\t\t\t<data>\n\t\t\t\tAAAA\n\t\t\t\t</data>\n\t\t\t</dict>\n\t\t</array>\n\t</dict>\n</dict>\n</plist>\n")
	return b.Bytes()
}

// resources is the list of tables as a resource fork.
func resources(tables [][]byte) []byte {
	be := binary.BigEndian
	var data, refs []byte
	for i, t := range tables {
		refs = be.AppendUint16(refs, uint16(i))
		refs = be.AppendUint16(refs, 0xffff)
		refs = be.AppendUint32(refs, uint32(len(data)))
		refs = append(refs, 0, 0, 0, 0)
		data = append(be.AppendUint32(data, uint32(len(t))), t...)
	}
	list := append(make([]byte, 24), 0, 28, 0, 0)
	list = append(list, 0, 0)
	list = append(list, "blkx"...)
	list = be.AppendUint16(list, uint16(len(tables)-1))
	list = be.AppendUint16(list, 10)
	list = append(list, refs...)
	head := make([]byte, 256)
	for i, v := range []int{256, 256 + len(data), len(data), len(list)} {
		be.PutUint32(head[4*i:], uint32(v))
	}
	return append(append(head, data...), list...)
}

// finish puts data, list and trailer together.
func finish(data, list []byte, fork bool, sectors int) []byte {
	be := binary.BigEndian
	koly := make([]byte, 512)
	copy(koly, "koly\x00\x00\x00\x04\x00\x00\x02\x00\x00\x00\x00\x01")
	be.PutUint64(koly[32:], uint64(len(data)))
	at := 216
	if fork {
		at = 40
	}
	be.PutUint64(koly[at:], uint64(len(data)))
	be.PutUint64(koly[at+8:], uint64(len(list)))
	be.PutUint32(koly[56:], 1)
	be.PutUint32(koly[60:], 1)
	be.PutUint32(koly[488:], 1)
	be.PutUint64(koly[492:], uint64(sectors))
	return append(append(bytes.Clone(data), list...), koly...)
}

// whole is an image of two parts with every kind of chunk, and its disk.
func whole(t testing.TB, kinds ...uint32) (parts [][]piece, disk []byte) {
	disk = containertest.Disk(512*3001, 1)
	const n = 100 << 10
	half := len(disk) / 2 / n * n
	list := [2][]piece{}
	for at, i := 0, 0; at < len(disk); i++ {
		size := min(n, len(disk)-at)
		p := piece{kinds[i%len(kinds)], disk[at : at+size]}
		if p.kind == 0 || p.kind == 2 {
			clear(p.content)
		}
		which := 0
		if at >= half {
			which = 1
		}
		list[which] = append(list[which], p)
		at += size
	}
	return list[:], disk
}
