package swu

import (
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"salvor/cursor"
)

func TestConfig(t *testing.T) {
	v, err := parse([]byte(`// a comment
a = 1; b: 0x1FL, c = -2.5e3
d = TRUE # another
e = "one\n\"two\"\x41" /* between */ "three\q";
f = [ 1, 2, ]; g = ( { h = "i"; }, [ "j" ], 3 );
group : { k = { l = "m" } }
list = ();
`))
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{"a": "1", "b": "0x1F", "c": "-2.5e3", "d": "true", "e": "one\n\"two\"Athree\\q"} {
		if got := v.str(key); got != want {
			t.Errorf("%s: %q, want %q", key, got, want)
		}
	}
	if len(v.get("f").list) != 2 || v.get("g").list[0].str("h") != "i" || v.get("g").list[1].list[0].text != "j" || v.get("group").get("k").str("l") != "m" || len(v.get("list").list) != 0 {
		t.Errorf("%+v", v)
	}
}

func TestBroken(t *testing.T) {
	for _, s := range []string{"a", "a =", "a = ;", "a = \"x", "a = { b = 1", "a = ( 1 2 )", "/* x", "@include \"x\"", "a = 1 }", "a = b", "\x00", "= 1", "{", "{\"a\": 1} x", "{\"a\"}",
		strings.Repeat("a={", 1000), "a=" + strings.Repeat("(", 1000), strings.Repeat("{\"a\":", 1000), "a = [" + strings.Repeat("1,", maxValues) + "]"} {
		if _, err := parse([]byte(s)); err == nil {
			t.Errorf("%.40q: no error", s)
		} else if _, ok := cursor.IsCorrupt(err); !ok {
			t.Errorf("%.40q: %v", s, err)
		}
	}
	if _, err := parse(make([]byte, maxDescription+1)); err == nil {
		t.Error("no bound")
	}
}

// TestSame reads the same description in both syntaxes.
func TestSame(t *testing.T) {
	a, err := describe([]byte(`software = { version = "1"; hardware-compatibility = [ "a", "b" ]; board = { images = ( { filename = "x"; device = "/dev/y"; offset = "2M"; installed-directly = true } ); }; embedded-script = "print()"; }`))
	if err != nil {
		t.Fatal(err)
	}
	b, err := describe([]byte(`{ "software": { "version": "1", "hardware-compatibility": ["a", "b"], "board": { "images": [ { "filename": "x", "device": "/dev/y", "offset": "2M", "installed-directly": true } ] }, "embedded-script": "print()" } }`))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(a, b) || len(a.artefacts) != 1 || a.artefacts[0].size("offset") != 2<<20 || !a.embedded || a.artefacts[0].set != "board" {
		t.Errorf("%+v\n%+v", a, b)
	}
}

// TestLinks follows the example of SWUpdate's documentation, and links that lead nowhere or to each other.
func TestLinks(t *testing.T) {
	d, err := describe([]byte(`software = {
  version = { ref = "#./commonversion"; };
  commonversion = "0.7-linked";
  pc: { stable: {
    common: { images = { ref = "#./../trythis"; } };
    trythis: ( { filename = "rootfs1.ext4"; device = "/dev/mmcblk0p8"; }, { filename = "rootfs5.ext4"; } );
    rev10: { images: ( { filename = "rootfs.ext3"; } ); uboot: ( { name = "bootpart"; value = "0:2"; } ); };
    rev11 = { ref = "#./rev10"; };
    absolute: { images = { ref = "#/software/pc/stable/trythis"; } };
    nowhere: { images = { ref = "#./x"; }; files = { ref = "#./../../../../../../x" }; scripts = { ref = "x" } };
    loop: { images = { ref = "#./files"; }; files = { ref = "#./images" } };
  } };
}`))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, a := range d.artefacts {
		got = append(got, a.set+":"+a.file)
	}
	want := "pc,stable,common:rootfs1.ext4 pc,stable,common:rootfs5.ext4 pc,stable,rev10:rootfs.ext3 pc,stable,absolute:rootfs1.ext4 pc,stable,absolute:rootfs5.ext4"
	if strings.Join(got, " ") != want || d.version != "0.7-linked" || len(d.boot) != 1 || !strings.Contains(strings.Join(d.sets, " "), "pc,stable,rev11") {
		t.Errorf("%v, %q, %v, %v", got, d.version, d.boot, d.sets)
	}
}

func TestSizes(t *testing.T) {
	for s, want := range map[string]int64{"1": 1, "16K": 16 << 10, "2M": 2 << 20, "1G": 1 << 30, "0x10": 16, "-1": 0, "x": 0, "9223372036854775807K": 0, "": 0} {
		v := &value{kind: group, keys: []string{"a"}, list: []*value{{kind: text, text: s}}}
		if got := v.size("a"); got != want {
			t.Errorf("%q: %d, want %d", s, got, want)
		}
	}
}

// TestDamage: no panic and no endless work.
func TestDamage(t *testing.T) {
	rnd := rand.New(rand.NewPCG(4, 4))
	for range 3000 {
		p := []byte(sample)
		for range 1 + rnd.IntN(10) {
			p[rnd.IntN(len(p))] = "{}()[]\",;:=#/*\\ x"[rnd.IntN(17)]
		}
		describe(p[:rnd.IntN(len(p))])
	}
}

func FuzzDescribe(f *testing.F) {
	f.Add([]byte(sample))
	f.Add([]byte(`{"software": {"a": {"ref": "#./b"}, "b": {"images": [{"filename": "x"}]}}}`))
	f.Fuzz(func(t *testing.T, p []byte) { describe(p) })
}
