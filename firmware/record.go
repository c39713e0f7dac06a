package firmware

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Record is what is known of a device as one file, in JSON or YAML. Every key may be left out.
type Record struct {
	Model            string            `yaml:"model" json:"model,omitempty"`
	Compatible       []string          `yaml:"compatible" json:"compatible,omitempty"`
	Board            string            `yaml:"board" json:"board,omitempty"`
	BoardName        string            `yaml:"board_name" json:"board_name,omitempty"`
	DeviceType       string            `yaml:"device_type" json:"device_type,omitempty"`
	HardwareRevision string            `yaml:"hardware_revision" json:"hardware_revision,omitempty"`
	Version          string            `yaml:"version" json:"version,omitempty"`
	MinVersion       string            `yaml:"min_version" json:"min_version,omitempty"`
	Region           string            `yaml:"region" json:"region,omitempty"`
	USBVendor        string            `yaml:"usb_vid" json:"usb_vid,omitempty"`
	USBProduct       string            `yaml:"usb_pid" json:"usb_pid,omitempty"`
	Chip             string            `yaml:"chip" json:"chip,omitempty"`
	Architecture     string            `yaml:"architecture" json:"architecture,omitempty"`
	UF2Family        string            `yaml:"uf2_family" json:"uf2_family,omitempty"`
	TPLinkID         string            `yaml:"tplink_hwid" json:"tplink_hwid,omitempty"`
	TPLinkRevision   string            `yaml:"tplink_hwrev" json:"tplink_hwrev,omitempty"`
	GUID             string            `yaml:"guid" json:"guid,omitempty"`
	CompatVersion    string            `yaml:"compat_version" json:"compat_version,omitempty"`
	Rollback         string            `yaml:"rollback" json:"rollback,omitempty"`
	BootLoader       string            `yaml:"boot_loader" json:"boot_loader,omitempty"`
	BuildTime        string            `yaml:"build_time" json:"build_time,omitempty"`
	FlashSize        int64             `yaml:"flash_size" json:"flash_size,omitempty"`
	EraseSize        int64             `yaml:"erase_size" json:"erase_size,omitempty"`
	TempSpace        int64             `yaml:"temp_space" json:"temp_space,omitempty"`
	Partitions       []RecordPartition `yaml:"partitions" json:"partitions,omitempty"`
}

// RecordPartition is a partition of a [Record].
type RecordPartition struct {
	Name   string `yaml:"name" json:"name"`
	Offset int64  `yaml:"offset" json:"offset"`
	Size   int64  `yaml:"size" json:"size"`
	Role   string `yaml:"role" json:"role,omitempty"`
}

// field is a key of a record that stands for facts of one kind.
type field struct {
	kind ClaimKind
	at   func(r *Record) *string
}

var fields = []field{
	{Model, func(r *Record) *string { return &r.Model }},
	{Board, func(r *Record) *string { return &r.Board }},
	{Board, func(r *Record) *string { return &r.BoardName }},
	{Board, func(r *Record) *string { return &r.DeviceType }},
	{Hardware, func(r *Record) *string { return &r.HardwareRevision }},
	{Hardware, func(r *Record) *string { return &r.TPLinkRevision }},
	{Installed, func(r *Record) *string { return &r.Version }},
	{LeastAllowed, func(r *Record) *string { return &r.MinVersion }},
	{Region, func(r *Record) *string { return &r.Region }},
	{Chip, func(r *Record) *string { return &r.Chip }},
	{Architecture, func(r *Record) *string { return &r.Architecture }},
	{Family, func(r *Record) *string { return &r.UF2Family }},
	{Product, func(r *Record) *string { return &r.TPLinkID }},
	{GUID, func(r *Record) *string { return &r.GUID }},
	{CompatVersion, func(r *Record) *string { return &r.CompatVersion }},
	{Rollback, func(r *Record) *string { return &r.Rollback }},
	{LeastLoader, func(r *Record) *string { return &r.BootLoader }},
	{NewerThanBuild, func(r *Record) *string { return &r.BuildTime }},
}

// ParseRecord reads a record in JSON or YAML, which came from the file from. Keys that mean nothing here are returned, and
// are no error.
func ParseRecord(data []byte, from string) (d *Device, unknown []string, err error) {
	var r Record
	var keys map[string]any
	// JSON is YAML, so that one reader is enough.
	if err := yaml.Unmarshal(data, &keys); err != nil {
		return nil, nil, fmt.Errorf("%s: what is known of a device is a JSON or YAML object: %w", from, err)
	}
	known := recordKeys()
	for k := range keys {
		if !slices.Contains(known, k) {
			unknown = append(unknown, k)
		}
	}
	slices.Sort(unknown)
	if len(unknown) == len(keys) {
		return nil, nil, fmt.Errorf("%s: it says nothing of a device; expected keys such as %s", from, strings.Join(known[:6], ", "))
	}
	if c, ok := keys["compatible"].(string); ok { // one name stands for a list of one
		keys["compatible"] = []string{c}
		if data, err = json.Marshal(keys); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", from, err)
		}
	}
	if err := yaml.Unmarshal(data, &r); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", from, err)
	}
	return r.Device(from), unknown, nil
}

// recordKeys are the keys of a record.
func recordKeys() []string {
	// An object with every field set names them all, so that there is no second list to keep.
	full := Record{FlashSize: 1, EraseSize: 1, TempSpace: 1, Compatible: []string{""}, Partitions: []RecordPartition{{}}, USBVendor: "x", USBProduct: "x"}
	for _, f := range fields {
		*f.at(&full) = "x"
	}
	var keys map[string]json.RawMessage
	if text, err := json.Marshal(full); err != nil || json.Unmarshal(text, &keys) != nil {
		return nil // cannot be: it holds strings and numbers
	}
	var out []string
	for k := range keys {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// Device returns the facts of a record, which came from where from says.
func (r *Record) Device(from string) *Device {
	d := &Device{Temp: r.TempSpace, Erase: r.EraseSize}
	add := func(kind ClaimKind, value string) {
		if value = strings.TrimSpace(value); value != "" {
			d.Facts = append(d.Facts, Fact{Kind: kind, Value: value, From: from})
		}
	}
	for _, c := range r.Compatible {
		add(Compatible, c)
	}
	for _, f := range fields {
		add(f.kind, *f.at(r))
	}
	if r.USBVendor != "" && r.USBProduct != "" {
		add(USB, USBName(r.USBVendor, r.USBProduct))
	}
	if r.FlashSize > 0 {
		add(FlashSize, fmt.Sprint(r.FlashSize))
	}
	for _, p := range r.Partitions {
		d.Spaces = append(d.Spaces, Space{Name: p.Name, Offset: p.Offset, Size: p.Size, Role: p.Role, From: from})
	}
	return d
}

// USBName is how a vendor and a product of USB are written as one value.
func USBName(vendor, product string) string {
	clean := func(s string) string {
		s = strings.TrimPrefix(strings.ToLower(strings.TrimSpace(s)), "0x")
		return strings.Repeat("0", max(0, 4-len(s))) + s
	}
	return clean(vendor) + ":" + clean(product)
}

// Record returns what is known of d as a record. Of several values of one kind the first counts.
func (d *Device) Record() Record {
	r := Record{TempSpace: d.Temp, EraseSize: d.Erase}
	for _, f := range d.Facts {
		switch f.Kind {
		case Compatible:
			if !slices.Contains(r.Compatible, f.Value) {
				r.Compatible = append(r.Compatible, f.Value)
			}
			continue
		case USB:
			r.USBVendor, r.USBProduct, _ = strings.Cut(f.Value, ":")
			continue
		case FlashSize:
			_, _ = fmt.Sscan(f.Value, &r.FlashSize) // what is no number is not told
			continue
		}
		for _, x := range fields {
			if x.kind != f.Kind {
				continue
			}
			if at := x.at(&r); *at == "" || *at == f.Value {
				*at = f.Value
				break
			}
			if f.Kind != Board { // which has several words for one device
				break
			}
		}
	}
	for _, s := range d.Spaces {
		r.Partitions = append(r.Partitions, RecordPartition{s.Name, s.Offset, s.Size, s.Role})
	}
	return r
}

// Label reads the words on a device's label: a model, and behind hw and fw its revision and version.
func Label(text, from string) []Fact {
	var out []Fact
	var model []string
	words := strings.Fields(text)
	for i := 0; i < len(words); i++ {
		w := strings.Trim(strings.ToLower(words[i]), ":.,")
		kind := labelWords[w]
		if kind == "" || i+1 == len(words) {
			model = append(model, words[i])
			continue
		}
		i++
		out = append(out, Fact{Kind: kind, Value: strings.TrimLeft(words[i], ":"), From: from})
	}
	if len(model) > 0 {
		out = append([]Fact{{Kind: Model, Value: strings.Join(model, " "), From: from}}, out...)
	}
	return out
}

var labelWords = map[string]ClaimKind{
	"hw": Hardware, "h/w": Hardware, "hardware": Hardware, "rev": Hardware, "revision": Hardware,
	"fw": Installed, "f/w": Installed, "firmware": Installed, "sw": Installed, "s/w": Installed, "software": Installed, "version": Installed, "ver": Installed,
	"region": Region, "chip": Chip,
}
