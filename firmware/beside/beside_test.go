package beside

import (
	"context"
	"crypto/ed25519"
	"crypto/md5"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"salvor/block"
	"salvor/firmware"
	"salvor/firmware/firmwaretest"
)

// maker signs as usign does; signify's own tool judges the same layout in package signify.
type maker struct {
	id   string
	priv ed25519.PrivateKey
}

func newMaker(id string) *maker {
	return &maker{id, ed25519.NewKeyFromSeed([]byte(strings.Repeat(id, 4)))}
}

func (m *maker) key() firmware.Key {
	return firmware.Key{Name: m.id + ".pub", ID: []byte(m.id), Public: m.priv.Public()}
}

func (m *maker) sign(text []byte) []byte {
	return []byte("untrusted comment: x\n" + base64.StdEncoding.EncodeToString(append([]byte("Ed"+m.id), ed25519.Sign(m.priv, text)...)) + "\n")
}

func part(image []byte) *firmware.Part {
	return &firmware.Part{Size: int64(len(image)), Source: block.Bytes(image)}
}

func check(t testing.TB, image []byte, files []File, keys ...firmware.Key) *firmware.Part {
	t.Helper()
	p := part(image)
	if err := Check(context.Background(), p, "a.bin", files, keys); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestLists(t *testing.T) {
	image := firmwaretest.Noise(3000, 1)
	s256, s512, m := sha256.Sum256(image), sha512.Sum512(image), md5.Sum(image)
	good, zeros := hex.EncodeToString(s256[:]), strings.Repeat("00", 32)
	for _, tt := range []struct {
		file, text string
		want       string // states of the checks
	}{
		{"sha256sums", zeros + " *b.bin\n" + good + " *a.bin\n", "passed"},
		{"SHA256SUMS", good + "  a.bin\n", "passed"},
		{"sha256sums", good + "  ./a.bin\r\n", "passed"},
		{"sha256sums", zeros + "  a.bin\n", "failed"},
		{"sha256sums", good + "  aa.bin\n", ""},
		{"sha256sums", good + "\n", ""},
		{"sha256sums", "", ""},
		{"SHA256", "SHA256 (a.bin) = " + good + "\n", "passed"},
		{"SHA256", "SHA256 (a.bin = " + good + "\n", ""},
		{"a.bin.sha256", good + "\n", "passed"},
		{"a.bin.sha256sum", good + "  a.bin\n", "passed"},
		{"a.bin.sha256", good + "  old.bin\n", ""},
		{"a.bin.sha256", strings.ToUpper(good), "passed"},
		{"a.bin.md5", hex.EncodeToString(m[:]), "passed"},
		{"sha512sums", hex.EncodeToString(s512[:]) + "  a.bin", "passed"},
		{"sha256sums", good + "  a.bin\n" + zeros + "  a.bin\n" + good + "  a.bin\n", "passed failed"},
		{"readme", good + "  a.bin", ""},
		{"sha256sums", good[:62] + "  a.bin\nzz" + good[2:] + "  a.bin\n", ""},
	} {
		p := check(t, image, []File{{Name: tt.file, Data: []byte(tt.text)}})
		var states []string
		for _, c := range p.Checks {
			states = append(states, c.State.String())
			if !c.Strong || c.Extent.Length != 3000 || !strings.HasSuffix(c.Method, " in "+tt.file) {
				t.Errorf("%+v", c)
			}
		}
		if got := strings.Join(states, " "); got != tt.want {
			t.Errorf("%s %q: %q, want %q", tt.file, tt.text, got, tt.want)
		}
		if tt.file != "readme" && !slices.Contains(Names("a.bin"), tt.file) {
			t.Errorf("%s is not asked for", tt.file)
		}
	}
	if n := len(check(t, image, []File{{Name: "sha256sums", Data: manySums()}}).Checks); n != maxSums {
		t.Errorf("%d sums", n)
	}
}

func manySums() []byte {
	var b strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&b, "%064x  a.bin\n", i)
	}
	return []byte(b.String())
}

func TestSignatures(t *testing.T) {
	image := firmwaretest.Noise(3000, 1)
	sum := sha256.Sum256(image)
	list := []byte(hex.EncodeToString(sum[:]) + " *a.bin\n")
	m, other := newMaker("abcdefgh"), newMaker("xyzxyzxy")
	changed := firmwaretest.Noise(3000, 2)
	with := func(text []byte) []byte { return append(m.sign(text), text...) }
	for _, tt := range []struct {
		name  string
		image []byte
		files []File
		keys  []firmware.Key
		want  firmware.State // 0 for no signature
		whole firmware.Answer
	}{
		{"of the file", image, []File{{Name: "a.bin.sig", Data: m.sign(image)}}, []firmware.Key{m.key()}, firmware.Passed, firmware.CannotTell},
		{"of another file", changed, []File{{Name: "a.bin.sig", Data: m.sign(image)}}, []firmware.Key{m.key()}, firmware.Failed, firmware.CannotTell},
		{"no key", image, []File{{Name: "a.bin.sig", Data: m.sign(image)}}, nil, firmware.Cannot, firmware.CannotTell},
		{"another key", image, []File{{Name: "a.bin.sig", Data: m.sign(image)}}, []firmware.Key{other.key()}, firmware.Cannot, firmware.CannotTell},
		{"of the list", image, []File{{Name: "sha256sums", Data: list}, {Name: "sha256sums.sig", Data: m.sign(list)}}, []firmware.Key{m.key()}, firmware.Passed, firmware.OK},
		{"of the list, the other way round", image, []File{{Name: "sha256sums.sig", Data: m.sign(list)}, {Name: "sha256sums", Data: list}}, []firmware.Key{m.key()}, firmware.Passed, firmware.OK},
		{"of the list, file changed", changed, []File{{Name: "sha256sums", Data: list}, {Name: "sha256sums.sig", Data: m.sign(list)}}, []firmware.Key{m.key()}, firmware.Failed, firmware.No},
		{"of another list", image, []File{{Name: "sha256sums", Data: list}, {Name: "sha256sums.sig", Data: m.sign([]byte("x"))}}, []firmware.Key{m.key()}, firmware.Failed, firmware.OK},
		{"of a list without it", image, []File{{Name: "sha256sums", Data: []byte("x")}, {Name: "sha256sums.sig", Data: m.sign([]byte("x"))}}, []firmware.Key{m.key()}, 0, firmware.CannotTell},
		{"of no list", image, []File{{Name: "sha256sums.sig", Data: m.sign(list)}}, []firmware.Key{m.key()}, 0, firmware.CannotTell},
		{"list inside", image, []File{{Name: "SHA256.sig", Data: with(list)}}, []firmware.Key{m.key()}, firmware.Passed, firmware.OK},
		{"list inside, file changed", changed, []File{{Name: "SHA256.sig", Data: with(list)}}, []firmware.Key{m.key()}, firmware.Failed, firmware.No},
		{"list inside and another beside", image, []File{{Name: "SHA256", Data: []byte("x")}, {Name: "SHA256.sig", Data: with(list)}}, []firmware.Key{m.key()}, firmware.Passed, firmware.OK},
		{"another text inside", image, []File{{Name: "a.bin.sig", Data: with([]byte("x"))}}, []firmware.Key{m.key()}, firmware.Failed, firmware.CannotTell},
		{"OpenPGP", image, []File{{Name: "a.bin.sig", Data: []byte("-----BEGIN PGP SIGNATURE-----")}}, []firmware.Key{m.key()}, 0, firmware.CannotTell},
	} {
		p := check(t, tt.image, tt.files, tt.keys...)
		var got firmware.State
		if len(p.Signatures) == 1 {
			got = p.Signatures[0].State
		}
		if got != tt.want || len(p.Signatures) > 1 || firmware.Whole(p).Answer != tt.whole {
			t.Errorf("%s: %+v, whole %+v", tt.name, p.Signatures, firmware.Whole(p))
		}
		if (firmware.Genuine(p).Answer == firmware.OK) != (tt.want == firmware.Passed) {
			t.Errorf("%s: genuine %+v", tt.name, firmware.Genuine(p))
		}
	}
	p := check(t, image, []File{{Name: "a.bin.minisig", Data: []byte("untrusted comment: x\nRWQ=\n")}})
	if len(p.Findings) != 1 || p.Findings[0].Code != "firmware.beside.broken" {
		t.Errorf("%v", p.Findings)
	}
	p = check(t, image, []File{{Name: "sha256sums", Err: os.ErrPermission}})
	if len(p.Findings) != 1 || p.Findings[0].Code != "firmware.beside.unread" {
		t.Errorf("%v", p.Findings)
	}
}

// TestTool reads what sha256sum writes.
func TestTool(t *testing.T) {
	image := firmwaretest.Noise(3000, 1)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a.bin"), image, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"sha256sum", "a.bin"}, {"sha256sum", "-b", "a.bin"}, {"sha256sum", "--tag", "a.bin"}, {"sha512sum", "a.bin"}, {"md5sum", "--tag", "a.bin"}, {"sha1sum", "./a.bin"}} {
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Dir = dir
		text, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		if v := firmware.Whole(check(t, image, []File{{Name: "sha256sums", Data: text}})); v.Answer != firmware.OK {
			t.Errorf("%v: %+v\n%s", args, v, text)
		}
	}
}

// TestDamage: whatever the files say, a package is never called genuine by a list that does not name its sum.
func TestDamage(t *testing.T) {
	image := firmwaretest.Noise(300, 1)
	sum := sha256.Sum256(image)
	list := []byte(hex.EncodeToString(sum[:]) + " *a.bin\n")
	m := newMaker("abcdefgh")
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		bad := slices.Clone(list)
		bad[rnd.IntN(len(bad))] ^= 1 << rnd.IntN(8)
		p := check(t, image, []File{{Name: "sha256sums", Data: bad}, {Name: "sha256sums.sig", Data: m.sign(list)}}, m.key())
		if firmware.Genuine(p).Answer == firmware.OK {
			t.Fatalf("%q: %+v", bad, p)
		}
	}
}

func FuzzSums(f *testing.F) {
	f.Add([]byte(strings.Repeat("00", 32)+"  a.bin\n"), false)
	f.Add([]byte("SHA256 (a.bin) = "+strings.Repeat("00", 32)+"\n"), true)
	f.Fuzz(func(t *testing.T, text []byte, only bool) {
		for _, s := range sumsOf(text, "a.bin", only) {
			if len(s) < 16 || len(s) > 64 {
				t.Fatalf("%x", s)
			}
		}
	})
}
