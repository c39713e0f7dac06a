// Package avbtest makes images of Android Verified Boot for tests, by the description of the format: no Debian package has
// avbtool.
package avbtest

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"math/big"

	"salvor/block"
)

var be = binary.BigEndian

// Image is a vbmeta image to make.
type Image struct {
	Key         *rsa.PrivateKey // nil for one that is not signed
	SHA512      bool
	Index       uint64
	Location    uint32
	Flags       uint32
	Descriptors [][]byte
}

func fill(p []byte, unit int) []byte { return append(p, make([]byte, (unit-len(p)%unit)%unit)...) }

// Blob is a key as vbmeta images carry it.
func Blob(k *rsa.PublicKey) []byte {
	bits := k.N.BitLen()
	two32 := new(big.Int).Lsh(big.NewInt(1), 32)
	inverse := new(big.Int).ModInverse(k.N, two32)
	n0 := new(big.Int).Sub(two32, inverse)
	rr := new(big.Int).Exp(big.NewInt(2), big.NewInt(int64(2*bits)), k.N)
	p := be.AppendUint32(nil, uint32(bits))
	p = be.AppendUint32(p, uint32(n0.Uint64()))
	p = append(p, k.N.FillBytes(make([]byte, bits/8))...)
	return append(p, rr.FillBytes(make([]byte, bits/8))...)
}

// Make makes a vbmeta image. A key must have 2048, 4096 or 8192 bits.
func Make(x Image) ([]byte, error) {
	var list []byte
	for _, d := range x.Descriptors {
		list = append(list, d...)
	}
	aux := append([]byte(nil), list...)
	h := make([]byte, 256)
	copy(h, "AVB0")
	be.PutUint32(h[4:], 1)
	hash, sums, algorithm, signed := crypto.SHA256, 0, uint32(0), 0
	if x.Key != nil {
		algorithm = map[int]uint32{2048: 1, 4096: 2, 8192: 3}[x.Key.N.BitLen()]
		if algorithm == 0 {
			return nil, errors.New("avbtest: a key of another size")
		}
		if x.SHA512 {
			hash, algorithm = crypto.SHA512, algorithm+3
		}
		sums, signed = hash.Size(), x.Key.N.BitLen()/8
		be.PutUint64(h[64:], uint64(len(aux)))
		blob := Blob(&x.Key.PublicKey)
		be.PutUint64(h[72:], uint64(len(blob)))
		aux = append(aux, blob...)
		be.PutUint64(h[80:], uint64(len(aux)))
	}
	aux = fill(aux, 64)
	auth := fill(make([]byte, sums+signed), 64)
	be.PutUint64(h[12:], uint64(len(auth)))
	be.PutUint64(h[20:], uint64(len(aux)))
	be.PutUint32(h[28:], algorithm)
	be.PutUint64(h[40:], uint64(sums))
	be.PutUint64(h[48:], uint64(sums))
	be.PutUint64(h[56:], uint64(signed))
	be.PutUint64(h[104:], uint64(len(list)))
	be.PutUint64(h[112:], x.Index)
	be.PutUint32(h[120:], x.Flags)
	be.PutUint32(h[124:], x.Location)
	copy(h[128:], "avbtool 1.3.0")
	if x.Key != nil {
		d := hash.New()
		d.Write(h)
		d.Write(aux)
		sum := d.Sum(nil)
		sig, err := rsa.SignPKCS1v15(nil, x.Key, hash, sum)
		if err != nil {
			return nil, err
		}
		copy(auth, sum)
		copy(auth[sums:], sig)
	}
	return append(append(h, auth...), aux...), nil
}

func descriptor(kind uint64, body []byte) []byte {
	body = fill(body, 8)
	return append(be.AppendUint64(be.AppendUint64(nil, kind), uint64(len(body))), body...)
}

func name32(s string) []byte { return append([]byte(s), make([]byte, 32-len(s))...) }

// tail is what ends the descriptors of hashes.
func tail(p []byte, name string, salt, digest []byte) []byte {
	for _, n := range []int{len(name), len(salt), len(digest), 0} {
		p = be.AppendUint32(p, uint32(n))
	}
	p = append(p, make([]byte, 60)...)
	p = append(p, name...)
	return append(append(p, salt...), digest...)
}

// Hash is the descriptor of an image by its SHA-256.
func Hash(partition string, image, salt []byte) []byte {
	h := sha256.New()
	h.Write(salt)
	h.Write(image)
	return descriptor(2, tail(append(be.AppendUint64(nil, uint64(len(image))), name32("sha256")...), partition, salt, h.Sum(nil)))
}

// Tree is the descriptor of an image by its hash tree.
func Tree(partition, method string, size int64, tree, fec block.Extent, roots int, salt, root []byte) []byte {
	p := be.AppendUint32(nil, 1)
	for _, n := range []int64{size, tree.Offset, tree.Length} {
		p = be.AppendUint64(p, uint64(n))
	}
	p = be.AppendUint32(be.AppendUint32(be.AppendUint32(p, 4096), 4096), uint32(roots))
	p = be.AppendUint64(be.AppendUint64(p, uint64(fec.Offset)), uint64(fec.Length))
	return descriptor(1, tail(append(p, name32(method)...), partition, salt, root))
}

// Property is the descriptor of a name with a value.
func Property(name, value string) []byte {
	p := be.AppendUint64(be.AppendUint64(nil, uint64(len(name))), uint64(len(value)))
	return descriptor(0, append(append(append(append(p, name...), 0), value...), 0))
}

// CommandLine is the descriptor of a part of the kernel's command line.
func CommandLine(line string) []byte {
	return descriptor(3, append(be.AppendUint32(be.AppendUint32(nil, 0), uint32(len(line))), line...))
}

// Chain is the descriptor of a partition with a vbmeta image of its own.
func Chain(partition string, location uint32, blob []byte) []byte {
	p := be.AppendUint32(nil, location)
	p = be.AppendUint32(be.AppendUint32(be.AppendUint32(p, uint32(len(partition))), uint32(len(blob))), 0)
	p = append(p, make([]byte, 60)...)
	return descriptor(4, append(append(p, partition...), blob...))
}

// Footed puts a vbmeta image and a footer behind an image, in a partition of size bytes. What stands behind the first
// original bytes of image is what was put there before: a hash tree.
func Footed(image []byte, original int, vbmeta []byte, size int) []byte {
	p := fill(append([]byte(nil), image...), 4096)
	at := len(p)
	p = append(p, vbmeta...)
	p = append(p, make([]byte, size-64-len(p))...)
	p = append(p, "AVBf\x00\x00\x00\x01\x00\x00\x00\x00"...)
	for _, n := range []int{original, at, len(vbmeta)} {
		p = be.AppendUint64(p, uint64(n))
	}
	return append(p, make([]byte, 28)...)
}
