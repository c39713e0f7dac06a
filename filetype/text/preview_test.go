package text

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"testing"
	"unicode/utf16"

	"salvor/block"
	"salvor/filetype"
)

func TestPreview(t *testing.T) {
	long := strings.Repeat("Grüße von der Küste, und ein langer Satz dazu.\n", 400)
	var wide []byte
	for _, u := range utf16.Encode([]rune("\uFEFF" + long)) {
		wide = binary.LittleEndian.AppendUint16(wide, u)
	}
	latin := bytes.ReplaceAll([]byte(long), []byte("ü"), []byte{0xFC})
	latin = bytes.ReplaceAll(latin, []byte("ß"), []byte{0xDF})
	for name, tt := range map[string]struct {
		data     []byte
		encoding string
	}{"utf-8": {[]byte(long), "UTF-8"}, "utf-16": {wide, "UTF-16LE"}, "latin": {latin, "windows-1252"}} {
		p, err := preview(t.Context(), block.Bytes(tt.data))
		if err != nil || p.Facts[0].Value != tt.encoding || !strings.HasPrefix(p.Text, "Grüße von der Küste") || len(p.Text) > filetype.MaxPreviewText || len(p.Text) < 7000 {
			t.Errorf("%s: %v %d %.40q %v", name, p.Facts, len(p.Text), p.Text, err)
		}
	}
	if _, err := preview(t.Context(), block.Bytes([]byte("\x01\x02\x03\x04binary"))); !errors.Is(err, filetype.ErrNot) {
		t.Error(err)
	}
}
