package casefile

import (
	"fmt"
	"slices"
	"time"

	"salvor/cursor"
)

// Virtual is a volume that is no source: one that members of a set give, or what an encrypted volume holds. It says how
// it is put together again; no secret is part of it.
type Virtual struct {
	Number int `json:"number"` // among those of the sources
	// Key is the same for the same volume, whatever the order of disks: "md/UUID".
	Key       string          `json:"key"`
	Reader    string          `json:"reader"` // "md", "lvm", "luks"
	Kind      string          `json:"kind"`   // of its layer: "md", "lv", "plain"
	Label     string          `json:"label"`
	Detail    string          `json:"detail,omitempty"`
	Set       string          `json:"set,omitempty"` // UUID of the set
	UUID      string          `json:"uuid,omitempty"`
	Name      string          `json:"name,omitempty"` // in the set
	Size      int64           `json:"size"`           // bytes
	Encrypted bool            `json:"encrypted"`      // it stands below as ciphertext
	Members   []VirtualMember `json:"members"`
	Added     time.Time       `json:"added"`
}

// VirtualMember is where a part of a volume stands.
type VirtualMember struct {
	Source int    `json:"source"` // number of a source or of another volume
	Offset int64  `json:"offset"` // bytes
	Size   int64  `json:"size"`
	Header int64  `json:"header"` // where its metadata stand on that source; -1 where they stand on none: an encrypted volume whose header was given
	ID     string `json:"id"`
	Role   string `json:"role,omitempty"`
}

// maxVirtual bounds the volumes of a case, maxVirtualMembers the members of one.
const (
	maxVirtual        = 4096
	maxVirtualMembers = 4096
)

// checkVirtual checks the volumes of case.json. The members of one are sources or volumes that are known.
func checkVirtual(r Record) error {
	numbers := map[int]bool{}
	for _, s := range r.Sources {
		numbers[s.Number] = true
	}
	bad := func(expected, found any) error { return cursor.Corrupt("casefile: "+recordName, -1, expected, found) }
	if len(r.Virtual) > maxVirtual {
		return bad(fmt.Sprintf("at most %d volumes", maxVirtual), len(r.Virtual))
	}
	keys := map[string]bool{}
	for _, v := range r.Virtual {
		if v.Number < 1 || v.Number > len(r.Sources)+len(r.Virtual) || numbers[v.Number] || keys[v.Key] || v.Key == "" || v.Size <= 0 ||
			len(v.Members) == 0 || len(v.Members) > maxVirtualMembers {
			return bad("a volume with a number and a key of its own, a size and members", fmt.Sprintf("number %d, key %q, size %d", v.Number, v.Key, v.Size))
		}
		numbers[v.Number], keys[v.Key] = true, true
	}
	for _, v := range r.Virtual {
		for _, m := range v.Members {
			if !numbers[m.Source] || m.Source == v.Number || m.Offset < 0 || m.Size <= 0 || m.Header < -1 {
				return bad("members on sources of the case", fmt.Sprintf("a member of volume %d on source %d", v.Number, m.Source))
			}
		}
	}
	return nil
}

// Volume returns the volume of that number.
func (r Record) Volume(number int) (Virtual, bool) {
	for _, v := range r.Virtual {
		if v.Number == number {
			return v, true
		}
	}
	return Virtual{}, false
}

// PutVirtual makes the volume with v.Key part of the case, or replaces its record, and returns it with its number, which
// it keeps. The journal says so.
func (c *Case) PutVirtual(v Virtual) (Virtual, error) {
	old := slices.IndexFunc(c.Record().Virtual, func(o Virtual) bool { return o.Key == v.Key })
	if old >= 0 {
		was := c.Record().Virtual[old]
		v.Number, v.Added = was.Number, was.Added
		if sameVirtual(was, v) {
			return was, nil
		}
	} else if len(c.Record().Virtual) >= maxVirtual {
		return Virtual{}, fmt.Errorf("casefile: a case holds at most %d volumes of sets", maxVirtual)
	} else {
		v.Added = c.o.Now().UTC().Truncate(time.Second)
	}
	err := c.update(func(r *Record) {
		if old >= 0 {
			r.Virtual[old] = v
			return
		}
		v.Number = r.nextNumber()
		r.Virtual = append(r.Virtual, v)
	})
	if err != nil {
		return Virtual{}, err
	}
	act := "volume.add"
	if old >= 0 {
		act = "volume.update"
	}
	return v, c.Append(act, map[string]any{"volume": v})
}

func sameVirtual(a, b Virtual) bool {
	members := slices.Equal(a.Members, b.Members)
	a.Members, b.Members = nil, nil
	return members && a.Key == b.Key && a.Reader == b.Reader && a.Kind == b.Kind && a.Label == b.Label && a.Detail == b.Detail &&
		a.Set == b.Set && a.UUID == b.UUID && a.Name == b.Name && a.Size == b.Size && a.Encrypted == b.Encrypted
}
