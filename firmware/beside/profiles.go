package beside

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"

	"salvor/firmware"
)

// profiles is the file in which OpenWrt says which images of a build are for which devices.
const profiles = "profiles.json"

// build is what stands in it, as far as it is used.
type build struct {
	Version  string `json:"version_number"`
	Code     string `json:"version_code"`
	Profiles map[string]struct {
		Supported []string `json:"supported_devices"`
		Images    []struct {
			Name string `json:"name"`
			Sum  string `json:"sha256"`
		} `json:"images"`
	} `json:"profiles"`
}

// profiles claims the devices for which the package was built, where the file names it and its sum fits. Images for the
// maker's own updater say it nowhere else.
func (c *checking) profiles(ctx context.Context, data []byte) {
	var b build
	if json.Unmarshal(data, &b) != nil {
		return // a file of that name by someone else
	}
	var devices []string
	for _, p := range b.Profiles {
		for _, i := range p.Images {
			sum, err := hex.DecodeString(i.Sum)
			if err != nil || len(sum) != 32 || i.Name != c.name {
				continue
			}
			if _, fits := c.list(ctx, profiles, []byte(i.Sum+"  "+c.name)); fits {
				devices = append(devices, p.Supported...)
			}
		}
	}
	if len(devices) == 0 {
		return
	}
	slices.Sort(devices)
	devices = slices.Compact(devices)
	said := slices.ContainsFunc(c.p.Claims, func(x firmware.Claim) bool { return x.Kind == firmware.Board })
	if !said {
		c.p.Claims = append(c.p.Claims, firmware.Claim{Kind: firmware.Board, Values: devices})
	}
	if c.p.Version == "" {
		if c.p.Version = b.Version; strings.EqualFold(b.Version, "SNAPSHOT") {
			c.p.Version = strings.TrimSpace(b.Version + " " + b.Code)
		}
	}
}
