package boot

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"

	"salvor/cursor"
)

const (
	controlAt    = 2048  // of struct bootloader_control in misc
	virtualAt    = 32768 // of struct misc_virtual_ab_message
	controlSize  = 32
	controlMagic = 0x42414342
	virtualMagic = 0x56740AB0
)

// slotMetadata is what the boot control HAL keeps of a slot.
type slotMetadata struct {
	priority, tries int
	good, corrupted bool
}

// control is struct bootloader_control.
type control struct {
	suffix        string
	version       byte
	slots         int
	recoveryTries int
	merge         int
	info          [4]slotMetadata
	sum, computed uint32
}

func parseControl(b []byte, base int64) (c control, err error) {
	r := cursor.New("Android boot control", base, b)
	suffix := r.Bytes(4)
	if r.Uint32() != controlMagic {
		return c, cursor.ErrNot
	}
	c.version = r.Uint8()
	bits := r.Uint16()
	c.slots, c.recoveryTries, c.merge = int(bits&7), int(bits>>3&7), int(bits>>6&7)
	r.Skip(1)
	for i := range c.info {
		m := r.Uint16()
		c.info[i] = slotMetadata{priority: int(m & 15), tries: int(m >> 4 & 7), good: m>>7&1 == 1, corrupted: m>>8&1 == 1}
	}
	r.Skip(8)
	c.sum = r.Uint32()
	if r.Err() != nil {
		return c, r.Err()
	}
	c.suffix, c.computed = text(suffix), crc32.ChecksumIEEE(b[:28])
	if c.sum != c.computed {
		return c, cursor.Corrupt("Android boot control: CRC-32", base+28, c.sum, c.computed)
	}
	if c.slots > len(c.info) {
		return c, cursor.Corrupt("Android boot control: slots", base+9, len(c.info), c.slots)
	}
	return c, nil
}

// text is a field of characters up to its first zero, when all of them are printable.
func text(b []byte) string {
	b, _, _ = bytes.Cut(b, []byte{0})
	for _, c := range b {
		if c < ' ' && c != '\n' || c >= 0x7F {
			return ""
		}
	}
	return string(b)
}

// mergeWords are the states of a merge, as the boot control HAL numbers them.
var mergeWords = []string{"none", "unknown", "snapshotted: the update waits for its first start", "merging: the old content is being written over", "cancelled"}

// misc reads Android's partition of that name.
func misc(_ context.Context, a Area) ([]Choice, error) {
	name := strings.ToLower(a.Name)
	if name != "misc" && name != "para" && !strings.HasPrefix(name, "misc_") && name != "bcb" {
		return nil, nil
	}
	c := Choice{Scheme: "Android misc", Where: a.Name, Offset: onMedium(a.Source, 0)}
	said := false
	if b := readAt(a.Source, 0, 2048); b != nil {
		for _, f := range []struct {
			name     string
			at, size int
		}{{"command", 0, 32}, {"status", 32, 32}, {"recovery", 64, 768}, {"stage", 832, 32}} {
			if s := text(b[f.at : f.at+f.size]); s != "" {
				said = true
				c.count(f.name, strings.ReplaceAll(strings.TrimSpace(s), "\n", " "), onMedium(a.Source, int64(f.at)))
			}
		}
		switch command := text(b[:32]); {
		case command == "boot-recovery":
			c.Pending = "the device starts its recovery system"
			if strings.Contains(text(b[64:832]), "--update_package") {
				c.Pending = "the recovery system installs an update at the next start"
			}
		case strings.HasPrefix(command, "boot-") || strings.HasPrefix(command, "update-"):
			c.Pending = "the boot loader is told to " + command
		}
	}
	if b := readAt(a.Source, controlAt, controlSize); b != nil {
		k, err := parseControl(b, onMedium(a.Source, controlAt))
		if bad, ok := cursor.IsCorrupt(err); ok && binary.LittleEndian.Uint32(b[4:]) == controlMagic {
			said = true
			c.note(fmt.Sprintf("the slot metadata is broken: %v", bad))
		} else if err == nil {
			said = true
			c.slots(a, k)
		}
	}
	if b := readAt(a.Source, virtualAt, 64); b != nil && binary.LittleEndian.Uint32(b[1:]) == virtualMagic && int(b[5]) < len(mergeWords) {
		said = true
		c.count("merge_status", mergeWords[b[5]], onMedium(a.Source, virtualAt+5))
		c.count("merge source slot", string(rune('a'+b[6]%4)), onMedium(a.Source, virtualAt+6))
	}
	if !said {
		return nil, nil
	}
	return []Choice{c}, nil
}

// slots says which slot the metadata chooses: the one with the highest priority that has tries left or was good.
func (c *Choice) slots(a Area, k control) {
	best := -1
	for i := range max(k.slots, 0) {
		m, name := k.info[i], string(rune('a'+i))
		at := onMedium(a.Source, controlAt+12+2*int64(i))
		c.count("slot "+name+" priority", strconv.Itoa(m.priority), at)
		c.count("slot "+name+" tries remaining", strconv.Itoa(m.tries), at)
		c.count("slot "+name+" successful", strconv.FormatBool(m.good), at)
		if m.corrupted {
			c.note("slot " + name + " is marked: dm-verity found it broken")
		}
		if (m.tries > 0 || m.good) && m.priority > 0 && (best < 0 || m.priority > k.info[best].priority) {
			best = i
		}
	}
	if k.suffix != "" {
		c.count("slot suffix", k.suffix, onMedium(a.Source, controlAt))
	}
	if best < 0 {
		c.note("no slot can be started by its metadata")
		return
	}
	c.Next, c.Trial = string(rune('a'+best)), !k.info[best].good
}

// kernelType is the type of ChromiumOS' kernel partitions.
const kernelType = "FE3A2A5D-4F32-41A7-B725-ACCC3285A309"

// attributes reads what GPT entries of slots say. ChromiumOS has bits of its own, by the type; Qualcomm's loaders others,
// on partitions whose names end in _a and _b.
func attributes(entries []Entry) []Choice {
	chrome := Choice{Scheme: "ChromiumOS GPT attributes", Where: "partition table", Offset: -1}
	android := Choice{Scheme: "Android GPT attributes", Where: "partition table", Offset: -1}
	bestChrome, bestAndroid := -1, -1
	for _, e := range entries {
		top := e.Attributes >> 48
		lower := strings.ToLower(e.Name)
		switch {
		case e.Type == kernelType:
			priority, tries, good := int(top&15), int(top>>4&15), top>>8&1 == 1
			chrome.count(e.Name+" priority", strconv.Itoa(priority), e.Offset)
			chrome.count(e.Name+" tries", strconv.Itoa(tries), e.Offset)
			chrome.count(e.Name+" successful", strconv.FormatBool(good), e.Offset)
			if (good || tries > 0) && priority > bestChrome && priority > 0 {
				bestChrome, chrome.Next, chrome.Offset, chrome.Trial = priority, e.Name, e.Offset, !good
			}
		case top&0xFF != 0 && (strings.HasPrefix(lower, "boot_") || strings.HasPrefix(lower, "boot-")) && (strings.HasSuffix(lower, "a") || strings.HasSuffix(lower, "b")):
			priority, active, tries, good, dead := int(top&3), top>>2&1 == 1, int(top>>3&7), top>>6&1 == 1, top>>7&1 == 1
			android.count(e.Name+" priority", strconv.Itoa(priority), e.Offset)
			android.count(e.Name+" active", strconv.FormatBool(active), e.Offset)
			android.count(e.Name+" retry count", strconv.Itoa(tries), e.Offset)
			android.count(e.Name+" successful", strconv.FormatBool(good), e.Offset)
			android.count(e.Name+" unbootable", strconv.FormatBool(dead), e.Offset)
			rank := priority
			if active {
				rank += 4
			}
			if !dead && rank > bestAndroid && rank > 0 {
				bestAndroid, android.Next, android.Offset, android.Trial = rank, e.Name, e.Offset, !good
			}
		}
	}
	var out []Choice
	for _, c := range []Choice{chrome, android} {
		if len(c.Counters) > 0 {
			out = append(out, c)
		}
	}
	return out
}
