package crypt

import (
	"bytes"
	"crypto/cipher"
	"encoding/hex"
	"strings"
	"testing"
)

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Vectors of IEEE 1619-2007, annex B: 1, 2 and, for 256-bit keys, 10. The number of the data unit is the sector's.
func TestXTSVectors(t *testing.T) {
	ramp := make([]byte, 512)
	for i := range ramp {
		ramp[i] = byte(i)
	}
	for name, c := range map[string]struct {
		key    string
		number uint64
		first  string // of what is encrypted
		plain  []byte
	}{
		"zeros": {strings.Repeat("00", 32), 0, "917cf69ebd68b2ec9b9fe9a3eadda692cd43d2f59598ed858c02c2652fbf922e", make([]byte, 32)},
		"ones": {strings.Repeat("11", 16) + strings.Repeat("22", 16), 0x3333333333,
			"c454185e6a16936e39334038acef838bfb186fff7480adc4289382ecd6d394f0", bytes.Repeat([]byte{0x44}, 32)},
		"256": {"2718281828459045235360287471352662497757247093699959574966967627" + "3141592653589793238462643383279502884197169399375105820974944592", 0xff,
			"1c3b3a102f770386e4836c99e370cf9bea00803f5e482357a4ae12d414a3e63b", ramp[:32]},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := New("aes-xts-plain64", unhex(t, c.key), 512, 512)
			if err != nil {
				t.Fatal(err)
			}
			p := make([]byte, 512)
			copy(p, unhex(t, c.first))
			s.Decrypt(p, c.number)
			if !bytes.Equal(p[:len(c.plain)], c.plain) {
				t.Errorf("%x", p[:len(c.plain)])
			}
		})
	}
}

// Vectors of the submission of Serpent, as NESSIE prints them: set 1, vector 0, for two sizes of keys.
func TestSerpentVectors(t *testing.T) {
	for _, c := range []struct{ key, plain, encrypted string }{
		{"80000000000000000000000000000000", "00000000000000000000000000000000", "264e5481eff42a4606abda06c0bfda3d"},
		{"8000000000000000000000000000000000000000000000000000000000000000", "00000000000000000000000000000000", "a223aa1288463c0e2be38ebd825616c0"},
	} {
		b, err := newSerpent(unhex(t, c.key))
		if err != nil {
			t.Fatal(err)
		}
		p := make([]byte, blockSize)
		b.Encrypt(p, unhex(t, c.plain))
		if got := hex.EncodeToString(p); got != c.encrypted {
			t.Errorf("key %s: %s, expected %s", c.key, got, c.encrypted)
		}
		b.Decrypt(p, p)
		if got := hex.EncodeToString(p); got != c.plain {
			t.Errorf("key %s: %s comes back", c.key, got)
		}
	}
	if _, err := newSerpent(make([]byte, 15)); err == nil {
		t.Error("a key of 120 bits is taken")
	}
}

// Vectors of ISO/IEC 10118-3:2004.
func TestWhirlpoolVectors(t *testing.T) {
	for text, want := range map[string]string{
		"":    "19fa61d75522a4669b44e39c1d2e1726c530232130d407f89afee0964997f7a73e83be698b288febcf88e3e03c4f0757ea8964e59b63d93708b138cc42a66eb3",
		"abc": "4e2448a4c6f486bb16b6562c73b4020bf3043e3a731bce721ae1b303d97e6d4c7181eebdb6c57e277d0e34957114cbd6c797fc9d95d8b582d225292076d4eef5",
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789": "dc37e008cf9ee69bf11f00ed9aba26901dd7c28cdec066cc6af42e40f82f3a1e08eba26629129d8fb7cb57211b9281a65517cc879d7b962142c65f5a7af01467",
	} {
		h := newWhirlpool()
		for i := range len(text) { // byte by byte, and the sum may be asked for in between
			_ = h.Sum(nil)
			_, _ = h.Write([]byte{text[i]})
		}
		if got := hex.EncodeToString(h.Sum(nil)); got != want {
			t.Errorf("%q: %s", text, got)
		}
		h.Reset()
		_, _ = h.Write([]byte(text))
		if got := hex.EncodeToString(h.Sum(nil)); got != want {
			t.Errorf("%q at once: %s", text, got)
		}
		if h.Size() != 64 || h.BlockSize() != 64 {
			t.Error("sizes")
		}
	}
}

// Vectors of RFC 6070, of RFC 7914 for SHA-256, and errors.
func TestPBKDF2(t *testing.T) {
	for _, c := range []struct {
		hash, secret, salt string
		iterations         int
		want               string
	}{
		{"sha1", "password", "salt", 1, "0c60c80f961f0e71f3a9b524af6012062fe037a6"},
		{"sha1", "password", "salt", 4096, "4b007901b765489abead49d926f721d065a429c1"},
		{"sha1", "passwordPASSWORDpassword", "saltSALTsaltSALTsaltSALTsaltSALTsalt", 4096, "3d2eec4fe41c849b80c8d83662c0e44a8b291a964cf2f07038"},
		{"sha1", "pass\x00word", "sa\x00lt", 4096, "56fa6aa75548099dcc37d7f03425e0c3"},
		{"sha256", "passwd", "salt", 1, "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc" +
			"49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783"},
	} {
		got, err := PBKDF2(t.Context(), c.hash, []byte(c.secret), []byte(c.salt), c.iterations, len(c.want)/2)
		if err != nil || hex.EncodeToString(got) != c.want {
			t.Errorf("%+v: %x, %v", c, got, err)
		}
	}
}

// What the standard library encrypts is decrypted again, whatever makes the vectors.
func TestCBC(t *testing.T) {
	key := unhex(t, "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4")
	for _, name := range []string{"aes-cbc-plain64", "aes-cbc-plain", "aes-cbc-null", "aes-cbc-essiv:sha256", "aes-cbc-eboiv", "aes-cbc-plain64be",
		"twofish-cbc-plain64", "serpent-cbc-essiv:sha256"} {
		for _, size := range []int{512, 1024, 4096} {
			s, err := New(name, key, size, 512)
			if err != nil {
				t.Fatal(name, err)
			}
			algorithm, _, _ := strings.Cut(name, "-")
			b, err := ciphers[algorithm](key)
			if err != nil {
				t.Fatal(err)
			}
			want := bytes.Repeat([]byte("a sector of text"), 3*size/16)
			p := bytes.Clone(want)
			for i := range 3 {
				var iv [blockSize]byte
				s.iv(&iv, 77+uint64(i)*s.step)
				cipher.NewCBCEncrypter(b, iv[:]).CryptBlocks(p[i*size:(i+1)*size], p[i*size:(i+1)*size])
			}
			s.Decrypt(p, 77)
			if !bytes.Equal(p, want) {
				t.Errorf("%s, sectors of %d bytes: %x", name, size, p[:32])
			}
		}
	}
}
