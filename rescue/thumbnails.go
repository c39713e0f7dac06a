package rescue

import (
	"context"
	"time"

	"salvor/casefile"
	"salvor/filetype"
	"salvor/preview"
	"salvor/recovery"
)

// Bounds of the small pictures in the report.
const (
	maxThumbnails  = 120
	thumbnailSize  = 176 // pixels of the longer side
	thumbnailBytes = 4 << 20
	thumbnailTime  = 45 * time.Second
	// thumbnailLeast is the size of a file in bytes below which a picture is an icon of a program.
	thumbnailLeast = 4 << 10
	// thumbnailFailures is how many files in a row may give none.
	thumbnailFailures = 500
)

// thumbnails makes small pictures of what was saved, photos of the device's own folders first. Each file has the bounds of
// a preview, all together have these here; what gives no picture is left out.
func (j *job) thumbnails(ctx context.Context) []casefile.Thumbnail {
	ctx, cancel := context.WithTimeout(ctx, thumbnailTime)
	defer cancel()
	var list []casefile.Thumbnail
	bytes, failed := 0, 0
	q := recovery.Query{Classes: []filetype.Class{filetype.Photo, filetype.Video}, Save: []recovery.SaveState{recovery.Saved},
		Sources: j.numbers(), MinSize: thumbnailLeast, Order: recovery.ByClass}
	for e, err := range j.cat.Select(ctx, q) {
		if err != nil || len(list) >= maxThumbnails || bytes >= thumbnailBytes || failed > thumbnailFailures {
			break
		}
		format, ok := j.tables.Files.ByName(e.Format)
		if !ok || format.Thumbnail == nil {
			continue
		}
		medium, err := j.mediumOf(e.Source)
		if err != nil {
			continue
		}
		src, err := recovery.Content(medium, e, j.tables.Decode)
		if err != nil {
			continue
		}
		picture, err := preview.Thumbnail(ctx, format, src, thumbnailSize)
		if err != nil || len(picture) == 0 {
			failed++
			continue
		}
		failed = 0
		bytes += len(picture)
		name := e.Path
		if name == "" {
			name = e.Name
		}
		list = append(list, casefile.Thumbnail{Name: name, SavedAs: e.SavedAs, Verdict: e.Verdict, JPEG: picture})
	}
	return list
}
