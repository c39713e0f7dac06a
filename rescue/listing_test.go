package rescue

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"salvor/filetype"
	"salvor/imaging"
	"salvor/recovery"
)

func quietLog() *slog.Logger { return slog.New(slog.DiscardHandler) }

// mapsShown are events that take the maps of a copy.
type mapsShown struct {
	unheard
	seen int
	read int64
}

func (m *mapsShown) Map(_ int, now *imaging.Map) {
	m.seen++
	m.read = now.Of(imaging.Finished).Bytes()
}

// TestListing lists a part of a copy: what is read is judged, what is not is called so, and the case stays as it is.
func TestListing(t *testing.T) {
	ctx := t.Context()
	dir := filepath.Join(t.TempDir(), "case")
	seen := &mapsShown{}
	o := Options{Source: exampleImage, Case: dir, Copy: true, TakeOnly: true, Program: "salvor test", Take: TakeOptions{Size: 9100000}}
	if l, err := MakeListing(ctx, dir, "salvor test", nil, time.Minute); err == nil {
		t.Errorf("a case that is not there is listed: %+v", l)
	}
	_, err := Run(ctx, o, seen, quietLog())
	must(t, err)
	if seen.seen == 0 {
		t.Error("no map was shown")
	}
	before, err := os.ReadDir(dir)
	must(t, err)
	l, err := MakeListing(ctx, dir, "salvor test", nil, time.Minute)
	must(t, err)
	if l == nil || l.Read >= l.Size || l.Read < 9000000 || l.Files == 0 {
		t.Fatalf("%+v", l)
	}
	c, err := l.Open(nil)
	must(t, err)
	verdicts, early := map[filetype.Verdict]int{}, 0
	for e, err := range c.Catalog.Select(ctx, recovery.Query{}) {
		must(t, err)
		verdicts[e.Verdict]++
		for _, f := range e.Findings {
			if f.Code == notReadYet.Code || f.Code == notJudgedYet.Code {
				early++
				if e.Verdict != filetype.Unknown || !e.Missing.Empty() {
					t.Errorf("%s is not read yet, and called %v", e.Path, e.Verdict)
				}
			}
		}
		// What is called whole is there to the last byte.
		if e.Verdict == filetype.Proven && e.Mode.IsRegular() {
			src, done, err := c.Content(ctx, new(Tables), e)
			if err == nil {
				_, err = src.ReadAt(make([]byte, e.Size), 0)
				_ = done()
			}
			if err != nil && e.Encoding == "" {
				t.Errorf("%s is called whole: %v", e.Path, err)
			}
		}
	}
	if verdicts[filetype.Proven] == 0 || early == 0 || verdicts[filetype.Partial]+verdicts[filetype.Damaged] > 0 {
		t.Errorf("%v, %d not read yet", verdicts, early)
	}
	temp := l.temp
	must(t, l.Close())
	if _, err := os.Stat(temp); err != nil {
		t.Error("the list is gone while it is looked at: ", err)
	}
	must(t, c.Close())
	if _, err := os.Stat(temp); err == nil {
		t.Error("the list is left behind")
	}
	if c, err := l.Open(nil); err == nil {
		t.Error("a list that was given up is opened")
		must(t, c.Close())
	}
	must(t, l.Close())
	after, err := os.ReadDir(dir)
	must(t, err)
	if len(before) != len(after) {
		t.Errorf("%d entries in the case, %d before", len(after), len(before))
	}

	// Without time nothing is checked, and all is listed.
	quick, err := MakeListing(ctx, dir, "salvor test", nil, -time.Second)
	must(t, err)
	if quick.Files != l.Files {
		t.Errorf("%d files, %d when they are checked", quick.Files, l.Files)
	}
	must(t, quick.Close())

	// A case with a list of its own needs no other.
	o.TakeOnly, o.Take = false, TakeOptions{}
	_, err = Run(ctx, o, unheard{}, quietLog())
	must(t, err)
	if l, err := MakeListing(ctx, dir, "salvor test", nil, time.Minute); l != nil || err != nil {
		t.Errorf("%+v, %v", l, err)
	}
	if list, err := MapsOf(dir, "salvor test"); err != nil || len(list) != 1 || list[0].Map.Of(imaging.Finished).Bytes() != list[0].Map.Size() {
		t.Errorf("%v, %v", list, err)
	}
}

// TestCheckStart refuses what Run would refuse, and leaves nothing behind.
func TestCheckStart(t *testing.T) {
	dir := t.TempDir()
	to := filepath.Join(dir, "case")
	must(t, CheckStart(t.Context(), Options{Source: exampleImage, Case: to}))
	if err := CheckStart(t.Context(), Options{Source: filepath.Join(dir, "none.img"), Case: to}); err == nil || Failure(err, "").Code != "host.source.notfound" {
		t.Error(err)
	}
	if list, err := os.ReadDir(dir); err != nil || len(list) != 0 {
		t.Errorf("%v, %v", list, err)
	}
}
