package cms

import (
	"bytes"
	"crypto"
	"errors"
	"math/rand/v2"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"salvor/cursor"
	"salvor/firmware"
	"salvor/firmware/internal/imagetest"
)

// maker has a root, an authority in between, and signers.
type maker struct{ *imagetest.Dir }

const mail = "extendedKeyUsage=codeSigning,emailProtection"

func newMaker(t testing.TB, name string) *maker {
	t.Helper()
	m := &maker{imagetest.NewDir(t)}
	m.Run(t, "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "root.key", "-out", "root.pem", "-days", "3650", "-subj", "/O="+name+"/CN=root")
	m.issue(t, "between", "root", "basicConstraints=critical,CA:true\nkeyUsage=critical,keyCertSign", 3000)
	return m
}

// issue makes a certificate by the authority.
func (m *maker) issue(t testing.TB, name, by, extensions string, days int, more ...string) {
	t.Helper()
	key := []string{"-newkey", "rsa:2048"}
	if len(more) > 0 {
		key = more
	}
	m.Run(t, "openssl", append(append([]string{"req"}, key...), "-nodes", "-keyout", name+".key", "-out", name+".csr", "-subj", "/CN="+name)...)
	m.Write(t, name+".ext", []byte(extensions+"\n"))
	m.Run(t, "openssl", "x509", "-req", "-in", name+".csr", "-CA", by+".pem", "-CAkey", by+".key", "-CAcreateserial", "-days", strconv.Itoa(days), "-extfile", name+".ext", "-out", name+".pem")
}

func (m *maker) key(t testing.TB, name string) firmware.Key {
	t.Helper()
	return m.Keys(t, name)[0]
}

// sign makes a message.
func (m *maker) sign(t testing.TB, content []byte, signer string, more ...string) []byte {
	t.Helper()
	m.Write(t, "content", content)
	m.Run(t, "openssl", append([]string{"cms", "-sign", "-in", "content", "-binary", "-outform", "DER", "-out", "message", "-signer", signer + ".pem", "-inkey", signer + ".key"}, more...)...)
	return m.Read(t, "message")
}

func digestOf(content []byte) func(crypto.Hash) ([]byte, error) {
	return func(h crypto.Hash) ([]byte, error) {
		x := h.New()
		x.Write(content)
		return x.Sum(nil), nil
	}
}

func check(t testing.TB, message, content []byte, keys ...firmware.Key) (Answer, *Message) {
	t.Helper()
	m, err := Parse(message)
	if err != nil {
		t.Fatal(err)
	}
	return m.Check(Signed{What: "content", Digest: digestOf(content), Keys: keys}), m
}

func TestMessages(t *testing.T) {
	m, content := newMaker(t, "maker"), []byte("software = { version = \"1\"; }\n")
	m.issue(t, "signer", "between", mail+"\nsubjectKeyIdentifier=hash", 100)
	m.issue(t, "curve", "between", mail, 100, "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384")
	m.issue(t, "small", "between", mail, 100, "-newkey", "rsa:1024")
	other := newMaker(t, "other")
	root, wrong := m.key(t, "root.pem"), other.key(t, "root.pem")
	chain := []string{"-certfile", "between.pem"}
	for _, tt := range []struct {
		name, signer, method, weak string
		more                       []string
	}{
		{"RSA", "signer", "CMS, RSA-2048 with SHA-256, PKCS#1", "", []string{"-md", "sha256"}},
		{"PSS", "signer", "CMS, RSA-2048 with SHA-512, PSS", "", []string{"-md", "sha512", "-keyopt", "rsa_padding_mode:pss"}},
		{"ECDSA", "curve", "CMS, ECDSA P-384 with SHA-384", "", []string{"-md", "sha384"}},
		{"SHA-1", "signer", "CMS, RSA-2048 with SHA-1, PKCS#1", "SHA-1 can be forged", []string{"-md", "sha1"}},
		{"small", "small", "CMS, RSA-1024 with SHA-256, PKCS#1", "RSA of 1024 bits can be broken", []string{"-md", "sha256"}},
		{"without attributes", "signer", "CMS, RSA-2048 with SHA-256, PKCS#1", "", []string{"-md", "sha256", "-noattr"}},
		{"BER", "signer", "CMS, RSA-2048 with SHA-256, PKCS#1", "", []string{"-md", "sha256", "-stream"}},
		{"by the number of the key", "signer", "CMS, RSA-2048 with SHA-256, PKCS#1", "", []string{"-md", "sha256", "-keyid"}},
		{"no S/MIME capabilities", "signer", "CMS, RSA-2048 with SHA-256, PKCS#1", "", []string{"-md", "sha256", "-nosmimecap"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, attached := range []bool{false, true} {
				more := append(append([]string{}, tt.more...), chain...)
				if attached {
					more = append(more, "-nodetach")
				}
				message := m.sign(t, content, tt.signer, more...)
				a, parsed := check(t, message, content, wrong, root)
				if attached {
					if !bytes.Equal(parsed.Content, content) {
						t.Fatalf("attached is %q", parsed.Content)
					}
					a = parsed.Check(Signed{What: "content", Keys: []firmware.Key{root}})
				}
				s := a.Signatures[0]
				if s.State != firmware.Passed || s.Key != "root.pem" || s.Method != tt.method || s.Weak != tt.weak || !strings.Contains(s.Signer, "CN="+tt.signer) || s.NotBefore == "" || s.NotAfter == "" {
					t.Errorf("%+v", s)
				}
				if a.Content.State != firmware.Passed || a.Message.State != firmware.Passed || a.Message.Strong == (tt.name == "BER" || strings.HasPrefix(tt.name, "by the")) || a.Message.Extent.Length != int64(len(message)) || len(a.Findings) > 0 {
					t.Errorf("%+v, %+v, %v", a.Content, a.Message, a.Findings)
				}
				if a, _ = check(t, message, content); a.Signatures[0].State != firmware.Cannot || a.Message.State != firmware.Cannot || a.Content.State != firmware.Passed {
					t.Errorf("without a key: %+v", a)
				}
				if a, _ = check(t, message, content, wrong); a.Signatures[0].State != firmware.Cannot || !strings.Contains(a.Signatures[0].Why, "CN=between") {
					t.Errorf("another maker's certificate: %+v", a.Signatures[0])
				}
				if a, _ = check(t, message, content, m.key(t, tt.signer+".pem")); a.Signatures[0].State != firmware.Passed {
					t.Errorf("the signer's own: %+v", a.Signatures[0])
				}
				if a, _ = check(t, message, append([]byte("x"), content...), root); a.Signatures[0].State != firmware.Failed {
					t.Errorf("other content: %+v", a)
				}
			}
		})
	}
}

// TestSameName refuses an authority that only has the name of the right one.
func TestSameName(t *testing.T) {
	m, impostor := newMaker(t, "maker"), newMaker(t, "maker")
	m.issue(t, "signer", "root", mail, 100)
	a, _ := check(t, m.sign(t, []byte("x"), "signer"), []byte("x"), impostor.key(t, "root.pem"))
	if s := a.Signatures[0]; s.State != firmware.Failed || !strings.Contains(s.Why, "did not sign") || a.Message.State != firmware.Failed {
		t.Errorf("%+v, %+v", s, a.Message)
	}
}

// TestDates tells a certificate that ended before it signed from one that ended since.
func TestDates(t *testing.T) {
	m, content := newMaker(t, "maker"), []byte("x")
	m.issue(t, "signer", "root", mail, 10)
	root := m.key(t, "root.pem")
	for _, tt := range []struct {
		name  string
		more  []string
		after time.Duration
		state firmware.State
		why   string
		told  string
	}{
		{"now", nil, 0, firmware.Passed, "", ""},
		{"ended since", nil, 300 * 24 * time.Hour, firmware.Passed, "was valid when it signed", "firmware.certificate.ended"},
		{"before it begins", nil, -300 * 24 * time.Hour, firmware.Passed, "", "firmware.certificate.later"},
		{"ended, time of signing not said", []string{"-noattr"}, 300 * 24 * time.Hour, firmware.Cannot, "when it was signed is not said", ""},
	} {
		parsed, err := Parse(m.sign(t, content, "signer", tt.more...))
		if err != nil {
			t.Fatal(err)
		}
		a := parsed.Check(Signed{What: "content", Digest: digestOf(content), Keys: []firmware.Key{root}, Now: time.Now().Add(tt.after)})
		s := a.Signatures[0]
		if s.State != tt.state || !strings.Contains(s.Why, tt.why) || (tt.told == "") != (len(a.Findings) == 0) || tt.told != "" && a.Findings[0].Code != tt.told {
			t.Errorf("%s: %+v, %v", tt.name, s, a.Findings)
		}
	}
	// One that had ended when it signed: openssl makes it when told that yesterday is its last day.
	m.Run(t, "openssl", "x509", "-req", "-in", "signer.csr", "-CA", "root.pem", "-CAkey", "root.key", "-CAcreateserial", "-days", "-1", "-extfile", "signer.ext", "-out", "ended.pem")
	m.Write(t, "ended.key", m.Read(t, "signer.key"))
	a, _ := check(t, m.sign(t, content, "ended"), content, root)
	if s := a.Signatures[0]; s.State != firmware.Failed || !strings.Contains(s.Why, "it was signed on") {
		t.Errorf("%+v", s)
	}
}

// TestPurposes holds certificates against the rules of SWUpdate and RAUC; openssl judges the rule for mail, which is its
// own.
func TestPurposes(t *testing.T) {
	m, content := newMaker(t, "maker"), []byte("x")
	for _, tt := range []struct {
		extensions string
		mail, code bool
		state      firmware.State
	}{
		{mail, true, true, firmware.Passed},
		{"basicConstraints=CA:false", true, false, firmware.Passed},
		{"extendedKeyUsage=codeSigning", false, true, firmware.Passed},
		{"extendedKeyUsage=emailProtection\nkeyUsage=nonRepudiation", true, false, firmware.Passed},
		{"extendedKeyUsage=codeSigning\nkeyUsage=nonRepudiation", false, false, firmware.Failed},
		{"extendedKeyUsage=serverAuth", false, false, firmware.Failed},
		{"keyUsage=keyEncipherment", false, false, firmware.Failed},
	} {
		m.issue(t, "signer", "root", tt.extensions, 10)
		k := m.key(t, "signer.pem")
		gotMail, gotCode := Purposes(k.Certificate)
		if gotMail != tt.mail || gotCode != tt.code {
			t.Errorf("%q: %v, %v", tt.extensions, gotMail, gotCode)
		}
		message := m.sign(t, content, "signer")
		a, _ := check(t, message, content, m.key(t, "root.pem"))
		if a.Signatures[0].State != tt.state || (tt.mail && tt.code) != (len(a.Findings) == 0 && tt.state == firmware.Passed) {
			t.Errorf("%q: %+v %v", tt.extensions, a.Signatures[0], a.Findings)
		}
		cmd := exec.Command("openssl", "cms", "-verify", "-inform", "DER", "-in", "message", "-content", "content", "-binary", "-CAfile", "root.pem", "-out", "verified")
		cmd.Dir = m.Path
		if err := cmd.Run(); (err == nil) != tt.mail {
			t.Errorf("%q: openssl says %v", tt.extensions, err)
		}
	}
}

// TestFlips changes each byte of a message: nothing that was changed is called made by the signer and vouched for.
func TestFlips(t *testing.T) {
	m, content := newMaker(t, "maker"), []byte("content")
	m.issue(t, "signer", "between", mail, 100, "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")
	message := m.sign(t, content, "signer", "-certfile", "between.pem", "-nosmimecap")
	root := m.key(t, "root.pem")
	var silent []int
	for at := range message {
		p := bytes.Clone(message)
		p[at] ^= 1 << (at % 8)
		parsed, err := Parse(p)
		if err != nil {
			if _, broken := cursor.IsCorrupt(err); !broken && !errors.Is(err, cursor.ErrNot) {
				t.Errorf("byte %d: %v", at, err)
			}
			continue
		}
		if parsed.Encrypted {
			continue
		}
		a := parsed.Check(Signed{What: "content", Digest: digestOf(content), Keys: []firmware.Key{root}})
		if a.Signatures[0].State == firmware.Passed && a.Message.State == firmware.Passed && a.Message.Strong && a.Content.State == firmware.Passed {
			silent = append(silent, at)
		}
	}
	if len(silent) > 0 {
		t.Errorf("%d of %d bytes can change: %v", len(silent), len(message), silent)
	}
}

func TestHostile(t *testing.T) {
	deep := bytes.Repeat([]byte{0x30, 0x80}, 100_000)
	for name, p := range map[string][]byte{
		"deep": append([]byte{0x30, 0x80, 6, 9, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 7, 2}, deep...),
		"long": {0x30, 0x84, 0x7F, 0xFF, 0xFF, 0xFF, 6, 9, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 7, 2, 0xA0, 0},
		"many": append([]byte{0x30, 0x80, 6, 9, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 7, 2}, bytes.Repeat([]byte{5, 0}, 100_000)...),
	} {
		if _, err := Parse(p); err == nil {
			t.Errorf("%s: no error", name)
		} else if _, broken := cursor.IsCorrupt(err); !broken {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Parse(make([]byte, MaxSize+1)); !errors.Is(err, cursor.ErrNot) {
		t.Error(err)
	}
}

// TestDamage overwrites parts of a message.
func TestDamage(t *testing.T) {
	m, content := newMaker(t, "maker"), []byte("content")
	m.issue(t, "signer", "root", mail, 100)
	message, root := m.sign(t, content, "signer"), m.key(t, "root.pem")
	rnd := rand.New(rand.NewPCG(1, 9))
	for range 5000 {
		p := bytes.Clone(message)
		for range 1 + rnd.IntN(8) {
			p[rnd.IntN(len(p))] = byte(rnd.Uint32())
		}
		if parsed, err := Parse(p[:len(p)-rnd.IntN(3)*rnd.IntN(40)]); err == nil {
			parsed.Check(Signed{What: "content", Digest: digestOf(content), Keys: []firmware.Key{root}})
		}
	}
}

// TestAbsent names a signer whose certificate is nowhere, by the number of the certificate or of the key; one in BER that
// is named by its key cannot be told from none, and is no broken message.
func TestAbsent(t *testing.T) {
	m, content := newMaker(t, "maker"), []byte("x")
	m.issue(t, "signer", "root", mail+"\nsubjectKeyIdentifier=hash", 100)
	for _, more := range [][]string{{"-nocerts"}, {"-nocerts", "-keyid"}, {"-keyid", "-stream"}} {
		a, _ := check(t, m.sign(t, content, "signer", more...), content, m.key(t, "root.pem"))
		if s := a.Signatures[0]; s.State != firmware.Cannot || s.Why == "" || a.Message.State != firmware.Cannot {
			t.Errorf("%v: %+v", more, a)
		}
		if more[len(more)-1] == "-stream" {
			continue
		}
		if a, _ = check(t, m.Read(t, "message"), content, m.key(t, "signer.pem")); a.Signatures[0].State != firmware.Passed {
			t.Errorf("%v with the certificate: %+v", more, a.Signatures[0])
		}
	}
}

func TestEncrypted(t *testing.T) {
	m := newMaker(t, "maker")
	m.issue(t, "device", "root", mail, 100)
	m.Write(t, "content", []byte("secret"))
	m.Run(t, "openssl", "cms", "-encrypt", "-binary", "-in", "content", "-outform", "DER", "-out", "message", "-aes256", "device.pem")
	if parsed, err := Parse(m.Read(t, "message")); err != nil || !parsed.Encrypted {
		t.Errorf("%+v, %v", parsed, err)
	}
}

func FuzzParse(f *testing.F) {
	m := newMaker(f, "maker")
	m.issue(f, "signer", "root", mail, 100, "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")
	f.Add(m.sign(f, []byte("x"), "signer"))
	f.Add(m.sign(f, []byte("x"), "signer", "-nodetach", "-stream"))
	root := m.key(f, "root.pem")
	f.Fuzz(func(t *testing.T, p []byte) {
		parsed, err := Parse(p)
		if err != nil || parsed.Encrypted {
			return
		}
		if parsed.Size > len(p) {
			t.Fatal(parsed.Size)
		}
		parsed.Check(Signed{What: "x", Keys: []firmware.Key{root}})
	})
}
