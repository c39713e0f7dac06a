package luks

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

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
	headerDamaged, headerOlder, headerChecksum, headerNone, slotDamaged, slotUnreadable, slotUnknown, noSlots,
	reencryption, integrity, hardware, requirement, cut,
}

var (
	headerDamaged = &finding.Def{Code: "luks.header.damaged", Severity: finding.Warning,
		Text: "the {copy} LUKS header is damaged or gone ({found}); the other one was used"}
	headerOlder = &finding.Def{Code: "luks.header.older", Severity: finding.Info,
		Text: "the {copy} LUKS header is older than the other one (number {found}, expected {expected}); the newer one was used"}
	headerChecksum = &finding.Def{Code: "luks.header.checksum", Severity: finding.Error,
		Text: "the checksum of the LUKS header is wrong, and there is no sound second header; what it says was used all the same"}
	headerNone = &finding.Def{Code: "luks.header.unusable", Severity: finding.Error,
		Text: "the LUKS header cannot be used ({found}, expected {expected}); only a backup of the header (--header) opens this volume"}
	slotDamaged = &finding.Def{Code: "luks.keyslot.damaged", Severity: finding.Warning,
		Text: "the key material of slot {slot} was overwritten at {offset}, as it seems; its passphrase will hardly open the volume"}
	slotUnreadable = &finding.Def{Code: "luks.keyslot.unreadable", Severity: finding.Error,
		Text: "the key material of slot {slot} cannot be read as a whole; its passphrase cannot open the volume"}
	slotUnknown = &finding.Def{Code: "luks.keyslot.unusable", Severity: finding.Warning,
		Text: "slot {slot} says of its key what cannot be used: {found}"}
	noSlots = &finding.Def{Code: "luks.keyslot.none", Severity: finding.Error,
		Text: "no key slot can be used: only the volume key itself or a backup of the header (--header) opens this volume"}
	reencryption = &finding.Def{Code: "luks.reencryption", Severity: finding.Warning,
		Text: "this volume was being encrypted anew when it stopped; each part is read with its own key{but}"}
	integrity = &finding.Def{Code: "luks.integrity", Severity: finding.Warning,
		Text: "this volume keeps a check of each sector beside it ({found}), which is not readable here; `cryptsetup open` on Linux opens it"}
	hardware = &finding.Def{Code: "luks.hardware", Severity: finding.Warning,
		Text: "this volume is encrypted by the drive itself ({found}): it opens only on that drive, with `cryptsetup open` on Linux"}
	requirement = &finding.Def{Code: "luks.requirement", Severity: finding.Info,
		Text: "the header asks for the feature {found}"}
	cut = &finding.Def{Code: "luks.cut", Severity: finding.Warning,
		Text: "the volume has {expected} bytes by its header; {found} of them are here"}
)

// Lock returns the row for the table of encrypted volumes.
func Lock() volume.Lock {
	return volume.Lock{
		Name: "luks",
		Probes: []probe.Probe{
			{ID: "luks.header", Bytes: []byte(firstHeader), Align: 512},
			{ID: "luks.second", Bytes: []byte(secondHeader), Align: 512},
		},
		Read:     read,
		Detached: detached,
	}
}

// secondOffsets are where the second header of LUKS2 can stand, behind the start of the volume.
var secondOffsets = []int64{0x4000, 0x8000, 0x10000, 0x20000, 0x40000, 0x80000, 0x100000, 0x200000, 0x400000}

func read(ctx context.Context, src block.Source, landmarks []probe.Hit) ([]volume.Locked, error) {
	starts := []int64{0}
	for _, h := range landmarks {
		switch h.ID {
		case "luks.header":
			starts = append(starts, h.Offset)
		case "luks.second":
			// Its own offset says where the volume begins.
			if b, err := cursor.Read(src, "luks: header", h.Offset, size2, size2); err == nil {
				if bin, err := parseBinary(b, h.Offset); err == nil && bin.second && int64(bin.offset) <= h.Offset {
					starts = append(starts, h.Offset-int64(bin.offset))
				}
			}
		}
	}
	slices.Sort(starts)
	var out []volume.Locked
	for _, base := range slices.Compact(starts) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if base < 0 || base >= src.Size() || len(out) >= MaxVolumes {
			continue
		}
		if l, ok := at(ctx, src, src, base); ok {
			out = append(out, l)
		}
	}
	return out, ctx.Err()
}

// detached reads the header at the start of another source.
func detached(ctx context.Context, head, src block.Source) ([]volume.Locked, error) {
	l, ok := at(ctx, head, src, 0)
	if !ok || ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return []volume.Locked{l}, nil
}

// copy2 is one copy of a LUKS2 header, as far as it could be read.
type copy2 struct {
	h   *header
	at  int64
	err error
}

func (c *copy2) sound() bool { return c.err == nil && c.h.checksumOK }

// at reads the volume on src whose header begins at base of head, which is the same source most often.
func at(ctx context.Context, head, src block.Source, base int64) (volume.Locked, bool) {
	v := &opened{head: head, src: src, base: base}
	l := volume.Locked{Lock: "luks", Header: base}
	first, err := cursor.Read(head, "luks: header", base, size1, size1)
	if err == nil {
		if v.header, err = parse1(first, base); err == nil {
			l.Valid = v.header.checksumOK
			v.describe(ctx, &l)
			return l, true
		}
	}
	broken1 := err
	h, place := both(head, base, &l)
	if h == nil {
		// A version that cannot be read is told, since a backup of the header may open it.
		if c, ok := cursor.IsCorrupt(broken1); ok && len(first) == size1 {
			l.Format, l.Extent = "LUKS1", block.Between(base, src.Size())
			l.Findings = append(l.Findings, headerNone.New(finding.At(base, size1), finding.Expected(c.Expected, c.Found)))
			l.Needs = []volume.Need{headerNeed}
			l.Open = v.open
			return l, true
		}
		if len(l.Findings) > 0 {
			l.Format, l.Extent = "LUKS2", block.Between(base, src.Size())
			l.Needs = []volume.Need{headerNeed}
			l.Open = v.open
			return l, true
		}
		return l, false
	}
	v.header, l.Header = h, place
	l.Valid = h.checksumOK
	v.describe(ctx, &l)
	return l, true
}

// both reads the copies of a LUKS2 header and returns the one to use, and where it stands; nil when there is none.
func both(head block.Source, base int64, l *volume.Locked) (*header, int64) {
	a := copyAt(head, base, false)
	places := secondOffsets
	if a.err == nil {
		places = []int64{a.h.size}
	}
	var b copy2
	for _, off := range places {
		c := copyAt(head, base+off, true)
		if errors.Is(c.err, cursor.ErrNot) && b.h == nil && b.err != nil {
			continue
		}
		if b = c; c.sound() {
			break
		}
	}
	first, second := finding.Arg("copy", "first"), finding.Arg("copy", "second")
	fault := func(c copy2, which finding.Option) {
		l.Findings = append(l.Findings, headerDamaged.New(finding.At(c.at, size2), which, finding.Expected(nil, c.fault())))
	}
	switch {
	case a.sound() && b.sound():
		if b.h.sequence > a.h.sequence {
			l.Findings = append(l.Findings, headerOlder.New(finding.At(a.at, size2), first, finding.Expected(b.h.sequence, a.h.sequence)))
			l.Backup = true
			return b.h, b.at
		}
		if b.h.sequence < a.h.sequence {
			l.Findings = append(l.Findings, headerOlder.New(finding.At(b.at, size2), second, finding.Expected(a.h.sequence, b.h.sequence)))
		}
		return a.h, a.at
	case a.sound():
		fault(b, second)
		return a.h, a.at
	case b.sound():
		fault(a, first)
		l.Backup = true
		return b.h, b.at
	case a.err == nil:
		l.Findings = append(l.Findings, headerChecksum.New(finding.At(a.at, a.h.size)))
		return a.h, a.at
	case b.err == nil:
		l.Findings = append(l.Findings, headerChecksum.New(finding.At(b.at, b.h.size)))
		l.Backup = true
		return b.h, b.at
	}
	for _, c := range []copy2{a, b} {
		if e, ok := cursor.IsCorrupt(c.err); ok && !errors.Is(c.err, cursor.ErrNot) && c.h != nil {
			l.Findings = append(l.Findings, headerNone.New(finding.At(c.at, size2), finding.Expected(e.Expected, e.Found)))
			l.UUID, l.Label = c.h.uuid, c.h.label
			break
		}
	}
	return nil, 0
}

// fault says what is wrong with a copy.
func (c *copy2) fault() string {
	switch e, ok := cursor.IsCorrupt(c.err); {
	case ok:
		return e.Found
	case errors.Is(c.err, cursor.ErrNot):
		return "other bytes stand there"
	case c.err != nil:
		return "it cannot be read"
	}
	return "its checksum does not fit"
}

// copyAt reads the first or the second copy of a LUKS2 header at off.
func copyAt(head block.Source, off int64, second bool) copy2 {
	c := copy2{at: off}
	b, err := cursor.Read(head, "luks: header", off, size2, size2)
	if err != nil {
		c.err = err
		return c
	}
	bin, err := parseBinary(b, off)
	if err == nil && bin.second != second {
		err = cursor.ErrNot
	}
	if err != nil {
		c.err = err
		return c
	}
	if b, err = cursor.Read(head, "luks: header", off, int64(bin.size), maxHeader); err != nil {
		c.h, c.err = &header{uuid: bin.uuid, label: bin.label}, err
		return c
	}
	c.h, _, c.err = parse2(b, off)
	return c
}

var headerNeed = volume.Need{Kind: volume.HeaderFile, Note: "made with `cryptsetup luksHeaderBackup`, beside a passphrase of that time"}

// describe fills l from the header, and looks at the key material.
func (v *opened) describe(ctx context.Context, l *volume.Locked) {
	h := v.header
	l.Format, l.UUID, l.Label, l.Cipher = fmt.Sprintf("LUKS%d", h.version), h.uuid, h.label, h.cipher()
	l.Extent = h.extent(v.base, v.src.Size())
	if have := l.Extent.Intersect(block.Extent{Length: v.src.Size()}); have.Length < l.Extent.Length {
		l.Findings = append(l.Findings, cut.New(finding.At(l.Extent.Offset, l.Extent.Length), finding.Expected(l.Extent.Length, have.Length)))
	}
	for i := range h.keyslots {
		k := &h.keyslots[i]
		if ctx.Err() != nil {
			return
		}
		if f, ok := v.inspect(k); ok {
			l.Findings = append(l.Findings, f)
			if f.Severity == finding.Error {
				continue
			}
		}
		if k.problem != "" {
			l.Findings = append(l.Findings, slotUnknown.New(finding.Arg("slot", k.number), finding.Expected(nil, k.problem)))
			continue
		}
		note := k.kdf.words()
		for _, t := range h.tokens {
			if contains(t.keyslots, k.number) {
				note += ", made for " + tokenWords(t.kind)
			}
		}
		l.Needs = append(l.Needs, volume.Need{Kind: volume.Passphrase, ID: fmt.Sprintf("slot %d", k.number), Note: note})
	}
	if len(l.Needs) > 0 {
		l.Needs = append(l.Needs, volume.Need{Kind: volume.KeyFile, Note: "where one was set in the place of a passphrase"})
	} else {
		l.Findings = append(l.Findings, noSlots.New(finding.At(l.Header, size1)))
		l.Needs = append(l.Needs, volume.Need{Kind: volume.VolumeKey}, headerNeed)
	}
	for _, s := range h.live() {
		switch {
		case strings.HasPrefix(s.kind, "hw-opal"):
			l.Findings = append(l.Findings, hardware.New(finding.Expected(nil, "OPAL")))
		case s.integrity != "":
			l.Findings = append(l.Findings, integrity.New(finding.Expected(nil, printed(s.integrity))))
		default:
			continue
		}
		break
	}
	if h.reencrypting() {
		but := ""
		if n := h.moving(); n > 0 {
			but = fmt.Sprintf(", and %d bytes that were just being moved cannot be read", n)
		}
		l.Findings = append(l.Findings, reencryption.New(finding.Arg("but", but)))
	}
	for _, r := range h.required {
		if strings.Contains(r, "reencrypt") {
			continue // that is told above
		}
		l.Findings = append(l.Findings, requirement.New(finding.Expected(nil, printed(r))))
	}
	l.Open = v.open
}

// moving returns how many bytes a reencryption was moving when it stopped.
func (h *header) moving() (n int64) {
	for _, s := range h.live() {
		if s.flag("in-reencryption") && s.size > 0 {
			n += s.size
		}
	}
	return n
}

// printed keeps hostile text short.
func printed(s string) string {
	if len(s) > 64 {
		s = s[:64] + "…"
	}
	return fmt.Sprintf("%q", s)
}

func tokenWords(kind string) string {
	switch kind {
	case "systemd-tpm2":
		return "the TPM of its computer"
	case "systemd-fido2":
		return "a FIDO2 key"
	case "systemd-pkcs11":
		return "a smart card"
	case "systemd-recovery":
		return "a recovery key of systemd-cryptenroll, which is typed as a passphrase"
	case "clevis":
		return "Clevis (a TPM or a server)"
	}
	return printed(kind)
}
