package gif

import "fmt"

// codes follows the variable-length codes of LZW, as GIF has them, and counts the pixels that they stand for.
type codes struct {
	literal uint   // bits of a literal
	clear   uint32 // the code that empties the table; the one behind it ends the data
	width   uint   // bits of the next code
	next    uint32 // first free entry; tableSize when the table is full
	last    uint32 // the code before; none behind a clear
	ended   bool

	acc  uint32
	have uint

	pixels int64
	length [tableSize]uint16 // how many pixels an entry stands for
}

const (
	tableSize = 4096
	none      = 1 << 16
)

func newCodes(literal int) *codes {
	c := &codes{literal: uint(literal), clear: 1 << literal}
	for i := range c.clear {
		c.length[i] = 1
	}
	c.reset()
	return c
}

func (c *codes) reset() {
	c.width, c.next, c.last = c.literal+1, c.clear+2, none
}

// decode follows the codes in p. It says what is wrong with the first that stands for nothing; "" when none is.
// What follows the end of the codes is of no use and is left.
func (c *codes) decode(p []byte) string {
	for _, b := range p {
		if c.ended {
			return ""
		}
		c.acc |= uint32(b) << c.have
		c.have += 8
		for c.have >= c.width {
			code := c.acc & (1<<c.width - 1)
			c.acc >>= c.width
			c.have -= c.width
			switch {
			case code == c.clear:
				c.reset()
				continue
			case code == c.clear+1:
				c.ended = true
				return ""
			case c.last == none:
				if code > c.clear {
					return fmt.Sprintf("code %d behind an empty table", code)
				}
				c.pixels++
				c.last = code
				continue
			case code > c.next, code == c.next && c.next == tableSize:
				return fmt.Sprintf("code %d of %d", code, c.next)
			}
			if c.next < tableSize {
				c.length[c.next] = c.length[c.last] + 1
				if c.next++; c.next == 1<<c.width && c.width < 12 {
					c.width++
				}
			}
			c.pixels += int64(c.length[code])
			c.last = code
		}
	}
	return ""
}
