package cli

import (
	"fmt"
	"math/bits"
	"slices"
	"strings"

	"salvor/layers"
)

// labels are sfdisk's names of the kinds of tables.
var labels = map[string]string{"gpt": "gpt", "mbr": "dos", "sun": "sun", "sgi": "sgi"}

// sfdiskScript returns t as a script for sfdisk. What is doubtful is a comment before the partition that it is about.
func sfdiskScript(t *layers.Partitioning) string {
	var b strings.Builder
	comment := func(format string, args ...any) {
		fmt.Fprintf(&b, "# %s\n", strings.ReplaceAll(show(fmt.Sprintf(format, args...)), "\n", " "))
	}
	comment("A partition table put together by salvor. Look through it, and give it to a copy first:")
	comment("    sfdisk --no-reread COPY.img <THIS")
	for _, e := range t.Evidence {
		comment("%s", e)
	}
	for _, d := range t.Doubts {
		comment("DOUBT: %s", d)
	}
	if t.Scheme == "" {
		comment("Nothing was found that a table would name.")
		return b.String()
	}
	label, ok := labels[t.Scheme]
	if !ok {
		label = "gpt"
		comment("DOUBT: sfdisk does not know tables of the kind %s; this is a GPT with the same partitions", t.Scheme)
	}
	fmt.Fprintf(&b, "label: %s\n", label)
	switch {
	case label == "gpt" && isGUID(t.UUID):
		fmt.Fprintf(&b, "label-id: %s\n", t.UUID)
	case label == "dos" && len(t.UUID) == 8:
		fmt.Fprintf(&b, "label-id: 0x%s\n", t.UUID)
	}
	b.WriteString("unit: sectors\n")
	if label == "gpt" {
		first := int64(2048)
		for _, s := range t.Slots {
			if s.Extent.Length > 0 {
				first = min(first, s.Extent.Offset/t.SectorSize)
			}
		}
		if first < 2048 {
			fmt.Fprintf(&b, "first-lba: %d\n", 1+1+16384/t.SectorSize)
		}
	}
	fmt.Fprintf(&b, "sector-size: %d\n\n", t.SectorSize)
	for _, s := range t.Slots {
		for _, e := range s.Evidence {
			comment("%d: %s", s.Number, e)
		}
		for _, d := range s.Doubts {
			comment("%d: DOUBT: %s", s.Number, d)
		}
		line := scriptLine(s, t.SectorSize, label)
		if label == "dos" && s.Number > 4 && !slices.ContainsFunc(t.Slots, func(o layers.Slot) bool { return o.Container && o.Extent.Contains(s.Extent) }) {
			comment("%d: DOUBT: an MBR names four partitions, further ones only inside of an extended one, and there is none around it", s.Number)
			comment("%s", line)
			continue
		}
		if s.Extent.Length == 0 || s.Extent.Length%t.SectorSize != 0 || s.Extent.Offset%t.SectorSize != 0 || label == "gpt" && s.Container {
			comment("%s", line) // sfdisk would refuse it
			continue
		}
		b.WriteString(line + "\n")
	}
	return b.String()
}

func scriptLine(s layers.Slot, sector int64, label string) string {
	var b strings.Builder
	code := s.Type
	if label != "gpt" {
		code = strings.TrimPrefix(code, "0x")
	} else if !isGUID(code) {
		code = "0FC63DAF-8483-4772-8E79-3D69D8477DE4"
	}
	fmt.Fprintf(&b, "%d : start=%d, size=%d, type=%s", s.Number, s.Extent.Offset/sector, s.Extent.Length/sector, code)
	if label == "gpt" {
		if isGUID(s.UUID) {
			fmt.Fprintf(&b, ", uuid=%s", s.UUID)
		}
		if s.Name != "" {
			fmt.Fprintf(&b, ", name=\"%s\"", quoted(s.Name))
		}
		if a := attributes(s.Flags); a != "" && isGUID(s.Type) {
			fmt.Fprintf(&b, ", attrs=\"%s\"", a)
		}
	}
	if s.Active && label == "dos" {
		b.WriteString(", bootable")
	}
	return b.String()
}

func isGUID(s string) bool {
	return len(s) == 36 && strings.Count(s, "-") == 4 && strings.Trim(s, "0123456789ABCDEFabcdef-") == ""
}

// quoted escapes what sfdisk would not read back inside of quotes.
func quoted(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == 0x7f || strings.IndexByte("\"\\`$", c) >= 0 {
			fmt.Fprintf(&b, "\\x%02x", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// attributes returns the bits of a GPT entry as sfdisk names them.
func attributes(flags uint64) string {
	var out []string
	for i, name := range []string{"RequiredPartition", "NoBlockIOProtocol", "LegacyBIOSBootable"} {
		if flags>>i&1 != 0 {
			out = append(out, name)
		}
	}
	var own []string
	for f := flags >> 48; f != 0; f &= f - 1 {
		own = append(own, fmt.Sprint(48+bits.TrailingZeros64(f)))
	}
	if len(own) > 0 {
		out = append(out, "GUID:"+strings.Join(own, ","))
	}
	return strings.Join(out, " ")
}
