package lzfse

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"salvor/internal/need"
)

// image wraps LZFSE streams, each of which gives n bytes, into a disk image (UDIF), the one container of the format
// that another decoder here opens.
func image(streams [][]byte, n int) []byte {
	be := binary.BigEndian
	sectors := uint64(n / 512)
	table := []byte("mish")
	table = be.AppendUint32(table, 1)
	table = be.AppendUint64(table, 0)
	table = be.AppendUint64(table, sectors*uint64(len(streams)))
	table = be.AppendUint64(table, 0)
	table = be.AppendUint32(table, 4096)
	table = be.AppendUint32(table, 0)
	table = append(table, make([]byte, 24+8+128)...)
	table = be.AppendUint32(table, uint32(len(streams)+1))
	var data []byte
	for i, s := range streams {
		table = be.AppendUint32(table, 0x80000007)
		table = be.AppendUint32(table, 0)
		table = be.AppendUint64(table, uint64(i)*sectors)
		table = be.AppendUint64(table, sectors)
		table = be.AppendUint64(table, uint64(len(data)))
		table = be.AppendUint64(table, uint64(len(s)))
		data = append(data, s...)
	}
	table = be.AppendUint32(table, 0xFFFFFFFF)
	table = be.AppendUint32(table, 0)
	table = be.AppendUint64(table, sectors*uint64(len(streams)))
	table = be.AppendUint64(table, 0)
	table = be.AppendUint64(table, uint64(len(data)))
	table = be.AppendUint64(table, 0)
	list := fmt.Sprintf(`<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
	<key>resource-fork</key>
	<dict>
		<key>blkx</key>
		<array>
			<dict>
				<key>Attributes</key>
				<string>0x0050</string>
				<key>CFName</key>
				<string>whole disk</string>
				<key>Data</key>
				<data>
				%s
				</data>
				<key>ID</key>
				<string>0</string>
				<key>Name</key>
				<string>whole disk</string>
			</dict>
		</array>
	</dict>
</dict>
</plist>
`, base64.StdEncoding.EncodeToString(table))
	out := append(bytes.Clone(data), list...)
	koly := make([]byte, 512)
	copy(koly, "koly")
	be.PutUint32(koly[4:], 4)
	be.PutUint32(koly[8:], 512)
	be.PutUint32(koly[12:], 1)
	be.PutUint64(koly[32:], uint64(len(data)))
	be.PutUint32(koly[56:], 1)
	be.PutUint32(koly[60:], 1)
	be.PutUint64(koly[216:], uint64(len(data)))
	be.PutUint64(koly[224:], uint64(len(list)))
	be.PutUint32(koly[488:], 1)
	be.PutUint64(koly[492:], sectors*uint64(len(streams)))
	return append(out, koly...)
}

// Another decoder reads the streams that the tests make in the same way.
func TestSeenBySevenZip(t *testing.T) {
	tool := need.Tool(t, "7zz")
	p := sample(40960)
	var streams [][]byte
	for _, name := range []string{"raw", "lzvn", "newer"} {
		streams = append(streams, forms(p)[name])
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "x.dmg"), image(streams, len(p)), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(tool, "x", "-y", "-so", "-tdmg", filepath.Join(dir, "x.dmg"))
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	got, err := cmd.Output()
	// Its exit code is not regarded: it counts a mark of end that it did not read as an error.
	if !bytes.Equal(got, bytes.Repeat(p, len(streams))) {
		t.Errorf("%d bytes, want %d, %v\n%s", len(got), len(p)*len(streams), err, stderr.String())
	}
}
