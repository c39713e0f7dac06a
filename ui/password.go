package ui

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"fmt"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
)

// The least and the most that a password has, in characters and in bytes.
const (
	minPassword = 12
	maxPassword = 1024
)

// What one guess costs: argon2id with the parameters that RFC 9106 recommends where memory is bounded.
const (
	hashPasses = 3
	hashMemory = 64 << 10 // KiB
	hashLanes  = 4
	hashSize   = 32
)

// Password is what pages that others can reach are opened with. Only its hash is kept, in memory.
type Password struct {
	salt, hash []byte
	one        chan struct{} // one guess at a time, so that guesses of many do not fill the memory
}

// NewPassword keeps the hash of a password, and refuses one of fewer than 12 characters.
func NewPassword(text []byte) (*Password, error) {
	if n := utf8.RuneCount(text); n < minPassword || len(text) > maxPassword {
		return nil, fmt.Errorf("the password has %d characters: expected at least %d, and at most %d bytes", n, minPassword, maxPassword)
	}
	p := &Password{salt: make([]byte, 16), one: make(chan struct{}, 1)}
	rand.Read(p.salt) // never fails: it ends the program instead
	p.hash = p.of(text)
	return p, nil
}

func (p *Password) of(text []byte) []byte {
	return argon2.IDKey(text, p.salt, hashPasses, hashMemory, hashLanes, hashSize)
}

// is reports whether text is the password. The error is that of ctx, while others guess.
func (p *Password) is(ctx context.Context, text []byte) (bool, error) {
	if len(text) > maxPassword {
		return false, nil
	}
	select {
	case p.one <- struct{}{}:
	case <-ctx.Done():
		return false, ctx.Err()
	}
	defer func() { <-p.one }()
	return subtle.ConstantTimeCompare(p.of(text), p.hash) == 1, nil
}
