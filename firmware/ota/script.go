package ota

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"salvor/finding"
	"salvor/firmware"
	"salvor/firmware/internal/android"
)

var (
	propertyIs = regexp.MustCompile(`getprop\("(ro\.product\.device|ro\.build\.product|ro\.product\.name|ro\.product\.vendor\.device)"\)\s*==\s*"([^"]{1,200})"`)
	olderThan  = regexp.MustCompile(`less_than_int\(\s*"?(\d{5,12})"?\s*,\s*getprop\("ro\.build\.date\.utc"\)`)
	loaderIs   = regexp.MustCompile(`getprop\("ro\.bootloader"\)\s*==\s*"([^"]{1,200})"`)
	extracted  = regexp.MustCompile(`package_extract_file\(\s*"([^"]{1,500})"\s*,\s*"([^"]{1,500})"\s*\)`)
	updated    = regexp.MustCompile(`block_image_update\(\s*"([^"]{1,500})"\s*,\s*package_extract_file\("([^"]{1,500})"\)`)
	mapped     = regexp.MustCompile(`block_image_update\(\s*map_partition\("([^"]{1,200})"\)\s*,\s*package_extract_file\("([^"]{1,500})"\)`)
)

// script tells what the script of a package that recovery runs asks of a device, and where it puts what.
func (p *pkg) script() {
	s := p.text(scriptPath)
	if s == "" {
		if p.parts[binaryPath] != nil {
			p.part.Findings = append(p.part.Findings, runs.New(finding.Arg("name", binaryPath)))
		}
		return
	}
	add := func(kind firmware.ClaimKind, r *regexp.Regexp, group int) {
		var values []string
		for _, m := range r.FindAllStringSubmatch(s, 256) {
			if !slices.Contains(values, m[group]) {
				values = append(values, m[group])
			}
		}
		p.claim(kind, values...)
	}
	add(firmware.Board, propertyIs, 2)
	add(firmware.LeastLoader, loaderIs, 1)
	if len(p.part.Claims) == 0 || !slices.ContainsFunc(p.part.Claims, func(c firmware.Claim) bool { return c.Kind == firmware.NewerThanBuild }) {
		add(firmware.NewerThanBuild, olderThan, 1)
	}
	for _, m := range extracted.FindAllStringSubmatch(s, 4096) {
		x := p.parts[m[1]]
		if x == nil || !strings.HasPrefix(m[2], "/dev/") {
			continue
		}
		where := path.Base(m[2])
		im := image(x)
		i := android.Install(where, max(im.Size, im.Announced))
		x.Installs = append(x.Installs, i)
		if x.Role == firmware.Data && im.Role == firmware.Data {
			x.Role, im.Role = android.Role(where), android.Role(where)
		}
	}
}

// target is the partition that a list of blocks is for, by the script, or by the name of the list.
func (p *pkg) target(list string) string {
	s := p.text(scriptPath)
	for _, r := range []*regexp.Regexp{mapped, updated} {
		for _, m := range r.FindAllStringSubmatch(s, 256) {
			if m[2] == list {
				return path.Base(m[1])
			}
		}
	}
	return strings.TrimSuffix(path.Base(list), ".transfer_list")
}
