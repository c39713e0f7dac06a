package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"salvor/block"
	"salvor/internal/need"
	"salvor/layers"
	volall "salvor/volume/all"
)

func sfdisk(t *testing.T, input string, args ...string) string {
	t.Helper()
	cmd := need.Command(t, "sfdisk", args...)
	cmd.Stdin = strings.NewReader(input)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("sfdisk %v: %v\n%s\n%s", args, err, out, input)
	}
	return string(out)
}

func emptyDisk(t *testing.T, size int64) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "disk.img")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, size); err != nil {
		t.Fatal(err)
	}
	return path
}

// entryLine is what `sfdisk -d` says of a partition, without the name of the file.
var entryLine = regexp.MustCompile(`img(\d+ :.*)`)

func entryLines(dump string) string {
	var out []string
	for _, m := range entryLine.FindAllStringSubmatch(dump, -1) {
		out = append(out, strings.Join(strings.Fields(m[1]), " "))
	}
	return strings.Join(out, "\n")
}

// TestScriptGivesTheSameTable makes tables with sfdisk, reads them, and lets sfdisk make them again on an empty disk from
// the script.
func TestScriptGivesTheSameTable(t *testing.T) {
	const mib = 2048 // sectors
	for name, script := range map[string]string{
		"gpt": fmt.Sprintf("label: gpt\nlabel-id: 11111111-2222-4333-8444-555555555555\nstart=%d, size=%d, name=\"boot \\x22a\\x22 ü\", type=uefi, attrs=\"RequiredPartition LegacyBIOSBootable\"\n"+
			"start=%d, size=%d, type=FE3A2A5D-4F32-41A7-B725-ACCC3285A309, name=KERN-A, attrs=\"GUID:49,52,56\"\nsize=%d, type=linux\n", mib, 4*mib, 8*mib, 4*mib, 10*mib),
		"gpt with gaps in its numbers": fmt.Sprintf("label: gpt\n3 : start=%d, size=%d\n7 : start=%d, size=%d\n", mib, mib, 20*mib, mib),
		"gpt that begins early":        "label: gpt\nfirst-lba: 34\nstart=34, size=2014\nstart=2048, size=4096\n",
		"dos":                          fmt.Sprintf("label: dos\nlabel-id: 0x1234abcd\nstart=%d, size=%d, type=c, bootable\nstart=%d, size=%d, type=83\n", mib, 4*mib, 8*mib, 4*mib),
		"dos, logical": fmt.Sprintf("label: dos\n1 : start=%d, size=%d, type=c\n2 : start=%d, size=%d, type=f\n5 : start=%d, size=%d, type=83\n6 : start=%d, size=%d, type=82\n7 : start=%d, size=%d, type=83\n",
			mib, 4*mib, 8*mib, 40*mib, 9*mib, 4*mib, 14*mib, 4*mib, 20*mib, 8*mib),
	} {
		t.Run(name, func(t *testing.T) {
			const size = 64 << 20
			first := emptyDisk(t, size)
			sfdisk(t, script, "-q", "--no-reread", "--no-tell-kernel", first)
			rebuilt := rebuiltOf(t, first)
			again := emptyDisk(t, size)
			text := sfdiskScript(rebuilt)
			sfdisk(t, text, "-q", "--no-act", again)
			sfdisk(t, text, "-q", "--no-reread", "--no-tell-kernel", again)
			want, got := sfdisk(t, "", "-d", first), sfdisk(t, "", "-d", again)
			if entryLines(want) != entryLines(got) || entryLines(got) == "" {
				t.Errorf("got\n%s\nwant\n%s\nby the script\n%s", got, want, text)
			}
			if id := regexp.MustCompile(`label-id: .*`); id.FindString(want) != id.FindString(got) {
				t.Errorf("got %s, want %s", id.FindString(got), id.FindString(want))
			}
		})
	}
}

func rebuiltOf(t *testing.T, path string) *layers.Partitioning {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	tree, err := layers.Resolve(context.Background(), layers.Disk{Number: 1, Source: block.Bytes(b)}, nil, layers.Tables{Schemes: volall.Table()})
	if err != nil {
		t.Fatal(err)
	}
	return layers.Partition(tree, "")
}

// TestScriptIsAccepted lets sfdisk read scripts of tables that it does not know, that are doubtful, and with hostile names.
func TestScriptIsAccepted(t *testing.T) {
	e := func(at, size int64) block.Extent { return block.Extent{Offset: at << 20, Length: size << 20} }
	for name, r := range map[string]*layers.Partitioning{
		"hostile names": {Scheme: "gpt", SectorSize: 512, Size: 64 << 20, UUID: "x\nlabel: dos", Slots: []layers.Slot{
			{Number: 1, Extent: e(1, 4), Type: "0FC63DAF-8483-4772-8E79-3D69D8477DE4", Name: "\"\n1 : start=9, size=9 \\ $(x) `y`", Evidence: []string{"a\nlabel: dos\n"}, Doubts: []string{"\x1b[2J\n3 : start=1"}},
		}},
		"Apple":          {Scheme: "apm", SectorSize: 512, Size: 64 << 20, Slots: []layers.Slot{{Number: 3, Extent: e(2, 8), Type: "Apple_HFS", Name: "disk"}}},
		"empty entries":  {Scheme: "gpt", SectorSize: 512, Size: 64 << 20, Slots: []layers.Slot{{Number: 1, Type: "x"}, {Number: 2, Extent: e(1, 1)}}},
		"odd size":       {Scheme: "mbr", SectorSize: 512, Size: 64 << 20, Slots: []layers.Slot{{Number: 1, Extent: block.Extent{Offset: 1 << 20, Length: 1000}, Type: "0x83"}, {Number: 2, Extent: e(2, 1), Type: "0x07", Active: true}}},
		"five in an MBR": {Scheme: "mbr", SectorSize: 512, Size: 64 << 20, Slots: []layers.Slot{{Number: 1, Extent: e(1, 1), Type: "0x83"}, {Number: 5, Extent: e(3, 1), Type: "0x83"}}},
		"nothing at all": {SectorSize: 512, Size: 64 << 20},
	} {
		t.Run(name, func(t *testing.T) {
			text := sfdiskScript(r)
			if strings.ContainsAny(text, "\x1b\r") {
				t.Errorf("control characters in %q", text)
			}
			if r.Scheme == "" {
				for l := range strings.Lines(text) {
					if !strings.HasPrefix(l, "#") {
						t.Errorf("a line without a table: %q", l)
					}
				}
				return
			}
			path := emptyDisk(t, r.Size)
			sfdisk(t, text, "-q", "--no-reread", "--no-tell-kernel", path)
			dump := sfdisk(t, "", "-d", path)
			n := 0
			for _, s := range r.Slots {
				if s.Extent.Length > 0 && s.Extent.Length%512 == 0 && s.Number < 5 {
					n++
				}
			}
			if got := len(entryLine.FindAllString(dump, -1)); got != n {
				t.Errorf("%d partitions, want %d\n%s\n%s", got, n, dump, text)
			}
		})
	}
}
