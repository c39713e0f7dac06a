package casefile

import (
	"os"
	"path/filepath"
	"testing"
)

func TestWriterOf(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "case")
	if _, _, err := WriterOf(dir); err == nil {
		t.Error("a case that is not there has no answer")
	}
	c, err := Open(dir, Writer, Options{Program: "salvor test"})
	if err != nil {
		t.Fatal(err)
	}
	who, elsewhere, err := WriterOf(dir)
	if err != nil || who == nil || elsewhere || who.PID != os.Getpid() || who.Program != "salvor test" || who.Host != hostName() {
		t.Errorf("%+v, %v, %v", who, elsewhere, err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	for name, lock := range map[string]struct {
		text             string
		works, elsewhere bool
	}{
		"none":                {},
		"cut":                 {text: `{"pid":12,"ho`},
		"of another process":  {text: `{"pid":999999999,"host":"` + hostName() + `"}`},
		"of another computer": {text: `{"pid":7,"host":"another"}`, works: true, elsewhere: true},
	} {
		if lock.text != "" {
			if err := os.WriteFile(filepath.Join(dir, lockName), []byte(lock.text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		who, elsewhere, err := WriterOf(dir)
		if err != nil || (who != nil) != lock.works || elsewhere != lock.elsewhere {
			t.Errorf("%s: %+v, %v, %v", name, who, elsewhere, err)
		}
		os.Remove(filepath.Join(dir, lockName))
	}
}
