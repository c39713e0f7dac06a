package cms

import (
	"salvor/cursor"
)

const (
	structure = "CMS message"
	// MaxSize is the largest message that is read, in bytes. What is attached (manifests) is small.
	MaxSize   = 4 << 20
	maxLevels = 32
	maxItems  = 20_000
)

// bound walks over the encoding without keeping anything, and returns its length. It refuses what is deeper, longer or has
// more pieces than a message needs, since readers of BER call themselves for each level.
func bound(p []byte) (int, error) {
	w := &walker{p: p}
	end, err := w.item(0, 0)
	return end, err
}

type walker struct {
	p     []byte
	items int
}

func (w *walker) corrupt(at int, expected, found any) error {
	return cursor.Corrupt(structure, int64(at), expected, found)
}

func (w *walker) item(at, level int) (int, error) {
	if w.items++; w.items > maxItems || level > maxLevels {
		return 0, w.corrupt(at, "at most 32 levels and 20000 pieces", "more")
	}
	if at+2 > len(w.p) {
		return 0, w.corrupt(at, "a tag and a length", "the end of the data")
	}
	if w.p[at]&0x1F == 0x1F {
		return 0, w.corrupt(at, "a tag of one byte", "a longer one")
	}
	constructed := w.p[at]&0x20 != 0
	n, body := int(w.p[at+1]), at+2
	switch {
	case n == 0x80:
		return w.indefinite(at, body, level, constructed)
	case n > 0x80:
		digits := n & 0x7F
		if digits > 4 || body+digits > len(w.p) {
			return 0, w.corrupt(at, "a length of at most 4 bytes", digits)
		}
		n = 0
		for _, c := range w.p[body : body+digits] {
			n = n<<8 | int(c)
		}
		body += digits
	}
	if n > len(w.p)-body {
		return 0, w.corrupt(at, "at most what is left of the data", n)
	}
	end := body + n
	for constructed && body < end {
		next, err := w.item(body, level+1)
		if err != nil {
			return 0, err
		}
		if next > end {
			return 0, w.corrupt(body, "the end of a piece inside of the one around it", next)
		}
		body = next
	}
	return end, nil
}

// indefinite walks over pieces up to two zeros.
func (w *walker) indefinite(at, body, level int, constructed bool) (int, error) {
	if !constructed {
		return 0, w.corrupt(at, "a length, since it is no sequence", "none")
	}
	for {
		if body+2 <= len(w.p) && w.p[body] == 0 && w.p[body+1] == 0 {
			return body + 2, nil
		}
		next, err := w.item(body, level+1)
		if err != nil {
			return 0, err
		}
		body = next
	}
}
