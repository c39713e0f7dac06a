package relate

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"salvor/block"
	"salvor/finding"
	"salvor/internal/need"
)

// volume is files by path, with their content.
type volume map[string]string

func (v volume) file(p string) *File {
	content := v[p]
	f := &File{ID: p, Path: p, Size: int64(len(content)), Live: true, Open: func() (block.Source, error) { return block.Bytes([]byte(content)), nil }}
	if strings.HasPrefix(content, "SQLite format 3") {
		f.Format = "sqlite"
	}
	return f
}

func (v volume) list(folder string) (out []*File) {
	for p := range v {
		if d := path.Dir(p); d == folder || d == "." && folder == "" {
			out = append(out, v.file(p))
		}
	}
	slices.SortFunc(out, func(a, b *File) int { return strings.Compare(a.Path, b.Path) })
	return out
}

func (v volume) folder(p string) *Folder {
	return &Folder{
		Path: p, Files: v.list(p), List: v.list,
		Exists: func(p string) bool {
			for other := range v {
				if other == p || strings.HasPrefix(other, p+"/") {
					return true
				}
			}
			return false
		},
		Find: func(p string) *File {
			if _, ok := v[p]; !ok {
				return nil
			}
			return v.file(p)
		},
	}
}

// said returns what the rules say, one line each: the file, the code, the files that go with it, and the text.
func said(t *testing.T, v volume, folder string) []string {
	t.Helper()
	told, err := Apply(t.Context(), v.folder(folder))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, x := range told {
		line := path.Base(x.ID) + " " + strings.TrimPrefix(x.Finding.Code, "relate.")
		if len(x.With) > 0 {
			line += " +" + strings.Join(x.With, ",")
		}
		out = append(out, line+": "+x.Finding.String())
	}
	return out
}

func wal(mode byte) string {
	b := make([]byte, 100)
	copy(b, "SQLite format 3\x00")
	b[18], b[19] = mode, mode
	return string(b)
}

func TestRules(t *testing.T) {
	for _, tc := range []struct {
		name   string
		folder string
		volume volume
		want   []string // beginnings of lines
	}{
		{"SQLite with its log", "", volume{"a.db": wal(2), "a.db-wal": "x", "a.db-shm": "x"},
			[]string{"a.db-shm companion: belongs to a.db", "a.db-wal companion: belongs to a.db", "a.db together +a.db-shm,a.db-wal: belongs together with a.db-shm, a.db-wal"}},
		{"SQLite whose log is gone", "", volume{"a.db": wal(2), "b.db": wal(1)}, []string{"a.db wal: this database keeps its newest changes in a.db-wal, which is not here"}},
		{"a log whose database is gone", "", volume{"a.db-wal": "x", "b.db-journal": "x"},
			[]string{"a.db-wal alone: the newest changes of the database stand in its write-ahead log; that file is not here: a.db", "b.db-journal alone:"}},
		{"other journals", "", volume{"my-journal": "dear diary", "-wal": "x"}, nil},
		{"Access", "", volume{"Kunden.MDB": "x", "kunden.ldb": "x", "lost.ldb": "x", "b.accdb": "x", "b.laccdb": "x"},
			[]string{"b.laccdb companion", "kunden.ldb companion: belongs to Kunden.MDB", "lost.ldb alone", "b.accdb together: ", "Kunden.MDB together: "}},
		{"photos and their edits", "", volume{"IMG_1.CR2": "x", "IMG_1.CR2.xmp": "x", "IMG_2.jpg": "x", "IMG_2.xmp": "x", "IMG_3.HEIC": "x", "IMG_3.AAE": "x", "IMG_4.AAE": "x", "IMG_5.xmp": "x"},
			[]string{"IMG_1.CR2.xmp companion: belongs to IMG_1.CR2", "IMG_2.xmp companion: belongs to IMG_2.jpg", "IMG_3.AAE companion: belongs to IMG_3.HEIC",
				"IMG_4.AAE alone:", "IMG_5.xmp alone:", "IMG_1.CR2 together +IMG_1.CR2.xmp", "IMG_2.jpg together +IMG_2.xmp", "IMG_3.HEIC together +IMG_3.AAE"}},
		{"films", "", volume{"GX010001.MP4": "x", "GL010001.LRV": "x", "GX010001.THM": "x", "GX010002.THM": "x", "rec.ts": "x", "rec.trinf": "x"},
			[]string{"GL010001.LRV companion: belongs to GX010001.MP4", "GX010001.THM companion", "GX010002.THM alone: the small picture of a film; that file is not here", "rec.trinf companion: belongs to rec.ts", "GX010001.MP4 together", "rec.ts together +rec.trinf"}},
		{"parts of 7z", "", volume{"a.7z.001": "x", "a.7z.002": "x", "a.7z.004": "x", "b.7z.001": "x", "b.7z.002": "x"},
			[]string{"a.7z.001 parts +a.7z.002,a.7z.004: one of several parts of an archive, of which a.7z.003 are not here", "a.7z.002 parts", "a.7z.004 parts", "b.7z.001 together +b.7z.002: belongs together with b.7z.002: the parts of one archive"}},
		{"parts of RAR", "", volume{"a.part1.rar": "x", "a.part3.rar": "x", "b.rar": "x", "b.r00": "x", "b.r01": "x", "c.r00": "x", "d.part01.rar": "x", "d.part02.rar": "x"},
			[]string{"a.part1.rar parts +a.part3.rar: one of several parts of an archive, of which a.part2.rar", "a.part3.rar parts", "b.rar together +b.r00,b.r01", "c.r00 parts: one of several parts of an archive, of which c.rar", "d.part01.rar together +d.part02.rar"}},
		{"parts of ZIP", "", volume{"a.zip": "x", "a.z01": "x", "a.z02": "x", "b.zip": "x", "b.z02": "x", "c.z01": "x"},
			[]string{"a.zip together +a.z01,a.z02", "b.zip parts +b.z02: one of several parts of an archive, of which b.z01", "b.z02 parts", "c.z01 parts: one of several parts of an archive, of which c.zip"}},
		{"numbers that are no parts", "", volume{"photo.001": "x", "photo.003": "x", "report.part9.txt": "x"}, nil},
		{"playlists", "Music", volume{"Music/a.m3u8": "\ufeff#EXTM3U\n#EXTINF:1,x\nsong one.mp3\r\n../Music/two.mp3\nhttp://radio/x\nC:\\Users\\x\\c.mp3\nsub\\four.mp3\nlost.mp3\n../../out.mp3\n",
			"Music/song one.mp3": "x", "Music/two.mp3": "x", "Music/sub/four.mp3": "x",
			"Music/b.pls": "[playlist]\nFile1=two.mp3\nTitle1=x\nFile2=gone.mp3\n", "Music/c.cue": "TITLE x\nFILE \"disc.wav\" WAVE\n  TRACK 01 AUDIO\n",
			"Music/d.xspf": "<playlist><trackList><track><location>song%20one.mp3</location></track><track><location>gone%202.mp3</location></track></trackList></playlist>",
			"Music/e.m3u":  "two.mp3\n"},
			[]string{"a.m3u8 listed: names 1 files that are not here: lost.mp3", "b.pls listed: names 1 files that are not here: gone.mp3", "c.cue listed: names 1 files that are not here: disc.wav",
				"d.xspf listed: names 1 files that are not here: gone 2.mp3"}},
		{"mailboxes", "", volume{"me@example.org.ost": "x", "archive.pst": "x"}, []string{"me@example.org.ost mail: "}},
		{"nothing", "", volume{"a.txt": "x", "b.jpg": "x"}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := said(t, tc.volume, tc.folder)
			ok := len(got) == len(tc.want)
			for i := range got {
				ok = ok && strings.HasPrefix(got[i], tc.want[i])
			}
			if !ok {
				t.Errorf("said\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tc.want, "\n"))
			}
		})
	}
}

// tarOf makes an archive of these files.
func tarOf(files ...string) string {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for i := 0; i < len(files); i += 2 {
		_ = w.WriteHeader(&tar.Header{Name: files[i], Mode: 0o644, Size: int64(len(files[i+1]))})
		_, _ = w.Write([]byte(files[i+1]))
	}
	_ = w.Close()
	return b.String()
}

func gzipOf(s string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write([]byte(s))
	_ = z.Close()
	return b.String()
}

func TestBackups(t *testing.T) {
	list := `{"slug":"a1b2c3d4","name":"Full 2026","homeassistant":{"version":"2026.1"},"addons":[{"slug":"core_mosquitto"}],"folders":["share","addons/local"]}`
	whole := []string{"./backup.json", list, "./homeassistant.tar.gz", "x", "./core_mosquitto.tar.gz", "x", "./share.tar.gz", "x", "./addons_local.tar.gz", "x"}
	router := []string{"etc/config/network", "x", "etc/config/system", "x", "etc/config/wireless", "x", "etc/passwd", "x"}
	v := volume{
		"whole.tar": tarOf(whole...), "part.tar": tarOf(whole[:8]...), "cut.tar": tarOf(whole...)[:4000], "other.tar": tarOf("a", "b"),
		"backup-OpenWrt-2026.tar.gz": gzipOf(tarOf(router...)), "cut.tar.gz": gzipOf(tarOf(router...))[:150], "half.tar.gz": gzipOf(tarOf(router[2:]...)), "other.tgz": gzipOf(tarOf("a", "b")),
		"broken.tar.gz": "no gzip", "empty.tar": "",
	}
	got := strings.Join(said(t, v, ""), "\n")
	for _, want := range []string{
		`whole.tar set.whole: a backup of Home Assistant: "Full 2026", with all of the 4 parts that its list names`,
		"part.tar set: a backup of Home Assistant that is not whole: its list names 1 parts that are not in it: addons_local.tar.gz",
		"cut.tar set: a backup of Home Assistant that is not whole",
		"backup-OpenWrt-2026.tar.gz set.whole: a backup of OpenWrt: 4 files, the settings network, system, wireless",
		"half.tar.gz set: a backup of OpenWrt that is not whole: without etc/config/network",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("there is no %q in\n%s", want, got)
		}
	}
	for _, name := range []string{"other.tar ", "other.tgz", "broken", "empty"} {
		if strings.Contains(got, name) {
			t.Errorf("%s is told of:\n%s", name, got)
		}
	}
}

func docx(targets ...string) string {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, _ := z.Create("word/_rels/document.xml.rels")
	fmt.Fprint(w, `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">`)
	for i, target := range targets {
		kind := "image"
		if strings.HasPrefix(target, "click:") {
			kind, target = "hyperlink", strings.TrimPrefix(target, "click:")
		}
		fmt.Fprintf(w, `<Relationship Id="r%d" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/%s" Target="%s" TargetMode="External"/>`, i, kind, target)
	}
	fmt.Fprint(w, `<Relationship Id="in" Type="x/styles" Target="styles.xml"/></Relationships>`)
	_ = z.Close()
	return b.String()
}

func TestDocuments(t *testing.T) {
	v := volume{"docs/a.docx": docx("logo.png", "pics/here.png", "file:///C:\\Users\\x\\data.xlsx", "http://example.org/x.png", "click:other.docx", "file:///C:/x/near.xlsx"),
		"docs/pics/here.png": "x", "docs/near.xlsx": docx(), "docs/broken.docx": "no zip"}
	got := said(t, v, "docs")
	if len(got) != 1 || !strings.HasPrefix(got[0], "a.docx linked: refers to 2 files outside of it that are not here: logo.png, data.xlsx") {
		t.Errorf("%q", got)
	}
}

// TestGit asks about real repositories, whole and with parts taken away.
func TestGit(t *testing.T) {
	need.Tools(t, "git")
	dir := t.TempDir()
	git := func(args ...string) {
		t.Helper()
		cmd := exec.Command("git", append([]string{"-C", dir, "-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main"}, args...)...)
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v %s", args, err, out)
		}
	}
	load := func() volume {
		v := volume{}
		err := filepath.WalkDir(filepath.Join(dir, ".git"), func(p string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			b, err := os.ReadFile(p)
			name, _ := filepath.Rel(dir, p)
			v[filepath.ToSlash(name)] = string(b)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	about := func(v volume) string { return strings.Join(said(t, v, ".git"), "\n") }
	git("init", "-q")
	if got := about(load()); got != "" {
		t.Errorf("a new repository: %s", got)
	}
	git("commit", "-q", "--allow-empty", "-m", "one")
	git("commit", "-q", "--allow-empty", "-m", "two")
	loose := load()
	if got := about(loose); got != "" {
		t.Errorf("whole: %s", got)
	}
	commit := strings.TrimSpace(loose[".git/refs/heads/main"])
	delete(loose, ".git/objects/"+commit[:2]+"/"+commit[2:])
	if got := about(loose); !strings.Contains(got, "the commit "+commit) {
		t.Errorf("without its commit: %q", got)
	}
	delete(loose, ".git/refs/heads/main")
	if got := about(loose); !strings.Contains(got, "the branch refs/heads/main, which HEAD names, is not here") {
		t.Errorf("without its branch: %q", got)
	}
	git("gc", "-q", "--prune=now")
	packed := load()
	if got := about(packed); got != "" {
		t.Errorf("packed: %s", got)
	}
	for p := range packed {
		if strings.HasSuffix(p, ".idx") {
			b := []byte(packed[p])
			if at := strings.Index(packed[p], string(unhex(commit))); at > 0 {
				b[at+19] ^= 1
			}
			packed[p] = string(b)
		}
	}
	if got := about(packed); !strings.Contains(got, "is in no object and in no pack") {
		t.Errorf("packed, without its commit: %q", got)
	}
	packs := said(t, load(), ".git/objects/pack")
	if len(packs) < 2 {
		t.Errorf("a pack and its index: %q", packs)
	}
	v := load()
	for p := range v {
		if strings.HasSuffix(p, ".pack") {
			delete(v, p)
		}
	}
	if got := strings.Join(said(t, v, ".git/objects/pack"), "\n"); !strings.Contains(got, "the index of a Git pack; that file is not here") {
		t.Errorf("an index without its pack: %q", got)
	}
}

func unhex(s string) []byte {
	var b []byte
	_, _ = fmt.Sscanf(s, "%x", &b)
	return b
}

func TestEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Apply(ctx, volume{"a": "x"}.folder("")); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	// Content that cannot be opened, or panics, is no one's end.
	f := volume{"a.m3u": "x", "b.tar": "x", "c.docx": "x", "d.db": wal(2)}.folder("")
	for i, x := range f.Files {
		x.Open = func() (block.Source, error) {
			if i%2 == 0 {
				return nil, errors.New("gone")
			}
			panic("hostile")
		}
	}
	if told, err := Apply(t.Context(), f); err != nil || len(told) != 0 {
		t.Errorf("%v, %v", told, err)
	}
}

func FuzzContent(f *testing.F) {
	f.Add("a.m3u", []byte("x.mp3\n"))
	f.Add("a.xspf", []byte("<a><location>x</location></a>"))
	f.Add("a.tar", []byte(tarOf("backup.json", `{"slug":"x"}`)))
	f.Add("a.tar.gz", []byte(gzipOf(tarOf("etc/config/system", "x"))))
	f.Add("a.docx", []byte(docx("x.png")))
	f.Add("a.db", []byte(wal(2)))
	f.Fuzz(func(t *testing.T, name string, p []byte) {
		if strings.ContainsAny(name, "/\x00") || name == "" {
			return
		}
		told, err := Apply(t.Context(), volume{name: string(p)}.folder(""))
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range told {
			if x.ID != name || x.Finding.Severity > finding.Error || x.Finding.Text == "" {
				t.Errorf("%+v", x)
			}
		}
	})
}
