package container_test

import (
	"errors"
	"strings"
	"testing"

	"salvor/block"
	"salvor/container"
)

func TestBeside(t *testing.T) {
	open := func(name string) (block.Source, error) {
		switch {
		case strings.ContainsAny(name, `/\:`) || name == "":
			return nil, container.ErrConfined
		case name == "base.img":
			return block.Bytes([]byte("base")), nil
		}
		return nil, container.ErrNoSibling
	}
	for _, c := range []struct {
		path, name string
		moved      bool
		err        error
	}{
		{"base.img", "base.img", false, nil},
		{"file:base.img", "base.img", false, nil},
		{"./base.img", "base.img", false, nil},
		{`.\base.img`, "base.img", false, nil},
		{"/srv/vm/base.img", "base.img", true, nil},
		{`C:\vm\base.img`, "base.img", true, nil},
		{"../base.img", "base.img", true, nil},
		{"other.img", "other.img", false, container.ErrNoSibling},
		{"/etc/passwd", "passwd", false, container.ErrNoSibling},
		{"https://host/base.img", "https://host/base.img", false, container.ErrConfined},
		{`json:{"file":"/base.img"}`, `json:{"file":"/base.img"}`, false, container.ErrConfined},
		{"folder/", "", false, container.ErrConfined},
	} {
		src, name, moved, err := container.Beside(open, c.path)
		if !errors.Is(err, c.err) || (src == nil) != (c.err != nil) || name != c.name || moved != c.moved {
			t.Errorf("%q: %q, moved %v, %v", c.path, name, moved, err)
		}
	}
}
