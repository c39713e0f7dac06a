package cab

import (
	"bytes"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"path"
	"strconv"
	"strings"

	"salvor/cursor"
)

// metainfo is a description in AppStream's words.
type metainfo struct {
	Name       string   `xml:"name"`
	Variant    string   `xml:"name_variant_suffix"`
	Kind       string   `xml:"type,attr"`
	Categories []string `xml:"categories>category"`
	Provides   []struct {
		Kind string `xml:"type,attr"`
		GUID string `xml:",chardata"`
	} `xml:"provides>firmware"`
	Requires   []requirement `xml:"requires>firmware"`
	RequiresID []requirement `xml:"requires>id"`
	Hardware   []string      `xml:"requires>hardware"`
	Custom     []struct {
		Key   string `xml:"key,attr"`
		Value string `xml:",chardata"`
	} `xml:"custom>value"`
	Releases []release `xml:"releases>release"`
}

type requirement struct {
	Compare string `xml:"compare,attr"`
	Version string `xml:"version,attr"`
	What    string `xml:",chardata"`
}

type release struct {
	Version   string `xml:"version,attr"`
	Urgency   string `xml:"urgency,attr"`
	Checksums []struct {
		Kind   string `xml:"type,attr"`
		File   string `xml:"filename,attr"`
		Target string `xml:"target,attr"`
		Value  string `xml:",chardata"`
	} `xml:"checksum"`
	Artifacts []struct {
		File      string `xml:"filename"`
		Checksums []struct {
			Kind  string `xml:"type,attr"`
			Value string `xml:",chardata"`
		} `xml:"checksum"`
	} `xml:"artifacts>artifact"`
}

// sum is what a description says of a file.
type sum struct {
	file, kind string
	value      []byte
}

func parseMetainfo(p []byte) (*metainfo, error) {
	var doc struct {
		XMLName xml.Name
		metainfo
		Components []metainfo `xml:"component"`
	}
	d := xml.NewDecoder(bytes.NewReader(p))
	if err := d.Decode(&doc); err != nil {
		return nil, cursor.Corrupt("metainfo", d.InputOffset(), "XML", err)
	}
	m := &doc.metainfo
	if doc.XMLName.Local == "components" && len(doc.Components) == 1 {
		m = &doc.Components[0]
	} else if doc.XMLName.Local != "component" {
		return nil, cursor.Corrupt("metainfo", 0, "<component>", "<"+doc.XMLName.Local+">")
	}
	if m.Kind != "firmware" {
		return nil, cursor.Corrupt("metainfo", 0, `a component of the type "firmware"`, strconv.Quote(m.Kind))
	}
	if len(m.Releases) == 0 {
		return nil, cursor.Corrupt("metainfo", 0, "a release", "none")
	}
	return m, nil
}

// sums are those that a release gives of files in the cabinet, and the name of its payload.
func (r *release) sums() (out []sum, payload string) {
	payload = "firmware.bin" // unless it says another
	add := func(file, kind, value string) {
		if file == "" {
			file = payload
		}
		payload = path.Base(strings.ReplaceAll(file, `\`, "/"))
		b, err := hex.DecodeString(strings.TrimSpace(value))
		if err != nil {
			b = nil
		}
		out = append(out, sum{payload, kind, b})
	}
	for _, c := range r.Checksums {
		if c.Target == "content" {
			add(c.File, c.Kind, c.Value)
		}
	}
	for _, a := range r.Artifacts {
		for _, c := range a.Checksums {
			add(a.File, c.Kind, c.Value)
		}
	}
	return out, payload
}

// title names what the description is of.
func (m *metainfo) title() string {
	return strings.TrimSpace(strings.Join([]string{m.Name, m.Variant}, " "))
}

// custom is a value of LVFS.
func (m *metainfo) custom(key string) string {
	for _, v := range m.Custom {
		if v.Key == key {
			return strings.TrimSpace(v.Value)
		}
	}
	return ""
}

// version is that of a release in the form that the description names.
func (m *metainfo) version(r *release) string {
	n, err := strconv.ParseUint(r.Version, 0, 32)
	if err != nil {
		return r.Version
	}
	switch m.custom("LVFS::VersionFormat") {
	case "triplet":
		return fmt.Sprintf("%d.%d.%d", n>>24, n>>16&0xFF, n&0xFFFF)
	case "quad":
		return fmt.Sprintf("%d.%d.%d.%d", n>>24, n>>16&0xFF, n>>8&0xFF, n&0xFF)
	case "pair":
		return fmt.Sprintf("%d.%d", n>>16, n&0xFFFF)
	}
	return r.Version
}

// guids are the devices that it is for.
func (m *metainfo) guids() (out []string) {
	for _, f := range m.Provides {
		if g := strings.ToLower(strings.TrimSpace(f.GUID)); f.Kind == "flashed" && g != "" {
			out = append(out, g)
		}
	}
	return out
}
