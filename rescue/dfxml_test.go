package rescue

import (
	"encoding/xml"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"salvor/internal/need"
)

// dfxmlFile is what this test reads of a fileobject.
type dfxmlFile struct {
	Filename string `xml:"filename"`
	Type     string `xml:"name_type"`
	Alloc    int    `xml:"alloc"`
	Size     int64  `xml:"filesize"`
	Inode    int64  `xml:"inode"`
	Runs     []struct {
		File   int64  `xml:"file_offset,attr"`
		Image  int64  `xml:"img_offset,attr"`
		Length int64  `xml:"len,attr"`
		Fill   string `xml:"fill,attr"`
	} `xml:"byte_runs>byte_run"`
}

// readDFXML returns the live regular files of a DFXML file, and their places: offset in the file, place, length.
func readDFXML(t *testing.T, path string) (places map[string][][3]int64, inodes map[string]int64) {
	t.Helper()
	p, err := os.ReadFile(path)
	must(t, err)
	var doc struct {
		Files []dfxmlFile `xml:"volume>fileobject"`
	}
	must(t, xml.Unmarshal(p, &doc))
	places, inodes = map[string][][3]int64{}, map[string]int64{}
	for _, f := range doc.Files {
		if f.Type != "r" || f.Alloc != 1 {
			continue
		}
		var list [][3]int64
		for _, r := range f.Runs {
			n := min(r.Length, f.Size-r.File)
			if r.Fill != "" || n <= 0 {
				continue
			}
			if k := len(list) - 1; k >= 0 && list[k][0]+list[k][2] == r.File && list[k][1]+list[k][2] == r.Image {
				list[k][2] += n
				continue
			}
			list = append(list, [3]int64{r.File, r.Image, n})
		}
		places[f.Filename], inodes[f.Filename] = list, f.Inode
	}
	return places, inodes
}

// TestDFXMLLikeFiwalk holds the places in dfxml.xml against those that The Sleuth Kit's fiwalk writes of the same volume.
func TestDFXMLLikeFiwalk(t *testing.T) {
	need.Tools(t, "fiwalk")
	tr := readTruth(t)
	image, err := os.ReadFile(exampleImage)
	must(t, err)
	for _, part := range tr.Partitions {
		if part.Name != "data" && part.Name != "boot" {
			continue
		}
		t.Run(part.Name, func(t *testing.T) {
			dir := t.TempDir()
			volume := filepath.Join(dir, "volume.img")
			must(t, os.WriteFile(volume, image[part.Offset:part.Offset+part.Size], 0o600))
			theirs := filepath.Join(dir, "fiwalk.xml")
			if out, err := exec.Command("fiwalk", "-g", "-z", "-X", theirs, volume).CombinedOutput(); err != nil {
				t.Fatalf("fiwalk: %v %s", err, out)
			}
			to := filepath.Join(dir, "case")
			_, err := rescued(t, volume, to, nil, nil)
			must(t, err)
			want, wantInodes := readDFXML(t, theirs)
			got, gotInodes := readDFXML(t, filepath.Join(to, "dfxml.xml"))
			compared := 0
			for name, list := range want {
				if name == "" || name[0] == '$' || gotInodes[name] == 0 {
					continue // tables of the volume, which it makes files of
				}
				compared++
				if !slices.Equal(got[name], list) {
					t.Errorf("%s: %v, fiwalk has %v", name, got[name], list)
				}
				if part.Name == "data" && gotInodes[name] != wantInodes[name] {
					t.Errorf("%s has inode %d, fiwalk has %d", name, gotInodes[name], wantInodes[name])
				}
			}
			if compared < 5 {
				t.Errorf("only %d files were compared", compared)
			}
			t.Logf("%d files stand at the same places", compared)
		})
	}
}
