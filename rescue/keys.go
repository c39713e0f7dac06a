package rescue

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"iter"
	"slices"
	"sync"
	"unicode/utf16"
	"unicode/utf8"

	"salvor/block"
	"salvor/volume"
)

// Keys are the secrets that a person gave for encrypted volumes. They stand in memory only, and can be given while a
// job works: it takes what is there when it comes to a locked volume. It is safe for concurrent use.
type Keys struct {
	mu     sync.Mutex
	given  []volume.Secret
	header block.Source
}

var _ volume.Keyring = (*Keys)(nil)

// Add takes secrets up. Their bytes belong to k from here on.
func (k *Keys) Add(list ...volume.Secret) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.given = append(k.given, list...)
}

// AddHeader takes up the backup of a header, or one that was always apart, in the place of an earlier one.
func (k *Keys) AddHeader(header block.Source) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.header = header
}

// Empty reports whether nothing was given.
func (k *Keys) Empty() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.given) == 0 && k.header == nil
}

// Take moves the secrets of other to k.
func (k *Keys) Take(other *Keys) {
	other.mu.Lock()
	given, header := other.given, other.header
	other.given, other.header = nil, nil
	other.mu.Unlock()
	k.Add(given...)
	if header != nil {
		k.AddHeader(header)
	}
}

// Forget overwrites the secrets in memory.
func (k *Keys) Forget() {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, s := range k.given {
		clear(s.Bytes)
	}
	k.given, k.header = nil, nil
}

// Header returns the header that was given, nil for none.
func (k *Keys) Header() block.Source {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.header
}

// Secrets returns what was given of the kinds that l needs.
func (k *Keys) Secrets(ctx context.Context, l volume.Locked) iter.Seq[volume.Secret] {
	return func(yield func(volume.Secret) bool) {
		header := k.Header()
		kinds := NeededKinds(l, header != nil)
		for n := 0; ctx.Err() == nil; n++ {
			k.mu.Lock()
			if n >= len(k.given) {
				k.mu.Unlock()
				return
			}
			s := k.given[n]
			s.Bytes = slices.Clone(s.Bytes)
			k.mu.Unlock()
			more := !kinds[s.Kind] || OfferSecret(s, header, yield)
			clear(s.Bytes)
			if !more {
				return
			}
		}
	}
}

// OfferSecret offers a secret by itself, and with the header that was given, where there is one: the volume's own header
// may be older than the secret, or damaged.
func OfferSecret(s volume.Secret, header block.Source, yield func(volume.Secret) bool) bool {
	if !yield(s) {
		return false
	}
	if header == nil {
		return true
	}
	s.Header = header
	return yield(s)
}

// NeededKinds says which kinds of secrets open l. A header that is damaged does not say it: with a backup of it
// everything may.
func NeededKinds(l volume.Locked, header bool) map[volume.SecretKind]bool {
	kinds := map[volume.SecretKind]bool{}
	for _, n := range l.Needs {
		kinds[n.Kind] = true
	}
	if kinds[volume.HeaderFile] && header {
		kinds[volume.Passphrase], kinds[volume.KeyFile] = true, true
	}
	return kinds
}

// OneLine takes what editors add to a passphrase away: the line end, and the mark that Windows begins a text with.
func OneLine(b []byte) ([]byte, error) {
	switch {
	case bytes.HasPrefix(b, []byte{0xff, 0xfe}), bytes.HasPrefix(b, []byte{0xfe, 0xff}):
		defer clear(b)
		b = fromUTF16(b)
	case bytes.HasPrefix(b, []byte("\xef\xbb\xbf")):
		b = b[3:]
	}
	b = bytes.TrimSuffix(b, []byte("\n"))
	b = bytes.TrimSuffix(b, []byte("\r"))
	if len(b) == 0 {
		return nil, errors.New("it is empty")
	}
	return b, nil
}

// fromUTF16 decodes text that begins with its mark of order.
func fromUTF16(b []byte) []byte {
	var order binary.ByteOrder = binary.LittleEndian
	if b[0] == 0xfe {
		order = binary.BigEndian
	}
	out := make([]byte, 0, 2*len(b))
	for b = b[2:]; len(b) >= 2; {
		r := rune(order.Uint16(b))
		b = b[2:]
		if utf16.IsSurrogate(r) && len(b) >= 2 {
			r = utf16.DecodeRune(r, rune(order.Uint16(b)))
			b = b[2:]
		}
		out = utf8.AppendRune(out, r)
	}
	return out
}
