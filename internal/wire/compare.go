package wire

import (
	"fmt"
	"strings"

	"salvor/block"
	"salvor/compare"
	"salvor/compare/boot"
)

// maxCompareRuns bounds the runs that one line lists.
const maxCompareRuns = 10_000

// Comparing is all that holding a package against a device came to.
type Comparing struct {
	Parts    []Comparison `json:"parts"`
	Others   []Trace      `json:"others"`
	Boots    []Boot       `json:"boots"`
	Findings []Finding    `json:"findings"`
}

// Listed returns c with empty lists in the place of none, which JSON would write as null.
func (c Comparing) Listed() Comparing {
	if c.Parts == nil {
		c.Parts = []Comparison{}
	}
	if c.Others == nil {
		c.Others = []Trace{}
	}
	if c.Boots == nil {
		c.Boots = []Boot{}
	}
	if c.Findings == nil {
		c.Findings = []Finding{}
	}
	return c
}

// Comparison is a line of type "comparison": a part of a package on a region of the device that holds it, or should.
type Comparison struct {
	V      int    `json:"v"`
	Type   string `json:"type"`
	Part   string `json:"part"` // the ID that `salvor check` gives it
	Name   string `json:"name"`
	How    string `json:"how"` // "as it stands in the package", "unpacked (gzip)", ...
	Size   int64  `json:"size"`
	Region string `json:"region"`
	Kind   string `json:"kind"`
	Offset int64  `json:"offset"` // of the region on the medium
	At     int64  `json:"at"`     // of the part on the region
	Slot   string `json:"slot,omitempty"`
	// Reference says that the slot holds the old content.
	Reference bool             `json:"reference"`
	Old       []string         `json:"old"` // what the old content was taken from
	Order     string           `json:"order"`
	Least     float64          `json:"written_least"` // of 0 to 1
	Most      float64          `json:"written_most"`
	From      int64            `json:"from"` // of the bracket, on the part
	To        int64            `json:"to"`
	Block     int64            `json:"block,omitempty"`
	Stop      string           `json:"stop,omitempty"`
	StopWords string           `json:"stop_words,omitempty"`
	NoRoom    int64            `json:"no_room,omitempty"`
	Behind    int64            `json:"behind,omitempty"`
	Classes   map[string]int64 `json:"classes"` // bytes of each class
	Runs      []CompareRun     `json:"runs"`
	MoreRuns  int              `json:"more_runs,omitempty"`
	// Picture is one character for each equal share of the part, as the terminal shows it.
	Picture string `json:"picture"`
}

// CompareRun is a run of blocks of one class, on the part.
type CompareRun struct {
	Offset    int64  `json:"offset"`
	Size      int64  `json:"size"`
	Class     string `json:"class"`
	NewOffset int64  `json:"new_offset,omitempty"` // of a torn block: which bytes are the package's
	NewSize   int64  `json:"new_size,omitempty"`
}

// Trace is a line of type "trace": what is known of a region that no part goes to.
type Trace struct {
	V      int          `json:"v"`
	Type   string       `json:"type"`
	Region string       `json:"region"`
	Kind   string       `json:"kind"`
	Offset int64        `json:"offset"`
	Size   int64        `json:"size"`
	Trace  string       `json:"trace"` // touched, no-trace, unchanged
	Bytes  int64        `json:"bytes,omitempty"`
	Found  []TraceFound `json:"found,omitempty"`
	Proof  string       `json:"proof,omitempty"`
	Least  int64        `json:"least"` // the shortest piece that would have been found
	Unread int64        `json:"unread,omitempty"`
}

// TraceFound is a piece of the package: Offset and Size on the region, From in the package's content.
type TraceFound struct {
	Offset int64 `json:"offset"`
	Size   int64 `json:"size"`
	From   int64 `json:"from"`
}

// Boot is a line of type "boot": what a boot loader would do next.
type Boot struct {
	V        int           `json:"v"`
	Type     string        `json:"type"`
	Scheme   string        `json:"scheme"`
	Where    string        `json:"where"`
	Offset   int64         `json:"offset"` // on the medium; -1 where it is not known
	Next     string        `json:"next,omitempty"`
	Order    []string      `json:"order,omitempty"`
	Trial    bool          `json:"trial"`
	Pending  string        `json:"pending,omitempty"`
	Switched string        `json:"switched"` // yes, no, cannot tell
	Counters []BootCounter `json:"counters"`
	Notes    []string      `json:"notes,omitempty"`
}

// BootCounter is a number or word that a boot loader acts on.
type BootCounter struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	Offset int64  `json:"offset"`
}

// FromTarget returns the line of a part on a region.
func FromTarget(t *compare.Target, r *compare.Region) Comparison {
	least, most := t.Written()
	out := Comparison{V: Version, Type: "comparison", Part: t.Piece.ID, Name: Text(t.Piece.Words()), How: t.Piece.How, Size: t.Piece.Extent.Length,
		Region: Text(r.Name), Kind: r.Kind, Offset: r.Place.Offset, At: t.At, Slot: Text(r.Slot), Reference: t.Reference, Old: words(t.Old),
		Order: string(t.Order), Least: least, Most: most, From: t.Bracket.From, To: t.Bracket.To, Block: t.Block, Stop: string(t.Stop.Kind), StopWords: t.Stop.Words,
		NoRoom: t.NoRoom, Behind: t.Behind, Classes: map[string]int64{}, Runs: []CompareRun{}, Picture: Picture(t, 64)}
	for _, c := range compare.Classes() {
		if n := t.Bytes[c]; n > 0 {
			out.Classes[c.String()] = n
		}
	}
	for _, x := range t.Runs {
		if len(out.Runs) == maxCompareRuns {
			out.MoreRuns = len(t.Runs) - maxCompareRuns
			break
		}
		run := CompareRun{Offset: x.Offset, Size: x.Length, Class: x.Class.String()}
		if x.Class == compare.Torn {
			run.NewOffset, run.NewSize = x.NewPart.Offset, x.NewPart.Length
		}
		out.Runs = append(out.Runs, run)
	}
	return out
}

// FromOther returns the line of another region.
func FromOther(o *compare.Other, r *compare.Region, least int64) Trace {
	out := Trace{V: Version, Type: "trace", Region: Text(r.Name), Kind: r.Kind, Offset: r.Place.Offset, Size: r.Source.Size(), Bytes: o.Bytes, Proof: Text(o.Proof), Least: least, Unread: o.Unread}
	switch o.Trace {
	case compare.Touched:
		out.Trace = "touched"
	case compare.Unchanged:
		out.Trace = "unchanged"
	default:
		out.Trace = "no-trace"
	}
	for _, f := range o.Found {
		out.Found = append(out.Found, TraceFound{f.Extent.Offset, f.Extent.Length, f.From})
	}
	return out
}

// FromChoice returns the line of a boot loader's choice.
func FromChoice(c *boot.Choice, switched string) Boot {
	out := Boot{V: Version, Type: "boot", Scheme: c.Scheme, Where: Text(c.Where), Offset: c.Offset, Next: Text(c.Next), Trial: c.Trial, Pending: Text(c.Pending), Switched: switched, Counters: []BootCounter{}}
	for _, s := range c.Order {
		out.Order = append(out.Order, Text(s))
	}
	for _, s := range c.Notes {
		out.Notes = append(out.Notes, Text(s))
	}
	for _, k := range c.Counters {
		out.Counters = append(out.Counters, BootCounter{Text(k.Name), Text(k.Value), k.Offset})
	}
	return out
}

// pictureMarks are the characters of the classes, those that matter most first: of a share with several, the first is shown.
var pictureMarks = []struct {
	class compare.Class
	mark  byte
}{
	{compare.Torn, '%'}, {compare.Unreadable, '!'}, {compare.Foreign, '?'}, {compare.Erased, '_'}, {compare.Mixed, '~'}, {compare.New, '#'}, {compare.Old, '.'}, {compare.Same, '='},
}

// PictureLegend says what the characters of a picture mean.
const PictureLegend = "# new  . old  = the same in both  + new and old  _ erased  % torn  ! unreadable  ? neither  ~ changing  - no room"

// Picture draws a part in width characters.
func Picture(t *compare.Target, width int) string {
	size := t.Piece.Extent.Length
	if size == 0 || width <= 0 {
		return ""
	}
	var b strings.Builder
	at := 0
	for i := range int64(width) {
		from, to := i*size/int64(width), (i+1)*size/int64(width)
		if to <= from {
			to = from + 1
		}
		seen := uint(0)
		for at < len(t.Runs) && t.Runs[at].End() <= from {
			at++
		}
		for k := at; k < len(t.Runs) && t.Runs[k].Offset < to; k++ {
			seen |= 1 << t.Runs[k].Class
		}
		b.WriteByte(pictureMark(seen))
	}
	return b.String()
}

func pictureMark(seen uint) byte {
	both := uint(1<<compare.New | 1<<compare.Old)
	for _, m := range pictureMarks {
		switch {
		case seen&(1<<m.class) == 0:
		case m.class == compare.New && seen&both == both:
			return '+'
		default:
			return m.mark
		}
	}
	return '-'
}

// Summary says in one line how far a part got.
func (c *Comparison) Summary() string {
	switch {
	case c.Reference:
		return "the old content, which the other slot is held against"
	case c.Order == string(compare.Complete):
		return "complete"
	case c.Order == string(compare.NotBegun):
		return "nothing of it that was not there before"
	case c.Order == string(compare.Ascending), c.Order == string(compare.Descending):
		s := fmt.Sprintf("%s written, %s; left between byte %d and byte %d of the part", compare.Percent(c.Least, c.Most), c.Order, c.From, c.To)
		if c.StopWords != "" {
			s += ": " + c.StopWords
		}
		return s
	}
	return fmt.Sprintf("%s written, %s", compare.Percent(c.Least, c.Most), c.Order)
}

// OnMedium is where the part stands on the medium.
func (c *Comparison) OnMedium() block.Extent {
	return block.Extent{Offset: c.Offset + c.At, Length: c.Size}
}
