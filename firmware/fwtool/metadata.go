package fwtool

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"salvor/block"
	"salvor/firmware"
)

// firstCompat is the compat version of images that do not say one.
const firstCompat = "1.0"

// metadata is what OpenWrt says of an image.
type metadata struct {
	Compat    string   `json:"compat_version"`
	Message   string   `json:"compat_message"`
	Supported []string `json:"supported_devices"`
	// New is what counts when the compat version is not the first one: Supported then has sentences for old versions
	// of sysupgrade to print.
	New     []string `json:"new_supported_devices"`
	Version struct {
		Dist     string `json:"dist"`
		Version  string `json:"version"`
		Revision string `json:"revision"`
		Target   string `json:"target"`
		Board    string `json:"board"`
	} `json:"version"`
}

// metadata reads the metadata and says of part what the image is for.
func (t *trailer) metadata(part, child *firmware.Part) {
	check := firmware.Check{What: "metadata", Method: "structure", State: firmware.Passed, Extent: block.Extent{Length: child.Size}, Expected: "JSON behind 8 zero bytes"}
	check.Found = check.Expected
	child.Checks = append(child.Checks, check)
	last := &child.Checks[len(child.Checks)-1]
	if len(t.data) < headerSize || !bytes.Equal(t.data[:headerSize], make([]byte, headerSize)) {
		last.State, last.Found = firmware.Failed, fmt.Sprintf("%x", t.data[:min(headerSize, len(t.data))])
		return
	}
	var m metadata
	var odd *json.UnmarshalTypeError // a field of another type says nothing, and the others stand
	if err := json.Unmarshal(bytes.TrimRight(t.data[headerSize:], "\x00"), &m); err != nil && !errors.As(err, &odd) {
		last.State, last.Found = firmware.Failed, err.Error()
		return
	}
	v := m.Version
	child.Name, part.Name = v.Board, v.Board
	part.Version = v.Version
	if strings.EqualFold(v.Version, "SNAPSHOT") {
		part.Version = strings.TrimSpace(v.Version + " " + v.Revision)
	}
	if words := strings.Join(strings.Fields(v.Dist+" "+v.Version+" "+v.Revision), " "); words != "" {
		part.Title = fmt.Sprintf("%s image for %s", words, cmp.Or(v.Target, "a target that it does not name"))
	}
	compat := cmp.Or(m.Compat, firstCompat)
	devices, keeps := m.Supported, "yes, by sysupgrade, if it is not told otherwise"
	if compat != firstCompat {
		devices = m.New
		keeps = strings.TrimSpace(fmt.Sprintf("only those of a device with compat version %s. %s", compat, m.Message))
	}
	if len(devices) > 0 {
		part.Claims = append(part.Claims, firmware.Claim{Kind: firmware.Board, Values: devices})
	}
	part.Claims = append(part.Claims, firmware.Claim{Kind: firmware.CompatVersion, Values: []string{compat}},
		firmware.Claim{Kind: firmware.KeepsSettings, Values: []string{keeps}})
}
