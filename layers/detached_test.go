package layers

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"salvor/block"
	"salvor/volume"
)

// headed is a keyring with a header.
type headed struct {
	keyring
	header []byte
}

func (h headed) Header() block.Source { return block.Bytes(h.header) }

// apartTables are those of sets, with a lock whose header may stand elsewhere.
func apartTables() Tables {
	t := setTables()
	t.Locks[0].Detached = func(_ context.Context, header, src block.Source) ([]volume.Locked, error) {
		b := make([]byte, 17)
		if n, _ := header.ReadAt(b, 0); n < 17 || string(b[:8]) != lockMagic {
			return nil, nil
		}
		return []volume.Locked{{Lock: "luks", Format: "FAKE", UUID: string(b[8:16]), Cipher: "xor", Extent: block.Extent{Length: src.Size()}, Valid: true,
			Needs: []volume.Need{{Kind: volume.Passphrase}},
			Open: func(_ context.Context, s volume.Secret) (block.Source, error) {
				if keySum(string(s.Bytes)) != b[16] {
					return nil, volume.ErrWrongSecret
				}
				return &xored{block.Section(src, block.Between(setHead, src.Size())), b[16]}, nil
			}}}, nil
	}
	return t
}

// A volume whose header is lost is opened with the one that was given, where that shows a volume, and again from what
// a case keeps of it.
func TestHeaderApart(t *testing.T) {
	plain := fakeVolume(64 << 10)
	locked := lockedVolume("12345678", "key", plain)
	header := slices.Clone(locked[:setHead])
	clear(locked[:setHead])
	other := lockedVolume("12345678", "key", make([]byte, len(plain)))
	clear(other[:setHead])
	for name, c := range map[string]struct {
		keys  volume.Keyring
		disk  []byte
		found bool
	}{
		"right":       {headed{keyring{"key"}, header}, locked, true},
		"wrong key":   {headed{keyring{"other"}, header}, locked, false},
		"no key":      {headed{keyring{}, header}, locked, false},
		"no header":   {headed{keyring{"key"}, make([]byte, 600)}, locked, false},
		"other bytes": {headed{keyring{"key"}, header}, other, false},
		"a volume":    {headed{keyring{"key"}, header}, plain, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := &world{tables: apartTables(), keys: c.keys, media: map[int]block.Source{1: block.Bytes(c.disk)}}
			tree, err := Resolve(t.Context(), Disk{Number: 1, Name: "disk1", Source: block.Bytes(c.disk)}, sweepAll(c.disk, w.tables), w.tables)
			if err != nil {
				t.Fatal(err)
			}
			w.trees = []*Layer{tree}
			if w.found, err = Nest(t.Context(), w.trees, w.nesting(t)); err != nil {
				t.Fatal(err)
			}
			if (len(w.found) == 1) != c.found {
				t.Fatalf("%d volumes", len(w.found))
			}
			if !c.found {
				return
			}
			v := w.found[0]
			if !v.Encrypted || v.Key != "luks/12345678" || len(v.Tree.Volumes()) != 1 || tree.Lock == nil || !slices.Contains(findings(tree), "layers.locked.apart") {
				t.Errorf("%+v, %+v", v, tree)
			}
			open := func(context.Context, int) (block.Source, error) { return block.Bytes(c.disk), nil }
			again, _, err := Rebuild(t.Context(), v.Recipe(), Nesting{Tables: w.tables, Keys: c.keys}, open)
			if err != nil || again.Source.Size() != v.Source.Size() {
				t.Errorf("%v", err)
			}
			var le *LockedError
			if _, _, err := Rebuild(t.Context(), v.Recipe(), Nesting{Tables: w.tables, Keys: keyring{"key"}}, open); !errors.As(err, &le) || !strings.Contains(le.Needs, "header") {
				t.Errorf("without the header: %v", err)
			}
			if _, _, err := Rebuild(t.Context(), v.Recipe(), Nesting{Tables: w.tables, Keys: headed{keyring{"no"}, header}}, open); !errors.As(err, &le) || !errors.Is(err, volume.ErrWrongSecret) {
				t.Errorf("with a wrong key: %v", err)
			}
			foreign := lockedVolume("87654321", "key", nil)
			if _, _, err := Rebuild(t.Context(), v.Recipe(), Nesting{Tables: w.tables, Keys: headed{keyring{"key"}, foreign}}, open); err == nil || !strings.Contains(err.Error(), "not the one") {
				t.Errorf("with another header: %v", err)
			}
		})
	}
}
