package media

import (
	"bytes"
	"fmt"
	"math"
	"slices"

	"salvor/block"
	"salvor/cursor"
	"salvor/filetype/internal/exam"
)

// window is how many bytes are held against chance at once, counted from the start of the file: clusters of file systems begin
// there too.
const window = 4 << 10

// Foreign watches samples or pixels that are not packed, and tells where they turn into what can only belong to another file: written
// text, or bytes of which each value is as frequent as any other, as packed and encrypted data has them. Sound and pictures have
// neither, unless they had it from the start.
type Foreign struct {
	off     int64 // of the next byte
	count   [256]int
	n       int
	plain   int // windows that are neither
	packed  int // windows under way that are packed
	prose   int
	since   int64 // where they began
	verdict error

	first   int64 // where the first sample stands
	step    int   // bytes between samples of 16 bits of one channel; 0 when there are no such
	samples []byte
	rough   int // windows under way in which each sample is far from the one before
	most    int // how far they are at most in those before, on average
}

// NewForeign returns a watch over what begins at off.
func NewForeign(off int64) *Foreign { return &Foreign{off: off} }

// NewForeignSamples returns a watch over signed samples of 16 bits, the low byte first, of so many channels.
func NewForeignSamples(off int64, channels int) *Foreign {
	return &Foreign{off: off, first: off, step: 2 * channels, samples: make([]byte, 0, window)}
}

// Packed lowers the offset end to where the bytes of e's file turn into packed or encrypted data or into lines of text, or to where another
// file begins. It is for files without any whose tables are lost, so that nothing else tells whose bytes stand there; what it cannot
// read it leaves as it is.
func Packed(e *exam.Exam, end int64) int64 {
	f := NewForeign(0)
	f.plain = leastPlain
	off := int64(0)
	err := e.Each(block.Extent{Length: min(end, e.Size())}, "what is left", func(p []byte) error {
		for at := (off+sector-1)/sector*sector - off; at < int64(len(p)); at += sector {
			if off+at > 0 && Begins(p[at:]) {
				return cursor.Corrupt("sectors", off+at, "those of the file", "the beginning of another one")
			}
		}
		off += int64(len(p))
		return f.See(p)
	})
	if broken, ok := cursor.IsCorrupt(err); ok {
		return min(end, broken.Offset)
	}
	return end
}

// Begins reports whether p, from a sector on, is the beginning of a file of another kind or of a film.
func Begins(p []byte) bool {
	return len(p) >= 8 && string(p[4:8]) == "ftyp" || slices.ContainsFunc(beginnings, func(b string) bool { return bytes.HasPrefix(p, []byte(b)) })
}

// beginnings are what files begin with that stand behind what is left of another one.
var beginnings = []string{"\x7FELF\x01\x01\x01", "\x7FELF\x02\x01\x01", "\xFF\xD8\xFF", "\x89PNG\r\n\x1A\n", "%PDF-1.", "PK\x03\x04", "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", "RIFF",
	"\x1F\x8B\x08", "SQLite format 3\x00", "ID3\x03\x00", "ID3\x04\x00", "GIF8", "OggS\x00\x02", "fLaC", "\xFD7zXZ\x00", "7z\xBC\xAF\x27\x1C", "BZh9", "\x00\x00\x01\xBA",
	"\x30\x26\xB2\x75\x8E\x66\xCF\x11", "\x1A\x45\xDF\xA3", "FLV\x01", "{\\rtf1", "<?xml ", "<html", "<!DOCTYPE", "From "}

// MoveTo says that what comes next stands at off: samples may stand in several places.
func (f *Foreign) MoveTo(off int64) {
	if off != f.off {
		f.off, f.n, f.count, f.samples = off, 0, [256]int{}, f.samples[:0]
	}
}

// See takes the next bytes. It returns a [*cursor.CorruptError] where the data turns into another file's; what is good ends
// there at the latest.
func (f *Foreign) See(p []byte) error {
	for len(p) > 0 && f.verdict == nil {
		room := min(len(p), int(window-f.off%window))
		for _, c := range p[:room] {
			f.count[c]++
		}
		if f.step > 0 {
			f.samples = append(f.samples, p[:room]...)
		}
		f.n += room
		f.off += int64(room)
		p = p[room:]
		if f.off%window == 0 {
			f.judge()
		}
	}
	return f.verdict
}

const (
	// leastPlain is how many windows must be what they should be before others are foreign.
	leastPlain = 4
	// leastForeign is how many of those there must be.
	leastForeign = 2
	// leastRough is how many there must be of which only each sample is far from the one before: a third of a second.
	leastRough = 16
	// leastJump is how far that is on average, of 65536; 21845 is chance.
	leastJump = 19000
)

func (f *Foreign) judge() {
	if f.n == window {
		jump := f.jump()
		switch {
		case f.uniform():
			f.packed, f.prose = f.packed+1, 0
		case f.written():
			f.packed, f.prose = 0, f.prose+1
		default:
			f.packed, f.prose = 0, 0
		}
		if jump >= leastJump && 2*jump >= 5*f.most {
			f.rough++
		} else {
			f.rough = 0
		}
		switch max(f.packed, f.prose, f.rough) {
		case 0:
			f.plain++
			f.most = max(f.most, jump)
		case 1:
			f.since = f.off - window
		}
		if f.plain >= leastPlain && (f.packed+f.prose >= leastForeign || f.rough >= leastRough) {
			// The window before may hold the border.
			at := max(0, f.since-window)
			found := "bytes without any order, as packed data has them"
			if f.prose > 0 {
				found = "text"
			}
			f.verdict = cursor.Corrupt("samples", at, "samples like those before", fmt.Sprintf("%s, from %#x at the latest", found, f.since))
		}
	}
	f.n, f.count, f.samples = 0, [256]int{}, f.samples[:0]
}

// jump returns how far each sample is from the one before, on average.
func (f *Foreign) jump() int {
	sum, n := 0, 0
	at := int((f.off + f.first) & 1) // a sample begins at an even distance from the first one
	for i := at + f.step; f.step > 0 && i+1 < len(f.samples); i += 2 {
		now := int(int16(uint16(f.samples[i]) | uint16(f.samples[i+1])<<8))
		was := int(int16(uint16(f.samples[i-f.step]) | uint16(f.samples[i-f.step+1])<<8))
		sum += max(now-was, was-now)
		n++
	}
	return sum / max(n, 1)
}

// uniform reports whether each value is as frequent as chance makes it: the sum of squares lies within five of its deviations.
func (f *Foreign) uniform() bool {
	const expected = window / 256
	sum := 0.0
	for _, n := range f.count {
		d := float64(n - expected)
		sum += d * d / expected
	}
	return math.Abs(sum-255) < 5*math.Sqrt(2*255)
}

// written reports whether the window is text: nothing but what texts consist of, with blanks or ends of lines, and letters or digits.
func (f *Foreign) written() bool {
	letters, blanks := 0, f.count[' ']+f.count['\n']+f.count['\t']+f.count[',']
	for c, n := range f.count {
		switch {
		case n == 0:
		case c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z':
			letters += n
		case c < 0x20 && c != '\n' && c != '\r' && c != '\t' || c == 0x7F || c >= 0x80:
			return false
		}
	}
	return blanks*80 >= window && letters*10 >= 5*window && f.count['\n'] > 0
}
