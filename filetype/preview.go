package filetype

import (
	"context"
	"image"

	"salvor/block"
)

// Preview is what a person may see of a file before it is saved. All texts are hostile: whoever shows them
// escapes what a terminal or a page would interpret.
type Preview struct {
	// Facts are short, most important first: "Picture" "4032 × 3024 pixels", "Length" "2:31".
	Facts []Fact
	// Members are what the file holds: files of an archive, tables of a database, streams of a film. At most
	// MaxMembers; More counts those that were left out.
	Members []Member
	More    int
	// Text is the beginning of what a reader would read, at most MaxPreviewText bytes of UTF-8.
	Text string
}

// Limits of a preview.
const (
	MaxMembers     = 1000
	MaxPreviewText = 8 << 10
	// MaxPixels is how many pixels a picture may have whose thumbnail is decoded.
	MaxPixels = 100 << 20
)

// Fact is one thing that a file says of itself.
type Fact struct{ Name, Value string }

// Member is one thing that a file holds.
type Member struct {
	Name string
	Size int64  // bytes; -1 when that is not told
	Note string // "encrypted", "1,204 rows", "H.264 1920 × 1080"; may be empty
}

// Previewer gives a preview of the file that begins at offset 0 of src. It reads no more than it shows needs, with
// bounded memory, asks ctx at least once for each MiB of work, and gives what it has when the file breaks: a
// damaged file has a preview too. Errors: [ErrNot], a context error, and that of a source that cannot be read
// where nothing is known yet.
type Previewer func(ctx context.Context, src block.Source) (Preview, error)

// Rows is a part of one of the tables that a file holds.
type Rows struct {
	// Columns are their names, as far as they are known; a row may have more values or fewer.
	Columns []string
	Values  [][]string // each at most MaxCell characters
	More    bool       // there are further rows
	// Broken counts the parts of the table that could not be read: its rows are missing between those that are here.
	Broken int64
}

// Limits of rows.
const (
	MaxRows    = 100
	MaxColumns = 200
	MaxCell    = 300
)

// Rower gives rows of the table that is the given member of a [Preview], from 0, behind the first skip ones: at most
// MaxRows. Nothing in the file is executed. Errors as for [Previewer].
type Rower func(ctx context.Context, src block.Source, member, skip int) (Rows, error)

// Thumbnailer decodes a picture, or the small picture inside of it, for a preview whose longer side has about size
// pixels; what it gives may be larger. It never decodes more than [MaxPixels]. Errors as for [Previewer].
type Thumbnailer func(ctx context.Context, src block.Source, size int) (image.Image, error)
