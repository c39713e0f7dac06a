package ui

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"salvor/block"
	"salvor/casefile"
	"salvor/internal/wire"
	"salvor/recovery"
	"salvor/rescue"
)

// rescued is a case of the example image, with the files that its volumes list.
func rescued(t *testing.T) (dir string, k knownCase) {
	t.Helper()
	dir = home(t)
	k = knownCase{Dir: filepath.Join(dir, "rescued"), Source: filepath.Join(dir, "gateway.img")}
	o := rescue.Options{Source: k.Source, Case: k.Dir, Program: "salvor test", Carve: rescue.CarveOptions{Within: []block.Extent{{Length: 512}}}}
	if _, err := rescue.Run(t.Context(), o, new(deaf), discard); err != nil {
		t.Fatal(err)
	}
	return dir, k
}

// deaf hears no events.
type deaf struct{}

func (deaf) Progress(wire.Progress) {}
func (deaf) Layers([]wire.Layer)    {}
func (deaf) Finding(wire.Finding)   {}

func known1(t *testing.T, s *Server, k knownCase) string {
	t.Helper()
	if err := s.known.add(k); err != nil {
		t.Fatal(err)
	}
	return "/case/" + k.Key()
}

// TestSavingElsewhere saves by the pages: the places, what speaks against one, the steps, the report, and going on.
func TestSavingElsewhere(t *testing.T) {
	dir, k := rescued(t)
	state := filepath.Join(dir, "state")
	s := serve(t, Options{State: state})
	b := open(t, s)
	at := known1(t, s, k)

	b.get(at + "/save")
	b.must("What will be saved", "Your home folder", "free", "Chosen", "kept apart in the folder", "Name of the folder that is made there", "Choose another folder")
	if strings.Contains(b.page, `role="alert"`) {
		t.Error("something speaks against the home folder: ", b.page)
	}

	// The case itself is no place, and it is said before anything is written.
	inside := filepath.Join(k.Dir, "files")
	b.get(at + "/save?target=" + url.QueryEscape(s.seal.ticket("target", inside)))
	b.must("It cannot be saved there", "lies in the case itself")
	if strings.Contains(b.page, `name="folder"`) {
		t.Error("it can be saved there all the same")
	}
	session := b.cookie()
	form := url.Values{"csrf": {s.csrf(session)}, "target": {s.seal.ticket("target", inside)}, "folder": {"x"}}
	b.take(b.http.PostForm(s.pageOrigin()+at+"/save", form))
	if b.code != http.StatusConflict || strings.Contains(b.page, "/job/") {
		t.Errorf("%d: %s", b.code, b.page)
	}
	if _, err := os.Stat(filepath.Join(inside, "x")); err == nil {
		t.Error("something was written into the case")
	}
	b.get(at + "/save?target=" + url.QueryEscape(s.seal.ticket("dir", dir)))
	if b.code != http.StatusForbidden {
		t.Errorf("a ticket for something else: %d", b.code)
	}

	b.get(at + "/save?class=photo")
	b.post(at+"/save", url.Values{"folder": {"photos"}})
	jobPage := b.at
	b.wait()
	b.must("Reading it again from the disk, and comparing", "were read again from the disk, and each is exactly what was written", "Open the report", "chosen files are saved.", "stand in", "Look through the folder")
	b.get(b.address("Open the report"))
	if !strings.HasPrefix(b.at, s.contentOrigin()+"/s/") || !strings.HasPrefix(b.head.Get("Content-Security-Policy"), "sandbox;") {
		t.Errorf("the report stands at %s, %v", b.at, b.head)
	}
	b.must("What was saved", "Read again and compared", "@media print", "photos")
	if got := get(t, s.contentOrigin()+"/s/"+s.seal.ticket("target", filepath.Join(dir, "photos", "report.html")), nil); got.code != http.StatusNotFound {
		t.Errorf("a report by another ticket: %d", got.code)
	}
	if err := os.Remove(filepath.Join(dir, "photos", "report.html")); err != nil {
		t.Fatal(err)
	}
	if got := get(t, b.at, nil); got.code != http.StatusNotFound {
		t.Errorf("a report that is not there any more: %d", got.code)
	}
	b.get(jobPage + "?lang=de")
	b.must("Bericht öffnen", "genau das, was geschrieben wurde", "gewählten Dateien sind gespeichert.")

	// Nothing fits.
	b.get(at + "/save?q=nosuchname")
	b.must("Nothing is chosen that could be saved")
	if strings.Contains(b.page, `name="folder"`) {
		t.Error("nothing can be saved")
	}
	b.get(at + "/save?lang=de")
	b.must("Was gespeichert wird", "Ihr persönlicher Ordner", "Wohin")
}

// cookie returns what lets this browser in.
func (b *browser) cookie() string {
	b.t.Helper()
	place, err := url.Parse(b.s.pageOrigin())
	if err != nil {
		b.t.Fatal(err)
	}
	for _, c := range b.http.Jar.Cookies(place) {
		if c.Name == b.s.cookieName() {
			return c.Value
		}
	}
	b.t.Fatal("there is no cookie")
	return ""
}

// TestSavingGoesOnAfterARestart starts a server beside what a killed one left.
func TestSavingGoesOnAfterARestart(t *testing.T) {
	dir, k := rescued(t)
	state := filepath.Join(dir, "state")
	before := newSavings(state)
	kept := keptSaving{Case: k.Dir, To: filepath.Join(dir, "out"), Query: recovery.Query{Name: "*.jpg"}}
	gone := keptSaving{Case: filepath.Join(dir, "forgotten"), To: filepath.Join(dir, "never")}
	list, err := openKnown(state)
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{list.add(k), before.keep(kept), before.keep(gone), os.WriteFile(filepath.Join(state, "savings", "broken.json"), []byte("{"), 0o600)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	s := serve(t, Options{State: state})
	b := open(t, s)
	var j *job
	for end := time.Now().Add(time.Minute); j == nil; j = s.jobs.of("save", k.Key()) {
		if time.Now().After(end) {
			t.Fatal("it does not go on")
		}
		time.Sleep(5 * time.Millisecond)
	}
	b.get("/job/" + j.id)
	b.wait()
	b.must("is exactly what was written")
	if _, err := os.Stat(filepath.Join(dir, "out", "files")); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "never")); err == nil {
		t.Error("a saving of a case that is not known any more began")
	}
	if _, err := os.Stat(filepath.Join(state, "savings", kept.name())); err == nil {
		t.Error("it would begin once more")
	}
}

// TestPausedSavingGoesOn pauses a saving before it wrote anything, and goes on.
func TestPausedSavingGoesOn(t *testing.T) {
	dir, k := rescued(t)
	s := serve(t, Options{State: filepath.Join(dir, "state")})
	b := open(t, s)
	known1(t, s, k)
	kept := keptSaving{Case: k.Dir, To: filepath.Join(dir, "out")}
	stopped, cancel := context.WithCancel(t.Context())
	cancel()
	end, err := s.saveNow(stopped, kept, new(deaf))
	if err == nil && end.Exit != rescue.ExitStopped {
		t.Fatalf("%+v, %v", end, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "out", "report.html")); err == nil {
		t.Error("a saving that goes on has a report")
	}
	j := s.saveJob(kept)
	b.get("/job/" + j.id)
	b.wait()
	b.must("is exactly what was written", "Open the report")
	again := s.saveJob(kept)
	b.get("/job/" + again.id)
	b.wait()
	b.must("stood there already")
}

// TestTwoBrowsers has one browser save and check while another one looks, and another program write.
func TestTwoBrowsers(t *testing.T) {
	dir, k := rescued(t)
	s := serve(t, Options{State: filepath.Join(dir, "state")})
	one, two := open(t, s), open(t, s)
	at := known1(t, s, k)
	if one.cookie() == two.cookie() {
		t.Fatal("two browsers have one session")
	}
	// A form of one is not the other's.
	if got := ask(t, http.MethodPost, s.pageOrigin()+at+"/verify", http.Header{"Cookie": {s.cookieName() + "=" + one.cookie()}, "Content-Type": {"application/x-www-form-urlencoded"}},
		"csrf="+s.csrf(two.cookie())); got.code != http.StatusForbidden {
		t.Errorf("the token of another browser was taken: %d", got.code)
	}

	other, err := casefile.Open(k.Dir, casefile.Writer, casefile.Options{Program: "salvor on a command line"})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	one.get(at)
	one.must("Another program works on it: process ", "You can look at all of it meanwhile")
	if strings.Contains(one.page, at+"/resume") {
		t.Error("the work can be gone on with while another program works")
	}
	one.take(one.http.PostForm(s.pageOrigin()+at+"/resume", url.Values{"csrf": {s.csrf(one.cookie())}}))
	who, _, err := casefile.WriterOf(k.Dir)
	if err != nil || who == nil || one.code != http.StatusConflict {
		t.Fatalf("%d, %+v, %v", one.code, who, err)
	}
	one.must("is in use", who.Host, "process ")
	one.get("/cases")
	one.must("in use", "Another program works on it")

	one.get(at + "/save")
	one.post(at+"/save", url.Values{"folder": {"out"}})
	saving := one.at
	two.get(at)
	two.post(at+"/verify", nil)
	verifying := two.at
	var looked int
	var both sync.WaitGroup
	both.Go(func() {
		for _, path := range []string{"/files?tab=live", "/files?tab=live&class=photo", "/journal", "", "/save", "/files?tab=deleted"} {
			if got := ask(t, http.MethodGet, s.pageOrigin()+at+path, http.Header{"Cookie": {s.cookieName() + "=" + two.cookie()}}, ""); got.code != http.StatusOK {
				t.Errorf("%s: %d while another browser saves", path, got.code)
			}
			looked++
		}
	})
	both.Wait()
	one.get(saving)
	one.wait()
	one.must("is exactly what was written")
	two.get(verifying)
	two.wait()
	two.must("Everything is what it was.", "Nothing needs to be done.")
	if looked != 6 {
		t.Error(looked)
	}
}

// TestCases shows the list, a journal in words, and takes a case off the list.
func TestCases(t *testing.T) {
	dir, k := rescued(t)
	s := serve(t, Options{State: filepath.Join(dir, "state")})
	b := open(t, s)
	at := known1(t, s, k)
	b.get("/cases")
	b.must("gateway.img", "16.0 MiB", "All of it is read (16.0 MiB).", "The work came to its end.", "Last worked on", "Take it off the list, delete nothing")
	b.get("/cases?lang=de")
	b.must("Alles ist gelesen", "Von der Liste nehmen")

	b.get(at + "/journal")
	b.must("The record is unbroken", "The rescue was begun", "salvor test, process ", "Source: ", "gateway.img", "The source was read: 16.0 MiB; 0 bytes of it could not be read", "Ended: looking what belongs together", "How it ended: ", "case.create")
	b.get(at + "/journal?lang=de")
	b.must("Die Aufzeichnung ist ungebrochen", "Die Rettung wurde begonnen", "Wie es endete")

	path := filepath.Join(k.Dir, "journal.jsonl")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(text), "\n")
	lines[2] = strings.Replace(lines[2], `"time":"2`, `"time":"1`, 1)
	if err := os.WriteFile(path, []byte(strings.Join(lines, "")), 0o600); err != nil {
		t.Fatal(err)
	}
	b.get(at + "/journal")
	b.must("The record was changed by something else, in line 4")
	b.get(at)
	b.post(at+"/verify", nil)
	b.wait()
	b.must("Not all of it is what it was: 1 changed.", "Do not trust what is named below")
	b.get(b.at + "?lang=de")
	b.must("Nicht alles ist, was es war: 1 verändert.")

	// What is at work stays on the list.
	end := make(chan struct{})
	s.jobs.add(&job{kind: "verify", key: k.Key(), work: steady(end)})
	b.get("/cases")
	b.post(at+"/forget", nil)
	if _, ok := s.known.get(k.Key()); !ok || b.code != http.StatusConflict {
		t.Errorf("%d: a case at work was forgotten", b.code)
	}
	close(end)
	b.get("/job/" + s.jobs.of("verify", k.Key()).id)
	b.wait()
	b.get("/cases")
	b.post(at+"/forget", nil)
	b.must("No rescue was begun on this computer yet.")
	if !isCase(k.Dir) {
		t.Error("forgetting a case deleted it")
	}
	b.get(at)
	if b.code != http.StatusNotFound {
		t.Error(b.code)
	}
}

func TestUnpluggedCases(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("HOME", dir)
	s := serve(t, Options{State: filepath.Join(dir, "state")})
	b := open(t, s)
	gone, moved := knownCase{Dir: filepath.Join(dir, "stick", "case")}, knownCase{Dir: filepath.Join(dir, "moved")}
	for _, k := range []knownCase{gone, moved} {
		known1(t, s, k)
	}
	s.known.mu.Lock()
	for i := range s.known.list {
		if s.known.list[i].Dir == gone.Dir {
			s.known.list[i].Point, s.known.list[i].Drive = filepath.Join(dir, "stick"), "ACME <b>Stick"
		}
	}
	s.known.mu.Unlock()
	b.get("/cases")
	b.must("It lies on a drive that is not plugged in now: ACME &lt;b&gt;Stick.", "The folder is not there any more.")
	b.get("/case/" + gone.Key())
	b.must("not plugged in now")
	if b.code != http.StatusNotFound {
		t.Error(b.code)
	}
	again, err := openKnown(filepath.Join(dir, "state"))
	if err != nil || again.forget("none") != nil || again.forget(gone.Key()) != nil || len(again.all()) != 1 {
		t.Errorf("%+v, %v", again.all(), err)
	}
}

// TestWordsOfActs holds that acts have words, and that one without is shown as what it is.
func TestWordsOfActs(t *testing.T) {
	all, err := loadWords()
	if err != nil {
		t.Fatal(err)
	}
	for act, c := range map[string]struct{ fields, want string }{
		"source.add":     {`{"source":{"path":"/dev/sdb","size":1048576,"model":"Card\u202e"}}`, "Source: /dev/sdb, 1.0 MiB Card⟨U+202E⟩"},
		"save.end":       {`{"seconds":61.23}`, "Ended: saving, after 1m1.2s"},
		"take.begin":     {``, "Begun: reading the source"},
		"copy.passes":    {``, "How often the source was gone over"},
		"source.taken":   {`{"bytes":-5,"unreadable":"many"}`, "The source was read: 0 bytes; 0 bytes of it could not be read"},
		"note.add":       {`{"name":"a.jpg","size":1}`, "A note was added: a.jpg, 1 bytes"},
		"something.else": {`[1]`, "something.else"},
		"case.open":      {`null`, "The work went on"},
	} {
		a := casefile.Act{Act: act, Fields: json.RawMessage(c.fields)}
		if got := strings.TrimSpace(actWords(all["en"], a, fieldsOf(a))); got != c.want {
			t.Errorf("%s: %q, expected %q", act, got, c.want)
		}
	}
}
