package bitlocker

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"salvor/block"
	"salvor/cursor"
	"salvor/volume"
	"salvor/volume/internal/crypt"
)

// opened is a volume whose headers were read.
type opened struct {
	src        block.Source
	base       int64
	boot       boot
	bootSector []byte
	bootBroken bool
	inferred   bool
	copies     [blocks]copied
	m          *metadata // the copy that is used
}

// copied is one copy of the metadata.
type copied struct {
	at  int64 // on the source; 0 when nothing says where
	m   *metadata
	err error
}

// method is how the data are encrypted.
type method struct {
	words, cipher string
	bits          int // of the key
	key           int // bytes of the key that is handed to the cipher
}

var methods = map[uint16]method{
	0x8000: {"AES-CBC with Elephant diffuser", "aes-cbc-elephant", 128, 64},
	0x8001: {"AES-CBC with Elephant diffuser", "aes-cbc-elephant", 256, 64},
	0x8002: {"AES-CBC", "aes-cbc-eboiv", 128, 16},
	0x8003: {"AES-CBC", "aes-cbc-eboiv", 256, 32},
	0x8004: {"AES-XTS", "aes-xts-plain64", 128, 32},
	0x8005: {"AES-XTS", "aes-xts-plain64", 256, 64},
}

// errMoving is why a part of a volume cannot be read that was being converted.
var errMoving = errors.New("bitlocker: it was being converted when that stopped")

// open tries a secret.
func (v *opened) open(ctx context.Context, s volume.Secret) (block.Source, error) {
	master, err := v.master(ctx, s)
	if err != nil {
		return nil, err
	}
	defer clear(master)
	key, err := unlock(v.m.data, master)
	if err != nil {
		return nil, errors.New("bitlocker: the secret is right; the key of the data is damaged")
	}
	defer clear(key)
	return v.plain(key)
}

// master returns the volume master key that a secret unlocks.
func (v *opened) master(ctx context.Context, s volume.Secret) ([]byte, error) {
	switch s.Kind {
	case volume.ClearKey:
		return v.first(byClearKey, func(p *protector) ([]byte, error) { return p.unlock(p.clear) })
	case volume.RecoveryKey:
		return v.byRecoveryKey(ctx, s.Bytes)
	case volume.StartupKey:
		k, err := parseStartupKey(s.Bytes)
		if err != nil {
			return nil, err
		}
		other := true
		master, err := v.first(byStartup, func(p *protector) ([]byte, error) {
			if p.id != k.id {
				return nil, volume.ErrWrongSecret
			}
			other = false
			return p.unlock(k.key)
		})
		if other && errors.Is(err, volume.ErrWrongSecret) {
			return nil, fmt.Errorf("bitlocker: this startup key has the ID %v, which is none of this volume: %w", k.id, err)
		}
		return master, err
	case volume.Passphrase:
		initial := passwordKey(s.Bytes)
		defer clear(initial[:])
		master, err := v.stretched(ctx, byPassword, [][sha256.Size]byte{initial})
		if errors.Is(err, volume.ErrWrongSecret) && len(digits(s.Bytes)) == groups*groupDigits {
			// Who is asked for a password may well type the recovery key.
			return v.byRecoveryKey(ctx, s.Bytes)
		}
		return master, err
	}
	return nil, fmt.Errorf("bitlocker: a secret of the kind %q opens no BitLocker volume", s.Kind)
}

func (v *opened) byRecoveryKey(ctx context.Context, b []byte) ([]byte, error) {
	keys, err := recoveryKeys(b)
	if err != nil {
		return nil, err
	}
	defer clear(keys)
	return v.stretched(ctx, byRecovery, keys)
}

// stretched tries secrets on all protectors of a kind whose keys are stretched.
func (v *opened) stretched(ctx context.Context, kind uint16, initial [][sha256.Size]byte) ([]byte, error) {
	return v.first(kind, func(p *protector) ([]byte, error) {
		for _, i := range initial {
			key, err := stretch(ctx, i, p.salt)
			if err != nil {
				return nil, err
			}
			master, err := p.unlock(key)
			clear(key)
			if err == nil || !errors.Is(err, volume.ErrWrongSecret) {
				return master, err
			}
		}
		return nil, volume.ErrWrongSecret
	})
}

// unlock takes the master key out of the protector.
func (p *protector) unlock(key []byte) ([]byte, error) {
	failed := errShort
	for _, l := range p.locked {
		master, err := unlock(l, key)
		if err == nil {
			return master, nil
		}
		if !errors.Is(failed, volume.ErrWrongSecret) {
			failed = err
		}
	}
	return nil, failed
}

// first returns the first master key that try unlocks among the protectors of a kind. Damage is only told when no
// protector works, and then before a wrong secret.
func (v *opened) first(kind uint16, try func(*protector) ([]byte, error)) ([]byte, error) {
	var failed error
	for i := range v.m.masters {
		p := &v.m.masters[i]
		if p.kind != kind {
			continue
		}
		key, err := try(p)
		switch {
		case err == nil && len(key) == masterSize:
			return key, nil
		case err == nil:
			failed = fmt.Errorf("bitlocker: key %v has %d bytes, expected %d", p.id, len(key), masterSize)
		case errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded):
			return nil, err
		case !errors.Is(err, volume.ErrWrongSecret):
			failed = fmt.Errorf("bitlocker: key %v: %w", p.id, err)
		}
	}
	if failed != nil {
		return nil, failed
	}
	if !v.m.checked {
		return nil, errors.New("bitlocker: the metadata is damaged, so that nothing tells whether the secret is the right one")
	}
	return nil, volume.ErrWrongSecret
}

// plain puts the volume together with the key of the data.
func (v *opened) plain(key []byte) (block.Source, error) {
	c, ok := methods[v.m.method]
	if !ok {
		return nil, fmt.Errorf("bitlocker: the secret is right; method 0x%04x is not supported", v.m.method)
	}
	if len(key) < c.key {
		return nil, fmt.Errorf("bitlocker: the key of the data has %d bytes, expected %d", len(key), c.key)
	}
	key = key[:c.key]
	if c.cipher == "aes-cbc-elephant" && c.bits == 128 {
		// Of both halves only the first 16 bytes are used.
		key = append(append(make([]byte, 0, 32), key[:16]...), key[32:48]...)
		defer clear(key)
	}
	sector := v.boot.sector
	if v.bootBroken {
		sector = v.m.sector()
	}
	unit := int64(crypt.MinSector)
	if c.cipher == "aes-xts-plain64" {
		unit = sector
	}
	sectors, err := crypt.New(c.cipher, key, int(sector), int(unit))
	if err != nil {
		return nil, fmt.Errorf("bitlocker: the secret is right; %w", err)
	}
	size := v.end(v.m.encrypted) - v.base
	pieces := v.hidden(sector)
	encrypted := func(logical, physical, length int64) {
		// Where what is encrypted ends is where plain bytes go on, also for the relocated start.
		n := min(max(v.boundary(size)-physical, 0), length)
		kind := crypt.Encrypted
		if v.boot.onWrite {
			kind = crypt.Mixed
		}
		pieces = append(pieces,
			crypt.Piece{Logical: logical, Length: n, Physical: v.base + physical, Kind: kind, Sectors: sectors, Number: uint64(physical / unit)},
			crypt.Piece{Logical: logical + n, Length: length - n, Physical: v.base + physical + n, Kind: crypt.Plain})
	}
	if v.m.version == versionSeven {
		encrypted(0, v.m.start, v.startSize(sector))
	} else {
		pieces = append(pieces, v.vista(sector, size)...)
	}
	encrypted(0, 0, size)
	return crypt.NewSource(v.src, pieces, size), nil
}

// boundary returns how many bytes from the start of the volume are encrypted.
func (v *opened) boundary(size int64) int64 {
	if v.m.version == versionVista || v.m.encrypted == 0 {
		return size
	}
	return v.m.encrypted
}

// startSize returns the size of the relocated start.
func (v *opened) startSize(sector int64) int64 {
	if v.m.startSize > 0 {
		return v.m.startSize
	}
	return min(v.m.startSectors, maxOffset/sector) * sector
}

// hidden returns what the plain volume does not show: the metadata and the relocated start are zeros, and what was
// being converted is lost.
func (v *opened) hidden(sector int64) []crypt.Piece {
	length := int64(maxBlock)
	if v.m.version == versionVista {
		length = 16 << 10
		if c := v.boot.cluster; c > 0 {
			length = (length + c - 1) / c * c
		}
	}
	var out []crypt.Piece
	for _, off := range v.m.offsets {
		if off > 0 {
			out = append(out, crypt.Piece{Logical: off, Length: length, Kind: crypt.Zero})
		}
	}
	if v.m.version == versionSeven && v.m.start > 0 {
		out = append(out, crypt.Piece{Logical: v.m.start, Length: v.startSize(sector), Kind: crypt.Zero})
	}
	if v.m.state == stateSwitching && v.m.converting > 0 {
		out = append(out, crypt.Piece{Logical: v.m.encrypted, Length: v.m.converting, Kind: crypt.Lost, Why: errMoving})
	}
	return out
}

// vista returns the start of the volume, where only the boot sector was changed, and its copy at the end.
func (v *opened) vista(sector, size int64) []crypt.Piece {
	mend := func(b []byte) []byte {
		p := append([]byte(nil), b...)
		copy(p[3:], "NTFS    ")
		binary.LittleEndian.PutUint64(p[56:], uint64(v.m.start))
		return p
	}
	var out []crypt.Piece
	if v.bootSector != nil {
		out = append(out, crypt.Piece{Length: bootSize, Kind: crypt.Fixed, Bytes: mend(v.bootSector)})
	}
	out = append(out, crypt.Piece{Length: 16 * sector, Physical: v.base, Kind: crypt.Plain})
	if at := size - sector; at > 0 {
		b, err := cursor.Read(v.src, "bitlocker: boot sector", v.base+at, bootSize, bootSize)
		if err == nil && string(b[3:11]) == signature {
			out = append(out, crypt.Piece{Logical: at, Length: bootSize, Kind: crypt.Fixed, Bytes: mend(b)},
				crypt.Piece{Logical: at, Length: sector, Physical: v.base + at, Kind: crypt.Plain})
		}
	}
	return out
}
