package hfsplus

import (
	"bytes"
	"compress/zlib"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"golang.org/x/text/unicode/norm"

	"salvor/block"
	"salvor/cursor"
	"salvor/filesystem"
	"salvor/filesystem/filesystemtest"
	"salvor/internal/need"
)

func openTest(src block.Source) (filesystem.FileSystem, error) {
	return Open(context.Background(), src)
}

func mustOpen(t testing.TB, src block.Source) filesystem.FileSystem {
	t.Helper()
	fsys, err := openTest(src)
	if err != nil {
		t.Fatal(err)
	}
	return fsys
}

// listed is what a walk gave.
type listed struct {
	files map[string]*filesystem.File // by state and path, "deleted a/b"; live ones by path alone
	errs  []error
}

func list(t testing.TB, fsys filesystem.FileSystem) listed {
	t.Helper()
	l := listed{files: map[string]*filesystem.File{}}
	for f, err := range fsys.Files(context.Background()) {
		if err != nil {
			l.errs = append(l.errs, err)
			continue
		}
		key := f.Path
		if f.State != filesystem.Live {
			key = f.State.String() + " " + key
		}
		if l.files[key] != nil {
			t.Errorf("%q is listed twice", key)
		}
		l.files[key] = f
	}
	return l
}

func content(fsys filesystem.FileSystem, f *filesystem.File, stream string) ([]byte, error) {
	src, err := fsys.Open(f, stream)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(block.Reader(src))
}

func checkContent(t testing.TB, fsys filesystem.FileSystem, f *filesystem.File, stream string, want []byte) {
	t.Helper()
	if f == nil {
		t.Error("a file is missing")
		return
	}
	if got, err := content(fsys, f, stream); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s: stream %q: %d bytes, want %d, %v", f.Path, stream, len(got), len(want), err)
	}
}

func zipped(p []byte) []byte {
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	_, _ = w.Write(p)
	_ = w.Close()
	return b.Bytes()
}

func packedHeader(kind uint32, size int) []byte {
	out := binary.LittleEndian.AppendUint32(nil, compressionMagic)
	out = binary.LittleEndian.AppendUint32(out, kind)
	return binary.LittleEndian.AppendUint64(out, uint64(size))
}

// zlibResource makes a resource fork of type 4. Every third unit is stored as it is.
func zlibResource(p []byte) []byte {
	var units [][]byte
	for i := 0; len(p) > 0; i++ {
		n := min(len(p), compressionUnit)
		if i%3 == 2 {
			units = append(units, append([]byte{0xFF}, p[:n]...))
		} else {
			units = append(units, zipped(p[:n]))
		}
		p = p[n:]
	}
	le := binary.LittleEndian
	table := le.AppendUint32(nil, uint32(len(units)))
	at := 4 + 8*len(units)
	for _, u := range units {
		table = le.AppendUint32(le.AppendUint32(table, uint32(at)), uint32(len(u)))
		at += len(u)
	}
	body := append(table, bytes.Join(units, nil)...)
	out := make([]byte, 0x100)
	be.PutUint32(out, 0x100)
	be.PutUint32(out[4:], uint32(0x100+4+len(body)))
	be.PutUint32(out[8:], uint32(4+len(body)))
	be.PutUint32(out[12:], 50)
	out = be.AppendUint32(out, uint32(len(body)))
	out = append(out, body...)
	tail := make([]byte, 50)
	copy(tail[24:], "\x00\x1c\x00\x32\x00\x00cmpf\x00\x00\x00\x0a\x00\x01\xff\xff\x00\x00\x00\x00\x00\x00\x00\x00")
	return append(out, tail...)
}

// offsetsResource makes a resource fork of the other types out of units.
func offsetsResource(units [][]byte) []byte {
	at := 4 * (len(units) + 1)
	out := binary.LittleEndian.AppendUint32(nil, uint32(at))
	for _, u := range units {
		at += len(u)
		out = binary.LittleEndian.AppendUint32(out, uint32(at))
	}
	return append(out, bytes.Join(units, nil)...)
}

// periodLZVN stores p, whose bytes repeat after period, as literals and matches.
func periodLZVN(p []byte) []byte {
	const period = 30
	out := append([]byte{0xE0, period - 16}, p[:period]...)
	out = append(out, 0, period) // three bytes from so far back
	for left := len(p) - period - 3; left > 0; {
		n := min(left, 271)
		if n >= 16 {
			out = append(out, 0xF0, byte(n-16))
		} else {
			out = append(out, 0xF0|byte(n))
		}
		left -= n
	}
	return append(out, 6, 0, 0, 0, 0, 0, 0, 0)
}

// rawLZFSE stores p as one raw block.
func rawLZFSE(p []byte) []byte {
	out := binary.LittleEndian.AppendUint32([]byte("bvx-"), uint32(len(p)))
	return append(append(out, p...), "bvx$"...)
}

func split(p []byte, encode func([]byte) []byte) (out [][]byte) {
	for len(p) > 0 {
		n := min(len(p), compressionUnit)
		out = append(out, encode(p[:n]))
		p = p[n:]
	}
	return out
}

// standard makes a volume with all that the format has, and the truth about it.
func standard(t testing.TB) (src []byte, want map[string][]byte, resources map[string][]byte) {
	m := newMaker(t, 4096, 6000)
	want, resources = map[string][]byte{}, map[string][]byte{}
	put := func(path string, f newFile) uint32 {
		want[path], f.name = f.data, path[strings.LastIndex(path, "/")+1:]
		if f.resource != nil && f.packed == nil {
			resources[path] = f.resource
		}
		return m.add(f)
	}
	put("empty", newFile{parent: idRoot})
	put("one byte", newFile{parent: idRoot, data: []byte("x")})
	put("large.bin", newFile{parent: idRoot, data: pattern(1, 1_000_000)})
	put("in pieces.bin", newFile{parent: idRoot, data: pattern(2, 29*4096+5), piece: 1})
	put("both forks", newFile{parent: idRoot, data: pattern(3, 5000), resource: pattern(4, 70_001), piece: 2})
	deep := uint32(idRoot)
	path := ""
	for i := range 12 {
		name := fmt.Sprintf("level %d", i)
		deep = m.folder(deep, name)
		path = join(path, name)
		put(path+"/file", newFile{parent: deep, data: pattern(10+i, 100*i)})
	}
	many := m.folder(idRoot, "many")
	for i := range 900 {
		put(fmt.Sprintf("many/file %04d.txt", i), newFile{parent: many, data: fmt.Appendf(nil, "this is file %d", i)})
	}
	scripts := m.folder(idRoot, "scripts")
	for _, name := range []string{"Grüße an Ömer", "русский й", "日本語 がぎ", "한국어", "🎉 party", "Å and Å and Ω Ω"} {
		stored := []rune{}
		for _, r := range name {
			if r == 0x212B || r == 0x2126 { // never decomposed
				stored = append(stored, r)
			} else {
				stored = append(stored, []rune(norm.NFD.String(string(r)))...)
			}
		}
		want["scripts/"+name] = []byte(name)
		m.add(newFile{parent: scripts, name: string(stored), data: []byte(name)})
	}
	want["scripts/a:b"] = []byte("slash")
	m.add(newFile{parent: scripts, name: "a/b", data: []byte("slash")})

	// Hard links lead into a folder that no one sees.
	private := m.folder(idRoot, linksFolder)
	inode := m.add(newFile{parent: private, name: "iNode77", data: []byte("linked"), special: 2})
	_ = inode
	for _, name := range []string{"link one", "link two"} {
		want["many/"+name] = []byte("linked")
		m.add(newFile{parent: many, name: name, finder: typeHardLink, special: 77})
	}

	packed := m.folder(idRoot, "packed")
	text := bytes.Repeat([]byte("the same line again and again\n"), 9000) // 270 kB
	short := text[:3000]
	for name, f := range map[string]newFile{
		"plain inline":   {data: short, packed: append(packedHeader(packedNot, len(short)), short...)},
		"zlib inline":    {data: short, packed: append(packedHeader(packedZlib, len(short)), zipped(short)...)},
		"zlib unpacked":  {data: short[:1000], packed: append(append(packedHeader(packedZlib, 1000), 0xFF), short[:1000]...)},
		"lzvn inline":    {data: short, packed: append(packedHeader(packedLZVN, len(short)), periodLZVN(short)...)},
		"lzfse inline":   {data: short, packed: append(packedHeader(packedLZFSE, len(short)), rawLZFSE(short)...)},
		"zlib resource":  {data: text, packed: packedHeader(packedZlibResource, len(text)), resource: zlibResource(text), piece: 2},
		"lzvn resource":  {data: text, packed: packedHeader(packedLZVNResource, len(text)), resource: offsetsResource(split(text, periodLZVN))},
		"lzfse resource": {data: text, packed: packedHeader(packedLZFSEResource, len(text)), resource: offsetsResource(split(text, rawLZFSE))},
	} {
		f.parent, f.name = packed, name
		want["packed/"+name] = f.data
		f.data = nil
		m.add(f)
	}

	x := put("with attributes", newFile{parent: idRoot, data: []byte("a")})
	m.attribute(x, "com.example.short", []byte("value"))
	m.attribute(x, "user.empty", nil)
	m.largeAttribute(x, "com.example.large", pattern(90, 12*4096+17), 1)
	m.add(newFile{parent: idRoot, name: "link", data: []byte("many/file 0001.txt"), mode: modeLink | 0o755, finder: "slnkrhap"})
	m.add(newFile{parent: idRoot, name: "pipe", mode: 0x1000 | 0o600})
	return m.bytes(), want, resources
}

func truthOf(want map[string][]byte) []filesystemtest.Truth {
	dirs := map[string]bool{"": true}
	var out []filesystemtest.Truth
	for _, p := range slices.Sorted(maps.Keys(want)) {
		for d := filepath.Dir(p); d != "."; d = filepath.Dir(d) {
			dirs[d] = true
		}
		sum := sha256.Sum256(want[p])
		uid, gid := uint32(501), uint32(20)
		out = append(out, filesystemtest.Truth{Path: p, Type: "file", Size: int64(len(want[p])), SHA256: hex.EncodeToString(sum[:]), Mode: "644",
			UID: &uid, GID: &gid, Modified: when(testDate + 1).Format("2006-01-02T15:04:05Z")})
	}
	for d := range dirs {
		out = append(out, filesystemtest.Truth{Path: d, Type: "dir", Mode: "755"})
	}
	return append(out, filesystemtest.Truth{Path: "link", Type: "link", Target: "many/file 0001.txt"}, filesystemtest.Truth{Path: "pipe", Type: "fifo", Mode: "600"})
}

func TestMade(t *testing.T) {
	img, want, resources := standard(t)
	fsys := mustOpen(t, block.Bytes(img))
	info := fsys.Info()
	if info.Kind != "hfsplus" || info.Label != "Volume" || info.State != filesystem.Clean || len(info.Findings) != 0 || info.BlockSize != 4096 || info.Size != int64(len(img)) {
		t.Errorf("%+v", info)
	}
	l := list(t, fsys)
	for _, err := range l.errs {
		t.Error(err)
	}
	for p, data := range resources {
		checkContent(t, fsys, l.files[p], resourceStream, data)
	}
	f := l.files["with attributes"]
	if string(f.Attributes["com.example.short"]) != "value" || f.Attributes["user.empty"] == nil {
		t.Errorf("%q", f.Attributes)
	}
	checkContent(t, fsys, f, "com.example.large", pattern(90, 12*4096+17))
	for p, f := range l.files {
		if !f.Sound || len(f.Findings) > 0 {
			t.Errorf("%s: sound %v, %v", p, f.Sound, f.Findings)
		}
		if packed := strings.HasPrefix(p, "packed/") && !strings.HasPrefix(p, "packed/plain"); f.Mode.IsRegular() && packed != (f.Streams[0].Encoding != "") {
			t.Errorf("%s: encoding %q", p, f.Streams[0].Encoding)
		}
		// What is encoded opens by what a catalogue keeps of it alone.
		for _, s := range f.Streams {
			if s.Encoding == "" {
				continue
			}
			stored := s.Runs[len(s.Runs)-1].LogicalExtent().End()
			d, err := Kind().Decode(s.Encoding, block.Join(block.Bytes(img), s.Runs, stored), s.Size)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := io.ReadAll(block.Reader(d)); err != nil || !bytes.Equal(got, want[p]) {
				t.Errorf("%s: decoded alone: %d bytes, %v", p, len(got), err)
			}
		}
	}
	filesystemtest.Run(t, openTest, block.Bytes(img), truthOf(want), filesystemtest.Options{Rounds: 60, Seed: 3})
}

func TestTree(t *testing.T) {
	img, _, _ := standard(t)
	tree, err := filesystem.Tree(mustOpen(t, block.Bytes(img)), func(f *filesystem.File) bool { return f.Mode.Type()&^fs.ModeDir == 0 })
	if err != nil {
		t.Fatal(err)
	}
	if err := fstest.TestFS(tree, "level 0/level 1/level 2/file", "scripts/🎉 party", "packed/zlib resource"); err != nil {
		t.Error(err)
	}
}

// Another reader of the format sees the same in the volumes made here, so that both understand it alike.
func TestSeenBySevenZip(t *testing.T) {
	img, want, _ := standard(t)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "v.hfs"), img, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := need.Command(t, "7zz", "x", "-y", "-snl-", "-o"+filepath.Join(dir, "out"), filepath.Join(dir, "v.hfs"))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Logf("%v\n%s", err, out)
	}
	found := 0
	for p, data := range want {
		if strings.HasPrefix(p, "scripts/") || strings.HasPrefix(p, "many/link") || strings.HasPrefix(p, "packed/lzfse") || p == "packed/plain inline" {
			continue // it names these in its own way, and does not read these kinds of compression
		}
		got, err := os.ReadFile(filepath.Join(dir, "out", "Volume", filepath.FromSlash(p)))
		if err != nil || !bytes.Equal(got, data) {
			t.Errorf("%s: %d bytes, want %d, %v", p, len(got), len(data), err)
			continue
		}
		found++
	}
	if found < 900 {
		t.Errorf("%d files were compared", found)
	}
}

func TestNotHFSPlus(t *testing.T) {
	for name, src := range map[string]block.Source{
		"empty": block.Bytes(nil), "zeros": block.Bytes(make([]byte, 1<<20)), "short": block.Bytes(make([]byte, 1200)),
		"noise": block.Bytes(pattern(1, 1<<20)),
	} {
		if _, err := openTest(src); !errors.Is(err, cursor.ErrNot) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
