package ui

import (
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"salvor/internal/need"
)

func run(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
}

// mounted mounts something in a new folder of dir until the test ends.
func mounted(t *testing.T, dir string, args ...string) string {
	t.Helper()
	at, err := os.MkdirTemp(dir, "mnt")
	if err != nil {
		t.Fatal(err)
	}
	run(t, "mount", append(args, at)...)
	t.Cleanup(func() { run(t, "umount", at) })
	return at
}

// TestPlacesThatTakeNothing offers no drive on which nothing can be saved: one that is mounted read-only, and one that is full.
func TestPlacesThatTakeNothing(t *testing.T) {
	need.Root(t)
	dir := home(t)
	k := photosAndTexts(t, dir)
	for _, name := range []string{"ro.img", "full.img"} {
		run(t, "mke2fs", "-q", "-t", "ext4", filepath.Join(dir, name), "8M")
	}
	readonly := mounted(t, dir, "-o", "loop,ro", filepath.Join(dir, "ro.img"))
	full := mounted(t, dir, "-o", "loop", filepath.Join(dir, "full.img"))
	if err := os.WriteFile(filepath.Join(full, "all"), make([]byte, 8<<20), 0o600); err == nil {
		t.Fatal("the drive is not full")
	}
	s := serve(t, Options{})
	b := open(t, s)
	at := known1(t, s, k) + "/save"
	for _, tt := range []struct{ language, point, says string }{
		{"en", readonly, "Nothing can be written to that folder."}, {"en", full, "There is not enough free space in that folder."},
		{"de", readonly, "In diesen Ordner kann nichts geschrieben werden."}, {"de", full, "In diesem Ordner ist nicht genug Platz frei."},
	} {
		b.get(at + "?lang=" + tt.language)
		_, place, ok := strings.Cut(b.page, "<bdi>"+tt.point+"</bdi>")
		place, _, _ = strings.Cut(place, "</li>")
		if !ok || !strings.Contains(place, tt.says) || strings.Contains(place, "href=") {
			t.Errorf("%s: %s", tt.point, place)
		}
		b.get(at + "?lang=" + tt.language + "&target=" + url.QueryEscape(s.seal.ticket("target", tt.point)))
		b.must(`role="alert"`)
		if strings.Contains(b.page, `name="folder"`) {
			t.Errorf("%s can be saved to", tt.point)
		}
	}
}

// TestRefusedBeforeItBegins asks for what must not be done, with real mounts: the page of the copy says why, and the one
// next step, and offers no way to begin.
func TestRefusedBeforeItBegins(t *testing.T) {
	need.Root(t)
	dir := home(t)
	image := filepath.Join(dir, "card.img")
	run(t, "mke2fs", "-q", "-t", "ext4", image, "8M")
	mounted := func(t *testing.T, args ...string) string { return mounted(t, dir, args...) }
	s := serve(t, Options{})
	b := open(t, s)
	for _, tt := range []struct {
		name   string
		parent func(t *testing.T) string
		says   []string
	}{
		{"no room", func(t *testing.T) string { return mounted(t, "-t", "tmpfs", "-o", "size=1m", "none") }, []string{"There is not enough free space in that folder", "Choose a folder on a larger disk", "host.target.full"}},
		{"read-only", func(t *testing.T) string { return mounted(t, "-t", "tmpfs", "-o", "ro", "none") }, []string{"Nothing can be written to that folder", "Choose a folder on another disk", "host.target.readonly"}},
		{"on the source", func(t *testing.T) string { return mounted(t, "-o", "loop,ro,noload", image) }, []string{"lies on the very card or drive that is to be saved", "Choose a folder on another disk", "rescue.target.source"}},
		{"mounted", func(t *testing.T) string { mounted(t, "-o", "loop", image); return dir }, []string{"It is in use", "Unmount", "host.source.mount"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b.t = t
			at := tt.parent(t)
			b.get("/copy?" + s.sourceQuery([]string{image}) + "&parent=" + url.QueryEscape(s.seal.ticket("parent", at)))
			b.must(append(tt.says, "Try again")...)
			if strings.Contains(b.page, ">Begin</button>") {
				t.Error("it can be begun all the same")
			}
			if tt.name != "read-only" && tt.name != "on the source" {
				if list, err := os.ReadDir(at); err == nil && at != dir && len(list) > 0 {
					t.Errorf("something was written: %v", list)
				}
			}
		})
	}
}
