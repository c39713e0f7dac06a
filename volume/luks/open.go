package luks

import (
	"bytes"
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"salvor/block"
	"salvor/cursor"
	"salvor/finding"
	"salvor/volume"
	"salvor/volume/internal/crypt"
)

// opened is a volume whose header was read.
type opened struct {
	head, src block.Source
	base      int64
	header    *header // nil when no copy can be used
}

// inspect looks whether the key material of a slot can be read and looks random, as it must. Bytes in it that are
// not random belong to something that was written over it.
func (v *opened) inspect(k *keyslot) (finding.Finding, bool) {
	if k.problem != "" || strings.HasPrefix(k.cipher, "cipher_null") {
		return finding.Finding{}, false
	}
	at := v.base + k.area.Offset
	slot := finding.Arg("slot", k.number)
	material, err := cursor.Read(v.head, "luks: key material", at, k.area.Length, maxMaterial)
	if err != nil {
		k.problem = "its key material cannot be read"
		return slotUnreadable.New(finding.At(at, k.area.Length), slot), true
	}
	used := int64(k.stripes) * int64(k.keySize)
	for i := int64(0); i+sector1 <= used; i += sector1 {
		if !crypt.Random(material[i : i+sector1]) {
			return slotDamaged.New(finding.At(at+i, sector1), slot), true
		}
	}
	return finding.Finding{}, false
}

// open tries a secret.
func (v *opened) open(ctx context.Context, s volume.Secret) (block.Source, error) {
	if s.Header != nil {
		l, ok := at(ctx, s.Header, block.Section(v.src, block.Between(v.base, v.src.Size())), 0)
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if !ok || l.Open == nil {
			return nil, errors.New("luks: the backup holds no LUKS header")
		}
		if v.header != nil && v.header.uuid != "" && l.UUID != v.header.uuid {
			return nil, fmt.Errorf("luks: the backup is the header of another volume, UUID %q; this one has %q", l.UUID, v.header.uuid)
		}
		s.Header = nil
		plain, err := l.Open(ctx, s)
		if err != nil || v.base == 0 {
			return plain, err
		}
		return shifted{plain.(volume.Placer), v.base}, nil
	}
	if v.header == nil {
		return nil, errors.New("luks: the header is damaged; a backup of it is needed")
	}
	keys, err := v.keys(ctx, s)
	if err != nil {
		return nil, err
	}
	defer func() {
		for _, k := range keys {
			clear(k)
		}
	}()
	return v.plain(keys)
}

// shifted is a volume that was read from a section of the source which begins at base.
type shifted struct {
	volume.Placer
	base int64
}

func (s shifted) Places(within block.Extent) []volume.Place {
	out := s.Placer.Places(within)
	for i := range out {
		out[i].Physical += s.base
	}
	return out
}

func (s shifted) Unreadable(within block.Extent) []block.Unreadable {
	return block.UnreadableIn(s.Placer, within)
}

// keys returns the volume keys that a secret gives, by the number of the digest that confirmed each. While a volume
// is being reencrypted there are two, and one passphrase opens both.
func (v *opened) keys(ctx context.Context, s volume.Secret) (map[int][]byte, error) {
	keys := map[int][]byte{}
	var failed error // what kept a slot from telling
	note := func(err error) {
		if failed == nil {
			failed = err
		}
	}
	switch s.Kind {
	case volume.VolumeKey:
		for i := range v.header.digests {
			switch ok, err := v.header.digests[i].confirms(ctx, s.Bytes); {
			case ctx.Err() != nil:
				return nil, ctx.Err()
			case err != nil:
				note(err)
			case ok:
				keys[i] = bytes.Clone(s.Bytes)
			}
		}
	case volume.Passphrase, volume.KeyFile:
		slots := slices.Clone(v.header.keyslots)
		slices.SortStableFunc(slots, func(a, b keyslot) int { return b.priority - a.priority })
		for i := range slots {
			k := &slots[i]
			wanted := v.header.wanted(k.number, keys)
			if len(wanted) == 0 {
				continue
			}
			key, err := v.unlock(ctx, k, s.Bytes)
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			if err != nil {
				note(fmt.Errorf("luks: slot %d: %w", k.number, err))
				continue
			}
			for _, d := range wanted {
				switch ok, err := v.header.digests[d].confirms(ctx, key); {
				case err != nil:
					note(err)
				case ok:
					keys[d] = bytes.Clone(key)
				}
			}
			clear(key)
			if v.header.complete(keys) {
				return keys, nil
			}
		}
	default:
		return nil, fmt.Errorf("luks: a secret of the kind %q opens no LUKS volume", s.Kind)
	}
	if len(keys) > 0 {
		return keys, nil
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if failed != nil {
		return nil, failed
	}
	if len(v.header.keyslots) == 0 && s.Kind != volume.VolumeKey {
		return nil, errors.New("luks: no key slot can be used")
	}
	return nil, volume.ErrWrongSecret
}

// wanted returns the digests of data that the slot's key would serve, and that have no key yet.
func (h *header) wanted(slot int, keys map[int][]byte) []int {
	var out []int
	for i, d := range h.digests {
		if keys[i] == nil && len(d.segments) > 0 && contains(d.keyslots, slot) {
			out = append(out, i)
		}
	}
	return out
}

// complete reports whether every part of the data has its key.
func (h *header) complete(keys map[int][]byte) bool {
	for _, s := range h.live() {
		if s.kind == "crypt" && !s.flag("in-reencryption") && h.keyOf(s.number, keys) == nil {
			return false
		}
	}
	return len(keys) > 0
}

// keyOf returns the key of a segment.
func (h *header) keyOf(segment int, keys map[int][]byte) []byte {
	for i, d := range h.digests {
		if keys[i] != nil && contains(d.segments, segment) {
			return keys[i]
		}
	}
	return nil
}

// confirms reports whether key is the one that the digest was made of.
func (d *digest) confirms(ctx context.Context, key []byte) (bool, error) {
	sum, err := crypt.PBKDF2(ctx, d.hash, key, d.salt, d.iterations, len(d.sum))
	if err != nil {
		return false, fmt.Errorf("luks: digest: %w", err)
	}
	return subtle.ConstantTimeCompare(sum, d.sum) == 1, nil
}

// unlock takes the volume key out of a slot. It is the wrong one when the secret is; only a digest tells.
func (v *opened) unlock(ctx context.Context, k *keyslot, secret []byte) ([]byte, error) {
	if k.problem != "" {
		return nil, errors.New(k.problem)
	}
	var key []byte
	var err error
	if k.kdf.kind == "pbkdf2" {
		key, err = crypt.PBKDF2(ctx, k.kdf.hash, secret, k.kdf.salt, k.kdf.iterations, k.areaKey)
	} else {
		key, err = crypt.Argon2(ctx, k.kdf.kind, secret, k.kdf.salt, k.kdf.passes, k.kdf.memory, k.kdf.cpus, k.areaKey)
	}
	if err != nil {
		return nil, err
	}
	defer clear(key)
	sectors, err := crypt.New(k.cipher, key, sector1, sector1)
	if err != nil {
		return nil, err
	}
	material, err := cursor.Read(v.head, "luks: key material", v.base+k.area.Offset, k.area.Length, maxMaterial)
	if err != nil {
		return nil, err
	}
	defer clear(material)
	sectors.Decrypt(material, 0)
	return crypt.MergeStripes(k.hash, material, k.keySize, k.stripes)
}

// errMoving is why a part of a volume cannot be read that was being reencrypted.
var errMoving = errors.New("luks: it was being encrypted anew when that stopped")

// plain puts the segments together.
func (v *opened) plain(keys map[int][]byte) (block.Source, error) {
	var pieces []crypt.Piece
	at := int64(0)
	for _, s := range v.header.live() {
		p := crypt.Piece{Logical: at, Physical: v.base + s.offset, Length: s.size}
		if s.size < 0 {
			p.Length = max(v.src.Size()-p.Physical, 0)
		}
		if p.Length > math.MaxInt64-at {
			return nil, fmt.Errorf("luks: the segments have more than %d bytes", int64(math.MaxInt64))
		}
		at += p.Length
		switch {
		case s.integrity != "":
			return nil, fmt.Errorf("luks: the secret is right; a volume with integrity %s is not readable here", printed(s.integrity))
		case s.flag("in-reencryption"):
			p.Kind, p.Why = crypt.Lost, errMoving
		case s.kind == "linear":
			p.Kind = crypt.Plain
		case s.kind == "crypt":
			key := v.header.keyOf(s.number, keys)
			if key == nil {
				p.Kind, p.Why = crypt.Lost, volume.ErrWrongSecret
				break
			}
			sectors, err := crypt.New(s.cipher, key, s.sector, sector1)
			if err != nil {
				return nil, fmt.Errorf("luks: the secret is right; %w", err)
			}
			p.Sectors, p.Number = sectors, s.tweak
			if s.size < 0 {
				at -= p.Length % int64(s.sector)
				p.Length -= p.Length % int64(s.sector)
			}
		default:
			return nil, fmt.Errorf("luks: the secret is right; a segment of the kind %s is not readable here", printed(s.kind))
		}
		pieces = append(pieces, p)
	}
	return crypt.NewSource(v.src, pieces, at), nil
}
