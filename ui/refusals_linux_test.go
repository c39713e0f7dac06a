package ui

import (
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestRefusedBeforeItBegins asks for what must not be done, with real mounts: the page of the copy says why, and the one
// next step, and offers no way to begin.
func TestRefusedBeforeItBegins(t *testing.T) {
	if os.Geteuid() != 0 {
		if os.Getenv("SALVOR_CI") == "1" {
			t.Fatal("needs root")
		}
		t.Skip("needs root")
	}
	dir := home(t)
	image := filepath.Join(dir, "card.img")
	run := func(name string, args ...string) {
		if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", name, err, out)
		}
	}
	run("mke2fs", "-q", "-t", "ext4", image, "8M")
	mounted := func(t *testing.T, args ...string) string {
		t.Helper()
		at, err := os.MkdirTemp(dir, "mnt")
		if err != nil {
			t.Fatal(err)
		}
		run("mount", append(args, at)...)
		t.Cleanup(func() { run("umount", at) })
		return at
	}
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
