package casefile

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"salvor/block"
	"salvor/filesystem"
	"salvor/filetype"
	"salvor/finding"
	"salvor/host"
	"salvor/internal/wire"
	"salvor/layers"
	"salvor/recovery"
)

var update = flag.Bool("update", false, "write the golden files anew")

// fakeCatalogue is a catalogue out of a sequence.
type fakeCatalogue struct {
	entries iter.Seq2[*recovery.Entry, error]
	layers  []recovery.LayerRow
	err     error
}

func (f fakeCatalogue) Select(context.Context, recovery.Query) iter.Seq2[*recovery.Entry, error] {
	return f.entries
}

func (f fakeCatalogue) Layers(context.Context) ([]recovery.LayerRow, error) { return f.layers, f.err }

func entries(list ...*recovery.Entry) iter.Seq2[*recovery.Entry, error] {
	return func(yield func(*recovery.Entry, error) bool) {
		for _, e := range list {
			if !yield(e, nil) {
				return
			}
		}
	}
}

var (
	unread = &finding.Def{Code: "test.unread", Severity: finding.Error, Text: "{found} bytes cannot be read from the medium"}
	twin   = &finding.Def{Code: "test.twin", Severity: finding.Info, Text: "the same content was saved as {id}"}
	hint   = &finding.Def{Code: "test.hint", Severity: finding.Info, Text: "has a label of {found}"}
)

// evil are names that want to be something else than text.
var evil = []string{
	`<script>alert(1)</script>.jpg`, `"><img src=x onerror=alert(1)>`, "photo\u202egpj.exe", "a\u200bb\u2066c", "' onmouseover='x",
	"{{.Result}}", "javascript:alert(1)", "\x1b[2J\x07bell", "line\nbreak\u2028", "bad\xff\xfeutf8", "<!--", "</table></main>", "&lt;b&gt;", "\U000e0041tag", "<style>@import 'http://x'</style>",
}

// data is a small rescue in which everything occurs.
// gone stands for what a rule of files that belong together tells.
var gone = &finding.Def{Code: "relate.listed", Severity: finding.Warning, Text: "names a file that is not here: {found}"}

func data() ReportData {
	tree := &layers.Layer{ID: "d1", Kind: "disk", Extent: block.Extent{Length: 64 << 20}, State: layers.Good, Score: 100}
	gpt := &layers.Layer{ID: "d1.gpt", Parent: tree, Kind: "gpt", Extent: block.Extent{Length: 17408}, State: layers.Damaged, Score: 80,
		Findings: []finding.Finding{unread.New(finding.Expected(nil, 512), finding.At(512, 512))}}
	boot := &layers.Layer{ID: "v1", Parent: gpt, Kind: "fat32", Extent: block.Extent{Offset: 1 << 20, Length: 8 << 20}, Label: "BOOT", State: layers.Good, Score: 96, Readable: true, Volume: 1}
	home := &layers.Layer{ID: "v2", Parent: gpt, Kind: "ext4", Extent: block.Extent{Offset: 9 << 20, Length: 50 << 20}, Label: "data<b>\u202e", State: layers.Good, Score: 99, Readable: true, Volume: 2}
	lost := &layers.Layer{ID: "v3", Parent: tree, Kind: "luks", Extent: block.Extent{Offset: 59 << 20, Length: 1 << 20}, State: layers.Locked, Score: 90, Volume: 3}
	rival := &layers.Layer{ID: "r1", Parent: tree, Kind: "fat16", Extent: block.Extent{Offset: 2 << 20, Length: 1 << 20}, Label: "old", Score: 40, Rival: true}
	tree.Children, gpt.Children = []*layers.Layer{gpt, lost, rival}, []*layers.Layer{boot, home}

	file := func(id, path string, size int64, class filetype.Class, v filetype.Verdict, change ...func(*recovery.Entry)) *recovery.Entry {
		e := &recovery.Entry{ID: id, Source: 1, Volume: 2, Origin: recovery.FromFileSystem, Path: path, Name: path[strings.LastIndex(path, "/")+1:],
			Mode: 0o644, Size: size, GoodUntil: size, Class: class, Verdict: v, Format: "x", Save: recovery.Saved,
			SHA256: strings.Repeat("cd", 32), SavedAs: "files/2-data/" + path, Times: filesystem.Times{Modified: time.Date(2026, 5, 1, 8, 0, 0, 0, time.UTC)},
			Runs: []block.Run{{Physical: 9 << 20, Length: max(size, 1)}}}
		for _, c := range change {
			c(e)
		}
		return e
	}
	list := []*recovery.Entry{
		{ID: "v2/i2", Source: 1, Volume: 2, Origin: recovery.FromFileSystem, Mode: fs.ModeDir | 0o755},
		file("v2/i12", "DCIM/100ACME/a.jpg", 2_500_000, filetype.Photo, filetype.Consistent),
		file("v2/i13", "DCIM/100ACME/b.png", 1_200_000, filetype.Photo, filetype.Proven),
		file("v2/i14", "docs/letter.docx", 40_000, filetype.Document, filetype.Partial, func(e *recovery.Entry) {
			e.Missing = block.SetOf(block.Extent{Offset: 4096, Length: 4096}, block.Extent{Offset: 12288, Length: 512})
			e.SavedAs = "partial/files/2-data/docs/letter.docx"
			e.Findings = []finding.Finding{hint.New(finding.Expected(nil, "x")), unread.New(finding.Expected(nil, 4608), finding.At(4096, 4096))}
		}),
		file("v2/i15", "db/app.sqlite", 90_000, filetype.Database, filetype.Damaged, func(e *recovery.Entry) { e.GoodUntil = 8192 }),
		file("v2/i16", "etc/secret.bin", 512, filetype.Other, filetype.Encrypted),
		file("v2/i17", "con.txt", 5, filetype.Text, filetype.Unknown, func(e *recovery.Entry) { e.SavedAs = "files/2-data/con_.txt" }),
		file("v2/i18", "old/c.jpg", 5000, filetype.Photo, filetype.Consistent, func(e *recovery.Entry) {
			e.State, e.Save, e.SavedAs, e.SHA256, e.DuplicateOf = filesystem.Deleted, recovery.Skipped, "", "", "v2/i12"
			e.Findings = []finding.Finding{twin.New(finding.Arg("id", "v2/i12"))}
		}),
		file("v2/i19", "big.iso", 5<<30, filetype.Archive, filetype.Consistent, func(e *recovery.Entry) {
			e.Save, e.SavedAs, e.SHA256 = recovery.Failed, "", ""
			e.Findings = []finding.Finding{(&finding.Def{Code: "test.full", Severity: finding.Error, Text: "could not be written: the disk is full"}).New()}
		}),
		{ID: "v2/i20", Source: 1, Volume: 2, Origin: recovery.FromFileSystem, Path: "link", Name: "link", Mode: fs.ModeSymlink | 0o777, Target: "../../etc/passwd", Save: recovery.Saved},
		{ID: "v2/i21", Source: 1, Volume: 2, Origin: recovery.FromFileSystem, Path: "dev/null", Name: "null", Mode: fs.ModeDevice | fs.ModeCharDevice, Save: recovery.Skipped},
		{ID: "c/0x2801000", Source: 1, Origin: recovery.FromContent, State: filesystem.Orphan, Name: "photo.jpg", Size: 9000, GoodUntil: 9000,
			Class: filetype.Photo, Verdict: filetype.Consistent, Format: "jpeg", Save: recovery.Saved, SavedAs: "carved/photo/photo.jpg", SHA256: strings.Repeat("ef", 32),
			Runs: []block.Run{{Physical: 0x2801000, Length: 9000}}},
	}
	list = append(list, file("v2/i90", "music/list.m3u", 40, filetype.Text, filetype.Unknown, func(e *recovery.Entry) {
		e.SavedAs, e.Findings = "files/2-data/music/list.m3u", []finding.Finding{gone.New(finding.Expected(nil, "<gone>.mp3"))}
	}))
	for i, name := range evil {
		list = append(list, file(fmt.Sprintf("v2/i%d", 100+i), "evil/"+filesystem.EscapeName(name), 100, filetype.Other, filetype.Damaged, func(e *recovery.Entry) {
			e.GoodUntil = 10
			e.SavedAs = "partial/files/2-data/evil/_" + fmt.Sprint(i)
			e.Findings = []finding.Finding{hint.New(finding.Expected(nil, name))}
		}))
	}
	return ReportData{
		Result: wire.NewResult(10, "Most files of the device were saved; 2 are not whole.", "All that could be read is in this case. Nothing was written to the device.",
			"Open the folder files and look through your photos."),
		Finished: true, Catalogue: fakeCatalogue{entries: entries(list...), layers: recovery.LayerRows(tree, 1)},
		Findings: []wire.Finding{wire.FromFinding(unread.New(finding.Expected(nil, 512), finding.At(0x200, 512)))},
		Steps:    []string{"Copy the folder files to another disk."},
		Thumbnails: []Thumbnail{{Name: "DCIM/a.jpg", SavedAs: "files/2-data/DCIM/a.jpg", Verdict: filetype.Proven, JPEG: []byte("\xff\xd8 small \xff\xd9")},
			{Name: evil[0], Verdict: filetype.Damaged, JPEG: []byte("\"><script>alert(2)</script>")}},
	}
}

func written(t *testing.T, d ReportData) (dir string, html, report []byte) {
	t.Helper()
	dir = t.TempDir()
	c := open(t, dir)
	_, err := c.AddSource(identity(), false)
	must(t, err)
	must(t, WriteReports(t.Context(), c, d))
	must(t, c.Close())
	return dir, read(t, dir, "report.html"), read(t, dir, "report.json")
}

func TestReportJSONFitsTheSchema(t *testing.T) {
	_, _, b := written(t, data())
	valid(t, definition(t, "report"), b)
	var r struct {
		Files   []wire.File `json:"files"`
		Summary summaryJSON `json:"summary"`
		Journal journalReport
	}
	must(t, json.Unmarshal(b, &r))
	if len(r.Files) != 13+len(evil) {
		t.Errorf("%d files", len(r.Files))
	}
	s := r.Summary
	if s.Files.Files != int64(10+len(evil)) || s.Folders != 1 || s.Links != 1 || s.Others != 1 || s.Verdicts["consistent"].Files != 4 ||
		s.Drawers["carved"] != (wire.Count{Files: 1, Bytes: 9000}) || s.Saved["failed"].Files != 1 || s.Classes["photo"].Files != 4 {
		t.Errorf("%+v", s)
	}
	if r.Journal.Acts != 2 || !r.Journal.Intact {
		t.Errorf("%+v", r.Journal)
	}
	// An empty catalogue is a report too.
	d := ReportData{Result: wire.NewResult(3, "a", "b", "c"), Catalogue: fakeCatalogue{entries: entries()}}
	_, html, b := written(t, d)
	valid(t, definition(t, "report"), b)
	if !bytes.Contains(html, []byte("not finished")) || !bytes.Contains(html, []byte("No files.")) {
		t.Error("the page of an unfinished rescue does not say so")
	}
}

// steady replaces what differs from run to run.
func steady(t *testing.T, dir string, b []byte) []byte {
	t.Helper()
	abs, err := filepath.EvalSymlinks(dir)
	must(t, err)
	for _, d := range []string{dir, abs} {
		b = bytes.ReplaceAll(b, []byte(strings.ReplaceAll(d, "/", "/<wbr>")), []byte("CASE"))
	}
	return regexp.MustCompile(`<code>[0-9a-f]{64}</code><br>`).ReplaceAll(b, []byte("<code>HASH</code><br>"))
}

func TestReportHTMLGolden(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("paths look different")
	}
	dir, html, _ := written(t, data())
	html = steady(t, dir, html)
	golden := filepath.Join("testdata", "report.html")
	if *update {
		must(t, os.MkdirAll("testdata", 0o755))
		must(t, os.WriteFile(golden, html, 0o644))
	}
	if want := read(t, golden); !bytes.Equal(html, want) {
		t.Errorf("report.html differs from %s (go test ./casefile -update writes it anew)", golden)
	}
}

func TestReportHTMLSaysWhatPeopleAsk(t *testing.T) {
	_, html, _ := written(t, data())
	text := string(html)
	for _, want := range []string{
		"Most files of the device were saved", "Nothing was written to the device", "Open the folder files",
		"looks whole", "not checked", "locked", "letter.docx", "4.5 KiB of 39.1 KiB missing: bytes 4096 to 8191, bytes 12288 to 12799",
		"good up to byte 8192 of 90000", "4608 bytes cannot be read from the medium", "could not be written: the disk is full",
		"the same content was saved as another file", "con_.txt", "What not to do", "fsck", "ACME GW-100", "Other readings",
		"Not all together", "names a file that is not here: &lt;gone&gt;.mp3", "The medium, from its first byte to its last", "Some of the pictures",
		strings.Repeat("1a", 32), "unbroken", "Copy the folder files",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	for _, section := range []string{"<main>", "<header>", "<nav ", "<footer>", `scope="col"`, `scope="row"`, "<caption>", `lang="en"`, "@media print", "prefers-color-scheme"} {
		if !strings.Contains(text, section) {
			t.Errorf("the page has no %s", section)
		}
	}
}

// Nothing that a device holds becomes markup, and the page loads nothing.
func TestReportHTMLIsInert(t *testing.T) {
	_, html, _ := written(t, data())
	// What the page draws itself, in exactly this form, loads nothing and holds no text of a device.
	drawn := regexp.MustCompile(`<img src="data:image/jpeg;base64,([A-Za-z0-9/=]|&#43;)*" alt="" loading="lazy">|` +
		`<svg class="map" viewBox="[0-9 ]+" role="img" aria-label="[^"<>]*">(<rect class="m-[a-z]+" x="\d+" y="\d+" width="\d+" height="\d+"><title>[^<>]*</title></rect>)+</svg>`)
	if n := len(drawn.FindAll(html, -1)); n != 3 {
		t.Errorf("%d pictures, want 2 thumbnails and a map", n)
	}
	text := drawn.ReplaceAllString(string(html), "")
	tags := map[string]bool{}
	for _, m := range regexp.MustCompile(`<\s*/?([a-zA-Z!][a-zA-Z0-9-]*)`).FindAllStringSubmatch(text, -1) {
		tags[strings.ToLower(m[1])] = true
	}
	for _, bad := range []string{"script", "img", "iframe", "object", "embed", "link", "form", "base", "svg", "input", "b"} {
		if tags[bad] {
			t.Errorf("the page has a <%s>", bad)
		}
	}
	if strings.Count(text, "<style") != 1 || strings.Contains(text, "<!--") {
		t.Error("a name became a style or a comment")
	}
	for _, tag := range regexp.MustCompile(`<[^<>]*>`).FindAllString(text, -1) {
		for _, m := range regexp.MustCompile(`(?i)\s(src|href|action|on[a-z]+)\s*=\s*["']?([^"'\s>]*)`).FindAllStringSubmatch(tag, -1) {
			if !strings.EqualFold(m[1], "href") || !strings.HasPrefix(m[2], "#") {
				t.Errorf("the page refers to something: %s", tag)
			}
		}
	}
	if regexp.MustCompile(`(?i)url\(|@import`).MatchString(text[:strings.Index(text, "</style>")]) {
		t.Error("the style loads something")
	}
	for i, r := range text {
		if r != '\n' && wire.Hidden(r) || r == 0xfffd {
			t.Fatalf("U+%04X stands as it is at %d: %q", r, i, text[max(0, i-40):i+10])
		}
	}
	for _, want := range []string{`photo<span class="esc">U+202E</span>gpj.exe`, `&lt;script&gt;alert(1)&lt;/<wbr>script&gt;`, `<span class="esc">U+001B</span>[2J`, `{{.Result}}`, `<span class="esc">\xff</span>`} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not show %s", want)
		}
	}
}

func FuzzVisible(f *testing.F) {
	for _, s := range evil {
		f.Add(s)
	}
	inside := regexp.MustCompile(`^<bdi>([^<>]|<wbr>|<span class="esc">[^<>]*</span>)*</bdi>$`)
	f.Fuzz(func(t *testing.T, s string) {
		if out := string(visible(s)); !inside.MatchString(out) {
			t.Errorf("visible(%q) = %s", s, out)
		}
	})
}

func TestReportsAreReplacedAsAWhole(t *testing.T) {
	dir, html, report := written(t, data())
	c := open(t, dir)
	fail := errors.New("the catalogue broke")
	d := data()
	d.Catalogue = fakeCatalogue{entries: func(yield func(*recovery.Entry, error) bool) {
		_ = yield(&recovery.Entry{ID: "v1/i1"}, nil) && yield(nil, fail)
	}}
	if err := WriteReports(t.Context(), c, d); !errors.Is(err, fail) {
		t.Errorf("%v", err)
	}
	d.Catalogue = fakeCatalogue{err: fail}
	if err := WriteReports(t.Context(), c, d); !errors.Is(err, fail) {
		t.Errorf("%v", err)
	}
	if !bytes.Equal(read(t, dir, "report.html"), html) || !bytes.Equal(read(t, dir, "report.json"), report) {
		t.Error("a report that failed changed the old one")
	}
	for _, n := range names(t, dir) {
		if strings.HasSuffix(n, ".new") {
			t.Errorf("left behind %s", n)
		}
	}
	must(t, c.Close())
	r, err := Open(dir, Reader, Options{})
	must(t, err)
	defer r.Close()
	if err := WriteReports(t.Context(), r, data()); !errors.Is(err, ErrReadOnly) {
		t.Errorf("%v", err)
	}
}

func TestBrokenJournalStandsInTheReport(t *testing.T) {
	dir := t.TempDir()
	must(t, open(t, dir).Close())
	path := filepath.Join(dir, journalName)
	must(t, os.WriteFile(path, append(read(t, path), []byte(`{"v":1}`+"\n")...), 0o600))
	c := open(t, dir)
	must(t, WriteReports(t.Context(), c, data()))
	if html := string(read(t, dir, "report.html")); !strings.Contains(html, "broken") || !strings.Contains(html, "line 2") {
		t.Error("the page does not tell that the journal is broken")
	}
	valid(t, definition(t, "report"), read(t, dir, "report.json"))
}

// Many files make a long report.json, and neither a long page nor much memory.
func TestReportOfManyFiles(t *testing.T) {
	const n = 60_000
	d := data()
	d.Catalogue = fakeCatalogue{entries: func(yield func(*recovery.Entry, error) bool) {
		for i := range n {
			path := fmt.Sprintf("d%d/e%d/file-%d.jpg", i%211, i%19, i)
			e := &recovery.Entry{ID: fmt.Sprintf("v1/i%d", i), Source: 1, Volume: 1, Origin: recovery.FromFileSystem, Path: path, Name: path,
				Size: 1000, Verdict: filetype.Damaged, GoodUntil: 1, SavedAs: "files/1-x/other", Save: recovery.Saved, SHA256: strings.Repeat("0", 64),
				Findings: []finding.Finding{unread.New(finding.Expected(nil, i))}}
			if !yield(e, nil) {
				return
			}
		}
	}}
	dir := t.TempDir()
	c := open(t, dir)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	start := time.Now()
	must(t, WriteReports(t.Context(), c, d))
	took := time.Since(start)
	runtime.GC()
	runtime.ReadMemStats(&after)
	html, report := read(t, dir, "report.html"), read(t, dir, "report.json")
	t.Logf("%d files in %v: report.json %s, report.html %s", n, took, host.Bytes(int64(len(report))), host.Bytes(int64(len(html))))
	if bytes.Count(report, []byte(`"type":"file"`)) != n || len(html) > 4<<20 || !bytes.Contains(html, []byte("58\u202f000 more files")) ||
		!bytes.Contains(html, []byte("59\u202f000 more names")) || !bytes.Contains(html, []byte("folders with fewer files")) {
		t.Errorf("report.html has %d bytes", len(html))
	}
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 32<<20 {
		t.Errorf("the heap grew by %s", host.Bytes(grown))
	}
}

func TestReportEndsWithItsContext(t *testing.T) {
	c := open(t, t.TempDir())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	d := data()
	if err := WriteReports(ctx, c, d); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func TestNumbers(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1\u202f000", 1234567: "1\u202f234\u202f567", -1000: "-1\u202f000"} {
		if got := number(n); got != want {
			t.Errorf("number(%d) = %q, want %q", n, got, want)
		}
	}
	if plural(1, "file") != "1 file" || plural(0, "file") != "0 files" {
		t.Error("plural")
	}
}

// TestLayersOverDisks puts a set below its first member, also when another disk or the set comes first.
func TestLayersOverDisks(t *testing.T) {
	l := func(id, parent string, source int, set string) wire.Layer {
		return wire.Layer{ID: id, Parent: parent, Source: source, State: "good", Set: set}
	}
	tops, _ := treeOf([]wire.Layer{l("d1", "", 1, ""), l("v1", "d1", 1, "d2"), l("d2", "v1", 2, ""), l("v3", "d2", 2, ""), l("d3", "", 3, ""), l("v2", "d3", 3, "d2")})
	if len(tops) != 2 || tops[0].Children[0].Children[0].Children[0].ID != "v3" || tops[1].Children[0].StateWords != "good; part of d2" {
		t.Errorf("%+v", tops)
	}
}

func TestLayersWithoutTheirParents(t *testing.T) {
	l := func(id, parent string) wire.Layer {
		return wire.Layer{ID: id, Parent: parent, Source: 1, State: "good"}
	}
	tops, _ := treeOf([]wire.Layer{l("a", "a"), l("b", "c"), l("c", "b"), l("d", "c")})
	if len(tops) != 2 || tops[0].ID != "a" || tops[1].ID != "c" || len(tops[1].Children) != 2 {
		t.Errorf("%d tops", len(tops))
	}
}

// The catalogue of the main job is what the reports read.
func TestReportOfARealCatalogue(t *testing.T) {
	c := open(t, t.TempDir())
	catalog, err := recovery.OpenCatalog(c.CatalogPath())
	must(t, err)
	defer catalog.Close()
	d := data()
	for e, err := range d.Catalogue.Select(t.Context(), recovery.Query{}) {
		must(t, err)
		must(t, catalog.Put(t.Context(), e))
	}
	rows, err := d.Catalogue.Layers(t.Context())
	must(t, err)
	must(t, catalog.PutLayers(t.Context(), rows))
	d.Catalogue = catalog
	must(t, WriteReports(t.Context(), c, d))
	b := read(t, c.Dir(), jsonName)
	valid(t, definition(t, "report"), b)
	if n := bytes.Count(b, []byte(`"type":"file"`)); n != 13+len(evil) {
		t.Errorf("%d files", n)
	}
}
