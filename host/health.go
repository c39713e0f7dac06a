package host

import (
	"fmt"
	"strings"

	"salvor/finding"
)

// Health is what the storage itself says of its wear and of its errors.
type Health struct {
	Known bool
	// Used is how much of its rated life is used up, in percent, as the upper bound of the range that the
	// storage gives; over 100 when more than all of it. 0 where unknown.
	Used int
	// Reserve is "normal", "warning" or "urgent": what is left of the spare blocks. "" where unknown.
	Reserve string

	// By is who says so: "eMMC", "SD", "ATA", "SCSI", "NVMe"; several joined by a blank.
	By string
	// Failing says that the disk expects to fail; Why is its reason, where it gives one.
	Failing bool
	Why     string
	// Locked says that the storage takes no more writes, which does not hinder reading.
	Locked bool
	// Reallocated is how many sectors were replaced, Pending how many could not be read and wait to be, Uncorrected
	// how many reads failed so far, LinkErrors how often the cable or the contacts garbled what was sent.
	Reallocated, Pending, Uncorrected, LinkErrors int64
	Hours                                         int64 // powered on
	Celsius                                       int   // 0 where unknown
	Hot                                           bool  // hotter than it should be
	// Silent says that it was asked, and gave no answer in time.
	Silent bool
	// Registers are those of a card as the system gives them, by name: "cid", "csd", "scr", "ssr", ...
	Registers map[string]string
}

var (
	healthWorn = &finding.Def{Code: "host.health.worn", Severity: finding.Warning,
		Text: "The storage says of itself that it is worn: {found}. Copy it before anything else."}
	healthFailing = &finding.Def{Code: "host.health.failing", Severity: finding.Error,
		Text: "The disk says of itself that it is about to fail ({found}). Each start may be its last: take what matters most first (--first used --pick), all in one run, and do not check or repair anything on it."}
	healthPending = &finding.Def{Code: "host.health.sectors", Severity: finding.Warning,
		Text: "The disk counts sectors that it could not read ({found}). The copy will meet them: leave out scraping in a first run (--no-scrape), and run no self-test and no repair of the file system on it before the copy is made."}
	healthReallocated = &finding.Def{Code: "host.health.reallocated", Severity: finding.Warning,
		Text: "The disk has replaced {found} sectors that failed. Such disks fail more and more: copy it now, and trust it with nothing afterwards."}
	healthLink = &finding.Def{Code: "host.health.link", Severity: finding.Warning,
		Text: "The disk counts {found} errors between itself and the computer. Most often that is the cable or its contacts: change the cable and the port before the copy."}
	healthHot = &finding.Def{Code: "host.health.hot", Severity: finding.Warning,
		Text: "The disk has {found}, which is too hot. Let it cool, put a fan to it, and give it rests (--pause-on-pass 10m)."}
	healthLocked = &finding.Def{Code: "host.health.readonly", Severity: finding.Warning,
		Text: "The storage takes no more writes, as such storage does at its end. It can still be read: copy it now, since that is the last state that it has."}
	healthSilent = &finding.Def{Code: "host.health.silent", Severity: finding.Warning,
		Text: "The disk did not say how it is within {found}. A disk that answers so late often hangs while it is read: the copy gives up on each read after --deadline, and goes on elsewhere."}
)

// Worn reports whether the storage says that it is at its end.
func (h Health) Worn() bool {
	return h.Known && (h.Used > 100 || h.Reserve == "warning" || h.Reserve == "urgent" || h.Failing || h.Locked)
}

// Words returns what a person is told.
func (h Health) Words() string {
	if !h.Known {
		return "unknown"
	}
	var w []string
	add := func(is bool, format string, args ...any) {
		if is {
			w = append(w, fmt.Sprintf(format, args...))
		}
	}
	add(h.Failing, "it expects to fail")
	add(h.Locked, "it takes no more writes")
	switch {
	case h.Used > 100:
		w = append(w, "used longer than it was built for")
	case h.Used > 0:
		w = append(w, fmt.Sprintf("up to %d %% of its life used", h.Used))
	}
	add(h.Reserve != "", "spare blocks: %s", h.Reserve)
	add(h.Pending > 0, "%d sectors that it cannot read", h.Pending)
	add(h.Uncorrected > 0, "%d reads that failed", h.Uncorrected)
	add(h.Reallocated > 0, "%d sectors replaced", h.Reallocated)
	add(h.LinkErrors > 0, "%d errors of the cable", h.LinkErrors)
	add(h.Hours > 0, "%d hours on", h.Hours)
	add(h.Celsius > 0, "%d °C", h.Celsius)
	if len(w) == 0 {
		return "nothing to complain of"
	}
	return strings.Join(w, ", ")
}

// Findings returns what follows for the copy from what the storage says of itself.
func (h Health) Findings() []finding.Finding {
	var out []finding.Finding
	if h.Silent {
		out = append(out, healthSilent.New(finding.Expected(nil, healthDeadline)))
	}
	if !h.Known {
		return out
	}
	if h.Failing {
		why := h.Why
		if why == "" {
			why = "by its own threshold"
		}
		out = append(out, healthFailing.New(finding.Expected(nil, why)))
	}
	if h.Locked {
		out = append(out, healthLocked.New())
	}
	if h.Used > 100 || h.Reserve == "warning" || h.Reserve == "urgent" {
		out = append(out, healthWorn.New(finding.Expected(nil, Health{Known: true, Used: h.Used, Reserve: h.Reserve}.Words())))
	}
	if h.Pending > 0 || h.Uncorrected > 0 {
		out = append(out, healthPending.New(finding.Expected(nil, Health{Known: true, Pending: h.Pending, Uncorrected: h.Uncorrected}.Words())))
	}
	if h.Reallocated > 0 {
		out = append(out, healthReallocated.New(finding.Expected(nil, h.Reallocated)))
	}
	if h.LinkErrors > 0 {
		out = append(out, healthLink.New(finding.Expected(nil, h.LinkErrors)))
	}
	if h.Hot {
		out = append(out, healthHot.New(finding.Expected(nil, fmt.Sprintf("%d °C", h.Celsius))))
	}
	return out
}

// Record returns what the journal of custody keeps.
func (h Health) Record() map[string]any {
	r := map[string]any{"words": h.Words(), "by": h.By, "used_percent": h.Used, "reserve": h.Reserve, "failing": h.Failing, "takes_no_writes": h.Locked,
		"reallocated": h.Reallocated, "pending": h.Pending, "uncorrected": h.Uncorrected, "link_errors": h.LinkErrors, "hours": h.Hours, "celsius": h.Celsius}
	if h.Silent {
		r["silent"] = true
	}
	if h.Why != "" {
		r["why"] = h.Why
	}
	if len(h.Registers) > 0 {
		r["registers"] = h.Registers
	}
	return r
}

// Findings returns what follows from the health of the disk.
func (d *Disk) Findings() []finding.Finding { return d.Health.Findings() }

// cardHealth reads what an eMMC says of itself (JEDEC 84-B51, EXT_CSD 267 to 269): life time in steps of ten percent
// from 0x01, 0x0b for more than all; reserve 0x01 to 0x03. 0x00 is "not defined". An SD card has no such figures; its
// registers are kept as they are.
func (s System) cardHealth(name string) Health {
	var h Health
	for _, v := range strings.Fields(s.attribute(name, "device", "life_time")) {
		if n, ok := hexByte(v); ok && n >= 1 && n <= 0x0b {
			h.Known = true
			h.Used = max(h.Used, n*10)
		}
	}
	if n, ok := hexByte(s.attribute(name, "device", "pre_eol_info")); ok && n >= 1 && n <= 3 {
		h.Known = true
		h.Reserve = [...]string{1: "normal", 2: "warning", 3: "urgent"}[n]
	}
	if h.Known {
		h.By = "eMMC"
	}
	if !strings.HasPrefix(name, "mmcblk") {
		return h
	}
	for _, register := range []string{"cid", "csd", "scr", "ssr", "ocr", "rca", "dsr", "type", "name", "manfid", "oemid", "date", "serial", "fwrev", "hwrev", "rev", "prv",
		"life_time", "pre_eol_info", "enhanced_area_offset", "erase_size", "preferred_erase_size", "raw_rpmb_size_mult", "cmdq_en"} {
		if v := clean(s.attribute(name, "device", register)); v != "" {
			if h.Registers == nil {
				h.Registers = map[string]string{}
			}
			h.Registers[register] = v
		}
	}
	return h
}
