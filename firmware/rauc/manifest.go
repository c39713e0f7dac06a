package rauc

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"salvor/cursor"
)

const (
	structure   = "RAUC manifest"
	maxManifest = 1 << 20
	maxSections = 1000
)

// section is a group of keys.
type section struct {
	name string
	keys map[string]string
}

// image is an image that a bundle installs.
type image struct {
	class, variant string
	file           string
	sha256         string
	size           int64 // -1 where the manifest does not say
	hooks          string
	adaptive       string
	kind           string
}

// manifest says what a bundle is.
type manifest struct {
	compatible, version, build, description string
	format                                  string // "plain", "verity", "crypt"
	root, salt                              []byte
	tree                                    int64 // bytes
	hook, handler                           string
	images                                  []image
}

// parseManifest reads a manifest in the syntax of GLib's key files.
func parseManifest(p []byte) (*manifest, error) {
	sections, err := parseSections(p)
	if err != nil {
		return nil, err
	}
	m := &manifest{format: "plain"}
	for _, s := range sections {
		k := s.keys
		kind, rest, _ := strings.Cut(s.name, ".")
		switch {
		case s.name == "update":
			m.compatible, m.version, m.build, m.description = k["compatible"], k["version"], k["build"], k["description"]
		case s.name == "bundle":
			if err := m.bundle(k); err != nil {
				return nil, err
			}
		case s.name == "hooks":
			m.hook = k["filename"]
		case s.name == "handler":
			m.handler = k["filename"]
		case kind == "image" && rest != "":
			i := image{file: k["filename"], sha256: strings.ToLower(k["sha256"]), hooks: strings.Trim(k["hooks"], ";"), adaptive: strings.Trim(k["adaptive"], ";"), kind: k["type"], size: -1}
			i.class, i.variant, _ = strings.Cut(rest, ".")
			if i.variant == "" {
				i.variant = k["variant"]
			}
			if v, ok := k["size"]; ok {
				if i.size, err = number(v); err != nil {
					return nil, err
				}
			}
			m.images = append(m.images, i)
		}
	}
	if m.compatible == "" {
		return nil, cursor.Corrupt(structure, 0, "compatible in [update]", "none")
	}
	return m, nil
}

// bundle reads how the payload is protected.
func (m *manifest) bundle(k map[string]string) (err error) {
	if f := k["format"]; f != "" {
		m.format = f
	}
	if m.root, err = digits(k["verity-hash"]); err != nil {
		return err
	}
	if m.salt, err = digits(k["verity-salt"]); err != nil {
		return err
	}
	if v, ok := k["verity-size"]; ok {
		m.tree, err = number(v)
	}
	return err
}

func digits(s string) ([]byte, error) {
	p, err := hex.DecodeString(s)
	if err != nil || len(p) > 256 {
		return nil, cursor.Corrupt(structure, -1, "hex digits", strconv.Quote(s[:min(len(s), 80)]))
	}
	return p, nil
}

func number(s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 {
		return 0, cursor.Corrupt(structure, -1, "a number of bytes", strconv.Quote(s[:min(len(s), 80)]))
	}
	return n, nil
}

// escapes are those of key files.
var escapes = strings.NewReplacer(`\s`, " ", `\n`, "\n", `\t`, "\t", `\r`, "\r", `\\`, `\`)

func parseSections(p []byte) ([]section, error) {
	if len(p) > maxManifest {
		return nil, cursor.Corrupt(structure, 0, fmt.Sprintf("at most %d bytes", maxManifest), len(p))
	}
	var out []section
	at := int64(0)
	for line := range strings.SplitAfterSeq(string(p), "\n") {
		here := at
		at += int64(len(line))
		line = strings.TrimSpace(line)
		switch {
		case line == "" || line[0] == '#':
		case line[0] == '[' && line[len(line)-1] == ']' && len(line) > 2:
			if len(out) >= maxSections {
				return nil, cursor.Corrupt(structure, here, fmt.Sprintf("at most %d sections", maxSections), "more")
			}
			out = append(out, section{name: line[1 : len(line)-1], keys: map[string]string{}})
		default:
			key, v, ok := strings.Cut(line, "=")
			if !ok || len(out) == 0 {
				return nil, cursor.Corrupt(structure, here, "a section or key=value", strconv.Quote(line[:min(len(line), 80)]))
			}
			out[len(out)-1].keys[strings.TrimSpace(key)] = escapes.Replace(strings.TrimSpace(v))
		}
	}
	return out, nil
}
