package ui

import (
	"context"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"salvor/diagnosis/plan"
	"salvor/host"
	"salvor/internal/need"
	"salvor/internal/wire"
	"salvor/rescue"
)

// hostile is a log whose words try to be more than words.
const hostile = "rauc[412]: installing\n" +
	"rauc[412]: Compatible mismatch: Expected '<script>alert(1)</script>' but bundle manifest has '\u202egnp.exe\" onclick=\"x'\n" +
	"rauc[412]: Update failed\n"

// asked asks why by the form, and waits for the answer.
func (b *browser) asked(fields ...field) {
	b.t.Helper()
	b.send("/why", append([]field{{name: "csrf", text: b.token()}}, fields...)...)
	b.wait()
}

// listener hears nothing of a rescue.
type listener struct{}

func (listener) Progress(wire.Progress) {}
func (listener) Layers([]wire.Layer)    {}
func (listener) Finding(wire.Finding)   {}

// smallCase rescues a small volume with two files in it, all of which can be saved.
func smallCase(t *testing.T, name string) knownCase {
	t.Helper()
	tool := need.Tool(t, "mke2fs")
	dir := t.TempDir()
	root, image, to := filepath.Join(dir, "root"), filepath.Join(dir, "card.img"), filepath.Join(dir, name)
	if err := os.Mkdir(root, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, n := range []string{"letter.txt", "list.txt"} {
		if err := os.WriteFile(filepath.Join(root, n), []byte("what I wrote in "+n+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := exec.Command(tool, "-q", "-t", "ext4", "-O", "^has_journal", "-b", "1024", "-d", root, image, "1m").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if _, err := rescue.Run(context.Background(), rescue.Options{Source: image, Case: to, Program: "salvor test"}, listener{}, discard); err != nil {
		t.Fatal(err)
	}
	return knownCase{Dir: to, Source: image}
}

// savedFile is the path of a saved file of that name.
func savedFile(t *testing.T, k knownCase, name string) (path string) {
	t.Helper()
	if err := filepath.WalkDir(k.Dir, func(p string, d os.DirEntry, err error) error {
		if err == nil && d.Name() == name {
			path = p
		}
		return err
	}); err != nil || path == "" {
		t.Fatalf("%s: %q, %v", name, path, err)
	}
	return path
}

// TestWhy asks by dropped files and pasted words, with hostile ones among them, and reads the answer.
func TestWhy(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	s := serve(t, Options{})
	b := open(t, s)
	b.link("Why did it fail?")
	b.must("What does the device say?", `type="file"`, `name="csrf"`)
	b.asked(field{name: "do", text: "find"}, field{name: "said", text: "<i>the light</i> blinks red\u202e"}, field{name: "device", text: "../../etc/passwd=x"},
		field{name: "file", file: "<b>up\u202edate.log", text: hostile})
	b.must("What happened", "The package is for another device", "How sure that is:", "cases that were kept back", "Why it looks like that",
		"&lt;script&gt;alert(1)&lt;/script&gt;", "⟨U&#43;202E⟩gnp.exe&#34; onclick=&#34;x", "line 2", "from byte ", "What to do, in this order", "changes nothing", "can be taken back",
		"Stop using the device", "Done when", "Otherwise", "What is left out, and why", "Reset to factory settings", "Next time", "What was read", "your words", `lang="en"`)
	for _, bad := range []string{"<script>alert", "\u202e", "<b>up", " onclick=\"x", "<i>the", s.uploads.parent} {
		if strings.Contains(b.page, bad) {
			t.Errorf("the page holds %q", bad)
		}
	}
	answer := b.at
	b.get(answer + "?lang=de")
	b.must("Was geschehen ist", "Das Paket ist für ein anderes Gerät", "Benutzen Sie das Gerät nicht mehr", "verändert nichts", "Gelungen, wenn")
	b.get(answer)
	b.link("Add to it, or ask again")
	b.must("&lt;i&gt;the light&lt;/i&gt;", "[U&#43;202E]date.log", "checked")
	if strings.Contains(b.page, s.uploads.parent) {
		t.Error("the form names the folder of uploads")
	}

	// What says nothing is answered with what to collect, and what to ask.
	b.asked(field{name: "do", text: "find"}, field{name: "said", text: "Update failed"})
	b.must("The cause cannot be told from this", "What to collect next", "cannot be told")
	// A question without words, files and a case is none.
	b.asked(field{name: "do", text: "find"}, field{name: "said", text: "  \n"})
	b.must("Say, drop or choose something first")
	// Several candidates are told with what would decide between them.
	b.asked(field{name: "do", text: "find"}, field{name: "file", file: "dmesg.txt", text: "[    1.0] mmcblk0: error -110 sending stop command\n[    2.0] Buffer I/O error on dev mmcblk0p2, logical block 7, async page read\n[    3.0] EXT4-fs error (device mmcblk0p2): ext4_lookup:1700: inode #2: comm init: deleted inode referenced: 12\n"})
	b.must("What else it could be", "What would decide it")
}

// TestWhyRefuses sends questions that are not taken.
func TestWhyRefuses(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	s := serve(t, Options{})
	b := open(t, s)
	token := field{name: "csrf", text: b.token()}
	file := field{name: "file", file: "x.log", text: "x\n"}
	for name, c := range map[string]struct {
		fields []field
		code   int
	}{
		"a ticket that is made up":    {[]field{token, {"log", "", "a.b"}, file}, 403},
		"a ticket for something else": {[]field{token, {"log", "", s.seal.ticket("target", "/etc/passwd")}, file}, 403},
		"a case that is not known":    {[]field{token, {"case", "", "0011223344556677"}, file}, 404},
		"words without an end":        {[]field{token, {"said", "", strings.Repeat("x", maxSaid+1)}, file}, 413},
		"a device without an end":     {[]field{token, {"device", "", strings.Repeat("x", maxWords+1)}, file}, 413},
		"no token":                    {[]field{{"said", "", "x"}, token}, 403},
		"a proof without a case":      {[]field{token, {"do", "", "prove"}, {"sure", "", "1"}}, 404},
		"a proof nobody is sure of":   {[]field{token, {"do", "", "prove"}}, 409},
		"a proof of no question":      {[]field{token, {"do", "", "prove"}, {"sure", "", "1"}, {"q", "", "x"}}, 404},
	} {
		b.send("/why", c.fields...)
		if b.code != c.code {
			t.Errorf("%s: %d, expected %d", name, b.code, c.code)
		}
		if list := kept(t, s.uploads.parent); len(list) > 0 {
			t.Fatalf("%s: these stayed: %q", name, list)
		}
	}
	for _, path := range []string{"/why/none", "/why?q=none", "/why?log=a.b", "/case/0011223344556677/why"} {
		b.get(path)
		if b.code != 403 && b.code != 404 {
			t.Errorf("%s: %d", path, b.code)
		}
	}
}

// TestWhyByThePicker chooses a log in the folders of this computer, and keeps what was written meanwhile.
func TestWhyByThePicker(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("HOME", dir)
	if err := os.WriteFile(filepath.Join(dir, "update.log"), []byte(hostile), 0o600); err != nil {
		t.Fatal(err)
	}
	s := serve(t, Options{})
	b := open(t, s)
	b.send("/why", field{name: "csrf", text: b.token()}, field{name: "said", text: "it beeps"}, field{name: "do", text: "pick"})
	b.must("update.log")
	if !strings.Contains(b.at, "/pick/log?") {
		t.Fatal(b.at)
	}
	b.link("update.log")
	b.must("it beeps", "update.log")
	ticket := regexp.MustCompile(`name="log" value="([^"]*)" checked`).FindStringSubmatch(b.page)
	if ticket == nil {
		t.Fatal(b.page)
	}
	b.asked(field{name: "do", text: "find"}, field{name: "log", text: unescape(ticket[1])})
	b.must("The package is for another device", "update.log")
}

// hidden are all words of steps that cannot be taken back, but for what they are called.
func hidden(t *testing.T, o rescue.WhyOptions) (list []string, titles int) {
	t.Helper()
	w, err := rescue.FindWhy(context.Background(), o, listener{})
	if err != nil {
		t.Fatal(err)
	}
	var open []string
	for _, x := range w.Plan.Steps {
		texts := append([]string{x.Reason, x.Command, x.Success, x.Otherwise, x.Undo}, x.Conditions...)
		if x.Risk != plan.Irreversible {
			open = append(open, texts...)
			continue
		}
		titles++
		list = append(list, texts...)
	}
	out := list[:0]
	for _, text := range list {
		if text != "" && !strings.Contains(strings.Join(open, "\n"), text) {
			out = append(out, text)
		}
	}
	return out, titles
}

// TestStepsThatDestroyAreLocked walks from a locked plan to an unlocked one, by a case that holds all files; and holds that
// nothing of a locked step is on any page before.
func TestStepsThatDestroyAreLocked(t *testing.T) {
	k, other := smallCase(t, "my-card"), smallCase(t, "other-card")
	t.Setenv("HOME", t.TempDir())
	s := serve(t, Options{})
	for _, c := range []knownCase{k, other} {
		if err := s.known.add(c); err != nil {
			t.Fatal(err)
		}
	}
	b := open(t, s)
	log := filepath.Join(t.TempDir(), "update.log")
	if err := os.WriteFile(log, []byte(hostile), 0o600); err != nil {
		t.Fatal(err)
	}
	o := rescue.WhyOptions{Inputs: []rescue.WhyInput{{Name: log}}, Program: "salvor test"}
	secret, titles := hidden(t, o)
	if titles == 0 || len(secret) < 5 {
		t.Fatalf("the plan has nothing to lock: %q", secret)
	}
	locked := func(where string) {
		t.Helper()
		b.must("This step can destroy your files", "My files are safe", "cannot be taken back")
		for _, text := range secret {
			if page := unescape(b.page); strings.Contains(page, text) {
				t.Errorf("%s: %q of a locked step is on the page", where, text)
			}
		}
		for _, l := range languages[1:] {
			b.get(b.at + "?lang=" + l)
			for _, text := range secret {
				if in, ok := s.others[l].say(text); ok && strings.Contains(unescape(b.page), in) {
					t.Errorf("%s in %s: %q of a locked step is on the page", where, l, in)
				}
			}
		}
		b.get(strings.Split(b.at, "?")[0])
	}
	prove := func(q, key string) {
		t.Helper()
		b.take(b.http.PostForm("http://"+s.pageHost+"/why", url.Values{"csrf": {b.token()}, "do": {"prove"}, "q": {q}, "case": {key}, "sure": {"1"}}))
		b.wait()
	}
	b.asked(field{name: "do", text: "find"}, field{name: "file", file: "update.log", text: hostile})
	locked("without a case")
	q := b.at[strings.LastIndex(b.at, "/")+1:]

	// Nobody confirmed it: a case that is safe does not unlock by itself.
	b.asked(field{name: "do", text: "find"}, field{name: "case", text: k.Key()}, field{name: "file", file: "update.log", text: hostile})
	locked("with a case that nobody confirmed")
	mine := b.at[strings.LastIndex(b.at, "/")+1:]

	// A saved file is not what it was: what is missing is said, and nothing is unlocked.
	path := savedFile(t, k, "letter.txt")
	was, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("something else\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	prove(q, k.Key())
	locked("with a case that was changed")
	b.must("The steps stay locked", "my-card", "1 saved files are not what was saved")
	if err := os.WriteFile(path, was, 0o600); err != nil {
		t.Fatal(err)
	}

	// The case of another device proves nothing for this one.
	b.take(b.http.PostForm("http://"+s.pageHost+"/why", url.Values{"csrf": {b.token()}, "do": {"prove"}, "q": {mine}, "case": {other.Key()}, "sure": {"1"}}))
	b.must("This rescue is of another device")

	prove(q, k.Key())
	b.must("Unlocked: the rescue “my-card” proves that your files are safe.", "files are there as they were saved", "cannot be taken back")
	proved := b.at
	if strings.Contains(b.page, "This step can destroy your files") {
		t.Error("a step is still locked")
	}
	shown := 0
	for _, text := range secret {
		if strings.Contains(unescape(b.page), text) {
			shown++
		}
	}
	if shown < len(secret)/2 {
		t.Errorf("%d of %d texts of the steps are shown", shown, len(secret))
	}
	b.get("/why/" + mine)
	b.must("Unlocked: the rescue “my-card”")
	b.get("/why/" + q)
	locked("a question without the case")
	b.asked(field{name: "do", text: "find"}, field{name: "case", text: other.Key()}, field{name: "file", file: "update.log", text: hostile})
	locked("another device")

	// The case keeps the answer, which its own pages show; it is locked as long as this server has no proof.
	b.get("/case/" + k.Key() + "/why")
	b.must("The package is for another device", "Unlocked")
	b.get("/why?case=" + k.Key())
	b.must("The package is for another device")
	if err := os.Rename(k.Dir, k.Dir+"-away"); err != nil {
		t.Fatal(err)
	}
	b.get(proved)
	locked("with a case that is not there")
	if err := os.Rename(k.Dir+"-away", k.Dir); err != nil {
		t.Fatal(err)
	}
	fresh := serve(t, Options{})
	if err := fresh.known.add(k); err != nil {
		t.Fatal(err)
	}
	b = open(t, fresh)
	s = fresh
	b.get("/case/" + k.Key() + "/why")
	locked("after a new start")
}

// A rescue that works in the case, or did so since, takes the proof away.
func TestProofEndsWithTheNextRescue(t *testing.T) {
	s := serve(t, Options{})
	dir := t.TempDir()
	if err := host.ReplaceFile(filepath.Join(dir, "case.json"), false, func(io.Writer) error { return nil }); err != nil {
		t.Fatal(err)
	}
	k := knownCase{Dir: dir}
	if err := s.known.add(k); err != nil {
		t.Fatal(err)
	}
	q := &asking{id: "x", caseKey: k.Key(), sure: true}
	s.questions.answered(q, &foundWhy{filesSafe: true})
	if _, ok := s.proofOf(k.Key()); !ok {
		t.Fatal("no proof")
	}
	s.questions.answered(&asking{id: "y", caseKey: k.Key()}, &foundWhy{filesSafe: true})
	if _, ok := s.proofOf(k.Key()); !ok {
		t.Error("asking again took the proof away")
	}
	s.jobs.add(&job{kind: "rescue", key: k.Key(), work: func(context.Context, rescue.Events) (wire.Result, error) { return wire.Result{State: "x"}, nil }})
	if _, ok := s.proofOf(k.Key()); ok {
		t.Error("a rescue began, and the proof stayed")
	}
	s.questions.answered(q, &foundWhy{filesSafe: true})
	s.questions.answered(&asking{id: "z", caseKey: k.Key()}, &foundWhy{})
	if _, ok := s.proofOf(k.Key()); ok {
		t.Error("the case is not whole any more, and the proof stayed")
	}
}

// TestDiagnosisOnOtherPages looks at an image, and at a case: both say what happened, or lead to where it is asked.
func TestDiagnosisOnOtherPages(t *testing.T) {
	dir := home(t)
	s := serve(t, Options{})
	b := open(t, s)
	image := filepath.Join(dir, "gateway.img")
	b.get("/look?source=" + url.QueryEscape(s.seal.ticket("source", image)))
	b.wait()
	b.must("What happened", "The partition table is damaged")
	b.link("Why did it fail? Show logs and messages")
	b.must("gateway.img", "checked")
	// One that is large, and a device, are looked into when that is asked for.
	large := filepath.Join(dir, "large.img")
	if err := os.WriteFile(large, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(large, mostByItself+1); err != nil {
		need.Lacking(t, "this file system takes no large files: %v", err)
	}
	for _, path := range []string{large, "/dev/null"} {
		if d := s.diagnosisOf("en", []string{path}); d == nil || d.Job != "" || d.Answer != nil || !strings.HasPrefix(d.Ask, "/why?source=") {
			t.Errorf("%s: %+v", path, d)
		}
	}

	k := smallCase(t, "my-card")
	if err := s.known.add(k); err != nil {
		t.Fatal(err)
	}
	b.get("/case/" + k.Key())
	b.must("my-card")
	b.get("/case/" + k.Key() + "/why")
	b.must(`<option value="` + k.Key() + `" selected>`)
	b.get("/case/" + k.Key() + "/why")
	b.must("What does the device say?") // nothing is kept yet
	b.asked(field{name: "do", text: "find"}, field{name: "case", text: k.Key()}, field{name: "file", file: "update.log", text: hostile})
	b.must("The package is for another device")
	for _, path := range []string{"/case/" + k.Key(), "/look?source=" + url.QueryEscape(s.seal.ticket("source", k.Source))} {
		b.get(path)
		b.wait()
		b.must("What happened", "The package is for another device", "very likely", "Compatible mismatch", "&lt;script&gt;", "line 2")
		b.link("All of it, and what to do now")
		b.must("What to do, in this order", "update.log", "This step can destroy your files")
	}
}

// A case with damaged volumes says so where its files are said to be safe: nobody can count what is lost in them.
func TestDamagedVolumesAreNamed(t *testing.T) {
	s := serve(t, Options{})
	k := knownCase{Dir: t.TempDir()}
	if err := s.known.add(k); err != nil {
		t.Fatal(err)
	}
	found := &foundWhy{filesSafe: true}
	found.lines.Diagnosis.Facts = []wire.WhyFact{{Name: "volume.state", Words: "data (ext4) at byte 1048576 is damaged"}, {Name: "space.free", Words: "nothing"}}
	for lang, want := range map[string]said{"en": {Text: "data (ext4) at byte 1048576 is damaged"}, "de": {Text: "data (ext4) ab Byte 1048576 ist beschädigt"}} {
		if got := s.explain(lang, &asking{caseKey: k.Key()}, found); len(got.Damaged) != 1 || got.Damaged[0] != want {
			t.Errorf("%s: %+v", lang, got.Damaged)
		}
	}
}
