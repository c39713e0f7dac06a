package rescue

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"salvor/host"
	"salvor/internal/wire"
)

// TestSourceMoves changes a source while it is read, and puts its time back as a program with a mapping of the file
// or a block device would leave it: only the hashes can tell.
func TestSourceMoves(t *testing.T) {
	for _, tc := range []struct {
		name   string
		step   string
		copied bool
		at     int64
		seen   bool
	}{
		{"a superblock while it is copied", "copy", true, 7<<20 + 1024 + 0x2c, true},
		{"a superblock while it is hashed", "copy", false, 7<<20 + 1024 + 0x2c, true},
		{"a file after it was read, in place", "save", false, 7<<20 + 300_000, true},
		{"a file after it was copied", "save", true, 7<<20 + 300_000, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			source, to := copyOf(t, exampleImage, dir), filepath.Join(dir, "case")
			done := false
			l := &listener{onProgress: func(p wire.Progress) {
				if done || p.Step != tc.step || tc.step == "copy" && p.Done < 16<<20 {
					return
				}
				done = true
				st, err := os.Stat(source)
				must(t, err)
				f, err := os.OpenFile(source, os.O_RDWR, 0)
				must(t, err)
				_, err = f.WriteAt([]byte("moving"), tc.at)
				must(t, errors.Join(err, f.Close(), os.Chtimes(source, st.ModTime(), st.ModTime())))
			}}
			r, err := rescued(t, source, to, func(o *Options) { o.Copy = tc.copied }, l)
			if !done {
				t.Fatal("the source was not changed")
			}
			if !tc.seen {
				must(t, err)
				return
			}
			var refused *host.RefusedError
			if !errors.As(err, &refused) || refused.Code != "rescue.source.moving" || r.Exit != host.ExitRefused || !strings.Contains(r.State, "changes while it is read") {
				t.Errorf("%+v, %v", r, err)
			}
		})
	}
}
