package firmware

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// what stands in the contract with scripts.
const exampleRecord = `{"model": "ACME GW-100", "compatible": ["acme,gw100", "acme,gw"], "board": "gw100",
 "board_name": "acme,gw100", "device_type": "gw100-dev", "hardware_revision": "1.0", "version": "1.5.0",
 "min_version": "1.0.0", "region": "EU", "usb_vid": "0x1209", "usb_pid": "0x2301", "chip": "esp32s3",
 "uf2_family": "0xe48bff56", "tplink_hwid": "0x07010001", "tplink_hwrev": "1", "guid": "2d47f29b-0000-4000-8000-000000000000",
 "flash_size": 67108864, "erase_size": 131072, "temp_space": 33554432,
 "partitions": [{"name": "rootfs_b", "offset": 33554432, "size": 16777216, "role": "slot"}], "colour": "red"}`

func TestRecord(t *testing.T) {
	d, unknown, err := ParseRecord([]byte(exampleRecord), "label.json")
	if err != nil || !slices.Equal(unknown, []string{"colour"}) {
		t.Fatal(unknown, err)
	}
	for _, want := range []Fact{{Model, "ACME GW-100", "label.json"}, {Compatible, "acme,gw", "label.json"}, {Board, "gw100-dev", "label.json"}, {Hardware, "1.0", "label.json"}, {USB, "1209:2301", "label.json"},
		{Family, "0xe48bff56", "label.json"}, {Product, "0x07010001", "label.json"}, {FlashSize, "67108864", "label.json"}, {LeastAllowed, "1.0.0", "label.json"}} {
		if !slices.Contains(d.Facts, want) {
			t.Errorf("%v is missing in %v", want, d.Facts)
		}
	}
	if d.Temp != 33554432 || d.Erase != 131072 || len(d.Spaces) != 1 || d.Spaces[0].Role != "slot" {
		t.Errorf("%+v", d)
	}
	// What comes out goes in again, but for what has no place of its own.
	out, err := json.Marshal(d.Record())
	if err != nil {
		t.Fatal(err)
	}
	again, unknown, err := ParseRecord(out, "label.json")
	if err != nil || len(unknown) > 0 {
		t.Fatal(unknown, err)
	}
	d.Facts = slices.DeleteFunc(d.Facts, func(f Fact) bool { return f.Kind == Hardware && f.Value == "1" })
	if !reflect.DeepEqual(d, again) {
		t.Errorf("%+v\n%+v", d, again)
	}
	if d, _, err := ParseRecord([]byte("compatible: acme,gw\nflash_size: 16\n"), "x"); err != nil || d.Facts[0].Value != "acme,gw" || d.Facts[1].Value != "16" {
		t.Error(d, err)
	}
	for _, bad := range []string{"", "[1]", "colour: red", "flash_size: many", "\x00", strings.Repeat("[", 100000)} {
		if _, _, err := ParseRecord([]byte(bad), "x"); err == nil {
			t.Errorf("%.20q is a record", bad)
		}
	}
}

func TestLabel(t *testing.T) {
	got := Label("ACME GW-100 hw 1.0 fw: 1.5.0", "label")
	want := []Fact{{Model, "ACME GW-100", "label"}, {Hardware, "1.0", "label"}, {Installed, "1.5.0", "label"}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%v", got)
	}
	if got := Label("GW hw", "label"); len(got) != 1 || got[0].Value != "GW hw" {
		t.Errorf("%v", got)
	}
}

func FuzzParseRecord(f *testing.F) {
	f.Add([]byte(exampleRecord))
	f.Add([]byte("compatible: &a [*a]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if d, _, err := ParseRecord(data, "x"); err == nil && d == nil {
			t.Error("nothing, without an error")
		}
	})
}
