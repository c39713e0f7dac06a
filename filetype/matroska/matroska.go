package matroska

import (
	"fmt"
	"math"
	"time"

	"salvor/block"
	"salvor/block/probe"
	"salvor/cursor"
	"salvor/filetype"
	"salvor/filetype/internal/exam"
	"salvor/filetype/internal/exif"
	"salvor/filetype/internal/media"
	"salvor/filetype/internal/window"
)

const bufferSize = 1 << 20

var kind = exam.Kind{Format: "Matroska", Buffer: bufferSize, Walk: walk}

// Formats returns the row of this package.
func Formats() []filetype.Format {
	return []filetype.Format{{
		Name:       "matroska",
		Class:      filetype.Video,
		Extensions: []string{"mkv", "webm", "mka", "mk3d", "mks"},
		Signatures: []probe.Probe{{ID: "matroska.ebml", Bytes: []byte("\x1A\x45\xDF\xA3")}},
		Ceiling:    filetype.Consistent, // the checks are optional, and the head of the file never has one
		Carve:      true,
		Single:     true,
		Examine:    kind.Examine,
		Scout:      Scout,
		Preview:    kind.Preview,
	}}
}

// track is what is known of one.
type track struct {
	kind  uint64 // 1 pictures, 2 sound
	codec string
	note  string
}

// walker goes through one file.
type walker struct {
	*exam.Exam
	segment  element
	webm     bool
	scale    uint64 // of a tick, in nanoseconds
	length   time.Duration
	tracks   map[uint64]*track
	video    bool
	audio    bool
	clusters int64
	blocks   int64
	at0      uint64 // time of the last cluster, in ticks
	played   time.Duration
	checks   int64
	sum      sum
	artist   string
}

func walk(e *exam.Exam) error {
	w := &walker{Exam: e, scale: 1e6, tracks: map[uint64]*track{}}
	if err := w.head(); err != nil {
		return err
	}
	end, err := w.elements()
	w.tell()
	if e.Listing {
		return nil
	}
	if err != nil {
		return media.Plays(e, err, w.played, w.length)
	}
	if len(w.tracks) == 0 && end >= e.Size() {
		return e.Lost(end, end+maxHead, "tracks", window.ErrEnd)
	}
	if len(w.tracks) == 0 {
		return cursor.Corrupt("segment", end, "tracks", "the end")
	}
	if w.segment.open {
		settled, err := media.Settled(e, end)
		if err != nil {
			return err
		}
		if !settled {
			return media.BrokenOff(e, end, "Matroska")
		}
	}
	return e.Whole(filetype.Consistent, end, media.Followed("Matroska", fmt.Sprintf("%d blocks in %d clusters, %s; %d checks computed",
		w.blocks, w.clusters, media.Clock(max(w.length, w.played)), w.checks)))
}

// head reads the header of the file and that of its segment.
func (w *walker) head() error {
	p, err := w.Head(64)
	if err != nil {
		return err
	}
	head, ok := parseHead(0, p)
	if !ok || head.id != idEBML || head.open || head.end > 4096 {
		return filetype.ErrNot
	}
	if p, err = w.Need(0, int(head.end), "header"); err != nil {
		return err
	}
	doc := ""
	each(p[head.body:], func(id uint32, data []byte) {
		if id == idDocType {
			doc = exif.Text(string(data))
		}
	})
	if doc != "matroska" && doc != "webm" {
		return filetype.ErrNot
	}
	w.webm = doc == "webm"
	if p, err = w.Upto(head.end, maxHead); len(p) < 5 {
		return w.Lost(head.end+int64(len(p)), head.end+maxHead, "segment", err)
	}
	if w.segment, ok = parseHead(head.end, p[:min(len(p), maxHead)]); !ok || w.segment.id != idSegment {
		return filetype.ErrNot
	}
	w.R.GoodUntil = w.segment.body
	if !w.segment.open {
		w.Want = w.segment.end
	}
	return nil
}

// elements goes through the segment and returns where it ends.
func (w *walker) elements() (int64, error) {
	off := w.segment.body
	for off < w.segment.end {
		if w.segment.open {
			if ended, err := w.stops(off, false); ended || err != nil {
				return off, err
			}
		}
		e, err := w.at(off, w.segment.end)
		if err != nil {
			return off, err
		}
		if inSegment[e.id] == "" {
			return off, cursor.Corrupt("segment", off, "an element of a segment", fmt.Sprintf("%X", e.id))
		}
		if e.id == idCluster {
			if w.Listing {
				return off, nil // what a preview shows stands before
			}
			off, err = w.cluster(e)
		} else {
			if e.open {
				return off, cursor.Corrupt("segment", off, "the size of "+inSegment[e.id], "none")
			}
			off, err = e.end, w.plain(e)
		}
		if err != nil {
			return off, err
		}
		w.R.GoodUntil = off
	}
	return off, nil
}

// plain reads an element of the segment that is no cluster.
func (w *walker) plain(e element) error {
	name := inSegment[e.id]
	body, err := w.check(e)
	if err != nil {
		return err
	}
	if w.sum.on || !w.Listing {
		if err := w.read(block.Between(body, e.end), name); err != nil {
			return err
		}
		if err := w.checked(e, name); err != nil {
			return err
		}
	}
	if e.end-body > bufferSize || e.id == idVoid || e.id == idAttachments || e.end == body {
		return nil
	}
	p, err := w.Need(body, int(e.end-body), name)
	if err != nil {
		return err
	}
	switch e.id {
	case idInfo:
		w.info(p)
	case idTracks:
		each(p, func(id uint32, data []byte) {
			if id == idTrack {
				w.track(data)
			}
		})
	case idTags:
		w.tags(p)
	case idCues:
		return w.cues(e, append([]byte(nil), p...))
	}
	return nil
}

func (w *walker) info(p []byte) {
	ticks := 0.0
	each(p, func(id uint32, data []byte) {
		switch id {
		case idScale:
			w.scale = max(number(data), 1)
		case idDuration:
			ticks = float(data)
		case idTitle:
			w.R.Hints.Title = exif.Text(string(data))
		case idDate: // nanoseconds since 2001
			if ns := int64(number(data)); len(data) == 8 && ns > 0 {
				w.R.Hints.Taken = time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(ns))
			}
		}
	})
	w.length = w.ticks(ticks)
}

// ticks returns the time of a number of ticks.
func (w *walker) ticks(n float64) time.Duration {
	if ns := n * float64(w.scale); ns < math.MaxInt64/2 {
		return time.Duration(ns)
	}
	return 0
}

func (w *walker) track(p []byte) {
	t, id0 := &track{}, uint64(0)
	width, height, rate, channels := uint64(0), uint64(0), 0.0, uint64(1)
	each(p, func(id uint32, data []byte) {
		switch id {
		case idNumber:
			id0 = number(data)
		case idType:
			t.kind = number(data)
		case idCodec:
			t.codec = exif.Text(string(data))
		case idVideo, idAudio:
			each(data, func(id uint32, data []byte) {
				switch id {
				case idWidth:
					width = number(data)
				case idHeight:
					height = number(data)
				case idRate:
					rate = float(data)
				case idChannels:
					channels = number(data)
				}
			})
		}
	})
	if id0 == 0 || len(w.tracks) >= 1000 {
		return
	}
	t.note = t.codec
	switch t.kind {
	case 1:
		w.video = true
		t.note += " " + media.Pixels(width, height)
		w.Fact("Picture", media.Pixels(width, height))
	case 2:
		w.audio = true
		t.note += fmt.Sprintf(" %.0f Hz, %s", rate, media.Channels(int(min(channels, 1000))))
	}
	w.tracks[id0] = t
	w.Member(fmt.Sprintf("%s %d", map[uint64]string{1: "pictures", 2: "sound", 17: "text"}[t.kind], id0), -1, t.note)
}

func (w *walker) tags(p []byte) {
	each(p, func(id uint32, data []byte) {
		if id != idTag {
			return
		}
		each(data, func(id uint32, data []byte) {
			if id != idSimpleTag {
				return
			}
			name, value := "", ""
			each(data, func(id uint32, data []byte) {
				switch id {
				case idTagName:
					name = string(data)
				case idTagString:
					value = exif.Text(string(data))
				}
			})
			switch {
			case name == "TITLE" && w.R.Hints.Title == "":
				w.R.Hints.Title = value
			case name == "ARTIST" && w.artist == "":
				w.artist = value
			}
		})
	})
}

// cues looks at what the index points at: each place must be that of a cluster.
func (w *walker) cues(e element, p []byte) (bad error) {
	film := window.New(w.Context(), w.Source(), 8<<10)
	each(p, func(id uint32, point []byte) {
		if id != idCuePoint {
			return
		}
		each(point, func(id uint32, positions []byte) {
			if id != idCueTrack {
				return
			}
			each(positions, func(id uint32, data []byte) {
				if id != idCuePosition || bad != nil {
					return
				}
				at := w.segment.body + int64(min(number(data), 1<<60))
				head, err := film.Bytes(at, 4)
				if err != nil && w.Context().Err() != nil {
					bad = w.Context().Err()
				} else if err != nil && at < w.Size() {
					return // it cannot be read, which is told elsewhere
				} else if err != nil || number(head) != idCluster {
					bad = cursor.Corrupt("Cues", e.off, fmt.Sprintf("a cluster at %#x", at), "none")
				}
			})
		})
	})
	return bad
}

// tell completes what the report and the preview say of the file.
func (w *walker) tell() {
	w.R.Hints.Author = w.artist
	w.R.Extension = "mkv"
	switch {
	case w.webm:
		w.R.Extension = "webm"
	case w.audio && !w.video:
		w.R.Extension = "mka"
	}
	if w.audio && !w.video {
		w.R.Class = filetype.Audio
	}
	if w.length > 0 {
		w.Fact("Length", media.Clock(w.length))
	}
	w.Fact("Title", w.R.Hints.Title)
	w.Fact("Artist", w.artist)
}
