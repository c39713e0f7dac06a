package routers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"

	"salvor/block"
	"salvor/cursor"
	"salvor/firmware"
	"salvor/firmware/firmwaretest"
)

// footed puts a footer behind an image, as linksys-image.sh does.
func footed(t testing.TB, model string, image []byte) []byte {
	t.Helper()
	p := fmt.Appendf(bytes.Clone(image), ".LINKSYS.01000409%-15s%08X%-8s%-16s", model, cksum(t, image), "0", "K0000000F0246434")
	return append(p, make([]byte, 192)...)
}

func TestFooter(t *testing.T) {
	image := firmwaretest.Noise(3000, 1)
	p := footed(t, "EA8500", image)
	part := firmwaretest.Open(t, p, nil, Footer())
	if part.Format != "linksys-footer" || part.Claims[0].Values[0] != "EA8500" || len(part.Children) != 1 || part.Children[0].Size != 3000 {
		t.Fatalf("%+v", part)
	}
	if v := firmware.Whole(part); v.Answer != firmware.CannotTell || part.Uncovered().Bytes() != footerText {
		t.Errorf("%+v", v)
	}
	firmwaretest.Run(t, p, firmwaretest.Options{Flips: 200, Blind: block.SetOf(extent(3000, 32), extent(3040, 24))}, Footer())
	for _, other := range [][]byte{nil, image, p[:len(p)-1], bytes.Replace(p, []byte(".LINKSYS."), []byte(".LINKSYS,"), 1)} {
		if _, err := lookFooter(context.Background(), block.Bytes(other)); !errors.Is(err, cursor.ErrNot) {
			t.Errorf("%d bytes: %v", len(other), err)
		}
	}
}

func FuzzFooter(f *testing.F) {
	f.Add(footed(f, "EA8500", firmwaretest.Noise(30, 1)))
	f.Fuzz(func(t *testing.T, p []byte) { firmwaretest.Open(t, p, nil, Footer()) })
}
