package mpeg

import (
	"context"
	"errors"

	"salvor/block"
	"salvor/block/probe"
	"salvor/filetype"
	"salvor/filetype/internal/exam"
	"salvor/finding"
)

const bufferSize = 256 << 10

// Findings are the kinds of finding that this package raises.
var Findings = []*finding.Def{gaps}

var gaps = &finding.Def{Code: "mpeg.gaps", Severity: finding.Warning,
	Text: "packets are missing at {found} places of the film by their counters, the first at {offset}, as after bad reception"}

// Formats returns the rows of this package: ts and ps for films that have a beginning, mpeg for any.
func Formats() []filetype.Format {
	table := func(id string, at int64, pid byte) probe.Probe {
		return probe.Probe{ID: "ts." + id, Bytes: []byte{syncByte, 0x40, pid, 0x10}, Mask: []byte{0xFF, 0xFF, 0xFF, 0xF0}, At: at, Align: 512}
	}
	ts := exam.Kind{Format: "MPEG-TS", Buffer: bufferSize, Walk: func(e *exam.Exam) error { return transport(e, true) }}
	ps := exam.Kind{Format: "MPEG-PS", Buffer: bufferSize, Walk: func(e *exam.Exam) error { return program(e, true) }}
	either := func(run func(k exam.Kind) error) error {
		err := run(exam.Kind{Format: "MPEG-TS", Buffer: bufferSize, Walk: func(e *exam.Exam) error { return transport(e, false) }})
		if errors.Is(err, filetype.ErrNot) {
			err = run(exam.Kind{Format: "MPEG-PS", Buffer: bufferSize, Walk: func(e *exam.Exam) error { return program(e, false) }})
		}
		return err
	}
	return []filetype.Format{{
		Name:       "ts",
		Loose:      true,
		Class:      filetype.Video,
		Extensions: []string{"ts", "m2ts", "mts", "m2t", "trp"},
		Signatures: []probe.Probe{table("programs", 0, 0x00), table("services", 0, 0x11), table("m2ts", 4, 0x00), table("m2ts-services", 4, 0x11)},
		Ceiling:    filetype.Consistent, // only tables have a check
		Carve:      true,
		Plain:      true,
		Examine:    ts.Examine,
		Preview:    ts.Preview,
	}, {
		Name:       "ps",
		Loose:      true,
		Class:      filetype.Video,
		Extensions: []string{"mpg", "mpeg", "vob", "m2p"},
		Signatures: []probe.Probe{{ID: "ps.pack2", Bytes: []byte("\x00\x00\x01\xBA\x40"), Mask: []byte("\xFF\xFF\xFF\xFF\xC0"), Align: 512},
			{ID: "ps.pack1", Bytes: []byte("\x00\x00\x01\xBA\x21"), Mask: []byte("\xFF\xFF\xFF\xFF\xF1"), Align: 512}},
		Ceiling: filetype.Consistent, // no checksum in the format
		Carve:   true,
		Plain:   true,
		Examine: ps.Examine,
		Preview: ps.Preview,
	}, {
		Name:       "mpeg",
		Loose:      true,
		Class:      filetype.Video,
		Extensions: []string{"ts", "m2ts", "mts", "mpg", "mpeg", "vob"},
		Ceiling:    filetype.Consistent,
		Examine: func(ctx context.Context, src block.Source) (r filetype.Report, err error) {
			err = either(func(k exam.Kind) error { r, err = k.Examine(ctx, src); return err })
			return r, err
		},
		Preview: func(ctx context.Context, src block.Source) (p filetype.Preview, err error) {
			err = either(func(k exam.Kind) error { p, err = k.Preview(ctx, src); return err })
			return p, err
		},
	}}
}
