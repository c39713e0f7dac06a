package host

import (
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// PlaceKind says what a place is.
type PlaceKind string

// The kinds of places.
const (
	PlaceHome  PlaceKind = "home"
	PlaceDrive PlaceKind = "drive" // a mounted disk, card or share
	PlaceAll   PlaceKind = "all"   // where all folders of this computer begin
)

// Place is a folder in which a person's files begin.
type Place struct {
	Kind PlaceKind
	Path string
}

// Places returns the home folder, the mounted drives, and where all folders begin, in this order and each once. What
// the system itself runs from is no drive.
func Places(home string) []Place { return System{}.Places(home) }

// Places is as the function [Places], for this system.
func (s System) Places(home string) []Place {
	var out []Place
	add := func(kind PlaceKind, folder string) {
		if folder != "" && !slices.ContainsFunc(out, func(p Place) bool { return p.Path == folder }) {
			out = append(out, Place{kind, folder})
		}
	}
	if s.Root != "" || IsFolder(home) {
		add(PlaceHome, home)
	}
	for _, folder := range s.drives() {
		add(PlaceDrive, folder)
	}
	if volume := filepath.VolumeName(home); volume != "" {
		add(PlaceAll, volume+string(filepath.Separator))
	} else {
		add(PlaceAll, string(filepath.Separator))
	}
	return out
}

// drives returns where the drives of this computer are mounted.
func (s System) drives() []string {
	var out []string
	if mounts, err := s.Mounts(); err == nil {
		for _, m := range mounts {
			if isDrive(m) {
				out = append(out, m.Point)
			}
		}
		slices.Sort(out)
		drives := slices.Clone(out)
		return slices.DeleteFunc(out, func(point string) bool { return s.overFile(point, drives) })
	}
	for _, volume := range s.list("Volumes") {
		out = append(out, "/Volumes/"+volume)
	}
	for letter := 'A'; letter <= 'Z' && filepath.Separator == '\\'; letter++ {
		out = append(out, string(letter)+`:\`)
	}
	return slices.DeleteFunc(out, func(folder string) bool { return s.Root == "" && !IsFolder(folder) })
}

// overFile reports whether a mount lies over a single file, as containers have some. The folder that it lies in is asked, and
// never the mount: a card that died and a server that is gone do not answer, and who waits for them waits for ever.
func (s System) overFile(point string, drives []string) bool {
	dir, name := path.Dir(point), path.Base(point)
	if slices.ContainsFunc(drives, func(d string) bool { return d == dir || strings.HasPrefix(dir, d+"/") }) {
		return false // that one need not answer either
	}
	entries, err := os.ReadDir(filepath.Join(s.Root, dir))
	i := slices.IndexFunc(entries, func(e os.DirEntry) bool { return e.Name() == name })
	return err == nil && i >= 0 && entries[i].Type().IsRegular()
}

// personal are the folders below which drives are mounted for a person.
var personal = []string{"/media/", "/mnt/", "/run/media/", "/Volumes/"}

// systemFolders hold what the system mounts for itself.
var systemFolders = []string{"/boot", "/dev", "/efi", "/etc", "/nix", "/proc", "/run", "/snap", "/sys", "/tmp", "/usr", "/var"}

// isDrive reports whether a mount holds a person's files: one below the folders that are for that, or of a disk or a
// share elsewhere.
func isDrive(m Mount) bool {
	if slices.ContainsFunc(personal, func(p string) bool { return strings.HasPrefix(m.Point, p) || m.Point+"/" == p && m.Point != "/media" }) {
		return true
	}
	if m.Point == "/" || slices.ContainsFunc(systemFolders, func(f string) bool { return m.Point == f || strings.HasPrefix(m.Point, f+"/") }) {
		return false
	}
	if path.Ext(m.Point) != "" { // a single file that a container shows
		return false
	}
	return strings.HasPrefix(m.Source, "/dev/") || slices.Contains([]string{"nfs", "nfs4", "cifs", "smb3", "fuse.sshfs", "9p", "virtiofs"}, m.FS)
}
