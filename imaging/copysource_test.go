package imaging_test

import (
	"bytes"
	"testing"

	"salvor/block"
	"salvor/block/blocktest"
	"salvor/imaging"
)

func TestCopySourceConforms(t *testing.T) {
	data := random(41, 300<<10)
	m := imaging.NewMap(int64(len(data)))
	m.Set(block.Between(0, 250<<10), imaging.Finished)
	m.Set(block.Between(1000, 2000), imaging.BadSector)
	m.Set(block.Between(70000, 80000), imaging.NonTrimmed)
	m.Set(block.Between(80000, 80512), imaging.NonScraped)
	bad := m.Of(imaging.Finished).Complement(block.Between(0, m.Size()))
	moved := append(bytes.Repeat([]byte{9}, 777), data...)
	for _, tt := range []struct {
		name   string
		image  block.Source
		offset int64
		bad    block.Set
	}{
		{"image", block.Bytes(data), 0, bad},
		{"image behind a header", block.Bytes(moved), 777, bad},
		{"image that is cut", block.Bytes(data[:200000]), 0, bad.Union(block.SetOf(block.Between(200000, m.Size())))},
		{"image on a failing disk", blocktest.Faulty(block.Bytes(data), blocktest.Bad(block.Between(500, 600), block.Between(1500, 3000))), 0,
			bad.Union(block.SetOf(block.Between(500, 600), block.Between(1500, 3000)))},
	} {
		t.Run(tt.name, func(t *testing.T) {
			blocktest.Run(t, func(*testing.T) (block.Source, []byte, block.Set) {
				return imaging.CopySource(tt.image, m, tt.offset), data, tt.bad
			})
		})
	}
}

func TestCopySourceReasons(t *testing.T) {
	m := imaging.NewMap(4096)
	m.Set(block.Between(0, 3000), imaging.Finished)
	m.Set(block.Between(512, 1024), imaging.BadSector)
	m.Set(block.Between(2048, 2560), imaging.NonTrimmed)
	src := imaging.CopySource(block.Bytes(make([]byte, 4096)), m, 0)
	m.Set(block.Between(0, 4096), imaging.BadSector) // later changes do not matter
	want := []block.Unreadable{
		{Extent: block.Between(512, 1024), Why: block.Bad}, {Extent: block.Between(2048, 2560), Why: block.NotCopied}, {Extent: block.Between(3000, 4096), Why: block.NotCopied}}
	got := block.UnreadableIn(src, block.Between(0, 4096))
	if len(got) != len(want) {
		t.Fatalf("%+v", got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%+v, want %+v", got[i], want[i])
		}
	}
	// Places are those of the medium, also where the image has them elsewhere.
	if runs := block.Origin(src, block.Between(600, 700)); len(runs) != 1 || runs[0] != (block.Run{Logical: 600, Physical: 600, Length: 100}) {
		t.Errorf("%+v", runs)
	}
}
