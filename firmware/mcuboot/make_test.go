package mcuboot

import (
	"bytes"
	"crypto"
	"encoding/binary"
	"testing"

	"salvor/firmware"
	"salvor/firmware/firmwaretest"
	"salvor/firmware/internal/imagetest"
)

var le = binary.LittleEndian

// recipe is an image as imgtool's options describe one.
type recipe struct {
	headerSize  int
	payload     []byte
	flags       uint32
	sealed      []byte // entries
	hash        uint16 // type of the entry; 0 for none
	key         string // of openssl; "" for none
	pure        bool
	zeros       int // behind the signature
	extra       []byte
	slot        int // with a trailer
	align       int // of larger writes; 0 for 8
	confirmed   bool
	signedImage []byte // what is signed instead
}

func tlv(kind uint16, value []byte) []byte {
	return append(le.AppendUint16(le.AppendUint16(nil, kind), uint16(len(value))), value...)
}

func list(magic uint16, entries []byte) []byte {
	return append(le.AppendUint16(le.AppendUint16(nil, magic), uint16(4+len(entries))), entries...)
}

// maker makes keys and signatures with openssl.
type maker struct {
	*imagetest.Dir
	keys map[string]firmware.Key
}

func newMaker(t testing.TB) *maker { return &maker{imagetest.NewDir(t), map[string]firmware.Key{}} }

// key makes a key once.
func (m *maker) key(t testing.TB, name string) firmware.Key {
	t.Helper()
	if k, ok := m.keys[name]; ok {
		return k
	}
	args := map[string][]string{
		"rsa2048": {"-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"}, "rsa3072": {"-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:3072"},
		"p256": {"-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"}, "other": {"-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"},
		"p224": {"-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-224"}, "p384": {"-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"},
		"ed25519": {"-algorithm", "ED25519"},
	}[name]
	m.Run(t, "openssl", append([]string{"genpkey", "-out", name + ".pem"}, args...)...)
	m.Run(t, "openssl", "pkey", "-in", name+".pem", "-pubout", "-out", name+".pub")
	keys, err := firmware.ParseKeys(name, m.Read(t, name+".pub"))
	if err != nil || len(keys) != 1 {
		t.Fatal(keys, err)
	}
	m.keys[name] = keys[0]
	return keys[0]
}

// public is the form of a key that imgtool hashes, by openssl.
func (m *maker) public(t testing.TB, name string) []byte {
	t.Helper()
	if name[0] == 'r' {
		return m.Pipe(t, nil, "openssl", "rsa", "-in", name+".pem", "-RSAPublicKey_out", "-outform", "DER")
	}
	return m.Pipe(t, nil, "openssl", "pkey", "-in", name+".pem", "-pubout", "-outform", "DER")
}

// sign signs an image, or its hash where that is what the kind of key signs.
func (m *maker) sign(t testing.TB, r *recipe, image, digest []byte) (kind uint16, sig []byte) {
	t.Helper()
	name := map[uint16]string{typeSHA256: "-sha256", typeSHA384: "-sha384", typeSHA512: "-sha512"}[r.hash]
	switch r.key {
	case "rsa2048", "rsa3072":
		kind = map[string]uint16{"rsa2048": typeRSA2048, "rsa3072": typeRSA3072}[r.key]
		sig = m.Pipe(t, image, "openssl", "dgst", "-sha256", "-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:32", "-sign", r.key+".pem")
	case "ed25519":
		kind = typeEd25519
		message := digest
		if r.pure {
			message = image
		}
		m.Write(t, "message", message)
		m.Run(t, "openssl", "pkeyutl", "-sign", "-rawin", "-inkey", r.key+".pem", "-in", "message", "-out", "sig")
		sig = m.Read(t, "sig")
	default:
		kind = typeECDSA
		if r.key == "p224" {
			kind = typeECDSA224
		}
		sig = m.Pipe(t, image, "openssl", "dgst", name, "-sign", r.key+".pem")
	}
	return kind, append(sig, make([]byte, r.zeros)...)
}

// make makes the image.
func (m *maker) make(t testing.TB, r recipe) []byte {
	t.Helper()
	if r.headerSize == 0 {
		r.headerSize = 512
	}
	if r.payload == nil {
		r.payload = firmwaretest.Noise(5000, 1)
	}
	var sealed []byte
	if r.sealed != nil {
		sealed = list(sealedMagic, r.sealed)
	}
	p := le.AppendUint32(nil, magic)
	p = le.AppendUint32(p, 0x0002_0000)
	p = le.AppendUint16(p, uint16(r.headerSize))
	p = le.AppendUint16(p, uint16(len(sealed)))
	p = le.AppendUint32(p, uint32(len(r.payload)))
	p = le.AppendUint32(p, r.flags)
	p = append(p, 1, 2, 3, 0, 7, 0, 0, 0, 0, 0, 0, 0)
	p = append(p, make([]byte, r.headerSize-len(p))...)
	p = append(append(p, r.payload...), sealed...)
	var plain, digest []byte
	if h := hashes[r.hash]; h != 0 {
		w := h.New()
		w.Write(p)
		digest = w.Sum(nil)
		plain = append(plain, tlv(r.hash, digest)...)
	}
	if r.pure {
		plain = append(plain, tlv(typePure, []byte{1})...)
	}
	if r.key != "" {
		m.key(t, r.key)
		w := crypto.SHA256.New()
		if h := hashes[r.hash]; h != 0 {
			w = h.New()
		}
		w.Write(m.public(t, r.key))
		what := p
		if r.signedImage != nil {
			what = r.signedImage
		}
		kind, sig := m.sign(t, &r, what, digest)
		plain = append(append(plain, tlv(typeKeyHash, w.Sum(nil))...), tlv(kind, sig)...)
	}
	p = append(p, list(plainMagic, append(plain, r.extra...))...)
	if r.slot == 0 {
		return p
	}
	p = append(p, bytes.Repeat([]byte{0xFF}, r.slot-len(p))...)
	end, align := endMagic, 8
	if r.align > 0 {
		align = r.align
		end = append(le.AppendUint16(nil, uint16(align)), endMagic2...)
	}
	copy(p[r.slot-16:], end)
	if r.confirmed {
		p[r.slot-16-align] = 1
	}
	return p
}
