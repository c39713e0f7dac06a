package esp

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"strings"

	"salvor/block"
	"salvor/cursor"
	"salvor/firmware"
)

const (
	imageMagic  = 0xE9
	maxSegments = 16
	shortHead   = 8
	longHead    = 24
	seed        = 0xEF
	maxSegment  = 16 << 20
	aboutMagic  = 0xABCD5432
	aboutSize   = 176
)

var le = binary.LittleEndian

// Formats are the rows of this package in the table of firmware formats.
func Formats() []firmware.Format {
	return []firmware.Format{
		{Name: "esp-image", Title: "ESP application image", Look: lookImage, Open: openImage},
		{Name: "esp-table", Title: "ESP partition table", Look: lookTable, Open: openTable},
		{Name: "esp-choice", Title: "ESP choice of the application", Look: lookChoice, Open: openChoice},
	}
}

// chips are the numbers of esp_chip_id_t.
var chips = map[uint16]string{0: "ESP32", 2: "ESP32-S2", 5: "ESP32-C3", 9: "ESP32-S3", 12: "ESP32-C2", 13: "ESP32-C6", 16: "ESP32-H2", 18: "ESP32-P4", 20: "ESP32-C61", 23: "ESP32-C5"}

// image is where the parts of an image stand.
type image struct {
	chip     string
	segments []segment
	sumAt    int64
	hashed   bool
	end      int64 // behind the checksum, or behind the SHA-256
}

type segment struct {
	load uint32
	block.Extent
}

// layout walks over the segments of an image whose head has headSize bytes. cut says that it goes on behind the end of src.
func layout(src block.Source, headSize int64) (m image, cut bool, err error) {
	p, err := cursor.Read(src, "ESP image: head", 0, headSize, longHead)
	if err != nil {
		return m, false, cursor.ErrNot
	}
	count := int(p[1])
	if p[0] != imageMagic || count == 0 || count > maxSegments || p[2] > 5 {
		return m, false, cursor.ErrNot
	}
	m.chip = "ESP8266"
	if headSize == longHead {
		name, known := chips[le.Uint16(p[12:])]
		if !known || p[23] > 1 {
			return m, false, cursor.ErrNot
		}
		m.chip, m.hashed = name, p[23] == 1
	}
	at := headSize
	for range count {
		q, err := cursor.Read(src, "ESP image: segment", at, 8, 8)
		if err != nil {
			m.end = at + 8
			return m, len(m.segments) > 0, endsEarly(src, at+8, err)
		}
		s := segment{le.Uint32(q), block.Extent{Offset: at + 8, Length: int64(le.Uint32(q[4:]))}}
		if s.Length == 0 || s.Length > maxSegment || s.Length%4 != 0 && headSize == longHead {
			return m, false, cursor.ErrNot
		}
		m.segments = append(m.segments, s)
		if at = s.End(); at > src.Size() {
			m.end = at
			return m, true, nil
		}
	}
	m.sumAt = at | 15
	m.end = m.sumAt + 1
	if m.hashed {
		m.end += sha256.Size
	}
	return m, m.end > src.Size(), nil
}

// endsEarly passes errors other than the end of the source.
func endsEarly(src block.Source, need int64, err error) error {
	if need > src.Size() {
		return nil
	}
	return err
}

// checksum computes the sum over the data of the segments.
func (m *image) checksum(src block.Source) (byte, error) {
	sum, buf := byte(seed), make([]byte, 64<<10)
	for _, s := range m.segments {
		for at := s.Offset; at < s.End(); {
			p := buf[:min(int64(len(buf)), s.End()-at)]
			if n, err := src.ReadAt(p, at); n < len(p) {
				return 0, err
			}
			for _, b := range p {
				sum ^= b
			}
			at += int64(len(p))
		}
	}
	return sum, nil
}

// find returns the layout that fits: that of the ESP32 family, or that of the ESP8266.
func find(src block.Source) (m image, cut bool, err error) {
	var short image
	shortCut := false
	for _, size := range []int64{longHead, shortHead} {
		m, cut, err = layout(src, size)
		if err != nil {
			continue
		}
		if !cut {
			if p, readErr := cursor.Read(src, "ESP image: checksum", m.sumAt, 1, 1); readErr == nil {
				if sum, sumErr := m.checksum(src); sumErr == nil && sum == p[0] {
					return m, false, nil
				}
			}
		}
		if short.end == 0 {
			short, shortCut = m, cut
		}
	}
	if short.end == 0 {
		return m, false, cursor.ErrNot
	}
	return short, shortCut, nil
}

func lookImage(_ context.Context, src block.Source) (firmware.Sighting, error) {
	m, cut, err := find(src)
	if err != nil {
		return firmware.Sighting{}, err
	}
	about := m.about(src)
	// A first byte and small numbers are a weak sign: what is known of the program, or a fitting sum, must come to it.
	if about == nil {
		p, err := cursor.Read(src, "ESP image: checksum", m.sumAt, 1, 1)
		if sum, sumErr := m.checksum(src); cut || err != nil || sumErr != nil || sum != p[0] || len(m.segments) < 2 {
			return firmware.Sighting{}, cursor.ErrNot
		}
		return firmware.Sighting{Title: m.chip + " application", Size: m.end}, nil
	}
	return firmware.Sighting{Title: m.chip + " application", Name: about.project, Version: about.version, Size: m.end}, nil
}

// about is what a program says of itself.
type about struct {
	project, version, idf string
	secure                uint32
}

func (m *image) about(src block.Source) *about {
	p, err := cursor.Read(src, "ESP image: description", m.segments[0].Offset, aboutSize, aboutSize)
	if err != nil || le.Uint32(p) != aboutMagic {
		return nil
	}
	text := func(at, n int) string {
		s, _, _ := strings.Cut(string(p[at:at+n]), "\x00")
		return s
	}
	return &about{version: text(16, 32), project: text(48, 32), idf: text(112, 32), secure: le.Uint32(p[4:])}
}

func openImage(ctx context.Context, src block.Source, _ *firmware.Opening) (*firmware.Part, error) {
	m, cut, err := find(src)
	if err != nil {
		return nil, err
	}
	part := &firmware.Part{Title: m.chip + " application image", Role: firmware.Program, Announced: m.end, Claims: []firmware.Claim{{Kind: firmware.Chip, Values: []string{m.chip}}}}
	if a := m.about(src); a != nil {
		part.Name, part.Version = a.project, a.version
		if a.secure > 0 {
			part.Claims = append(part.Claims, firmware.Claim{Kind: firmware.Rollback, Values: []string{fmt.Sprint(a.secure)}})
		}
	}
	for i, s := range m.segments {
		here := s.Extent.Intersect(block.Extent{Length: src.Size()})
		part.Children = append(part.Children, &firmware.Part{Name: fmt.Sprintf("segment %d, loaded to 0x%08x", i+1, s.load), Role: firmware.Program, Offset: s.Offset, Size: here.Length,
			Announced: s.Length, Source: block.Section(src, here)})
	}
	if cut {
		part.Checks = append(part.Checks, firmware.Cut("image", m.end, src.Size()))
		return part, ctx.Err()
	}
	whole := block.Extent{Length: m.end}
	p, err := cursor.Read(src, "ESP image: checksum", m.sumAt, 1, 1)
	sum, sumErr := m.checksum(src)
	if err != nil || sumErr != nil {
		part.Checks = append(part.Checks, firmware.Check{What: "segments", Method: "XOR of all bytes", State: firmware.Cannot, Extent: whole, Why: "they cannot be read"})
		return part, ctx.Err()
	}
	c := firmware.Digest("segments", "XOR of all bytes", block.Extent{Length: m.sumAt + 1}, p, []byte{sum})
	part.Checks = append(part.Checks, c)
	if m.hashed {
		want, err := cursor.Read(src, "ESP image: SHA-256", m.sumAt+1, sha256.Size, sha256.Size)
		h := sha256.New()
		if _, copyErr := io.Copy(h, block.Reader(block.Section(src, block.Extent{Length: m.sumAt + 1}))); err != nil || copyErr != nil {
			part.Checks = append(part.Checks, firmware.Check{What: "image", Method: "SHA-256", State: firmware.Cannot, Extent: whole, Why: "it cannot be read"})
			return part, ctx.Err()
		}
		part.Checks = append(part.Checks, firmware.Digest("image", "SHA-256", whole, want, h.Sum(nil)))
	}
	if rest := block.Between(m.end, src.Size()); rest.Length > 0 {
		part.Children = append(part.Children, &firmware.Part{Name: "behind the image", Role: firmware.Data, Offset: rest.Offset, Size: rest.Length, Source: block.Section(src, rest)})
	}
	return part, ctx.Err()
}
