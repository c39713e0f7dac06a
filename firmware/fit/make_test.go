package fit

import (
	"bytes"
	"compress/gzip"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"salvor/block"
	"salvor/firmware"
	"salvor/firmware/firmwaretest"
	"salvor/firmware/internal/imagetest"
)

// bench is a folder with files and keys that images are made of.
type bench struct {
	dir   string
	files map[string][]byte
}

func newBench(t testing.TB) *bench {
	b := &bench{dir: t.TempDir(), files: map[string][]byte{}}
	b.put(t, "kernel", firmwaretest.Noise(30_001, 1))
	b.put(t, "ramdisk", firmwaretest.Noise(5003, 2))
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	w.Write(firmwaretest.Noise(9000, 3))
	w.Close()
	b.put(t, "packed", packed.Bytes())
	b.put(t, "board.dts", []byte(`/dts-v1/; / { compatible = "acme,router-3", "acme,soc"; model = "Acme Router 3"; };`))
	imagetest.Pipe(t, b.dir, nil, "dtc", "-q", "-O", "dtb", "-o", "board.dtb", "board.dts")
	b.put(t, "control.dts", []byte(`/dts-v1/; / { signature { }; };`))
	return b
}

func (b *bench) put(t testing.TB, name string, p []byte) {
	t.Helper()
	b.files[name] = p
	if err := os.WriteFile(filepath.Join(b.dir, name), p, 0o600); err != nil {
		t.Fatal(err)
	}
}

func (b *bench) get(t testing.TB, name string) []byte {
	t.Helper()
	p, err := os.ReadFile(filepath.Join(b.dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// key makes a private key that mkimage signs with, and returns the public one.
func (b *bench) key(t testing.TB, name string, k crypto.Signer) firmware.Key {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	private := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	b.put(t, name+".key", private)
	b.put(t, name+".pem", private) // which is where it looks for those of ECDSA
	about := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}}
	if der, err = x509.CreateCertificate(rand.Reader, about, about, k.Public(), k); err != nil {
		t.Fatal(err)
	}
	b.put(t, name+".crt", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	return firmware.Key{Name: name, Public: k.Public()}
}

func rsaKey(t testing.TB, bits int) *rsa.PrivateKey {
	t.Helper()
	k, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func ecKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// its is a description of three images and a configuration.
type its struct {
	hashes       string // algorithms of the hashes of each image
	sign         string // the inside of the configuration's signature node, "" for none
	signImages   string // the same for each image
	configs      string // in place of the configuration
	images       string // beside the three
	kernel       string // file
	compression  string
	confContents string // more of the configuration
}

func (d its) String() string {
	var inner strings.Builder
	for i, h := range strings.Fields(d.hashes) {
		fmt.Fprintf(&inner, "hash-%d { algo = %q; };\n", i+1, h)
	}
	if d.signImages != "" {
		fmt.Fprintf(&inner, "signature-1 { %s };\n", d.signImages)
	}
	if d.kernel == "" {
		d.kernel, d.compression = "kernel", "none"
	}
	configs := d.configs
	if configs == "" {
		sign := ""
		if d.sign != "" {
			sign = "signature-1 { " + d.sign + " };"
		}
		configs = fmt.Sprintf(`default = "conf-1"; conf-1 { kernel = "kernel-1"; fdt = "fdt-1"; ramdisk = "ramdisk-1"; %s %s };`, d.confContents, sign)
	}
	return fmt.Sprintf(`/dts-v1/;
/ { description = "Acme update"; #address-cells = <1>;
	images {
		kernel-1 { description = "Linux"; data = /incbin/("%[1]s"); type = "kernel"; arch = "arm64"; os = "linux"; compression = "%[2]s"; load = <0x80000>; entry = <0x80000>; %[3]s };
		fdt-1 { description = "board"; data = /incbin/("board.dtb"); type = "flat_dt"; arch = "arm64"; compression = "none"; %[3]s };
		ramdisk-1 { description = "first files"; data = /incbin/("ramdisk"); type = "ramdisk"; arch = "arm64"; os = "linux"; compression = "none"; %[3]s };
		%[4]s
	};
	configurations { %[5]s };
};
`, d.kernel, d.compression, inner.String(), d.images, configs)
}

// make makes an image by mkimage.
func (b *bench) make(t testing.TB, d its, args ...string) []byte {
	t.Helper()
	b.put(t, "image.its", []byte(d.String()))
	imagetest.Pipe(t, b.dir, nil, "mkimage", append(append([]string{"-f", "image.its"}, args...), "image.itb")...)
	return b.get(t, "image.itb")
}

// signed is the inside of a signature node.
func signed(algo, more string) string {
	return fmt.Sprintf(`algo = %q; key-name-hint = "dev"; %s`, algo, more)
}

// ramdiskToo asks mkimage to sign the ramdisk too.
const ramdiskToo = `sign-images = "kernel", "fdt", "ramdisk";`

// blind is what no check of a good image covers, or none that must fit.
func blind(t testing.TB, image []byte, keys []firmware.Key) block.Set {
	t.Helper()
	p := firmwaretest.Open(t, image, keys, Format())
	out := p.Uncovered().Union(p.Unused)
	for _, c := range p.Checks {
		if c.Method == "padding" && strings.HasPrefix(c.What, "padding") {
			out.Add(c.Extent)
		}
	}
	return out
}
