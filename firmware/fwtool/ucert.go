package fwtool

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"salvor/block"
	"salvor/cursor"
	"salvor/firmware"
	"salvor/firmware/internal/signify"
)

const (
	maxLinks = 16 // of a chain

	attrSignature = 0
	attrPayload   = 1

	typeTable = 2
	typeText  = 3
	typeInt64 = 4
	typeInt32 = 5
	typeInt8  = 7

	certAuth = 1 // the type of certificates that vouch for a key
)

// link is a blob of a chain.
type link struct {
	sig     *signify.Signature
	payload []byte // nil in the one that signs the image
}

// certificate is what a payload says.
type certificate struct {
	kind        int64
	from, until time.Time
	keys        []firmware.Key
}

// attributes calls visit for each attribute in p, with its type and what stands in it, and returns what the filling is
// short of an error.
func attributes(structure string, p []byte, visit func(kind byte, data []byte) error) error {
	for c := cursor.New(structure, 0, p); c.Len() > 0; {
		head := c.Uint32BE()
		size := int(head & 0xffffff)
		if size < 4 {
			return cursor.Corrupt(structure, c.Offset()-4, "at least 4 bytes", size)
		}
		data := c.Bytes(size - 4)
		c.Skip(min((4-size%4)%4, max(c.Len(), 0)))
		if c.Err() != nil {
			return c.Err()
		}
		if err := visit(byte(head>>24&0x7f), data); err != nil {
			return err
		}
	}
	return nil
}

// named takes the name of an attribute of a table off.
func named(p []byte) (name string, data []byte, err error) {
	c := cursor.New("ucert: table", 0, p)
	n := int(c.Uint16BE())
	name = string(c.Bytes(n))
	c.Skip((2+n+1+3)&^3 - 2 - n)
	return name, c.Rest(), c.Err()
}

// chain reads a chain of ucert.
func chain(p []byte) (out []link, err error) {
	err = attributes("ucert: blob", p, func(kind byte, blob []byte) error {
		if kind != 0 || len(out) >= maxLinks {
			return cursor.Corrupt("ucert: blob", 0, "type 0", kind)
		}
		var l link
		err := attributes("ucert: attribute", blob, func(kind byte, data []byte) (err error) {
			switch {
			case kind == attrSignature && l.sig == nil:
				l.sig, err = signify.Parse([]byte(strings.TrimRight(string(data), "\x00")))
			case kind == attrPayload && l.payload == nil:
				l.payload = data
			default:
				err = cursor.Corrupt("ucert: attribute", 0, "one signature and one payload", kind)
			}
			return err
		})
		if err == nil && l.sig == nil {
			err = cursor.Corrupt("ucert: blob", 0, "a signature", "none")
		}
		out = append(out, l)
		return err
	})
	if err == nil && len(out) == 0 {
		err = cursor.ErrNot
	}
	return out, err
}

// parseCertificate reads what a payload says.
func parseCertificate(payload []byte) (*certificate, error) {
	c := &certificate{}
	number := func(kind byte, data []byte) int64 {
		x := cursor.New("ucert: number", 0, data)
		switch kind {
		case typeInt64:
			return int64(x.Uint64BE())
		case typeInt32:
			return int64(x.Uint32BE())
		case typeInt8:
			return int64(x.Uint8())
		}
		return 0
	}
	field := func(kind byte, p []byte) error {
		name, data, err := named(p)
		if err != nil {
			return err
		}
		switch {
		case name == "certtype":
			c.kind = number(kind, data)
		case name == "validfrom":
			c.from = time.Unix(number(kind, data), 0).UTC()
		case name == "expiresat":
			c.until = time.Unix(number(kind, data), 0).UTC()
		case name == "pubkey" && kind == typeText:
			c.keys, err = firmware.ParseKeys("the key of its certificate", []byte(strings.TrimRight(string(data), "\x00")))
		}
		return err
	}
	err := attributes("ucert: payload", payload, func(kind byte, p []byte) error {
		name, data, err := named(p)
		if err != nil || kind != typeTable || name != "ucert" {
			return errors.Join(err, cursor.Corrupt("ucert: payload", 0, "a table ucert", name))
		}
		return attributes("ucert: table", data, field)
	})
	switch {
	case err != nil:
		return nil, err
	case c.kind != certAuth || len(c.keys) == 0:
		return nil, cursor.Corrupt("ucert: payload", 0, "a certificate with a key", fmt.Sprintf("type %d with %d keys", c.kind, len(c.keys)))
	}
	return c, nil
}

// signature checks what stands in a trailer of that type. bounded says that another trailer ends where this one's data
// begins, so that its size is right whatever stands in it.
func (t *trailer) signature(ctx context.Context, src block.Source, keys []firmware.Key, bounded bool, part, child *firmware.Part) {
	over := block.Extent{Length: t.start}
	image := block.Section(src, over)
	check := firmware.Check{What: "signature", Method: "structure", State: firmware.Passed, Extent: block.Extent{Length: child.Size}, Strong: false, Expected: "a chain of ucert or a signature of usign"}
	check.Found = check.Expected
	const what = "image with metadata"
	s, err := signify.Parse(t.data)
	var links []link
	if err != nil {
		links, err = chain(t.data)
	}
	switch {
	case s != nil && s.Message == nil:
		part.Signatures = append(part.Signatures, s.Check(ctx, image, what, keys))
	case err == nil && len(links) > 0:
		part.Signatures = append(part.Signatures, follow(ctx, image, what, links, keys))
	default:
		part.Signatures = append(part.Signatures, firmware.Signature{What: what, Method: "unknown", State: firmware.Cannot, Why: "it is of no form that is known"})
		if check.Found = "neither"; !bounded {
			check.State = firmware.Failed
		}
	}
	child.Checks = append(child.Checks, check)
}

// follow checks a chain from its first certificate to the signature over the image.
func follow(ctx context.Context, image block.Source, what string, links []link, keys []firmware.Key) firmware.Signature {
	end := links[len(links)-1]
	if end.payload != nil {
		return firmware.Signature{What: what, Method: "ucert", Signer: "key " + end.sig.KeyID(), State: firmware.Failed, Why: "the chain ends without a signature over the image"}
	}
	direct := end.sig.Check(ctx, image, what, keys)
	if direct.State == firmware.Passed || len(links) == 1 {
		return direct
	}
	trusted := keys // of the certificate before; the given ones at first
	var root firmware.Signature
	for i, l := range links[:len(links)-1] {
		if l.payload == nil {
			return firmware.Signature{What: what, Method: "ucert", State: firmware.Failed, Why: "the chain has a signature over the image before its end"}
		}
		step := l.sig.Check(ctx, block.Bytes(l.payload), what, trusted)
		c, err := parseCertificate(l.payload)
		if err != nil {
			step.State, step.Why = firmware.Failed, err.Error()
			return step
		}
		if i == 0 {
			root = step
		}
		root.NotBefore, root.NotAfter = c.from.Format(time.RFC3339), c.until.Format(time.RFC3339)
		if step.State == firmware.Failed || i > 0 && step.State != firmware.Passed {
			step.State, step.Why = firmware.Failed, "a certificate of the chain: "+step.Why
			return step
		}
		trusted = c.keys
	}
	x := end.sig.Check(ctx, image, what, trusted)
	x.NotBefore, x.NotAfter = root.NotBefore, root.NotAfter
	switch {
	case x.State != firmware.Passed:
		x.State, x.Why = firmware.Failed, "the key of its certificate does not fit: "+x.Why
	case root.State != firmware.Passed:
		x.State, x.Key, x.Why = firmware.Cannot, "", fmt.Sprintf("it fits its certificate, which is signed by %s: %s", root.Signer, root.Why)
	default:
		x.Key = root.Key
		if until, err := time.Parse(time.RFC3339, root.NotAfter); err == nil && time.Now().After(until) {
			x.Why = "today its certificate is not valid any more; a device that checks it would refuse the image"
		}
	}
	return x
}
