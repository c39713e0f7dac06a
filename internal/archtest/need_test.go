package archtest

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// asks is how a program reads the variable, Getenv or LookupEnv.
const asks = "nv(" + `"SALVOR_CI"` + ")"

// TestOneQuestion holds that internal/need alone asks whether everything must run: a test that asks by itself skips sooner or
// later where it should fail.
func TestOneQuestion(t *testing.T) {
	asked := 0
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
		if err != nil || !bytes.Contains(src, []byte(asks)) {
			return err
		}
		if path = filepath.ToSlash(path); strings.Contains(path, "/internal/need/") {
			asked++
		} else {
			t.Errorf("%s asks for the CI itself; internal/need does", path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if asked == 0 {
		t.Error("nobody asks for the CI")
	}
}
