package routers

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"salvor/block"
	"salvor/firmware"
	"salvor/firmware/firmwaretest"
)

// cameoImage makes an image as mkcameofw does.
func cameoImage(model, area string, kernel, root []byte) []byte {
	p := make([]byte, cameoHead)
	data := append(bytes.Clone(kernel), root...)
	sum := uint32(0)
	for _, c := range data {
		sum += uint32(c)
	}
	be.PutUint32(p, sum)
	be.PutUint32(p[4:], uint32(len(data)))
	be.PutUint32(p[8:], uint32(len(kernel)))
	copy(p[12:], model)
	copy(p[32:], "COMCAB-AP91-131129-DIR-600")
	copy(p[62:], area)
	copy(p[66:], "2.16")
	p[78] = cameoHead
	return append(p, data...)
}

// cksum is the sum of cksum(1).
func cksum(t testing.TB, p []byte) (v uint32) {
	t.Helper()
	cmd := exec.Command("cksum")
	cmd.Stdin = bytes.NewReader(p)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var n int
	if _, err := fmt.Sscan(string(out), &v, &n); err != nil || n != len(p) {
		t.Fatalf("%q: %v", out, err)
	}
	return v
}

// buffaloTagged makes an image as buffalo-tag does, with the sum of cksum(1).
func buffaloTagged(t testing.TB, sum bool, data []byte) []byte {
	t.Helper()
	p := make([]byte, buffaloHead)
	copy(p, "WZR-HP-G300NH")
	copy(p[32:], "BUFFALO")
	copy(p[64:], "1.99")
	copy(p[72:], "1.01")
	copy(p[80:], "US")
	copy(p[88:], "mlang8")
	copy(p[96:], "ar71xx")
	copy(p[104:], "hwv")
	copy(p[108:], "2")
	be.PutUint32(p[136:], uint32(buffaloHead+len(data)))
	be.PutUint32(p[152:], uint32(len(data)))
	p = append(p, data...)
	if sum {
		be.PutUint32(p[buffaloSum:], cksum(t, p))
	}
	return p
}

func TestCameo(t *testing.T) {
	kernel, root := firmwaretest.Noise(3000, 1), append([]byte("hsqs"), firmwaretest.Noise(2000, 2)...)
	image := cameoImage("DIR-600", "EU", kernel, root)
	p := firmwaretest.Open(t, image, nil, Formats()...)
	if p.Format != "cameo" || p.Version != "2.16" || len(p.Claims) != 2 || p.Claims[0].Values[0] != "DIR-600" || p.Claims[1].Values[0] != "EU" || len(p.Children) != 2 || p.Children[1].Size != 2004 || p.Announced != int64(len(image)) {
		t.Fatalf("%+v", p)
	}
	if p := firmwaretest.Open(t, cameoImage("DIR-600", "DEF", kernel, root), nil, Formats()...); len(p.Claims) != 1 {
		t.Errorf("%v", p.Claims)
	}
	firmwaretest.Run(t, image, firmwaretest.Options{Flips: 120, Cuts: 60, Blind: block.SetOf(extent(0, cameoHead))}, firstFormat("cameo")...)
}

func TestBuffalo(t *testing.T) {
	data := firmwaretest.Noise(3001, 1)
	image := buffaloTagged(t, true, data)
	p := firmwaretest.Open(t, image, nil, Formats()...)
	if p.Format != "buffalo" || p.Version != "1.99" || len(p.Claims) != 3 || p.Claims[0].Values[0] != "WZR-HP-G300NH" || p.Claims[1].Values[0] != "2" || p.Claims[2].Values[0] != "US" || p.Children[0].Size != 3001 {
		t.Fatalf("%+v", p)
	}
	firmwaretest.Run(t, image, firmwaretest.Options{Flips: 200, Cuts: 60}, firstFormat("buffalo")...)
	v := firmware.Whole(firmwaretest.Open(t, buffaloTagged(t, false, data), nil, Formats()...))
	if v.Answer != firmware.CannotTell || !strings.Contains(v.Reasons[0], "has no sum") {
		t.Errorf("%+v", v)
	}
}

// TestPOSIXSum computes what cksum does.
func TestPOSIXSum(t *testing.T) {
	for _, n := range []int{0, 1, 255, 256, 70_000} {
		p := firmwaretest.Noise(n, uint64(n))
		got, err := posixSum(context.Background(), block.Bytes(p), extent(0, n), extent(0, 0))
		if want := cksum(t, p); err != nil || got != want {
			t.Errorf("%d bytes: %08x, want %08x, %v", n, got, want, err)
		}
	}
}

func FuzzTags(f *testing.F) {
	f.Add(cameoImage("DIR-600", "EU", firmwaretest.Noise(30, 1), firmwaretest.Noise(20, 2)))
	f.Add(buffaloTagged(f, true, firmwaretest.Noise(30, 1)))
	f.Fuzz(func(t *testing.T, p []byte) { firmwaretest.Open(t, p, nil, Formats()...) })
}
