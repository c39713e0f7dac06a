package gif_test

import (
	"os"
	"testing"

	"salvor/filetype/filetypetest"
	"salvor/filetype/gif"
)

var scouted = []string{"anim.gif", "comment.gif", "interlaced.gif", "old.gif", "still.gif"}

func scoutedFiles(t testing.TB) [][]byte {
	t.Helper()
	return filetypetest.Named(t, os.DirFS("testdata"), scouted...)
}

func TestScout(t *testing.T) {
	for i, data := range scoutedFiles(t) {
		t.Run(scouted[i], func(t *testing.T) { filetypetest.Scouts(t, gif.Formats()[0], data) })
	}
}

func FuzzScout(f *testing.F) { filetypetest.FuzzScout(f, gif.Formats()[0], scoutedFiles(f)...) }
