package firmware

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// Device is what is known of the device that a package is meant for.
type Device struct {
	Facts  []Fact
	Spaces []Space
}

// Fact is something known of a device, and where from.
type Fact struct {
	Kind  ClaimKind
	Value string
	From  string // "etc/os-release of volume 2", "--for"
}

// Installed is the kind of the fact that says which version a device runs.
const Installed ClaimKind = "installed version"

// Space is a partition, a volume or a region of a device's storage.
type Space struct {
	Name string
	Size int64 // bytes
	From string
}

// models are the kinds that name a model, in whichever words: what one maker calls compatible, another calls a board.
var models = []ClaimKind{Compatible, Board}

// Fits answers whether the package is for the device, by everything that it claims and installs. What nothing is known of
// is told as such; a package that claims nothing fits nothing that can be told.
func Fits(p *Part, d *Device) Verdict {
	f := &fitting{d: d}
	for _, kind := range f.claimed(p) {
		f.claim(kind)
	}
	p.Walk(func(x *Part, _ int) bool {
		for _, i := range x.Installs {
			f.install(x, i)
		}
		return true
	})
	f.versions(p)
	switch {
	case len(f.no) > 0:
		return Verdict{No, append(f.no, f.open...)}
	case len(f.yes) > 0 && len(f.open) == 0 && f.model:
		return Verdict{OK, f.yes}
	case len(f.yes) == 0 && len(f.open) == 0:
		return Verdict{CannotTell, []string{"the package does not say which device it is for"}}
	case !f.model && len(f.open) == 0:
		f.open = append(f.open, "nothing in the package names the model")
	}
	return Verdict{CannotTell, append(f.open, f.yes...)}
}

// fitting gathers what speaks for and against.
type fitting struct {
	d             *Device
	claims        map[ClaimKind][][]string // each claim is a choice
	yes, no, open []string
	model         bool // the model was named and is the right one
}

// claimed gathers the claims of the whole package by their kinds, models together.
func (f *fitting) claimed(p *Part) []ClaimKind {
	f.claims = map[ClaimKind][][]string{}
	var order []ClaimKind
	p.Walk(func(x *Part, _ int) bool {
		for _, c := range x.Claims {
			kind := c.Kind
			if slices.Contains(models, kind) {
				kind = Compatible
			}
			if f.claims[kind] == nil {
				order = append(order, kind)
			}
			if !slices.ContainsFunc(f.claims[kind], func(v []string) bool { return slices.Equal(v, c.Values) }) {
				f.claims[kind] = append(f.claims[kind], c.Values)
			}
		}
		return true
	})
	return order
}

// facts returns what is known of a kind.
func (f *fitting) facts(kind ClaimKind) (out []Fact) {
	for _, x := range f.d.Facts {
		if x.Kind == kind || kind == Compatible && slices.Contains(models, x.Kind) || kind == LeastVersion && x.Kind == Installed || kind == ExactSource && x.Kind == Installed {
			out = append(out, x)
		}
	}
	return out
}

func (f *fitting) claim(kind ClaimKind) {
	facts := f.facts(kind)
	for _, choice := range f.claims[kind] {
		want := strings.Join(choice, ", ")
		if len(facts) == 0 {
			f.open = append(f.open, fmt.Sprintf("%s: the package wants %s, and of the device it is not known", kind, want))
			continue
		}
		fact, ok := facts[0], false
		for _, x := range facts {
			if slices.ContainsFunc(choice, func(v string) bool { return holds(kind, v, x.Value) }) {
				fact, ok = x, true
				break
			}
		}
		line := fmt.Sprintf("%s: the package wants %s, the device has %s (%s)", kind, want, fact.Value, fact.From)
		if ok {
			f.yes = append(f.yes, line)
			f.model = f.model || kind == Compatible
		} else {
			f.no = append(f.no, line)
		}
	}
}

// holds reports whether what a device has satisfies one value of a claim.
func holds(kind ClaimKind, want, has string) bool {
	switch kind {
	case LeastVersion, LeastLoader:
		return CompareVersions(has, want) >= 0
	case Rollback, NewerThanBuild:
		w, err1 := strconv.ParseInt(want, 0, 64)
		h, err2 := strconv.ParseInt(has, 0, 64)
		return err1 == nil && err2 == nil && w >= h
	case FlashSize:
		w, err1 := strconv.ParseInt(want, 0, 64)
		h, err2 := strconv.ParseInt(has, 0, 64)
		return err1 == nil && err2 == nil && h >= w
	case CompatVersion:
		// OpenWrt: a device takes images of its own first number only.
		a, _, _ := strings.Cut(want, ".")
		b, _, _ := strings.Cut(has, ".")
		return a == b
	}
	return strings.EqualFold(strings.TrimSpace(want), strings.TrimSpace(has))
}

// install holds what a part needs against the place that it goes to.
func (f *fitting) install(p *Part, i Install) {
	if i.Needs <= 0 || i.Where == "" {
		return
	}
	at := slices.IndexFunc(f.d.Spaces, func(s Space) bool { return strings.EqualFold(s.Name, i.Where) })
	if at < 0 {
		f.open = append(f.open, fmt.Sprintf("room: %s goes to %s and needs %d bytes there; how large that is on the device is not known", p.words(), i.Where, i.Needs))
		return
	}
	s := f.d.Spaces[at]
	line := fmt.Sprintf("room: %s needs %d bytes in %s, which has %d (%s)", p.words(), i.Needs, i.Where, s.Size, s.From)
	if i.Needs > s.Size {
		f.no = append(f.no, line)
	} else {
		f.yes = append(f.yes, line)
	}
}

// versions tells of a step back. It is told, and no reason against by itself: some devices want it.
func (f *fitting) versions(p *Part) {
	installed := f.facts(Installed)
	if p.Version == "" || len(installed) == 0 {
		return
	}
	has := installed[0]
	switch c := CompareVersions(p.Version, has.Value); {
	case c < 0:
		f.open = append(f.open, fmt.Sprintf("version: %s is older than %s, which is installed (%s): a step back, which many devices refuse", p.Version, has.Value, has.From))
	case c == 0:
		f.yes = append(f.yes, fmt.Sprintf("version: %s is the one that is installed (%s)", p.Version, has.From))
	default:
		f.yes = append(f.yes, fmt.Sprintf("version: %s is newer than %s, which is installed (%s)", p.Version, has.Value, has.From))
	}
}

// Warnings say loudly what installing the package would touch beside its own parts.
func Warnings(p *Part) []string {
	var out []string
	p.Walk(func(x *Part, _ int) bool {
		if x.Role == BootLoader && x.Size > 0 || slices.ContainsFunc(x.Installs, func(i Install) bool { return i.Loader }) {
			out = append(out, fmt.Sprintf("it holds a boot loader (%s): a power cut while that is written can leave the device unable to start at all", x.words()))
		}
		if x.Role == Unique || slices.ContainsFunc(x.Installs, func(i Install) bool { return i.Unique }) {
			out = append(out, fmt.Sprintf("it writes over data of this one unit (%s): calibration, addresses or keys cannot be got again; save them first", x.words()))
		}
		return true
	})
	return slices.Compact(out)
}

// CompareVersions compares versions as people read them: numbers as numbers, what stands behind a tilde or is a word such
// as rc or beta before the plain one. The answer is negative, 0 or positive.
func CompareVersions(a, b string) int {
	x, y := versionParts(a), versionParts(b)
	for i := range max(len(x), len(y)) {
		var p, q versionPart
		if i < len(x) {
			p = x[i]
		}
		if i < len(y) {
			q = y[i]
		}
		if c := cmp.Or(cmp.Compare(p.rank, q.rank), cmp.Compare(len(p.number), len(q.number)), cmp.Compare(p.number, q.number), cmp.Compare(p.word, q.word)); c != 0 {
			return c
		}
	}
	return 0
}

// versionPart is a number or a word of a version. Rank orders what is of another sort: words of versions to come before
// the end, the end before other words, and those before numbers.
type versionPart struct {
	rank   int
	number string // without leading zeros
	word   string
}

var early = []string{"alpha", "beta", "pre", "preview", "rc", "dev", "snapshot"}

func versionParts(s string) (out []versionPart) {
	s = strings.TrimPrefix(strings.ToLower(strings.TrimSpace(s)), "v")
	for s != "" {
		r := rune(s[0])
		switch {
		case r >= '0' && r <= '9':
			n := strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' })
			if n < 0 {
				n = len(s)
			}
			number := strings.TrimLeft(s[:n], "0")
			p := versionPart{rank: 2, number: number}
			if number == "" {
				p = versionPart{} // 1.0 and 1 are the same
			}
			out, s = append(out, p), s[n:]
		case r == '~':
			out, s = append(out, versionPart{rank: -2}), s[1:]
		case unicode.IsLetter(r):
			n := strings.IndexFunc(s, func(r rune) bool { return !unicode.IsLetter(r) })
			if n < 0 {
				n = len(s)
			}
			p := versionPart{rank: 1, word: s[:n]}
			if slices.Contains(early, p.word) {
				p.rank = -1
			}
			out, s = append(out, p), s[n:]
		default:
			s = s[1:]
		}
	}
	return out
}
