package imaging_test

import (
	"bytes"
	"strings"
	"testing"

	"salvor/block"
	"salvor/imaging"
)

// Comments in the list of blocks stay where they are, also when the blocks around them change.
func TestNotes(t *testing.T) {
	const text = `# Mapfile. Created by a person
# current_pos  current_status  current_pass
0x00000000     ?               1
#      pos        size  status
# the partition table
0x00000000  0x00001000  +
0x00001000  0x00001000  -  # the photo of the pump
# from here on another cable
# and another reader
0x00002000  0x00002000  ?
# the end
`
	m, err := imaging.ReadMap(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	written := func(m *imaging.Map) string {
		t.Helper()
		var b bytes.Buffer
		if _, err := m.WriteTo(&b); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	if got := written(m); got != text {
		t.Errorf("written as\n%s", got)
	}
	if len(m.Comments) != 1 || len(m.Notes) != 5 {
		t.Errorf("%q, %+v", m.Comments, m.Notes)
	}
	c := m.Clone()
	c.Set(block.Extent{Offset: 0x800, Length: 0x400}, imaging.BadSector)
	c.Set(block.Extent{Offset: 0x1000, Length: 0x2000}, imaging.Finished)
	const later = `# the partition table
0x00000000  0x00000800  +
0x00000800  0x00000400  -
# from here on another cable
# and another reader
0x00000C00  0x00002400  +  # the photo of the pump
0x00003000  0x00001000  ?
# the end
`
	if got := written(c); !strings.HasSuffix(got, later) {
		t.Errorf("later\n%s", got)
	}
	if got := written(m); got != text {
		t.Error("a clone shares its comments")
	}
}
