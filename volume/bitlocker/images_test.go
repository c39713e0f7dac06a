package bitlocker

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/ulikunitz/xz"

	"salvor/block"
	"salvor/block/probe"
	"salvor/internal/need"
	"salvor/volume"
	"salvor/volume/volumetest"
)

//go:embed testdata
var testdata embed.FS

// members calls fn for the files of the archive of volumes that want names.
func members(t testing.TB, want func(name string) bool, fn func(name string, b []byte)) {
	t.Helper()
	f, err := testdata.Open("testdata/images.tar.gz")
	if err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if !want(h.Name) {
			continue
		}
		b := make([]byte, h.Size)
		if _, err := io.ReadFull(r, b); err != nil {
			t.Fatal(h.Name, err)
		}
		fn(h.Name, b)
	}
}

func member(t testing.TB, name string) []byte {
	t.Helper()
	var out []byte
	members(t, func(n string) bool { return n == name }, func(_ string, b []byte) { out = b })
	if out == nil {
		t.Fatalf("no %s", name)
	}
	return out
}

// configuration returns what images.conf says of each volume.
func configuration(t testing.TB) map[string]map[string]string {
	t.Helper()
	out := map[string]map[string]string{}
	var section map[string]string
	for _, line := range strings.Split(string(member(t, "images.conf")), "\n") {
		if name, ok := strings.CutPrefix(line, "["); ok {
			section = map[string]string{}
			out[strings.TrimSuffix(name, "]")+".img"] = section
		} else if k, v, ok := strings.Cut(line, "="); ok {
			section[k] = v
		}
	}
	return out
}

// landmarks are what a sweep with the probes of the row finds.
func landmarks(b []byte) []probe.Hit { return volumetest.Hits(Lock().Probes, b) }

// only reads the one volume that b holds.
func only(t testing.TB, b []byte, hits ...probe.Hit) volume.Locked {
	t.Helper()
	return volumetest.Locked(t, Lock(), b, hits...)
}

func codes(l volume.Locked) string { return volumetest.Codes(l) }

func sum(t testing.TB, src block.Source) string {
	t.Helper()
	h := sha256.New()
	// Not WriteTo, so that the reads are large.
	if _, err := io.CopyBuffer(h, struct{ io.Reader }{block.Reader(src)}, make([]byte, 1<<20)); err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// words are the ciphers of images.conf in the words that people get.
var words = map[string]string{"aes-cbc-eboiv": "AES-CBC, ", "aes-cbc-elephant": "AES-CBC with Elephant diffuser, ", "aes-xts-plain64": "AES-XTS, "}

// hashed are the volumes of which all bytes are compared always: one for each cipher, size of sectors and front.
var hashed = []string{"bitlk-aes-cbc-128-4k.img", "bitlk-aes-cbc-256.img", "bitlk-aes-cbc-elephant-128.img", "bitlk-aes-xts-128-4k.img",
	"bitlk-aes-xts-256.img", "bitlk-togo-aes-cbc-128.img"}

// Every volume of cryptsetup's tests opens with each of its keys, and gives the bytes that Windows gives.
func TestSamples(t *testing.T) {
	conf := configuration(t)
	startup := map[string][]byte{}
	members(t, func(name string) bool { return strings.HasSuffix(name, ".BEK") }, func(name string, b []byte) { startup[strings.ToLower(strings.TrimSuffix(name, ".BEK"))] = b })
	count := 0
	members(t, func(name string) bool { return strings.HasSuffix(name, ".img") }, func(name string, b []byte) {
		count++
		t.Run(name, func(t *testing.T) {
			c := conf[name]
			l := only(t, b)
			if l.UUID != strings.ToUpper(c["GUID"]) || !strings.HasPrefix(l.Cipher, words[c["CIPHER"]]) || !l.Valid || l.Open == nil || l.Extent != (block.Extent{Length: int64(len(b))}) {
				t.Errorf("%+v", l)
			}
			if togo := strings.Contains(name, "togo"); (l.Format == "BitLocker To Go") != togo || l.Label == "" {
				t.Errorf("format %q, label %q", l.Format, l.Label)
			}
			want := map[string]string{"bitlk-aes-xts-128-crc.img": "metadata.damaged metadata.damaged", "bitlk-aes-xts-128-eow.img": "onwrite",
				"bitlk-aes-xts-128-clearkey-only.img": "suspended", "bitlk-aes-xts-128-smart-card.img": "key.hardware",
				"bitlk-partially-encrypted-aes-cbc-128.img": "suspended onwrite"}[name]
			if got := codes(l); got != want {
				t.Errorf("findings %q, expected %q", got, want)
			}
			// All keys are tried; the bytes are compared with the first that opens.
			opened, whole := false, need.CI() || slices.Contains(hashed, name)
			open := func(kind volume.SecretKind, id, secret string) {
				t.Helper()
				if id == "" || secret == "" {
					return
				}
				found := false
				for _, n := range l.Needs {
					found = found || n.Kind == kind && n.ID == strings.ToUpper(id)
				}
				if !found {
					t.Errorf("%s %s is not named: %+v", kind, id, l.Needs)
				}
				src, err := l.Open(t.Context(), volume.Secret{Kind: kind, Bytes: []byte(secret)})
				if err != nil {
					t.Errorf("%s: %v", kind, err)
					return
				}
				if !opened {
					opened = true
					if whole && c["SHA256SUM"] != "" && sum(t, src) != c["SHA256SUM"] {
						t.Error("the plain bytes differ")
					}
				}
				place := src.(volume.Placer).Places(block.Extent{Offset: 50 << 20, Length: 512})
				if len(place) != 1 || place[0].Physical != 50<<20 || place[0].Length != 512 {
					t.Errorf("places %+v", place)
				}
			}
			open(volume.Passphrase, c["PW_VMK_GUID"], c["PW"])
			open(volume.RecoveryKey, c["RP_VMK_GUID"], c["RP"])
			open(volume.RecoveryKey, c["RP2_VMK_GUID"], c["RP2"])
			open(volume.StartupKey, c["SK_VMK_GUID"], string(startup[c["SK_VMK_GUID"]]))
			open(volume.ClearKey, c["CLEARKEY_VMK_GUID"], "-")
			if !opened {
				t.Error("no key opens it")
			}
			if c["PW"] == "" || !whole {
				return
			}
			if _, err := l.Open(t.Context(), volume.Secret{Kind: volume.Passphrase, Bytes: []byte(c["PW"] + "x")}); err != volume.ErrWrongSecret {
				t.Errorf("a wrong password: %v", err)
			}
		})
	})
	if count != 21 {
		t.Errorf("%d volumes", count)
	}
}

// The secret of one kind that is wrong is called so, and one that cannot be right says why.
func TestWrongSecrets(t *testing.T) {
	conf := configuration(t)
	b := member(t, "bitlk-aes-xts-128-startup-key.img")
	l := only(t, b)
	other := conf["bitlk-aes-xts-128.img"]["RP"]
	for name, c := range map[string]struct {
		s    volume.Secret
		want string // "" for ErrWrongSecret alone
	}{
		"password":             {volume.Secret{Kind: volume.Passphrase, Bytes: []byte("no")}, ""},
		"empty password":       {volume.Secret{Kind: volume.Passphrase}, ""},
		"password, not UTF-8":  {volume.Secret{Kind: volume.Passphrase, Bytes: []byte("\xff\xfe\xed\xa0\x80")}, ""},
		"key of another":       {volume.Secret{Kind: volume.RecoveryKey, Bytes: []byte(other)}, ""},
		"clear key":            {volume.Secret{Kind: volume.ClearKey}, ""},
		"startup key of other": {volume.Secret{Kind: volume.StartupKey, Bytes: member(t, "AA80A52B-9B66-47AE-B097-33F536FFBB07.BEK")}, "AA80A52B-9B66-47AE-B097-33F536FFBB07"},
		"no startup key":       {volume.Secret{Kind: volume.StartupKey, Bytes: []byte("hello")}, "no startup key file"},
		"key file":             {volume.Secret{Kind: volume.KeyFile, Bytes: []byte("hello")}, "opens no BitLocker volume"},
		"mistyped":             {volume.Secret{Kind: volume.RecoveryKey, Bytes: []byte(strings.Replace(other, "253979", "253978", 1))}, "group 3 of the recovery key"},
	} {
		_, err := l.Open(t.Context(), c.s)
		switch {
		case err == nil || c.want == "" && err != volume.ErrWrongSecret || !strings.Contains(err.Error(), c.want):
			t.Errorf("%s: %v", name, err)
		case strings.Contains(err.Error(), "25397"), strings.Contains(err.Error(), "hello"):
			t.Errorf("%s: the error tells of the secret: %v", name, err)
		}
	}
	// Who is asked for a password may type the recovery key.
	if _, err := l.Open(t.Context(), volume.Secret{Kind: volume.Passphrase, Bytes: []byte(conf["bitlk-aes-xts-128-startup-key.img"]["RP"] + "\n")}); err != nil {
		t.Error(err)
	}
}

// A header of Windows 7 that ends before its checksum is read, and not called sound.
func TestCutSample(t *testing.T) {
	f, err := testdata.Open("testdata/bitlocker-win7.img.xz")
	if err != nil {
		t.Fatal(err)
	}
	z, err := xz.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	l := only(t, b)
	if l.Valid || codes(l) != "metadata.damaged metadata.damaged metadata.checksum" || l.Cipher != "AES-XTS, 128-bit key" || len(l.Needs) != 2 {
		t.Errorf("%+v, findings %q", l, codes(l))
	}
	if _, err := l.Open(t.Context(), volume.Secret{Kind: volume.Passphrase, Bytes: []byte("x")}); err == nil || err == volume.ErrWrongSecret {
		t.Errorf("%v", err)
	}
}

// TestLostStart finds volumes whose boot sector is gone, on a disk, by what remains of three copies.
func TestLostStart(t *testing.T) {
	b := member(t, "bitlk-togo-aes-xts-128.img")
	c := configuration(t)["bitlk-togo-aes-xts-128.img"]
	const start = 2 << 20
	disk := append(make([]byte, start), b...)
	clear(disk[start : start+1<<20])
	offsets := []int{0x2100000, 0x2c1c800, 0x3739000}
	if !bytes.HasPrefix(b[offsets[0]:], []byte(signature)) {
		t.Fatal("the sample's metadata stands elsewhere")
	}
	for _, lost := range [][]int{nil, {0}, {1}, {2}, {0, 1}, {0, 2}, {1, 2}} {
		d := bytes.Clone(disk)
		for _, i := range lost {
			clear(d[start+offsets[i]:][:4096])
		}
		l := only(t, d, landmarks(d)...)
		want := "boot.damaged"
		if len(lost) == 2 {
			want += " start.inferred"
		}
		want += strings.Repeat(" metadata.damaged", len(lost))
		if codes(l) != want || l.Extent != (block.Extent{Offset: start, Length: int64(len(b))}) || !l.Backup {
			t.Errorf("without %v: %+v, findings %q", lost, l.Extent, codes(l))
		}
		src, err := l.Open(t.Context(), volume.Secret{Kind: volume.RecoveryKey, Bytes: []byte(c["RP"])})
		if err != nil {
			t.Fatal(err)
		}
		if (lost == nil || need.CI()) && sum(t, src) != c["SHA256SUM"] {
			t.Errorf("without %v: the plain bytes differ", lost)
		}
	}
	for _, o := range offsets {
		clear(disk[start+o:][:4096])
	}
	if list, err := Lock().Read(t.Context(), block.Bytes(disk), landmarks(disk)); err != nil || len(list) != 0 {
		t.Errorf("%d volumes, %v", len(list), err)
	}
	// The boot sector alone names a volume that nothing opens.
	copy(disk[start:], b[:512])
	l := only(t, disk, landmarks(disk)...)
	if codes(l) != "metadata.none" || l.Open != nil || l.Valid {
		t.Errorf("%+v, findings %q", l, codes(l))
	}
}
