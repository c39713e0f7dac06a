package rescue

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"salvor/host"
	"salvor/internal/need"
	"salvor/internal/wire"
	"salvor/recovery"
)

func TestMain(m *testing.M) {
	if host.IsReader() {
		os.Exit(host.ServeReader())
	}
	code := m.Run()
	if built.dir != "" {
		_ = os.RemoveAll(built.dir)
	}
	os.Exit(code)
}

const (
	exampleImage = "../examples/gateway.img"
	exampleTruth = "../examples/gateway.truth.json"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// built is the program, built once for all tests that run it as a process.
var built struct {
	sync.Once
	dir, path string
	err       error
}

func program(t *testing.T) string {
	t.Helper()
	built.Do(func() {
		if built.dir, built.err = os.MkdirTemp("", "salvor-test-"); built.err != nil {
			return
		}
		built.path = filepath.Join(built.dir, "salvor")
		out, err := exec.Command("go", "build", "-o", built.path, "salvor/cmd/salvor").CombinedOutput()
		if err != nil {
			built.err = errors.New(err.Error() + ": " + string(out))
		}
	})
	must(t, built.err)
	return built.path
}

// salvor runs the program to its end and returns its exit code and output.
func salvor(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	cmd := exec.Command(program(t), args...)
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), errOut.String()
}

// listener collects the events of a job; onProgress may be nil.
type listener struct {
	onProgress func(wire.Progress)
	layers     []wire.Layer
	findings   []wire.Finding
}

func (l *listener) Progress(p wire.Progress) {
	if l.onProgress != nil {
		l.onProgress(p)
	}
}
func (l *listener) Layers(list []wire.Layer)   { l.layers = list }
func (l *listener) Finding(found wire.Finding) { l.findings = append(l.findings, found) }

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// rescued runs the job in this process.
func rescued(t testing.TB, source, dir string, change func(*Options), l *listener) (wire.Result, error) {
	t.Helper()
	o := Options{Source: source, Case: dir, Program: "salvor test"}
	if change != nil {
		change(&o)
	}
	if l == nil {
		l = &listener{}
	}
	return Run(context.Background(), o, l, quiet())
}

// entries returns the files of a case's catalogue, without folders.
func entries(t testing.TB, dir string) []*recovery.Entry {
	t.Helper()
	cat, err := recovery.OpenCatalogReadOnly(filepath.Join(dir, "catalog.db"))
	must(t, err)
	defer cat.Close()
	var list []*recovery.Entry
	for e, err := range cat.Select(context.Background(), recovery.Query{}) {
		must(t, err)
		if !e.IsDir() {
			list = append(list, e)
		}
	}
	return list
}

// truth is what examples/README.md promises of the example.
type truth struct {
	Size       int64
	SHA256     string
	Partitions []struct {
		Number       int
		Name, Label  string
		Offset, Size int64
		Filesystem   string
	}
	Damage []struct{ Offset, Size int64 }
	Files  []truthFile
}

type truthFile struct {
	State, Volume, Path, Name, SHA256, Type, Target string
	Size, Offset                                    int64
	Recoverable                                     bool
	How                                             []string
	Runs                                            [][2]int64
}

func (f *truthFile) String() string {
	return strings.TrimSpace(f.State + " " + f.Volume + "/" + f.Path + f.Name)
}

func readTruth(t testing.TB) *truth {
	t.Helper()
	p, err := os.ReadFile(exampleTruth)
	must(t, err)
	var tr truth
	must(t, json.Unmarshal(p, &tr))
	return &tr
}

// folder returns the name of a volume's folder in the drawers of a case.
func (tr *truth) folder(name string) string {
	for _, p := range tr.Partitions {
		if p.Name == name {
			label := p.Label
			if label == "" {
				label = p.Name
			}
			return string(rune('0'+p.Number)) + "-" + label
		}
	}
	return ""
}

// volume returns the number of the volume on a partition, which counts volumes by offset.
func (tr *truth) volume(name string) int {
	for _, p := range tr.Partitions {
		if p.Name == name {
			return p.Number
		}
	}
	return 0
}

func sha(p []byte) string {
	sum := sha256.Sum256(p)
	return hex.EncodeToString(sum[:])
}

func hashOf(t testing.TB, path string) string {
	t.Helper()
	p, err := os.ReadFile(path)
	must(t, err)
	return sha(p)
}

// copyOf copies the example into dir and returns its path.
func copyOf(t testing.TB, source, dir string) string {
	t.Helper()
	p, err := os.ReadFile(source)
	must(t, err)
	path := filepath.Join(dir, filepath.Base(source))
	must(t, os.WriteFile(path, p, 0o600))
	return path
}

// drawers are the folders of a case that hold what was saved.
var drawers = []string{"files", "deleted", "older", "carved", "partial"}

// saved returns everything under the drawers of a case: path to hash, "folder", or "-> target".
func saved(t testing.TB, dir string) map[string]string {
	t.Helper()
	tree := map[string]string{}
	for _, d := range drawers {
		root := filepath.Join(dir, d)
		err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
			if err != nil {
				if path == root && errors.Is(err, fs.ErrNotExist) {
					return nil
				}
				return err
			}
			name, err := filepath.Rel(dir, path)
			if err != nil {
				return err
			}
			switch {
			case e.IsDir():
				tree[name] = "folder"
			case e.Type()&fs.ModeSymlink != 0:
				target, err := os.Readlink(path)
				if err != nil {
					return err
				}
				tree[name] = "-> " + target
			default:
				tree[name] = hashOf(t, path)
			}
			return nil
		})
		must(t, err)
	}
	return tree
}

// differences returns what two trees do not share, for a message.
func differences(want, got map[string]string) []string {
	var out []string
	for name, w := range want {
		if g, ok := got[name]; !ok {
			out = append(out, "missing: "+name)
		} else if g != w {
			out = append(out, name+": "+g+", not "+w)
		}
	}
	for name := range got {
		if _, ok := want[name]; !ok {
			out = append(out, "too much: "+name)
		}
	}
	return out
}

func command(t testing.TB, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		need.Lacking(t, "%s %v: %v: %s", name, args, err, out)
	}
}
