package boot

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"strings"

	"salvor/block"
	"salvor/firmware/ubootenv"
)

const (
	leastEnv = 1 << 10
	mostEnv  = 1 << 20
	// envAlign is where environments begin in areas that are not theirs alone.
	envAlign = 4 << 10
	// mostSearched bounds how much of an area is searched for environments.
	mostSearched = 64 << 20
)

var environmentNames = []string{"uboot.env", "uboot-redund.env", "boot/uboot.env", "u-boot.env"}

// environment is a copy of U-Boot's environment, with the places of its variables.
type environment struct {
	ubootenv.Env
	at     int64 // in the area
	values map[string]string
	places map[string]int64 // of each name, in the area
}

// readEnvironment reads the copy at the start of b, which has any size; base is its place in the area.
func readEnvironment(b []byte, base int64) (e environment, ok bool) {
	env, err := ubootenv.Read(block.Bytes(b))
	if err != nil && !env.Redundant && len(env.Variables) == 0 {
		return e, false
	}
	e = environment{Env: env, at: base, values: map[string]string{}, places: map[string]int64{}}
	at := base + 4
	if env.Redundant {
		at++
	}
	for _, v := range env.Variables {
		e.values[v.Name], e.places[v.Name] = v.Value, at
		at += int64(len(v.Name)+len(v.Value)) + 2
	}
	return e, true
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
		// Where nothing names an environment only one that is sound is told of.
		if e, ok := readEnvironment(b[:n], at); ok && (e.Sound || !a.Loose) {
			out = append(out, e.choice(a.Name, func(p int64) int64 { return onMedium(a.Source, p) }))
			at += max(0, e.Size-1) / envAlign * envAlign
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
		if e, ok := readEnvironment(b, 0); ok {
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
func (e *environment) choice(where string, place func(int64) int64) Choice {
	c := Choice{Scheme: envScheme, Where: where, Offset: place(e.at), env: &e.Env}
	if e.Redundant {
		c.count("flag", strconv.Itoa(int(e.Flag)), place(e.at+4))
	}
	add := func(name string) {
		if v, ok := e.values[name]; ok {
			c.count(name, v, place(e.places[name]))
		}
	}
	if !e.Sound {
		c.note("its CRC-32 does not fit: this copy is torn or broken, and does not count")
		return c
	}
	if order, ok := e.values["BOOT_ORDER"]; ok {
		add("BOOT_ORDER")
		c.Order = strings.Fields(order)
		for _, slot := range c.Order {
			name := "BOOT_" + slot + "_LEFT"
			add(name)
			// Shell arithmetic of boot scripts writes hexadecimal digits.
			if left, err := strconv.ParseUint(strings.TrimPrefix(e.values[name], "0x"), 16, 32); c.Next == "" && err == nil && left > 0 {
				c.Next = slot
			}
		}
	}
	for _, name := range told {
		add(name)
	}
	for _, name := range choosing {
		if v := strings.TrimSpace(e.values[name]); c.Next == "" && v != "" && len(v) <= 32 {
			c.Next = v
			c.note("the slot is named by " + name)
		}
	}
	if e.values["upgrade_available"] == "1" {
		c.Trial = true
		c.Pending = "an update is on trial: it is not confirmed yet"
		limit, err1 := strconv.Atoi(e.values["bootlimit"])
		n, err2 := strconv.Atoi(e.values["bootcount"])
		if err1 == nil && err2 == nil && limit > 0 && n > limit {
			c.Pending = fmt.Sprintf("the update on trial failed %d times, which is more than %d: the loader goes back", n, limit)
		}
	}
	// SWUpdate's states, as its documentation of update_state names them.
	switch e.values["ustate"] {
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
		if c.env != nil && c.env.Redundant {
			copies = append(copies, i)
		}
	}
	if len(copies) != 2 {
		return list
	}
	a, b := &list[copies[0]], &list[copies[1]]
	which := ubootenv.Current(a.env, b.env)
	if which.Index == 1 {
		*a, *b = *b, *a // the one that counts stands first
	}
	if which.Index < 0 {
		a.note(which.Why)
		return list
	}
	a.note("this copy counts: " + which.Why)
	if which.Unsure {
		a.note("on NOR flash, or for a loader of another kind, it may be the other one")
	}
	if b.env.Sound {
		b.note("the other copy is newer: this one does not count")
		if b.Next != "" && b.Next != a.Next {
			a.note("the older copy would have started " + b.Next)
		}
	}
	b.Next, b.Order, b.Pending, b.Trial = "", nil, "", false
	return list
}
