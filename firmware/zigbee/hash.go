package zigbee

import (
	"crypto/aes"
	"encoding/binary"
)

// mmo is the hash of Zigbee: AES-128 in the way of Matyas, Meyer and Oseas.
type mmo struct {
	state [16]byte
	rest  []byte
	n     uint64 // bytes
}

// Write goes on with p. It never fails.
func (m *mmo) Write(p []byte) (int, error) {
	n := len(p)
	m.n += uint64(n)
	if len(m.rest) > 0 {
		k := min(16-len(m.rest), len(p))
		m.rest, p = append(m.rest, p[:k]...), p[k:]
		if len(m.rest) < 16 {
			return n, nil
		}
		m.block(m.rest)
		m.rest = m.rest[:0]
	}
	for ; len(p) >= 16; p = p[16:] {
		m.block(p[:16])
	}
	m.rest = append(m.rest, p...)
	return n, nil
}

func (m *mmo) block(p []byte) {
	c, err := aes.NewCipher(m.state[:])
	if err != nil {
		return // a key of 16 bytes is always one
	}
	var out [16]byte
	c.Encrypt(out[:], p)
	for i := range out {
		m.state[i] = out[i] ^ p[i]
	}
}

// sum is the hash of all that was written.
func (m *mmo) sum() []byte {
	bits := m.n * 8
	var end []byte
	if bits < 1<<16 {
		end = binary.BigEndian.AppendUint16(nil, uint16(bits))
	} else {
		end = append(binary.BigEndian.AppendUint32(nil, uint32(bits)), 0, 0)
	}
	last := append([]byte{}, m.rest...)
	last = append(last, 0x80)
	for (len(last)+len(end))%16 != 0 {
		last = append(last, 0)
	}
	last = append(last, end...)
	copied := *m
	for ; len(last) > 0; last = last[16:] {
		copied.block(last[:16])
	}
	return copied.state[:]
}
