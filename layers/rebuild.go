package layers

import (
	"context"
	"fmt"
	"slices"

	"salvor/block"
	"salvor/block/probe"
	"salvor/guard"
	"salvor/volume"
)

// Recipe says how a volume that was found earlier is put together again.
type Recipe struct {
	Key, Reader     string
	Set, UUID, Name string
	Members         []Part
}

// Recipe returns what is needed to put v together again.
func (v *Volume) Recipe() Recipe {
	return Recipe{Key: v.Key, Reader: v.Reader, Set: v.Set, UUID: v.UUID, Name: v.Name, Members: v.Members}
}

// LockedError says that a volume is encrypted and no secret opened it.
type LockedError struct {
	Format string // "LUKS2"
	UUID   string
	Needs  string // what opens it, for people
	Err    error  // why a secret did not; nil when there was none
}

func (e *LockedError) Error() string {
	text := fmt.Sprintf("layers: %s %s is encrypted; it opens with %s", e.Format, e.UUID, e.Needs)
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns why the last secret did not open it.
func (e *LockedError) Unwrap() error { return e.Err }

// Rebuild puts a volume together again, out of the sources that open returns by their numbers, without searching them:
// the recipe knows where its members stand. Members whose source cannot be opened, or that are not there any more, are
// absent, and the errors of these are returned beside the volume. The volume is nil when nothing of it can be read; the
// error is then that of ctx, a [*LockedError], or what was missing.
func Rebuild(ctx context.Context, r Recipe, o Nesting, open func(ctx context.Context, source int) (block.Source, error)) (*Volume, []error, error) {
	for _, l := range o.Tables.Locks {
		if l.Name == r.Reader && len(r.Members) == 1 {
			v, err := reopen(ctx, r, o, &l, open)
			return v, nil, err
		}
	}
	i := slices.IndexFunc(o.Tables.Stacks, func(s volume.Stack) bool { return s.Name == r.Reader })
	if i < 0 {
		return nil, nil, fmt.Errorf("layers: nothing here reads %q", r.Reader)
	}
	var members []volume.Member
	var parts []Part
	var absent []error
	for _, p := range r.Members {
		m, err := findMember(ctx, &o.Tables.Stacks[i], p, open)
		if ctx.Err() != nil {
			return nil, absent, ctx.Err()
		}
		if err != nil {
			absent = append(absent, err)
			continue
		}
		members, parts = append(members, *m), append(parts, p)
	}
	if len(members) == 0 {
		return nil, absent, fmt.Errorf("layers: no member of %s can be read", r.Key)
	}
	var sets []volume.Set
	err := guard.Do(ctx, setTime, members[0].Source, func(ctx context.Context, _ block.Source) (err error) {
		sets, err = o.Tables.Stacks[i].Assemble(ctx, members)
		return err
	})
	if err != nil {
		return nil, absent, fmt.Errorf("layers: %s: %w", r.Key, err)
	}
	for _, s := range sets {
		if s.UUID != r.Set {
			continue
		}
		for _, lv := range s.Volumes {
			if lv.Source == nil || lv.Name != r.Name || r.Name != "" && lv.UUID != r.UUID {
				continue
			}
			return &Volume{Key: r.Key, Reader: r.Reader, Kind: kindOf(s, lv), Set: s.UUID, UUID: r.UUID, Name: lv.Name, Label: orElse(lv.Name, s.Label),
				Whole: len(s.Missing) == 0 || s.Degraded, Members: r.Members, Source: &medium{src: lv.Source, parts: parts}}, absent, nil
		}
	}
	return nil, absent, fmt.Errorf("layers: %s cannot be put together from the members that are there", r.Key)
}

// findMember reads a member again where it stood.
func findMember(ctx context.Context, s *volume.Stack, p Part, open func(context.Context, int) (block.Source, error)) (*volume.Member, error) {
	src, err := open(ctx, p.Source)
	if err != nil {
		return nil, err
	}
	part := block.Section(src, p.Extent)
	var hits []probe.Hit
	for _, probed := range s.Probes {
		hits = append(hits, probe.Hit{ID: probed.ID, Offset: p.Header - p.Extent.Offset})
	}
	var found []volume.Member
	l := &leash{Source: part}
	err = guard.Do(ctx, tableTime, part, func(ctx context.Context, _ block.Source) (err error) {
		l.ctx.Store(&ctx)
		found, err = s.Members(ctx, l, hits)
		return err
	})
	l.ctx.Store(nil)
	for _, m := range found {
		if m.ID == p.ID && m.Header+p.Extent.Offset == p.Header && m.Extent.Offset == 0 {
			m.Source = part
			return &m, nil
		}
	}
	if err == nil {
		err = fmt.Errorf("layers: member %s is not at 0x%x of source %d any more", p.ID, p.Extent.Offset, p.Source)
	}
	return nil, err
}

// reopen opens an encrypted volume again.
func reopen(ctx context.Context, r Recipe, o Nesting, row *volume.Lock, source func(context.Context, int) (block.Source, error)) (*Volume, error) {
	p := r.Members[0]
	src, err := source(ctx, p.Source)
	if err != nil {
		return nil, err
	}
	if p.Header == headerApart {
		return reopenApart(ctx, r, o, row, block.Section(src, p.Extent))
	}
	known := volume.Locked{Lock: row.Name, UUID: r.UUID, Header: p.Header, Extent: p.Extent}
	part := block.Section(src, p.Extent)
	locked, err := reread(ctx, row, known, part)
	if err != nil {
		return nil, err
	}
	if locked == nil {
		return nil, fmt.Errorf("layers: the header of %s is not at 0x%x of source %d any more", r.Key, p.Extent.Offset, p.Source)
	}
	plain, why, err := openLock(ctx, o, known, part)
	if err != nil {
		return nil, err
	}
	if plain == nil {
		return nil, &LockedError{Format: locked.Format, UUID: locked.UUID, Needs: needs(*locked), Err: why}
	}
	return r.plain(locked, plain), nil
}

// reopenApart does the same for one whose header stands on none of the sources.
func reopenApart(ctx context.Context, r Recipe, o Nesting, row *volume.Lock, part block.Source) (*Volume, error) {
	if row.Detached == nil || o.Keys == nil || o.Keys.Header() == nil {
		return nil, &LockedError{Format: row.Name, UUID: r.UUID, Needs: secretWords[volume.HeaderFile]}
	}
	locked, plain, why, err := openApart(ctx, o, row, part)
	if err != nil {
		return nil, err
	}
	if locked == nil || locked.UUID != r.UUID {
		return nil, fmt.Errorf("layers: the header that was given is not the one of %s", r.Key)
	}
	if plain == nil {
		return nil, &LockedError{Format: locked.Format, UUID: locked.UUID, Needs: needs(*locked), Err: why}
	}
	return r.plain(locked, plain), nil
}

// plain returns the volume that the plain bytes of an encrypted one are.
func (r Recipe) plain(locked *volume.Locked, plain block.Source) *Volume {
	return &Volume{Key: r.Key, Reader: r.Reader, Kind: "plain", UUID: r.UUID, Label: locked.Label, Whole: true, Encrypted: true, Members: r.Members,
		Source: &medium{src: plain, parts: r.Members, encrypted: true}}
}
