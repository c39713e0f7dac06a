package jpeg

import (
	"context"
	"errors"
	"fmt"
	"math/bits"

	"salvor/cursor"
)

// fault says what is wrong with entropy-coded data.
type fault uint8

const (
	sound      fault = iota
	runsOut          // a marker or an error of the source stands where data should
	noCode           // bits that are no code of the table
	beyond           // a coefficient behind the last one
	tooLarge         // a coefficient with more bits than the precision allows
	impossible       // a symbol that this kind of scan does not have
	tooBright        // an average that no picture has
	overrun          // a run of empty blocks that reaches over the restart interval
	allZero          // blocks full of coefficients that nothing but zeros gave
	otherImage       // brightness that does not go on from the row above
)

var faultWords = [...]string{sound: "", runsOut: "the data ends", noCode: "bits that are no Huffman code",
	beyond: "a coefficient behind the last", tooLarge: "a coefficient with too many bits",
	impossible: "a symbol that has no meaning here", tooBright: "a brightness far outside of the range",
	overrun: "a run of empty blocks over the end of its interval", allZero: "nothing but zeros",
	otherImage: "the data of another picture"}

// errSource says that the source ended the data; the reason is in bits.err.
var errSource = errors.New("jpeg: the source ends the scan")

// decoder decodes one scan.
type decoder struct {
	ctx     context.Context
	b       bitReader
	f       *frame
	s       *scan
	dc, ac  [4]*table
	restart int // MCUs between restart markers, 0 for none

	pred   [4]int32
	eobrun int
	maxDC  uint // bits of a DC difference
	maxAC  uint
	limit  int32 // of a dequantized DC coefficient

	good int64 // offset up to which whole rows of MCUs are decoded
	row  int   // how many
	rows int   // of how many; 0 while unknown

	begun  bool
	column int  // the next MCU of the row
	left   int  // MCUs before the next restart marker
	next   byte // its number
	flat   int  // blocks in a row that nothing but zeros gave
	pause  int64
	paused func() // called between two MCUs once pause bytes of the file are read; may be nil
	seam   *seam  // of a scout; nil otherwise
}

// run decodes the scan that begins where the stream stands, and leaves it before the marker behind it.
func (d *decoder) run() error {
	d.maxDC, d.maxAC = 11, 10
	if d.f.precision == 12 {
		d.maxDC, d.maxAC = 15, 14
	}
	d.limit = 2 << (d.f.precision + 2) // twice what eight times the half range gives
	if !d.begun {
		d.begun, d.good, d.left = true, d.b.s.Offset(), d.restart
	}
	across, down := d.f.mcus()
	if len(d.s.c) == 1 {
		across, down = d.s.c[0].width, d.s.c[0].height
	}
	late := d.f.height == 0 // the lines come behind the first scan, in a DNL segment
	if late {
		down = ceil(1<<16, 8)
	}
	d.rows = down
	for ; d.row < down; d.row++ {
		if err := d.ctx.Err(); err != nil {
			return err
		}
		if late && d.column == 0 && d.ends() {
			break
		}
		for ; d.column < across; d.column++ {
			if d.paused != nil && d.b.s.Offset()+int64(d.b.i) >= d.pause {
				d.paused()
			}
			if d.restart > 0 && d.left == 0 {
				if err := d.meetRestart(d.next); err != nil {
					return err
				}
				d.left, d.next = d.restart, (d.next+1)&7
			}
			d.left--
			if f := d.mcu(d.column, d.row); f != sound {
				return d.err(f)
			}
			if d.seam != nil && d.seam.foreign() {
				return d.err(otherImage)
			}
		}
		d.column = 0
		if d.seam != nil {
			d.seam.endRow()
		}
		d.good = d.b.pos()
	}
	if late {
		d.rows = d.row
	}
	if d.eobrun > 0 {
		return d.err(overrun)
	}
	if err := d.end("the end of the scan"); err != nil {
		return err
	}
	if d.restart > 0 && d.left == 0 && d.b.marker == mRST0+d.next {
		d.b.s.Discard(2) // some writers end the last interval as they end the others
	}
	return nil
}

// ends reports whether no whole byte of data stands before the next marker.
func (d *decoder) ends() bool {
	d.b.fill()
	return d.b.n < 8 && (d.b.marker != 0 || d.b.err != nil)
}

// end holds that the data ends here, with nothing but the bits that fill up its last byte.
func (d *decoder) end(expected string) error {
	if !d.ends() {
		return cursor.Corrupt("scan", d.b.pos(), expected, "more data")
	}
	if d.b.marker == 0 {
		return errSource
	}
	d.b.close()
	return nil
}

// meetRestart holds that the marker RST number n stands here, and starts the next interval.
func (d *decoder) meetRestart(n byte) error {
	if d.eobrun > 0 {
		return d.err(overrun)
	}
	if err := d.end(fmt.Sprintf("restart marker %d", n)); err != nil {
		return err
	}
	if d.b.marker != mRST0+n {
		return cursor.Corrupt("scan", d.b.s.Offset(), fmt.Sprintf("restart marker %d", n), fmt.Sprintf("marker FF%02X", d.b.marker))
	}
	d.b.s.Discard(2)
	d.b.open(d.b.s)
	d.pred = [4]int32{}
	return nil
}

// err turns a fault at the next bit into an error.
func (d *decoder) err(f fault) error {
	if f == runsOut {
		if d.b.marker == 0 {
			return errSource
		}
		return cursor.Corrupt("scan", d.b.pos(), "more data", fmt.Sprintf("marker FF%02X", d.b.marker))
	}
	return cursor.Corrupt("scan", d.b.pos(), "valid data", faultWords[f])
}

// mcu decodes the MCU in column x of row y.
func (d *decoder) mcu(x, y int) fault {
	if len(d.s.c) == 1 {
		f := d.block(0, x, y)
		if d.seam != nil && d.s.ss == 0 && d.s.ah == 0 {
			d.seam.see(x, y)
		}
		return f
	}
	for i, c := range d.s.c {
		for v := range int(c.v) {
			for h := range int(c.h) {
				if f := d.block(i, x*int(c.h)+h, y*int(c.v)+v); f != sound {
					return f
				}
				if d.seam != nil && i == 0 && d.s.ah == 0 {
					d.seam.see(x*int(c.h)+h, y*int(c.v)+v)
				}
			}
		}
	}
	return sound
}

// block decodes what the scan holds of one block of its component i.
func (d *decoder) block(i, x, y int) fault {
	switch c := d.s.c[i]; {
	case !d.f.progressive():
		if f := d.average(i); f != sound {
			return f
		}
		return d.sequential(d.ac[d.s.ac[i]])
	case d.s.ss == 0 && d.s.ah == 0:
		return d.average(i)
	case d.s.ss == 0:
		if !d.b.want(1) {
			return runsOut
		}
		d.b.skip(1)
		return sound
	case d.s.ah == 0:
		return d.band(d.ac[d.s.ac[i]], &c.nonzero[y*c.stride+x])
	default:
		return d.refine(d.ac[d.s.ac[i]], &c.nonzero[y*c.stride+x])
	}
}

// short tells a code that no table has from one that is cut off.
func (d *decoder) short() fault {
	if d.b.n < 16 && (d.b.marker != 0 || d.b.err != nil) {
		return runsOut
	}
	return noCode
}

// average decodes a DC difference.
func (d *decoder) average(i int) fault {
	b := &d.b
	if b.n < 32 {
		b.fill()
	}
	sym, l := d.dc[d.s.dc[i]].decode(b.acc)
	t := uint(sym)
	switch {
	case l == 0:
		return d.short()
	case t > d.maxDC:
		return tooLarge
	case l+t > b.n:
		return runsOut
	}
	b.skip(l)
	if t == 0 {
		return sound
	}
	v := int32(b.take(t))
	if v < 1<<(t-1) {
		v += -1<<t + 1
	}
	d.pred[i] += v
	q := int32(d.s.c[i].quant[0])
	if d.seam != nil && i == 0 {
		d.seam.value = d.pred[i] << d.s.al * q
	}
	if a := max(d.pred[i], -d.pred[i]); a > 1<<16 || a<<d.s.al*q > d.limit+q<<d.s.al {
		return tooBright
	}
	return sound
}

// sequential decodes the 63 AC coefficients of a block. Nearly all time goes here, so the bits are kept in
// local variables between fills.
func (d *decoder) sequential(t *table) (f fault) {
	acc, n := d.b.acc, d.b.n
	before := acc
	for k := uint(1); k < 64; {
		if n < 32 {
			d.b.acc, d.b.n = acc, n
			d.b.fill()
			acc, n = d.b.acc, d.b.n
		}
		rs, l := byte(0), uint(0)
		if e := t.look[acc>>(64-lookBits)]; e != 0 {
			rs, l = byte(e), uint(e>>8)
		} else if rs, l = t.decode(acc); l == 0 {
			d.b.acc, d.b.n = acc, n
			return d.short()
		}
		s := uint(rs & 15)
		if l+s > n {
			f = runsOut
			break
		}
		if s == 0 {
			if rs == 0 {
				acc, n = acc<<l, n-l
				before = 1 // the block ends as blocks do
				break
			}
			if rs != 0xF0 {
				f = impossible
				break
			}
			if k += 16; k > 63 {
				f = beyond
				break
			}
			acc, n = acc<<l, n-l
			continue
		}
		if k += uint(rs >> 4); k > 63 {
			f = beyond
			break
		}
		if s > d.maxAC {
			f = tooLarge
			break
		}
		acc, n = acc<<(l+s), n-l-s
		k++
	}
	d.b.acc, d.b.n = acc, n
	if before|acc != 0 {
		d.flat = 0
	} else if d.flat++; d.flat == maxFlat && f == sound {
		return allZero
	}
	return f
}

// maxFlat is how many blocks in a row may have all of their coefficients out of zeros. No picture has them: it would
// have to hold the same loudest pattern in each. A place on a disk that was never written has nothing else.
const maxFlat = 8

// band decodes the first bits of a band of AC coefficients of a progressive picture.
func (d *decoder) band(t *table, nonzero *uint64) fault {
	if d.eobrun > 0 {
		d.eobrun--
		return sound
	}
	b := &d.b
	for k := uint(d.s.ss); k <= uint(d.s.se); {
		if b.n < 32 {
			b.fill()
		}
		rs, l := t.decode(b.acc)
		if l == 0 {
			return d.short()
		}
		r, s := uint(rs>>4), uint(rs&15)
		switch {
		case s == 0 && r < 15:
			if l+r > b.n {
				return runsOut
			}
			b.skip(l)
			d.eobrun = 1<<r - 1
			if r > 0 {
				d.eobrun += int(b.take(r))
			}
			return sound
		case l+s > b.n:
			return runsOut
		case s == 0:
			if k += 16; k > uint(d.s.se) {
				return beyond
			}
			b.skip(l)
			continue
		}
		k += r
		switch {
		case k > uint(d.s.se):
			return beyond
		case s > d.maxAC:
			return tooLarge
		}
		b.skip(l + s)
		*nonzero |= 1 << k
		k++
	}
	return sound
}

// refine decodes one more bit of a band of AC coefficients: a correction bit for each that is not zero yet,
// and those that become so.
func (d *decoder) refine(t *table, nonzero *uint64) fault {
	b := &d.b
	k, se := uint(d.s.ss), uint(d.s.se)
	was := *nonzero
	if d.eobrun == 0 {
		for k <= se {
			if b.n < 32 {
				b.fill()
			}
			rs, l := t.decode(b.acc)
			if l == 0 {
				return d.short()
			}
			r, s := uint(rs>>4), uint(rs&15)
			if s == 0 && r < 15 {
				if l+r > b.n {
					return runsOut
				}
				b.skip(l)
				d.eobrun = 1 << r
				if r > 0 {
					d.eobrun += int(b.take(r))
				}
				break
			}
			switch {
			case s > 1:
				return impossible
			case l+s > b.n:
				return runsOut
			}
			b.skip(l + s)
			// Over r coefficients that are zero, or 16 for a symbol that adds none, and all between them
			// that are not, each of which has a correction bit.
			passed := uint(0)
			for ; k <= se; k++ {
				if was>>k&1 != 0 {
					passed++
				} else if r == 0 {
					break
				} else {
					r--
				}
			}
			if k > se {
				return beyond
			}
			if !d.corrections(passed) {
				return runsOut
			}
			if s != 0 {
				*nonzero |= 1 << k
			}
			k++
		}
	}
	if d.eobrun > 0 {
		if k <= se {
			band := was >> k & (1<<(se-k+1) - 1)
			if !d.corrections(uint(bits.OnesCount64(band))) {
				return runsOut
			}
		}
		d.eobrun--
	}
	return sound
}

// corrections consumes n correction bits, at most 63.
func (d *decoder) corrections(n uint) bool {
	for n > 0 {
		k := min(n, 32)
		if !d.b.want(k) {
			return false
		}
		d.b.skip(k)
		n -= k
	}
	return true
}
