package ui

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"salvor/block"
	"salvor/imaging"
	"salvor/internal/wire"
	"salvor/rescue"
)

// reads are the reads of a source that is slow when a test has something to do meanwhile.
type reads struct {
	mu    sync.Mutex
	seen  block.Set
	twice int64
	slow  atomic.Int64 // from so many bytes on
}

func (r *reads) note(read imaging.Read) {
	r.mu.Lock()
	e := block.Extent{Offset: read.Offset, Length: read.Good}
	r.twice += r.seen.Within(e).Bytes()
	r.seen.Add(e)
	n := r.seen.Bytes()
	r.mu.Unlock()
	if slow := r.slow.Load(); slow > 0 && n >= slow {
		time.Sleep(200 * time.Millisecond)
	}
}

// TestCopyPausedBrowsedAndEnded copies slowly: paused and gone on with, nothing is read twice; what is copied is listed
// and shown while the rest is read, and what is not yet read is called that.
func TestCopyPausedBrowsedAndEnded(t *testing.T) {
	dir := home(t)
	s := serve(t, Options{State: filepath.Join(dir, "state")})
	var r reads
	r.slow.Store(2 << 20)
	s.take = rescue.TakeOptions{Interval: 50 * time.Millisecond, LogRead: r.note}
	b := open(t, s)
	source := url.QueryEscape(s.seal.ticket("source", filepath.Join(dir, "gateway.img")))
	b.get("/copy?source=" + source)
	b.post("/copy", url.Values{"name": {"case"}, "copy": {"1"}})
	page := b.at
	j := s.jobs.get(filepath.Base(page))
	until := func(n int64) {
		t.Helper()
		for end := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
			if now, _ := j.see(); now.Progress.Step == "copy" && now.Progress.Done >= n {
				return
			}
			if time.Now().After(end) {
				t.Fatal("the copy does not get on")
			}
		}
	}
	until(2 << 20)
	b.get(page)
	b.must(`href="#m-good"`, `href="#m-rest"`, "not yet", "stand safely in the copy", "each second", "left", "Browse now", `http-equiv="refresh"`)
	b.post("/job/"+j.id+"/pause", nil)
	b.wait()
	b.must("It was stopped before its end", "reads nothing twice", `href="#m-rest"`, "What was copied stays")
	paused := r.seen.Bytes()
	if kept := writtenDown(t, filepath.Join(dir, "case")); paused == 0 || paused >= 16<<20 || kept != paused {
		t.Fatalf("paused at %d, of which %d are kept", paused, kept)
	}
	r.slow.Store(9500 << 10)
	b.post("/job/"+j.id+"/resume", nil)
	until(9500 << 10)
	for end := time.Now().Add(time.Minute); writtenDown(t, filepath.Join(dir, "case")) < 9<<20; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("what is copied is not written down")
		}
	}
	b.get(page)
	key := regexp.MustCompile(`/case/([0-9a-f]+)/browse`).FindStringSubmatch(b.page)
	if key == nil {
		t.Fatal("it cannot be browsed")
	}
	b.post("/case/"+key[1]+"/browse", nil)
	b.wait()
	if now, _ := j.see(); !now.Running || now.Progress.Step != "copy" {
		t.Fatalf("the copy was over before it was looked into: %+v", now.Result)
	}
	b.must("The copy is not finished", "With their names")
	verdicts, shown := map[string]int{}, ""
	for _, class := range []string{"photo", "document", "settings", "database", "text", "other", "archive", "program"} {
		b.get("/case/" + key[1] + "/files?tab=live&class=" + class)
		for _, m := range regexp.MustCompile(`(?s)href="([^"]*/file\?[^"]*)".*?class="verdict (\w+)"`).FindAllStringSubmatch(b.page, -1) {
			verdicts[m[2]]++
			if shown == "" && m[2] == "proven" {
				shown = unescape(m[1])
			}
		}
	}
	if verdicts["partial"]+verdicts["damaged"] > 0 || verdicts["unknown"] == 0 || shown == "" {
		t.Errorf("what is not read yet is judged: %v", verdicts)
	}
	b.get(shown)
	b.must("The copy is not finished", "Download")
	if whole := get(t, b.address("Download"), nil); whole.code != http.StatusOK || len(whole.body) == 0 {
		t.Errorf("a file that is read: %d, %d bytes", whole.code, len(whole.body))
	}
	b.get("/case/" + key[1] + "/save?tab=live")
	b.must("Files are saved when the copy is made")
	lines := movedTo(s.words["en"], seenOf(j))
	if len(lines.Pictures) != 1 || len(lines.Pictures[0].Cells) != cellCount || len(lines.Pictures[0].Shares) != 4 || !strings.Contains(lines.Pictures[0].Cells, "gr") {
		t.Errorf("what pages with scripts are told: %+v", lines)
	}
	r.slow.Store(0)
	b.get(page)
	b.wait()
	b.must("How it ended", "were found")
	b.get("/case/" + key[1] + "/files?tab=live")
	if strings.Contains(b.page, "The copy is not finished") {
		t.Error("the list of before is still shown")
	}
	if r.twice > 0 || r.seen.Bytes() != 16<<20 {
		t.Errorf("%d bytes were read twice, %d in all", r.twice, r.seen.Bytes())
	}
}

// writtenDown returns how much the map of the first disk of a case calls copied.
func writtenDown(t *testing.T, dir string) int64 {
	t.Helper()
	f, err := os.Open(filepath.Join(dir, "image", "1.map"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	m, err := imaging.ReadMap(f)
	if err != nil {
		t.Fatal(err)
	}
	return m.Of(imaging.Finished).Bytes()
}

func seenOf(j *job) seen {
	now, _ := j.see()
	return now
}

// TestSeveralDisks looks at two disks of one case and begins with both.
func TestSeveralDisks(t *testing.T) {
	dir := home(t)
	if err := os.WriteFile(filepath.Join(dir, "second.img"), make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	s := serve(t, Options{State: filepath.Join(dir, "state")})
	b := open(t, s)
	b.get("/look?" + s.sourceQuery([]string{filepath.Join(dir, "gateway.img"), filepath.Join(dir, "second.img")}))
	b.wait()
	b.must("gateway.img", "second.img", "What not to do now")
	b.link("Save its files")
	b.must("gateway.img", "second.img")
	b.post("/copy", url.Values{"name": {"case"}})
	b.wait()
	b.must("were found", `data-map="1"`, `data-map="2"`)
	c, err := rescue.OpenCase(filepath.Join(dir, "case"), "salvor test")
	if err != nil {
		t.Fatal(err)
	}
	if n := len(c.Record().Sources); n != 2 {
		t.Errorf("%d disks", n)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if k := s.known.all()[0]; len(k.Sources()) != 2 {
		t.Errorf("%+v", k)
	}
}

// TestRefusedTargetIsNotKnown asks for a folder that something else is in.
func TestRefusedTargetIsNotKnown(t *testing.T) {
	dir := home(t)
	if err := os.MkdirAll(filepath.Join(dir, "photos", "of"), 0o755); err != nil {
		t.Fatal(err)
	}
	s := serve(t, Options{State: filepath.Join(dir, "state")})
	b := open(t, s)
	ticket := s.seal.ticket("source", filepath.Join(dir, "gateway.img"))
	b.get("/copy?source=" + url.QueryEscape(ticket))
	b.post("/copy", url.Values{"name": {"photos"}})
	b.wait()
	b.must("something else is in it", "Choose another name", "casefile.notempty")
	if list := s.known.all(); len(list) != 0 {
		t.Errorf("it is known: %+v", list)
	}
	b.get("/cases")
	if strings.Contains(b.page, "photos") {
		t.Error("it is listed")
	}
	// A source that is gone is told before anything is begun.
	if err := os.Remove(filepath.Join(dir, "gateway.img")); err != nil {
		t.Fatal(err)
	}
	b.get("/copy?source=" + url.QueryEscape(ticket))
	b.must("It is not there any more", "Try again")
	if strings.Contains(b.page, `name="name"`) {
		t.Error("it can be begun all the same")
	}
	b.get("/look?source=" + url.QueryEscape(ticket))
	b.wait()
	b.must("It could not be looked at", "It is not there any more", "Connect it again")
}

// TestEndingsInBothLanguages holds that every sentence about an end has its next step, in all languages.
func TestEndingsInBothLanguages(t *testing.T) {
	all, err := loadWords()
	if err != nil {
		t.Fatal(err)
	}
	for lang, c := range all {
		for name := range c {
			if (strings.HasPrefix(name, "code.") || strings.HasPrefix(name, "end.") && !strings.HasPrefix(name, "end.safe.")) && !strings.HasSuffix(name, ".next") && !c.has(name+".next") {
				t.Errorf("%s: %s has no next step", lang, name)
			}
		}
		r := wire.NewResult(rescue.ExitReserved, "in English", "safe in English", "next in English")
		r.Counts = map[string]wire.Count{"proven": {Files: 7, Bytes: 4096}}
		e := endingOf(c, seen{Kind: "rescue", Result: &r}, "case")
		for _, text := range []string{e.State, e.Safe, e.Next} {
			if text == "" || strings.Contains(text, "English") || strings.Contains(text, "{") {
				t.Errorf("%s: %q", lang, text)
			}
		}
		if !strings.Contains(e.State, "7") || !strings.Contains(e.Safe, "4.0 KiB") || e.GoOn {
			t.Errorf("%s: %+v", lang, e)
		}
		r = wire.NewResult(40, "something unheard of", "safe", "next")
		r.Code = "no.such.code"
		if e := endingOf(c, seen{Kind: "rescue", Result: &r}, ""); e.State != "something unheard of" || e.Next != "next" {
			t.Errorf("%s: %+v", lang, e)
		}
	}
	for _, code := range []string{"host.source.mount", "host.source.swap", "host.source.md", "host.source.dm", "host.source.loop", "host.source.other", noRights, "rescue.target.source", "host.target.full", "host.target.readonly", "host.target.permission"} {
		if !all["en"].has("code." + code) {
			t.Errorf("%s has no words", code)
		}
	}
}

// TestPicture paints maps: the worst of a cell is what it shows, and the figures are exact.
func TestPicture(t *testing.T) {
	m := imaging.NewMap(64 << 20)
	m.Set(block.Extent{Length: 32 << 20}, imaging.Finished)
	m.Set(block.Extent{Offset: 5 << 20, Length: 512}, imaging.BadSector)
	m.Set(block.Extent{Offset: 40 << 20, Length: 1 << 20}, imaging.NonTrimmed)
	p := paint(1, m)
	if len(p.Cells) != cellCount || strings.Count(p.Cells, "b") != 1 || strings.Count(p.Cells, "s") != 8 || p.Cells[0] != 'g' || p.Cells[cellCount-1] != 'r' {
		t.Errorf("%s", p.Cells)
	}
	var sum int64
	for _, n := range p.Bytes {
		sum += n
	}
	if sum != p.Size || p.Bytes[3] != 512 || p.Bytes[2] != 1<<20 {
		t.Errorf("%v", p.Bytes)
	}
	for _, tt := range []struct {
		n, size int64
		want    string
	}{{0, 10, "0 %"}, {10, 10, "100 %"}, {1, 1 << 20, "< 0.1 %"}, {1<<20 - 1, 1 << 20, "> 99.9 %"}, {1, 2, "50.0 %"}} {
		if got := percentOf(tt.n, tt.size); got != tt.want {
			t.Errorf("%d of %d: %s", tt.n, tt.size, got)
		}
	}
	if small := paint(1, imaging.NewMap(512)); small.Cells != "r" || small.High() != cellWide {
		t.Errorf("%+v", small)
	}
}
