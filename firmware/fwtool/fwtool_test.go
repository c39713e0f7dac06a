package fwtool

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"salvor/block"
	"salvor/cursor"
	"salvor/firmware"
	"salvor/firmware/firmwaretest"
)

func TestMetadata(t *testing.T) {
	image := firmwaretest.Noise(9000, 1)
	for _, tt := range []struct {
		name, json     string
		title, version string
		boards         []string
		compat         string
		keeps          string
	}{
		{"snapshot", someOne, "OpenWrt SNAPSHOT r11215+4-bba6646b5cba image for ath79/generic", "SNAPSHOT r11215+4-bba6646b5cba", []string{"tplink,archer-c7-v5", "archer-c7-v5"}, "1.0", "yes, by sysupgrade, if it is not told otherwise"},
		{"another compat version", compat("1.1", "Partitions changed"), "OpenWrt 23.05.2 r1 image for ramips/mt7621", "23.05.2", []string{"acme,x"}, "1.1", "only those of a device with compat version 1.1. Partitions changed"},
		{"fields of other types", `{"supported_devices":["a"],"compat_version":2,"version":{"dist":"X"}}`, "X image for a target that it does not name", "", []string{"a"}, "1.0", "yes, by sysupgrade, if it is not told otherwise"},
		{"nothing said", "{}", "OpenWrt image with metadata", "", nil, "1.0", "yes, by sysupgrade, if it is not told otherwise"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := withMetadata(image, tt.json)
			part := firmwaretest.Open(t, p, nil, Format())
			if v := firmware.Whole(part); v.Answer != firmware.OK || part.Title != tt.title || part.Version != tt.version {
				t.Errorf("%v %q, version %q, %v", v, part.Title, part.Version, part.Findings)
			}
			for _, c := range part.Claims {
				switch c.Kind {
				case firmware.Board:
					if !slices.Equal(c.Values, tt.boards) {
						t.Errorf("boards %q", c.Values)
					}
				case firmware.KeepsSettings:
					if c.Values[0] != tt.keeps {
						t.Errorf("settings %q", c.Values)
					}
				case firmware.CompatVersion:
					if c.Values[0] != tt.compat {
						t.Errorf("compat version %q", c.Values)
					}
				}
			}
			if (len(part.Claims) == 3) != (tt.boards != nil) {
				t.Errorf("%v", part.Claims)
			}
			if len(part.Children) != 2 || part.Children[0].Size != 9000 || part.Children[1].Offset != 9000 || part.Children[1].Size != int64(len(p)-9000) {
				t.Errorf("%+v", part.Children)
			}
			firmwaretest.Run(t, p, firmwaretest.Options{}, Format())
		})
	}
}

// TestFits says for which devices sysupgrade would take the image.
func TestFits(t *testing.T) {
	part := firmwaretest.Open(t, withMetadata(firmwaretest.Noise(100, 1), compat("2.0", "")), nil, Format())
	for _, tt := range []struct {
		board, compat string
		want          firmware.Answer
	}{
		{"acme,x", "2.0", firmware.OK}, {"acme,x", "2.1", firmware.OK}, {"acme,x", "1.0", firmware.No}, {"acme,y", "2.0", firmware.No}, {"acme,x - Image version mismatch", "2.0", firmware.No},
	} {
		d := &firmware.Device{Facts: []firmware.Fact{{Kind: firmware.Board, Value: tt.board}, {Kind: firmware.CompatVersion, Value: tt.compat}}}
		if v := firmware.Fits(part, d); v.Answer != tt.want {
			t.Errorf("%+v: %+v", tt, v)
		}
	}
}

func TestSignatures(t *testing.T) {
	image := withMetadata(firmwaretest.Noise(9000, 1), someOne)
	root, build, other := newSigner("rootroot"), newSigner("buildkey"), newSigner("otherkey")
	cert := root.certify(payload(certAuth, until, build.public()))
	signed := func(blobs ...[]byte) []byte { return add(image, typeSignature, bytes.Join(blobs, nil)) }
	good := signed(cert, build.seal(image))
	tampered := bytes.Clone(good)
	tampered[100] ^= 1
	for _, tt := range []struct {
		name  string
		image []byte
		keys  []firmware.Key
		want  firmware.State
		key   string
	}{
		{"the maker's key", good, []firmware.Key{other.key(), root.key()}, firmware.Passed, "rootroot"},
		{"the key of the build", good, []firmware.Key{build.key()}, firmware.Passed, "buildkey"},
		{"not valid any more", signed(root.certify(payload(certAuth, 1_700_000_000, build.public())), build.seal(image)), []firmware.Key{root.key()}, firmware.Passed, "rootroot"},
		{"no key", good, nil, firmware.Cannot, ""},
		{"another key", good, []firmware.Key{other.key()}, firmware.Cannot, ""},
		{"changed", tampered, []firmware.Key{root.key()}, firmware.Failed, ""},
		{"changed, no key", tampered, nil, firmware.Failed, ""},
		{"usign alone", signed(build.sign(image)), []firmware.Key{build.key()}, firmware.Passed, "buildkey"},
		{"no certificate", signed(build.seal(image)), []firmware.Key{build.key()}, firmware.Passed, "buildkey"},
		{"no certificate, another key", signed(build.seal(image)), []firmware.Key{root.key()}, firmware.Cannot, ""},
		{"a certificate of another", signed(other.certify(payload(certAuth, until, build.public())), build.seal(image)), []firmware.Key{root.key()}, firmware.Cannot, ""},
		{"a certificate for another key", signed(root.certify(payload(certAuth, until, other.public())), build.seal(image)), []firmware.Key{root.key()}, firmware.Failed, ""},
		{"a revocation", signed(root.certify(payload(2, until, build.public())), build.seal(image)), []firmware.Key{root.key()}, firmware.Failed, ""},
		{"two certificates", signed(cert, build.certify(payload(certAuth, until, other.public())), other.seal(image)), []firmware.Key{root.key()}, firmware.Passed, "rootroot"},
		{"two certificates that do not follow", signed(cert, root.certify(payload(certAuth, until, other.public())), other.seal(image)), []firmware.Key{root.key()}, firmware.Failed, ""},
		{"only a certificate", signed(cert), []firmware.Key{root.key()}, firmware.Failed, ""},
		{"another form", signed([]byte("whatever")), []firmware.Key{root.key()}, firmware.Cannot, ""},
	} {
		part := firmwaretest.Open(t, tt.image, tt.keys, Format())
		if len(part.Signatures) != 1 {
			t.Errorf("%s: %+v", tt.name, part.Signatures)
			continue
		}
		s := part.Signatures[0]
		if s.State != tt.want || tt.want == firmware.Passed && s.Key != tt.key {
			t.Errorf("%s: %+v", tt.name, s)
		}
		if old := tt.name == "not valid any more"; old != strings.Contains(s.Why, "not valid any more") {
			t.Errorf("%s: %+v", tt.name, s)
		}
		if (firmware.Genuine(part).Answer == firmware.OK) != (tt.want == firmware.Passed) {
			t.Errorf("%s: %+v", tt.name, firmware.Genuine(part))
		}
		if tt.name == "the maker's key" && (s.NotBefore != "2026-12-01T00:00:00Z" || s.NotAfter != "2100-01-01T00:00:00Z" || s.Why != "" || firmware.Whole(part).Answer != firmware.OK || len(part.Children) != 3) {
			t.Errorf("%+v, %+v", s, firmware.Whole(part))
		}
	}
	firmwaretest.Run(t, good, firmwaretest.Options{Keys: []firmware.Key{root.key()}, Short: func(n int64) bool { return n == int64(len(image)) }}, Format())
	// A changed byte of what is signed, or of the chain, is never genuine.
	for i := 0; i < len(good)-trailerSize; i += 1 + i/1000*7 {
		p := bytes.Clone(good)
		p[i] ^= 0x10
		part := firmwaretest.Open(t, p, []firmware.Key{root.key()}, Format())
		if firmware.Genuine(part).Answer == firmware.OK && firmware.Whole(part).Answer == firmware.OK {
			t.Errorf("byte %d: %+v", i, part.Signatures)
		}
	}
}

// TestInner opens what stands before the trailers.
func TestInner(t *testing.T) {
	inner := firmware.Format{Name: "inner", Title: "inner", Open: func(_ context.Context, src block.Source, _ *firmware.Opening) (*firmware.Part, error) {
		p := make([]byte, 4)
		if src.ReadAt(p, 0); string(p) != "INNR" || src.Size() != 104 {
			return nil, cursor.ErrNot
		}
		return &firmware.Part{Title: "inner", Role: firmware.Kernel}, nil
	}}
	part := firmwaretest.Open(t, withMetadata(append([]byte("INNR"), firmwaretest.Noise(100, 1)...), someOne), nil, Format(), inner)
	if part.Children[0].Format != "inner" {
		t.Errorf("%+v", part.Children[0])
	}
}

func TestLook(t *testing.T) {
	for _, tt := range []struct {
		name  string
		image []byte
		seen  bool
	}{
		{"good", withMetadata(make([]byte, 10), "{}"), true},
		{"nothing before", withMetadata(nil, "{}"), true},
		{"empty", nil, false},
		{"noise", firmwaretest.Noise(100, 1), false},
		{"magic alone", []byte("FWx0"), false},
		{"too large", append(make([]byte, 20), "FWx0\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\xff"...), false},
		{"another type", append(make([]byte, 20), "FWx0\x00\x00\x00\x00\x07\x00\x00\x00\x00\x00\x00\x10"...), false},
	} {
		if _, err := look(context.Background(), block.Bytes(tt.image)); (err == nil) != tt.seen || err != nil && !errors.Is(err, cursor.ErrNot) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

// TestBroken says what is wrong with metadata.
func TestBroken(t *testing.T) {
	image := firmwaretest.Noise(50, 1)
	for _, tt := range []struct {
		image []byte
		want  string
	}{
		{withMetadata(image, "{"), "unexpected end of JSON"},
		{add(image, typeMetadata, []byte("{}{}{}{}{}{}")), "found 7b7d"},
		{add(image, typeSignature, []byte("nothing")), "found neither"},
	} {
		v := firmware.Whole(firmwaretest.Open(t, tt.image, nil, Format()))
		if v.Answer != firmware.No || !strings.Contains(strings.Join(v.Reasons, "\n"), tt.want) {
			t.Errorf("%q: %+v", tt.want, v)
		}
	}
}

func FuzzOpen(f *testing.F) {
	image := withMetadata(firmwaretest.Noise(30, 1), someOne)
	root, build := newSigner("rootroot"), newSigner("buildkey")
	f.Add(image)
	f.Add(add(image, typeSignature, append(root.certify(payload(certAuth, until, build.public())), build.seal(image)...)))
	f.Fuzz(func(t *testing.T, p []byte) {
		firmwaretest.Open(t, p, []firmware.Key{root.key()}, Format()).Walk(func(x *firmware.Part, _ int) bool {
			if x.Size < 0 || x.Offset < 0 {
				t.Fatalf("%+v", x)
			}
			return true
		})
	})
}

func FuzzChain(f *testing.F) {
	root, build := newSigner("rootroot"), newSigner("buildkey")
	f.Add(root.certify(payload(certAuth, until, build.public())))
	f.Fuzz(func(t *testing.T, p []byte) {
		links, err := chain(p)
		if err != nil {
			return
		}
		for _, l := range links {
			if c, err := parseCertificate(l.payload); err == nil && len(c.keys) == 0 {
				t.Fatal("no key")
			}
		}
	})
}
