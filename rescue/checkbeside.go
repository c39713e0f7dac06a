package rescue

import (
	"context"
	"io"
	"path/filepath"

	"salvor/firmware"
	"salvor/firmware/beside"
	"salvor/host"
)

// checkBeside adds to a package what the files beside it say of it: lists of sums and signatures. Only files of known
// names are opened.
func checkBeside(ctx context.Context, p *firmware.Part, path string, keys []firmware.Key) error {
	dir, name := filepath.Split(path)
	var files []beside.File
	for _, sibling := range beside.Names(name) {
		path := filepath.Join(dir, sibling)
		if size := host.FileSize(path); size <= 0 || size > beside.MaxSize || host.IsFolder(path) {
			continue // what has no size is no file of text, and may never end
		}
		f := beside.File{Name: sibling}
		_, f.Err = host.ReadFile(path, func(r io.Reader, _ io.ReaderAt, _ int64) (err error) {
			f.Data, err = io.ReadAll(io.LimitReader(r, beside.MaxSize))
			return err
		})
		files = append(files, f)
	}
	return beside.Check(ctx, p, name, files, keys)
}
