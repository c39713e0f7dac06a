package luks

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"salvor/cursor"
	"salvor/volume/internal/crypt"
)

const (
	size2       = 4096 // of the binary header, bytes
	checksumAt  = 448
	checksumLen = 64
	minHeader   = 16 << 10
	maxHeader   = 4 << 20
	maxObjects  = 64 // of each kind in the JSON; cryptsetup makes at most 32
)

// binary2 is the binary header of LUKS2.
type binary2 struct {
	second         bool
	size, sequence uint64
	label, uuid    string
	algorithm      string
	offset         uint64 // of itself from the start of the volume
	checksum       []byte
}

// parseBinary decodes the binary header that stands at base.
func parseBinary(b []byte, base int64) (binary2, error) {
	var h binary2
	c := cursor.New("luks: header", base, b)
	magic, version := c.Bytes(6), c.Uint16BE()
	if c.Err() != nil {
		return h, c.Err()
	}
	if version != 2 || string(magic) != firstHeader && string(magic) != secondHeader {
		return h, cursor.ErrNot
	}
	h.second = string(magic) == secondHeader
	h.size, h.sequence, h.label, h.algorithm = c.Uint64BE(), c.Uint64BE(), c.String(48), c.String(32)
	c.Skip(64) // salt: it only makes headers differ
	h.uuid = c.String(40)
	c.Skip(48) // subsystem
	h.offset = c.Uint64BE()
	c.Seek(checksumAt)
	h.checksum = c.Bytes(checksumLen)
	if c.Err() != nil {
		return h, c.Err()
	}
	if h.size < minHeader || h.size > maxHeader || h.size&(h.size-1) != 0 {
		return h, cursor.Corrupt("luks: header", base+8, "a size of 16 KiB to 4 MiB", h.size)
	}
	want := uint64(0)
	if h.second {
		want = h.size
	}
	if h.offset != want {
		return h, cursor.Corrupt("luks: header", base+256, fmt.Sprintf("its own offset, %d", want), h.offset)
	}
	return h, nil
}

// sound reports whether the checksum over b, the whole header, fits.
func (h *binary2) sound(b []byte) bool {
	open, err := crypt.Hash(h.algorithm)
	if err != nil {
		return false
	}
	sum := open()
	sum.Write(b[:checksumAt])
	sum.Write(make([]byte, checksumLen))
	sum.Write(b[checksumAt+checksumLen:])
	got := sum.Sum(nil)
	return len(got) <= checksumLen && bytes.Equal(got, h.checksum[:len(got)])
}

// number is an integer that JSON writes as a string, so that no reader rounds it.
type number string

func (n number) int64() (int64, bool) {
	v, err := strconv.ParseUint(string(n), 10, 63)
	return int64(v), err == nil
}

// metadata is the JSON of LUKS2, as far as it is used.
type metadata struct {
	Keyslots map[string]struct {
		Type     string
		KeySize  int `json:"key_size"`
		Priority *int
		AF       struct {
			Type    string
			Stripes int
			Hash    string
		}
		Area struct {
			Type         string
			Offset, Size number
			Encryption   string
			KeySize      int `json:"key_size"`
		}
		KDF struct {
			Type, Hash                     string
			Iterations, Time, Memory, CPUs int
			Salt                           []byte
		}
	}
	Tokens map[string]struct {
		Type     string
		Keyslots []number
	}
	Segments map[string]struct {
		Type         string
		Offset, Size number
		Tweak        number `json:"iv_tweak"`
		Encryption   string
		Sector       int `json:"sector_size"`
		Integrity    *struct{ Type string }
		Flags        []string
	}
	Digests map[string]struct {
		Type               string
		Keyslots, Segments []number
		Hash               string
		Iterations         int
		Salt, Digest       []byte
	}
	Config struct {
		Requirements struct{ Mandatory []string }
	}
}

// parseJSON decodes the JSON area b, which stands at base, into h.
func (h *header) parseJSON(b []byte, base int64) error {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	broken := func(expected string, found any) error { return cursor.Corrupt("luks: JSON", base, expected, found) }
	var m metadata
	if err := json.NewDecoder(bytes.NewReader(b)).Decode(&m); err != nil {
		return broken("an object", err)
	}
	if n := max(len(m.Keyslots), len(m.Tokens), len(m.Segments), len(m.Digests)); n > maxObjects {
		return broken(fmt.Sprintf("at most %d objects of a kind", maxObjects), n)
	}
	if len(m.Segments) == 0 {
		return broken("at least one segment", "none")
	}
	h.required = m.Config.Requirements.Mandatory
	for _, id := range ids(m.Keyslots) {
		s := m.Keyslots[strconv.Itoa(id)]
		if s.Type != "luks2" {
			continue // "reencrypt" holds no key
		}
		k := keyslot{number: id, keySize: s.KeySize, cipher: s.Area.Encryption, areaKey: s.Area.KeySize, stripes: s.AF.Stripes, hash: s.AF.Hash, priority: 1,
			kdf: derivation{kind: s.KDF.Type, hash: s.KDF.Hash, iterations: s.KDF.Iterations, passes: s.KDF.Time, memory: s.KDF.Memory, cpus: s.KDF.CPUs, salt: s.KDF.Salt}}
		if s.Priority != nil {
			k.priority = *s.Priority
		}
		offset, ok := s.Area.Offset.int64()
		room, also := s.Area.Size.int64()
		switch {
		case !ok || !also:
			k.problem = fmt.Sprintf("an area of %q bytes at %q", s.Area.Size, s.Area.Offset)
		case s.AF.Type != "luks1" || s.Area.Type != "raw":
			k.problem = fmt.Sprintf("a splitter %q in an area %q", s.AF.Type, s.Area.Type)
		case k.areaKey < 1 || k.areaKey > maxKey:
			k.problem = fmt.Sprintf("a key of %d bytes", k.areaKey)
		default:
			k.place(offset, room)
		}
		h.keyslots = append(h.keyslots, k)
	}
	for _, id := range ids(m.Segments) {
		s := m.Segments[strconv.Itoa(id)]
		g := segment{number: id, kind: s.Type, size: -1, cipher: s.Encryption, sector: s.Sector, flags: s.Flags}
		var ok bool
		if g.offset, ok = s.Offset.int64(); !ok || g.offset > maxSector*sector1 {
			return broken("an offset of segment "+strconv.Itoa(id), s.Offset)
		}
		if s.Size != "dynamic" {
			if g.size, ok = s.Size.int64(); !ok || g.size > maxSector*sector1 {
				return broken("a size of segment "+strconv.Itoa(id), s.Size)
			}
		}
		if s.Tweak != "" {
			v, err := strconv.ParseUint(string(s.Tweak), 10, 64)
			if err != nil {
				return broken("a vector of segment "+strconv.Itoa(id), s.Tweak)
			}
			g.tweak = v
		}
		if s.Integrity != nil {
			g.integrity = s.Integrity.Type
		}
		h.segments = append(h.segments, g)
	}
	h.payload = h.segments[0].offset
	for _, s := range h.live() {
		h.payload = min(h.payload, s.offset)
	}
	for _, id := range ids(m.Digests) {
		d := m.Digests[strconv.Itoa(id)]
		if d.Type != "pbkdf2" || len(d.Digest) < digest1 || len(d.Digest) > maxKey {
			continue
		}
		h.digests = append(h.digests, digest{keyslots: numbers(d.Keyslots), segments: numbers(d.Segments), hash: d.Hash, salt: d.Salt,
			iterations: d.Iterations, sum: d.Digest})
	}
	for _, id := range ids(m.Tokens) {
		t := m.Tokens[strconv.Itoa(id)]
		h.tokens = append(h.tokens, token{kind: t.Type, keyslots: numbers(t.Keyslots)})
	}
	return nil
}

// ids returns the keys of a map that are numbers, in order.
func ids[T any](m map[string]T) []int {
	var out []int
	for k := range m {
		if n, err := strconv.Atoi(k); err == nil && n >= 0 && strconv.Itoa(n) == k {
			out = append(out, n)
		}
	}
	slices.Sort(out)
	return out
}

func numbers(list []number) []int {
	var out []int
	for _, n := range list {
		if v, ok := n.int64(); ok && v < 1<<20 {
			out = append(out, int(v))
		}
	}
	return out
}

// parse2 decodes the whole header b, which stands at base: its binary part and its JSON. A checksum that does not
// fit is noted in the header; what cannot be decoded is an error.
func parse2(b []byte, base int64) (*header, bool, error) {
	bin, err := parseBinary(b, base)
	if err != nil {
		return nil, false, err
	}
	if uint64(len(b)) < bin.size {
		return nil, bin.second, cursor.Corrupt("luks: header", base, fmt.Sprintf("%d bytes", bin.size), len(b))
	}
	b = b[:bin.size]
	h := &header{version: 2, uuid: bin.uuid, label: strings.ToValidUTF8(bin.label, "\ufffd"), sequence: bin.sequence, size: int64(bin.size), checksumOK: bin.sound(b)}
	return h, bin.second, h.parseJSON(b[size2:], base+size2)
}
