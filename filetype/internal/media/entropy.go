package media

// JPEGWatch follows the markers of a JPEG picture that stands inside of another file. It decodes nothing: what it tells is where
// bytes stand that no such picture has, which other data brings after some hundred bytes.
//
// Followed: ITU-T T.81 (1992), annex B.
type JPEGWatch struct {
	state  watchState
	left   int   // bytes of the segment
	length int   // of it, first byte
	off    int64 // of the next byte
	scan   bool  // the segment begins a scan
	prose  int   // bytes that could be text, in a row
	zeros  int
}

type watchState uint8

const (
	watchStart   watchState = iota // of the picture
	watchMarker                    // FF of a marker
	watchCode                      // what follows that
	watchHigh                      // the length of a segment
	watchLow                       //
	watchSegment                   // what is in it
	watchScan                      // packed data
	watchScanFF                    // FF in packed data
	watchEnd                       // behind the end of the picture
)

const (
	// longProse is how many bytes of packed data in a row are text by chance: less than one in 10^26.
	longProse = 64
	// longZeros is how many zeros in a row packed data has, at most.
	longZeros = 4 << 10
)

// Ended reports whether the end of the picture was met.
func (w *JPEGWatch) Ended() bool { return w.state == watchEnd }

// See takes the next bytes. It returns how many bytes from the picture's start on can be of one, and false when there are others.
func (w *JPEGWatch) See(p []byte) (int64, bool) {
	for i := 0; i < len(p); i++ {
		c := p[i]
		switch w.state {
		case watchEnd:
			return w.off, true
		case watchSegment:
			n := min(w.left, len(p)-i)
			w.left -= n
			w.off += int64(n)
			i += n - 1
			if w.left == 0 {
				w.state = watchMarker
				if w.scan {
					w.state = watchScan
				}
			}
			continue
		case watchScan:
			n, ok := w.packed(p[i:])
			if !ok {
				return w.off + int64(n), false
			}
			w.off += int64(n)
			i += n - 1
			continue
		default:
			if !w.marker(c) {
				return w.off, false
			}
		}
		w.off++
	}
	return w.off, true
}

// proseByte has 1 for the bytes that text is made of.
var proseByte = func() (t [256]uint8) {
	for c := range 256 {
		if c >= 0x20 && c <= 0x7E || c == '\n' || c == '\r' || c == '\t' {
			t[c] = 1
		}
	}
	return t
}()

// packed takes packed data up to the next FF, and returns how many bytes that were; ok is false where they are others.
func (w *JPEGWatch) packed(p []byte) (n int, ok bool) {
	prose, zeros := w.prose, w.zeros
	for i, c := range p {
		if c == 0xFF {
			w.state, w.prose, w.zeros = watchScanFF, prose, zeros
			return i + 1, true
		}
		prose = (prose + 1) * int(proseByte[c])
		if zeros++; c != 0 {
			zeros = 0
		}
		if prose >= longProse || zeros >= longZeros {
			return i + 1 - max(prose, zeros), false
		}
	}
	w.prose, w.zeros = prose, zeros
	return len(p), true
}

// marker takes a byte outside of packed data, and reports whether it may stand there.
func (w *JPEGWatch) marker(c byte) bool {
	switch w.state {
	case watchStart:
		if w.off == 0 {
			return c == 0xFF
		}
		w.state = watchMarker
		return c == 0xD8
	case watchMarker:
		w.state = watchCode
		return c == 0xFF
	case watchScanFF:
		w.prose, w.zeros = 0, 0
		switch {
		case c == 0 || c >= 0xD0 && c <= 0xD7:
			w.state = watchScan
			return true
		case c == 0xFF:
			return true
		}
		return w.code(c)
	case watchCode:
		return c == 0xFF || w.code(c)
	case watchHigh:
		w.length, w.state = int(c)<<8, watchLow
	case watchLow:
		w.left, w.state = w.length+int(c)-2, watchSegment
		if w.left == 0 {
			w.state = watchMarker
		}
		return w.left >= 0
	}
	return true
}

// code takes the code of a marker.
func (w *JPEGWatch) code(c byte) bool {
	w.scan = c == 0xDA
	w.state = watchHigh
	switch {
	case c == 0xD9:
		w.state = watchEnd
		return true
	case c >= 0xC0 && c <= 0xCF && c != 0xC8, c >= 0xDA && c <= 0xDF, c >= 0xE0 && c <= 0xEF, c == 0xFE:
		return true
	}
	return false
}
