package rescue

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"salvor/block"
	"salvor/host"
	"salvor/imaging"
	"salvor/internal/wire"
)

// FillOptions say what [Fill] writes.
type FillOptions struct {
	// Types are the states of the blocks that are filled, as the map writes them, and l for the place of each sector in
	// front of the data.
	Types        string
	IgnoreErrors bool
}

// fillUnit is how much is written at once, in bytes.
const fillUnit = 64 << 10

// Fill writes the bytes of the file o.Source, again and again, into the blocks of the image o.Image that its map gives one
// of the types: so that holes of a copy can be found in what was made of it. Only the status line of the map changes. The
// image is a file: a device is not filled.
func Fill(ctx context.Context, o ImageCopy, f FillOptions) (wire.Result, error) {
	if o.Map == "" {
		o.Map = o.Image + ".map"
	}
	if host.IsDevice(o.Image) || host.SameFile(o.Source, o.Image) {
		return wire.Result{}, &host.RefusedError{Exit: host.ExitRefused, Code: "rescue.fill.target",
			Why: fmt.Sprintf("%s is no copy that could be filled: it is a device, or the file that it is to be filled with", o.Image), Next: "name the file of a copy"}
	}
	m, err := mapOf(o.Map)
	if err != nil {
		return wire.Result{}, err
	}
	if host.FileSize(o.Image) < 0 {
		return wire.Result{}, &host.RefusedError{Exit: host.ExitUsage, Code: "rescue.fill.image", Why: fmt.Sprintf("there is no %s", o.Image), Next: "name the file of a copy"}
	}
	shift := int64(0)
	if o.OutputPosition >= 0 {
		shift = o.OutputPosition - o.Position
	}
	data, err := fillData(o.Source)
	if err != nil {
		return wire.Result{}, err
	}
	image, err := host.OpenImageFile(o.Image, host.ImageFileOptions{Synchronous: o.Synchronous})
	if err != nil {
		return wire.Result{}, err
	}
	sector := int64(max(o.SectorSize, 512))
	places := strings.Contains(f.Types, "l")
	bytes, failed := int64(0), 0
	domain := o.bounds(m.Size(), nil)
	for e, st := range m.Clone().All() {
		if !strings.ContainsRune(f.Types, rune(st)) {
			continue
		}
		parts := []block.Extent{e}
		if domain != nil {
			parts = domain.Within(e).Extents()
		}
		for _, part := range parts {
			for at := part.Offset; at < part.End(); {
				if err = ctx.Err(); err != nil {
					break
				}
				p := data[:min(fillUnit, part.End()-at)]
				if places {
					p = data[:min(sector-at%sector, part.End()-at)]
					p = withPlace(p, at, sector, st)
				}
				m.Current, m.Pass, m.Pos = imaging.Filling, 1, at
				_, werr := image.WriteAt(p, at+shift)
				switch {
				case werr != nil && f.IgnoreErrors:
					failed++
				case werr != nil:
					err = werr
				default:
					bytes += int64(len(p))
				}
				at += int64(len(p))
			}
		}
	}
	if err == nil {
		m.Current, m.Pass, m.Pos = imaging.Finished, 1, 0
	}
	err = errors.Join(err, image.Sync(), image.Close(), saveMap(o.Map, m))
	if err != nil {
		return wire.Result{}, err
	}
	exit, state := ExitDone, fmt.Sprintf("%s of %s were filled", host.Bytes(bytes), o.Image)
	if failed > 0 {
		exit, state = ExitReserved, state+fmt.Sprintf("; %d writes failed", failed)
	}
	return wire.NewResult(exit, state, "what was copied is untouched where the map calls it otherwise; the map says what it said", "look for the bytes of "+o.Source+" in the files of the copy"), nil
}

// fillData returns the bytes of a file, repeated until there are enough.
func fillData(path string) ([]byte, error) {
	var data []byte
	had, err := host.ReadFile(path, func(r io.Reader, _ io.ReaderAt, _ int64) (err error) {
		data, err = io.ReadAll(io.LimitReader(r, fillUnit))
		return err
	})
	switch {
	case err != nil:
		return nil, err
	case !had || len(data) == 0:
		return nil, &host.RefusedError{Exit: host.ExitUsage, Code: "rescue.fill.data", Why: fmt.Sprintf("there are no bytes in %s to fill with", path), Next: "name a file with some text"}
	}
	return slices.Repeat(data, fillUnit/len(data)+1)[:fillUnit], nil
}

// withPlace returns a copy of p, which begins at that place of the medium, that begins with a line that says so.
func withPlace(p []byte, at, sector int64, st imaging.Status) []byte {
	out := slices.Clone(p)
	copy(out, fmt.Sprintf("\n# position    sector  status\n0x%08X  0x%08X  %c\n", at, at/sector, st))
	return out
}

// mapOf reads the map file at path, which must be there.
func mapOf(path string) (*imaging.Map, error) {
	var m *imaging.Map
	had, err := host.ReadFile(path, func(r io.Reader, _ io.ReaderAt, _ int64) (err error) {
		m, err = imaging.ReadMap(r)
		return err
	})
	if err == nil && !had {
		err = &host.RefusedError{Exit: host.ExitUsage, Code: "rescue.map.missing", Why: fmt.Sprintf("there is no map %s", path), Next: "name the map of the copy"}
	}
	return m, err
}

func saveMap(path string, m *imaging.Map) error {
	return host.ReplaceFile(path, true, func(w io.Writer) error {
		_, err := m.WriteTo(w)
		return err
	})
}

// GenerateMap writes an approximate map of an image that has none: sectors that hold only zeros count as not tried. It is
// only right for a file that was made by copying the source.
func GenerateMap(ctx context.Context, o ImageCopy) (wire.Result, error) {
	if o.Map == "" {
		o.Map = o.Image + ".map"
	}
	if host.FileSize(o.Map) > 0 && !o.Force {
		return wire.Result{}, &host.RefusedError{Exit: host.ExitRefused, Code: "rescue.map.exists",
			Why: fmt.Sprintf("there is a map %s already, and a guessed one is worse than any other", o.Map), Next: "name another file for the map; with --force it is replaced"}
	}
	source, err := host.Open(ctx, o.Source, o.TakeOptions.open())
	if err != nil {
		return wire.Result{}, err
	}
	defer source.Close()
	image, err := host.Open(ctx, o.Image, host.OpenOptions{})
	if err != nil {
		return wire.Result{}, err
	}
	defer image.Close()
	shift := int64(0)
	if o.OutputPosition >= 0 {
		shift = o.OutputPosition - o.Position
	}
	m := imaging.NewMap(source.Size)
	m.Comments = []string{"Mapfile. Created by " + o.Program, "Command line: " + o.Command, "Guessed from the image: what holds only zeros there is not tried"}
	sector := int64(max(o.SectorSize, 512))
	buf := make([]byte, imaging.ChunkSize/sector*sector)
	for at := int64(0); at < source.Size && at+shift < image.Size; at += int64(len(buf)) {
		if err := ctx.Err(); err != nil {
			return wire.Result{}, err
		}
		n, err := image.Source.ReadAt(buf[:min(int64(len(buf)), source.Size-at)], at+shift)
		if n == 0 && err != nil && !errors.Is(err, io.EOF) {
			return wire.Result{}, err
		}
		for i := int64(0); i < int64(n); i += sector {
			if p := buf[i:min(i+sector, int64(n))]; strings.Trim(string(p), "\x00") != "" {
				m.Set(block.Extent{Offset: at + i, Length: int64(len(p))}, imaging.Finished)
			}
		}
	}
	if err := saveMap(o.Map, m); err != nil {
		return wire.Result{}, err
	}
	return wire.NewResult(ExitDone, fmt.Sprintf("of %s, %s are taken for copied", host.Bytes(m.Size()), host.Bytes(m.Of(imaging.Finished).Bytes())),
		o.Map+" holds the map; source and image were only read", fmt.Sprintf("run `salvor copy %s %s %s` to copy the rest", o.Source, o.Image, o.Map)), nil
}
