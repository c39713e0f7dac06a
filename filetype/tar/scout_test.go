package tar_test

import (
	"os"
	"testing"

	"salvor/block"
	"salvor/filetype/filetypetest"
	"salvor/filetype/tar"
)

var scouted = []string{"gnu.tar", "pax.tar", "ustar.tar", "busybox.tar"}

// The headers of a whole archive are found; where clusters of others stand between, the next header is named.
func TestScout(t *testing.T) {
	row := tar.Formats()[0]
	for i, data := range filetypetest.Named(t, os.DirFS("testdata"), scouted...) {
		r, err := row.Scout(t.Context(), block.Bytes(data), nil, nil)
		if err != nil || !r.Whole || r.Bad > int64(len(data)) {
			t.Errorf("%s: %+v, %v", scouted[i], r, err)
		}
		broken := append(append(append([]byte(nil), data[:512]...), make([]byte, 7*512)...), data[512:]...)
		for i := range 7 * 512 {
			broken[512+i] = byte(i%251 + 1)
		}
		if r, err = row.Scout(t.Context(), block.Bytes(broken), nil, nil); err != nil || r.Whole || len(r.Anchors) != 1 {
			t.Fatalf("%s, with others in its middle: %+v, %v", scouted[i], r, err)
		}
		if a := r.Anchors[0]; !a.Fits(broken[a.Offset+7*512:][:512]) && !a.Fits(broken[a.Offset+7*512:][:1024]) {
			t.Errorf("%s: what is looked for at %d is not the header that was moved", scouted[i], a.Offset)
		}
	}
}

func FuzzScout(f *testing.F) {
	filetypetest.FuzzScout(f, tar.Formats()[0], filetypetest.Named(f, os.DirFS("testdata"), scouted...)...)
}
