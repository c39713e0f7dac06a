package crypt

import (
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha3"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"hash"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/blake2b"
	"golang.org/x/crypto/blake2s"
	//lint:ignore SA1019 volumes that were made with it are there
	"golang.org/x/crypto/ripemd160"
)

// What deriving a key may cost at most. A header that asks for more is refused, since no maker's tool writes such
// a one and the work would not come to its end.
const (
	MaxIterations = 200_000_000 // of PBKDF2
	MaxMemory     = 4 << 20     // of Argon2, KiB
	MaxPasses     = 64 << 20    // of Argon2: passes times KiB
	MaxThreads    = 64
)

// Hash returns the hash by the name that cryptsetup has for it.
func Hash(name string) (func() hash.Hash, error) {
	h := hashes[name]
	if h == nil {
		return nil, fmt.Errorf("hash %q is not supported", shorten(name))
	}
	return h, nil
}

var hashes = map[string]func() hash.Hash{
	"sha1":        sha1.New,
	"sha224":      sha256.New224,
	"sha256":      sha256.New,
	"sha384":      sha512.New384,
	"sha512":      sha512.New,
	"sha3-224":    func() hash.Hash { return sha3.New224() },
	"sha3-256":    func() hash.Hash { return sha3.New256() },
	"sha3-384":    func() hash.Hash { return sha3.New384() },
	"sha3-512":    func() hash.Hash { return sha3.New512() },
	"ripemd160":   ripemd160.New,
	"whirlpool":   newWhirlpool,
	"wp256":       func() hash.Hash { return cutHash{newWhirlpool(), 32} },
	"wp384":       func() hash.Hash { return cutHash{newWhirlpool(), 48} },
	"wp512":       newWhirlpool,
	"blake2b-512": unkeyed(blake2b.New512),
	"blake2s-256": unkeyed(blake2s.New256),
}

// cutHash gives the first bytes of a sum only.
type cutHash struct {
	hash.Hash
	size int
}

func (c cutHash) Size() int           { return c.size }
func (c cutHash) Sum(b []byte) []byte { return c.Hash.Sum(b)[:len(b)+c.size] }

// unkeyed is a hash whose maker fails only for a key.
func unkeyed(open func([]byte) (hash.Hash, error)) func() hash.Hash {
	return func() hash.Hash {
		h, _ := open(nil)
		return h
	}
}

// PBKDF2 derives n bytes. It ends early with the error of the context.
func PBKDF2(ctx context.Context, hashName string, secret, salt []byte, iterations, n int) ([]byte, error) {
	open, err := Hash(hashName)
	if err != nil {
		return nil, err
	}
	if iterations < 1 || iterations > MaxIterations {
		return nil, fmt.Errorf("PBKDF2 with %d iterations is refused; at most %d are tried", iterations, MaxIterations)
	}
	mac := hmac.New(open, secret)
	out := make([]byte, 0, n+mac.Size())
	u := make([]byte, 0, mac.Size())
	defer func() { clear(u[:cap(u)]) }()
	for i := uint32(1); len(out) < n; i++ {
		mac.Reset()
		mac.Write(salt)
		mac.Write(binary.BigEndian.AppendUint32(nil, i))
		u = mac.Sum(u[:0])
		at := len(out)
		out = append(out, u...)
		sum := out[at:]
		for done := 1; done < iterations; done++ {
			if done%(1<<14) == 0 && ctx.Err() != nil {
				clear(out[:cap(out)])
				return nil, ctx.Err()
			}
			mac.Reset()
			mac.Write(u)
			u = mac.Sum(u[:0])
			subtle.XORBytes(sum, sum, u)
		}
	}
	clear(out[n:cap(out)])
	return out[:n:n], nil
}

// Argon2 derives n bytes; kind is "argon2i" or "argon2id", memory counts KiB. When the context ends first, the
// work goes on in the background for as long as it takes, since it cannot be stopped.
func Argon2(ctx context.Context, kind string, secret, salt []byte, passes, memory, threads, n int) ([]byte, error) {
	derive := map[string]func(password, salt []byte, time, memory uint32, threads uint8, keyLen uint32) []byte{
		"argon2i": argon2.Key, "argon2id": argon2.IDKey,
	}[kind]
	switch {
	case derive == nil:
		return nil, fmt.Errorf("key derivation %q is not supported", shorten(kind))
	case memory < 1 || memory > MaxMemory:
		return nil, fmt.Errorf("%s with %d KiB of memory is refused; at most %d are used", kind, memory, MaxMemory)
	case threads < 1 || threads > MaxThreads:
		return nil, fmt.Errorf("%s with %d threads is refused; at most %d are used", kind, threads, MaxThreads)
	case passes < 1 || passes > MaxPasses/memory:
		return nil, fmt.Errorf("%s with %d passes over %d KiB is refused; at most %d are made", kind, passes, memory, MaxPasses/memory)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	key := make(chan []byte, 1)
	own := append([]byte(nil), secret...)
	go func() {
		key <- derive(own, salt, uint32(passes), uint32(memory), uint8(threads), uint32(n))
		clear(own)
	}()
	select {
	case k := <-key:
		return k, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// MergeStripes joins a key of n bytes that was split by the anti-forensic splitter into stripes, of which the
// loss of one is the loss of the key.
func MergeStripes(hashName string, material []byte, n, stripes int) ([]byte, error) {
	open, err := Hash(hashName)
	if err != nil {
		return nil, err
	}
	if n < 1 || stripes < 1 || len(material)/n < stripes {
		return nil, fmt.Errorf("%d bytes are no %d stripes of %d", len(material), stripes, n)
	}
	h := open()
	key := make([]byte, n)
	sum := make([]byte, 0, h.Size())
	defer func() { clear(sum[:cap(sum)]) }()
	for i := range stripes {
		subtle.XORBytes(key, key, material[i*n:(i+1)*n])
		if i == stripes-1 {
			break
		}
		for part, at := uint32(0), 0; at < n; part++ {
			end := min(at+h.Size(), n)
			h.Reset()
			h.Write(binary.BigEndian.AppendUint32(nil, part))
			h.Write(key[at:end])
			sum = h.Sum(sum[:0])
			copy(key[at:end], sum)
			at = end
		}
	}
	return key, nil
}
