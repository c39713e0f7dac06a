package uf2

import (
	"context"
	"encoding/binary"
	"fmt"

	"salvor/block"
	"salvor/block/probe"
	"salvor/cursor"
	"salvor/firmware"
)

const (
	blockSize = 512
	dataAt    = 32
	maxData   = 476
	maxBlocks = 1 << 21 // a file of 1 GiB
	maxRuns   = 1024
	maxTold   = 16

	flagNotMain = 0x1
	flagFiles   = 0x1000
	flagFamily  = 0x2000
)

var le = binary.LittleEndian

// Format is the row of this package in the table of firmware formats.
func Format() firmware.Format {
	return firmware.Format{
		Name: "uf2", Title: "UF2 file",
		Probes: []probe.Probe{{ID: "firmware.uf2.block", Bytes: []byte("UF2\n\x57\x51\x5D\x9E"), Align: blockSize}},
		Look:   look, Open: open,
	}
}

// unit is a block of the file.
type unit struct {
	flags, address, size, number, count, family uint32
	data                                        []byte
}

// parse reads a block; ok is false for what is none.
func parse(p []byte) (u unit, ok bool) {
	if len(p) < blockSize || le.Uint32(p) != 0x0A324655 || le.Uint32(p[4:]) != 0x9E5D5157 || le.Uint32(p[508:]) != 0x0AB16F30 {
		return u, false
	}
	u = unit{le.Uint32(p[8:]), le.Uint32(p[12:]), le.Uint32(p[16:]), le.Uint32(p[20:]), le.Uint32(p[24:]), le.Uint32(p[28:]), nil}
	if u.size > maxData || u.number >= u.count || u.count > maxBlocks {
		return u, false
	}
	u.data = p[dataAt : dataAt+u.size]
	return u, true
}

func look(_ context.Context, src block.Source) (firmware.Sighting, error) {
	if src.Size() < blockSize {
		return firmware.Sighting{}, cursor.ErrNot
	}
	p, err := cursor.Read(src, "UF2 block", 0, blockSize, blockSize)
	if err != nil {
		return firmware.Sighting{}, err
	}
	u, ok := parse(p)
	if !ok {
		return firmware.Sighting{}, cursor.ErrNot
	}
	return firmware.Sighting{Title: "UF2 file, " + u.chip(), Size: int64(u.count) * blockSize}, nil
}

func (u *unit) chip() string {
	if u.flags&flagFamily == 0 {
		return "no family named"
	}
	if name := families[u.family]; name != "" {
		return name
	}
	return fmt.Sprintf("family 0x%08x", u.family)
}

// program is what blocks of one family make.
type program struct {
	family uint32
	named  bool
	count  uint32
	seen   []bool
	blocks uint32
	runs   []run
}

type run struct {
	at   uint32
	data []byte
}

func open(ctx context.Context, src block.Source, o *firmware.Opening) (*firmware.Part, error) {
	if _, err := look(ctx, src); err != nil {
		return nil, err
	}
	part := &firmware.Part{Title: "UF2 file", Role: firmware.Program}
	whole := block.Extent{Length: src.Size()}
	fail := func(what, expected, found, why string, e block.Extent) {
		part.Checks = append(part.Checks, firmware.Check{What: what, Method: "structure", State: firmware.Failed, Extent: e, Expected: expected, Found: found, Why: why})
	}
	var programs []*program
	bad := 0
	buf := make([]byte, 128*blockSize)
	for at := int64(0); at+blockSize <= src.Size(); {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		n, err := src.ReadAt(buf[:min(int64(len(buf)), (src.Size()-at)/blockSize*blockSize)], at)
		if n < blockSize {
			part.Checks = append(part.Checks, firmware.Check{What: fmt.Sprintf("block at %d", at), Method: "structure", State: firmware.Cannot, Extent: block.Between(at, src.Size()), Why: fmt.Sprint(err)})
			break
		}
		for p := buf[:n/blockSize*blockSize]; len(p) > 0; p, at = p[blockSize:], at+blockSize {
			u, ok := parse(p[:blockSize])
			if !ok {
				if bad++; bad <= maxTold {
					fail(fmt.Sprintf("block at %d", at), "a block with its three magic numbers", fmt.Sprintf("%x", p[:8]), "it was damaged, or the file is another one from here", block.Extent{Offset: at, Length: blockSize})
				}
				continue
			}
			programs = u.take(programs)
		}
	}
	if bad > maxTold {
		fail("other blocks", "blocks with their magic numbers", fmt.Sprintf("%d without", bad-maxTold), "", whole)
	}
	if rest := src.Size() % blockSize; rest != 0 {
		fail("last block", fmt.Sprintf("%d bytes", blockSize), fmt.Sprintf("%d bytes", rest), "the file is cut off", block.Between(src.Size()-rest, src.Size()))
	}
	for _, g := range programs {
		g.tell(ctx, part, fail, o)
	}
	if len(programs) > 0 {
		part.Title = "UF2 file, " + (&unit{flags: flagFamily * uint32(bit(programs[0].named)), family: programs[0].family}).chip()
	}
	return part, ctx.Err()
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

// take adds a block to the program of its family.
func (u *unit) take(list []*program) []*program {
	if u.flags&flagNotMain != 0 {
		return list
	}
	named := u.flags&flagFamily != 0
	var g *program
	for _, x := range list {
		if x.named == named && (!named || x.family == u.family) {
			g = x
		}
	}
	if g == nil {
		if len(list) >= 64 {
			return list
		}
		g = &program{family: u.family, named: named, count: u.count, seen: make([]bool, u.count)}
		list = append(list, g)
	}
	if int64(u.number) < int64(len(g.seen)) && !g.seen[u.number] {
		g.seen[u.number] = true
		g.blocks++
	}
	if u.flags&flagFiles != 0 {
		return list
	}
	if n := len(g.runs); n > 0 && g.runs[n-1].at+uint32(len(g.runs[n-1].data)) == u.address {
		g.runs[n-1].data = append(g.runs[n-1].data, u.data...)
	} else if n < maxRuns {
		g.runs = append(g.runs, run{u.address, append([]byte(nil), u.data...)})
	}
	return list
}

// tell adds what a program claims, lacks and holds.
func (g *program) tell(ctx context.Context, part *firmware.Part, fail func(what, expected, found, why string, e block.Extent), o *firmware.Opening) {
	name := "no family"
	if g.named {
		name = (&unit{flags: flagFamily, family: g.family}).chip()
		part.Claims = append(part.Claims, firmware.Claim{Kind: firmware.Family, Values: []string{fmt.Sprintf("0x%08x", g.family)}}, firmware.Claim{Kind: firmware.Chip, Values: []string{name}})
	}
	if g.blocks < g.count {
		first := 0
		for first < len(g.seen) && g.seen[first] {
			first++
		}
		fail("blocks of "+name, fmt.Sprintf("%d", g.count), fmt.Sprintf("%d; the first that is missing is number %d", g.blocks, first), "the file is cut off, or blocks were lost", block.Extent{Length: part.Size})
	} else {
		part.Checks = append(part.Checks, firmware.Check{What: "blocks of " + name, Method: "numbers", State: firmware.Passed, Expected: fmt.Sprint(g.count), Found: fmt.Sprint(g.blocks)})
	}
	for _, r := range g.runs {
		c := &firmware.Part{Name: fmt.Sprintf("0x%08x", r.at), Role: firmware.Program, Size: int64(len(r.data)), Source: block.Bytes(r.data), Unpacked: true,
			Installs: []firmware.Install{{Where: fmt.Sprintf("0x%08x", r.at), Needs: int64(len(r.data))}}}
		o.Inner(ctx, c)
		part.Children = append(part.Children, c)
	}
}

// families are the names of uf2families.json.
var families = map[uint32]string{
	0x16573617: "ATmega32", 0x1851780a: "SAML21", 0x1b57745f: "nRF52", 0x1c5f21b0: "ESP32", 0x1e1f432d: "STM32L1", 0x202e3a91: "STM32L0", 0x21460ff0: "STM32WL",
	0x22e0d6fc: "RTL8710B", 0x2abc77ec: "LPC55", 0x300f5633: "STM32G0", 0x31d228c6: "GD32F350", 0x3379cfe2: "RTL8720D", 0x04240bdf: "STM32L5", 0x4c71240a: "STM32G4",
	0x4e8f1c5d: "STM32H5", 0x4fb2d5bd: "MIMXRT10XX", 0x51e903a8: "XR809", 0x53b80f00: "STM32F7", 0x55114460: "SAMD51", 0x57755a57: "STM32F4", 0x5a18069b: "FX2",
	0x5d1a0a2e: "STM32F2", 0x5ee21072: "STM32F1", 0x621e937a: "NRF52833", 0x647824b6: "STM32F0", 0x675a40b0: "BK7231U", 0x68ed2b88: "SAMD21", 0x699b62ec: "CH32V",
	0x6a82cc42: "BK7251", 0x6b846188: "STM32F3", 0x6d0922fa: "STM32F407", 0x6db66082: "STM32H7", 0x6e7348a8: "CSK6", 0x6f752678: "nRF52832 (xxAA)", 0x6f7b1a0b: "CSK4",
	0x70d16653: "STM32WB", 0x7b3ef230: "BK7231N", 0x7eab61ed: "ESP8266", 0x7f83e793: "KL32L2", 0x8fb060fe: "STM32F407VG", 0x9fffd543: "RTL8710A", 0xada52840: "nRF52840",
	0xbfdd4eee: "ESP32-S2", 0xc47e5767: "ESP32-S3", 0xd42ba06c: "ESP32-C3", 0x2b88d29c: "ESP32-C2", 0x332726f6: "ESP32-H2", 0x540ddf62: "ESP32-C6", 0x3d308e94: "ESP32-P4",
	0xde1270b7: "BL602", 0xe08f7564: "RTL8720C", 0xe48bff56: "RP2040", 0xe48bff59: "RP2350 (Arm, secure)", 0xe48bff5a: "RP2350 (RISC-V)", 0xe48bff5b: "RP2350 (Arm, not secure)",
	0x00ff6919: "STM32L4", 0x9af03e33: "GD32VF103",
}
