package boot

import (
	"bytes"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

var (
	grubNames   = []string{"boot/grub/grubenv", "grub/grubenv", "boot/grub2/grubenv", "grub2/grubenv", "efi/boot/grubenv", "efi/boot/grub/grubenv", "boot/efi/efi/boot/grubenv", "grubenv", "efi/debian/grubenv"}
	systemdDirs = []string{"loader/entries", "efi/linux"}
)

const grubHead = "# GRUB Environment Block\n"

// grub reads GRUB's environment.
func grub(v Volume) []Choice {
	var out []Choice
	for _, name := range actual(v, grubNames) {
		b, ok := readFile(v, name)
		if !ok || !bytes.HasPrefix(b, []byte(grubHead)) {
			continue
		}
		base := v.place(name)
		c := Choice{Scheme: "GRUB environment", Where: name + " of " + v.Name, Offset: base}
		if len(b) != 1024 {
			c.note("the block has " + strconv.Itoa(len(b)) + " bytes, GRUB reads blocks of 1024")
		}
		values := map[string]string{}
		at := len(grubHead)
		for _, line := range strings.SplitAfter(string(b[at:]), "\n") {
			if name, value, found := strings.Cut(strings.TrimSuffix(line, "\n"), "="); found && !strings.HasPrefix(line, "#") {
				values[name] = value
				if place := int64(-1); len(c.Counters) < 256 {
					if base >= 0 {
						place = base + int64(at)
					}
					c.count(name, value, place)
				}
			}
			at += len(line)
		}
		c.Order = strings.Fields(values["ORDER"])
		for _, slot := range c.Order {
			if values[slot+"_OK"] == "1" && (values[slot+"_TRY"] == "0" || values[slot+"_TRY"] == "") {
				c.Next = slot
				break
			}
		}
		switch {
		case c.Next == "" && len(c.Order) > 0:
			c.note("no slot of ORDER is good and untried: GRUB's script decides")
		case c.Next == "" && values["next_entry"] != "":
			c.Next, c.Trial = values["next_entry"], true
		case c.Next == "":
			c.Next = values["saved_entry"]
		}
		out = append(out, c)
	}
	return out
}

// actual returns the names as the volume writes them: FAT keeps any case.
func actual(v Volume, names []string) []string {
	var out []string
	_ = fs.WalkDir(v.FS, ".", func(p string, d fs.DirEntry, err error) error { // what cannot be listed tells nothing
		if err == nil && !d.IsDir() && slices.Contains(names, strings.ToLower(p)) {
			out = append(out, p)
		}
		return nil
	})
	return out
}

// counted is an entry of systemd-boot with its counters: name+LEFT-DONE.suffix.
func counted(name string) (base string, left, done int, ok bool) {
	name = strings.TrimSuffix(name, path.Ext(name))
	base, tail, found := cutLast(name, "+")
	if !found {
		return name, 0, 0, false
	}
	l, d, hasDone := strings.Cut(tail, "-")
	left, err := strconv.Atoi(l)
	if err != nil || left < 0 {
		return name, 0, 0, false
	}
	if hasDone {
		if done, err = strconv.Atoi(d); err != nil || done < 0 {
			return name, 0, 0, false
		}
	}
	return base, left, done, true
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// systemd reads the entries of systemd-boot, whose names hold counters.
func systemd(v Volume) []Choice {
	c := Choice{Scheme: "systemd-boot", Where: v.Name, Offset: -1}
	type entry struct {
		name, base string
		left       int
		counted    bool
	}
	var list []entry
	_ = fs.WalkDir(v.FS, ".", func(p string, d fs.DirEntry, err error) error { // what cannot be listed tells nothing
		lower := strings.ToLower(p)
		if err != nil || d.IsDir() || !slices.Contains(systemdDirs, path.Dir(lower)) || path.Ext(lower) != ".conf" && path.Ext(lower) != ".efi" || len(list) > 1000 {
			return nil
		}
		base, left, done, ok := counted(path.Base(p))
		list = append(list, entry{p, base, left, ok})
		if ok {
			c.count(base+" tries left", strconv.Itoa(left), v.place(p))
			c.count(base+" tries done", strconv.Itoa(done), v.place(p))
		} else {
			c.count(base, "not counted: confirmed, or never on trial", v.place(p))
		}
		return nil
	})
	if len(list) == 0 {
		return nil
	}
	pattern := ""
	for _, name := range actual(v, []string{"loader/loader.conf"}) {
		b, _ := readFile(v, name)
		for _, line := range strings.Split(string(b), "\n") {
			if f := strings.Fields(line); len(f) == 2 && f[0] == "default" {
				pattern = f[1]
				c.count("default", pattern, v.place(name))
			}
		}
	}
	// Entries without tries left come last; of the others the newest by its name.
	slices.SortStableFunc(list, func(a, b entry) int {
		deadA, deadB := a.counted && a.left == 0, b.counted && b.left == 0
		switch {
		case deadA != deadB && deadA:
			return 1
		case deadA != deadB:
			return -1
		}
		return -natural(a.base, b.base)
	})
	next := list[0]
	for _, e := range list {
		if match, err := path.Match(pattern, path.Base(e.name)); pattern != "" && err == nil && match {
			next = e
			break
		}
	}
	for _, e := range list {
		c.Order = append(c.Order, e.base)
	}
	c.Next, c.Trial = next.base, next.counted && next.left > 0
	c.note("unless an EFI variable (LoaderEntryOneShot, LoaderEntryDefault) says otherwise: those stand on no disk")
	return []Choice{c}
}

// natural compares names, numbers in them as numbers.
func natural(a, b string) int {
	digits := func(s string) int {
		n := 0
		for n < len(s) && s[n] >= '0' && s[n] <= '9' {
			n++
		}
		return n
	}
	for a != "" && b != "" {
		if x, y := digits(a), digits(b); x > 0 && y > 0 {
			p, q := strings.TrimLeft(a[:x], "0"), strings.TrimLeft(b[:y], "0")
			if len(p) != len(q) {
				return len(p) - len(q)
			}
			if c := strings.Compare(p, q); c != 0 {
				return c
			}
			a, b = a[x:], b[y:]
			continue
		}
		if a[0] != b[0] {
			return int(a[0]) - int(b[0])
		}
		a, b = a[1:], b[1:]
	}
	return len(a) - len(b)
}

// raspberry reads which partition the firmware of a Raspberry Pi starts.
func raspberry(v Volume) []Choice {
	var out []Choice
	if b, ok := readFile(v, "autoboot.txt"); ok {
		c := Choice{Scheme: "Raspberry Pi autoboot.txt", Where: "autoboot.txt of " + v.Name, Offset: v.place("autoboot.txt")}
		section := "all"
		at := int64(0)
		for _, line := range strings.SplitAfter(string(b), "\n") {
			place := int64(-1)
			if c.Offset >= 0 {
				place = c.Offset + at
			}
			at += int64(len(line))
			line = strings.TrimSpace(line)
			if strings.HasPrefix(line, "[") && strings.HasSuffix(line, "]") {
				section = strings.ToLower(line[1 : len(line)-1])
				continue
			}
			name, value, found := strings.Cut(line, "=")
			if name, value = strings.TrimSpace(name), strings.TrimSpace(value); !found || strings.HasPrefix(line, "#") {
				continue
			}
			c.count("["+section+"] "+name, value, place)
			switch {
			case name == "boot_partition" && section == "all":
				c.Next = "partition " + value
			case name == "boot_partition" && section == "tryboot":
				c.Order = append(c.Order, "partition "+value)
				c.note("a reboot with the tryboot flag starts partition " + value + " once; the flag stands in the chip, not on the disk")
			}
		}
		if c.Next != "" {
			c.Order = append([]string{c.Next}, c.Order...)
		}
		out = append(out, c)
	}
	if _, ok := readFile(v, "tryboot.txt"); ok {
		c := Choice{Scheme: "Raspberry Pi tryboot.txt", Where: "tryboot.txt of " + v.Name, Offset: v.place("tryboot.txt"), Next: "config.txt"}
		c.note("tryboot.txt stands in the place of config.txt for one start, when a reboot asks for it")
		out = append(out, c)
	}
	return out
}
