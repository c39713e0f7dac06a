package ui

import (
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"salvor/block"
	"salvor/internal/need"
	"salvor/rescue"
)

// TestChosenFilesAreSaved gathers files over two pages, takes all of a folder but one, saves this choice as a job, and holds
// that exactly these files stand on the target.
func TestChosenFilesAreSaved(t *testing.T) {
	need.Tools(t, "mke2fs")
	dir := t.TempDir()
	t.Setenv("HOME", dir)
	files := map[string][]byte{}
	for i := range 130 {
		files[fmt.Sprintf("tree/docs/part%d/page_%03d.txt", i%2, i)] = fmt.Appendf(nil, "page %d of what was written\n", i)
	}
	for i := range 9 {
		files[fmt.Sprintf("tree/letters/letter_%d.txt", i)] = fmt.Appendf(nil, "letter %d, a few lines\n", i)
	}
	write(t, dir, files)
	image := filepath.Join(dir, "disk.img")
	if out, err := exec.Command("mke2fs", "-q", "-t", "ext4", "-d", filepath.Join(dir, "tree"), image, "8M").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	k := knownCase{Dir: filepath.Join(dir, "case"), Source: image}
	o := rescue.Options{Source: image, Case: k.Dir, Program: "salvor test", Carve: rescue.CarveOptions{Within: []block.Extent{{Length: 512}}}}
	if _, err := rescue.Run(t.Context(), o, new(deaf), discard); err != nil {
		t.Fatal(err)
	}
	s := serve(t, Options{})
	b := open(t, s)
	at := known1(t, s, k)
	id := func(name string) string {
		t.Helper()
		b.get(at + "/files?tab=live&q=" + name)
		shown, _ := b.ids()
		if len(shown) != 1 {
			t.Fatalf("%s: %v", name, shown)
		}
		return shown[0]
	}
	var ids []string
	for _, name := range []string{"page_002", "page_004", "page_126", "page_128", "letter_3"} {
		ids = append(ids, id(name))
	}
	list := at + "/files?tab=live&q=page_&sort=name"
	b.get(list)
	b.post(at+"/choose", url.Values{"do": {"next"}, "id": ids[:2]})
	if shown, _ := b.ids(); len(shown) != 30 || !slices.Contains(shown, ids[2]) {
		t.Fatalf("the second page has %v", shown)
	}
	b.post(at+"/choose", url.Values{"do": {"keep"}, "id": ids[2:4]})
	b.must("Chosen: 4 files")
	b.get(at + "/files?tab=live&v=1&dir=letters")
	b.must("Choose everything in here: 9 files")
	b.post(at+"/choose", url.Values{"do": {"all"}})
	b.must("Chosen: 13 files")
	shown, _ := b.ids()
	b.post(at+"/choose", url.Values{"do": {"keep"}, "id": slices.DeleteFunc(shown, func(one string) bool { return one == ids[4] })})
	b.must("Chosen: 12 files")
	b.link("Save the chosen ones")
	b.must("12 files")
	b.post(at+"/save", url.Values{"folder": {"out"}})
	b.wait()
	b.must("All 12 chosen files are saved.", "each is exactly what was written")

	var want, got []string
	for name := range files {
		switch base := filepath.Base(name); base {
		case "letter_3.txt":
		case "page_002.txt", "page_004.txt", "page_126.txt", "page_128.txt":
			want = append(want, base+": "+string(files[name]))
		default:
			if filepath.Base(filepath.Dir(name)) == "letters" {
				want = append(want, base+": "+string(files[name]))
			}
		}
	}
	if err := filepath.WalkDir(filepath.Join(dir, "out"), func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || filepath.Ext(path) != ".txt" {
			return err
		}
		text, err := os.ReadFile(path)
		got = append(got, d.Name()+": "+string(text))
		return err
	}); err != nil {
		t.Fatal(err)
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("saved were %q, chosen %q", got, want)
	}
}
