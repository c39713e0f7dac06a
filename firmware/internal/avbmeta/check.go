package avbmeta

import (
	"context"
	"crypto/rsa"
	"encoding/hex"
	"fmt"
	"path"
	"strings"

	"salvor/block"
	"salvor/cursor"
	"salvor/firmware"
	"salvor/firmware/internal/pubkey"
	"salvor/firmware/internal/region"
)

// digest is the hash over header and auxiliary block, which is what the signature covers. p holds the vbmeta image. It is
// nil for an image that is not signed.
func (v *VBMeta) digest(p []byte) []byte {
	if v.Algorithm.Hash == 0 {
		return nil
	}
	h := v.Algorithm.Hash.New()
	h.Write(p[:HeaderSize])
	h.Write(p[v.Aux.Offset:v.Aux.End()])
	return h.Sum(nil)
}

// Checks are those that a vbmeta image allows by itself: its hash, its signature by the key that it carries, its gaps. p
// holds it.
func (v *VBMeta) Checks(p []byte) []firmware.Check {
	want := 0
	if v.Algorithm.Hash != 0 {
		want = v.Algorithm.Hash.Size()
	}
	if len(v.Hash) != want || len(v.Signature) != v.Bits/8 {
		return []firmware.Check{{What: "vbmeta header", Method: "structure", State: firmware.Failed, Extent: block.Extent{Length: HeaderSize},
			Expected: fmt.Sprintf("a hash of %d bytes and a signature of %d, for %s", want, v.Bits/8, v.Algorithm.Name), Found: fmt.Sprintf("%d and %d bytes", len(v.Hash), len(v.Signature))}}
	}
	if want == 0 {
		return nil
	}
	sum := v.digest(p)
	method := pubkey.HashName(v.Algorithm.Hash)
	c := firmware.Digest("vbmeta header", method, block.Extent{Length: HeaderSize}, v.Hash, sum)
	out := []firmware.Check{c}
	for _, e := range []block.Extent{v.HashAt, v.Aux} {
		if c.State == firmware.Passed && e.Length > 0 {
			same := c
			same.What, same.Extent = "vbmeta descriptors and key", e
			if e == v.HashAt {
				same.What = "vbmeta hash"
			}
			out = append(out, same)
		}
	}
	s := firmware.Check{What: "vbmeta signature", Method: "by the key that it carries", State: firmware.Failed, Extent: v.SignedAt, Strong: true, Expected: "a signature of " + v.Algorithm.Name, Found: "one that does not fit"}
	switch {
	case v.Key == nil || v.Key.N.BitLen() != v.Bits:
		s.Found = "no key of that kind"
	case rsa.VerifyPKCS1v15(v.Key, v.Algorithm.Hash, sum, v.Signature) == nil:
		s.State, s.Found = firmware.Passed, "one that fits"
	}
	out = append(out, s)
	used := block.SetOf(v.HashAt, v.SignedAt)
	for e := range used.Complement(v.Auth).All() {
		out = append(out, region.Padding(context.Background(), block.Bytes(p), "gap in the vbmeta image", e, 0))
	}
	return out
}

// tests are the keys that stand in the sources of Android for everybody.
var tests = []string{"cdbb77177f731920bbe0a0f94f84d9038ae0617d", "2597c218aae470a130f61162feaae70afd97f011"}

// Sign holds the signature of a vbmeta image against the keys that were given.
func (v *VBMeta) Sign(p []byte, what string, keys []firmware.Key) []firmware.Signature {
	if v.Algorithm.Hash == 0 {
		return nil
	}
	id := KeyDigest(v.KeyBlob)
	s := pubkey.Check(keys, &pubkey.Statement{What: what, Signer: "the key with the SHA-1 " + id, Scheme: pubkey.PKCS1, Hash: v.Algorithm.Hash, Digest: v.digest(p), Signature: v.Signature,
		Names: func(k *firmware.Key) bool {
			r, ok := k.Public.(*rsa.PublicKey)
			return ok && v.Key != nil && r.Equal(v.Key)
		}})
	for _, t := range tests {
		if t == id {
			s.Weak = "the test key of Android's sources, whose private half everybody has"
		}
	}
	return []firmware.Signature{s}
}

// Over are the signatures of a vbmeta image as those of the image that it describes, whose checks are given: they cover it
// only when it is the one that was described.
func Over(list []firmware.Signature, image []firmware.Check) []firmware.Signature {
	out := append([]firmware.Signature(nil), list...)
	for i := range out {
		s := &out[i]
		s.Partial = s.Partial || len(image) == 0
		for _, c := range image {
			if c.State != firmware.Passed && s.State == firmware.Passed {
				s.State, s.Why = c.State, "the image is not the one that was signed"
			}
		}
	}
	return out
}

// content is the image that a part stands for: what came out of its compression or sparse chunks.
func content(p *firmware.Part) *firmware.Part {
	for depth := 0; depth < 8; depth++ {
		if len(p.Children) == 0 || !p.Children[0].Unpacked || p.Format != "android-sparse" && p.Compression == "" {
			return p
		}
		p = p.Children[0]
	}
	return p
}

// Beside holds the images of a package against the vbmeta images in it, which name them by their partitions: name says
// which partition a part is for, "" for none. A claim about the rollback counter stays with the vbmeta image that a device
// starts from.
func Beside(ctx context.Context, parts []*firmware.Part, name func(p *firmware.Part) string) {
	images := map[string]*firmware.Part{}
	for _, p := range parts {
		if n := name(p); n != "" && images[n] == nil {
			images[n] = content(p)
		}
	}
	chained := map[string]bool{}
	for _, p := range parts {
		p = content(p)
		if p.Format != "android-vbmeta" {
			continue
		}
		v, err := read(p.Source)
		if err != nil {
			continue // it was told when the part was opened
		}
		for i := range v.Descriptors {
			d := &v.Descriptors[i]
			image := images[d.Partition]
			if d.Kind == Chain {
				chained[d.Partition] = true
			}
			if image == nil || ctx.Err() != nil {
				continue
			}
			checks := d.check(ctx, image)
			image.Checks = append(image.Checks, checks...)
			if d.Kind != Chain && len(image.Signatures) == 0 {
				for _, s := range Over(p.Signatures, checks) {
					s.What = d.Partition + ", by the vbmeta image"
					image.Signatures = append(image.Signatures, s)
				}
			}
		}
	}
	for _, p := range parts {
		if p = content(p); p.Format == "android-vbmeta" && chained[name(p)] {
			p.Claims = nil
		}
	}
}

// check holds an image against one descriptor.
func (d *Descriptor) check(ctx context.Context, image *firmware.Part) (out []firmware.Check) {
	switch d.Kind {
	case Hash:
		out = []firmware.Check{CheckHash(ctx, image.Source, d)}
	case Hashtree:
		out = CheckTree(ctx, image.Source, d)
	case Chain:
		blob, err := embedded(image.Source)
		if err != nil {
			return nil
		}
		c := firmware.Check{What: "key of its own vbmeta image", Method: "AVB chain", State: firmware.Passed, Extent: block.Extent{Length: image.Source.Size()}, Expected: "SHA-1 " + KeyDigest(d.KeyBlob), Found: "SHA-1 " + KeyDigest(blob)}
		if c.Expected != c.Found {
			c.State = firmware.Failed
		}
		return []firmware.Check{c}
	}
	for i := range out {
		out[i].What += ", by the vbmeta image"
	}
	return out
}

// read reads the vbmeta image at the start of src.
func read(src block.Source) (*VBMeta, error) {
	p, err := cursor.Read(src, "AVB: vbmeta header", 0, HeaderSize, HeaderSize)
	if err != nil {
		return nil, err
	}
	n, err := Length(p)
	if err != nil {
		return nil, err
	}
	if p, err = cursor.Read(src, "AVB: vbmeta", 0, n, HeaderSize+2*maxBlock); err != nil {
		return nil, err
	}
	return Parse(p)
}

// embedded is the key of the vbmeta image that src is, or has a footer for.
func embedded(src block.Source) ([]byte, error) {
	if v, err := read(src); err == nil {
		return v.KeyBlob, nil
	}
	f, err := ReadFooter(src)
	if err != nil {
		return nil, err
	}
	v, err := read(block.Section(src, f.VBMeta))
	if err != nil {
		return nil, err
	}
	return v.KeyBlob, nil
}

// ReadFooter reads the footer at the end of src.
func ReadFooter(src block.Source) (*Footer, error) {
	at := src.Size() - FooterSize
	if at < 0 {
		return nil, cursor.ErrNot
	}
	p, err := cursor.Read(src, "AVB: footer", at, FooterSize, FooterSize)
	if err != nil {
		return nil, err
	}
	return ParseFooter(p, src.Size())
}

// Partition is the partition that an image is for by its file name: "boot" for "IMAGES/boot.img".
func Partition(file string) string {
	base := path.Base(file)
	for _, ext := range []string{".img", ".bin", ".raw", ".simg"} {
		if s, ok := strings.CutSuffix(base, ext); ok {
			return s
		}
	}
	return base
}

// Certified holds an image, and the kernel in it, against the vbmeta images of a generic kernel's signature, which stand
// behind it: that of the whole in front of the signature is called boot, that of the kernel generic_kernel.
func Certified(ctx context.Context, image block.Source, kernel, signature *firmware.Part) (checks []firmware.Check) {
	signature.Walk(func(p *firmware.Part, _ int) bool {
		v, err := read(p.Source)
		if err != nil || p.Format != "android-vbmeta" {
			return true
		}
		for i := range v.Descriptors {
			d := &v.Descriptors[i]
			switch {
			case d.Kind == Hash && d.Partition == "boot":
				c := CheckHash(ctx, image, d)
				c.What = "image, by the signature of the generic kernel"
				checks = append(checks, c)
			case d.Kind == Hash && d.Partition == "generic_kernel" && kernel != nil:
				c := CheckHash(ctx, kernel.Source, d)
				c.What = "kernel, by the signature of the generic kernel"
				kernel.Checks = append(kernel.Checks, c)
			}
		}
		return true
	})
	return checks
}

// Hex is a digest for people, short enough for a line.
func Hex(p []byte) string { return hex.EncodeToString(p[:min(len(p), 64)]) }
