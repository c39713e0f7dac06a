package firmware

import (
	"encoding/hex"
	"fmt"

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
}

// Whole answers whether every check of the package and of all its parts was passed. It cannot tell when a check could
// not be made, or when bytes of the package are covered by none: of a format without sums nothing is known.
func Whole(p *Part) Verdict {
	var failed, cannot, passed []string
	p.Walk(func(x *Part, _ int) bool {
		for _, c := range x.Checks {
			where := fmt.Sprintf("%s of %s", c.What, x.words())
			switch c.State {
			case Failed:
				s := fmt.Sprintf("%s: %s: expected %s, found %s", where, c.Method, c.Expected, c.Found)
				if c.Why != "" {
					s += " (" + c.Why + ")"
				}
				failed = append(failed, s)
			case Cannot:
				cannot = append(cannot, fmt.Sprintf("%s: %s could not be checked: %s", where, c.Method, c.Why))
			case Passed:
				passed = append(passed, fmt.Sprintf("%s: %s fits", where, c.Method))
			}
		}
		return true
	})
	uncovered := p.Uncovered()
	switch {
	case len(failed) > 0:
		return Verdict{No, failed}
	case len(cannot) > 0:
		return Verdict{CannotTell, cannot}
	case len(passed) == 0:
		return Verdict{CannotTell, []string{"the format carries no check of its content"}}
	case !uncovered.Empty():
		return Verdict{CannotTell, []string{fmt.Sprintf("%d of %d bytes are covered by no check", uncovered.Bytes(), p.Size)}}
	}
	return Verdict{OK, passed}
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

// Uncovered returns the bytes of the part that no strong check covers which was passed: its own, or one of a part that
// stands in it as it is.
func (p *Part) Uncovered() block.Set {
	whole := block.Extent{Length: p.Size}
	return p.covered().Complement(whole)
}

func (p *Part) covered() block.Set {
	whole := block.Extent{Length: p.Size}
	var s block.Set
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

// Genuine answers whether a signature over the package was checked with a key that was given. Without a key the answer
// is never OK.
func Genuine(p *Part) Verdict {
	var good, bad, open []string
	p.Walk(func(x *Part, _ int) bool {
		for _, s := range x.Signatures {
			line := fmt.Sprintf("%s over %s", s.Method, s.What)
			if s.Signer != "" {
				line += ", by " + s.Signer
			}
			if s.NotAfter != "" {
				line += ", valid until " + s.NotAfter
			}
			if s.Weak != "" {
				line += "; weak: " + s.Weak
			}
			switch s.State {
			case Passed:
				good = append(good, line+": fits the key "+s.Key)
			case Failed:
				bad = append(bad, line+": does not fit: "+s.Why)
			default:
				open = append(open, line+": "+s.Why)
			}
		}
		return true
	})
	switch {
	case len(bad) > 0:
		return Verdict{No, append(bad, open...)}
	case len(good) > 0 && len(open) == 0:
		return Verdict{OK, good}
	case len(good) > 0:
		return Verdict{CannotTell, append(open, good...)}
	case len(open) > 0:
		return Verdict{CannotTell, append(open, "cannot tell without the maker's key")}
	}
	return Verdict{CannotTell, []string{"the package carries no signature"}}
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
		Why: "the file ends inside of it: a download or copy that was cut off"}
}
