package uefi

import (
	"bytes"
	"context"
	"crypto"
	"encoding/asn1"
	"encoding/binary"
	"errors"
	"fmt"

	"salvor/block"
	"salvor/cursor"
	"salvor/firmware"
	"salvor/firmware/internal/cms"
	"salvor/firmware/internal/region"
)

// oidProgram is the type of what signatures of programs sign: the hash of the program.
var oidProgram = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 2, 1, 4}

var programHashes = map[string]crypto.Hash{"1.3.14.3.2.26": crypto.SHA1, "2.16.840.1.101.3.4.2.1": crypto.SHA256, "2.16.840.1.101.3.4.2.2": crypto.SHA384, "2.16.840.1.101.3.4.2.3": crypto.SHA512}

// machines are the processors of programs.
var machines = map[uint16]string{0x014c: "x86", 0x8664: "x86_64", 0x01c2: "ARM", 0x01c4: "ARM", 0xaa64: "AArch64", 0x5032: "RISC-V 32 Bit", 0x5064: "RISC-V 64 Bit", 0x6232: "LoongArch", 0x6264: "LoongArch"}

// program is an EFI program: the header of a PE file.
type program struct {
	machine   uint16
	subsystem uint16
	sum       int64 // place of the checksum
	entry     int64 // place of the entry for certificates, 0 for none
	certs     block.Extent
	end       int64 // of the last section
}

var subsystems = map[uint16]string{10: "application", 11: "driver", 12: "driver at run time", 13: "ROM"}

func readProgram(src block.Source) (*program, error) {
	p, err := cursor.Read(src, "EFI program: header", 0, min(src.Size(), maxHeader), maxHeader)
	if err != nil {
		return nil, region.NotHere(err)
	}
	le := binary.LittleEndian
	if len(p) < 0x40 || string(p[:2]) != "MZ" {
		return nil, cursor.ErrNot
	}
	pe := int64(le.Uint32(p[0x3C:]))
	if pe < 0x40 || pe+24+128 > int64(len(p)) || string(p[pe:pe+4]) != "PE\x00\x00" {
		return nil, cursor.ErrNot
	}
	k := &program{machine: le.Uint16(p[pe+4:])}
	sections, optional := int(le.Uint16(p[pe+6:])), int64(le.Uint16(p[pe+20:]))
	at := pe + 24
	count, list := at+92, at+96
	switch le.Uint16(p[at:]) {
	case 0x20b:
		count, list = at+108, at+112
	case 0x10b:
	default:
		return nil, cursor.ErrNot
	}
	k.subsystem, k.sum = le.Uint16(p[at+68:]), at+64
	if subsystems[k.subsystem] == "" || machines[k.machine] == "" {
		return nil, cursor.ErrNot
	}
	if le.Uint32(p[count:]) > 4 && list+40 <= int64(len(p)) {
		k.entry = list + 32
		k.certs = block.Extent{Offset: int64(le.Uint32(p[k.entry:])), Length: int64(le.Uint32(p[k.entry+4:]))}
	}
	k.end = int64(le.Uint32(p[at+60:])) // of all headers
	for i := range sections {
		s := at + optional + int64(40*i)
		if s+40 > int64(len(p)) {
			return nil, cursor.ErrNot
		}
		k.end = max(k.end, int64(le.Uint32(p[s+16:]))+int64(le.Uint32(p[s+20:])))
	}
	return k, nil
}

func (k *program) title() string {
	return fmt.Sprintf("EFI %s, %s", subsystems[k.subsystem], machines[k.machine])
}

func lookProgram(_ context.Context, src block.Source) (firmware.Sighting, error) {
	k, err := readProgram(src)
	if err != nil {
		return firmware.Sighting{}, err
	}
	return firmware.Sighting{Title: k.title(), Size: max(k.end, k.certs.End())}, nil
}

func openProgram(ctx context.Context, src block.Source, o *firmware.Opening) (*firmware.Part, error) {
	k, err := readProgram(src)
	if err != nil {
		return nil, err
	}
	end := k.end
	if k.certs.Length > 0 {
		end = max(end, k.certs.End())
	}
	part := &firmware.Part{Title: k.title(), Role: firmware.Program, Announced: end, Claims: []firmware.Claim{{Kind: firmware.Architecture, Values: []string{machines[k.machine]}}}}
	if end > src.Size() {
		in := "program"
		if k.end <= src.Size() {
			in = "certificates"
		}
		part.Checks = append(part.Checks, firmware.Cut(in, end, src.Size()))
		return part, ctx.Err()
	}
	if k.certs.Length > 0 {
		k.certificates(ctx, src, part, o)
	}
	return part, ctx.Err()
}

// certificates checks all signatures of a program.
func (k *program) certificates(ctx context.Context, src block.Source, part *firmware.Part, o *firmware.Opening) {
	fail := func(at int64, found string) {
		part.Checks = append(part.Checks, firmware.Check{What: "certificates", Method: "structure", State: firmware.Failed, Extent: block.Between(at, k.certs.End()), Expected: "a signature", Found: found})
	}
	if k.certs.Offset < k.end || k.certs.Length > cms.MaxSize {
		fail(k.certs.Offset, fmt.Sprintf("%d bytes at %d", k.certs.Length, k.certs.Offset))
		return
	}
	for at := k.certs.Offset; at+8 <= k.certs.End() && ctx.Err() == nil; {
		p, err := cursor.Read(src, "EFI program: certificate", at, k.certs.End()-at, cms.MaxSize)
		if err != nil {
			fail(at, err.Error())
			return
		}
		n := int64(binary.LittleEndian.Uint32(p))
		if n < 8 || at+n > k.certs.End() {
			fail(at, fmt.Sprintf("one of %d bytes", n))
			return
		}
		if binary.LittleEndian.Uint16(p[6:]) != 2 {
			part.Signatures = append(part.Signatures, firmware.Signature{What: "the program", Method: fmt.Sprintf("certificate of the type %d", binary.LittleEndian.Uint16(p[6:])), State: firmware.Cannot, Why: "it is of another kind than CMS"})
		} else if err := k.signature(ctx, src, part, o, p[8:n], at+8); err != nil {
			if errors.Is(err, cursor.ErrNot) {
				err = errors.New("something else")
			}
			fail(at, err.Error())
		}
		at += (n + 7) &^ 7
	}
}

// spc is what a signature of a program says: its hash.
type spc struct {
	Data   asn1.RawValue
	Digest struct {
		Algorithm struct {
			OID        asn1.ObjectIdentifier
			Parameters asn1.RawValue `asn1:"optional"`
		}
		Value []byte
	}
}

// signedContent takes what is signed out of a message.
func signedContent(p []byte) ([]byte, error) {
	var outer struct {
		Type    asn1.ObjectIdentifier
		Content asn1.RawValue `asn1:"explicit,tag:0"`
	}
	if _, err := asn1.Unmarshal(p, &outer); err != nil {
		return nil, err
	}
	var inner struct {
		Version int
		Digests asn1.RawValue
		Content struct {
			Type    asn1.ObjectIdentifier
			Content asn1.RawValue `asn1:"explicit,tag:0"`
		}
	}
	if _, err := asn1.Unmarshal(outer.Content.Bytes, &inner); err != nil { // the outer tag with what is in it
		return nil, err
	}
	return inner.Content.Content.Bytes, nil
}

// signature checks one signature: that it says the program's hash, and that it fits a key.
func (k *program) signature(ctx context.Context, src block.Source, part *firmware.Part, o *firmware.Opening, p []byte, at int64) error {
	m, err := cms.ParseType(p, oidProgram)
	if err != nil {
		return err
	}
	content, err := signedContent(p)
	if err != nil {
		return err
	}
	var says spc
	var value asn1.RawValue
	if _, err = asn1.Unmarshal(content, &says); err == nil {
		_, err = asn1.Unmarshal(content, &value)
	}
	if err != nil {
		return err
	}
	hash := programHashes[says.Digest.Algorithm.OID.String()]
	if hash == 0 {
		return fmt.Errorf("a hash of the kind %v", says.Digest.Algorithm.OID)
	}
	w := hash.New()
	over := []block.Extent{{Length: k.sum}, block.Between(k.sum+4, k.entry), block.Between(k.entry+8, k.certs.Offset)}
	if err := region.Sum(ctx, src, w, over...); err != nil {
		part.Checks = append(part.Checks, region.Unread("program", hash.String(), over[2], fmt.Sprintf("%x", says.Digest.Value), src.Size(), err))
		return nil
	}
	if pad := -k.certs.Offset & 7; pad > 0 {
		w.Write(make([]byte, pad)) // certificates begin at the eighth byte
	}
	sum := w.Sum(nil)
	for _, e := range over {
		part.Checks = append(part.Checks, firmware.Digest("program", hash.String(), e, says.Digest.Value, sum))
	}
	a := m.Check(cms.Signed{What: "the program", Keys: o.Keys(), Digest: func(h crypto.Hash) ([]byte, error) {
		w := h.New()
		w.Write(value.Bytes)
		return w.Sum(nil), nil
	}})
	if !bytes.Equal(sum, says.Digest.Value) {
		for i := range a.Signatures {
			if s := &a.Signatures[i]; s.State == firmware.Passed {
				s.State, s.Key, s.Why = firmware.Failed, "", "it is of another program"
			}
		}
	}
	a.Message.Extent.Offset += at
	part.Checks = append(part.Checks, a.Message)
	part.Findings = append(part.Findings, a.Findings...)
	part.Signatures = append(part.Signatures, a.Signatures...)
	return nil
}
