package ntfs

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"salvor/block"
	"salvor/filesystem"
	"salvor/internal/need"
)

// unpacked writes an image where tools can read it.
func unpacked(t *testing.T, name string) (path string, p []byte) {
	t.Helper()
	p = readImage(t, name)
	path = filepath.Join(t.TempDir(), "image")
	if err := os.WriteFile(path, p, 0o600); err != nil {
		t.Fatal(err)
	}
	return path, p
}

// The tools of NTFS-3G read the same contents and streams, live and deleted.
func TestAgainstNTFSCat(t *testing.T) {
	ntfscat := need.Tool(t, "ntfscat")
	for _, image := range images {
		path, p := unpacked(t, image.name+".img.gz")
		v := mustOpen(t, p)
		n := 0
		for f, err := range v.Files(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			if f.State != filesystem.Live || strings.HasPrefix(f.Path, "names/") {
				continue
			}
			for _, s := range f.Streams {
				if n++; n%3 != 0 && !need.CI() {
					continue
				}
				args := []string{"-f", path, "/" + f.Path}
				if s.Name != "" {
					args = append([]string{"-n", s.Name}, args...)
				}
				want, err := exec.Command(ntfscat, args...).Output()
				if err != nil {
					t.Errorf("%s: ntfscat %v: %v", image.name, args, err)
					continue
				}
				src, err := v.Open(f, s.Name)
				if err != nil {
					t.Fatal(err)
				}
				got := make([]byte, src.Size())
				if m, err := src.ReadAt(got, 0); m < len(got) || !bytes.Equal(got, want) {
					t.Errorf("%s: %q %q: %d bytes, ntfscat gives %d: %v", image.name, f.Path, s.Name, m, len(want), err)
				}
			}
		}
	}
}

// The Sleuth Kit lists the same names, deleted ones too, and reads the same contents.
func TestAgainstSleuthKit(t *testing.T) {
	fls, icat := need.Tool(t, "fls"), need.Tool(t, "icat")
	for _, image := range []string{"plain.img.gz", "cluster512.img.gz", "cluster64k.img.gz", "special.img.gz", "dfir_ntfs/ntfs3.raw.gz"} {
		path, p := unpacked(t, image)
		out, err := exec.Command(fls, "-r", "-p", path).Output()
		if err != nil {
			t.Fatalf("%s: %v", image, err)
		}
		v := mustOpen(t, p)
		got, _ := files(t, v)
		seen := map[string]bool{}
		for _, line := range strings.Split(string(out), "\n") {
			head, name, ok := strings.Cut(line, ":\t")
			if !ok || strings.HasPrefix(name, "$") || strings.HasPrefix(head, "v/") || strings.HasPrefix(head, "V/") || strings.Contains(name, ":") {
				continue // the volume's own files, and streams, which are compared with ntfscat
			}
			name = strings.TrimSuffix(name, " (realloc)")
			var f *filesystem.File
			for _, state := range []string{"live ", "deleted ", "orphan "} {
				if g := got[state+name]; g != nil && (f == nil || strings.Contains(head, "*")) {
					f = g
				}
			}
			if f == nil {
				t.Errorf("%s: fls lists %s %q", image, head, name)
				continue
			}
			seen[f.Path] = true
			if f.State != filesystem.Orphan && strings.Contains(head, "*") == (f.State == filesystem.Live) {
				t.Errorf("%s: %q is %v, fls says %s", image, name, f.State, head)
			}
			if len(seen)%4 != 0 && !need.CI() {
				continue // each costs a process
			}
			address := strings.Fields(strings.ReplaceAll(head, "* ", ""))[1]
			if f.Mode.IsRegular() && len(f.Streams) > 0 && f.Streams[0].Name == "" && !strings.HasPrefix(f.Streams[0].Encoding, "ntfs.x") && f.Streams[0].Encoding != "ntfs.lzx:32768" &&
				codes(f) == "" && !strings.HasPrefix(address, "0") {
				want, err := exec.Command(icat, path, address).Output()
				p, readErr := readAll(t, v, f)
				if err == nil && (readErr != nil || !bytes.Equal(p, want)) {
					t.Errorf("%s: %v %q: %d bytes, icat gives %d: %v", image, f.State, name, len(p), len(want), readErr)
				}
			}
		}
		for _, f := range got {
			if f.State == filesystem.Live && f.Path != "" && !seen[f.Path] {
				t.Errorf("%s: fls does not list %q", image, f.Path)
			}
		}
	}
}

// A volume that mkntfs makes reads with the features that its options give it.
func TestMade(t *testing.T) {
	mkntfs := need.Tool(t, "mkntfs")
	for _, tt := range []struct {
		mib                     int
		args                    string
		cluster, record, sector int64
		label                   string
	}{
		{2, "-c 512", 512, 1024, 512, ""}, {4, "-c 1024 -L Ünïcode", 1024, 1024, 512, "Ünïcode"}, {16, "-c 8192", 8192, 1024, 512, ""},
		{40, "-c 131072", 131072, 1024, 512, ""}, {64, "-c 2097152", 2097152, 1024, 512, ""}, {16, "-s 1024", 4096, 1024, 1024, ""}, {32, "-s 4096 -c 65536", 65536, 4096, 4096, ""},
	} {
		path := filepath.Join(t.TempDir(), "image")
		if err := os.WriteFile(path, make([]byte, tt.mib<<20), 0o600); err != nil {
			t.Fatal(err)
		}
		args := append(append([]string{"-Q", "-F", "-q"}, strings.Fields(tt.args)...), path)
		if out, err := exec.Command(mkntfs, args...).CombinedOutput(); err != nil {
			t.Errorf("%s: %v: %s", tt.args, err, out)
			continue
		}
		p, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		v := mustOpen(t, p)
		info := v.Info()
		if v.b.clusterSize != tt.cluster || v.b.recordSize != tt.record || v.b.sectorSize != tt.sector || info.Label != tt.label || info.State != filesystem.Clean {
			t.Errorf("%s: %+v, %+v", tt.args, v.b, info)
		}
		got, errs := files(t, v)
		if len(errs) > 0 || len(got) != 1 || !got["live "].Mode.IsDir() {
			t.Errorf("%s: %v, %v", tt.args, got, errs)
		}
		for name, gone := range map[string]func([]byte, *volume){"whole": func([]byte, *volume) {}, "no boot sector": func(p []byte, _ *volume) { clear(p[:512]) }} {
			q := bytes.Clone(p)
			gone(q, v)
			found := located(t, q)
			if len(found) != 1 || found[block.Extent{Length: v.b.size()}].Confirmed == 0 {
				t.Errorf("%s, %s: found %v", tt.args, name, found)
			}
		}
	}
}

// blkid shows the same label and identifier.
func TestAgainstBlkid(t *testing.T) {
	blkid := need.Tool(t, "blkid")
	for _, image := range []string{"plain.img.gz", "util-linux/ntfs.img.gz", "dfir_ntfs/ntfs3.raw.gz"} {
		path, p := unpacked(t, image)
		info := mustOpen(t, p).Info()
		for tag, want := range map[string]string{"TYPE": "ntfs", "LABEL": info.Label, "UUID": info.UUID} {
			out, err := exec.Command(blkid, "-p", "-o", "value", "-s", tag, path).Output()
			if got := strings.TrimSuffix(string(out), "\n"); err != nil || got != want {
				t.Errorf("%s: %s is %q, blkid says %q: %v", image, tag, want, got, err)
			}
		}
	}
}
