package container

import (
	"errors"
	"strings"

	"salvor/block"
)

// Beside opens a file that an image names by any path: machines keep whole paths, and what was moved together still
// lies together, so that where the path leads elsewhere the file of that name beside the image is taken; moved says so.
// name is the name that was opened. URLs and descriptions of other things are [ErrConfined].
func Beside(open Opener, path string) (src block.Source, name string, moved bool, err error) {
	name = strings.TrimPrefix(path, "file:")
	if src, err = open(name); !errors.Is(err, ErrConfined) || strings.Contains(name, "://") || strings.HasPrefix(name, "json:") {
		return src, name, false, err
	}
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	src, err = open(name)
	return src, name, err == nil && !near(path), err
}

// near reports whether a path leads to the folder of the image, by its own words.
func near(path string) bool {
	path = strings.TrimPrefix(strings.TrimPrefix(path, "./"), `.\`)
	return !strings.ContainsAny(path, `/\`)
}
