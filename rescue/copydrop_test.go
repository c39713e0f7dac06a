//go:build linux

package rescue

import (
	"bytes"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"salvor/block"
	"salvor/imaging"
	"salvor/internal/need"
	"salvor/internal/wire"
)

// plugged shows a file as a disk that can be pulled out: a loop device over a file that nbdfuse serves. pull ends the
// server, after which every read fails.
func plugged(t *testing.T, file string) (device string, pull func()) {
	t.Helper()
	need.Root(t)
	need.Tools(t, "nbdkit", "nbdfuse", "losetup", "umount")
	point := filepath.Join(t.TempDir(), "nbd")
	must(t, os.Mkdir(point, 0o700))
	cmd := exec.Command("nbdfuse", "-r", point, "--command", "nbdkit", "-s", "--exit-with-parent", "-r", "file", file)
	must(t, cmd.Start())
	served := filepath.Join(point, "nbd")
	for i := 0; ; i++ {
		if st, err := os.Stat(served); err == nil && st.Size() > 0 {
			break
		}
		if i > 400 {
			t.Fatal("nbdfuse does not begin")
		}
		time.Sleep(25 * time.Millisecond)
	}
	var once sync.Once
	pull = func() {
		once.Do(func() {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		})
	}
	t.Cleanup(func() {
		pull()
		_ = exec.Command("umount", "-l", point).Run()
	})
	return loopDevice(t, served, 512, true), pull
}

// A disk that drops off while it is copied is waited for, and taken up under another name; another disk of the same
// size, and the name that it had while it answers nothing, are not.
func TestDiskComesBackUnderAnotherName(t *testing.T) {
	dir := t.TempDir()
	const size = 12 << 20
	data := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{3}).Read(data)
	other := bytes.Clone(data)
	other[size-3]++
	write := func(name string, b []byte) string {
		t.Helper()
		path := filepath.Join(dir, name)
		must(t, os.WriteFile(path, b, 0o600))
		return path
	}
	first, pull := plugged(t, write("disk", data))
	var pulled sync.Once
	var mu sync.Mutex
	var waited []string
	var again string
	back := make(chan struct{})
	l := &listener{onProgress: func(p wire.Progress) {
		if p.Step == "wait" {
			mu.Lock()
			waited = append(waited, p.Words)
			mu.Unlock()
			return
		}
		if p.Done < size/4 {
			return
		}
		pulled.Do(func() {
			pull()
			// What drops off comes back after a while, behind another disk of the same size.
			go func() {
				defer close(back)
				_, _ = plugged(t, write("other", other))
				time.Sleep(2 * time.Second)
				again, _ = plugged(t, write("copy", data))
			}()
		})
	}}
	image := filepath.Join(dir, "copy.img")
	r, err := copied(t, ImageCopy{Source: first, Image: image, NoLock: true, TakeOptions: TakeOptions{Plan: imaging.Plan{MaxReadRate: 6 << 20}}}, l)
	<-back
	if err != nil || r.Exit != ExitDone {
		t.Fatalf("%+v, %v; %q", r, err, waited)
	}
	if got := readFile(t, image); !bytes.Equal(got, data) {
		t.Error("the copy is not the disk")
	}
	mu.Lock()
	defer mu.Unlock()
	said := strings.Join(waited, "\n")
	if again == first || !strings.Contains(said, "is back as "+again) {
		t.Errorf("it is back as %s: %s", again, said)
	}
	if !strings.Contains(said, "are other ones") {
		t.Errorf("the other disk was not looked at: %s", said)
	}
	if m := mapAt(t, image+".map", size); m.Of(imaging.Finished).Bytes() != size {
		t.Errorf("the map: %s", m.Describe())
	}
	journal := string(readFile(t, filepath.Join(dir, "copy.img.journal.jsonl")))
	for _, want := range []string{`"act":"source.gone"`, `"act":"source.back"`, again} {
		if !strings.Contains(journal, want) {
			t.Errorf("%s does not stand in the journal", want)
		}
	}
}

// A place that was copied and cannot be read when the copy goes on is told: the errors grow.
func TestErrorsThatGrow(t *testing.T) {
	dir := t.TempDir()
	image := filepath.Join(dir, "card.img")
	st, err := os.Stat(exampleImage)
	must(t, err)
	if r, err := copied(t, ImageCopy{Source: exampleImage, Image: image, TakeOptions: TakeOptions{Size: 8 << 20}}, nil); err != nil {
		t.Fatalf("%+v, %v", r, err)
	}
	l := &listener{}
	test := holed(st.Size(), block.Extent{Offset: 4096, Length: 512})
	if r, err := copied(t, ImageCopy{Source: exampleImage, Image: image, Test: test}, l); err != nil || r.Exit != ExitDone {
		t.Fatalf("%+v, %v", r, err)
	}
	for _, f := range l.findings {
		if f.Code == "imaging.pattern.growing" {
			return
		}
	}
	t.Errorf("not told: %+v", l.findings)
}
