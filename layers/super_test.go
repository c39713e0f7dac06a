package layers

import (
	"compress/gzip"
	"context"
	"io"
	"os"
	"strings"
	"testing"

	"salvor/block"
	"salvor/filesystem"
	"salvor/filesystem/ext"
	"salvor/volume/all"
)

func unzipped(t *testing.T, name string) []byte {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestSuper reads Android's logical partitions inside of a partition of a GPT, and without the GPT: those in one piece are
// entries, those in several are volumes of their own.
func TestSuper(t *testing.T) {
	tables := Tables{Schemes: all.Table(), Stacks: all.Stacks(), Kinds: []filesystem.Kind{ext.Kind()}}
	super := unzipped(t, "../volume/lp/testdata/super.img.gz")
	for name, write := range map[string]func(img []byte) []byte{
		"alone":       func([]byte) []byte { return super },
		"in a GPT":    func(img []byte) []byte { writeGPT(img, 512, span{1, 4}, span{8, 16}); return img },
		"GPT is lost": func(img []byte) []byte { return img },
		"slot 0's primary is lost": func(img []byte) []byte {
			writeGPT(img, 512, span{1, 4}, span{8, 16})
			clear(img[8*mib+12288:][:4096])
			return img
		},
	} {
		t.Run(name, func(t *testing.T) {
			img := make([]byte, 32<<20)
			copy(img[8*mib:], super)
			img = write(img)
			l, err := Resolve(t.Context(), Disk{Number: 1, Source: block.Bytes(img)}, sweepAll(img, tables), tables)
			if err != nil {
				t.Fatal(err)
			}
			found, err := Nest(t.Context(), []*Layer{l}, Nesting{Tables: tables, Resolve: func(ctx context.Context, v *Volume) (*Layer, error) {
				return Resolve(ctx, Disk{Number: 2, Source: v.Source, Volumes: 10}, nil, tables)
			}})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, tree := range append([]*Layer{l}, trees(found)...) {
				for _, v := range tree.Volumes() {
					if v.FS == nil {
						continue
					}
					for f, err := range v.FS.Files(t.Context()) {
						if err == nil && strings.HasSuffix(f.Path, ".txt") {
							got = append(got, v.Label+"/"+f.Path)
						}
					}
				}
			}
			// No part of a logical partition in pieces is taken for free, or for cut off.
			l.Walk(func(n *Layer, _ int) bool {
				if n.Kind == "free" && n.Extent.Has(18432*512+8*mib) || n.Kind == "partition" && n.Parent.Kind == "lp" && !n.Rival && n.State != Good {
					t.Errorf("%s at %v is %s\n%s", n.ID, n.Extent, n.State, show(l))
				}
				return true
			})
			if want := "system/system.txt vendor/vendor.txt"; strings.Join(got, " ") != want {
				t.Errorf("got %q\n%s", got, show(l))
			}
		})
	}
}

func trees(list []*Volume) []*Layer {
	var out []*Layer
	for _, v := range list {
		out = append(out, v.Tree)
	}
	return out
}

// TestSlices reads a BSD disklabel inside of a slice of an MBR.
func TestSlices(t *testing.T) {
	tables := Tables{Schemes: all.Table()}
	img := unzipped(t, "../volume/bsd/testdata/dos+bsd.img.gz")
	l := resolve(t, img, tables, true)
	inner := map[string]string{}
	l.Walk(func(n *Layer, _ int) bool {
		if n.Kind == "partition" && n.Parent.Kind == "bsd" && !n.Rival {
			inner[n.Parent.Parent.ID+"/"+n.Label] = n.Extent.String()
		}
		return true
	})
	if inner["d1.p2/e"] != "0x3e0000+0x260000" || inner["d1.p2/f"] != "0x620000+0x1c0000" {
		t.Errorf("got %v\n%s", inner, show(l))
	}
}
