package fwtool

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"hash/crc32"
	"strings"

	"salvor/firmware"
)

// add puts data and a trailer behind an image, as fwtool does.
func add(image []byte, kind byte, data []byte) []byte {
	p := append(bytes.Clone(image), data...)
	t := make([]byte, trailerSize)
	be.PutUint32(t, magic)
	be.PutUint32(t[4:], ^crc32.ChecksumIEEE(p))
	t[8] = kind
	be.PutUint32(t[12:], uint32(len(data)+trailerSize))
	return append(p, t...)
}

func withMetadata(image []byte, json string) []byte {
	return add(image, typeMetadata, append(make([]byte, headerSize), json...))
}

// signer has a key as usign makes them.
type signer struct {
	id   string
	priv ed25519.PrivateKey
}

func newSigner(id string) *signer {
	return &signer{id, ed25519.NewKeyFromSeed([]byte(strings.Repeat(id, 4)))}
}

func text(p ...[]byte) []byte {
	return []byte("untrusted comment: x\n" + base64.StdEncoding.EncodeToString(bytes.Join(p, nil)) + "\n")
}

func (s *signer) sign(p []byte) []byte { return text([]byte("Ed"+s.id), ed25519.Sign(s.priv, p)) }
func (s *signer) public() []byte {
	return text([]byte("Ed"+s.id), s.priv.Public().(ed25519.PublicKey))
}
func (s *signer) key() firmware.Key {
	return firmware.Key{Name: s.id, ID: []byte(s.id), Public: s.priv.Public()}
}

// attr makes an attribute of libubox.
func attr(kind byte, data []byte) []byte {
	p := be.AppendUint32(nil, uint32(kind)<<24|uint32(len(data)+4))
	p = append(p, data...)
	return append(p, make([]byte, (4-len(p)%4)%4)...)
}

// field makes an attribute with a name.
func field(kind byte, name string, data []byte) []byte {
	p := be.AppendUint16(nil, uint16(len(name)))
	p = append(p, name...)
	p = append(p, 0)
	p = append(p, make([]byte, (4-len(p)%4)%4)...)
	return attr(kind|0x80, append(p, data...))
}

func payload(kind uint32, until uint64, public []byte) []byte {
	return field(typeTable, "ucert", bytes.Join([][]byte{
		field(typeInt32, "certtype", be.AppendUint32(nil, kind)),
		field(typeInt64, "validfrom", be.AppendUint64(nil, 1_796_083_200)),
		field(typeInt64, "expiresat", be.AppendUint64(nil, until)),
		field(typeText, "pubkey", append(bytes.Clone(public), 0)),
	}, nil))
}

// certify makes a blob with a certificate.
func (s *signer) certify(p []byte) []byte {
	return attr(0, append(attr(attrSignature, s.sign(p)), attr(attrPayload, p)...))
}

// seal makes the blob that signs an image.
func (s *signer) seal(image []byte) []byte { return attr(0, attr(attrSignature, s.sign(image))) }

const (
	until   = 4_102_444_800
	someOne = `{  "metadata_version": "1.0", "supported_devices":["tplink,archer-c7-v5","archer-c7-v5"], "version": { "dist": "OpenWrt", "version": "SNAPSHOT", "revision": "r11215+4-bba6646b5cba", "target": "ath79/generic", "board": "tplink_archer-c7-v5" } }` + "\n"
)

func compat(version, message string) string {
	return fmt.Sprintf(`{"metadata_version":"1.1","compat_version":%q,"compat_message":%q,"new_supported_devices":["acme,x"],"supported_devices":["acme,x - Image version mismatch"],"version":{"dist":"OpenWrt","version":"23.05.2","revision":"r1","target":"ramips/mt7621","board":"acme_x"}}`, version, message)
}
