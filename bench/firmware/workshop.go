package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"salvor/block"
	"salvor/firmware"
	"salvor/firmware/all"
)

// workshop is a folder with what recipes are made of.
type workshop struct {
	dir     string
	formats []firmware.Format
	in      inputs
	made    map[string][]byte // good files by their recipes
}

func newWorkshop(dir string) (*workshop, error) {
	w := &workshop{dir: dir, formats: all.Table(), made: map[string][]byte{}, in: inputs{kernel: kernel(160 << 10)}}
	if err := errors.Join(os.MkdirAll(filepath.Join(dir, "tmp"), 0o755), w.write("kernel", w.in.kernel)); err != nil {
		return nil, err
	}
	if said, err := w.sh(prepare, ""); err != nil {
		return nil, fmt.Errorf("inputs: %w: %s", err, said)
	}
	var err error
	w.in.root, err = w.read("root.squashfs")
	return w, err
}

// kernel is a program by its looks: text and what cannot be packed, in turns. It looks like no format.
func kernel(size int) []byte {
	text := english(size)
	for at := 0; at < size; at += 8192 {
		copy(text[at:], noise(min(4096, size-at), uint64(at)))
	}
	return text
}

func (w *workshop) path(name string) string           { return filepath.Join(w.dir, name) }
func (w *workshop) read(name string) ([]byte, error)  { return os.ReadFile(w.path(name)) }
func (w *workshop) write(name string, p []byte) error { return os.WriteFile(w.path(name), p, 0o600) }

// patience is how long a tool may take: they hang on damaged files, and take their time over large ones.
const patience = 2 * time.Minute

// sh runs a script of bash in the folder.
func (w *workshop) sh(script, argument string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-c", script, "bash", argument)
	cmd.Dir = w.dir
	cmd.WaitDelay = time.Second
	cmd.Env = append(os.Environ(), "TMPDIR="+w.path("tmp"), "SOURCE_DATE_EPOCH=1700000000", "LC_ALL=C.UTF-8", "TZ=UTC", "PATH="+os.Getenv("PATH")+":/usr/sbin:/sbin")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// has reports whether a program is there.
func has(program string) bool {
	for _, dir := range append(filepath.SplitList(os.Getenv("PATH")), "/usr/sbin", "/sbin") {
		if info, err := os.Stat(filepath.Join(dir, program)); err == nil && info.Mode()&0o111 != 0 {
			return true
		}
	}
	return false
}

// here reports whether the tool that a recipe is made by is installed.
func (r *recipe) here() bool {
	return r.build != nil || has(strings.TrimRight(strings.Fields(r.by)[0], ","))
}

// make makes the good file of a recipe, once.
func (w *workshop) make(r recipe) ([]byte, error) {
	if p, ok := w.made[r.name]; ok {
		return p, nil
	}
	if r.build != nil {
		return r.build(w.in), nil
	}
	os.Remove(w.path("out"))
	if said, err := w.sh(r.script, ""); err != nil {
		return nil, fmt.Errorf("%s: %w: %s", r.name, err, said)
	}
	p, err := w.read("out")
	w.made[r.name] = p
	return p, err
}

// takes asks the maker's tool whether it takes a file for good.
func (w *workshop) takes(r recipe, p []byte) (bool, error) {
	if err := w.write("judged", p); err != nil {
		return false, err
	}
	_, err := w.sh(r.theirs, w.path("judged"))
	return err == nil, nil
}

func (w *workshop) keys(names []string) (out []firmware.Key, err error) {
	for _, name := range names {
		p, err := w.read(name)
		if err != nil {
			return nil, err
		}
		k, err := firmware.ParseKeys(name, p)
		if err != nil {
			return nil, err
		}
		out = append(out, k...)
	}
	return out, nil
}

// room keeps in memory what comes out of compression.
type room struct{ bytes.Buffer }

func (r *room) Size() int64                             { return int64(r.Len()) }
func (r *room) ReadAt(p []byte, off int64) (int, error) { return block.Bytes(r.Bytes()).ReadAt(p, off) }

// open opens a file as salvor check does.
func (w *workshop) open(p []byte, keys []firmware.Key) (*firmware.Part, error) {
	return firmware.Open(context.Background(), block.Bytes(p), "update.bin", firmware.Options{Formats: w.formats, Keys: keys, Limit: 1 << 30,
		Scratch: func() (firmware.Scratch, error) { return &room{}, nil }})
}

// tree writes the formats of all parts.
func tree(p *firmware.Part) string {
	var out []string
	p.Walk(func(x *firmware.Part, depth int) bool {
		if x.Format != "" && depth < 3 && len(out) < 6 {
			out = append(out, strings.Repeat(".", depth)+x.Format)
		}
		return true
	})
	return strings.Join(out, " ")
}
