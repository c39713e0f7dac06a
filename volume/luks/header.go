package luks

import (
	"fmt"
	"strings"

	"salvor/block"
)

// header is what a header of either version says. Offsets count from the start of the volume.
type header struct {
	version    int
	uuid       string
	label      string
	sequence   uint64 // LUKS2
	keyslots   []keyslot
	digests    []digest
	segments   []segment
	tokens     []token
	required   []string // features that a reader must know, LUKS2
	size       int64    // of a copy of the header with its JSON, LUKS2
	payload    int64    // where the first segment of data begins
	checksumOK bool
}

// keyslot holds a copy of a volume key, locked by one secret.
type keyslot struct {
	number   int
	keySize  int // of the volume key, bytes
	cipher   string
	areaKey  int // of the key that the secret gives, bytes
	area     block.Extent
	kdf      derivation
	stripes  int
	hash     string // of the anti-forensic splitter
	priority int    // 0 is only used when it is named, 2 before all others
	problem  string // why it cannot be used; "" when it can be
}

// derivation says how a secret becomes the key of a slot.
type derivation struct {
	kind                 string // "pbkdf2", "argon2i", "argon2id"
	hash                 string
	iterations           int
	passes, memory, cpus int // of Argon2; memory in KiB
	salt                 []byte
}

// words says what the derivation is and costs, for people.
func (d derivation) words() string {
	if d.kind == "pbkdf2" {
		return fmt.Sprintf("pbkdf2 with %s", d.hash)
	}
	return fmt.Sprintf("%s, %s of memory", d.kind, kibibytes(d.memory))
}

func kibibytes(n int) string {
	switch {
	case n >= 1<<20 && n%(1<<20) == 0:
		return fmt.Sprintf("%d GiB", n>>20)
	case n >= 1<<10:
		return fmt.Sprintf("%d MiB", n>>10)
	}
	return fmt.Sprintf("%d KiB", n)
}

// digest confirms a volume key.
type digest struct {
	keyslots   []int
	segments   []int
	hash       string
	salt       []byte
	iterations int
	sum        []byte
}

// segment is a part of the data.
type segment struct {
	number    int
	kind      string // "crypt", "linear", "hw-opal", ...
	offset    int64
	size      int64 // bytes; -1 up to the end of the medium
	tweak     uint64
	cipher    string
	sector    int
	integrity string // "" without
	flags     []string
}

// token is how a slot is opened without typing: a TPM, a security key, a server.
type token struct {
	kind     string
	keyslots []int
}

// live returns the segments that the data stand in, without those that only a reencryption needs.
func (h *header) live() []segment {
	var out []segment
	for _, s := range h.segments {
		if !s.flag("backup-") {
			out = append(out, s)
		}
	}
	return out
}

// flag reports whether one of the segment's flags begins with name.
func (s *segment) flag(name string) bool {
	for _, f := range s.flags {
		if strings.HasPrefix(f, name) {
			return true
		}
	}
	return false
}

// reencrypting reports whether the volume is between two keys.
func (h *header) reencrypting() bool {
	for i := range h.segments {
		if h.segments[i].flag("backup-") || h.segments[i].flag("in-reencryption") {
			return true
		}
	}
	return false
}

// extent returns what the volume covers on a source where it begins at base.
func (h *header) extent(base, end int64) block.Extent {
	last := base + h.payload
	for _, s := range h.live() {
		if s.size < 0 {
			return block.Between(base, max(end, last))
		}
		last = max(last, base+s.offset+s.size)
	}
	return block.Between(base, last)
}

// cipher returns the cipher of the data and the length of its key, for people.
func (h *header) cipher() string {
	for _, s := range h.live() {
		if s.cipher == "" {
			continue
		}
		for _, k := range h.keyslots {
			for _, d := range h.digests {
				if contains(d.segments, s.number) && contains(d.keyslots, k.number) && k.keySize > 0 {
					return fmt.Sprintf("%s, %d-bit key", s.cipher, k.keySize*8)
				}
			}
		}
		return s.cipher
	}
	return ""
}

func contains(list []int, n int) bool {
	for _, v := range list {
		if v == n {
			return true
		}
	}
	return false
}
