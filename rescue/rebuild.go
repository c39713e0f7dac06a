package rescue

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"salvor/block"
	"salvor/casefile"
	"salvor/finding"
	"salvor/host"
	"salvor/layers"
	"salvor/recovery"
)

var setAbsent = &finding.Def{Code: "rescue.set.absent", Severity: finding.Warning,
	Text: "a disk of {volume} cannot be read now ({found}); what stood on it alone cannot be shown"}

// openAny opens a source, or puts a volume together again that is none.
func (c *Case) openAny(ctx context.Context, source int) (block.Source, error) {
	v, ok := c.recipe(source)
	if !ok {
		return c.openMedium(ctx, source)
	}
	if c.depth++; c.depth > maxBelow {
		c.depth--
		return nil, fmt.Errorf("rescue: the volumes of the case stand too deep in each other")
	}
	defer func() { c.depth-- }()
	tables, err := NewTables()
	if err != nil {
		return nil, err
	}
	rebuilt, absent, err := layers.Rebuild(ctx, recipeOf(v), layers.Nesting{Tables: tables.Layers, Keys: c.Keys}, c.Medium)
	var locked *layers.LockedError
	if errors.As(err, &locked) {
		why := fmt.Sprintf("%s %s is encrypted; it opens with %s", locked.Format, locked.UUID, locked.Needs)
		if locked.Err != nil {
			why += fmt.Sprintf(" (%v)", locked.Err)
		}
		return nil, &host.RefusedError{Exit: ExitLocked, Code: "rescue.locked", Why: why,
			Next: "run the same command again with what opens it: --ask asks for it, --passphrase-file, --key-file and the like name files"}
	}
	if err != nil {
		return nil, errors.Join(append([]error{err}, absent...)...)
	}
	if c.volumes == nil {
		c.volumes = map[int]*layers.Volume{}
	}
	c.volumes[source] = rebuilt
	for _, err := range absent {
		c.Absent = append(c.Absent, setAbsent.New(finding.Arg("volume", rebuilt), finding.Expected(nil, err)))
	}
	return rebuilt.Source, nil
}

// maxBelow is how deep volumes stand in each other, sources included.
const maxBelow = 16

func recipeOf(v casefile.Virtual) layers.Recipe {
	r := layers.Recipe{Key: v.Key, Reader: v.Reader, Set: v.Set, UUID: v.UUID, Name: v.Name}
	for _, m := range v.Members {
		r.Members = append(r.Members, layers.Part{Source: m.Source, Extent: block.Extent{Offset: m.Offset, Length: m.Size}, Header: m.Header, ID: m.ID, Role: m.Role})
	}
	return r
}

// Places returns where bytes of a source stand on the disks of the case, as far as the volumes between could be put
// together.
func (c *Case) Places(ctx context.Context, source int, within block.Extent) ([]layers.Place, error) {
	if _, err := c.Medium(ctx, source); err != nil {
		return nil, err
	}
	return layers.Down(func(n int) *layers.Volume { return c.volumes[n] }, source, within), nil
}

// OnDisks yields where the bytes of e stand on the disks of the case; nothing for a file that stands on a disk itself,
// and when the volumes between cannot be put together. Down says so.
func (c *Case) OnDisks(ctx context.Context, e *recovery.Entry) iter.Seq[layers.Place] {
	if !c.IsVirtual(e.Source) {
		return func(func(layers.Place) bool) {}
	}
	return e.OnDisks(func(source int, within block.Extent) []layers.Place {
		list, err := c.Places(ctx, source, within)
		if err != nil {
			return nil
		}
		return list
	})
}

// IsVirtual reports whether a source is a volume that was put together out of others, or decrypted.
func (c *Case) IsVirtual(source int) bool {
	_, ok := c.recipe(source)
	return ok
}

// recipe returns how the volume of that number is put together.
func (c *Case) recipe(source int) (casefile.Virtual, bool) {
	for _, v := range c.recipes {
		if v.Number == source {
			return v, true
		}
	}
	return c.Record().Volume(source)
}
