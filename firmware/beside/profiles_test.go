package beside

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"testing"

	"salvor/firmware"
	"salvor/firmware/firmwaretest"
)

func TestProfiles(t *testing.T) {
	image := firmwaretest.Noise(3000, 1)
	sum := sha256.Sum256(image)
	good := hex.EncodeToString(sum[:])
	other := fmt.Sprintf("%064x", 7)
	text := func(version, name, sum string) []byte {
		return fmt.Appendf(nil, `{"version_number":%q,"version_code":"r23497","profiles":{"acme_x":{"supported_devices":["acme,x","x-old"],"images":[{"name":"other.bin","sha256":%q},{"name":%q,"sha256":%q}]},"acme_y":{"supported_devices":["acme,y"],"images":[{"name":"y.bin","sha256":%q}]}}}`, version, other, name, sum, good)
	}
	for _, tt := range []struct {
		name    string
		data    []byte
		devices []string
		version string
		whole   firmware.Answer
	}{
		{"named", text("23.05.2", "a.bin", good), []string{"acme,x", "x-old"}, "23.05.2", firmware.OK},
		{"snapshot", text("SNAPSHOT", "a.bin", good), []string{"acme,x", "x-old"}, "SNAPSHOT r23497", firmware.OK},
		{"another sum", text("23.05.2", "a.bin", other), nil, "", firmware.No},
		{"not named", text("23.05.2", "b.bin", good), nil, "", firmware.CannotTell},
		{"no sum", text("23.05.2", "a.bin", "zz"), nil, "", firmware.CannotTell},
		{"another file", []byte("[]"), nil, "", firmware.CannotTell},
		{"no JSON", []byte("x"), nil, "", firmware.CannotTell},
	} {
		p := check(t, image, []File{{Name: profiles, Data: tt.data}})
		var devices []string
		for _, c := range p.Claims {
			devices = append(devices, c.Values...)
		}
		if !slices.Equal(devices, tt.devices) || p.Version != tt.version || firmware.Whole(p).Answer != tt.whole {
			t.Errorf("%s: %q %q %+v", tt.name, devices, p.Version, firmware.Whole(p))
		}
	}
	// What the package itself says of its devices counts more.
	p := part(image)
	p.Claims = []firmware.Claim{{Kind: firmware.Board, Values: []string{"acme,z"}}}
	if err := Check(t.Context(), p, "a.bin", []File{{Name: profiles, Data: text("23.05.2", "a.bin", good)}}, nil); err != nil || len(p.Claims) != 1 || p.Claims[0].Values[0] != "acme,z" {
		t.Errorf("%v, %v", p.Claims, err)
	}
}

func FuzzProfiles(f *testing.F) {
	f.Add([]byte(`{"version_number":"1","profiles":{"x":{"supported_devices":["a"],"images":[{"name":"a.bin","sha256":"00"}]}}}`))
	f.Fuzz(func(t *testing.T, data []byte) { check(t, []byte("image"), []File{{Name: profiles, Data: data}}) })
}
