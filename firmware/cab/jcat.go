package cab

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"salvor/block"
	"salvor/cursor"
	"salvor/finding"
	"salvor/firmware"
	"salvor/firmware/internal/cms"
	"salvor/firmware/internal/pgp"
	"salvor/firmware/internal/pubkey"
	"salvor/firmware/internal/region"
)

// maxText is the largest description or list of signatures, in bytes.
const maxText = 8 << 20

// maxSigned is the largest file whose bytes themselves are signed, in bytes: Ed25519 wants all of them at once.
const maxSigned = 128 << 20

// The kinds of what a .jcat says of a file.
const (
	kindSHA256  = 1
	kindGPG     = 2
	kindPKCS7   = 3
	kindSHA1    = 4
	kindEd25519 = 9
	kindSHA512  = 10
)

var jcatSums = map[int]crypto.Hash{kindSHA1: crypto.SHA1, kindSHA256: crypto.SHA256, kindSHA512: crypto.SHA512}

type jcat struct {
	Items []jcatItem `json:"Items"`
}

type jcatItem struct {
	ID      string     `json:"Id"`
	Aliases []string   `json:"AliasIds"`
	Blobs   []jcatBlob `json:"Blobs"`
}

type jcatBlob struct {
	Kind, Target, Flags int
	Data                string
}

func parseJcat(p []byte) (*jcat, error) {
	r, err := gzip.NewReader(bytes.NewReader(p))
	if err != nil {
		return nil, cursor.Corrupt("jcat", 0, "gzip", err)
	}
	text, err := io.ReadAll(io.LimitReader(r, maxText+1))
	switch {
	case err != nil:
		return nil, cursor.Corrupt("jcat", 0, "gzip to its end", err)
	case len(text) > maxText:
		return nil, cursor.Corrupt("jcat", 0, fmt.Sprintf("at most %d bytes", maxText), "more")
	}
	j := &jcat{}
	if err := json.Unmarshal(text, j); err != nil {
		return nil, cursor.Corrupt("jcat", 0, "JSON", err)
	}
	if j.Items == nil {
		return nil, cursor.Corrupt("jcat", 0, "a list of items", "none")
	}
	return j, nil
}

// bytes is what a blob holds: text as it is, or base64.
func (b *jcatBlob) bytes() ([]byte, error) {
	if b.Flags&1 != 0 {
		return []byte(b.Data), nil
	}
	return base64.StdEncoding.DecodeString(b.Data)
}

// names reports whether an item is of a file.
func (i *jcatItem) names(file string) bool {
	for _, n := range append([]string{i.ID}, i.Aliases...) {
		if path.Base(n) == file {
			return true
		}
	}
	return false
}

// apply makes the checks of an item on the file that it is of.
func (i *jcatItem) apply(ctx context.Context, p *firmware.Part, o *firmware.Opening) {
	var got []firmware.Signature
	for n := range i.Blobs {
		b := &i.Blobs[n]
		data, err := b.bytes()
		if err != nil {
			p.Checks = append(p.Checks, firmware.Check{What: "signature", Method: "base64", State: firmware.Failed, Extent: block.Extent{Length: p.Size}, Expected: "base64", Found: err.Error()})
			continue
		}
		if h := jcatSums[b.Kind]; h != 0 {
			p.Checks = append(p.Checks, digest(ctx, p, "content, by the .jcat", h, string(data)))
			continue
		}
		over := p.Source
		what := p.Name
		if h := jcatSums[b.Target]; h != 0 { // it signs the text of the sum
			text, ok := i.sum(b.Target)
			if !ok {
				continue
			}
			over, what = block.Bytes([]byte(text)), fmt.Sprintf("the %s of %s", h, p.Name)
		}
		switch b.Kind {
		case kindPKCS7:
			got = append(got, pkcs7(ctx, p, over, what, data, o)...)
		case kindGPG:
			got = append(got, openPGP(ctx, p, over, what, data, o)...)
		case kindEd25519:
			s := &pubkey.Statement{What: what, Scheme: pubkey.Ed25519, Signature: data}
			if s.Message, err = cursor.Read(over, "signed file", 0, over.Size(), maxSigned); err != nil {
				s.Message = nil
			}
			got = append(got, pubkey.Check(o.Keys(), s))
		}
	}
	p.Signatures = append(p.Signatures, enough(p, got)...)
}

// sum is the text of a sum of the item.
func (i *jcatItem) sum(kind int) (string, bool) {
	for _, b := range i.Blobs {
		if b.Kind == kind {
			return strings.TrimSpace(b.Data), true
		}
	}
	return "", false
}

// enough leaves out signatures for which no key was given when another one on the same file fits: one is all that fwupd
// asks for.
func enough(p *firmware.Part, list []firmware.Signature) (out []firmware.Signature) {
	good := false
	for _, s := range list {
		good = good || s.State == firmware.Passed
	}
	for _, s := range list {
		if good && s.State == firmware.Cannot {
			p.Findings = append(p.Findings, notAsked.New(finding.Arg("method", s.Method), finding.Arg("part", p.Name)))
			continue
		}
		out = append(out, s)
	}
	return out
}

// digest checks a sum, in hexadecimal, over a whole file.
func digest(ctx context.Context, p *firmware.Part, what string, h crypto.Hash, text string) firmware.Check {
	e := block.Extent{Length: p.Size}
	want, err := hex.DecodeString(strings.TrimSpace(text))
	if err != nil || len(want) != h.Size() {
		return firmware.Check{What: what, Method: h.String(), State: firmware.Failed, Extent: e, Expected: fmt.Sprintf("%d hexadecimal digits", 2*h.Size()), Found: fmt.Sprintf("%.80q", text)}
	}
	return region.Digest(ctx, p.Source, what, h.String(), e, h.New(), want)
}

func pkcs7(ctx context.Context, p *firmware.Part, over block.Source, what string, data []byte, o *firmware.Opening) []firmware.Signature {
	if b, _ := pem.Decode(data); b != nil {
		data = b.Bytes
	}
	m, err := cms.Parse(data)
	if err != nil {
		return []firmware.Signature{unreadable(p, "PKCS #7", what, err)}
	}
	a := m.Check(cms.Signed{What: what, Keys: o.Keys(), Digest: func(h crypto.Hash) ([]byte, error) {
		w := h.New()
		err := region.Sum(ctx, over, w, block.Extent{Length: over.Size()})
		return w.Sum(nil), err
	}})
	if over == p.Source && (a.Content.State == firmware.Passed || a.Content.State == firmware.Failed) {
		a.Content.Extent = block.Extent{Length: p.Size}
		p.Checks = append(p.Checks, a.Content)
	}
	p.Findings = append(p.Findings, a.Findings...)
	return a.Signatures
}

func openPGP(ctx context.Context, p *firmware.Part, over block.Source, what string, data []byte, o *firmware.Opening) []firmware.Signature {
	s, err := pgp.Parse(data)
	if err != nil {
		return []firmware.Signature{unreadable(p, "OpenPGP", what, err)}
	}
	return s.All(ctx, over, what, o.Keys())
}

// unreadable is a signature that is none, which is a failed check too.
func unreadable(p *firmware.Part, method, what string, err error) firmware.Signature {
	if errors.Is(err, cursor.ErrNot) {
		err = errors.New("something else")
	}
	p.Checks = append(p.Checks, firmware.Check{What: "signature of " + what, Method: method, State: firmware.Failed, Extent: block.Extent{Length: p.Size}, Expected: "a signature", Found: err.Error()})
	return firmware.Signature{What: what, Method: method, State: firmware.Cannot, Why: "it cannot be read: " + err.Error()}
}
