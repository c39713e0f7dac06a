package nordic

import (
	"encoding/binary"

	"salvor/cursor"
	"salvor/firmware/internal/protobuf"
)

// The types of firmware of an init packet.
var types = []string{"application", "SoftDevice", "boot loader", "SoftDevice and boot loader", "external application"}

// packet is an init packet.
type packet struct {
	command   []byte // what is signed; nil in an old one
	signed    bool
	scheme    uint64
	signature []byte
	version   uint64
	hasKind   bool
	kind      uint64
	hardware  uint64
	hasHW     bool
	devices   []uint64 // SoftDevices
	sizes     int64
	hashKind  uint64
	hash      []byte
	debug     bool
	old       bool
	crc       uint16
}

func parsePacket(p []byte) (*packet, error) {
	k := &packet{}
	err := protobuf.Fields("init packet", p, 0, func(n int, _ uint64, b []byte, at int64) error {
		switch n {
		case 1:
			k.command = b
		case 2:
			k.signed = true
			return protobuf.Fields("signed command", b, at, func(n int, v uint64, b []byte, _ int64) error {
				switch n {
				case 1:
					k.command = b
				case 2:
					k.scheme = v
				case 3:
					k.signature = b
				}
				return nil
			})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if k.command == nil {
		return nil, cursor.Corrupt("init packet", 0, "a command", "none")
	}
	found := false
	err = protobuf.Fields("command", k.command, 0, func(n int, _ uint64, b []byte, at int64) error {
		if n != 2 {
			return nil
		}
		found = true
		return protobuf.Fields("init command", b, at, k.field)
	})
	if err == nil && !found {
		err = cursor.Corrupt("init packet", 0, "an init command", "another")
	}
	return k, err
}

// field takes down a field of an init command.
func (k *packet) field(n int, v uint64, b []byte, at int64) error {
	switch n {
	case 1:
		k.version = v
	case 2:
		k.hardware, k.hasHW = v, true
	case 3:
		if b == nil {
			k.devices = append(k.devices, v)
			return nil
		}
		for len(b) > 0 { // packed
			v, n := binary.Uvarint(b)
			if n <= 0 {
				return cursor.Corrupt("init command", at, "numbers of SoftDevices", "something else")
			}
			k.devices, b = append(k.devices, v), b[n:]
		}
	case 4:
		k.kind, k.hasKind = v, true
	case 5, 6, 7:
		k.sizes += int64(uint32(v))
	case 8:
		return protobuf.Fields("hash", b, at, func(n int, v uint64, b []byte, _ int64) error {
			switch n {
			case 1:
				k.hashKind = v
			case 2:
				k.hash = b
			}
			return nil
		})
	case 9:
		k.debug = v != 0
	}
	return nil
}

// parseOld reads an init packet of the SDK up to version 11.
func parseOld(p []byte) (*packet, error) {
	c := cursor.New("old init packet", 0, p)
	c.Skip(2) // device
	k := &packet{old: true, hasHW: true}
	k.hardware = uint64(c.Uint16())
	k.version = uint64(c.Uint32())
	for range c.Uint16() {
		if c.Err() != nil {
			break
		}
		k.devices = append(k.devices, uint64(c.Uint16()))
	}
	k.crc = c.Uint16()
	if err := c.Err(); err != nil {
		return nil, err
	}
	if c.Len() > 0 {
		return nil, cursor.Corrupt("old init packet", c.Offset(), "its end", "more")
	}
	return k, nil
}

// crc16 goes on with the sum of an old init packet (CCITT, from FFFF).
func crc16(sum uint16, p []byte) uint16 {
	for _, b := range p {
		sum = sum>>8 | sum<<8
		sum ^= uint16(b)
		sum ^= sum & 0xFF >> 4
		sum ^= sum << 12
		sum ^= sum & 0xFF << 5
	}
	return sum
}
