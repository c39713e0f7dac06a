package sweep

import (
	"fmt"
	"testing"

	"salvor/block"
	"salvor/block/probe"
)

// TestSharedLane has probes whose rarest pairs stand at different places: one lane holds all of them, as each lane costs a look at
// every sector; but not one whose pair at that place is met all the time.
func TestSharedLane(t *testing.T) {
	var probes []probe.Probe
	for i, s := range []string{"bootcmd=", "bootQargs=", "baudrateQ=", "Zboards="} {
		probes = append(probes, probe.Probe{ID: fmt.Sprint("name", i), Bytes: []byte(s), At: 4, Align: sector})
	}
	m, err := NewMatcher(probes)
	if err != nil || len(m.aligned) != 1 {
		t.Fatalf("%d lanes, %v", len(m.aligned), err)
	}
	at := m.aligned[0].at - 4
	common := make([]byte, 16)
	copy(common[8:], "\xE7\x91\xB3")
	m, err = NewMatcher(append(probes, probe.Probe{ID: "zeros", Bytes: common, At: 4 + at, Align: sector}))
	if err != nil || len(m.aligned) != 2 {
		t.Fatalf("%d lanes, %v", len(m.aligned), err)
	}
	var found []string
	s := m.NewSweep(8*sector, func(h probe.Hit) { found = append(found, fmt.Sprint(h.ID, "@", h.Offset)) })
	p := make([]byte, 8*sector)
	for i, x := range probes {
		copy(p[(i+1)*sector+4:], x.Bytes)
	}
	copy(p[6*sector+4+int(at):], common)
	s.Observe(block.Between(0, int64(len(p))), p)
	if got := fmt.Sprint(found); got != "[name0@512 name1@1024 name2@1536 name3@2048 zeros@3072]" {
		t.Error(got)
	}
}
