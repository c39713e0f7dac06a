package host

import (
	"encoding/binary"
	"fmt"
	"strings"
)

// healthPages are what a disk was asked for, as it gave it: the pages that SMART and its relatives are read from. A page
// that the disk does not have is empty.
type healthPages struct {
	// ATA (ACS-3, 7.48): SMART READ DATA, READ THRESHOLDS, and the answer of RETURN STATUS: 0 for none, 1 for good, 2 for
	// failing.
	ATAData, ATAThresholds []byte
	ATAStatus              int
	// SCSI log pages (SPC-4, 7.3; SBC-3) by number: 0x02 to 0x05 errors, 0x0D temperature, 0x11 solid state media, 0x2F
	// informational exceptions. GrownDefects is how many there are, -1 where that is unknown.
	SCSI         map[uint8][]byte
	GrownDefects int64
	// NVMe (base specification 2.0, figure 207): log page 0x02.
	NVMe []byte
}

// empty reports whether the disk said nothing.
func (p *healthPages) empty() bool {
	return len(p.ATAData) == 0 && p.ATAStatus == 0 && len(p.SCSI) == 0 && len(p.NVMe) == 0
}

// into adds what the pages say to what is known already.
func (p *healthPages) into(h *Health) {
	for _, read := range []struct {
		by  string
		add func(*healthPages, *Health) bool
	}{{"ATA", (*healthPages).ata}, {"SCSI", (*healthPages).scsi}, {"NVMe", (*healthPages).nvme}} {
		if read.add(p, h) {
			h.Known = true
			h.By = strings.TrimSpace(h.By + " " + read.by)
		}
	}
}

// Attributes of ATA disks whose raw value means the same with every maker that has them.
const (
	ataReallocated   = 5
	ataPowerOnHours  = 9
	ataReported      = 187
	ataAirflow       = 190
	ataTemperature   = 194
	ataPending       = 197
	ataUncorrectable = 198
	ataCRC           = 199
	ataLifeLeft      = 231 // of solid state disks, in percent; a temperature of others
	ataWearout       = 233 // of solid state disks, in percent left
)

// ataAttribute is one of the 30 entries of 12 bytes behind the 2 bytes of version.
type ataAttribute struct {
	id           byte
	prefailure   bool
	now, worst   byte
	raw          uint64 // 48 bits
	threshold    byte
	hasThreshold bool
}

func (p *healthPages) attributes() []ataAttribute {
	const entries, size, first = 30, 12, 2
	if len(p.ATAData) < 512 || sum8(p.ATAData[:512]) != 0 {
		return nil
	}
	limits := map[byte]byte{}
	if len(p.ATAThresholds) >= 512 && sum8(p.ATAThresholds[:512]) == 0 {
		for i := range entries {
			if e := p.ATAThresholds[first+i*size:]; e[0] != 0 {
				limits[e[0]] = e[1]
			}
		}
	}
	var out []ataAttribute
	for i := range entries {
		e := p.ATAData[first+i*size:]
		if e[0] == 0 {
			continue
		}
		a := ataAttribute{id: e[0], prefailure: e[1]&1 != 0, now: e[3], worst: e[4]}
		a.raw = uint64(binary.LittleEndian.Uint32(e[5:])) | uint64(binary.LittleEndian.Uint16(e[9:]))<<32
		a.threshold, a.hasThreshold = limits[a.id]
		out = append(out, a)
	}
	return out
}

// sum8 adds up bytes: those of a whole page of SMART give 0.
func sum8(p []byte) (s byte) {
	for _, b := range p {
		s += b
	}
	return s
}

func (p *healthPages) ata(h *Health) bool {
	list := p.attributes()
	if p.ATAStatus == 2 {
		h.Failing, h.Why = true, "SMART status: failing"
	}
	ssd := false
	for _, a := range list {
		ssd = ssd || a.id == ataWearout || a.id == 177 || a.id == 173
	}
	for _, a := range list {
		// 1 to 253 are values of a sane disk; a threshold of 0 never trips.
		if a.prefailure && a.hasThreshold && a.threshold > 0 && a.threshold <= 253 && a.now > 0 && a.now <= a.threshold {
			h.Failing = true
			h.Why = fmt.Sprintf("attribute %d fell to %d, its threshold is %d", a.id, a.now, a.threshold)
		}
		count := int64(a.raw & 0xFFFFFFFF)
		switch a.id {
		case ataReallocated:
			h.Reallocated = max(h.Reallocated, count&0xFFFF) // some keep events above
		case ataPowerOnHours:
			h.Hours = count & 0xFFFFFF // some keep minutes or milliseconds above
		case ataReported:
			h.Uncorrected = max(h.Uncorrected, count&0xFFFF)
		case ataPending, ataUncorrectable:
			h.Pending = max(h.Pending, count)
		case ataCRC:
			h.LinkErrors = max(h.LinkErrors, count)
		case ataTemperature, ataAirflow:
			if c := int(a.raw & 0xFF); c > 0 && c < 128 && (a.id == ataTemperature || h.Celsius == 0) {
				h.Celsius = c
			}
		case ataLifeLeft, ataWearout:
			if ssd && a.now >= 1 && a.now <= 100 {
				h.Used = max(h.Used, 100-int(a.now))
			}
		}
	}
	h.Hot = h.Hot || h.Celsius >= hotDisk && len(list) > 0
	return len(list) > 0 || p.ATAStatus != 0
}

// hotDisk is the temperature in degrees Celsius from which a disk is too hot: makers rate them up to 55 or 60.
const hotDisk = 60

func (p *healthPages) scsi(h *Health) bool {
	known := false
	parameter := func(page uint8, code uint16) ([]byte, bool) {
		b, ok := logParameter(p.SCSI[page], page, code)
		known = known || ok
		return b, ok
	}
	if b, ok := parameter(0x2F, 0); ok && len(b) >= 2 {
		// 5D: failure prediction threshold exceeded; 0B: warning, of which 01 is the temperature.
		switch {
		case b[0] == 0x5D:
			h.Failing, h.Why = true, fmt.Sprintf("it predicts a failure: ASC 5D, ASCQ %02X", b[1])
		case b[0] == 0x0B && b[1] == 0x01:
			h.Hot = true
		case b[0] == 0x0B:
			h.Failing, h.Why = true, fmt.Sprintf("it warns: ASC 0B, ASCQ %02X", b[1])
		}
		if len(b) >= 3 && b[2] > 0 && b[2] < 128 {
			h.Celsius = int(b[2])
		}
	}
	if b, ok := parameter(0x0D, 0); ok && len(b) >= 2 && b[1] > 0 && b[1] < 128 {
		h.Celsius = int(b[1])
		if limit, ok := parameter(0x0D, 1); ok && len(limit) >= 2 && limit[1] > 0 && limit[1] < 128 {
			h.Hot = h.Hot || b[1] >= limit[1]
		}
	}
	if b, ok := parameter(0x11, 1); ok && len(b) >= 4 { // percentage used endurance indicator
		h.Used = max(h.Used, int(b[3]))
	}
	if b, ok := parameter(0x03, 6); ok { // reads with errors that were not corrected
		n := uint64(0)
		for _, d := range b[:min(len(b), 8)] {
			n = n<<8 | uint64(d)
		}
		h.Uncorrected = max(h.Uncorrected, int64(min(n, 1<<62)))
	}
	if known && p.GrownDefects > 0 {
		h.Reallocated = max(h.Reallocated, p.GrownDefects)
	}
	return known
}

// logParameter returns the value of a parameter of a SCSI log page: a head of 4 bytes (page, subpage, length), then
// parameters of code (2), control (1), length (1) and value.
func logParameter(b []byte, page uint8, code uint16) ([]byte, bool) {
	if len(b) < 4 || b[0]&0x3F != page {
		return nil, false
	}
	b = b[4:min(len(b), 4+int(binary.BigEndian.Uint16(b[2:])))]
	for len(b) >= 4 {
		n := int(b[3])
		if len(b) < 4+n {
			return nil, false
		}
		if binary.BigEndian.Uint16(b) == code {
			return b[4 : 4+n], true
		}
		b = b[4+n:]
	}
	return nil, false
}

// The bits of the critical warning of NVMe.
const (
	nvmeSpare     = 1 << 0
	nvmeHot       = 1 << 1
	nvmeUnsure    = 1 << 2
	nvmeReadOnly  = 1 << 3
	nvmeBackup    = 1 << 4
	kelvinOfZeroC = 273
)

func (p *healthPages) nvme(h *Health) bool {
	b := p.NVMe
	if len(b) < 512 {
		return false
	}
	kelvin := int(binary.LittleEndian.Uint16(b[1:]))
	spare, least, used := int(b[3]), int(b[4]), int(b[5])
	if kelvin == 0 && spare == 0 && used == 0 && binary.LittleEndian.Uint64(b[128:]) == 0 && binary.LittleEndian.Uint64(b[112:]) == 0 {
		return false // a page of zeros is none
	}
	if c := kelvin - kelvinOfZeroC; kelvin > 0 && c > 0 && c < 200 {
		h.Celsius = c
	}
	h.Used = max(h.Used, used)
	h.Hours = int64(min(binary.LittleEndian.Uint64(b[128:]), 1<<40))
	h.Uncorrected = max(h.Uncorrected, int64(min(binary.LittleEndian.Uint64(b[160:]), 1<<62)))
	h.Hot = h.Hot || b[0]&nvmeHot != 0
	h.Locked = h.Locked || b[0]&nvmeReadOnly != 0
	switch {
	case b[0]&nvmeUnsure != 0:
		h.Failing, h.Why = true, "its errors made it unreliable"
	case b[0]&nvmeBackup != 0:
		h.Failing, h.Why = true, "the backup power of its memory failed"
	}
	switch {
	case b[0]&nvmeSpare != 0:
		h.Reserve = "urgent"
	case least > 0 && spare <= 2*least:
		h.Reserve = "warning"
	default:
		h.Reserve = "normal"
	}
	return true
}
