package ui

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"salvor/casefile"
	"salvor/host"
)

// knownCase is a case that was opened or begun here.
type knownCase struct {
	Dir    string   `json:"dir"`
	Source string   `json:"source,omitempty"` // of the main job; "" where the case has none
	More   []string `json:"more,omitempty"`   // further disks of it
	Copy   bool     `json:"copy,omitempty"`
	// Locked says that a secret opens volumes of it. The secret is kept in memory only, so that it is asked for again.
	Locked  bool      `json:"locked,omitempty"`
	Running bool      `json:"running,omitempty"` // the main job works, or did so when the program ended
	Opened  time.Time `json:"opened"`
	// Drive names the drive that the folder lay on when it was seen last, and Point is where that was mounted.
	Drive string `json:"drive,omitempty"`
	Point string `json:"point,omitempty"`
}

// unplugged names the drive on which the folder lay, where nothing is mounted in that place any more; "" else.
func (k knownCase) unplugged(ctx context.Context) string {
	if k.Point == "" || k.Point == "/" {
		return ""
	}
	if d, ok := host.DriveOf(ctx, k.Point); ok && d.Point == k.Point {
		return ""
	}
	return cmp.Or(k.Drive, k.Point)
}

// placed notes which drive the folder lies on, so that it can be named when it is not there.
func (k knownCase) placed() knownCase {
	ctx, cancel := context.WithTimeout(context.Background(), askDrive)
	defer cancel()
	if d, ok := host.DriveOf(ctx, k.Dir); ok && host.Exists(filepath.Dir(k.Dir)) {
		k.Point, k.Drive = d.Point, d.Model
	}
	return k
}

// recorded takes the disks of a case from its own record: one that was begun by the command line is gone on with here, and
// unlocked, as one that was begun here.
func (k knownCase) recorded() knownCase {
	c, err := casefile.Open(k.Dir, casefile.Reader, casefile.Options{})
	if err != nil {
		return k // it is said where the case is shown
	}
	defer c.Close()
	for i, s := range c.Record().Sources {
		switch {
		case i == 0:
			k.Source = s.Path
		case i < maxSources:
			k.More = append(k.More, s.Path)
		}
	}
	return k
}

// askDrive bounds how long it is looked for the drive of a folder.
const askDrive = 2 * time.Second

// Key names a case in addresses. Only known cases have one that leads anywhere.
func (k knownCase) Key() string {
	sum := sha256.Sum256([]byte(k.Dir))
	return hex.EncodeToString(sum[:8])
}

// Name is what a person calls it.
func (k knownCase) Name() string { return filepath.Base(k.Dir) }

// maxKnown bounds the list; the oldest goes.
const maxKnown = 200

// known is the list of cases, in the folder of the user's settings.
type known struct {
	mu   sync.Mutex
	path string // "" keeps it in memory
	list []knownCase
	// unwritten says that the file lacks the last change.
	unwritten bool
}

// openKnown reads the list. One that cannot be read as such is an error: it is not thrown away.
func openKnown(dir string) (*known, error) {
	k := &known{}
	if dir == "" {
		return k, nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	k.path = filepath.Join(dir, "cases.json")
	return k, k.read()
}

// read takes the list from its file. Where there is none, it stays as it is.
func (k *known) read() error {
	if k.path == "" {
		return nil
	}
	f, err := os.Open(k.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	var list []knownCase
	if err := json.NewDecoder(io.LimitReader(f, 4<<20)).Decode(&list); err != nil {
		return fmt.Errorf("the list of known cases %s: %w", k.path, err)
	}
	k.list = list
	return nil
}

// change changes the list as it is by now: another program of this user may have changed it, too.
func (k *known) change(fn func() (changed bool)) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.unwritten {
		_ = k.read() // where that fails, what was known is written once more
	}
	if !fn() {
		return nil
	}
	err := k.write()
	k.unwritten = err != nil
	return err
}

func (k *known) write() error {
	if k.path == "" {
		return nil
	}
	return host.ReplaceFile(k.path, false, func(w io.Writer) error {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(k.list)
	})
}

// add puts a case in front, keeping what is known of it.
func (k *known) add(c knownCase) error {
	dir, err := filepath.Abs(c.Dir)
	if err != nil {
		return err
	}
	c.Dir, c.Opened = dir, time.Now().UTC().Truncate(time.Second)
	c = c.placed()
	if old, ok := k.get(c.Key()); c.Source == "" && (!ok || old.Source == "") {
		c = c.recorded()
	}
	return k.change(func() bool {
		if i := k.find(c.Key()); i >= 0 {
			if c.Source == "" {
				c.Source, c.More, c.Copy, c.Running = k.list[i].Source, k.list[i].More, k.list[i].Copy, k.list[i].Running
			}
			c.Locked = c.Locked || k.list[i].Locked
			if c.Point == "" {
				c.Point, c.Drive = k.list[i].Point, k.list[i].Drive
			}
			k.list = slices.Delete(k.list, i, i+1)
		}
		k.list = slices.Insert(k.list, 0, c)
		k.list = k.list[:min(len(k.list), maxKnown)]
		return true
	})
}

// back puts the sources of a case back to what they were.
func (k *known) back(was knownCase) error {
	return k.change(func() bool {
		i := k.find(was.Key())
		if i >= 0 {
			k.list[i].Source, k.list[i].More, k.list[i].Copy = was.Source, was.More, was.Copy
		}
		return i >= 0
	})
}

// forget takes a case out of the list. Its folder is not touched.
func (k *known) forget(key string) error {
	return k.change(func() bool {
		i := k.find(key)
		if i >= 0 {
			k.list = slices.Delete(k.list, i, i+1)
		}
		return i >= 0
	})
}

func (k *known) find(key string) int {
	return slices.IndexFunc(k.list, func(c knownCase) bool { return c.Key() == key })
}

func (k *known) get(key string) (knownCase, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if i := k.find(key); i >= 0 {
		return k.list[i], true
	}
	return knownCase{}, false
}

func (k *known) all() []knownCase {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.list)
}

// Sources are the disks of the case's main job.
func (k knownCase) Sources() []string {
	if k.Source == "" {
		return nil
	}
	return append([]string{k.Source}, k.More...)
}

// locked notes that a secret opens volumes of a case.
func (k *known) locked(key string) error {
	return k.change(func() bool {
		i := k.find(key)
		if i < 0 || k.list[i].Locked {
			return false
		}
		k.list[i].Locked = true
		return true
	})
}

// running notes whether the main job of a case works.
func (k *known) running(key string, yes bool) error {
	return k.change(func() bool {
		i := k.find(key)
		if i < 0 || k.list[i].Running == yes {
			return false
		}
		k.list[i].Running = yes
		return true
	})
}
