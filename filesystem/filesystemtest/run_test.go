package filesystemtest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"salvor/block"
	"salvor/cursor"
	"salvor/filesystem"
	"salvor/finding"
)

// The reader of this test has 16 sectors of metadata, each a name of one file or directory; file n has one
// sector of content, n sectors behind.
const (
	sector  = 512
	entries = 16
)

// image makes a volume of two directories and 13 files.
func image() (block.Source, []Truth) {
	p := make([]byte, 2*entries*sector)
	var truth []Truth
	for i := range entries {
		name, kind := fmt.Sprintf("file%d", i), "file"
		switch {
		case i == 0:
			name, kind = "", "dir"
		case i == 1 || i == 2:
			name, kind = fmt.Sprintf("dir%d", i), "dir"
		case i < 8:
			name = "dir1/" + name
		}
		w := Truth{Path: name, Type: kind, Mode: "755"}
		copy(p[i*sector:], "entry:"+kind+":"+name+"\n")
		if kind == "file" {
			content := p[(entries+i)*sector : (entries+i+1)*sector]
			for k := range content {
				content[k] = byte(k*i + i)
			}
			sum := sha256.Sum256(content)
			w.Mode, w.Size, w.SHA256 = "644", sector, hex.EncodeToString(sum[:])
		}
		truth = append(truth, w)
	}
	return block.Bytes(p), truth
}

// reader reads such a volume, with one fault.
type reader struct {
	src   block.Source
	fault string
}

func (r *reader) Info() filesystem.Info {
	return filesystem.Info{Kind: "listed", BlockSize: sector, Size: r.src.Size()}
}

func (r *reader) Files(ctx context.Context) iter.Seq2[*filesystem.File, error] {
	return func(yield func(*filesystem.File, error) bool) {
		order := make([]int, entries)
		for i := range order {
			order[i] = i
		}
		if r.fault == "children first" {
			slices.Reverse(order)
		}
		for _, i := range order {
			if err := ctx.Err(); err != nil && r.fault != "deaf" {
				yield(nil, err)
				return
			}
			f, err := r.file(i)
			switch {
			case i == 5 && r.fault == "hides":
				continue
			case err != nil && r.fault == "silent":
				continue
			case err != nil && r.fault == "gives up":
				yield(nil, err)
				return
			}
			if !yield(f, err) {
				return
			}
		}
	}
}

func (r *reader) file(i int) (*filesystem.File, error) {
	b, err := cursor.Read(r.src, "listed: entry", int64(i*sector), sector, sector)
	if err != nil {
		return nil, err
	}
	line, rest, ok := bytes.Cut(b, []byte("\n"))
	ok = ok && bytes.Count(rest, []byte{0}) == len(rest) // so that damage anywhere in it breaks an entry
	kind, path, found := strings.Cut(strings.TrimPrefix(string(line), "entry:"), ":")
	if !ok || !found || kind != "file" && kind != "dir" || path != "" && !fs.ValidPath(path) {
		if r.fault == "panics" {
			panic("a broken entry")
		}
		return nil, cursor.Corrupt("listed: entry", int64(i*sector), "a name", "none")
	}
	f := &filesystem.File{ID: fmt.Sprintf("i%d", i), Path: path, Mode: 0o644, Sound: true}
	if kind == "dir" {
		f.Mode = fs.ModeDir | 0o755
		return f, nil
	}
	at := int64(entries+i) * sector
	f.Streams = []filesystem.Stream{{Size: sector, Runs: []block.Run{{Physical: at, Length: sector}}}}
	if i == 9 {
		switch r.fault {
		case "one ID":
			f.ID = "i8"
		case "wrong bytes":
			f.Streams[0].Runs[0].Physical += sector
		case "wrong mode":
			f.Mode = 0o600
		case "wrong size":
			f.Streams[0].Size--
			f.Streams[0].Runs[0].Length--
		case "outside":
			f.Streams[0].Runs = []block.Run{{Physical: r.src.Size(), Length: sector}}
		case "loose runs":
			f.Streams[0].Runs = []block.Run{{Physical: at, Length: 100}, {Logical: 100, Physical: at + 100, Length: sector - 100}}
		case "no escape":
			f.Path = "file\xff9"
		case "extra":
			f.Path = "more"
		}
	}
	return f, nil
}

func (r *reader) Open(f *filesystem.File, stream string) (block.Source, error) {
	if len(f.Streams) == 0 || stream != "" && r.fault != "any stream" {
		return nil, fs.ErrNotExist
	}
	src := r.src
	switch {
	case r.fault == "zeros":
		src = block.Filled(src)
	case r.fault == "no origin":
		return struct{ block.Source }{block.Join(src, f.Streams[0].Runs, f.Streams[0].Size)}, nil
	}
	return block.Join(src, f.Streams[0].Runs, f.Streams[0].Size), nil
}

func (r *reader) Used(ctx context.Context) (block.Set, error) {
	if r.fault == "unused" {
		return block.SetOf(block.Extent{Length: sector}), ctx.Err()
	}
	return block.SetOf(block.Extent{Length: r.src.Size()}), ctx.Err()
}

func run(t *testing.T, fault string) {
	src, truth := image()
	Run(t, func(src block.Source) (filesystem.FileSystem, error) {
		if fault == "does not open" {
			return nil, errors.New("no")
		}
		return &reader{src, fault}, nil
	}, src, truth, Options{Rounds: 60, Seed: 1, MinFound: 0.85})
}

const faultVariable = "FILESYSTEMTEST_FAULT"

// TestRight has a reader without fault pass. In the processes that [TestWrong] starts the reader has one.
func TestRight(t *testing.T) { run(t, os.Getenv(faultVariable)) }

// TestWrong has every reader with a fault fail, in the check that is there for it.
func TestWrong(t *testing.T) {
	for fault, says := range map[string]string{
		"does not open":  "open: no",
		"hides":          "is missing",
		"extra":          "is not in the truth",
		"wrong bytes":    "content",
		"wrong mode":     "mode 600, expected 644",
		"wrong size":     "size 511, expected 512",
		"one ID":         "have one ID",
		"children first": "came before its parent",
		"no escape":      "which is not escaped",
		"loose runs":     "are not normalized",
		"outside":        "lies outside of the volume",
		"unused":         "is not used",
		"any stream":     "a stream that is not there opens",
		"no origin":      "origin",
		"deaf":           "came after a cancel",
		"zeros":          "TestRight/unreadable",
		"silent":         "nothing says why",
		"gives up":       "of the files that were not hit",
		"panics":         "panic: a broken entry",
	} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestRight$")
			cmd.Env = append(os.Environ(), faultVariable+"="+fault)
			out, err := cmd.CombinedOutput()
			if err == nil {
				t.Fatal("the suite lets it pass")
			}
			if !strings.Contains(string(out), says) {
				t.Errorf("the suite does not say %q:\n%s", says, out)
			}
		})
	}
}

func TestReadTruth(t *testing.T) {
	truth, err := ReadTruth(strings.NewReader(`[{"path":"a","type":"link","size":0,"target":"b","xattrs":{"user.x":"00ff"}}]`))
	if err != nil || len(truth) != 1 || truth[0].Target != "b" || truth[0].state() != "live" {
		t.Errorf("%+v, %v", truth, err)
	}
	for _, bad := range []string{"", "{}", `[{"pth":"a"}]`} {
		if _, err := ReadTruth(strings.NewReader(bad)); err == nil {
			t.Errorf("%q is no truth", bad)
		}
	}
}

func TestOctal(t *testing.T) {
	for mode, want := range map[fs.FileMode]string{
		0o644: "644", 0: "0", 0o755 | fs.ModeSetuid: "4755", 0o777 | fs.ModeSticky | fs.ModeDir: "1777", 0o750 | fs.ModeSetgid: "2750",
	} {
		if got := octal(mode); got != want {
			t.Errorf("%v is %s, expected %s", mode, got, want)
		}
	}
}

// TestHelpers has the small helpers say what they should of the volume of this test.
func TestHelpers(t *testing.T) {
	src, truth := image()
	v := &reader{src: src}
	Laws(t, v)
	got, errs := Files(t, v)
	if len(got) != len(truth) || len(errs) > 0 {
		t.Errorf("%d files, errors %v; expected %d files", len(got), errs, len(truth))
	}
	f := got["live dir1/file3"]
	if f == nil {
		t.Fatal("a file is missing")
	}
	if p, err := Content(t, v, f); err != nil || len(p) != sector {
		t.Errorf("%d bytes, %v", len(p), err)
	}
	d := &finding.Def{Code: "room.place.what"}
	if got := Codes("room", []finding.Finding{d.New(), d.New()}); got != "place.what place.what" {
		t.Errorf("%q", got)
	}
}
