package mend

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"salvor/block"
	"salvor/block/blocktest"
	"salvor/internal/need"
)

const (
	linuxGUID = "0FC63DAF-8483-4772-8E79-3D69D8477DE4"
	espGUID   = "C12A7328-F81F-11D2-BA4B-00C04FD430EA"
)

// disk writes structures into an empty medium.
func disk(size int64, list []Structure) []byte {
	p := make([]byte, size)
	for _, s := range list {
		copy(p[s.Offset:], s.Data)
	}
	return p
}

// sfdisk reads the table of an image as JSON.
func sfdisk(t *testing.T, image []byte) (table struct {
	Label, ID, Unit string
	Partitions      []struct {
		Node, Type, UUID, Name, Attrs string
		Start, Size                   int64
		Bootable                      bool
	}
}) {
	t.Helper()
	program := need.Tool(t, "sfdisk")
	path := filepath.Join(t.TempDir(), "disk")
	if err := os.WriteFile(path, image, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(program, "--json", path).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var all struct{ PartitionTable *json.RawMessage }
	if err := json.Unmarshal(out, &all); err != nil || all.PartitionTable == nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if err := json.Unmarshal(*all.PartitionTable, &table); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(program, "--verify", path).CombinedOutput(); err != nil || !strings.Contains(string(out), "No errors detected") {
		t.Errorf("sfdisk --verify: %v\n%s", err, out)
	}
	return table
}

func TestGPT(t *testing.T) {
	const mib = 1 << 20
	table := Table{Size: 64 * mib, SectorSize: 512, UUID: "6A1F0B00-0000-4000-8000-000000000100", Partitions: []Partition{
		{Number: 2, Extent: block.Extent{Offset: 8 * mib, Length: 20 * mib}, Type: linuxGUID, Name: "données 📷", Attributes: 4},
		{Number: 1, Extent: block.Extent{Offset: mib, Length: 7 * mib}, Type: espGUID, UUID: "11111111-2222-4333-8444-555555555555", Name: "boot"},
		{Number: 7, Extent: block.Extent{Offset: 40 * mib, Length: 24*mib - 33*512}, Type: strings.ToLower(linuxGUID)},
	}}
	list, err := GPT(table)
	if err != nil {
		t.Fatal(err)
	}
	image := disk(table.Size, list)
	got := sfdisk(t, image)
	if got.Label != "gpt" || got.ID != table.UUID || len(got.Partitions) != 3 {
		t.Fatalf("%+v", got)
	}
	if p := got.Partitions[0]; p.Start != 2048 || p.Size != 7*2048 || p.Type != espGUID || p.UUID != "11111111-2222-4333-8444-555555555555" || p.Name != "boot" {
		t.Errorf("%+v", p)
	}
	if p := got.Partitions[1]; p.Name != "données 📷" || p.Attrs != "LegacyBIOSBootable" || p.UUID == "" {
		t.Errorf("%+v", p)
	}
	if p := got.Partitions[2]; !strings.HasSuffix(p.Node, "7") || p.Start+p.Size != 64*2048-33 {
		t.Errorf("%+v", p)
	}
	again, err := GPT(table)
	if err != nil || !bytes.Equal(disk(table.Size, again), image) {
		t.Error("the same table gives other bytes")
	}

	// Either copy gives the other one back, and the protective MBR.
	end := table.Size
	for name, e := range map[string]block.Extent{"primary": {Length: 34 * 512}, "header": {Offset: 512, Length: 512}, "entries": {Offset: 1024, Length: 512},
		"backup": {Offset: end - 33*512, Length: 33 * 512}} {
		broken := bytes.Clone(image)
		for i := range broken[e.Offset:e.End()] {
			broken[e.Offset+int64(i)] = 0
		}
		at := int64(512)
		if name != "backup" {
			at = end - 512
		}
		list, err := RestoreGPT(block.Bytes(broken), at, 512)
		if err != nil {
			t.Fatal(err)
		}
		whole := make([]byte, end)
		if _, err := Apply(block.Bytes(broken), list).ReadAt(whole, 0); err != nil || !bytes.Equal(whole, image) {
			t.Errorf("%s: the table is not what it was: %v", name, err)
		}
		bad := bytes.Clone(image)
		bad[at+60] ^= 1
		if _, err := RestoreGPT(block.Bytes(bad), at, 512); err == nil {
			t.Errorf("%s: a header that fails its checksum is copied", name)
		}
	}
	unread := blocktest.Faulty(block.Bytes(image), blocktest.Bad(block.Extent{Offset: 0, Length: 4096}))
	if list, err := RestoreGPT(unread, end-512, 512); err != nil || len(list.Patches) == 0 || list.Patches[0].Unread.Empty() {
		t.Errorf("%+v, %v", list, err)
	}
}

func TestGPTOf4096(t *testing.T) {
	list, err := GPT(Table{Size: 64 << 20, SectorSize: 4096, Partitions: []Partition{{Number: 1, Extent: block.Extent{Offset: 1 << 20, Length: 1 << 20}, Type: linuxGUID}}})
	if err != nil {
		t.Fatal(err)
	}
	image := disk(64<<20, list)
	copied := bytes.Clone(image)
	clear(copied[4096:8192])
	back, err := RestoreGPT(block.Bytes(copied), 64<<20-4096, 4096)
	if err != nil || len(back.Patches) != 1 || back.Patches[0].Offset != 4096 || !bytes.Equal(back.Patches[0].New, image[4096:8192]) {
		t.Errorf("%+v, %v", back.Patches, err)
	}
}

func TestMBR(t *testing.T) {
	const mib = 1 << 20
	old := bytes.Repeat([]byte{0x90}, 512)
	table := Table{Size: 128 * mib, SectorSize: 512, Partitions: []Partition{
		{Number: 1, Extent: block.Extent{Offset: mib, Length: 7 * mib}, Type: "0x0C", Active: true},
		{Number: 3, Extent: block.Extent{Offset: 10 * mib, Length: 10 * mib}, Type: "83"},
		{Number: 5, Extent: block.Extent{Offset: 31 * mib, Length: 9 * mib}, Type: "83"},
		{Number: 6, Extent: block.Extent{Offset: 41 * mib, Length: 10 * mib}, Type: "82"},
		{Number: 7, Extent: block.Extent{Offset: 51*mib + 512, Length: 10 * mib}, Type: "83"},
	}}
	list, err := MBR(table, old)
	if err != nil {
		t.Fatal(err)
	}
	image := disk(table.Size, list)
	if !bytes.Equal(image[:446], old[:446]) {
		t.Error("the boot code was changed")
	}
	got := sfdisk(t, image)
	var parts []string
	for _, p := range got.Partitions {
		parts = append(parts, p.Type)
		n := int(p.Node[len(p.Node)-1] - '0')
		for _, q := range table.Partitions {
			if q.Number == n && (p.Start*512 != q.Extent.Offset || p.Size*512 != q.Extent.Length || p.Bootable != q.Active) {
				t.Errorf("%+v, want %+v", p, q)
			}
		}
	}
	if s := strings.Join(parts, " "); got.Label != "dos" || s != "c f 83 83 82 83" {
		t.Errorf("%s: %s", got.Label, s)
	}
}

func TestTablesRefused(t *testing.T) {
	part := func(n int, at, length int64) Partition {
		return Partition{Number: n, Extent: block.Extent{Offset: at, Length: length}, Type: linuxGUID}
	}
	const mib = 1 << 20
	for name, table := range map[string]Table{
		"overlap":        {Size: 64 * mib, SectorSize: 512, Partitions: []Partition{part(1, mib, 2*mib), part(2, 2*mib, mib)}},
		"numbers":        {Size: 64 * mib, SectorSize: 512, Partitions: []Partition{part(1, mib, mib), part(1, 2*mib, mib)}},
		"half a sector":  {Size: 64 * mib, SectorSize: 512, Partitions: []Partition{part(1, mib+100, mib)}},
		"behind the end": {Size: 64 * mib, SectorSize: 512, Partitions: []Partition{part(1, 63*mib, mib)}},
		"over the table": {Size: 64 * mib, SectorSize: 512, Partitions: []Partition{part(1, 512, mib)}},
		"no room":        {Size: 10_000, SectorSize: 512},
		"no sectors":     {Size: 64 * mib},
		"sector size":    {Size: 64 * mib, SectorSize: 600},
		"too many":       {Size: 64 * mib, SectorSize: 512, Partitions: []Partition{part(129, mib, mib)}},
	} {
		if _, err := GPT(table); err == nil {
			t.Errorf("GPT: %s is encoded", name)
		}
	}
	mbr := func(n int, at, length int64) Partition {
		return Partition{Number: n, Extent: block.Extent{Offset: at, Length: length}, Type: "83"}
	}
	for name, parts := range map[string][]Partition{
		"no gap":        {mbr(1, mib, mib), mbr(5, 2*mib, mib)},
		"between":       {mbr(5, 3*mib, mib), mbr(1, 5*mib, mib), mbr(6, 8*mib, mib)},
		"five":          {mbr(1, mib, mib), mbr(2, 2*mib, mib), mbr(3, 3*mib, mib), mbr(4, 4*mib, mib), mbr(5, 8*mib, mib)},
		"order":         {mbr(6, 3*mib, mib), mbr(5, 8*mib, mib)},
		"type":          {{Number: 1, Extent: block.Extent{Offset: mib, Length: mib}, Type: "linux"}},
		"beyond 2 TiB":  {mbr(1, 1<<42, mib)},
		"no type":       {{Number: 1, Extent: block.Extent{Offset: mib, Length: mib}, Type: "0"}},
		"negative size": {mbr(1, mib, -512)},
	} {
		if _, err := MBR(Table{Size: 1 << 43, SectorSize: 512, Partitions: parts}, nil); err == nil {
			t.Errorf("MBR: %s is encoded", name)
		}
	}
}
