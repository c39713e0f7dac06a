package boot

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"slices"
	"strconv"
	"strings"

	"salvor/block"
)

const (
	leastEnv = 1 << 10
	mostEnv  = 512 << 10
	// envAlign is where environments begin in areas that are not theirs alone.
	envAlign = 4 << 10
	// mostSearched bounds how much of an area is searched for environments.
	mostSearched = 64 << 20
)

var environmentNames = []string{"uboot.env", "uboot-redund.env", "boot/uboot.env", "u-boot.env"}

// Environment is a copy of U-Boot's environment whose sum holds.
type Environment struct {
	Extent    block.Extent // in the area
	Redundant bool         // it has a flag
	Flag      byte
	Names     []string // in order
	Values    map[string]string
	Places    map[string]int64 // of each name, in the area
}

// ParseEnvironment reads the copy at the start of b, which has any of the usual sizes; base is its place in the area. ok is
// false where no sum holds.
func ParseEnvironment(b []byte, base int64) (e Environment, ok bool) {
	if len(b) < leastEnv {
		return e, false
	}
	want := binary.LittleEndian.Uint32(b)
	for _, head := range []int{5, 4} {
		if !assignment(b[head:]) {
			continue
		}
		sum, at := uint32(0), head
		for size := leastEnv; size <= min(len(b), mostEnv); size += envStep(size) {
			sum = crc32.Update(sum, crc32.IEEETable, b[at:size])
			if at = size; sum != want {
				continue
			}
			e = Environment{Extent: block.Extent{Offset: base, Length: int64(size)}, Redundant: head == 5, Values: map[string]string{}, Places: map[string]int64{}}
			if e.Redundant {
				e.Flag = b[4]
			}
			e.read(b[head:size], base+int64(head))
			return e, true
		}
	}
	return e, false
}

// envStep is the distance to the next size that is tried: they are multiples of a page, small ones of less.
func envStep(size int) int {
	if size < 4096 {
		return 1024
	}
	return 4096
}

// assignment reports whether b begins as name=value.
func assignment(b []byte) bool {
	end := bytes.IndexByte(b[:min(len(b), 128)], '=')
	if end <= 0 {
		return false
	}
	for _, c := range b[:end] {
		if c <= ' ' || c >= 0x7F {
			return false
		}
	}
	return true
}

func (e *Environment) read(b []byte, at int64) {
	for len(b) > 0 && b[0] != 0 {
		n := bytes.IndexByte(b, 0)
		if n < 0 {
			return
		}
		if name, value, found := strings.Cut(string(b[:n]), "="); found {
			if _, known := e.Values[name]; !known {
				e.Names = append(e.Names, name)
			}
			e.Values[name], e.Places[name] = value, at
		}
		b, at = b[n+1:], at+int64(n)+1
	}
}

// likelyEnv reports whether an area is named as one for environments.
func likelyEnv(name string) bool {
	name = strings.ToLower(name)
	for _, w := range []string{"env", "uboot", "u-boot"} {
		if strings.Contains(name, w) {
			return true
		}
	}
	return false
}

// environments returns a choice for each copy of an area.
func environments(ctx context.Context, a Area) ([]Choice, error) {
	if !a.Loose && !likelyEnv(a.Name) {
		return nil, nil
	}
	var out []Choice
	head := make([]byte, 160)
	for at := int64(0); at+leastEnv <= min(a.Source.Size(), mostSearched); at += envAlign {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if n, _ := a.Source.ReadAt(head, at); n < 140 || !assignment(head[4:]) && !assignment(head[5:]) {
			continue
		}
		b := make([]byte, min(mostEnv, a.Source.Size()-at))
		n, _ := a.Source.ReadAt(b, at) // what can be read may hold it
		if e, ok := ParseEnvironment(b[:n], at); ok {
			out = append(out, e.choice(a.Name, func(p int64) int64 { return onMedium(a.Source, p) }))
			at += (e.Extent.Length - 1) / envAlign * envAlign
		}
	}
	return out, nil
}

func environmentFiles(v Volume) []Choice {
	var out []Choice
	for _, name := range environmentNames {
		b, ok := readFile(v, name)
		if !ok {
			continue
		}
		if e, ok := ParseEnvironment(b, 0); ok {
			base := v.place(name)
			out = append(out, e.choice(name+" of "+v.Name, func(p int64) int64 {
				if base < 0 {
					return -1
				}
				return base + p
			}))
		}
	}
	return pairs(out)
}

const envScheme = "U-Boot environment"

// told are variables by which loaders and updaters count and choose.
var told = []string{"upgrade_available", "bootcount", "bootlimit", "ustate", "recovery_status", "mender_boot_part", "mender_uboot_boot", "boot_part", "bootpart",
	"active_slot", "boot_slot", "slot_suffix", "active_partition", "rootpart", "mmcpart", "bootchooser.last_chosen", "swap_bank", "active_bank"}

// choosing are those that name the slot itself.
var choosing = []string{"active_slot", "boot_slot", "slot_suffix", "mender_boot_part", "active_partition", "boot_part", "bootpart", "rootpart", "mmcpart", "active_bank"}

// choice says what the environment would have the device do.
func (e *Environment) choice(where string, place func(int64) int64) Choice {
	c := Choice{Scheme: envScheme, Where: where, Offset: place(e.Extent.Offset)}
	if e.Redundant {
		c.count("flag", strconv.Itoa(int(e.Flag)), place(e.Extent.Offset+4))
	}
	add := func(name string) {
		if v, ok := e.Values[name]; ok {
			c.count(name, v, place(e.Places[name]))
		}
	}
	if order, ok := e.Values["BOOT_ORDER"]; ok {
		add("BOOT_ORDER")
		c.Order = strings.Fields(order)
		for _, slot := range c.Order {
			name := "BOOT_" + slot + "_LEFT"
			add(name)
			// Shell arithmetic of boot scripts writes hexadecimal digits.
			if left, err := strconv.ParseUint(strings.TrimPrefix(e.Values[name], "0x"), 16, 32); c.Next == "" && err == nil && left > 0 {
				c.Next = slot
			}
		}
	}
	for _, name := range told {
		add(name)
	}
	for _, name := range choosing {
		if v := strings.TrimSpace(e.Values[name]); c.Next == "" && v != "" && len(v) <= 32 {
			c.Next = v
			c.note("the slot is named by " + name)
		}
	}
	if e.Values["upgrade_available"] == "1" {
		c.Trial = true
		c.Pending = "an update is on trial: it is not confirmed yet"
		limit, err1 := strconv.Atoi(e.Values["bootlimit"])
		n, err2 := strconv.Atoi(e.Values["bootcount"])
		if err1 == nil && err2 == nil && limit > 0 && n > limit {
			c.Pending = fmt.Sprintf("the update on trial failed %d times, which is more than %d: the loader goes back", n, limit)
		}
	}
	// SWUpdate's states, as its documentation of update_state names them.
	switch e.Values["ustate"] {
	case "1":
		c.Trial, c.Pending = true, "an update was installed and not started yet"
	case "2":
		c.Trial, c.Pending = true, "an update is on trial"
	case "3":
		c.note("the last update failed, by its ustate")
	case "4":
		c.note("an update was begun and not ended, by its ustate")
	}
	return c
}

// pairs marks which of two copies of one environment counts, and leaves of the other one what it says.
func pairs(list []Choice) []Choice {
	var copies []int
	for i, c := range list {
		if c.Scheme == envScheme && len(c.Counters) > 0 && c.Counters[0].Name == "flag" {
			copies = append(copies, i)
		}
	}
	if len(copies) != 2 {
		return list
	}
	a, b := &list[copies[0]], &list[copies[1]]
	fa, _ := strconv.Atoi(a.Counters[0].Value)
	fb, _ := strconv.Atoi(b.Counters[0].Value)
	current, other := a, b
	// A counter of one byte that goes round: 0 follows 255.
	if fb > fa && !(fb == 255 && fa == 0) || fa == 255 && fb == 0 {
		current, other = b, a
	}
	current.note(fmt.Sprintf("this copy counts: its flag is %s, that of the other one %s", current.Counters[0].Value, other.Counters[0].Value))
	other.note("the other copy is newer: this one does not count")
	if other.Next != "" && other.Next != current.Next {
		current.note(fmt.Sprintf("the older copy would have started %s", other.Next))
	}
	other.Next, other.Order, other.Pending, other.Trial = "", nil, "", false
	if copies[0] > copies[1] || current == b {
		list[copies[0]], list[copies[1]] = list[copies[1]], list[copies[0]]
	}
	return slices.Clip(list)
}
