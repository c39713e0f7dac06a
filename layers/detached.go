package layers

import (
	"context"

	"salvor/block"
	"salvor/finding"
	"salvor/guard"
	"salvor/volume"
)

// headerApart is the place of a header that stands on none of the sources.
const headerApart = -1

// maxApart is how many places are tried with a header that was given beside the media: each costs the time that
// deriving its key takes.
const maxApart = 16

// apart opens what nothing was recognised in, with the header that a person gave beside the media: the header of the
// volume there is lost, or never stood there. Any bytes can be decrypted with any key, so only what then shows a
// volume is taken.
func (n *nest) apart(ctx context.Context) error {
	if n.o.Keys == nil || n.o.Keys.Header() == nil {
		return nil
	}
	var places []*Layer
	n.each(func(l *Layer) {
		if n.bare(l) && !n.used[l] && len(places) < maxApart {
			places = append(places, l)
		}
	})
	for _, l := range places {
		n.used[l] = true
		for i := range n.o.Tables.Locks {
			locked, plain, _, err := openApart(ctx, n.o, &n.o.Tables.Locks[i], l.Source)
			if err != nil {
				return err
			}
			if plain == nil {
				continue
			}
			t, err := Resolve(ctx, Disk{Source: plain}, nil, n.o.Tables)
			if err != nil {
				return err
			}
			if len(t.Volumes()) == 0 {
				continue
			}
			locked.Extent, locked.Header = l.Extent, headerApart
			l.Lock, l.State, l.Detail = locked, Good, joinWords(locked.Format, locked.Cipher)
			l.Findings = append(l.Findings, headerGiven.New(finding.At(l.Extent.Offset, 0), finding.Expected(nil, locked.Format)))
			if err := n.unlocked(ctx, l, plain); err != nil {
				return err
			}
			break
		}
	}
	return nil
}

// bare reports whether nothing was recognised in a layer that has bytes of its own.
func (n *nest) bare(l *Layer) bool {
	if l.Source == nil || l.Lock != nil || l.Member != nil || l.FS != nil || l.Volume > 0 || l.State == Missing || len(l.Members) > 0 {
		return false
	}
	if m := n.media[l.Medium]; m != nil && m.encrypted {
		return false // it was decrypted already
	}
	for _, c := range l.Children {
		if !c.Rival {
			return false
		}
	}
	return true
}

// openApart tries the keys on src with the header that stands apart from it. A volume without plain bytes is one that
// no key opens.
func openApart(ctx context.Context, o Nesting, row *volume.Lock, src block.Source) (locked *volume.Locked, plain block.Source, why, err error) {
	if row.Detached == nil || o.Keys == nil || o.Keys.Header() == nil {
		return nil, nil, nil, ctx.Err()
	}
	l := &leash{Source: src}
	var found []volume.Locked
	_ = guard.Do(ctx, tableTime, src, func(ctx context.Context, _ block.Source) (err error) {
		l.ctx.Store(&ctx)
		found, err = row.Detached(ctx, o.Keys.Header(), l)
		return err
	})
	l.ctx.Store(nil)
	if len(found) == 0 || found[0].Open == nil {
		return nil, nil, nil, ctx.Err()
	}
	plain, why = tryKeys(ctx, o, found[0], src)
	return &found[0], plain, why, ctx.Err()
}
