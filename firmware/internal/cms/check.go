package cms

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"slices"
	"time"

	"salvor/block"
	"salvor/finding"
	"salvor/firmware"
	"salvor/firmware/internal/pubkey"
)

// Signed is what a message is held against.
type Signed struct {
	What string // what it covers, for people
	// Digest computes a hash over what is signed. Nil takes what is attached to the message.
	Digest func(crypto.Hash) ([]byte, error)
	Keys   []firmware.Key
	Now    time.Time // zero for the time of this computer
}

// Answer is what came of a message.
type Answer struct {
	Signatures []firmware.Signature
	// Content is the check of what is signed, by the message itself. Whoever knows where the content stands sets its
	// Extent, and may call it strong.
	Content firmware.Check
	// Message is the check of the message itself, over its own bytes; it is strong when every byte of it is
	// vouched for.
	Message  firmware.Check
	Findings []finding.Finding
}

// Check holds a message against what it signs and against keys. The Extent of the check of the message begins at 0.
func (m *Message) Check(s Signed) Answer {
	a := Answer{
		Content: firmware.Check{What: s.What, Method: "CMS", State: firmware.Cannot, Why: "the signature does not say its digest"},
		Message: firmware.Check{What: "signature", Method: "CMS with its own certificates", State: firmware.Passed, Extent: block.Extent{Length: int64(m.Size)}, Strong: !m.loose,
			Expected: "made by the certificate that it names", Found: "made by it"},
	}
	if s.Now.IsZero() {
		s.Now = time.Now()
	}
	for i := range m.signers {
		c := &checking{m: m, s: &m.signers[i], signed: s, answer: &a}
		a.Signatures = append(a.Signatures, c.run())
	}
	m.vouched(&a, s.Keys)
	return a
}

// vouched finds out whether each certificate is signed by one that is known, since nothing else covers its bytes.
func (m *Message) vouched(a *Answer, keys []firmware.Key) {
	known := slices.Concat(m.Certificates, certificates(keys))
	for _, c := range m.Certificates {
		same := func(k *x509.Certificate) bool { return bytes.Equal(k.Raw, c.Raw) }
		if slices.ContainsFunc(certificates(keys), same) {
			continue
		}
		var issuers int
		fits := slices.ContainsFunc(known, func(k *x509.Certificate) bool {
			if !bytes.Equal(k.RawSubject, c.RawIssuer) {
				return false
			}
			issuers++
			return k.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature) == nil
		})
		switch {
		case fits:
		case issuers > 0 && a.Message.State == firmware.Passed:
			a.Message.State, a.Message.Found = firmware.Failed, fmt.Sprintf("a certificate of %s that its issuer did not sign", c.Subject)
		case a.Message.State == firmware.Passed:
			a.Message.State, a.Message.Why = firmware.Cannot, fmt.Sprintf("the certificate of %s is signed by %s, whose certificate is not here", c.Subject, c.Issuer)
		}
	}
}

func certificates(keys []firmware.Key) (out []*x509.Certificate) {
	for _, k := range keys {
		if k.Certificate != nil {
			out = append(out, k.Certificate)
		}
	}
	return out
}

// checking is the work on one signer.
type checking struct {
	m      *Message
	s      *signer
	signed Signed
	answer *Answer
	cert   *x509.Certificate
}

func (c *checking) run() firmware.Signature {
	c.cert = c.s.certificate(c.m.Certificates, certificates(c.signed.Keys))
	out := firmware.Signature{What: c.signed.What, Method: "CMS", State: firmware.Cannot}
	if c.cert != nil {
		out.Signer, out.NotAfter = c.cert.Subject.String(), c.cert.NotAfter.UTC().Format(time.RFC3339)
		out.NotBefore = c.cert.NotBefore.UTC().Format(time.RFC3339)
	}
	if c.s.trouble != "" {
		out.Why = c.s.trouble
		c.own(firmware.Cannot, c.s.trouble)
		return out
	}
	content, err := c.digest()
	if err != nil {
		out.Why = err.Error()
		c.answer.Content.Why = err.Error()
		c.own(firmware.Cannot, err.Error())
		return out
	}
	if c.s.attributes != nil {
		c.answer.Content = firmware.Digest(c.signed.What, pubkey.HashName(c.s.hash)+" of the signature", block.Extent{}, c.s.digest, content)
	}
	if c.cert == nil {
		out.Method = "CMS, " + pubkey.HashName(c.s.hash)
		out.Why = fmt.Sprintf("the certificate that it names (%s) is neither in it nor among those that were given", c.s.named())
		c.own(firmware.Cannot, out.Why)
		return out
	}
	made := c.made(content)
	out.Method, out.Weak = "CMS, "+made.Method, made.Weak
	switch {
	case c.s.attributes != nil && c.answer.Content.State != firmware.Passed:
		out.State, out.Why = firmware.Failed, "what it covers is not what was signed"
		return out
	case made.State != firmware.Passed:
		out.State, out.Why = firmware.Failed, "the certificate that it names did not make it"
		c.own(firmware.Failed, "made by something else")
		return out
	case c.s.attributes == nil:
		c.answer.Content = firmware.Digest(c.signed.What, pubkey.HashName(c.s.hash)+" in the signature", block.Extent{}, content, content)
	}
	c.trust(&out)
	return out
}

// named is how a signer names the certificate, for people.
func (s *signer) named() string {
	if s.serial == nil {
		return fmt.Sprintf("key %x", s.keyID)
	}
	return fmt.Sprintf("serial number %x", s.serial)
}

// own says what became of the message by itself.
func (c *checking) own(state firmware.State, why string) {
	switch m := &c.answer.Message; state {
	case firmware.Failed:
		m.State, m.Found = state, why
	default:
		if m.State == firmware.Passed {
			m.State, m.Why = state, why
		}
	}
}

// digest returns the hash of what is signed.
func (c *checking) digest() ([]byte, error) {
	switch {
	case c.signed.Digest != nil:
		return c.signed.Digest(c.s.hash)
	case c.m.Content == nil:
		return nil, errors.New("the message does not have what it signs")
	}
	h := c.s.hash.New()
	h.Write(c.m.Content)
	return h.Sum(nil), nil
}

// made holds the signature against the signer's own certificate.
func (c *checking) made(content []byte) firmware.Signature {
	st := &pubkey.Statement{What: c.signed.What, Scheme: c.s.scheme, Hash: c.s.hash, Signature: c.s.signature, Message: c.s.attributes}
	if c.s.attributes == nil {
		if st.Digest = content; c.s.scheme == pubkey.Ed25519 {
			st.Message = c.m.Content
		}
	}
	return pubkey.Check([]firmware.Key{{Name: "certificate", Public: c.cert.PublicKey}}, st)
}

// trust finds out whether one of the keys vouches for the signer's certificate.
func (c *checking) trust(out *firmware.Signature) {
	if len(c.signed.Keys) == 0 {
		out.Why = "no certificate was given that vouches for the signer"
		return
	}
	at := c.s.time
	if at.IsZero() {
		at = c.signed.Now
	}
	var expired *x509.CertificateInvalidError
	var broken error
	for i := range c.signed.Keys {
		k := &c.signed.Keys[i]
		err := c.leads(k, at)
		var invalid x509.CertificateInvalidError
		switch {
		case err == nil:
			out.Key = k.Name
			c.dates(out, at)
			c.purposes(out)
			return
		case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
			out.Key, expired = k.Name, &invalid
		case errors.As(err, &x509.UnknownAuthorityError{}) || errors.Is(err, errOther):
			// Another maker's, unless it has the very name of the issuer.
			if k.Certificate != nil && bytes.Equal(k.Certificate.RawSubject, c.cert.RawIssuer) && !bytes.Equal(k.Certificate.Raw, c.cert.Raw) {
				broken = fmt.Errorf("the certificate of %s that was given (%s) did not sign that of the signer", k.Certificate.Subject, k.Name)
			}
		default:
			broken = fmt.Errorf("%s: %w", k.Name, err)
		}
	}
	switch {
	case expired != nil && c.s.time.IsZero():
		out.Why = fmt.Sprintf("%s; when it was signed is not said, and today the certificate of %s is not valid (%s)", out.Key, expired.Cert.Subject, dates(expired.Cert))
	case expired != nil:
		out.State = firmware.Failed
		out.Why = fmt.Sprintf("it was signed on %s, when the certificate of %s was not valid (%s)", day(c.s.time), expired.Cert.Subject, dates(expired.Cert))
	case broken != nil:
		out.State, out.Why = firmware.Failed, broken.Error()
	default:
		out.Why = fmt.Sprintf("none of what was given vouches for the signer, whose certificate is issued by %s", c.cert.Issuer)
	}
}

var errOther = errors.New("another key")

// leads reports whether a key is the signer's own, or a chain of certificates leads from the signer to it.
func (c *checking) leads(k *firmware.Key, at time.Time) error {
	type comparable interface{ Equal(crypto.PublicKey) bool }
	if own, ok := k.Public.(comparable); ok && own.Equal(c.cert.PublicKey) {
		return c.valid(k, at)
	}
	if k.Certificate == nil {
		return errOther
	}
	roots, between := x509.NewCertPool(), x509.NewCertPool()
	roots.AddCert(k.Certificate)
	for _, x := range slices.Concat(c.m.Certificates, certificates(c.signed.Keys)) {
		between.AddCert(x)
	}
	_, err := c.cert.Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, CurrentTime: at, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
	return err
}

// valid holds the dates of the signer's own certificate, of which a bare key says nothing.
func (c *checking) valid(k *firmware.Key, at time.Time) error {
	if k.Certificate != nil && (at.Before(c.cert.NotBefore) || at.After(c.cert.NotAfter)) {
		return x509.CertificateInvalidError{Cert: c.cert, Reason: x509.Expired}
	}
	return nil
}

// dates tells a certificate that ended since it signed from one that is still good.
func (c *checking) dates(out *firmware.Signature, at time.Time) {
	out.State = firmware.Passed
	switch {
	case c.signed.Now.After(c.cert.NotAfter):
		c.answer.Findings = append(c.answer.Findings, firmware.EndedCertificate(out.Signer, day(at), day(c.cert.NotAfter)))
		out.Why = fmt.Sprintf("its certificate ended on %s and was valid when it signed, on %s", day(c.cert.NotAfter), day(at))
	case c.signed.Now.Before(c.cert.NotBefore):
		c.answer.Findings = append(c.answer.Findings, firmware.LaterCertificate(out.Signer, day(c.signed.Now), day(c.cert.NotBefore)))
	}
}

// purposes tells what the certificate is for, by the rules of SWUpdate and RAUC.
func (c *checking) purposes(out *firmware.Signature) {
	mail, code := Purposes(c.cert)
	switch {
	case mail && code:
	case mail:
		c.answer.Findings = append(c.answer.Findings, firmware.CertificateFor(out.Signer, "code signing", "S/MIME signing"))
	case code:
		c.answer.Findings = append(c.answer.Findings, firmware.CertificateFor(out.Signer, "S/MIME signing", "code signing"))
	default:
		out.State = firmware.Failed
		out.Why = fmt.Sprintf("its certificate may be used neither for S/MIME signing nor for code signing (%s)", usages(c.cert))
	}
}

// Purposes says for which of the two purposes a certificate may sign that SWUpdate and RAUC check for: S/MIME signing,
// which is the default of both (emailProtection or no extended usage at all), and code signing (codeSigning, which must be
// named). For both the usage of the key, where it is said, must have digital signatures; for mail non-repudiation does too.
func Purposes(c *x509.Certificate) (mail, code bool) {
	extended := len(c.ExtKeyUsage)+len(c.UnknownExtKeyUsage) > 0
	digital := c.KeyUsage == 0 || c.KeyUsage&x509.KeyUsageDigitalSignature != 0
	mail = (digital || c.KeyUsage&x509.KeyUsageContentCommitment != 0) && (!extended || slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageEmailProtection))
	return mail, digital && slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageCodeSigning)
}

// usages names what a certificate is for.
func usages(c *x509.Certificate) string {
	var out []string
	for u, name := range map[x509.ExtKeyUsage]string{x509.ExtKeyUsageServerAuth: "server authentication", x509.ExtKeyUsageClientAuth: "client authentication",
		x509.ExtKeyUsageTimeStamping: "time stamps", x509.ExtKeyUsageOCSPSigning: "OCSP", x509.ExtKeyUsageEmailProtection: "mail", x509.ExtKeyUsageCodeSigning: "code signing", x509.ExtKeyUsageAny: "any"} {
		if slices.Contains(c.ExtKeyUsage, u) {
			out = append(out, name)
		}
	}
	for _, oid := range c.UnknownExtKeyUsage {
		out = append(out, asn1.ObjectIdentifier(oid).String())
	}
	slices.Sort(out)
	if len(out) == 0 {
		return fmt.Sprintf("usage of the key %#x", int(c.KeyUsage))
	}
	return fmt.Sprint(out)
}

func dates(c *x509.Certificate) string { return day(c.NotBefore) + " to " + day(c.NotAfter) }

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }
