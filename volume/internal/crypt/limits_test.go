package crypt

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/argon2"
)

// What cannot be is refused with a reason, and the reason never holds a key.
func TestNewRefuses(t *testing.T) {
	for _, c := range []struct {
		name         string
		key          int
		sector, unit int
		want         string
	}{
		{"aes-xts-plain64", 31, 512, 512, "does not take a key of 248 bits"},
		{"aes-xts-plain64", 20, 512, 512, "does not take a key of 160 bits"},
		{"aes-cbc-plain64", 15, 512, 512, "does not take a key"},
		{"aes-lrw-benbi", 16, 512, 512, "does not take a key"},
		{"aes-lrw-benbi", 20, 512, 512, "does not take a key"},
		{"aes-cbc-elephant", 34, 512, 512, "does not take a key"},
		{"aes-xts-plain64", 32, 500, 500, "sectors of 500 bytes"},
		{"aes-xts-plain64", 32, 8192, 512, "sectors of 8192 bytes"},
		{"aes-xts-plain64", 32, 512, 4096, "sectors of 512 bytes"},
		{"aes-xts-plain64", 32, 0, 0, "sectors of 0 bytes"},
		{"aes-xts-random", 32, 512, 512, `cipher "aes-xts-random" is not supported`},
		{"aes-xts-elephant", 32, 512, 512, "is not supported"},
		{"aes-gcm-random", 32, 512, 512, "is not supported"},
		{"capi:xts(aes)-plain64", 32, 512, 512, "is not supported"},
		{"camellia-xts-plain64", 32, 512, 512, "is not supported"},
		{"aes-cbc-essiv:md4", 32, 512, 512, `hash "md4" is not supported`},
		{"aes-cbc-essiv:sha1", 32, 512, 512, "is not supported"},
		{"", 32, 512, 512, `cipher "" is not supported`},
		{strings.Repeat("x", 5000), 32, 512, 512, "is not supported"},
	} {
		k := key(c.key)
		s, err := New(c.name, k, c.sector, c.unit)
		if s != nil || err == nil || !strings.Contains(err.Error(), c.want) || len(err.Error()) > 200 {
			t.Errorf("%.40s: %v, expected %q", c.name, err, c.want)
			continue
		}
		if strings.Contains(err.Error(), string(k)) || strings.Contains(err.Error(), hex.EncodeToString(k)) {
			t.Errorf("%s: the error holds the key", c.name)
		}
	}
}

// Every cipher takes any number of a sector and any part that is a multiple of its granule.
func TestPartsOfSectors(t *testing.T) {
	for _, name := range []string{"aes-xts-plain64", "serpent-xts-plain", "twofish-xts-plain64be", "aes-lrw-benbi", "aes-lrw-plain64", "aes-ecb", "cipher_null-ecb", "aes-xts-essiv:wp256"} {
		k := key(48)
		if strings.Contains(name, "xts") {
			k = key(64)
		} else if strings.Contains(name, "ecb") {
			k = key(32)
		}
		s, err := New(name, k, 4096, 512)
		if err != nil {
			t.Fatal(name, err)
		}
		for _, number := range []uint64{0, 1, 1 << 32, 1<<64 - 8} {
			whole := bytes.Repeat(key(64), 3*64)
			parts := bytes.Clone(whole)
			s.Decrypt(whole, number)
			for at := 0; at < len(parts); {
				n := min(16*(1+at%37), len(parts)-at)
				s.decrypt(parts[at:at+n], number, int64(at))
				at += n
			}
			if !bytes.Equal(whole, parts) {
				t.Errorf("%s, sector %d: the parts differ from the whole", name, number)
			}
		}
	}
}

func TestCostsAreBounded(t *testing.T) {
	for _, c := range []struct{ passes, memory, threads int }{
		{1, MaxMemory + 1, 1}, {1, 0, 1}, {0, 1024, 1}, {1 << 30, 1024, 1}, {17, MaxMemory, 1}, {1, 1024, 0}, {1, 1024, 255}, {-1, -1, -1},
	} {
		if k, err := Argon2(t.Context(), "argon2id", nil, nil, c.passes, c.memory, c.threads, 32); k != nil || err == nil || !strings.Contains(err.Error(), "refused") {
			t.Errorf("%+v: %v", c, err)
		}
	}
	for _, n := range []int{0, -1, MaxIterations + 1, 1<<32 - 1} {
		if k, err := PBKDF2(t.Context(), "sha256", nil, nil, n, 32); k != nil || err == nil || !strings.Contains(err.Error(), "refused") {
			t.Errorf("%d iterations: %v", n, err)
		}
	}
	if _, err := PBKDF2(t.Context(), "md5", nil, nil, 1, 32); err == nil {
		t.Error("an unknown hash is taken")
	}
	if _, err := Argon2(t.Context(), "argon2d", nil, nil, 1, 64, 1, 32); err == nil || !strings.Contains(err.Error(), `"argon2d" is not supported`) {
		t.Error(err)
	}
}

func TestArgon2(t *testing.T) {
	for kind, derive := range map[string]func(p, s []byte, time, memory uint32, threads uint8, n uint32) []byte{"argon2i": argon2.Key, "argon2id": argon2.IDKey} {
		got, err := Argon2(t.Context(), kind, []byte("secret"), []byte("saltsalt"), 2, 64, 2, 32)
		if want := derive([]byte("secret"), []byte("saltsalt"), 2, 64, 2, 32); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %x, %v", kind, got, err)
		}
	}
}

// A stop is obeyed in the middle of the work.
func TestStop(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	begun := time.Now()
	if _, err := PBKDF2(ctx, "sha512", []byte("x"), []byte("y"), MaxIterations, 64); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("PBKDF2: %v", err)
	}
	if _, err := Argon2(ctx, "argon2id", []byte("x"), []byte("y"), 4, 64<<10, 1, 32); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Argon2: %v", err)
	}
	if d := time.Since(begun); d > 5*time.Second {
		t.Errorf("it took %v", d)
	}
}

func TestMergeStripes(t *testing.T) {
	// One stripe is the key itself; of two the first is hashed and added.
	one, err := MergeStripes("sha256", []byte("0123456789abcdef"), 16, 1)
	if err != nil || string(one) != "0123456789abcdef" {
		t.Errorf("%q, %v", one, err)
	}
	for _, c := range []struct{ length, n, stripes int }{{100, 0, 1}, {100, 16, 0}, {100, 16, 7}, {0, 1, 1}, {100, -1, -1}, {100, 1, 1 << 62}} {
		if k, err := MergeStripes("sha1", make([]byte, c.length), c.n, c.stripes); k != nil || err == nil {
			t.Errorf("%+v is taken", c)
		}
	}
	if _, err := MergeStripes("md4", make([]byte, 10), 1, 1); err == nil {
		t.Error("an unknown hash is taken")
	}
}

// FuzzNew gives names and keys of any kind.
func FuzzNew(f *testing.F) {
	for _, name := range []string{"aes-xts-plain64", "aes-cbc-essiv:sha256", "aes-cbc-elephant", "serpent-lrw-benbi", "twofish-ecb", "cipher_null-ecb"} {
		f.Add(name, 32, 512, 512, uint64(1))
	}
	f.Fuzz(func(t *testing.T, name string, length, sector, unit int, number uint64) {
		if length < 0 || length > 1000 {
			return
		}
		s, err := New(name, key(length), sector, unit)
		if err == nil {
			s.Decrypt(make([]byte, 3*s.Size()), number)
		}
	})
}

// BenchmarkDecrypt is what a volume is read with, on one core.
func BenchmarkDecrypt(b *testing.B) {
	for _, c := range []struct {
		name string
		key  int
	}{
		{"aes-xts-plain64", 32}, {"aes-xts-plain64", 64}, {"aes-cbc-essiv:sha256", 32}, {"aes-cbc-eboiv", 16}, {"aes-cbc-elephant", 64},
		{"serpent-xts-plain64", 64}, {"twofish-xts-plain64", 64}, {"aes-lrw-benbi", 48},
	} {
		b.Run(fmt.Sprintf("%s/%d", c.name, c.key*8), func(b *testing.B) {
			s, err := New(c.name, key(c.key), 512, 512)
			if err != nil {
				b.Fatal(err)
			}
			p := make([]byte, 1<<20)
			b.SetBytes(int64(len(p)))
			for b.Loop() {
				s.Decrypt(p, 12345)
			}
		})
	}
}
