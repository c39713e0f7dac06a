package fit

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"fmt"
	"math"
	"math/big"

	"salvor/block"
	"salvor/cursor"
	"salvor/firmware"
	"salvor/firmware/internal/fdt"
)

const maxKeys = 256

// Keys returns the public keys that a boot loader's own device tree holds, by which it checks FIT images. The tree begins
// at offset 0 of src; what is no tree is cursor.ErrNot, one without keys is no error. A key that is broken is told by an
// error, beside the others.
func Keys(ctx context.Context, src block.Source) ([]firmware.Key, error) {
	t, err := fdt.Read(ctx, src)
	if t == nil {
		return nil, err
	}
	var out []firmware.Key
	if n := t.Root.At("/signature"); n != nil {
		for _, c := range n.Children {
			if len(out) >= maxKeys {
				break
			}
			public, wrong := publicKey(c)
			switch {
			case wrong != nil && err == nil:
				err = fmt.Errorf("fit: key %q of the device tree: %w", c.Name, wrong)
			case public != nil:
				out = append(out, firmware.Key{Name: keyName(c), Public: public})
			}
		}
	}
	return out, err
}

// keyName is how the boot loader calls a key, and what it is required for.
func keyName(n *fdt.Node) string {
	name := n.Text("key-name-hint")
	if name == "" {
		name = n.Name
	}
	if what := n.Text("required"); what != "" {
		return fmt.Sprintf("%s, which the device requires (%s)", name, what)
	}
	return name + " of the device"
}

// publicKey reads a key. Both results are nil for a node that is none.
func publicKey(n *fdt.Node) (crypto.PublicKey, error) {
	if modulus, ok := n.Get("rsa,modulus"); ok {
		exponent, known := n.Number("rsa,exponent")
		if !known {
			exponent = 65537
		}
		k := &rsa.PublicKey{N: new(big.Int).SetBytes(modulus.Data), E: int(min(exponent, math.MaxInt32))}
		if bits, ok := n.Number("rsa,num-bits"); k.N.BitLen() < 512 || k.N.BitLen() > 16384 || exponent > math.MaxInt32 || exponent < 3 || exponent%2 == 0 || ok && uint64(k.N.BitLen()) != bits {
			return nil, cursor.Corrupt("device tree: RSA key", n.Offset, "a modulus of as many bits as it says, and an odd exponent", fmt.Sprintf("%d bits, exponent %d", k.N.BitLen(), exponent))
		}
		return k, nil
	}
	name := n.Text("ecdsa,curve")
	if name == "" {
		return nil, nil
	}
	curve := map[string]elliptic.Curve{"prime256v1": elliptic.P256(), "secp256r1": elliptic.P256(), "secp384r1": elliptic.P384(), "secp521r1": elliptic.P521(), "secp224r1": elliptic.P224()}[name]
	if curve == nil {
		return nil, fmt.Errorf("%q is no curve that is known here", name)
	}
	x, _ := n.Get("ecdsa,x-point")
	y, _ := n.Get("ecdsa,y-point")
	size := (curve.Params().BitSize + 7) / 8
	point := make([]byte, 1, 1+2*size)
	point[0] = 4 // uncompressed
	for _, p := range [][]byte{x.Data, y.Data} {
		if len(p) > size+8 || new(big.Int).SetBytes(p).BitLen() > 8*size {
			return nil, cursor.Corrupt("device tree: ECDSA key", n.Offset, fmt.Sprintf("a number of %d bytes", size), len(p))
		}
		point = append(point, new(big.Int).SetBytes(p).FillBytes(make([]byte, size))...)
	}
	k, err := ecdsa.ParseUncompressedPublicKey(curve, point)
	if err != nil {
		return nil, cursor.Corrupt("device tree: ECDSA key", n.Offset, "a point of "+name, err)
	}
	return k, nil
}
