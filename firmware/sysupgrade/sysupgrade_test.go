package sysupgrade

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"salvor/block"
	"salvor/cursor"
	"salvor/firmware"
	"salvor/firmware/firmwaretest"
)

// archive makes one as sysupgrade-tar.sh does.
func archive(t testing.TB, board, control string, files map[string][]byte) []byte {
	t.Helper()
	dir := t.TempDir()
	folder := "sysupgrade-" + board
	if err := os.Mkdir(filepath.Join(dir, folder), 0o755); err != nil {
		t.Fatal(err)
	}
	write := func(name string, p []byte) {
		if err := os.WriteFile(filepath.Join(dir, folder, name), p, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if control != "" {
		write("CONTROL", []byte(control))
	}
	for name, p := range files {
		write(name, p)
	}
	cmd := exec.Command("tar", "--sort=name", "--owner=0", "--group=0", "--numeric-owner", "--mtime=@1700000000", "-cf", "-", folder)
	cmd.Dir = dir
	p, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// summed stands for kernels and file systems with checks of their own: a sum of all behind it, and the content.
var summed = firmware.Format{Name: "summed", Title: "summed", Open: func(_ context.Context, src block.Source, _ *firmware.Opening) (*firmware.Part, error) {
	p, err := io.ReadAll(block.Reader(src))
	if err != nil || len(p) < 40 || string(p[:4]) != "SUMM" {
		return nil, cursor.ErrNot
	}
	sum := sha256.Sum256(p[36:])
	return &firmware.Part{Checks: []firmware.Check{
		{What: "magic", Method: "structure", State: firmware.Passed, Extent: block.Extent{Length: 4}, Strong: true},
		firmware.Digest("all", "SHA-256", block.Extent{Offset: 4, Length: int64(len(p) - 4)}, p[4:36], sum[:]),
	}}, nil
}}

func content(n int, seed uint64) []byte {
	p := firmwaretest.Noise(n, seed)
	sum := sha256.Sum256(p)
	return slices.Concat([]byte("SUMM"), sum[:], p)
}

func TestArchive(t *testing.T) {
	kernel, root := content(3000, 1), content(7000, 2)
	p := archive(t, "acme_router-3", "BOARD=acme_router-3\n", map[string][]byte{"kernel": kernel, "root": root})
	part := firmwaretest.Open(t, p, nil, Format(), summed)
	if v := firmware.Whole(part); v.Answer != firmware.OK || part.Title != "OpenWrt sysupgrade archive for acme_router-3" {
		t.Errorf("%+v %q", v, part.Title)
	}
	want := []struct {
		name, where string
		role        firmware.Role
		data        []byte
	}{{"CONTROL", "", firmware.Metadata, []byte("BOARD=acme_router-3\n")}, {"kernel", "kernel", firmware.Kernel, kernel}, {"root", "rootfs", firmware.RootFS, root}}
	for i, c := range part.Children {
		got, err := io.ReadAll(block.Reader(c.Source))
		w := want[i]
		if err != nil || !bytes.Equal(got, w.data) || c.Name != w.name || c.Role != w.role || !bytes.Equal(p[c.Offset:c.Offset+c.Size], w.data) ||
			(w.where != "") != (len(c.Installs) == 1) || w.where != "" && (c.Installs[0].Where != w.where || c.Installs[0].Needs != int64(len(w.data))) {
			t.Errorf("%+v, %v", c, err)
		}
	}
	if !slices.Equal(part.Claims[0].Values, []string{"acme_router-3", "acme,router-3"}) {
		t.Errorf("%v", part.Claims)
	}
	// GNU tar fills up to 20 blocks; without these zeros nothing is missing.
	end := int64(len(bytes.TrimRight(p, "\x00"))+511)&^511 + 1024
	firmwaretest.Run(t, p, firmwaretest.Options{Short: func(n int64) bool { return n >= end && n%512 == 0 }}, Format(), summed)
}

// TestNoChecks: files that nothing is known of leave it open whether the archive is whole.
func TestNoChecks(t *testing.T) {
	p := archive(t, "x", "BOARD=x\n", map[string][]byte{"root": firmwaretest.Noise(1000, 1)})
	if v := firmware.Whole(firmwaretest.Open(t, p, nil, Format())); v.Answer != firmware.CannotTell || !strings.Contains(v.Reasons[0], "1000 of") {
		t.Errorf("%+v", v)
	}
}

func TestBroken(t *testing.T) {
	file := map[string][]byte{"root": content(100, 1)}
	for _, tt := range []struct {
		name  string
		image []byte
		want  string
	}{
		{"another board", archive(t, "x", "BOARD=y\n", file), "expected BOARD=x, found BOARD=y"},
		{"no CONTROL", archive(t, "x", "", file), "expected CONTROL, and a kernel"},
		{"only CONTROL", archive(t, "x", "BOARD=x\n", nil), "expected CONTROL, and a kernel"},
		{"cut", archive(t, "x", "BOARD=x\n", map[string][]byte{"root": content(5000, 1)})[:4000], "cut off"},
	} {
		v := firmware.Whole(firmwaretest.Open(t, tt.image, nil, Format(), summed))
		if v.Answer != firmware.No || !strings.Contains(strings.Join(v.Reasons, "\n"), tt.want) {
			t.Errorf("%s: %+v", tt.name, v)
		}
	}
}

// TestFits: the board of the device, in both ways of writing, and room for both parts.
func TestFits(t *testing.T) {
	part := firmwaretest.Open(t, archive(t, "acme_x", "BOARD=acme_x\n", map[string][]byte{"kernel": content(100, 1), "root": content(2000, 1)}), nil, Format(), summed)
	for _, tt := range []struct {
		board string
		root  int64
		want  firmware.Answer
	}{{"acme,x", 4000, firmware.OK}, {"acme_x", 4000, firmware.OK}, {"acme,y", 4000, firmware.No}, {"acme,x", 1000, firmware.No}} {
		d := &firmware.Device{Facts: []firmware.Fact{{Kind: firmware.Board, Value: tt.board}}, Spaces: []firmware.Space{{Name: "kernel", Size: 5000}, {Name: "rootfs", Size: tt.root}}}
		if v := firmware.Fits(part, d); v.Answer != tt.want {
			t.Errorf("%+v: %+v", tt, v)
		}
	}
}

func TestLook(t *testing.T) {
	good := archive(t, "x", "BOARD=x\n", map[string][]byte{"root": content(100, 1)})
	other := bytes.Clone(good)
	copy(other, "sysupgrade_")
	nameless := bytes.Clone(good)
	copy(nameless, "sysupgrade-/")
	for i, p := range [][]byte{nil, good[:100], other, nameless, make([]byte, 2048)} {
		if _, err := look(context.Background(), block.Bytes(p)); !errors.Is(err, cursor.ErrNot) {
			t.Errorf("%d: %v", i, err)
		}
	}
	if s, err := look(context.Background(), block.Bytes(good)); err != nil || s.Name != "x" {
		t.Errorf("%+v, %v", s, err)
	}
}

func FuzzOpen(f *testing.F) {
	f.Add(archive(f, "x", "BOARD=x\n", map[string][]byte{"root": content(100, 1), "kernel": []byte("k")}))
	f.Fuzz(func(t *testing.T, p []byte) {
		firmwaretest.Open(t, p, nil, Format()).Walk(func(x *firmware.Part, _ int) bool {
			if x.Size < 0 || x.Offset < 0 {
				t.Fatalf("%+v", x)
			}
			return true
		})
	})
}
