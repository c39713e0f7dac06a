package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// known is one file in the truth about an image, as bench/score reads it.
type known struct {
	State       string `json:"state"`
	Path        string `json:"path"`
	Size        int64  `json:"size"`
	SHA256      string `json:"sha256"`
	Type        string `json:"type"`
	Recoverable bool   `json:"recoverable"`
}

// makeOnly makes images and writes IMAGE.truth.json beside each.
func makeOnly(dir string, seed uint64, files int, only []string) error {
	for _, r := range recipes(files) {
		if !slices.Contains(only, r.name) {
			continue
		}
		m, err := build(dir, r, seed)
		if err != nil {
			return err
		}
		var hit []file
		if r.lost > 0 {
			if m.live, hit, err = standing(dir, m.path, m.live, r.lost); err != nil {
				return err
			}
			if err := wipe(m.path, r.lost); err != nil {
				return err
			}
		}
		var truth struct {
			Files []known `json:"files"`
		}
		add := func(state string, list []file, can bool) {
			for _, f := range list {
				truth.Files = append(truth.Files, known{state, f.path, f.size, f.sha256, "dat", can})
			}
		}
		add("live", m.live, true)
		add("deleted", append(m.deleted, m.buried...), true)
		add("overwritten", hit, false)
		raw, err := json.Marshal(truth)
		if err != nil {
			return err
		}
		if err := os.WriteFile(m.path+".truth.json", raw, 0o666); err != nil {
			return err
		}
		fmt.Printf("%s: %d live, %d deleted, %d overwritten\n", r.name, len(m.live), len(m.deleted)+len(m.buried), len(hit))
	}
	return nil
}

// keepContent stores content under its SHA-256 in the folder that POOL names, if any, so that parts of files can
// be told from false ones.
func keepContent(sum string, b []byte) error {
	pool := os.Getenv("POOL")
	if pool == "" {
		return nil
	}
	return os.WriteFile(filepath.Join(pool, sum), b, 0o666)
}
