package ota

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"salvor/block"
	"salvor/finding"
	"salvor/firmware"
	"salvor/firmware/internal/protobuf"
	"salvor/firmware/internal/region"
)

// assignments reads lines of key=value.
func assignments(text string) map[string]string {
	out := map[string]string{}
	for line := range strings.Lines(text) {
		if k, v, ok := strings.Cut(strings.TrimSpace(line), "="); ok && len(out) < 4096 {
			out[strings.TrimSpace(k)] = strings.TrimSpace(v)
		}
	}
	return out
}

// choices are the values of a key, between bars.
func choices(v string) (out []string) {
	for x := range strings.SplitSeq(v, "|") {
		if x = strings.TrimSpace(x); x != "" {
			out = append(out, x)
		}
	}
	return out
}

func (p *pkg) claim(kind firmware.ClaimKind, values ...string) {
	if len(values) > 0 && values[0] != "" {
		p.part.Claims = append(p.part.Claims, firmware.Claim{Kind: kind, Values: values})
	}
}

// metadata tells what the package is for, and holds members against the places that it names.
func (p *pkg) metadata() {
	text := p.text(metadataPath)
	m := assignments(text)
	if text == "" {
		m = fromPB([]byte(p.text(metadataPBPath)))
	}
	if kind := m["ota-type"]; kind != "" {
		p.part.Title += ", " + kind
	}
	if patches := m["post-security-patch-level"]; patches != "" {
		p.part.Title += ", security patches of " + patches
	}
	p.part.Version = m["post-build-incremental"]
	if p.part.Version == "" {
		p.part.Version = fromFingerprint(m["post-build"])
	}
	p.claim(firmware.Board, choices(m["pre-device"])...)
	before := choices(m["pre-build-incremental"])
	if len(before) == 0 {
		for _, f := range choices(m["pre-build"]) {
			if v := fromFingerprint(f); v != "" {
				before = append(before, v)
			}
		}
	}
	p.claim(firmware.ExactSource, before...)
	back := m["ota-downgrade"] == "yes" || m["spl-downgrade"] == "yes"
	if back {
		p.part.Findings = append(p.part.Findings, downgrades.New())
	} else {
		p.claim(firmware.NewerThanBuild, m["post-timestamp"])
	}
	if m["ota-wipe"] == "yes" {
		p.part.Findings = append(p.part.Findings, wipes.New())
	}
	if s := m["serialno"]; s != "" {
		p.part.Findings = append(p.part.Findings, serials.New(finding.Expected(s, nil)))
	}
	if n, err := strconv.ParseInt(m["ota-required-cache"], 10, 64); err == nil && n > 0 {
		p.part.Installs = append(p.part.Installs, firmware.Install{Where: "cache", Needs: n})
	}
	p.places(m["ota-property-files"])
}

// fromFingerprint takes the incremental version out of the name of a build: "maker/product/device:14/ID/123:user/keys".
func fromFingerprint(f string) string {
	fields := strings.Split(f, "/")
	if len(fields) < 5 {
		return ""
	}
	v, _, _ := strings.Cut(fields[4], ":")
	return v
}

// fromPB reads the metadata in protocol buffers as the lines that it stands for.
func fromPB(b []byte) map[string]string {
	m := map[string]string{}
	add := func(key string, b []byte) {
		if m[key] != "" {
			m[key] += "|"
		}
		m[key] += string(b)
	}
	yes := func(key string, v uint64) {
		if v != 0 {
			m[key] = "yes"
		}
	}
	state := func(b []byte, at int64, when string) error {
		return protobuf.Fields("Android metadata", b, at, func(number int, v uint64, b []byte, _ int64) error {
			switch number {
			case 1:
				add(when+"-device", b)
			case 2:
				add(when+"-build", b)
			case 3:
				add(when+"-build-incremental", b)
			case 4:
				m[when+"-timestamp"] = strconv.FormatInt(int64(v), 10)
			case 6:
				add(when+"-security-patch-level", b)
			}
			return nil
		})
	}
	err := protobuf.Fields("Android metadata", b, 0, func(number int, v uint64, b []byte, at int64) error {
		switch number {
		case 1:
			m["ota-type"] = map[uint64]string{1: "AB", 2: "BLOCK", 3: "BRICK"}[v]
		case 2:
			yes("ota-wipe", v)
		case 3:
			yes("ota-downgrade", v)
		case 5:
			return state(b, at, "pre")
		case 6:
			return state(b, at, "post")
		case 8:
			m["ota-required-cache"] = strconv.FormatUint(v, 10)
		case 9:
			yes("spl-downgrade", v)
		}
		return nil
	})
	if err != nil {
		return map[string]string{}
	}
	return m
}

// places holds "name:offset:size" of each member against where it stands: a server gives a device just those bytes.
func (p *pkg) places(list string) {
	if p.Broken != nil || list == "" {
		return
	}
	for entry := range strings.SplitSeq(list, ",") {
		f := strings.Split(strings.TrimSpace(entry), ":")
		if len(f) != 3 {
			continue
		}
		at, err1 := strconv.ParseInt(f[1], 10, 64)
		size, err2 := strconv.ParseInt(f[2], 10, 64)
		if err1 != nil || err2 != nil {
			continue
		}
		want := block.Extent{Offset: at, Length: size}
		found := -1
		for i := range p.Members {
			if m := &p.Members[i]; m.Name[strings.LastIndexByte(m.Name, '/')+1:] == f[0] {
				if found = i; m.Data == want {
					break
				}
			}
		}
		if found < 0 || p.Members[found].Data == want {
			continue
		}
		m := &p.Members[found]
		p.part.Checks = append(p.part.Checks, firmware.Check{What: "place of " + f[0], Method: "metadata", State: firmware.Failed, Extent: m.Data,
			Expected: fmt.Sprintf("%d bytes at %d", size, at), Found: fmt.Sprintf("%d bytes at %d", m.Data.Length, m.Data.Offset)})
	}
}

// properties holds the payload against the hashes beside it.
func (p *pkg) properties(ctx context.Context) {
	payload := p.parts[payloadPath]
	m := assignments(p.text(propertiesPath))
	if payload == nil || len(m) == 0 {
		return
	}
	payload = content(payload)
	for _, x := range []struct{ what, hash, size string }{{"payload", "FILE_HASH", "FILE_SIZE"}, {"metadata of the payload", "METADATA_HASH", "METADATA_SIZE"}} {
		n, err := strconv.ParseInt(m[x.size], 10, 64)
		if err != nil || n < 0 {
			continue
		}
		e := block.Extent{Length: n}
		if n > payload.Size || x.size == "FILE_SIZE" && n != payload.Size {
			payload.Checks = append(payload.Checks, firmware.Check{What: x.what, Method: x.size, State: firmware.Failed, Extent: e, Expected: fmt.Sprintf("%d bytes", n), Found: fmt.Sprintf("%d bytes", payload.Size)})
			continue
		}
		if want, err := base64.StdEncoding.DecodeString(m[x.hash]); err == nil && len(want) == sha256.Size {
			payload.Checks = append(payload.Checks, region.Digest(ctx, payload.Source, x.what, "SHA-256 of "+propertiesPath, e, sha256.New(), want))
		}
	}
}

// info reads what fastboot requires of a device.
func (p *pkg) info() {
	for line := range strings.Lines(p.text(infoPath)) {
		rest, ok := strings.CutPrefix(strings.TrimSpace(line), "require ")
		if !ok {
			continue
		}
		key, value, _ := strings.Cut(rest, "=")
		switch key = strings.TrimSpace(key); {
		case key == "board" || key == "product":
			p.claim(firmware.Board, choices(value)...)
		case key == "version-bootloader":
			p.claim(firmware.LeastLoader, choices(value)...)
		case key == "version-baseband":
			p.part.Findings = append(p.part.Findings, baseband.New(finding.Expected(strings.TrimSpace(value), nil)))
		}
	}
}
