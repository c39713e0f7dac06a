package compare

import (
	"bytes"
	"context"
	"slices"

	"salvor/block"
)

const (
	// leastFound is how many bytes in a row must be the package's before a region is called touched.
	leastFound = 512
	maxFound   = 64
	around     = 4096
)

// others says of each region that no part goes to whether bytes of the package stand in it.
func (j *job) others(ctx context.Context, result *Result) error {
	common := uint32(0) // regions with the old content: what they hold too says nothing of this update
	if len(j.in.Earlier) > 0 {
		common |= 1 << earlierBit
	}
	for _, t := range result.Targets {
		if t.Reference || t.Order == NotBegun {
			common |= bit(t.Region)
		}
	}
	for n := range j.in.Regions {
		if slices.ContainsFunc(result.Targets, func(t Target) bool { return t.Region == n }) {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		o := Other{Region: n, Trace: NoTrace}
		r := &j.in.Regions[n]
		for _, u := range block.UnreadableIn(r.Source, block.Extent{Length: r.Source.Size()}) {
			o.Unread += u.Length
		}
		j.traces(&o, r, j.surveys[n].hits, common&^bit(n))
		if o.Bytes == 0 && j.surveys[n].more {
			// What was kept are places that the old content has as well: those that it has not are read for once more.
			hits, err := j.fresh(ctx, r.Source, common&^bit(n))
			if err != nil {
				return err
			}
			j.traces(&o, r, hits, common&^bit(n))
		}
		if o.Bytes > 0 {
			o.Trace = Touched
		} else if err := j.prove(&o, r); err != nil {
			return err
		}
		result.Others = append(result.Others, o)
	}
	return nil
}

// traces looks at the anchors that were met in a region.
func (j *job) traces(o *Other, r *Region, hits []hit, common uint32) {
	var known block.Set
	for _, h := range hits {
		p := j.index.places[h.slot]
		if j.index.seen[h.slot]&common != 0 || known.Has(h.at) {
			continue
		}
		e := j.grow(r.Source, h.at, j.in.Contents[p.content].Source, p.offset)
		if e.Length < leastFound {
			continue
		}
		fresh := block.SetOf(e).Subtract(known)
		known.Add(e)
		o.Bytes += fresh.Bytes()
		if n := len(o.Found); n > 0 && o.Found[n-1].Content == int(p.content) && o.Found[n-1].Extent.End() >= e.Offset && o.Found[n-1].From-o.Found[n-1].Extent.Offset == p.offset-h.at {
			o.Found[n-1].Extent.Length = max(o.Found[n-1].Extent.End(), e.End()) - o.Found[n-1].Extent.Offset
		} else if n < maxFound {
			o.Found = append(o.Found, Found{Extent: e, Content: int(p.content), From: p.offset + e.Offset - h.at})
		}
	}
}

// fresh returns the anchors in a region that no region of common has.
func (j *job) fresh(ctx context.Context, src block.Source, common uint32) ([]hit, error) {
	var out []hit
	err := j.index.scan(ctx, src, nil, func(h uint64, at int64) {
		j.index.each(h, func(slot int) {
			if j.index.seen[slot]&common == 0 && len(out) < maxHits {
				out = append(out, hit{slot, at})
			}
		})
	})
	return out, err
}

// grow returns the bytes of a region around at that are those of the content around from.
func (j *job) grow(region block.Source, at int64, content block.Source, from int64) block.Extent {
	back := min(around, at, from)
	n := min(back+around, region.Size()-at+back, content.Size()-from+back)
	a, b := make([]byte, n), make([]byte, n)
	k, _ := region.ReadAt(a, at-back) // what cannot be read ends the row
	m, _ := content.ReadAt(b, from-back)
	a, b = a[:min(k, m)], b[:min(k, m)]
	if int64(len(a)) < back+window || !bytes.Equal(a[back:back+window], b[back:back+window]) {
		return block.Extent{Offset: at}
	}
	first, end := int(back), int(back)
	for first > 0 && a[first-1] == b[first-1] {
		first--
	}
	for end < len(a) && a[end] == b[end] {
		end++
	}
	return block.Between(at-back+int64(first), at-back+int64(end))
}

func (j *job) prove(o *Other, r *Region) error {
	for _, p := range j.in.Proofs {
		words, ok, err := p.Unchanged(r)
		if err != nil {
			return err
		}
		if ok {
			o.Trace, o.Proof = Unchanged, words
			return nil
		}
	}
	return nil
}
