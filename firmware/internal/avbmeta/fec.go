package avbmeta

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"salvor/block"
	"salvor/firmware"
	"salvor/firmware/internal/region"
)

const (
	codeLength = 255
	fecBlock   = 4096
	maxRoots   = 24
)

// code is a Reed-Solomon code over GF(256) with the polynomial 0x11d, first root 0, as libfec and dm-verity use it.
type code struct {
	roots int
	// feed has, for each feedback, what is added to the bytes of the register.
	feed [256][]byte
	pair [256][2]byte // feed, for two roots
}

func newCode(roots int) *code {
	var exp [255]byte
	var log [256]int
	x := 1
	for i := range exp {
		exp[i], log[x] = byte(x), i
		if x <<= 1; x > 255 {
			x ^= 0x11d
		}
	}
	mul := func(a, b byte) byte {
		if a == 0 || b == 0 {
			return 0
		}
		return exp[(log[a]+log[b])%255]
	}
	// The generator is the product of x - α^i, its lowest coefficient first.
	g := []byte{1}
	for i := range roots {
		next := make([]byte, len(g)+1)
		for k, v := range g {
			next[k] ^= mul(v, exp[i])
			next[k+1] ^= v
		}
		g = next
	}
	c := &code{roots: roots}
	for f := range c.feed {
		row := make([]byte, roots)
		for j := range row {
			row[j] = mul(byte(f), g[roots-1-j])
		}
		c.feed[f] = row
		copy(c.pair[f][:], row)
	}
	return c
}

// take takes the next byte of each of the code words whose registers stand one behind the other.
func (c *code) take(registers, p []byte) {
	if c.roots != 2 {
		for i, b := range p {
			c.push(registers[i*c.roots:(i+1)*c.roots], b)
		}
		return
	}
	registers = registers[:2*len(p)] // what nearly every image has
	for i, b := range p {
		r := registers[2*i : 2*i+2 : 2*i+2]
		f := c.pair[b^r[0]]
		r[0], r[1] = r[1]^f[0], f[1]
	}
}

// push takes the next byte of one code word into its register.
func (c *code) push(register []byte, b byte) {
	row := c.feed[b^register[0]]
	copy(register, register[1:])
	register[len(register)-1] = 0
	for i, v := range row {
		register[i] ^= v
	}
}

// checkFEC recomputes the bytes of the code over all that stands in front of them.
func checkFEC(ctx context.Context, image block.Source, d *Descriptor) firmware.Check {
	c := firmware.Check{What: "Reed-Solomon code", Method: "recomputed", State: firmware.Passed, Extent: d.FEC, Strong: true}
	data := d.FEC.Offset
	if d.Roots < 2 || d.Roots > maxRoots || data%fecBlock != 0 {
		c.State, c.Expected, c.Found = firmware.Failed, "2 to 24 roots over whole blocks", fmt.Sprintf("%d roots over %d bytes", d.Roots, data)
		return c
	}
	symbols := int64(codeLength - d.Roots)
	rounds := (data/fecBlock + symbols - 1) / symbols
	size := rounds * fecBlock * int64(d.Roots)
	c.Expected, c.Found = fmt.Sprintf("%d bytes over %d", size, data), fmt.Sprintf("%d bytes that fit", d.FEC.Length)
	if size != d.FEC.Length {
		c.State, c.Found = firmware.Failed, fmt.Sprintf("%d bytes", d.FEC.Length)
		return c
	}
	words := rounds * fecBlock // code words, each of one byte of every stretch
	rs := newCode(d.Roots)
	const most = 256 << 10
	part := make([]byte, most)
	stored := make([]byte, most*d.Roots)
	registers := make([]byte, most*d.Roots)
	for at := int64(0); at < words; at += most {
		n := int(min(most, words-at))
		clear(registers)
		for j := range symbols {
			from := at + j*words
			if err := ctx.Err(); err != nil {
				return region.Unread(c.What, c.Method, d.FEC, "", image.Size(), err)
			}
			p := part[:n]
			clear(p)
			if here := min(int64(n), data-from); here > 0 {
				if m, err := image.ReadAt(p[:here], from); int64(m) < here {
					if err == nil {
						err = io.ErrUnexpectedEOF
					}
					return region.Unread(c.What, c.Method, d.FEC, "", image.Size(), err)
				}
			}
			rs.take(registers, p)
		}
		p := stored[:n*d.Roots]
		if m, err := image.ReadAt(p, d.FEC.Offset+at*int64(d.Roots)); m < len(p) {
			if err == nil {
				err = io.ErrUnexpectedEOF
			}
			return region.Unread(c.What, c.Method, d.FEC, "", image.Size(), err)
		}
		if !bytes.Equal(p, registers[:n*d.Roots]) {
			c.State, c.Found = firmware.Failed, fmt.Sprintf("others from %d on", d.FEC.Offset+at*int64(d.Roots))
			return c
		}
	}
	return c
}
