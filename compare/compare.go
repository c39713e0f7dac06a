package compare

import (
	"context"
	"slices"

	"salvor/block"
)

// Device compares packages with what stands on a device.
func Device(ctx context.Context, in Input) (*Result, error) {
	j := &job{in: &in}
	for _, c := range in.Contents {
		j.total += c.Source.Size()
	}
	for _, c := range in.Earlier {
		j.total += c.Source.Size()
	}
	for _, r := range in.Regions {
		j.total += r.Source.Size()
	}
	var err error
	if j.index, err = newIndex(ctx, in.Contents, j.progress); err != nil {
		return nil, err
	}
	for _, c := range in.Earlier {
		err := j.index.scan(ctx, c.Source, j.progress, func(h uint64, _ int64) {
			j.index.each(h, func(slot int) { j.index.seen[slot] |= 1 << earlierBit })
		})
		if err != nil {
			return nil, err
		}
	}
	var found []candidate
	for i := range in.Regions {
		s, err := j.index.survey(ctx, i, in.Regions[i].Source, j.progress)
		if err != nil {
			return nil, err
		}
		j.surveys = append(j.surveys, s)
		found = append(found, byVotes(&in, i, s)...)
	}
	found = byShape(&in, byName(&in, found))
	result := &Result{Least: j.index.least()}
	for _, g := range groups(found) {
		targets, err := j.group(ctx, g)
		if err != nil {
			return nil, err
		}
		result.Targets = append(result.Targets, targets...)
	}
	slices.SortStableFunc(result.Targets, func(a, b Target) int {
		x, y := in.Regions[a.Region], in.Regions[b.Region]
		switch {
		case x.Medium != y.Medium:
			return x.Medium - y.Medium
		case x.Place.Offset+a.At < y.Place.Offset+b.At:
			return -1
		case x.Place.Offset+a.At > y.Place.Offset+b.At:
			return 1
		}
		return 0
	})
	if err := j.others(ctx, result); err != nil {
		return nil, err
	}
	for k, c := range in.Contents {
		for i, p := range c.Pieces {
			if len(p.Where) > 0 && !slices.ContainsFunc(result.Targets, func(t Target) bool { return t.Content == k && holdsPiece(c, t.Piece, i) }) {
				result.Unplaced = append(result.Unplaced, p)
			}
		}
	}
	return result, nil
}

func holdsPiece(c Content, t Piece, i int) bool { return t.Extent.Contains(c.Pieces[i].Extent) }

// job is one run.
type job struct {
	in          *Input
	index       *index
	surveys     []*surveyed
	done, total int64
}

func (j *job) progress(n int64) {
	j.done += n
	if j.in.Progress != nil {
		j.in.Progress(min(j.done, j.total), j.total)
	}
}

// groups puts the candidates of one part together, in the order in which they came.
func groups(list []candidate) [][]candidate {
	var out [][]candidate
	for _, c := range list {
		at := slices.IndexFunc(out, func(g []candidate) bool { return g[0].content == c.content && g[0].piece == c.piece })
		if at < 0 {
			out = append(out, nil)
			at = len(out) - 1
		}
		if !slices.ContainsFunc(out[at], func(o candidate) bool { return o.region == c.region && o.at == c.at }) {
			out[at] = append(out[at], c)
		}
	}
	return out
}

// group compares a part with each region that may hold it. Of two slots, the one with more that is the package's and not
// the other one's is the one that was written; the other is the old content.
func (j *job) group(ctx context.Context, g []candidate) ([]Target, error) {
	part := j.part(g[0])
	earlier := j.earlier(g[0])
	var out []Target
	var kept []candidate
	for _, c := range g {
		var olds []aligned
		var names []string
		if earlier != nil {
			olds, names = append(olds, *earlier), append(names, "the earlier package")
		} else {
			for _, o := range g {
				if o.region != c.region && (j.siblings(o, c) || j.loose(c) && !j.loose(o)) {
					olds, names = append(olds, j.aligned(o)), append(names, j.in.Regions[o.region].Name)
				}
			}
		}
		t, err := j.target(ctx, c, part, olds)
		if err != nil {
			return nil, err
		}
		if j.stray(c, t) {
			continue
		}
		t.Old = names
		out, kept = append(out, *t), append(kept, c)
	}
	// In the middle of slots, where no slot has its beginning, stand pieces of it only.
	if len(out) > 0 && !slices.ContainsFunc(out, func(t Target) bool {
		return t.At == 0 || begins(&t) || named(&j.in.Regions[t.Region], t.Piece) || j.in.Regions[t.Region].Anywhere
	}) {
		return nil, nil
	}
	if earlier == nil {
		if err := j.references(ctx, kept, out, part); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (j *job) siblings(a, b candidate) bool {
	x, y := j.in.Regions[a.region], j.in.Regions[b.region]
	return x.Group != "" && x.Group == y.Group
}

// stray reports whether a candidate is a copy of the old content, as many places hold one, or a piece of the new one: where
// neither the package nor another slot speaks for a place, the beginning of the part must stand there, or a good share of it.
func (j *job) stray(c candidate, t *Target) bool {
	r := &j.in.Regions[c.region]
	if r.Group != "" || named(r, t.Piece) {
		return false
	}
	return t.fresh() == 0 || !begins(t) && (!r.Anywhere || t.Bytes[New] < t.Piece.Extent.Length/4)
}

// begins reports whether the beginning of a part stands where it should.
func begins(t *Target) bool { return t.Runs[0].Class == New && t.Runs[0].Length >= leastFound }

// loose reports whether only its bytes speak for a candidate: no slot, not named by the package.
func (j *job) loose(c candidate) bool {
	r := &j.in.Regions[c.region]
	return r.Group == "" && !r.Anywhere && !named(r, j.in.Contents[c.content].Pieces[c.piece])
}

func (j *job) aligned(c candidate) aligned { return aligned{j.in.Regions[c.region].Source, c.at} }

// Unwritten returns what of a part is left on the device as it is, in bytes from its start.
func (c *Content) Unwritten(p Piece) block.Set {
	return c.Skipped.Within(p.Extent).Shift(-p.Extent.Offset)
}

func (j *job) part(c candidate) block.Source {
	content := j.in.Contents[c.content]
	return block.Section(content.Source, content.Pieces[c.piece].Extent)
}

// target compares one part with one region. A part inside of it that ends just where the writing did is taken in its place:
// what stands behind it in the package is not meant for the device, as a signature is not.
func (j *job) target(ctx context.Context, c candidate, part block.Source, olds []aligned) (*Target, error) {
	content, r := j.in.Contents[c.content], j.in.Regions[c.region]
	t := &Target{Content: c.content, Piece: content.Pieces[c.piece], Region: c.region, At: c.at, Votes: c.votes, eraseSize: r.EraseSize}
	j.total += part.Size()
	if err := classify(ctx, t, part, content.Unwritten(t.Piece), aligned{r.Source, c.at}, olds, j.progress); err != nil {
		return nil, err
	}
	if t.Order != Ascending || t.Bytes[New] == 0 {
		return t, nil
	}
	for _, p := range content.Pieces[c.piece+1:] {
		if p.Extent.Offset != t.Piece.Extent.Offset || p.Extent.Length == 0 || p.Extent.Length < t.Bracket.From || p.Extent.Length > t.Bracket.To || p.Extent.Length >= t.Piece.Extent.Length {
			continue
		}
		inner := &Target{Content: c.content, Piece: p, Region: c.region, At: c.at, Votes: c.votes, eraseSize: r.EraseSize, Behind: t.Piece.Extent.Length - p.Extent.Length}
		if err := classify(ctx, inner, block.Section(content.Source, p.Extent), content.Unwritten(p), aligned{r.Source, c.at}, olds, nil); err != nil {
			return nil, err
		}
		if inner.Order == Complete {
			return inner, nil
		}
	}
	return t, nil
}

// references decides which slot of a pair is the old content, and tells of that one only what equals the package.
func (j *job) references(ctx context.Context, g []candidate, out []Target, part block.Source) error {
	var refs []int
	for i := range out {
		for k := range out {
			if k != i && j.siblings(g[i], g[k]) && out[k].likelier(&out[i]) && out[i].Order != Complete && !slices.Contains(refs, i) {
				refs = append(refs, i)
				own := out[i].NewSet()
				for _, r := range out[k].Runs {
					if r.Class == Erased || r.Class == Unreadable || r.Class == Torn {
						own.Remove(r.Extent)
					}
				}
				out[i].Own = own.Bytes()
			}
		}
	}
	for _, i := range refs {
		// Held against itself all that is not the package's is old.
		t, err := j.target(ctx, g[i], part, []aligned{j.aligned(g[i])})
		if err != nil {
			return err
		}
		t.Reference, t.Own, t.Old = true, out[i].Own, []string{j.in.Regions[g[i].region].Name}
		t.Order, t.Stop = NotBegun, Stop{}
		out[i] = *t
	}
	return nil
}

// likelier reports whether t is rather the slot that was written than o, its other one: every byte of that one is the
// package's, the other slot's, or erased.
func (t *Target) likelier(o *Target) bool {
	if t.fresh() == 0 && t.Bytes[Erased] == 0 {
		return false
	}
	if a, b := t.Bytes[Foreign], o.Bytes[Foreign]; a != b {
		return a < b
	}
	return t.fresh() > o.fresh()
}

// fresh is how many bytes are provably the package's.
func (t *Target) fresh() int64 {
	n := t.Bytes[New]
	for _, r := range t.Runs {
		n += r.NewPart.Length
	}
	return n
}

// earlier returns the same part of the version before, where it is at hand: the one of the same name, or the only one.
func (j *job) earlier(c candidate) *aligned {
	p := j.in.Contents[c.content].Pieces[c.piece]
	whole := c.piece == 0
	for k, content := range j.in.Earlier {
		for i, q := range content.Pieces {
			if i == 0 && k == 0 && whole && c.content == 0 || q.ID == p.ID && (q.Name == p.Name || c.content == k) || q.Name != "" && q.Name == p.Name && q.Title == p.Title {
				return &aligned{content.Source, q.Extent.Offset}
			}
		}
	}
	return nil
}
