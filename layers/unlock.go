package layers

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"salvor/block"
	"salvor/block/probe"
	"salvor/finding"
	"salvor/guard"
	"salvor/volume"
)

// unlock opens the encrypted volumes that were not asked yet.
func (n *nest) unlock(ctx context.Context) error {
	var locked []*Layer
	n.each(func(l *Layer) {
		if l.Lock != nil && !n.used[l] {
			locked = append(locked, l)
		}
	})
	for _, l := range locked {
		n.used[l] = true
		at := finding.At(l.Extent.Offset, l.Extent.Length)
		plain, why, err := openLock(ctx, n.o, *l.Lock, l.Source)
		if err != nil {
			return err
		}
		if plain == nil {
			l.State = Locked
			l.Findings = append(l.Findings, needsSecret.New(at, finding.Arg("kind", l.Lock.Format), finding.Arg("needs", needs(*l.Lock))))
			if why != nil {
				l.Findings = append(l.Findings, notUnlocked.New(at, finding.Expected(nil, why)))
			}
			continue
		}
		l.State = Good
		if l.Lock.Backup || !l.Lock.Valid {
			l.State = Damaged
		}
		if err := n.unlocked(ctx, l, plain); err != nil {
			return err
		}
	}
	return nil
}

// unlocked finds the layers of the plain bytes of an encrypted volume.
func (n *nest) unlocked(ctx context.Context, l *Layer, plain block.Source) error {
	v := &Volume{
		Key: l.Lock.Lock + "/" + l.Lock.UUID, Reader: l.Lock.Lock, Kind: "plain", UUID: l.Lock.UUID, Label: l.Lock.Label, Detail: "decrypted",
		Whole: true, Encrypted: true, parent: l, members: []*Layer{l}, depth: n.depth[l.Medium] + 1,
		Source: n.medium(plain, []*Layer{l}, true, false), Members: []Part{partOf(l)},
	}
	if err := n.open(ctx, v); err != nil {
		return err
	}
	if v.Tree != nil {
		l.Set, v.Tree.Members = v.Tree.ID, []string{l.ID}
	}
	return nil
}

// openLock tries the keys for what stands on src, which is the volume from its header to its end, and returns its plain
// bytes, or nil with the reason when there was a secret that did not open it. The error is that of ctx.
func openLock(ctx context.Context, o Nesting, known volume.Locked, src block.Source) (plain block.Source, why, err error) {
	i := slices.IndexFunc(o.Tables.Locks, func(l volume.Lock) bool { return l.Name == known.Lock })
	if i < 0 {
		return nil, nil, ctx.Err()
	}
	// The header was found on the medium; what it opens ends where its volume does.
	locked, err := reread(ctx, &o.Tables.Locks[i], known, src)
	if err != nil || locked == nil || locked.Open == nil {
		return nil, nil, err
	}
	plain, why = tryKeys(ctx, o, *locked, src)
	return plain, why, ctx.Err()
}

// tryKeys tries the keys on an encrypted volume, which stands on src, until one opens it.
func tryKeys(ctx context.Context, o Nesting, locked volume.Locked, src block.Source) (plain block.Source, why error) {
	try := func(s volume.Secret) bool {
		why = guard.Do(ctx, unlockTime, src, func(ctx context.Context, _ block.Source) (err error) {
			plain, err = locked.Open(ctx, s)
			return err
		})
		if why != nil {
			plain = nil
		}
		return plain != nil
	}
	if slices.ContainsFunc(locked.Needs, func(n volume.Need) bool { return n.Kind == volume.ClearKey }) &&
		try(volume.Secret{Kind: volume.ClearKey}) {
		return plain, nil
	}
	if o.Keys == nil {
		return nil, nil
	}
	for s := range o.Keys.Secrets(ctx, locked) {
		if try(s) || ctx.Err() != nil {
			break
		}
	}
	return plain, why
}

// reread reads the header again on the bytes of its volume alone.
func reread(ctx context.Context, row *volume.Lock, known volume.Locked, src block.Source) (*volume.Locked, error) {
	var hits []probe.Hit
	for _, p := range row.Probes {
		hits = append(hits, probe.Hit{ID: p.ID, Offset: known.Header - known.Extent.Offset})
	}
	l := &leash{Source: src}
	var found []volume.Locked
	_ = guard.Do(ctx, tableTime, src, func(ctx context.Context, _ block.Source) (err error) {
		l.ctx.Store(&ctx)
		found, err = row.Read(ctx, l, hits)
		return err
	})
	l.ctx.Store(nil)
	for _, f := range found {
		if f.UUID == known.UUID && f.Extent.Offset == 0 {
			return &f, ctx.Err()
		}
	}
	return nil, ctx.Err()
}

// secretWords say what a kind of secret is.
var secretWords = map[volume.SecretKind]string{
	volume.Passphrase: "a passphrase", volume.KeyFile: "a key file", volume.RecoveryKey: "the recovery key (48 digits)",
	volume.StartupKey: "the startup key (a .BEK file)", volume.VolumeKey: "the volume key", volume.ClearKey: "the key in its header",
	volume.HeaderFile: "a backup of its header, beside another secret",
}

// needs names what opens l, for people.
func needs(l volume.Locked) string {
	var out []string
	for _, n := range l.Needs {
		word := secretWords[n.Kind]
		if word == "" {
			word = string(n.Kind)
		}
		if n.ID != "" || n.Note != "" {
			word += fmt.Sprintf(" (%s)", joinWords(n.ID, n.Note))
		}
		if !slices.Contains(out, word) && len(out) < maxNeeds {
			out = append(out, word)
		}
	}
	if len(out) == 0 {
		return "its key"
	}
	return strings.Join(out, ", or ")
}
