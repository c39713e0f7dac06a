package android

import (
	"testing"

	"salvor/firmware"
)

func TestRoles(t *testing.T) {
	for _, tt := range []struct {
		name           string
		role           firmware.Role
		loader, unique bool
	}{
		{"boot_a", firmware.Kernel, false, false},
		{"init_boot", firmware.Ramdisk, false, false},
		{"xbl_b", firmware.BootLoader, true, false},
		{"XBL", firmware.BootLoader, true, false},
		{"persist", firmware.Unique, false, true},
		{"vbmeta_system", firmware.Metadata, false, false},
		{"system", firmware.RootFS, false, false},
		{"dtbo", firmware.DeviceTree, false, false},
		{"gpt", firmware.Table, false, false},
		{"vendor", firmware.Data, false, false},
		{"", firmware.Data, false, false},
	} {
		i := Install(tt.name, 7)
		if Role(tt.name) != tt.role || i.Loader != tt.loader || i.Unique != tt.unique || i.Where != tt.name || i.Needs != 7 {
			t.Errorf("%q: %v %+v", tt.name, Role(tt.name), i)
		}
	}
}
