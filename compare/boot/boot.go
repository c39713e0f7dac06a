package boot

import (
	"context"
	"io/fs"
	"strings"

	"salvor/block"
	"salvor/firmware/ubootenv"
)

// Area is a region of the storage in which a boot loader may keep its choice.
type Area struct {
	Name string
	// Loose is a region that no table names, in which an environment may stand at any place.
	Loose  bool
	Source block.Source
}

// Volume is a file system with what a boot loader may read.
type Volume struct {
	Name string
	FS   fs.FS
	// Place returns where a file's content begins on the medium, in bytes; -1 where it is not known.
	Place func(name string) int64
}

// Entry is an entry of a GPT.
type Entry struct {
	Name, Type string // type: GUID in upper case
	Attributes uint64
	Offset     int64 // of the attributes on the medium
}

// Input is what is looked at.
type Input struct {
	Areas   []Area
	Volumes []Volume
	Entries []Entry
}

// Counter is a number or a word that the boot loader acts on.
type Counter struct {
	Name, Value string
	Offset      int64 // on the medium, bytes; -1 where it has no place of its own
}

// Choice is what one boot loader would do next.
type Choice struct {
	Scheme string // "U-Boot environment", "Android misc", ...
	Where  string // area or file
	Offset int64  // of the structure on the medium, bytes; -1 where it is not known
	// Next is the slot that starts next by its name there; "" when this does not say. Order lists them in order of
	// preference.
	Next  string
	Order []string
	// Trial says that what starts next was not confirmed yet: the loader goes back when it fails.
	Trial bool
	// Pending says that something waits to be done at the next start: an update, a swap, a recovery.
	Pending  string
	Counters []Counter
	Notes    []string

	env *ubootenv.Env // of a U-Boot environment
}

func (c *Choice) count(name, value string, at int64) {
	c.Counters = append(c.Counters, Counter{name, value, at})
}

func (c *Choice) note(words string) { c.Notes = append(c.Notes, words) }

// Find returns what the boot loaders that left something would do.
func Find(ctx context.Context, in Input) ([]Choice, error) {
	var out []Choice
	out = append(out, attributes(in.Entries)...)
	for _, a := range in.Areas {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		for _, read := range []func(context.Context, Area) ([]Choice, error){environments, misc, otaData, trailer} {
			list, err := read(ctx, a)
			if err != nil {
				return nil, err
			}
			out = append(out, list...)
		}
	}
	out = append(pairs(out), swaps(in.Areas)...)
	for _, v := range in.Volumes {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		for _, read := range []func(Volume) []Choice{environmentFiles, grub, systemd, raspberry} {
			out = append(out, read(v)...)
		}
	}
	return out, nil
}

// onMedium returns where the byte at at of src stands on the medium.
func onMedium(src block.Source, at int64) int64 {
	if runs := block.Origin(src, block.Extent{Offset: at, Length: 1}); len(runs) > 0 && runs[0].Kind.Stands() {
		return runs[0].Physical
	}
	return -1
}

// readAt returns n bytes, nil when not all can be read.
func readAt(src block.Source, at, n int64) []byte {
	if at < 0 || at+n > src.Size() {
		return nil
	}
	b := make([]byte, n)
	if k, _ := src.ReadAt(b, at); int64(k) < n { // what cannot be read tells nothing
		return nil
	}
	return b
}

// maxFile bounds a file that is read whole, in bytes.
const maxFile = 1 << 20

func readFile(v Volume, name string) ([]byte, bool) {
	info, err := fs.Stat(v.FS, name)
	if err != nil || !info.Mode().IsRegular() || info.Size() > maxFile {
		return nil, false
	}
	b, err := fs.ReadFile(v.FS, name)
	return b, err == nil
}

func (v Volume) place(name string) int64 {
	if v.Place == nil {
		return -1
	}
	return v.Place(name)
}

// WantedFile reports whether a boot loader's choice may stand in a file of this path.
func WantedFile(path string) bool {
	lower := strings.ToLower(strings.TrimPrefix(path, "/"))
	for _, name := range environmentNames {
		if lower == name {
			return true
		}
	}
	for _, name := range grubNames {
		if lower == name {
			return true
		}
	}
	for _, dir := range systemdDirs {
		if strings.HasPrefix(lower, dir+"/") {
			return true
		}
	}
	return lower == "autoboot.txt" || lower == "tryboot.txt" || lower == "config.txt" || lower == "loader/loader.conf"
}
