package ext

import (
	"bytes"
	"encoding/binary"
	"testing"

	"salvor/block"
)

// TestFlippedAttributes damages attributes in each place where they can stand: the file itself is still read.
func TestFlippedAttributes(t *testing.T) {
	for _, x := range []struct {
		name, path string
		find       []byte // the value whose first byte is flipped
		place      string
	}{
		{"ext4", "attributes.txt", []byte("0123456789"), "block"},
		{"ext2", "attributes.txt", []byte("0123456789"), "block"},
		{"ea_inode", "one.txt", []byte("a large value "), "inode of its own"},
	} {
		p := readImage(t, x.name)
		v := mustOpen(t, p)
		q := bytes.Clone(p)
		for at := 0; ; {
			i := bytes.Index(q[at:], x.find)
			if i < 0 {
				break
			}
			at += i
			q[at] ^= 1
		}
		w, got, errs := walk(t, q)
		f := got["live "+x.path]
		if f == nil || len(errs) > 0 {
			t.Fatalf("%s: %v", x.name, errs)
		}
		if v.sb.metaCsum() {
			has(t, x.name, codes(f), "attributes.broken")
			if len(f.Attributes["user.long"]) > 0 || len(f.Attributes["user.large"]) > 0 {
				t.Errorf("%s: a value in a %s that fails its checksum is given", x.name, x.place)
			}
		}
		if b, err := readAll(t, w, f); err != nil || int64(len(b)) != f.Size() {
			t.Errorf("%s: %v", x.name, err)
		}
		others(t, p, w, got, x.path)
	}
}

func TestParseAttributes(t *testing.T) {
	entry := func(index uint8, name string, at, inode, size uint32) []byte {
		b := make([]byte, 16, 32)
		b[0], b[1] = byte(len(name)), index
		binary.LittleEndian.PutUint16(b[2:], uint16(at))
		binary.LittleEndian.PutUint32(b[4:], inode)
		binary.LittleEndian.PutUint32(b[8:], size)
		b = append(b, name...)
		return append(b, make([]byte, (4-len(b)%4)%4)...)
	}
	join := func(parts ...[]byte) []byte { return append(bytes.Join(parts, nil), make([]byte, 64)...) }
	for _, x := range []struct {
		what   string
		b      []byte
		names  []string
		broken bool
	}{
		{"none", make([]byte, 16), nil, false},
		{"two", join(entry(1, "a", 60, 0, 4), entry(6, "selinux", 64, 0, 8)), []string{"user.a", "security.selinux"}, false},
		{"value outside", join(entry(1, "a", 60, 0, 4000), entry(1, "b", 60, 0, 4)), []string{"user.b"}, true},
		{"value wraps", join(entry(1, "a", 60, 0, 0xFFFFFFFF), entry(1, "b", 60, 0, 4)), []string{"user.b"}, true},
		{"value elsewhere", join(entry(1, "a", 0, 99, 1<<30)), []string{"user.a"}, false},
		{"unknown prefix", join(entry(77, "a", 60, 0, 0)), []string{"index-77.a"}, false},
		{"not UTF-8", join(entry(1, "\xff\xfe", 60, 0, 0)), []string{"user.\ufffd"}, false},
		{"name cut off", append(entry(1, "b", 0, 0, 0), 200, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), []string{"user.b"}, true},
		{"entry cut off", append(entry(1, "b", 0, 0, 0), 1, 1, 0, 0, 0, 0), []string{"user.b"}, true},
	} {
		list, broken := parseAttributes(x.b, 0, 0)
		var names []string
		for _, a := range list {
			names = append(names, a.name)
			if a.inode == 0 && a.at+int(a.size) > len(x.b) {
				t.Errorf("%s: %+v ends behind its bytes", x.what, a)
			}
		}
		if len(names) != len(x.names) || (broken != "") != x.broken {
			t.Errorf("%s: %q, %q", x.what, names, broken)
			continue
		}
		for i := range names {
			if names[i] != x.names[i] {
				t.Errorf("%s: %q, expected %q", x.what, names[i], x.names[i])
			}
		}
	}
}

// TestBrokenInline damages content and entries that stand in inodes.
func TestBrokenInline(t *testing.T) {
	p := readImage(t, "ext4-inline")
	file, dir := mustInode(t, p, "inline-xattr.txt"), mustInode(t, p, "deep/level 0")
	if !file.inline() || !dir.inline() {
		t.Fatal("not inline")
	}
	t.Run("size", func(t *testing.T) {
		q := bytes.Clone(p)
		binary.LittleEndian.PutUint32(q[file.offset+4:], 100000)
		v, got, _ := walk(t, q)
		f := got["live inline-xattr.txt"]
		if f == nil || f.Sound {
			t.Fatalf("%+v", f)
		}
		has(t, "size", codes(f), "inline.broken")
		for _, r := range f.Streams[0].Runs {
			if r.Kind == block.Data && r.Physical+r.Length > file.offset+256 {
				t.Errorf("%v ends behind the inode", r)
			}
		}
		others(t, p, v, got, "inline-xattr.txt")
	})
	t.Run("attribute", func(t *testing.T) {
		q := bytes.Clone(p)
		start := file.offset + 128 + int64(file.extra)
		clear(q[start : start+4])
		v, got, _ := walk(t, q)
		f := got["live inline-xattr.txt"]
		if f == nil || f.Sound || f.Size() != 90 {
			t.Fatalf("%+v", f)
		}
		if b, err := readAll(t, v, f); err == nil {
			t.Errorf("%d bytes read, of which 30 are lost", len(b))
		}
		others(t, p, v, got, "inline-xattr.txt")
	})
	t.Run("directory", func(t *testing.T) {
		q := bytes.Clone(p)
		binary.LittleEndian.PutUint16(q[dir.offset+iblockOffset+4+4:], 3)
		v, got, errs := walk(t, q)
		if len(errs) == 0 {
			t.Error("nothing says that an entry is broken")
		}
		others(t, p, v, got, "deep/level 0/")
		found := false
		for _, f := range got {
			found = found || f.Size() == 2222
		}
		if !found {
			t.Error("what stood below it is lost")
		}
	})
}
