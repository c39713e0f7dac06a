package mp4

import (
	"fmt"
	"time"

	"salvor/block"
	"salvor/cursor"
	"salvor/finding"
)

// track is what is known of a track.
type track struct {
	id          uint32
	handler     string
	format      string // of the samples, four letters
	nal         int    // bytes of the length before each NAL unit, 0 when samples are not made of them
	timescale   int64
	external    bool // the samples stand in another file
	defaultSize int64
	boxes       map[string]box // of its sample table
	sound       sound          // of AAC
	size        box            // of the samples: stsz or stz2
	before      int64          // where the last sample that was right begins
	lost        bool           // of a scout: a sample contradicts
	named       int            // of a scout: samples behind it that are looked for
}

const (
	maxTracks = 1000
	maxChunks = 1 << 21 // kept for the comparison of chunks
)

// index reads moov.
func (x *exam) index() error {
	if x.moov == nil {
		return nil
	}
	header := false
	err := x.children(x.moov.body, x.moov.end, func(b box) error {
		switch b.kind {
		case "mvhd":
			header = true
			return x.note(x.movieHeader(b))
		case "trak":
			if len(x.tracks) < maxTracks {
				return x.note(x.trak(b))
			}
		case "mvex":
			x.fragmented = true
			return x.note(x.children(b.body, b.end, x.trackDefaults))
		case "udta", "meta":
			return x.note(x.userData(b))
		case "uuid":
			if b.end-b.body >= 16 {
				return x.note(x.canon(b))
			}
		}
		return nil
	})
	if err == nil && !header && x.moov.end <= x.src.Size() {
		err = cursor.Corrupt("mp4: box moov", x.moov.off, "a movie header", "none")
	}
	return err
}

// macEpoch is where times of the format count from, in seconds before 1970.
const macEpoch = 2082844800

func (x *exam) movieHeader(b box) error {
	c, err := x.fields(b, 20)
	if err != nil {
		return err
	}
	version := c.Uint32BE() >> 24
	var created, scale, length uint64
	if version == 1 {
		if c, err = x.fields(b, 32); err != nil {
			return err
		}
		c.Skip(4)
		created = c.Uint64BE()
		c.Skip(8)
		scale, length = uint64(c.Uint32BE()), c.Uint64BE()
	} else {
		created = uint64(c.Uint32BE())
		c.Skip(4)
		scale, length = uint64(c.Uint32BE()), uint64(c.Uint32BE())
	}
	if version > 1 || scale == 0 {
		return cursor.Corrupt("mp4: movie header", b.body, "version 0 or 1 and a time scale", fmt.Sprintf("version %d, %d", version, scale))
	}
	if created > macEpoch && created < macEpoch+1<<33 {
		x.hints.Taken = time.Unix(int64(created-macEpoch), 0).UTC()
	}
	if s := length / scale; s < 1<<31 {
		x.duration = time.Duration(s)*time.Second + time.Duration(length%scale)*time.Second/time.Duration(scale)
	}
	return nil
}

func (x *exam) trackDefaults(b box) error {
	if b.kind != "trex" {
		return nil
	}
	c, err := x.fields(b, 24)
	if err != nil {
		return err
	}
	c.Skip(4)
	id := c.Uint32BE()
	c.Skip(8)
	size := int64(c.Uint32BE())
	for _, t := range x.tracks {
		if t.id == id {
			t.defaultSize = size
		}
	}
	return nil
}

// trak reads one track and compares its tables with each other and with the data.
func (x *exam) trak(b box) error {
	t := &track{boxes: map[string]box{}}
	x.tracks = append(x.tracks, t)
	if err := x.gather(t, b, 0); err != nil {
		return err
	}
	switch t.handler {
	case "vide":
		x.video = true
	case "soun":
		x.audio = true
	}
	if t.external {
		x.tell(externalData.New(finding.At(b.off, 0)))
		return nil
	}
	if _, ok := t.boxes["stsd"]; !ok {
		return cursor.Corrupt("mp4: track", b.off, "a sample table", "none")
	}
	return x.sampleTable(t, b)
}

// gather walks the containers of a track down to its sample table.
func (x *exam) gather(t *track, parent box, depth int) error {
	return x.children(parent.body, parent.end, func(b box) error {
		switch b.kind {
		case "mdia", "minf", "stbl", "dinf":
			if depth < 4 {
				return x.gather(t, b, depth+1)
			}
		case "tkhd":
			c, err := x.fields(b, 24)
			if err != nil {
				return err
			}
			if c.Uint32BE()>>24 == 1 {
				c.Skip(16)
			} else {
				c.Skip(8)
			}
			t.id = c.Uint32BE()
		case "mdhd":
			c, err := x.fields(b, 24)
			if err != nil {
				return err
			}
			if c.Uint32BE()>>24 == 1 {
				c.Skip(16)
			} else {
				c.Skip(8)
			}
			t.timescale = int64(c.Uint32BE())
		case "hdlr":
			if parent.kind == "mdia" {
				c, err := x.fields(b, 12)
				if err != nil {
					return err
				}
				c.Skip(8)
				t.handler = string(c.Bytes(4))
			}
		case "dref":
			return x.dataReference(t, b)
		case "stsd":
			t.boxes[b.kind] = b
			return x.sampleDescription(t, b)
		case "stsz", "stz2":
			t.size = b
		case "stts", "ctts", "stsc", "stco", "co64", "stss":
			t.boxes[b.kind] = b
		}
		return nil
	})
}

func (x *exam) dataReference(t *track, b box) error {
	if b.end-b.body < 8 {
		return nil
	}
	return x.children(b.body+8, b.end, func(e box) error {
		c, err := x.fields(e, 4)
		if err != nil {
			return err
		}
		if c.Uint32BE()&1 == 0 {
			t.external = true
		}
		return nil
	})
}

// visualHeader is how much stands before the boxes of a visual sample entry.
const visualHeader = 78

func (x *exam) sampleDescription(t *track, b box) error {
	c, err := x.fields(b, 8)
	if err != nil {
		return err
	}
	c.Skip(4)
	count := c.Uint32BE()
	n := uint32(0)
	err = x.children(b.body+8, b.end, func(e box) error {
		n++
		if t.format == "" {
			t.format = e.kind
		} else if t.format != e.kind {
			t.format = "mixed"
			t.nal = 0
			return nil
		}
		switch e.kind {
		case "avc1", "avc3", "hvc1", "hev1":
			if e.end-e.body > visualHeader {
				return x.note(x.children(e.body+visualHeader, e.end, func(d box) error { return x.nalLength(t, d) }))
			}
		}
		return nil
	})
	if err == nil && n != count {
		err = cursor.Corrupt("mp4: sample description", b.body+4, n, count)
	}
	return err
}

// nalLength reads from a decoder configuration how long the lengths of NAL units are.
func (x *exam) nalLength(t *track, b box) error {
	at := 0
	switch b.kind {
	case "avcC":
		at = 4
	case "hvcC":
		at = 21
	default:
		return nil
	}
	c, err := x.fields(b, at+1)
	if err != nil {
		return err
	}
	version := c.Uint8()
	c.Seek(at)
	t.nal = int(c.Uint8()&3) + 1
	if version != 1 || t.nal == 3 {
		t.nal = 0
		return cursor.Corrupt("mp4: decoder configuration", b.body, "version 1", version)
	}
	return nil
}

// sampleTable walks all samples of a track by its tables.
func (x *exam) sampleTable(t *track, trak box) error {
	sizes, err := x.sizes(t)
	if err != nil {
		return err
	}
	if sizes == nil {
		return nil // fragments say where the samples are
	}
	for _, kind := range []string{"stts", "ctts"} {
		b, ok := t.boxes[kind]
		if !ok {
			continue
		}
		n, err := x.sumCounts(b)
		if err != nil {
			return err
		}
		if n != sizes.n {
			return cursor.Corrupt("mp4: box "+kind, b.off, fmt.Sprintf("times of %d samples", sizes.n), n)
		}
	}
	if b, ok := t.boxes["stss"]; ok {
		s, err := x.table(b, 4, 4)
		if err != nil {
			return err
		}
		last := int64(0)
		for i := range s.n {
			v, err := s.at(i, 0)
			if err != nil {
				return err
			}
			if v <= last || v > sizes.n {
				return cursor.Corrupt("mp4: box stss", s.off+4*i, fmt.Sprintf("a sample from %d to %d", last+1, sizes.n), v)
			}
			last = v
		}
	}
	return x.chunksOf(t, trak, sizes)
}

// sumCounts adds the counts of a table of runs.
func (x *exam) sumCounts(b box) (int64, error) {
	t, err := x.table(b, 4, 8)
	if err != nil {
		return 0, err
	}
	sum := int64(0)
	for i := range t.n {
		n, err := t.at(i, 0)
		if err != nil {
			return 0, err
		}
		sum += n
	}
	return sum, nil
}

// sizes gives the sizes of samples.
type sizes struct {
	n     int64
	same  int64 // of all samples, 0 when the table says
	bits  int
	table *table
}

func (x *exam) sizes(t *track) (*sizes, error) {
	b := t.size
	switch b.kind {
	case "":
		return nil, nil
	case "stsz":
		c, err := x.fields(b, 12)
		if err != nil {
			return nil, err
		}
		c.Skip(4)
		s := &sizes{same: int64(c.Uint32BE()), bits: 32}
		s.n = int64(c.Uint32BE())
		if s.same == 0 {
			s.table, err = x.table(b, 8, 4)
		}
		return s, err
	}
	c, err := x.fields(b, 12)
	if err != nil {
		return nil, err
	}
	c.Skip(7)
	s := &sizes{bits: int(c.Uint8())}
	s.n = int64(c.Uint32BE())
	if s.bits != 4 && s.bits != 8 && s.bits != 16 || (s.n*int64(s.bits)+7)/8 > b.end-b.body-12 {
		return nil, cursor.Corrupt("mp4: box stz2", b.body, "fields of 4, 8 or 16 bits that fit", fmt.Sprintf("%d of %d", s.n, s.bits))
	}
	s.table, err = x.table(b, 8, 0)
	return s, err
}

// at returns the size of sample i.
func (s *sizes) at(i int64) (int64, error) {
	switch {
	case s.same > 0:
		return s.same, nil
	case s.bits == 32:
		return s.table.at(i, 0)
	}
	bit := i * int64(s.bits)
	n := (s.bits + 7) / 8
	p, err := s.table.w.Bytes(s.table.off+bit/8, n)
	if err != nil {
		return 0, err
	}
	switch s.bits {
	case 4:
		return int64(p[0] >> (4 - bit%8) & 15), nil
	case 8:
		return int64(p[0]), nil
	}
	return int64(p[0])<<8 | int64(p[1]), nil
}

// chunksOf walks the chunks of a track and the samples in them.
func (x *exam) chunksOf(t *track, trak box, s *sizes) error {
	runs, ok := t.boxes["stsc"]
	if !ok {
		if s.n > 0 {
			return cursor.Corrupt("mp4: sample table", trak.off, "a box stsc", "none")
		}
		return nil
	}
	toChunk, err := x.table(runs, 4, 12)
	if err != nil {
		return err
	}
	offsets, wide, err := x.offsets(t)
	if err != nil || offsets == nil {
		return err
	}
	sample, run, perChunk, nextRun := int64(0), int64(0), int64(0), int64(1)
	for chunk := int64(1); chunk <= offsets.n; chunk++ {
		if chunk%4096 == 0 {
			if err := x.ctx.Err(); err != nil {
				return err
			}
		}
		for chunk == nextRun {
			if perChunk, err = toChunk.at(run, 4); err != nil {
				return err
			}
			nextRun = 1<<32 + 1
			if run++; run < toChunk.n {
				first, err := toChunk.at(run, 0)
				if err != nil {
					return err
				}
				if first <= chunk {
					return cursor.Corrupt("mp4: box stsc", toChunk.off+run*12, fmt.Sprintf("a chunk behind %d", chunk), first)
				}
				nextRun = first
			}
		}
		if run == 0 {
			return cursor.Corrupt("mp4: box stsc", runs.off, "an entry for chunk 1", "none")
		}
		off := int64(0)
		if wide {
			off, err = offsets.wide(chunk - 1)
		} else {
			off, err = offsets.at(chunk-1, 0)
		}
		if err != nil {
			return err
		}
		if sample+perChunk > s.n {
			return cursor.Corrupt("mp4: box stsc", runs.off, fmt.Sprintf("%d samples", s.n), "more")
		}
		at, each := off, perChunk
		if s.same > 0 && t.nal == 0 && x.counting != nil {
			if err := x.counting(block.Extent{Offset: off, Length: s.same * perChunk}, perChunk); err != nil {
				return err
			}
			at, each = off+s.same*perChunk, 0
			sample += perChunk
		} else if s.same > 0 && t.nal == 0 { // sound whose samples are single values
			if err := x.sample(t, off, s.same*perChunk); err != nil {
				return err
			}
			at, each = off+s.same*perChunk, 0
			sample += perChunk
		}
		for range each {
			size, err := s.at(sample)
			if err != nil {
				return err
			}
			if err := x.sample(t, at, size); err != nil {
				return err
			}
			sample++
			at += size
		}
		if len(x.chunks) < maxChunks && at > off {
			x.chunks = append(x.chunks, block.Between(off, at))
		}
	}
	x.samples += sample
	if sample != s.n {
		return cursor.Corrupt("mp4: sample table", trak.off, fmt.Sprintf("chunks with %d samples", s.n), sample)
	}
	return nil
}

func (x *exam) offsets(t *track) (*table, bool, error) {
	if b, ok := t.boxes["stco"]; ok {
		o, err := x.table(b, 4, 4)
		return o, false, err
	}
	if b, ok := t.boxes["co64"]; ok {
		o, err := x.table(b, 4, 8)
		return o, true, err
	}
	return nil, false, nil
}
