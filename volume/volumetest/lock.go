package volumetest

import (
	"strings"
	"testing"

	"salvor/block"
	"salvor/block/probe"
	"salvor/volume"
)

// Locked returns the one encrypted volume that row reads of img with these landmarks.
func Locked(t testing.TB, row volume.Lock, img []byte, hits ...probe.Hit) volume.Locked {
	t.Helper()
	list, err := row.Read(t.Context(), block.Bytes(img), hits)
	if err != nil || len(list) != 1 {
		t.Fatalf("%d volumes, %v", len(list), err)
	}
	return list[0]
}

// Codes names the findings of an encrypted volume, without the name of its row.
func Codes(l volume.Locked) string {
	var out []string
	for _, f := range l.Findings {
		out = append(out, strings.TrimPrefix(f.Code, l.Lock+"."))
	}
	return strings.Join(out, " ")
}
