package archtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// systems are those that the program is built for.
var systems = []string{"linux", "windows", "darwin"}

const root = "../.."

// list returns the packages of the module, as they are built for a system.
func list(t *testing.T, goos string) []Package {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports", "./...")
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "GOOS="+goos, "GOARCH=amd64", "CGO_ENABLED=0")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list for %s: %v\n%s", goos, err, &stderr)
	}
	var packages []Package
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return packages
		} else if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, Package{p.ImportPath, p.Imports})
	}
}

func TestRooms(t *testing.T) {
	for _, goos := range systems {
		packages := list(t, goos)
		if len(packages) < 30 {
			t.Fatalf("%s: only %d packages are listed", goos, len(packages))
		}
		for _, b := range check(packages) {
			t.Errorf("%s: %s", goos, b)
		}
	}
}

// TestSyntax walks every file of the program, whatever system it is for: no init functions, no panics, no
// links to what others keep to themselves.
func TestSyntax(t *testing.T) {
	files := 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch name := ""; {
		case err != nil:
			return err
		case d.IsDir():
			if name = d.Name(); path != root && (name == "testdata" || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_")) {
				return fs.SkipDir
			}
			return nil
		case !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		src, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		files++
		broken, err := checkSyntax(filepath.ToSlash(path), src)
		for _, b := range broken {
			t.Error(b)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 100 {
		t.Errorf("only %d files were read", files)
	}
}

// checkSyntax returns what a file holds that none of the program may.
func checkSyntax(name string, src []byte) ([]string, error) {
	set := token.NewFileSet()
	f, err := parser.ParseFile(set, name, src, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	var broken []string
	tell := func(p token.Pos, what string) { broken = append(broken, fmt.Sprintf("%s: %s", set.Position(p), what)) }
	for _, group := range f.Comments {
		for _, c := range group.List {
			if strings.HasPrefix(c.Text, "//go:linkname") {
				tell(c.Pos(), "a link to what another package keeps to itself")
			}
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			if n.Recv == nil && n.Name.Name == "init" {
				tell(n.Pos(), "an init function; tables are put together where they are used")
			}
		case *ast.ImportSpec:
			if n.Name != nil && n.Name.Name == "." {
				tell(n.Pos(), "a dot import")
			}
		case *ast.CallExpr:
			if id, ok := n.Fun.(*ast.Ident); ok && id.Name == "panic" {
				tell(n.Pos(), "a panic; input is hostile, and a caller is owed an error")
			}
		}
		return true
	})
	return broken, nil
}

// TestRulesCanFail builds a house that breaks each rule once.
func TestRulesCanFail(t *testing.T) {
	for _, c := range []struct {
		room, imports string
		allowed       bool
	}{
		{"layers", "salvor/filesystem", true},
		{"filesystem", "salvor/layers", false},
		{"cursor", "salvor/block", false},
		{"block", "salvor/block/probe", true},
		{"block/probe", "salvor/block", false},
		{"sweep", "salvor/imaging", false},
		{"imaging", "salvor/sweep", false},
		{"filesystem", "salvor/filetype", false},
		{"filesystem/fat", "salvor/filesystem", true},
		{"filesystem/fat", "salvor/filesystem/ext", false},
		{"filesystem/fat", "salvor/filetype/jpeg", false},
		{"filetype/zip", "salvor/filetype/gzip", false},
		{"filetype/zip", "salvor/filetype/internal/window", true},
		{"filetype/internal/exif", "salvor/filetype", true},
		{"filetype/internal/exif", "salvor/filetype/internal/window", false},
		{"volume/gpt", "salvor/volume/mbr", false},
		{"filesystem/all", "salvor/filesystem/ext", true},
		{"filesystem/all", "salvor/filetype/zip", false},
		{"filesystem/ext", "salvor/filesystem/all", false},
		{"layers", "salvor/filesystem/ext", false},
		{"layers", "salvor/filesystem/all", false},
		{"recovery", "salvor/filetype/all", false},
		{"rescue", "salvor/filetype/all", true},
		{"rescue", "salvor/filetype/jpeg", false},
		{"recovery", "salvor/host", false},
		{"casefile", "salvor/internal/wire", true},
		{"internal/wire", "salvor/casefile", false},
		{"rescue", "salvor/internal/cli", false},
		{"cmd/salvor", "salvor/internal/cli", true},
		{"rescue", "salvor/filesystem/filesystemtest", false},
		{"filesystem/filesystemtest", "salvor/block/blocktest", true},
		{"rescue", "salvor/internal/need", false},
		{"host/hosttest", "salvor/internal/need", true},
		{"attic", "salvor/block", false},
		{"rescue", "salvor/attic", false},
		{"host", "os", true},
		{"rescue", "os", false},
		{"filesystem/ext", "os", false},
		{"recovery", "os/exec", false},
		{"rescue", "log/slog", true},
		{"layers", "log/slog", false},
		{"internal/cli", "log", false},
		{"host", "unsafe", true},
		{"cursor", "unsafe", false},
		{"rescue", "net/http", false},
		{"block", "reflect", false},
		{"block", "C", false},
		{"internal/cli", "github.com/spf13/cobra", true},
		{"rescue", "github.com/spf13/cobra", false},
		{"recovery", "modernc.org/sqlite", true},
		{"filetype/sqlite", "modernc.org/sqlite", false},
		{"filetype/png", "github.com/klauspost/compress/zlib", true},
		{"layers", "github.com/klauspost/compress/zlib", false},
		{"casefile", "golang.org/x/sys/unix", true},
		{"block", "golang.org/x/sys/unix", false},
		{"rescue", "golang.org/x/synchrony", false},
		{"rescue", "example.org/anything", false},
		{"rescue", "fmt", true},
	} {
		broken := check([]Package{{module + "/" + c.room, []string{c.imports}}})
		if (len(broken) == 0) != c.allowed {
			t.Errorf("%s imports %s: %q, allowed is %v", c.room, c.imports, broken, c.allowed)
		}
	}
}

func TestSyntaxCanFail(t *testing.T) {
	for _, c := range []struct{ src, want string }{
		{"func init() {}", "an init function"},
		{"func f() { if true { panic(1) } }", "a panic"},
		{"import . \"fmt\"", "a dot import"},
		{"//go:linkname f runtime.f\nfunc f()", "a link to"},
		{"type t struct{}\nfunc (t) init() {}", ""},
		{"// panic(1) in a comment\nvar s = \"panic(1)\"", ""},
	} {
		broken, err := checkSyntax("x.go", []byte("package x\n"+c.src+"\n"))
		switch {
		case err != nil:
			t.Errorf("%q: %v", c.src, err)
		case c.want == "" && len(broken) > 0:
			t.Errorf("%q: %q", c.src, broken)
		case c.want != "" && !slices.ContainsFunc(broken, func(b string) bool { return strings.Contains(b, c.want) }):
			t.Errorf("%q: %q, expected %q", c.src, broken, c.want)
		}
	}
}
