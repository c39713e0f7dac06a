package firmware

import (
	"encoding/hex"
	"fmt"
	"slices"

	"salvor/block"
)

// Answer is the answer to one of the three questions about a package.
type Answer uint8

// The answers, from the best to the worst for whoever wants to install.
const (
	OK Answer = iota
	CannotTell
	No
)

func (a Answer) String() string {
	switch a {
	case OK:
		return "OK"
	case No:
		return "NO"
	}
	return "CANNOT TELL"
}

// Verdict is an answer with its reasons, the weightiest first.
type Verdict struct {
	Answer  Answer
	Reasons []string
	// Lead is the weightiest reason as data.
	Lead Reason
	// Rows are all that was held against each other, as data: what speaks against it first, what speaks for it last.
	Rows []Row
}

// Reason is why an answer was given: what was looked at, and where.
type Reason struct {
	Format          string // of the part: "fit"
	Region          string // what of it: "data of kernel"
	Offset          int64  // in the file that was opened, in bytes; -1 where the bytes stand in no one place of it
	Size            int64  // bytes
	Expected, Found string
}

// nowhere is the place of a reason that has none.
var nowhere = Reason{Offset: -1}

// Whole answers whether every check of the package and of all its parts was passed. It cannot tell when a check could
// not be made, or when bytes of the package are covered by none: of a format without sums nothing is known.
func Whole(p *Part) Verdict {
	var failed, cannot, passed []string
	var rows []Row
	var lead [Cannot + 1]*Reason
	covers := map[*Part]block.Set{}
	walkPlaced(p, func(x *Part, at int64) {
		covers[x] = covers[x].Union(x.covered())
		x.hand(covers)
		for _, c := range x.Checks {
			where := fmt.Sprintf("%s of %s", c.What, x.words())
			if c.State == Cannot && c.Extent.Length > 0 && covers[x].Contains(c.Extent) {
				continue // a sum around it says that these are the bytes that were meant
			}
			rows = append(rows, checkRow(x, &c, at, x == p))
			if lead[c.State] == nil {
				lead[c.State] = &Reason{Format: x.Format, Region: where, Offset: at, Size: c.Extent.Length, Expected: c.Expected, Found: c.Found}
				if at >= 0 {
					lead[c.State].Offset += c.Extent.Offset
				}
			}
			switch c.State {
			case Failed:
				s := fmt.Sprintf("%s: %s: expected %s, found %s", where, c.Method, c.Expected, c.Found)
				why := c.Why
				if x == p && c.Method == "size" && why != "" {
					if in := p.endsIn(); in != "" {
						why += ", in the " + in
					}
					why += ": a download or copy that was cut off"
				}
				if why != "" {
					s += " (" + why + ")"
				}
				failed = append(failed, s)
			case Cannot:
				cannot = append(cannot, fmt.Sprintf("%s: %s could not be checked: %s", where, c.Method, c.Why))
			case Passed:
				passed = append(passed, fmt.Sprintf("%s: %s fits", where, c.Method))
			}
		}
	})
	passed = slices.Compact(passed) // one check over several stretches
	uncovered := p.Uncovered()
	switch {
	case len(failed) > 0:
		return Verdict{No, failed, *lead[Failed], ordered(rows)}
	case len(cannot) > 0:
		return Verdict{CannotTell, cannot, *lead[Cannot], ordered(rows)}
	case len(passed) == 0:
		l := Reason{Format: p.Format, Size: p.Size}
		return Verdict{CannotTell, []string{"the format carries no check of its content"}, l, []Row{{Code: "whole.nocheck", Answer: CannotTell, Reason: l}}}
	case !uncovered.Empty():
		first := uncovered.Extents()[0]
		l := Reason{Format: p.Format, Region: "what no check covers", Offset: first.Offset, Size: first.Length}
		open := Row{Code: "whole.uncovered", Args: []string{fmt.Sprint(uncovered.Bytes()), fmt.Sprint(p.Size)}, Answer: CannotTell, Reason: l}
		return Verdict{CannotTell, []string{fmt.Sprintf("%d of %d bytes are covered by no check", uncovered.Bytes(), p.Size)}, l, ordered([]Row{open}, rows)}
	}
	return Verdict{OK, slices.Compact(passed), *lead[Passed], ordered(rows)} // the same check over several stretches is one reason
}

// hand gives what is covered of p to the parts in it: a sum over p is one over them. What came out of bytes that are all
// covered is covered.
func (p *Part) hand(covers map[*Part]block.Set) {
	whole := block.Extent{Length: p.Size}
	for _, c := range p.Children {
		switch {
		case !c.Unpacked:
			covers[c] = covers[p].Within(block.Extent{Offset: c.Offset, Length: c.Size}).Shift(-c.Offset)
		case covers[p].Contains(whole):
			covers[c] = block.SetOf(block.Extent{Length: c.Size})
		}
	}
}

// walkPlaced visits p and all below it, with the place of each part in p, -1 where it has none.
func walkPlaced(p *Part, visit func(x *Part, at int64)) {
	places := []int64{0}
	p.Walk(func(x *Part, depth int) bool {
		places = places[:depth+1]
		if depth > 0 {
			if places[depth] = -1; !x.Unpacked && places[depth-1] >= 0 {
				places[depth] = places[depth-1] + x.Offset
			}
		}
		visit(x, places[depth])
		places = append(places, 0)
		return true
	})
}

// words names a part for people.
func (p *Part) words() string {
	switch {
	case p.Name != "" && p.Title != "":
		return fmt.Sprintf("%s %q", p.Title, p.Name)
	case p.Name != "":
		return fmt.Sprintf("%q", p.Name)
	case p.Title != "":
		return p.Title
	}
	return string(p.Role)
}

// Uncovered returns the bytes of the part that no strong check covers which was passed, its own or one of a part that
// stands in it as it is, and that are not unused.
func (p *Part) Uncovered() block.Set {
	whole := block.Extent{Length: p.Size}
	return p.covered().Complement(whole)
}

func (p *Part) covered() block.Set {
	whole := block.Extent{Length: p.Size}
	s := p.Unused.Within(whole)
	for _, c := range p.Checks {
		if c.State == Passed && c.Strong {
			s.Add(c.Extent.Intersect(whole))
		}
	}
	for _, c := range p.Children {
		if c.Unpacked {
			continue // what proves it proves nothing of the bytes that it was packed in
		}
		for e := range c.covered().All() {
			s.Add(e.Shift(c.Offset).Intersect(whole))
		}
	}
	return s
}

// Genuine answers whether signatures that were checked with a key that was given cover the package, itself or all that it
// holds. Without a key the answer is never OK.
//
// What stands in a part that is genuine as a whole is genuine with it, whatever its own signatures say: they may be for
// another reader, who has another key.
func Genuine(p *Part) Verdict {
	var good, bad, open, within []string
	var rows []Row
	var lead [Cannot + 1]*Reason
	vouched := map[*Part]bool{} // parts that stand in one which is genuine as a whole
	walkPlaced(p, func(x *Part, at int64) {
		if vouched[x] || slices.ContainsFunc(x.Signatures, whole) {
			for _, c := range x.Children {
				vouched[c] = true
			}
		}
		for _, s := range x.Signatures {
			rows = append(rows, signatureRow(x, &s, at, s.State != Passed && vouched[x]))
			if s.State != Passed && vouched[x] {
				within = append(within, s.line()+": "+s.Why+"; the signature around it covers it")
				continue
			}
			if lead[s.State] == nil {
				lead[s.State] = &Reason{Format: x.Format, Region: s.What, Offset: at, Size: x.Size, Expected: "a signature that fits a key that was given", Found: s.Why}
			}
			switch line := s.line(); s.State {
			case Passed:
				line += ": fits the key " + s.Key
				if s.Why != "" {
					line += " (" + s.Why + ")"
				}
				good = append(good, line)
				lead[Passed].Found = "it fits " + s.Key
			case Failed:
				bad = append(bad, line+": does not fit: "+s.Why)
			default:
				open = append(open, line+": "+s.Why)
			}
		}
	})
	switch {
	case len(bad) > 0:
		return Verdict{No, append(bad, open...), *lead[Failed], ordered(rows)}
	case len(good) > 0 && len(open) == 0:
		if x := unsigned(p); x != nil {
			l := Reason{Format: x.Format, Region: x.words(), Offset: -1, Size: x.Size, Expected: "a signature", Found: "none"}
			none := Row{Code: "genuine.uncovered", Args: []string{x.words()}, Answer: CannotTell, Part: x.words(), Reason: l}
			return Verdict{CannotTell, append([]string{fmt.Sprintf("no signature covers %s", x.words())}, good...), l, ordered([]Row{none}, rows)}
		}
		return Verdict{OK, append(good, within...), *lead[Passed], ordered(rows)}
	case len(good) > 0:
		return Verdict{CannotTell, append(open, good...), *lead[Cannot], ordered(rows)}
	case len(open) > 0:
		nokey := Row{Code: "genuine.nokey", Answer: CannotTell, Reason: nowhere}
		return Verdict{CannotTell, append(open, "cannot tell without the maker's key"), *lead[Cannot], ordered(rows, []Row{nokey})}
	}
	return Verdict{CannotTell, []string{"the package carries no signature"}, nowhere, []Row{{Code: "genuine.none", Answer: CannotTell, Reason: nowhere}}}
}

// whole reports whether a signature makes the part that it stands on genuine.
func whole(s Signature) bool { return s.State == Passed && !s.Partial }

// line says what a signature is over, by whom, and until when.
func (s *Signature) line() string {
	line := fmt.Sprintf("%s over %s", s.Method, s.What)
	if s.Signer != "" {
		line += ", by " + s.Signer
	}
	if s.NotAfter != "" {
		line += ", valid"
		if s.NotBefore != "" {
			line += " from " + s.NotBefore
		}
		line += " until " + s.NotAfter
	}
	if s.Weak != "" {
		line += "; weak: " + s.Weak
	}
	return line
}

// unsigned returns the first part that no signature covers which was passed: neither its own, nor one of a part that it
// stands in, nor those of all that it consists of. A signature itself needs none.
func unsigned(p *Part) *Part {
	if slices.ContainsFunc(p.Signatures, whole) {
		return nil
	}
	if p.Role == Signed || p.Size == 0 {
		return nil
	}
	if len(p.Children) == 0 {
		return p
	}
	for _, c := range p.Children {
		if x := unsigned(c); x != nil {
			return x
		}
	}
	return nil
}

// Sum32 is the check of a sum of 32 bits.
func Sum32(what, method string, over block.Extent, expected, found uint32) Check {
	c := Check{What: what, Method: method, State: Passed, Extent: over, Strong: true, Expected: fmt.Sprintf("%08x", expected), Found: fmt.Sprintf("%08x", found)}
	if expected != found {
		c.State = Failed
	}
	return c
}

// Digest is the check of a hash.
func Digest(what, method string, over block.Extent, expected, found []byte) Check {
	c := Check{What: what, Method: method, State: Passed, Extent: over, Strong: len(expected) >= 4, Expected: hex.EncodeToString(expected), Found: hex.EncodeToString(found)}
	if c.Expected != c.Found {
		c.State = Failed
	}
	return c
}

// Cut is the failed check of a part that ends behind the end of what is here.
func Cut(what string, end, size int64) Check {
	return Check{What: what, Method: "size", State: Failed, Extent: block.Between(0, size), Expected: fmt.Sprintf("%d bytes", end), Found: fmt.Sprintf("%d bytes", size),
		Why: fmt.Sprintf("%s of %s bytes are there; it ends inside the %s", counted(size), counted(end), what)}
}
