package ui

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"salvor/finding"
	"salvor/recovery"
)

// manyFiles is a case of as many files as are not listed at once without columns, which it does not have; the first file
// has a journal, and nothing else tells so.
func manyFiles(t *testing.T) knownCase {
	t.Helper()
	var list []*recovery.Entry
	for i := range (fewChunks + 2) << 12 {
		list = append(list, millionth(i))
		list[i].Size = 5 // which any disk has room for
	}
	list[0].Findings = append(list[0].Findings, related(list[1].ID))
	k := made(t, filepath.Join(t.TempDir(), "case"), nil, list...)
	long := time.Now().Add(-time.Hour)
	if err := os.Chtimes(filepath.Join(k.Dir, "catalog.db"), long, long); err != nil {
		t.Fatal(err)
	}
	return k
}

// related is a finding that names what is saved together with its file.
func related(id string) finding.Finding {
	return finding.Finding{Code: "relate.journal", Text: "it has a journal", Offset: -1, Args: map[string]string{"with": id}}
}

// until asks for a page until it says what is wanted.
func until(t *testing.T, b *browser, address, want string) {
	t.Helper()
	for begun := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		if b.get(address); b.code != http.StatusOK {
			t.Fatalf("%s: %d %s", address, b.code, b.page)
		}
		if strings.Contains(b.page, want) {
			return
		}
		if time.Since(begun) > time.Minute {
			t.Fatalf("%s does not say %q: %s", address, want, b.page)
		}
	}
}

// TestListIsPrepared shows a case by an earlier version: first that its list is prepared, and then its list; the case itself
// is not changed.
func TestListIsPrepared(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	k := manyFiles(t)
	catalog := filepath.Join(k.Dir, "catalog.db")
	before, err := os.ReadFile(catalog)
	if err != nil {
		t.Fatal(err)
	}
	s := serve(t, Options{Case: k.Dir})
	b := open(t, s)
	key := s.known.all()[0].Key()
	home, files := "/case/"+key, "/case/"+key+"/files?tab=live&class=document"
	s.asides.one <- struct{}{} // it takes long
	b.get(files)
	b.must("The list is being prepared.", `data-again="1"`, `http-equiv="refresh" content="1"`)
	b.get(home)
	b.must("It is still being counted.", `data-again="2"`, "/files?tab=live")
	if strings.Contains(b.page, "0 files") {
		t.Error("it says numbers that it has not")
	}
	b.get(files + "&lang=de")
	b.must("Die Liste wird vorbereitet.")
	<-s.asides.one
	until(t, b, files, `rel="next"`)
	if strings.Contains(b.page, "a short while ago") || strings.Contains(b.page, "data-again") {
		t.Error("it is said to be old, or asks again")
	}
	b.get(home)
	b.must(fmt.Sprintf("%d files", len(deletedOf(false))), fmt.Sprintf("%d files", len(deletedOf(true))))
	if after, err := os.ReadFile(catalog); err != nil || string(after) != string(before) {
		t.Errorf("the case was written to, %v", err)
	}
	if runtime.GOOS != "windows" {
		if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
			t.Errorf("a kill would leave %v, %v", left, err)
		}
	}

	// The case is worked on: its list is of a moment ago, and made again later.
	cat, err := recovery.OpenCatalog(catalog)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(cat.Put(t.Context(), millionth(1_000_000)), cat.Close()); err != nil {
		t.Fatal(err)
	}
	b.get(files)
	b.must("a short while ago")

	// What nobody uses goes.
	s.asides.tidy(time.Hour)
	if len(s.asides.list) != 1 {
		t.Error("what was just used is given up")
	}
	s.asides.tidy(0)
	if left, err := os.ReadDir(temp); err != nil || len(left) > 0 || len(s.asides.list) > 0 {
		t.Errorf("%v stays, %v", left, err)
	}
	until(t, b, files, `rel="next"`)
}

// deletedOf are the files of manyFiles in one of the parts of the case.
func deletedOf(deleted bool) (list []string) {
	for i := range (fewChunks + 2) << 12 {
		if e := millionth(i); (e.Drawer() == "deleted") == deleted {
			list = append(list, e.ID)
		}
	}
	return list
}

// TestListWithoutRoom shows a case for which nothing can be made: each page takes longer, and comes.
func TestListWithoutRoom(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	k := manyFiles(t)
	s := serve(t, Options{Case: k.Dir})
	b := open(t, s)
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "gone"))
	until(t, b, "/case/"+s.known.all()[0].Key()+"/files?tab=live&class=document", `rel="next"`)
}

// TestFewCasesArePrepared holds that only so many files are kept, and none when the server has ended.
func TestFewCasesArePrepared(t *testing.T) {
	a := newAsides()
	for i := range maxAsides + 3 {
		a.of(fmt.Sprint(i))
	}
	if len(a.list) != maxAsides || a.list["2"] != nil || a.list[fmt.Sprint(maxAsides+2)] == nil {
		t.Errorf("%v", a.list)
	}
	a.close()
	if a.of("x") != nil {
		t.Error("it is made after the end")
	}
}

// TestSavingIsCounted opens the form of saving before it is known what saving takes: what belongs together comes later.
func TestSavingIsCounted(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	k := manyFiles(t)
	s := serve(t, Options{Case: k.Dir})
	b := open(t, s)
	key := s.known.all()[0].Key()
	until(t, b, "/case/"+key+"/files?tab=live&class=document", `rel="next"`)
	id := millionth(0).ID
	form := "/case/" + key + "/save?id=" + id
	s.needs.one <- struct{}{} // it takes long
	b.get(form)
	b.must("About 1 files", "is still being counted", `data-again="2"`)
	if strings.Contains(b.page, `name="folder"`) || strings.Contains(b.page, "Nothing is chosen") {
		t.Errorf("it can be saved before it is counted: %s", b.page)
	}
	begun := time.Now()
	b.get("/case/" + key + "/save?lang=de")
	b.must("Etwa 24576 Dateien", "wird noch gezählt")
	t.Log("first answer after", time.Since(begun))
	<-s.needs.one
	until(t, b, form, `name="folder"`)
	b.must("<strong>2 files") // with its journal
	until(t, b, "/case/"+key+"/save", `name="folder"`)
	b.must("<strong>24576 files")
}

// TestNeedsAreFew holds that what nobody waits for ends, and what was told an error is asked again.
func TestNeedsAreFew(t *testing.T) {
	n := newNeeds()
	ended := make(chan error, 100)
	for i := range maxNeeds + 3 {
		n.of(t.Context(), fmt.Sprint(i), func(ctx context.Context) (recovery.Need, error) {
			<-ctx.Done()
			ended <- ctx.Err()
			return recovery.Need{}, ctx.Err()
		})
	}
	if len(n.list) != maxNeeds {
		t.Errorf("%d are kept", len(n.list))
	}
	n.close()
	failed := newNeeds()
	for want := 1; want < 3; want++ {
		a := failed.of(t.Context(), "x", func(context.Context) (recovery.Need, error) { return recovery.Need{}, errors.New("no") })
		if <-a.done; a.err == nil {
			t.Error("no error")
		}
	}
	good := failed.of(t.Context(), "x", func(context.Context) (recovery.Need, error) { return recovery.Need{Space: 7}, nil })
	if <-good.done; good.err != nil || good.need.Space != 7 {
		t.Errorf("%+v", good)
	}
	if failed.of(t.Context(), "x", nil) != good {
		t.Error("it is found out twice")
	}
	failed.close()
}
