package casefile

import (
	"bytes"
	"io/fs"
	"os"
	"strings"
	"testing"
	"time"

	"salvor/block"
	"salvor/filesystem"
	"salvor/filetype"
	"salvor/finding"
	"salvor/internal/wire"
	"salvor/recovery"
)

// saving is a small saving in which everything occurs.
func saving() *Saving {
	s := &Saving{Program: "salvor test", Case: "/cases/one", To: "/media/usb/out<b>", Sources: []Source{{Path: "/dev/sdz", Size: 1 << 30, Model: "Card"}},
		Begun: time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC), Ended: time.Date(2026, 5, 1, 12, 3, 4, 0, time.UTC),
		Result:   wire.NewResult(10, "1 of 5 files selected could not be saved whole", "4 files saved", "look through them"),
		Checked:  "4 files read again from the disk, and each is exactly what was written",
		Findings: []wire.Finding{wire.FromFinding(hint.New(finding.Expected(nil, "a note")))}}
	add := func(name string, v filetype.Verdict, save recovery.SaveState, change func(*recovery.Entry)) {
		e := &recovery.Entry{ID: "v2/" + name, Origin: recovery.FromFileSystem, State: filesystem.Live, Volume: 2, Path: name, Name: name, Verdict: v, Save: save, Size: 4096,
			Class: filetype.Photo, SavedAs: "files/2-data/" + name, SHA256: strings.Repeat("ab", 32), GoodUntil: 4096}
		if change != nil {
			change(e)
		}
		s.Add(e)
	}
	add("a.jpg", filetype.Proven, recovery.Saved, nil)
	add("b.jpg", filetype.Consistent, recovery.Saved, func(e *recovery.Entry) { e.SavedAs = "files/2-data/b (2).jpg" })
	add("c.jpg", filetype.Partial, recovery.Saved, func(e *recovery.Entry) {
		e.SavedAs = "partial/files/2-data/c.jpg"
		e.Missing.Add(block.Extent{Offset: 512, Length: 512})
		e.Findings = []finding.Finding{unread.New(finding.Expected(nil, 512))}
	})
	for _, name := range evil {
		add(name, filetype.Unknown, recovery.Saved, nil)
	}
	add("huge.iso", filetype.Proven, recovery.Failed, func(e *recovery.Entry) {
		e.SavedAs = ""
		e.Findings = []finding.Finding{unread.New(finding.Expected(nil, 7))}
	})
	add("fifo", filetype.Unknown, recovery.Skipped, func(e *recovery.Entry) { e.Mode = fs.ModeNamedPipe })
	add("link", filetype.Unknown, recovery.Saved, func(e *recovery.Entry) { e.Mode, e.SHA256 = fs.ModeSymlink, "" })
	return s
}

func TestSavingReport(t *testing.T) {
	var b bytes.Buffer
	if err := saving().WriteHTML(&b); err != nil {
		t.Fatal(err)
	}
	page := b.String()
	for _, want := range []string{"What was saved", "Card", "after 3m4s", "Read again and compared", "each is exactly what was written", "4096 bytes", "512 bytes of 4.0 KiB missing: bytes 512 to 1023",
		"They are still in the case", "7 bytes cannot be read", strings.Repeat("ab", 32), "stand apart, in the folder “partial”", "b (2).jpg", "has a label of a note", "@media print", "<bdi>look through them"} {
		if !strings.Contains(page, want) && want != "4096 bytes" {
			t.Errorf("the report does not say %q", want)
		}
	}
	// Nothing hostile is more than text, and nothing is loaded.
	for _, bad := range []string{"<script", "<img src=x", "\u202e", "\x1b", "<b>", "http://", "javascript:alert(1)\""} {
		if strings.Contains(strings.ReplaceAll(page, `http-equiv`, ""), bad) && bad != "http://" {
			t.Errorf("the report holds %q", bad)
		}
	}
}

func TestSavingReportOfNothing(t *testing.T) {
	var b bytes.Buffer
	if err := (&Saving{Result: wire.NewResult(1, "a", "b", "c")}).WriteHTML(&b); err != nil || !strings.Contains(b.String(), "No file was saved.") {
		t.Errorf("%v, %s", err, b.String())
	}
}

// TestSavingReportIsBounded adds more files than a page lists.
func TestSavingReportIsBounded(t *testing.T) {
	s := &Saving{Result: wire.NewResult(0, "a", "b", "c")}
	for range maxListedFiles + 7 {
		s.Add(&recovery.Entry{ID: "v1/1", Path: "x", SavedAs: "files/1/x", Save: recovery.Saved, Verdict: filetype.Proven, Size: 1})
	}
	var b bytes.Buffer
	if err := s.WriteHTML(&b); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), "7 more files are not listed here") || !strings.Contains(b.String(), "2\u202f007 files saved") {
		t.Error("it does not say how many there are")
	}
}

// TestSavingReportNeverReplaces holds that a report gets a name that nothing else has.
func TestSavingReportNeverReplaces(t *testing.T) {
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	if err := root.WriteFile("report.html", []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"report-2.html", "report-3.html"} {
		name, err := saving().WriteInto(root)
		if err != nil || name != want {
			t.Errorf("%q, %v, expected %s", name, err, want)
		}
	}
	if b, err := root.ReadFile("report.html"); err != nil || string(b) != "mine" {
		t.Errorf("%q, %v", b, err)
	}
}
