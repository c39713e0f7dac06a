package bitlocker

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"salvor/block"
	"salvor/block/probe"
	"salvor/cursor"
	"salvor/finding"
	"salvor/volume"
)

// MaxVolumes is the largest number of volumes that are returned.
const MaxVolumes = 64

// Findings are the kinds of finding that this package raises.
var Findings = []*finding.Def{
	bootGone, startInferred, blockDamaged, blockOlder, blockChecksum, noBlock, noProtector, onlyHardware,
	suspended, converting, onWrite, cipherUnknown, masterDamaged,
}

var (
	bootGone = &finding.Def{Code: "bitlocker.boot.damaged", Severity: finding.Warning,
		Text: "the boot sector of the BitLocker volume is damaged or gone; the volume was found by its metadata"}
	startInferred = &finding.Def{Code: "bitlocker.start.inferred", Severity: finding.Warning,
		Text: "one copy of the metadata is all that tells where this volume begins; the start that partitions have most often was taken"}
	blockDamaged = &finding.Def{Code: "bitlocker.metadata.damaged", Severity: finding.Warning,
		Text: "copy {copy} of the BitLocker metadata is damaged or gone ({found}); another one was used"}
	blockOlder = &finding.Def{Code: "bitlocker.metadata.older", Severity: finding.Info,
		Text: "copy {copy} of the BitLocker metadata is older (counter {found}, expected {expected}); the newest one was used"}
	blockChecksum = &finding.Def{Code: "bitlocker.metadata.checksum", Severity: finding.Error,
		Text: "no copy of the BitLocker metadata has the right checksum; what copy {copy} says was used all the same"}
	noBlock = &finding.Def{Code: "bitlocker.metadata.none", Severity: finding.Error,
		Text: "none of the three copies of the BitLocker metadata can be read: without them no key opens this volume"}
	noProtector = &finding.Def{Code: "bitlocker.key.none", Severity: finding.Error,
		Text: "the BitLocker metadata names no key that could open this volume"}
	onlyHardware = &finding.Def{Code: "bitlocker.key.hardware", Severity: finding.Warning,
		Text: "this volume opens by itself only on its own computer ({found}); here it needs its recovery key"}
	suspended = &finding.Def{Code: "bitlocker.suspended", Severity: finding.Info,
		Text: "the protection of this volume is suspended or was never finished: it opens without a secret"}
	converting = &finding.Def{Code: "bitlocker.converting", Severity: finding.Warning,
		Text: "this volume was being {found} when it stopped: its first {expected} bytes are encrypted, the rest is not"}
	onWrite = &finding.Def{Code: "bitlocker.onwrite", Severity: finding.Warning,
		Text: "this volume was being encrypted (\"encrypt on write\") when it stopped, so that encrypted and plain sectors lie beside each other; where a sector does not tell which it is, it cannot be read"}
	cipherUnknown = &finding.Def{Code: "bitlocker.cipher", Severity: finding.Error,
		Text: "the volume is encrypted with method {found}, which is not supported"}
	masterDamaged = &finding.Def{Code: "bitlocker.key.damaged", Severity: finding.Warning,
		Text: "key {id} of this volume is damaged ({found})"}
)

// Lock returns the row for the table of encrypted volumes.
func Lock() volume.Lock {
	return volume.Lock{
		Name: "bitlocker",
		Probes: []probe.Probe{
			{ID: "bitlocker.boot", Bytes: []byte("\x90" + signature), At: 2, Align: 512},
			{ID: "bitlocker.identifier", Bytes: []byte(idNormal), At: idAt, Align: 512},
			{ID: "bitlocker.togo", Bytes: []byte(idNormal), At: togoIDAt, Align: 512},
			{ID: "bitlocker.onwrite", Bytes: []byte(idOnWrite), At: idAt, Align: 512},
			{ID: "bitlocker.metadata", Bytes: []byte(signature), Align: 512},
		},
		Read: read,
	}
}

func read(ctx context.Context, src block.Source, landmarks []probe.Hit) ([]volume.Locked, error) {
	starts, found := []int64{0}, []int64(nil)
	for _, h := range landmarks {
		switch h.ID {
		case "bitlocker.boot", "bitlocker.identifier", "bitlocker.togo", "bitlocker.onwrite":
			starts = append(starts, h.Offset)
		case "bitlocker.metadata":
			found = append(found, h.Offset)
		}
	}
	slices.Sort(starts)
	slices.Sort(found)
	var out []volume.Locked
	known := map[int64]bool{} // places of metadata of volumes that were read
	for _, base := range slices.Compact(starts) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if base < 0 || len(out) >= MaxVolumes {
			continue
		}
		v := &opened{src: src, base: base}
		if !v.readBoot() {
			continue
		}
		if v.choose() < 0 {
			// Vista keeps a copy of its boot sector in the last sector of the volume.
			if slices.ContainsFunc(out, func(l volume.Locked) bool { return l.Extent.Has(base) }) {
				continue
			}
			if whole := v.atEnd(); whole != nil {
				v = whole
			}
		}
		out = append(out, v.locked(known))
	}
	// What metadata remains belongs to volumes without a boot sector.
	for _, at := range slices.Compact(found) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if known[at] || len(out) >= MaxVolumes {
			continue
		}
		if v, ok := orphan(src, at); ok {
			out = append(out, v.locked(known))
		}
	}
	return out, ctx.Err()
}

// readBoot reads the boot sector and notes where the copies of the metadata should stand.
func (v *opened) readBoot() bool {
	b, err := cursor.Read(v.src, "bitlocker: boot sector", v.base, bootSize, bootSize)
	if err != nil {
		return false
	}
	v.boot, err = parseBoot(b, v.base)
	if err != nil {
		if _, ok := cursor.IsCorrupt(err); !ok || errors.Is(err, cursor.ErrNot) {
			return false
		}
		v.bootBroken = true
		return false
	}
	v.bootSector = b
	v.find()
	return true
}

// find reads the copies of the metadata.
func (v *opened) find() {
	for i, off := range v.boot.offsets {
		v.try(i, off)
	}
	// The copies name each other too: Vista's boot sector knows only the first, and any may be damaged.
	for _, c := range v.copies {
		if c.m != nil {
			for i, off := range c.m.offsets {
				if v.copies[i].m == nil {
					v.try(i, off)
				}
			}
		}
	}
}

// atEnd returns the volume whose last sector holds this boot sector, when metadata stands where that needs it; nil
// when none does.
func (v *opened) atEnd() *opened {
	size := v.boot.sectors * v.boot.sector
	first := &opened{src: v.src, base: v.base + v.boot.sector - size, boot: v.boot, bootBroken: true}
	if !v.boot.vista || size == 0 || first.base < 0 {
		return nil
	}
	first.find()
	if first.choose() < 0 {
		return nil
	}
	return first
}

// try reads copy i of the metadata, which should stand at off of the volume.
func (v *opened) try(i int, off int64) {
	if off <= 0 || v.copies[i].m != nil {
		return
	}
	c := &v.copies[i]
	c.at = v.base + off
	b := make([]byte, min(maxBlock, max(v.src.Size()-c.at, 0)))
	n, err := v.src.ReadAt(b, c.at)
	if n < bootSize && err != nil {
		c.err = err
		return
	}
	c.m, c.err = parseBlock(b[:n], c.at)
}

// orphan finds the volume that the copy of the metadata at a place of the source belongs to. The copy names the
// offsets of all three, and does not say which of them it is; the others tell, or the usual start of partitions.
func orphan(src block.Source, at int64) (*opened, bool) {
	b := make([]byte, min(maxBlock, max(src.Size()-at, 0)))
	n, _ := src.ReadAt(b, at)
	m, err := parseBlock(b[:n], at)
	if m == nil || err != nil && !m.checked {
		return nil, false
	}
	var best *opened
	most := 0
	for i, off := range m.offsets {
		base := at - off
		if off <= 0 || base < 0 {
			continue
		}
		v := &opened{src: src, base: base, bootBroken: true, boot: boot{sector: m.sector(), offsets: m.offsets, vista: m.version == versionVista}}
		count := 0
		for j, o := range m.offsets {
			v.try(j, o)
			if c := v.copies[j].m; c != nil && c.id == m.id {
				count += 2
			} else {
				v.copies[j].m = nil
			}
		}
		if base%(1<<20) == 0 {
			count++
		}
		if count > most || count == most && i == 0 {
			best, most = v, count
		}
	}
	if best != nil && most < 4 {
		best.inferred = true
	}
	return best, best != nil
}

// sector returns the size of a sector, which the relocated start tells: it is counted in bytes and in sectors.
func (m *metadata) sector() int64 {
	if m.startSectors > 0 {
		if s := m.startSize / m.startSectors; s*m.startSectors == m.startSize && s >= 512 && s <= 4096 && s&(s-1) == 0 {
			return s
		}
	}
	return 512
}

// choose returns the newest copy whose check fits, else the newest that could be decoded; -1 when there is none.
func (v *opened) choose() int {
	best := -1
	for i, c := range v.copies {
		if c.m == nil {
			continue
		}
		if best < 0 {
			best = i
			continue
		}
		b := v.copies[best].m
		switch {
		case c.m.checked != b.checked:
			if c.m.checked {
				best = i
			}
		case c.m.counter > b.counter:
			best = i
		}
	}
	return best
}

// locked describes the volume.
func (v *opened) locked(known map[int64]bool) volume.Locked {
	l := volume.Locked{Lock: "bitlocker", Format: "BitLocker", Header: v.base}
	if v.boot.togo {
		l.Format = "BitLocker To Go"
	}
	if v.bootBroken {
		l.Findings = append(l.Findings, bootGone.New(finding.At(v.base, bootSize)))
		if v.inferred {
			l.Findings = append(l.Findings, startInferred.New(finding.At(v.base, bootSize)))
		}
	}
	best := v.choose()
	for i, c := range v.copies {
		if c.m != nil {
			known[c.at] = true
		}
		which, where := finding.Arg("copy", i+1), finding.At(c.at, blockHeader)
		switch {
		case best < 0 || i == best:
		case c.m == nil && c.at > 0 || c.m != nil && !c.m.checked && v.copies[best].m.checked:
			l.Findings = append(l.Findings, blockDamaged.New(where, which, finding.Expected(nil, c.fault())))
		case c.m != nil && c.m.counter < v.copies[best].m.counter:
			l.Findings = append(l.Findings, blockOlder.New(where, which, finding.Expected(v.copies[best].m.counter, c.m.counter)))
		}
	}
	if best < 0 {
		l.Extent = block.Between(v.base, v.end(0))
		l.Findings = append(l.Findings, noBlock.New(finding.At(v.base, bootSize)))
		return l
	}
	m := v.copies[best].m
	v.m = m
	l.Valid = m.checked && !v.bootBroken
	l.Backup = best > 0 || v.bootBroken
	if !m.checked {
		l.Findings = append(l.Findings, blockChecksum.New(finding.At(v.copies[best].at, blockHeader), finding.Arg("copy", best+1)))
	}
	l.Header, l.UUID, l.Label = v.copies[best].at, m.id.String(), m.description
	l.Extent = block.Between(v.base, v.end(m.encrypted))
	if c, ok := methods[m.method]; ok {
		l.Cipher = fmt.Sprintf("%s, %d-bit key", c.words, c.bits)
	} else {
		l.Cipher = fmt.Sprintf("method 0x%04x", m.method)
		l.Findings = append(l.Findings, cipherUnknown.New(finding.Expected(nil, l.Cipher)))
	}
	v.protectors(&l)
	v.conversion(&l)
	return l
}

// fault says what is wrong with a copy.
func (c *copied) fault() string {
	switch e, ok := cursor.IsCorrupt(c.err); {
	case ok && !errors.Is(c.err, cursor.ErrNot):
		return e.Found + ", expected " + e.Expected
	case errors.Is(c.err, cursor.ErrNot):
		return "other bytes stand there"
	case c.err != nil:
		return "it cannot be read"
	}
	return "its checksum does not fit"
}

// end returns where the volume ends on the source.
func (v *opened) end(encrypted int64) int64 {
	size := encrypted
	switch {
	case v.boot.sectors > 0:
		size = v.boot.sectors * v.boot.sector
	case v.m == nil || v.m.state != stateDone || v.m.next != stateDone || encrypted == 0:
		// What is encrypted is not the whole: only the partition tells where it ends.
		return max(v.src.Size(), v.base)
	}
	return v.base + size
}

// protectors says which keys open the volume.
func (v *opened) protectors(l *volume.Locked) {
	hardware := ""
	for _, p := range v.m.masters {
		if p.problem != "" || len(p.locked) == 0 && p.kind != byTPM && p.kind != byTPMPIN {
			if p.problem == "" {
				p.problem = "nothing is locked by it"
			}
			l.Findings = append(l.Findings, masterDamaged.New(finding.Arg("id", p.id), finding.Expected(nil, p.problem)))
			continue
		}
		need := volume.Need{ID: p.id.String()}
		switch p.kind {
		case byClearKey:
			need.Kind = volume.ClearKey
			l.Findings = append(l.Findings, suspended.New())
		case byRecovery:
			need.Kind, need.Note = volume.RecoveryKey, "kept under this key ID"
		case byPassword:
			need.Kind = volume.Passphrase
		case byStartup:
			need.Kind, need.Note = volume.StartupKey, "the name of the file"
		case byTPM:
			hardware = "its TPM"
			continue
		case byTPMPIN:
			hardware = "its TPM and a PIN"
			continue
		case bySmartCard:
			hardware = "a smart card"
			continue
		default:
			hardware = fmt.Sprintf("a protector of the kind 0x%04x", p.kind)
			continue
		}
		l.Needs = append(l.Needs, need)
	}
	if hardware != "" {
		l.Findings = append(l.Findings, onlyHardware.New(finding.Expected(nil, hardware)))
	}
	if len(l.Needs) == 0 {
		l.Findings = append(l.Findings, noProtector.New())
		return
	}
	l.Open = v.open
}

// conversion says what of the volume is not encrypted.
func (v *opened) conversion(l *volume.Locked) {
	switch {
	case v.boot.onWrite:
		l.Findings = append(l.Findings, onWrite.New())
	case v.m.version == versionSeven && (v.m.state != stateDone || v.m.next != stateDone || v.m.encrypted < v.end(v.m.encrypted)-v.base):
		what := "encrypted"
		if v.m.next != stateDone {
			what = "decrypted"
		}
		l.Findings = append(l.Findings, converting.New(finding.Expected(v.m.encrypted, what)))
	}
}
