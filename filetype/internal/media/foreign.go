package media

import (
	"fmt"
	"math"

	"salvor/cursor"
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
}

// NewForeign returns a watch over what begins at off.
func NewForeign(off int64) *Foreign { return &Foreign{off: off} }

// MoveTo says that what comes next stands at off: samples may stand in several places.
func (f *Foreign) MoveTo(off int64) {
	if off != f.off {
		f.off, f.n, f.count = off, 0, [256]int{}
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
		f.n += room
		f.off += int64(room)
		p = p[room:]
		if f.off%window == 0 {
			f.judge()
		}
	}
	return f.verdict
}

// leastPlain is how many windows must be what they should be before others are foreign; leastForeign how many of those.
const (
	leastPlain   = 4
	leastForeign = 2
)

func (f *Foreign) judge() {
	if f.n == window {
		switch {
		case f.uniform():
			f.packed, f.prose = f.packed+1, 0
		case f.written():
			f.packed, f.prose = 0, f.prose+1
		default:
			f.packed, f.prose = 0, 0
			f.plain++
		}
		if f.packed+f.prose == 1 {
			f.since = f.off - window
		}
		if f.plain >= leastPlain && f.packed+f.prose >= leastForeign {
			// The window before may hold the border.
			at := max(0, f.since-window)
			found := "bytes without any order, as packed data has them"
			if f.prose > 0 {
				found = "text"
			}
			f.verdict = cursor.Corrupt("samples", at, "samples like those before", fmt.Sprintf("%s, from %#x at the latest", found, f.since))
		}
	}
	f.n, f.count = 0, [256]int{}
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
