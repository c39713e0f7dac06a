package main

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// truthOf returns the file that holds the truth about an image: the makers of images name it in three ways.
func truthOf(image string) string {
	names := []string{image + ".truth.json", strings.TrimSuffix(image, ".img") + ".truth.json", image + ".json"}
	for _, name := range names {
		if _, err := os.Stat(name); err == nil {
			return name
		}
	}
	return names[0]
}

// parseTruth reads the truth in each form that a maker of images writes it: an object with "files", a list of files
// (bench/fat), or an object whose members are named by paths (bench/ntfs). Empty files are left out: nobody can miss
// their content.
func parseTruth(raw []byte) (*truth, error) {
	t := new(truth)
	var shape struct {
		Files json.RawMessage `json:"files"`
	}
	var err error
	switch {
	case bytes.HasPrefix(bytes.TrimSpace(raw), []byte("[")):
		err = t.fromList(raw)
	case json.Unmarshal(raw, &shape) == nil && bytes.HasPrefix(bytes.TrimSpace(shape.Files), []byte("[")):
		err = json.Unmarshal(raw, t)
	default:
		err = t.fromPaths(raw)
	}
	t.Files = slices.DeleteFunc(t.Files, func(f knownFile) bool { return f.Size == 0 })
	return t, err
}

// fromList reads what bench/fat writes.
func (t *truth) fromList(raw []byte) error {
	var list []struct {
		knownFile
		Pieces bool `json:"pieces"`
	}
	if err := json.Unmarshal(raw, &list); err != nil {
		return err
	}
	for _, f := range list {
		if f.Pieces {
			f.State += ", in pieces"
		}
		t.add(f.knownFile)
	}
	return nil
}

// fromPaths reads what bench/ntfs writes. A deleted file whose record belongs to another one by now is a state of its own, and
// so are alternate streams, which have no path of their own.
func (t *truth) fromPaths(raw []byte) error {
	var files map[string]struct {
		State    string            `json:"state"`
		Size     int64             `json:"size"`
		SHA256   string            `json:"sha256"`
		Survives bool              `json:"survives"`
		Streams  map[string]string `json:"streams"`
	}
	if err := json.Unmarshal(raw, &files); err != nil {
		return err
	}
	for _, path := range slices.Sorted(maps.Keys(files)) {
		f := files[path]
		if f.State == "deleted" && !f.Survives {
			f.State = "deleted, record reused"
		}
		t.add(knownFile{State: f.State, Path: path, Size: f.Size, SHA256: f.SHA256})
		for _, name := range slices.Sorted(maps.Keys(f.Streams)) {
			t.add(knownFile{State: f.State + ", streams", Size: -1, SHA256: f.Streams[name]})
		}
	}
	return nil
}

func (t *truth) add(f knownFile) {
	f.Recoverable = true
	f.Type = strings.ToLower(strings.TrimPrefix(filepath.Ext(f.Path), "."))
	t.Files = append(t.Files, f)
}

// states returns the states of files that can be had, those of live files first.
func (t *truth) states() []string {
	n := map[string]int{}
	for _, f := range t.Files {
		if f.Recoverable {
			n[f.State]++
		}
	}
	return slices.SortedFunc(maps.Keys(n), func(a, b string) int {
		if x, y := strings.HasPrefix(a, "live"), strings.HasPrefix(b, "live"); x != y {
			if x {
				return -1
			}
			return 1
		}
		return strings.Compare(a, b)
	})
}
