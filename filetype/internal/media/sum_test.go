package media

import "testing"

func TestSum16(t *testing.T) {
	p := []byte("123456789")
	for _, tt := range []struct {
		polynomial, start, want uint16
		reflected               bool
	}{{0x8005, 0, 0xBB3D, true}, {0x8005, 0, 0xFEE8, false}, {0x1021, 0xFFFF, 0x29B1, false}} {
		s := NewSum16(tt.polynomial, tt.reflected)
		if got := s.Update(tt.start, p); got != tt.want {
			t.Errorf("%04x: %04x, expected %04x", tt.polynomial, got, tt.want)
		}
		if got := s.Update(s.Update(tt.start, p[:3]), p[3:]); got != tt.want {
			t.Errorf("%04x in two parts: %04x", tt.polynomial, got)
		}
	}
}

func BenchmarkSum16(b *testing.B) {
	s, p := NewSum16(0x8005, false), make([]byte, 64<<10)
	b.SetBytes(int64(len(p)))
	for b.Loop() {
		s.Update(0, p)
	}
}

func TestSum32(t *testing.T) {
	s := NewSum32(0x04C11DB7)
	if got := s.Update(0xFFFFFFFF, []byte("123456789")); got != 0x0376E6E7 {
		t.Errorf("%08x", got)
	}
	if got := s.Update(s.Update(0xFFFFFFFF, []byte("1")), []byte("23456789")); got != 0x0376E6E7 {
		t.Errorf("%08x", got)
	}
}
