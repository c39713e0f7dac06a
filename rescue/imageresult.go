package rescue

import (
	"encoding/hex"
	"fmt"
	"strings"

	"salvor/host"
	"salvor/imaging"
	"salvor/imaging/ewf"
	"salvor/internal/wire"
)

// result says what the copy came to.
func (c *imageCopy) result(res imaging.Result, packed *ewf.Result) (wire.Result, error) {
	left, places := int64(0), 0
	for e, st := range c.m.All() {
		if d := c.Plan.Domain; st != imaging.Finished && (d == nil || d.Overlaps(e)) {
			n := e.Length
			if d != nil {
				n = d.Within(e).Bytes()
			}
			left, places = left+n, places+1
		}
	}
	list, err := c.listHash()
	if err != nil {
		return wire.Result{}, err
	}
	exit, state := ExitDone, fmt.Sprintf("%s was copied: %s", c.Source, host.Bytes(res.Done))
	next := fmt.Sprintf("run `salvor rescue %s --to CASE` to save the files", c.Image)
	if left > 0 {
		exit = ExitReserved
		state = fmt.Sprintf("%s was copied but for %s in %d places", c.Source, host.Bytes(left), places)
		next = fmt.Sprintf("run `salvor map show %s` to see where, or the same command with --retry-passes=3 to try these places again", c.Map)
	}
	holds := c.Image + " holds"
	switch {
	case c.kind == toParts:
		holds = host.PartName(c.Image, 1) + " and the parts behind it hold"
		next = strings.Replace(next, c.Image, host.PartName(c.Image, 1), 1)
	case packed != nil && left > 0:
		holds = c.Image + " and " + c.target() + ", which further runs need, hold"
	}
	safe := fmt.Sprintf("%s %s; its hashes stand in %s (list hash %s)", holds, host.Bytes(res.Done), c.Sums, list)
	if packed != nil {
		safe += fmt.Sprintf("; MD5 %x, SHA-1 %x", packed.MD5, packed.SHA1)
	}
	if len(res.SHA256) > 0 {
		safe += "; SHA-256 " + hex.EncodeToString(res.SHA256)
	}
	return wire.NewResult(exit, state, safe, next), nil
}

// packing tells how far the image is written that is made of the raw copy.
func (c *imageCopy) packing(done, total int64) {
	l := wire.NewProgress("pack", done, total, "bytes")
	l.Words = "writing " + c.Image
	c.events.Progress(l)
}
