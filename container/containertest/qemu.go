package containertest

import (
	"slices"
	"testing"
)

// Made is an image that a tool makes of a disk while the test runs.
type Made struct {
	Name   string
	Disk   []byte
	Target string     // name of the image
	Steps  [][]string // commands; the disk lies beside as disk.img
	Used   []string   // as in Case
	// Change is what the commands wrote over the disk.
	Change func(disk []byte)
	// Keep are the names of files of the folder that are part of the image beside Target; nil for all.
	Keep []string
	Case Case // what else is expected
}

// Make runs the commands and returns the case.
func Make(t *testing.T, m Made) Case {
	t.Helper()
	dir := t.TempDir()
	Write(t, dir, "disk.img", m.Disk)
	for _, s := range m.Steps {
		Tool(t, dir, s[0], s[1:]...)
	}
	c := m.Case
	c.Name, c.File, c.Used = m.Name, m.Target, m.Used
	c.Files = Folder{}
	for name, b := range ReadFolder(t, dir) {
		if name == m.Target || m.Keep == nil && name != "disk.img" || slices.Contains(m.Keep, name) {
			c.Files[name] = b
		}
	}
	c.Truth = slices.Clone(m.Disk)
	if m.Change != nil {
		m.Change(c.Truth)
	}
	return c
}
