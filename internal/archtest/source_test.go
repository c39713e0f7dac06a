package archtest

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// eachSource gives every Go file of the module, its path with slashes and from the root.
func eachSource(t *testing.T, do func(path string, src []byte)) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir():
			if name := d.Name(); path != root && (name == "testdata" || strings.HasPrefix(name, ".")) {
				return fs.SkipDir
			}
			return nil
		case !strings.HasSuffix(path, ".go"):
			return nil
		}
		src, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		do(filepath.ToSlash(rel), src)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestOneQuestion holds that internal/need alone asks whether everything must run: a test that asks by itself skips sooner or
// later where it should fail.
func TestOneQuestion(t *testing.T) {
	asks := []byte("nv(" + `"SALVOR_CI"` + ")") // Getenv or LookupEnv
	asked := 0
	eachSource(t, func(path string, src []byte) {
		switch {
		case !bytes.Contains(src, asks):
		case strings.HasPrefix(path, "internal/need/"):
			asked++
		default:
			t.Errorf("%s asks for the CI itself; internal/need does", path)
		}
	})
	if asked == 0 {
		t.Error("nobody asks for the CI")
	}
}

// reasons are the conditions on which a test may skip. What it needs of the machine is not among them: internal/need asks
// for that, and fails where everything must run. -short is not given by .ci/run where all tests run, which is on Linux.
var reasons = regexp.MustCompile(`(^|&& )(testing\.Short\(\)|runtime\.GOOS != "linux"|runtime\.GOOS == "windows"|os\.PathSeparator != '/')$`)

// TestSkips holds that no test is skipped in the CI: not for the want of a package, and for nothing else.
func TestSkips(t *testing.T) {
	found := 0
	eachSource(t, func(path string, src []byte) {
		if strings.HasPrefix(path, "internal/need/") && !strings.HasSuffix(path, "_test.go") {
			return
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, path, src, 0)
		if err != nil {
			t.Fatal(err)
		}
		text := func(n ast.Node) string { return string(src[set.Position(n.Pos()).Offset:set.Position(n.End()).Offset]) }
		var above []ast.Node
		ast.Inspect(file, func(n ast.Node) bool {
			if n == nil {
				above = above[:len(above)-1]
				return true
			}
			above = append(above, n)
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			f, ok := call.Fun.(*ast.SelectorExpr)
			if !ok || !slices.Contains([]string{"Skip", "Skipf", "SkipNow"}, f.Sel.Name) || !slices.Contains([]string{"t", "tb"}, text(f.X)) {
				return true
			}
			found++
			condition := ""
			for _, a := range above {
				if i, ok := a.(*ast.IfStmt); ok {
					condition = text(i.Cond)
				}
			}
			if !reasons.MatchString(condition) {
				t.Errorf("%s: a test is skipped when %q", set.Position(call.Pos()), condition)
			}
			return true
		})
	})
	if found < 8 {
		t.Errorf("only %d skips were seen", found)
	}
	run, err := os.ReadFile(root + "/.ci/run")
	if err != nil {
		t.Fatal(err)
	}
	all := regexp.MustCompile(`(?m)^go test .*\./\.\.\.$`).Find(run)
	if all == nil || bytes.Contains(all, []byte("-short")) || bytes.Contains(all, []byte("-skip")) || bytes.Contains(all, []byte("-run")) {
		t.Errorf(".ci/run runs all tests by %q", all)
	}
}

// TestWorkers holds that what works side by side is bounded in one place: memory must not grow with the processors.
func TestWorkers(t *testing.T) {
	asks := []string{"guard/workers.go",
		"volume/internal/crypt/source.go", // cuts a buffer that is there into parts
	}
	var seen []string
	eachSource(t, func(path string, src []byte) {
		if !strings.HasSuffix(path, "_test.go") && !strings.HasPrefix(path, "bench/") && (bytes.Contains(src, []byte("runtime.GOMAXPROCS")) || bytes.Contains(src, []byte("runtime.NumCPU"))) {
			seen = append(seen, path)
		}
	})
	if slices.Sort(seen); !slices.Equal(seen, asks) {
		t.Errorf("%v ask for the processors, expected %v: guard.Workers does", seen, asks)
	}
}
