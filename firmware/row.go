package firmware

import "fmt"

// Row is one thing that an answer rests on, as data: a sentence by its code, so that it can be said in any language, and
// what was expected beside what was found.
type Row struct {
	Code   string   // one of those of [RowCodes]
	Args   []string // of the sentence, in its order; names and versions among them are hostile text
	Answer Answer   // what it comes to by itself
	Part   string   // the words of the part that it is about; "" where it is about no single one
	Method string   // "CRC-32"; "" where nothing was computed
	Note   string   // further words, in English; "" for none
	Aside  bool     // it decides nothing
	Reason
}

// RowCodes returns the codes of all rows, each with the number of its arguments.
func RowCodes() map[string]int {
	return map[string]int{
		"whole.failed": 3, "whole.cannot": 3, "whole.passed": 3, // what, part, method
		"whole.cut": 2, "whole.other": 1, // expected, found
		"whole.swapped": 0, "whole.unknown": 0,
		"whole.nocheck": 0, "whole.uncovered": 2, // bytes, of how many
		"genuine.passed": 3, "genuine.failed": 2, "genuine.cannot": 2, "genuine.within": 2, // method, over what; the key that fits
		"genuine.uncovered": 1, "genuine.nokey": 0, "genuine.none": 0,
		"fits.passed": 4, "fits.failed": 4, "fits.words": 4, "fits.nested": 4, "fits.unknown": 2, // kind, wanted; has, and where that is known from
		"fits.nomodel": 0, "fits.none": 0, "fits.nodevice": 0,
		"room.passed": 4, "room.failed": 4, "room.unknown": 3, // part, bytes, where; bytes that are there
		"during.passed": 3, "during.failed": 3, "during.unknown": 2, // part, bytes; bytes that are there
		"version.refused": 2, "version.allowed": 2, "version.older": 2, "version.same": 2, "version.newer": 2, // of the package, of the device
		"settings":       1,
		"warning.loader": 1, "warning.unique": 1, // part
	}
}

// Recognition is the method of the check that fails when a file is something else than firmware, and cannot be made where
// nothing is known of it. OrderOfBytes is what it is about where they were exchanged.
const (
	Recognition  = "recognition"
	OrderOfBytes = "order of bytes"
)

// checkRow is a check of x, which stands at a place of the file, -1 for none.
func checkRow(x *Part, c *Check, at int64, root bool) Row {
	r := Row{Args: []string{c.What, x.words(), c.Method}, Part: x.words(), Method: c.Method, Note: c.Why,
		Reason: Reason{Format: x.Format, Region: c.What, Offset: at, Size: c.Extent.Length, Expected: c.Expected, Found: c.Found}}
	if at >= 0 {
		r.Offset += c.Extent.Offset
	}
	switch c.State {
	case Failed:
		r.Code, r.Answer = "whole.failed", No
		switch {
		case root && c.Method == "size" && c.Why != "":
			r.Code, r.Args = "whole.cut", []string{c.Expected, c.Found}
		case root && c.Method == Recognition && c.What == OrderOfBytes:
			r.Code, r.Args = "whole.swapped", nil
		case root && c.Method == Recognition:
			r.Code, r.Args = "whole.other", []string{c.Found}
		}
	case Passed:
		r.Code, r.Answer = "whole.passed", OK
	default:
		r.Code, r.Answer = "whole.cannot", CannotTell
		if root && c.Method == Recognition {
			r.Code, r.Args = "whole.unknown", nil
		}
	}
	return r
}

// signatureRow is a signature of x. One that is within another's decides nothing.
func signatureRow(x *Part, s *Signature, at int64, within bool) Row {
	r := Row{Args: []string{s.Method, s.What}, Part: x.words(), Method: s.Method, Note: s.Why,
		Reason: Reason{Format: x.Format, Region: s.What, Offset: at, Size: x.Size, Expected: signerOf(s), Found: s.Why}}
	if s.Weak != "" {
		r.Note = fmt.Sprintf("%s; weak: %s", r.Note, s.Weak)
	}
	switch {
	case within:
		r.Code, r.Answer, r.Aside = "genuine.within", OK, true
	case s.State == Passed:
		r.Code, r.Answer, r.Args, r.Found = "genuine.passed", OK, append(r.Args, s.Key), s.Key
	case s.State == Failed:
		r.Code, r.Answer = "genuine.failed", No
	default:
		r.Code, r.Answer = "genuine.cannot", CannotTell
	}
	return r
}

// signerOf says who signed, and until when, by the signature's own word.
func signerOf(s *Signature) string {
	out := s.Signer
	if s.NotAfter != "" {
		out += " (" + s.NotBefore + " – " + s.NotAfter + ")"
	}
	return out
}

// ordered puts rows into an order: those that are against it first, then what cannot be told, then the rest.
func ordered(lists ...[]Row) []Row {
	var out []Row
	for _, a := range []Answer{No, CannotTell, OK} {
		for _, l := range lists {
			for _, r := range l {
				if r.Answer == a {
					out = append(out, r)
				}
			}
		}
	}
	return out
}
