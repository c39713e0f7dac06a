package amr

import (
	"fmt"
	"strings"
	"time"

	"salvor/block"
	"salvor/block/probe"
	"salvor/filetype"
	"salvor/filetype/internal/exam"
	"salvor/filetype/internal/media"
	"salvor/filetype/internal/window"
)

var kind = exam.Kind{Format: "AMR", Buffer: 64 << 10, Walk: walk}

const (
	narrow = "#!AMR\n"
	wide   = "#!AMR-WB\n"
	// frameTime is how long a frame plays.
	frameTime = 20 * time.Millisecond
)

// sizes of frames with their first byte, by kind; 0 for none.
var (
	narrowSizes = [16]int{13, 14, 16, 18, 20, 21, 27, 32, 6, 0, 0, 0, 0, 0, 0, 1}
	wideSizes   = [16]int{18, 24, 33, 37, 41, 47, 51, 59, 61, 6, 0, 0, 0, 0, 1, 1}
)

// Formats returns the row of this package.
func Formats() []filetype.Format {
	return []filetype.Format{{
		Name:       "amr",
		Loose:      true,
		Class:      filetype.Audio,
		Extensions: []string{"amr", "awb"},
		Signatures: []probe.Probe{{ID: "amr.narrow", Bytes: []byte(narrow)}, {ID: "amr.wide", Bytes: []byte(wide)}},
		Ceiling:    filetype.Consistent, // no checksum anywhere in the format
		Carve:      true,
		Plain:      true,
		Examine:    kind.Examine,
		Preview:    kind.Preview,
	}}
}

func walk(e *exam.Exam) error {
	p, err := e.Head(len(wide))
	if err != nil {
		return err
	}
	sizes, off := &narrowSizes, int64(len(narrow))
	switch head := string(p[:min(len(p), len(wide))]); {
	case head == wide:
		sizes, off = &wideSizes, int64(len(wide))
		e.R.Extension = "awb"
	case !strings.HasPrefix(head, narrow):
		return filetype.ErrNot
	}
	e.R.GoodUntil = off
	frames := int64(0)
	for {
		p, err := e.Upto(off, 1)
		if len(p) == 0 {
			if _, unread := block.IsUnreadable(err); unread || e.Context().Err() != nil {
				return media.Plays(e, e.Lost(off, off+1, "frame", err), time.Duration(frames)*frameTime, 0)
			}
			break
		}
		n := sizes[p[0]>>3&15]
		if n == 0 || p[0]&0x87 != 0x04 {
			break
		}
		if len(p) < n {
			if p, err = e.Upto(off, n); len(p) < n {
				return media.Plays(e, e.Lost(off+int64(len(p)), off+int64(n), "frame", err), time.Duration(frames)*frameTime, 0)
			}
		}
		frames++
		off += int64(n)
		e.R.GoodUntil = off
	}
	length := time.Duration(frames) * frameTime
	e.Fact("Sound", map[bool]string{true: "AMR wide-band", false: "AMR"}[sizes == &wideSizes])
	e.Fact("Length", media.Clock(length))
	if frames == 0 {
		if off >= e.Size() {
			return e.Lost(off, off+1, "sound", window.ErrEnd)
		}
		return filetype.ErrNot
	}
	settled, err := media.Settled(e, off)
	if err != nil {
		return err
	}
	if !settled {
		return media.BrokenOff(e, off, "AMR")
	}
	return e.Whole(filetype.Consistent, off, media.Followed("AMR", fmt.Sprintf("%d frames, %s", frames, media.Clock(length))))
}
