package firmware

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// identities are the kinds that name one model, in whichever words: what one maker calls compatible, another calls a board
// or numbers. One of them that holds is enough.
var identities = []ClaimKind{Compatible, Board, Product, GUID, USB}

// builds are the kinds that name what programs run on.
var builds = []ClaimKind{Family, Chip, Architecture}

// names are the kinds of names, which are compared with each other.
var names = []ClaimKind{Compatible, Board}

// Fits answers whether the package is for the device, by everything that it claims and installs. What nothing is known of
// is told as such; a package that claims nothing fits nothing that can be told.
func Fits(p *Part, d *Device) Verdict {
	f := &fitting{d: d}
	kinds := f.claimed(p)
	for _, kind := range kinds {
		f.claim(kind)
	}
	p.Walk(func(x *Part, _ int) bool {
		for _, i := range x.Installs {
			f.install(x, i)
		}
		return true
	})
	f.versions(p)
	if f.model {
		f.settle(identities)
		f.settle(builds)
	}
	if f.build {
		f.settle(builds)
	}
	if !f.model && len(f.open) == 0 && len(f.yes)+len(f.no) > 0 {
		f.open = append(f.open, told{text: "nothing in the package names the model", lead: nowhere, code: "fits.nomodel"})
	}
	f.settings(p)
	aside := rowsOf(f.notes, OK)
	for i := range aside {
		aside[i].Aside = true
	}
	rows := ordered(rowsOf(f.no, No), rowsOf(f.open, CannotTell), rowsOf(f.yes, OK), aside)
	switch {
	case len(f.no) > 0:
		return verdict(rows, No, f.no, f.open, f.notes)
	case len(f.open) > 0:
		return verdict(rows, CannotTell, f.open, f.yes, f.notes)
	case len(f.yes) > 0:
		return verdict(rows, OK, f.yes, f.notes)
	}
	none := []told{{text: "the package does not say which device it is for", lead: nowhere, code: "fits.none"}}
	return verdict(ordered(rowsOf(none, CannotTell), rows), CannotTell, none, f.notes)
}

// told is a reason in words, as data, and the kind of claim that it is about.
type told struct {
	text string
	kind ClaimKind
	lead Reason
	code string   // of the row
	args []string // of the row
}

// rowsOf returns the rows of reasons that all come to one answer.
func rowsOf(list []told, a Answer) (out []Row) {
	for _, t := range list {
		out = append(out, Row{Code: t.code, Args: t.args, Answer: a, Reason: t.lead})
	}
	return out
}

func verdict(rows []Row, a Answer, lists ...[]told) Verdict {
	v := Verdict{Answer: a, Lead: lists[0][0].lead, Rows: rows}
	for _, l := range lists {
		for _, t := range l {
			v.Reasons = append(v.Reasons, t.text)
		}
	}
	return v
}

// choice is one claim: the device must have one of the values.
type choice struct {
	values []string
	format string
	depth  int // levels below the package
}

// fitting gathers what speaks for and against.
type fitting struct {
	d      *Device
	claims map[ClaimKind][]choice
	// yes speaks for it, no against it, open is not known. Notes decide nothing.
	yes, no, open, notes []told
	model                bool // the model was named and is the right one
	depth                int  // how deep the claim stands by which it is
	build                bool // what programs run on was named and is right
}

// claimed gathers the claims of the whole package by their kinds, names of models together.
func (f *fitting) claimed(p *Part) []ClaimKind {
	f.claims = map[ClaimKind][]choice{}
	var order []ClaimKind
	p.Walk(func(x *Part, depth int) bool {
		for _, c := range x.Claims {
			kind := c.Kind
			if slices.Contains(names, kind) {
				kind = Compatible
			}
			if kind == KeepsSettings || len(c.Values) == 0 {
				continue
			}
			if f.claims[kind] == nil {
				order = append(order, kind)
			}
			if !slices.ContainsFunc(f.claims[kind], func(o choice) bool { return slices.Equal(o.values, c.Values) }) {
				f.claims[kind] = append(f.claims[kind], choice{c.Values, x.Format, depth})
			}
		}
		return true
	})
	return order
}

// facts returns what is known of a kind.
func (f *fitting) facts(kind ClaimKind) (out []Fact) {
	for _, x := range f.d.Facts {
		switch {
		case x.Kind == kind, kind == Compatible && (x.Kind == Board || x.Kind == Model), x.Kind == Installed && (kind == LeastVersion || kind == ExactSource):
			out = append(out, x)
		}
	}
	return out
}

func (f *fitting) claim(kind ClaimKind) {
	facts := f.facts(kind)
	for _, c := range f.claims[kind] {
		want := strings.Join(c.values, ", ")
		lead := Reason{Format: c.format, Region: string(kind), Offset: -1, Expected: want, Found: "not known"}
		if len(facts) == 0 {
			f.open = append(f.open, told{fmt.Sprintf("%s: the package wants %s, and of the device it is not known", kind, want), kind, lead, "fits.unknown", []string{string(kind), want}})
			continue
		}
		fact, best := facts[0], No
		for _, x := range facts {
			for _, v := range c.values {
				if a := holds(kind, v, x); a < best {
					fact, best = x, a
				}
			}
		}
		lead.Found = fact.Value
		t := told{fmt.Sprintf("%s: the package wants %s, the device has %s (%s)", kind, want, fact.Value, fact.From), kind, lead, "fits.failed", []string{string(kind), want, fact.Value, fact.From}}
		switch best {
		case OK:
			t.code = "fits.passed"
			f.yes = append(f.yes, t)
			if !f.model && slices.Contains(identities, kind) {
				f.model, f.depth = true, c.depth
			}
			f.build = f.build || slices.Contains(builds, kind)
		case CannotTell:
			t.text += ": other words, which may mean the same"
			t.code = "fits.words"
			f.open = append(f.open, t)
		case No:
			if f.model && c.depth > f.depth && slices.Contains(names, kind) && !sameScheme(c.values, facts) {
				t.text += ": it stands in a package that is for this device, and is in words of another kind"
				t.code = "fits.nested"
				f.open = append(f.open, t)
				break
			}
			f.no = append(f.no, t)
		}
	}
}

// sameScheme reports whether something is known of the device in the words of a claim: names of device trees have a comma
// behind the maker, those of update programs are the maker's own.
func sameScheme(values []string, facts []Fact) bool {
	return slices.ContainsFunc(facts, func(x Fact) bool {
		return slices.ContainsFunc(values, func(v string) bool { return strings.Contains(v, ",") == strings.Contains(x.Value, ",") })
	})
}

// settle makes notes of what is open about kinds of which another one holds.
func (f *fitting) settle(kinds []ClaimKind) {
	f.open = slices.DeleteFunc(f.open, func(t told) bool {
		if !slices.Contains(kinds, t.kind) {
			return false
		}
		f.notes = append(f.notes, t)
		return true
	})
}

// holds says whether what a device has satisfies one value of a claim.
func holds(kind ClaimKind, want string, has Fact) Answer {
	switch kind {
	case LeastVersion, LeastLoader:
		return yesNo(CompareVersions(has.Value, want) >= 0)
	case Rollback, NewerThanBuild:
		return numbers(want, has.Value, func(w, h int64) bool { return w >= h })
	case FlashSize:
		return numbers(want, has.Value, func(w, h int64) bool { return h >= w })
	case Family, Product:
		return numbers(want, has.Value, func(w, h int64) bool { return w == h })
	case CompatVersion:
		// OpenWrt: a device takes images of its own first number only.
		a, _, _ := strings.Cut(want, ".")
		b, _, _ := strings.Cut(has.Value, ".")
		return yesNo(a == b)
	case Hardware:
		if pattern, ok := strings.CutPrefix(want, "#RE:"); ok { // SWUpdate: an extended regular expression of POSIX
			re, err := regexp.CompilePOSIX(pattern)
			if err != nil {
				return CannotTell
			}
			return yesNo(re.MatchString(has.Value))
		}
	}
	if has.Kind == Model {
		return sameModel(want, has.Value)
	}
	return yesNo(strings.EqualFold(strings.TrimSpace(want), strings.TrimSpace(has.Value)))
}

func yesNo(ok bool) Answer {
	if ok {
		return OK
	}
	return No
}

// numbers compares numbers in decimal or with 0x; what is no number is compared as text.
func numbers(want, has string, fits func(w, h int64) bool) Answer {
	w, err1 := strconv.ParseInt(want, 0, 64)
	h, err2 := strconv.ParseInt(has, 0, 64)
	if err1 != nil || err2 != nil {
		return yesNo(strings.EqualFold(want, has))
	}
	return yesNo(fits(w, h))
}

// install holds what a part needs against the place that it goes to.
func (f *fitting) install(p *Part, i Install) {
	lead := Reason{Format: p.Format, Region: p.words(), Offset: -1, Size: p.Size}
	if i.During > 0 {
		lead := lead
		lead.Expected, lead.Found = fmt.Sprintf("%d bytes for the time of the update", i.During), fmt.Sprintf("%d bytes", f.d.Temp)
		line := fmt.Sprintf("temporary room: %s needs %d bytes while it is installed", p.words(), i.During)
		args := []string{p.words(), fmt.Sprint(i.During), fmt.Sprint(f.d.Temp)}
		switch {
		case f.d.Temp == 0:
			lead.Found = "not known"
			f.notes = append(f.notes, told{line + "; how much the device has is not known", "", lead, "during.unknown", args[:2]})
		case i.During > f.d.Temp:
			f.no = append(f.no, told{fmt.Sprintf("%s, the device has %d", line, f.d.Temp), "", lead, "during.failed", args})
		default:
			f.yes = append(f.yes, told{fmt.Sprintf("%s, the device has %d", line, f.d.Temp), "", lead, "during.passed", args})
		}
	}
	if i.Needs <= 0 || i.Where == "" {
		return
	}
	lead.Expected = fmt.Sprintf("%d bytes in %s", i.Needs, i.Where)
	spaces := f.spaces(i.Where)
	if len(spaces) == 0 {
		lead.Found = "not known"
		f.open = append(f.open, told{fmt.Sprintf("room: %s goes to %s and needs %d bytes there; how large that is on the device is not known", p.words(), i.Where, i.Needs), "", lead,
			"room.unknown", []string{p.words(), fmt.Sprint(i.Needs), i.Where}})
		return
	}
	s := slices.MinFunc(spaces, func(a, b Space) int { return int(min(max(a.Size-b.Size, -1), 1)) })
	lead.Found = fmt.Sprintf("%d bytes", s.Size)
	t := told{fmt.Sprintf("room: %s needs %d bytes in %s, which has %d (%s)", p.words(), i.Needs, s.Name, s.Size, s.From), "", lead,
		"room.passed", []string{p.words(), fmt.Sprint(i.Needs), s.Name, fmt.Sprint(s.Size)}}
	if i.Needs > s.Size {
		t.code = "room.failed"
		f.no = append(f.no, t)
	} else {
		f.yes = append(f.yes, t)
	}
}

// spaces are the places that a package may mean: the one of the name, or all slots of it.
func (f *fitting) spaces(where string) (out []Space) {
	for _, s := range f.d.Spaces {
		if strings.EqualFold(s.Name, where) {
			return []Space{s}
		}
		if strings.EqualFold(slotClass(s.Name), slotClass(where)) {
			out = append(out, s)
		}
	}
	return out
}

// slotClass is the name of a slot without what tells it from its twin: rootfs of rootfs_a, rootfs.0 and rootfs-b.
func slotClass(name string) string {
	for _, suffix := range []string{"_a", "_b", "-a", "-b", ".0", ".1", "_0", "_1", "_A", "_B", "-A", "-B", ".a", ".b"} {
		if c, ok := strings.CutSuffix(name, suffix); ok && c != "" {
			return c
		}
	}
	return name
}

// versions tells of a step back. It is told, and no reason against by itself: some devices want it. Below what a device
// allows it is one.
func (f *fitting) versions(p *Part) {
	for p.Version == "" && len(p.Children) == 1 {
		p = p.Children[0]
	}
	if p.Version == "" {
		return
	}
	lead := Reason{Format: p.Format, Region: "version", Offset: -1}
	for _, least := range f.facts(LeastAllowed) {
		lead.Expected, lead.Found = least.Value+" or newer", p.Version
		line := fmt.Sprintf("version: %s; the device takes %s or newer (%s)", p.Version, least.Value, least.From)
		if CompareVersions(p.Version, least.Value) < 0 {
			f.no = append(f.no, told{line, "", lead, "version.refused", []string{p.Version, least.Value}})
		} else {
			f.yes = append(f.yes, told{line, "", lead, "version.allowed", []string{p.Version, least.Value}})
		}
	}
	installed := f.facts(Installed)
	if len(installed) == 0 {
		return
	}
	has := installed[0]
	lead.Expected, lead.Found = "newer than "+has.Value, p.Version
	args := []string{p.Version, has.Value}
	switch c := CompareVersions(p.Version, has.Value); {
	case c < 0:
		f.open = append(f.open, told{fmt.Sprintf("version: %s is older than %s, which is installed (%s): a step back, which many devices refuse", p.Version, has.Value, has.From), "", lead, "version.older", args})
	case c == 0:
		f.yes = append(f.yes, told{fmt.Sprintf("version: %s is the one that is installed (%s)", p.Version, has.From), "", lead, "version.same", args})
	default:
		f.yes = append(f.yes, told{fmt.Sprintf("version: %s is newer than %s, which is installed (%s)", p.Version, has.Value, has.From), "", lead, "version.newer", args})
	}
}

// settings notes what becomes of the settings, where a package says it.
func (f *fitting) settings(p *Part) {
	p.Walk(func(x *Part, _ int) bool {
		for _, c := range x.Claims {
			if c.Kind == KeepsSettings {
				kept := strings.Join(c.Values, ", ")
				f.notes = append(f.notes, told{text: "settings kept: " + kept, lead: nowhere, code: "settings", args: []string{kept}})
			}
		}
		return true
	})
}
