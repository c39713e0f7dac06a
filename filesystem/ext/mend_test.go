package ext

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"salvor/filesystem/filesystemtest"
	"salvor/internal/need"
)

// TestMend destroys superblocks and descriptors and gives them back: e2fsck says of the volume what it said before.
func TestMend(t *testing.T) {
	e2fsck := need.Tool(t, "e2fsck")
	for _, name := range []string{"ext2", "ext2-plain", "ext3", "ext4", "ext4-4k", "gdt_csum", "meta_bg", "bigalloc", "sparse2", "htree", "sparse", "ea_inode"} {
		whole := readImage(t, name)
		v := mustOpen(t, whole)
		s := v.sb
		if len(s.backups(2)) == 0 {
			continue
		}
		table := int64(s.descriptorBlock(0)) * s.blockSize
		end := table + (int64(len(v.groups))*s.descSize+s.blockSize-1)/s.blockSize*s.blockSize
		if s.incompat&incompatMetaBG != 0 {
			end = table + s.blockSize
		}
		wrecks := []filesystemtest.Wreck{
			{Name: "nothing", Do: func([]byte) {}, Same: true},
			{Name: "superblock", Do: func(p []byte) { clear(p[superblockOffset : superblockOffset+superblockSize]) }},
			{Name: "descriptors", Do: func(p []byte) { clear(p[table:end]) }},
			{Name: "superblock and descriptors", Do: func(p []byte) { clear(p[:end]) }},
			{Name: "rubbish", Do: func(p []byte) {
				for i := range p[:end] {
					p[i] = byte(i*i>>5 + i)
				}
			}},
		}
		t.Run(name, func(t *testing.T) {
			filesystemtest.MendRun(t, Kind(), whole, wrecks, func(t testing.TB, image []byte) string { return checked(t, e2fsck, image) })
		})
	}
}

// checked returns what e2fsck says of a volume.
func checked(t testing.TB, e2fsck string, image []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "volume")
	if err := os.WriteFile(path, image, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(e2fsck, "-fn", path).CombinedOutput()
	text := strings.ReplaceAll(string(out), path, "VOLUME")
	if err != nil {
		text += err.Error()
	}
	return text
}

// TestMendJournal marks a volume whose journal was not carried out as one that needs it: what e2fsck then writes is what it
// writes to the volume as it was.
func TestMendJournal(t *testing.T) {
	e2fsck := need.Tool(t, "e2fsck")
	for _, name := range []string{"journal-ext4", "journal-ext3", "journal-open"} {
		whole := readImage(t, name)
		p := bytes.Clone(whole)
		if v := mustOpen(t, p); v.over == nil || len(v.sb.backups(1)) == 0 {
			continue
		}
		clear(p[superblockOffset : superblockOffset+superblockSize])
		got, list := filesystemtest.Mended(t, Kind(), p, 0)
		if le.Uint32(got[superblockOffset+incompatAt:])&incompatRecover == 0 || !strings.Contains(strings.Join(list.Notes, " "), "journal") {
			t.Errorf("%s: it does not say that the journal is needed: %q", name, list.Notes)
		}
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(e2fsck, "-fy", path).CombinedOutput()
		if x, ok := err.(*exec.ExitError); err != nil && (!ok || x.ExitCode() > 1) || !strings.Contains(string(out), "recovering journal") {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
		healed, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if is, want := filesystemtest.Listing(t, Kind(), healed), filesystemtest.Listing(t, Kind(), whole); is != want {
			t.Errorf("%s: other files:\n%s\nwant:\n%s", name, is, want)
		}
	}
}
