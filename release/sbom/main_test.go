package main

import (
	"bytes"
	"encoding/json"
	"os"
	"runtime/debug"
	"strings"
	"testing"
)

// TestWrite describes this very test binary.
func TestWrite(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := write(&out, self); err != nil {
		t.Fatal(err)
	}
	var b bom
	if err := json.Unmarshal(out.Bytes(), &b); err != nil {
		t.Fatal(err)
	}
	if b.Format != "CycloneDX" || b.Spec != "1.5" || len(b.Components) == 0 || b.Components[0].Name != "std" || len(b.Metadata.Component.Hashes[0].Content) != 64 {
		t.Errorf("%+v", b)
	}
	if err := write(&out, "main.go"); err == nil {
		t.Error("a text was taken for a program")
	}
}

func TestDescribe(t *testing.T) {
	info := &debug.BuildInfo{GoVersion: "go1.26.0", Main: debug.Module{Path: "salvor", Version: "v1.2.3"},
		Deps: []*debug.Module{{Path: "example.org/a", Version: "v1.0.0", Sum: "h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="},
			{Path: "example.org/b", Version: "v2.0.0", Replace: &debug.Module{Path: "example.org/c", Version: "v3.0.0"}}},
		Settings: []debug.BuildSetting{{Key: "GOOS", Value: "linux"}, {Key: "-ldflags", Value: "secret"}}}
	b := describe(info, "salvor", strings.Repeat("0", 64))
	if b.Metadata.Component.Version != "v1.2.3" || len(b.Components) != 3 || b.Components[1].PURL != "pkg:golang/example.org/a@v1.0.0" ||
		b.Components[1].Hashes[0].Content != "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" ||
		b.Components[2].Name != "example.org/c" || len(b.Metadata.Properties) != 1 || len(b.Dependencies[0].DependsOn) != 3 {
		t.Errorf("%+v", b)
	}
}
