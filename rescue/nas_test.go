package rescue

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"salvor/block"
	"salvor/filetype"
	"salvor/host"
	"salvor/internal/need"
	"salvor/layers"
	"salvor/recovery"
	"salvor/volume"
)

// nasDisks unpacks the disks of a scenario and returns their paths in order.
func nasDisks(t *testing.T, scenario string) []string {
	t.Helper()
	packed, err := os.Open("testdata/nas.tar.zst")
	must(t, err)
	defer packed.Close()
	z, err := zstd.NewReader(packed, zstd.WithDecoderMaxWindow(1<<28))
	must(t, err)
	defer z.Close()
	dir := t.TempDir()
	var paths []string
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		must(t, err)
		if filepath.Dir(filepath.Clean(h.Name)) != scenario || h.Typeflag != tar.TypeReg {
			continue
		}
		path := filepath.Join(dir, filepath.Base(h.Name)+".img")
		p, err := io.ReadAll(r)
		must(t, err)
		must(t, os.WriteFile(path, p, 0o600))
		paths = append(paths, path)
	}
	if len(paths) < 2 {
		t.Fatalf("the scenario %s has the disks %v", scenario, paths)
	}
	slices.Sort(paths)
	return paths
}

// nasTruth returns the files of a volume: path to SHA-256.
func nasTruth(t *testing.T, volume string) map[string]string {
	t.Helper()
	p, err := os.ReadFile("testdata/nas.truth.txt")
	must(t, err)
	files := map[string]string{}
	for line := range strings.Lines(string(p)) {
		name, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		sum, path, _ := strings.Cut(rest, "  ")
		if name == volume {
			files[path] = sum
		}
	}
	if len(files) < 5 {
		t.Fatalf("%d files on %s", len(files), volume)
	}
	return files
}

// expectVolumes checks that all files of these volumes are saved under their names with their content.
func expectVolumes(t *testing.T, dir string, volumes ...string) {
	t.Helper()
	have := saved(t, dir)
	for _, v := range volumes {
		folders := map[string]bool{}
		for name := range have {
			if parts := strings.Split(name, "/"); len(parts) == 2 && parts[0] == "files" && strings.HasSuffix(parts[1], "-"+v) {
				folders[name] = true
			}
		}
		if len(folders) != 1 {
			t.Errorf("%s has the folders %v", v, folders)
			continue
		}
		for folder := range folders {
			for path, sum := range nasTruth(t, v) {
				if got := have[folder+"/"+path]; got != sum {
					t.Errorf("%s/%s is %q, want %s", folder, path, got, sum)
				}
			}
		}
	}
}

// nasRescue rescues disks into a case.
func nasRescue(t *testing.T, dir string, keys volume.Keyring, disks ...string) (int, *listener) {
	t.Helper()
	l := &listener{}
	r, err := rescued(t, disks[0], dir, func(o *Options) { o.More, o.Keys = disks[1:], keys }, l)
	must(t, err)
	return r.Exit, l
}

func (l *listener) codes() []string {
	var out []string
	for _, f := range l.findings {
		out = append(out, f.Code)
	}
	for _, x := range l.layers {
		for _, f := range x.Findings {
			out = append(out, f.Code)
		}
	}
	return out
}

func TestNAS(t *testing.T) {
	disks := nasDisks(t, "four")
	whole := filepath.Join(t.TempDir(), "whole")
	exit, _ := nasRescue(t, whole, nil, disks[2], disks[0], disks[3], disks[1])
	if exit != ExitDone {
		t.Errorf("exit %d", exit)
	}
	expectVolumes(t, whole, "system", "media", "scratch")
	list := entries(t, whole)
	for _, e := range list {
		if e.Volume > 0 && e.Source <= len(disks) {
			t.Errorf("%s stands on a disk alone: %s", e.ID, e.Path)
		}
		if e.Origin == "carved" && e.Source <= len(disks) {
			t.Errorf("%s was carved out of a member", e.ID)
		}
	}

	t.Run("places", func(t *testing.T) { nasPlaces(t, whole) })

	t.Run("again in another order", func(t *testing.T) {
		before := saved(t, whole)
		record, err := os.ReadFile(filepath.Join(whole, "case.json"))
		must(t, err)
		nasRescue(t, whole, nil, disks[1], disks[3], disks[0], disks[2])
		if d := differences(before, saved(t, whole)); len(d) > 0 {
			t.Errorf("%.500q", d)
		}
		if again, err := os.ReadFile(filepath.Join(whole, "case.json")); err != nil || !bytes.Equal(record, again) {
			t.Errorf("case.json is another one (%v)", err)
		}
	})
	t.Run("one disk named alone", func(t *testing.T) {
		before := saved(t, whole)
		_, l := nasRescue(t, whole, nil, disks[1])
		if d := differences(before, saved(t, whole)); len(d) > 0 {
			t.Errorf("%.500q", d)
		}
		if slices.Contains(l.codes(), "layers.member.missing") {
			t.Error("disks that the case knows are taken for missing")
		}
	})
	t.Run("a disk that is gone", func(t *testing.T) {
		must(t, os.Rename(disks[2], disks[2]+".gone"))
		defer func() { must(t, os.Rename(disks[2]+".gone", disks[2])) }()
		before := saved(t, whole)
		_, l := nasRescue(t, whole, nil, disks[0], disks[1], disks[3])
		for _, code := range []string{"rescue.set.source", "rescue.set.less"} {
			if !slices.Contains(l.codes(), code) {
				t.Errorf("no finding %s", code)
			}
		}
		if d := differences(before, saved(t, whole)); len(d) > 0 {
			t.Errorf("%.500q", d)
		}
	})
}

// nasPlaces follows each byte of the files of a case down to the disks.
func nasPlaces(t *testing.T, dir string) {
	c, err := OpenCase(dir, "test")
	must(t, err)
	defer c.Close()
	tables, err := NewTables()
	must(t, err)
	files, places := 0, 0
	for _, e := range entries(t, dir) {
		if !e.Mode.IsRegular() || e.Size == 0 || e.Volume == 0 {
			continue
		}
		src, _, err := c.content(t.Context(), tables, e, nil)
		must(t, err)
		want := make([]byte, e.Size)
		_, err = src.ReadAt(want, 0)
		if err != nil && !errors.Is(err, io.EOF) {
			t.Fatal(err)
		}
		got := make([]byte, e.Size)
		floors := func(source int, within block.Extent) []layers.Place {
			list, err := c.Places(t.Context(), source, within)
			must(t, err)
			return list
		}
		for p := range e.OnDisks(floors) {
			if p.Source > 4 || p.Computed || p.Encrypted {
				t.Fatalf("%s: %+v", e.Path, p)
			}
			medium, err := c.Medium(t.Context(), p.Source)
			must(t, err)
			places++
			if n := min(p.Length, e.Size-p.Logical); n > 0 {
				_, err = medium.ReadAt(got[p.Logical:p.Logical+n], p.Offset)
				must(t, err)
			}
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s stands elsewhere", e.Path)
		}
		files++
	}
	if files < 30 || places <= files {
		t.Errorf("%d files in %d places", files, places)
	}
}

// TestNASWithout takes each disk away in turn: RAID 5 gives everything all the same, and says how.
func TestNASWithout(t *testing.T) {
	disks := nasDisks(t, "four")
	for i := range disks {
		if !need.CI() && i != 2 {
			continue
		}
		rest := slices.Delete(slices.Clone(disks), i, i+1)
		slices.Reverse(rest)
		dir := filepath.Join(t.TempDir(), "case")
		exit, l := nasRescue(t, dir, nil, rest...)
		if exit != ExitReserved {
			t.Errorf("without disk %d: exit %d", i+1, exit)
		}
		expectVolumes(t, dir, "system", "media", "scratch")
		computed := 0
		for _, e := range entries(t, dir) {
			for _, f := range e.Findings {
				if f.Code == computedBytes.Code {
					computed++
				}
			}
		}
		if computed == 0 || !slices.Contains(l.codes(), "layers.member.missing") {
			t.Errorf("without disk %d: %d files were computed; %v", i+1, computed, l.codes())
		}
	}
}

// TestNASWithoutTwo takes two disks away. What stood on the others is there, and nothing else is claimed to be.
func TestNASWithoutTwo(t *testing.T) {
	disks := nasDisks(t, "four")
	dir := filepath.Join(t.TempDir(), "case")
	exit, _ := nasRescue(t, dir, nil, disks[0], disks[2])
	if exit != ExitReserved {
		t.Errorf("exit %d", exit)
	}
	expectVolumes(t, dir, "system")
	truth := nasTruth(t, "media")
	for path, sum := range nasTruth(t, "scratch") {
		truth[path+" of scratch"] = sum
	}
	sums := map[string]bool{}
	for _, sum := range truth {
		sums[sum] = true
	}
	partial := 0
	for _, e := range entries(t, dir) {
		if e.Verdict == filetype.Proven && !sums[e.SHA256] && e.Volume > 0 && !slices.Contains(mapValues(nasTruth(t, "system")), e.SHA256) {
			t.Errorf("%s %s is called whole, and is not", e.ID, e.Path)
		}
		if e.Verdict == filetype.Partial {
			partial++
		}
	}
	if partial == 0 {
		t.Error("no file is partial")
	}

	// The others come later: everything is there then, under the same numbers.
	if exit, _ := nasRescue(t, dir, nil, disks[3], disks[1], disks[0]); exit != ExitDone && exit != ExitReserved {
		t.Errorf("exit %d", exit)
	}
	expectVolumes(t, dir, "system", "media", "scratch")
}

func mapValues(m map[string]string) []string {
	var out []string
	for _, v := range m {
		out = append(out, v)
	}
	return out
}

// TestNASStale names all four disks after one was dropped: it is not used, and its older files are not mixed in.
func TestNASStale(t *testing.T) {
	disks := nasDisks(t, "stale")
	dir := filepath.Join(t.TempDir(), "case")
	exit, l := nasRescue(t, dir, nil, disks[2], disks[1], disks[3], disks[0])
	if exit != ExitReserved || !slices.Contains(l.codes(), "layers.member.stale") {
		t.Errorf("exit %d, %v", exit, l.codes())
	}
	expectVolumes(t, dir, "system", "media2", "scratch")
}

// passphrase is a keyring of one.
type passphrase string

func (p passphrase) Secrets(context.Context, volume.Locked) iter.Seq[volume.Secret] {
	return func(yield func(volume.Secret) bool) { yield(volume.Secret{Kind: volume.Passphrase, Bytes: []byte(p)}) }
}

func (passphrase) Header() block.Source { return nil }

// TestVault rescues an encrypted volume on a mirror: not without its passphrase, and all of it with it. The passphrase is
// nowhere in the case.
func TestVault(t *testing.T) {
	disks := nasDisks(t, "vault")
	dir := filepath.Join(t.TempDir(), "case")
	const secret = passphrase("correct horse")
	exit, l := nasRescue(t, dir, nil, disks...)
	if exit != ExitLocked || !slices.Contains(l.codes(), "layers.locked") {
		t.Errorf("without a key: exit %d, %v", exit, l.codes())
	}
	if exit, l = nasRescue(t, dir, passphrase("wrong"), disks...); exit != ExitLocked || !slices.Contains(l.codes(), "layers.locked.refused") {
		t.Errorf("with a wrong key: exit %d, %v", exit, l.codes())
	}
	if exit, l = nasRescue(t, dir, secret, disks[1], disks[0]); exit != ExitDone {
		t.Errorf("with the key: exit %d, %v", exit, l.codes())
	}
	expectVolumes(t, dir, "vault")

	// One half of the mirror does as well.
	half := filepath.Join(t.TempDir(), "half")
	if exit, _ := nasRescue(t, half, secret, disks[1]); exit != ExitReserved {
		t.Errorf("half of the mirror: exit %d", exit)
	}
	expectVolumes(t, half, "vault")

	for _, c := range []string{dir, half} {
		noSecret(t, c, string(secret), "wrong")
	}
	t.Run("later", func(t *testing.T) { vaultLater(t, dir, secret) })
}

// noSecret looks for secrets in every file of a case.
func noSecret(t *testing.T, dir string, secrets ...string) {
	t.Helper()
	files := 0
	must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		p, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		files++
		for _, s := range secrets {
			if s != "wrong" && bytes.Contains(p, []byte(s)) || bytes.Contains(p, []byte(hex.EncodeToString([]byte(s)))) ||
				bytes.Contains(p, []byte(base64.StdEncoding.EncodeToString([]byte(s)))) {
				t.Errorf("%s holds the secret", path)
			}
		}
		return nil
	}))
	if files < 10 {
		t.Errorf("%d files in the case", files)
	}
}

// vaultLater looks at a case again: what is encrypted needs its secret again.
func vaultLater(t *testing.T, dir string, secret passphrase) {
	tables, err := NewTables()
	must(t, err)
	for _, keys := range []volume.Keyring{nil, secret} {
		c, err := BrowseCase(t.Context(), dir, "test", keys)
		must(t, err)
		defer c.Close()
		for _, e := range entries(t, dir) {
			if e.Volume == 0 || e.Path != "documents/ledger.csv" {
				continue
			}
			medium, err := c.Medium(t.Context(), e.Source)
			if keys == nil {
				var refused *host.RefusedError
				if !errors.As(err, &refused) || refused.ExitCode() != ExitLocked {
					t.Errorf("without a key: %v", err)
				}
				if s, err := c.Show(t.Context(), tables, e); err != nil || s.Preview.Text == "" {
					t.Errorf("what was saved cannot be shown: %v", err)
				}
				continue
			}
			must(t, err)
			src, err := recovery.Content(medium, e, tables.Decode)
			must(t, err)
			p, err := io.ReadAll(block.Reader(src))
			must(t, err)
			if sha(p) != nasTruth(t, "vault")[e.Path] {
				t.Errorf("%s is another one", e.Path)
			}
			for place := range e.OnDisks(func(source int, within block.Extent) []layers.Place {
				list, err := c.Places(t.Context(), source, within)
				must(t, err)
				return list
			}) {
				if !place.Encrypted || place.Source > 2 {
					t.Errorf("%+v", place)
				}
			}
		}
	}
}
