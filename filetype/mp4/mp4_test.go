package mp4

import (
	"os"
	"path/filepath"
	"testing"

	"salvor/filetype"
	"salvor/filetype/filetypetest"
)

func fixture(t testing.TB, name string) []byte {
	t.Helper()
	p, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

var fixtures = []struct {
	name, extension, title string
	class                  filetype.Class
}{
	{"h264.mp4", "mp4", "Test ride", filetype.Video},
	{"faststart.mp4", "mp4", "Test ride", filetype.Video},
	{"frag.mp4", "mp4", "Test ride", filetype.Video},
	{"dash.mp4", "mp4", "Test ride", filetype.Video},
	{"hevc.mov", "mov", "", filetype.Video},
	{"h264.mov", "mov", "Test ride", filetype.Video},
	{"mjpeg.mov", "mov", "", filetype.Video},
	{"tone.m4a", "m4a", "A tone", filetype.Audio},
	{"old.3gp", "3gp", "", filetype.Video},
	{"pcm.mov", "mov", "", filetype.Audio},
	{"photo.heic", "heic", "", filetype.Photo},
	{"photo.avif", "avif", "", filetype.Photo},
	{"still.avif", "avif", "", filetype.Photo},
	{"multi-xmp.heic", "heic", "", filetype.Photo},
	{"exif.heic", "heic", "Harbour", filetype.Photo},
	{"voice.3gp", "3gp", "", filetype.Audio},
	{"cover.m4a", "m4a", "A tone", filetype.Audio},
}

// topEnds returns where the boxes of a file end: a fragmented file that is cut there is a shorter one. Up to
// seven bytes behind such a place cannot be told from bytes that are none of the file.
func topEnds(t testing.TB, p []byte) (list []int64) {
	for off := int64(0); off+8 <= int64(len(p)); {
		n := int64(p[off])<<24 | int64(p[off+1])<<16 | int64(p[off+2])<<8 | int64(p[off+3])
		if n < 8 {
			t.Fatal("a box of a fixture has no size")
		}
		off += n
		for i := range int64(8) {
			list = append(list, off+i)
		}
	}
	return list
}

func TestConformance(t *testing.T) {
	var samples []filetypetest.Sample
	for _, f := range fixtures {
		s := filetypetest.Sample{Name: f.name, Data: fixture(t, f.name), Verdict: filetype.Consistent,
			Extension: f.extension, Title: f.title, Head: 64}
		if f.name == "frag.mp4" || f.name == "dash.mp4" {
			s.Ends = topEnds(t, s.Data)
		}
		samples = append(samples, s)
	}
	filetypetest.Run(t, Formats()[0], samples)
}
