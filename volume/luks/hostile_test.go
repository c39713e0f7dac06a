package luks

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"salvor/block"
	"salvor/internal/need"
	"salvor/volume"
	"salvor/volume/internal/crypt"
)

// header2 makes a LUKS2 header of 16 KiB with this JSON, whose checksum fits.
func header2(js string) []byte {
	b := make([]byte, 4<<20)
	copy(b, firstHeader)
	binary.BigEndian.PutUint16(b[6:], 2)
	binary.BigEndian.PutUint64(b[8:], 16<<10)
	binary.BigEndian.PutUint64(b[16:], 3)
	copy(b[72:], "sha256")
	copy(b[168:], "00000000-1111-2222-3333-444444444444")
	copy(b[4096:], js)
	h, _ := crypt.Hash("sha256")
	sum := h()
	sum.Write(b[:16<<10])
	copy(b[checksumAt:], sum.Sum(nil))
	return b
}

// described is JSON of one slot, one segment, one digest, of which parts are replaced.
func described(replace ...string) string {
	js := `{"keyslots":{"0":{"type":"luks2","key_size":32,"af":{"type":"luks1","stripes":4000,"hash":"sha256"},
"area":{"type":"raw","offset":"32768","size":"131072","encryption":"aes-xts-plain64","key_size":32},
"kdf":{"type":"argon2id","time":4,"memory":1024,"cpus":1,"salt":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}}},
"tokens":{"0":{"type":"systemd-tpm2","keyslots":["0"]}},
"segments":{"0":{"type":"crypt","offset":"1048576","size":"dynamic","iv_tweak":"0","encryption":"aes-xts-plain64","sector_size":512}},
"digests":{"0":{"type":"pbkdf2","keyslots":["0"],"segments":["0"],"hash":"sha256","iterations":1000,"salt":"AAAA","digest":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}},
"config":{"json_size":"12288","keyslots_size":"131072"}}`
	return strings.NewReplacer(replace...).Replace(js)
}

// What a header may ask for is bounded, and a refusal says why instead of calling the secret wrong.
func TestHostileHeaders(t *testing.T) {
	for name, c := range map[string]struct {
		js, findings, err string
	}{
		"sound":           {described(), "header.damaged keyslot.damaged", ""},
		"memory":          {described(`"memory":1024`, `"memory":4194305`), "header.damaged keyslot.damaged", "refused"},
		"passes":          {described(`"time":4`, `"time":4000000000`), "header.damaged keyslot.damaged", "refused"},
		"threads":         {described(`"cpus":1`, `"cpus":-1`), "header.damaged keyslot.damaged", "refused"},
		"iterations":      {described(`"type":"argon2id","time":4`, `"type":"pbkdf2","hash":"sha256","iterations":4294967295`), "header.damaged keyslot.damaged", "refused"},
		"digest":          {described(`"iterations":1000`, `"iterations":4294967295`), "header.damaged keyslot.damaged", "refused"},
		"kdf":             {described(`"argon2id"`, `"scrypt"`), "header.damaged keyslot.damaged", `"scrypt" is not supported`},
		"hash":            {described(`"hash":"sha256"}`, `"hash":"md4"}`), "header.damaged keyslot.damaged", `"md4" is not supported`},
		"cipher of slot":  {described(`"encryption":"aes-xts-plain64","key_size"`, `"encryption":"idea-ofb","key_size"`), "header.damaged keyslot.damaged", `"idea-ofb" is not supported`},
		"stripes":         {described(`"stripes":4000`, `"stripes":400000000`), "header.damaged keyslot.unusable keyslot.none", "stripes"},
		"key size":        {described(`"luks2","key_size":32`, `"luks2","key_size":9999999`), "header.damaged keyslot.unusable keyslot.none", "stripes"},
		"area":            {described(`"32768"`, `"9223372036854775807"`), "header.damaged keyslot.unusable keyslot.none", "key material"},
		"area is no size": {described(`"131072"`, `"-5"`), "header.damaged keyslot.unusable keyslot.none", "an area"},
		"area outside":    {described(`"32768"`, `"4190000"`), "header.damaged keyslot.unreadable keyslot.none", "cannot be read"},
		"integrity":       {described(`"sector_size":512`, `"sector_size":512,"integrity":{"type":"hmac(sha256)"}`), "header.damaged keyslot.damaged integrity", ""},
		"opal":            {described(`"type":"crypt"`, `"type":"hw-opal-crypt"`), "header.damaged keyslot.damaged hardware", ""},
		"requirement":     {described(`"config":{`, `"config":{"requirements":{"mandatory":["inline-hw-tags"]},`), "header.damaged keyslot.damaged requirement", ""},
		"fixed size":      {described(`"dynamic"`, `"99999744"`), "header.damaged cut keyslot.damaged", ""},
	} {
		t.Run(name, func(t *testing.T) {
			if !json.Valid([]byte(c.js)) {
				t.Fatal("the test's own JSON")
			}
			l := only(t, header2(c.js))
			if codes(l) != c.findings {
				t.Errorf("findings %q, expected %q", codes(l), c.findings)
			}
			_, err := l.Open(t.Context(), phrase(secret))
			switch {
			case c.err == "":
				if err != volume.ErrWrongSecret {
					t.Errorf("%v", err)
				}
			case err == nil || errors.Is(err, volume.ErrWrongSecret) || !strings.Contains(err.Error(), c.err):
				t.Errorf("%v, expected %q", err, c.err)
			}
		})
	}
	l := only(t, header2(described()))
	if !strings.Contains(l.Needs[0].Note, "made for the TPM of its computer") {
		t.Errorf("needs %+v", l.Needs)
	}
	for name, js := range map[string]string{
		"no JSON": "", "an array": "[]", "deep": strings.Repeat(`{"a":`, 2000) + "1", "no segments": `{"segments":{}}`,
		"offset": described(`"1048576"`, `"x"`), "size": described(`"dynamic"`, `"huge"`), "tweak": described(`"iv_tweak":"0"`, `"iv_tweak":"-1"`),
		"type": described(`"key_size":32`, `"key_size":"32"`), "long": described(`"1048576"`, `"9999999999999999999"`),
		"many": `{"segments":{` + strings.TrimSuffix(strings.Repeat(`"0":{},`, 70), ",") + `,` + manySegments(70) + `}}`,
	} {
		l := only(t, header2(js))
		if codes(l) != "header.unusable" || l.Valid {
			t.Errorf("%s: findings %q", name, codes(l))
		}
		if _, err := l.Open(t.Context(), phrase(secret)); err == nil || errors.Is(err, volume.ErrWrongSecret) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func manySegments(n int) string {
	var out []string
	for i := range n {
		out = append(out, fmt.Sprintf(`"%d":{"type":"crypt","offset":"0","size":"dynamic"}`, i))
	}
	return strings.Join(out, ",")
}

// Segments whose sizes add up to more than a number holds.
func TestSegmentsOverflow(t *testing.T) {
	h := &header{}
	if err := h.parseJSON([]byte(`{"segments":{"0":{"type":"linear","offset":"0","size":"562949953421312"},"1":{"type":"linear","offset":"9","size":"9223372036854775807"}}}`), 0); err == nil {
		t.Error("a segment of 8 EiB is taken")
	}
	v := &opened{src: block.Bytes(make([]byte, 4096)), header: h}
	for i := range 30 {
		h.segments = append(h.segments, segment{number: i, kind: "linear", size: maxSector * sector1})
	}
	if src, err := v.plain(nil); err == nil {
		if _, err := src.ReadAt(make([]byte, 10), src.Size()-10); err == nil {
			t.Error("bytes behind the end are read")
		}
	}
}

// A stop ends the work at a key.
func TestStops(t *testing.T) {
	l := only(t, header2(described(`"memory":1024`, `"memory":262144`, `"time":4`, `"time":256`)))
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	begun := time.Now()
	if _, err := l.Open(ctx, phrase(secret)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	if d := time.Since(begun); d > 2*time.Second { // all of it takes a minute
		t.Errorf("it took %v", d)
	}
	if list, err := Lock().Read(ctx, block.Bytes(header2(described())), nil); err == nil || list != nil {
		t.Errorf("%d volumes, %v", len(list), err)
	}
}

// TestDamage overwrites headers at random places: nothing panics or hangs, and what still opens gives the right
// bytes.
func TestDamage(t *testing.T) {
	for _, name := range []string{"compatimage.img.xz", "compatimage2.img.xz"} {
		whole := image(t, name)
		src, err := only(t, whole).Open(t.Context(), phrase("compatkey"))
		if err != nil {
			t.Fatal(err)
		}
		first := make([]byte, 512)
		if _, err := src.ReadAt(first, 0); err != nil {
			t.Fatal(err)
		}
		runs := 40
		if need.CI() {
			runs = 300
		}
		rnd := rand.New(rand.NewPCG(11, 12))
		opens := 0
		for range runs {
			b := bytes.Clone(whole)
			for range 1 + rnd.IntN(8) {
				at := rnd.IntN(40 << 10)
				if rnd.IntN(2) == 0 {
					at = rnd.IntN(1200)
				}
				for i := range 1 + rnd.IntN(64) {
					b[at+i] = byte(rnd.Uint32())
				}
			}
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			list, err := Lock().Read(ctx, block.Bytes(b), nil)
			if err != nil {
				t.Fatal(err)
			}
			for _, l := range list {
				if l.Open == nil {
					continue
				}
				src, err := l.Open(ctx, phrase("compatkey"))
				if err != nil {
					continue
				}
				p := make([]byte, 512)
				if n, err := src.ReadAt(p, 0); err == nil && l.Valid && l.Format == "LUKS2" && !bytes.Equal(p[:n], first) {
					t.Errorf("other bytes come out of a sound header: %+v", l)
				}
				opens++
			}
			cancel()
		}
		t.Logf("%s: %d of %d open", name, opens, runs)
	}
}

// FuzzRead reads whatever claims to be a header.
func FuzzRead(f *testing.F) {
	f.Add(image(f, "valid_header_file.xz")[:4096])
	f.Add(image(f, "compatimage2.img.xz")[:32<<10])
	f.Add(header2(described())[:16<<10])
	f.Add(header2(described(`"type":"crypt"`, `"type":"linear"`))[:16<<10])
	f.Fuzz(func(t *testing.T, b []byte) {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		list, err := Lock().Read(ctx, block.Bytes(b), landmarks(b))
		if err != nil && ctx.Err() == nil {
			t.Fatal(err)
		}
		for _, l := range list {
			if !l.Extent.Valid() || l.Format == "" {
				t.Fatalf("%+v", l)
			}
			if l.Open != nil {
				src, err := l.Open(ctx, volume.Secret{Kind: volume.VolumeKey, Bytes: make([]byte, 32)})
				if err == nil {
					_, _ = src.ReadAt(make([]byte, 5000), 100)
				}
			}
		}
		// The parts by themselves, without their checksums.
		h := &header{}
		_ = h.parseJSON(b, 0)
		v := &opened{src: block.Bytes(b), head: block.Bytes(b), header: h}
		if src, err := v.plain(map[int][]byte{0: make([]byte, 32)}); err == nil {
			_, _ = src.ReadAt(make([]byte, 5000), 100)
		}
	})
}
