package logs

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"
)

func binaryField(name, value string) string {
	return name + "\n" + string(binary.LittleEndian.AppendUint64(nil, uint64(len(value)))) + value + "\n"
}

func TestExport(t *testing.T) {
	in := "__CURSOR=s=1\n__REALTIME_TIMESTAMP=1763735474000001\n_BOOT_ID=aaaa\nPRIORITY=3\nSYSLOG_IDENTIFIER=rauc\n_PID=412\nMESSAGE=first message\n\n" +
		"__CURSOR=s=2\n__REALTIME_TIMESTAMP=1763735475000000\n_BOOT_ID=aaaa\n" + binaryField("MESSAGE", "two\nlines = here") + "_COMM=fwupd\n\n" +
		"__CURSOR=s=3\n_BOOT_ID=bbbb\n_TRANSPORT=kernel\nSYSLOG_IDENTIFIER=kernel\n" + binaryField("COREDUMP", strings.Repeat("\x00\n", maxField)) + "MESSAGE=Linux version 6\n"
	list := all(t, strings.NewReader(in))
	want := []string{"rauc[412]: first message", "fwupd: two", "fwupd: lines = here", "-- Boot bbbb --", "kernel: Linux version 6"}
	if len(list) != len(want) {
		t.Fatalf("%+v", list)
	}
	for i, f := range list {
		if f.text != want[i] {
			t.Errorf("%d: %q, want %q", i, f.text, want[i])
		}
	}
	if f := list[0]; in[f.offset:f.offset+f.length] != "first message" || f.when != 1763735474000001 || f.number != 7 && f.number != 8 {
		t.Errorf("%+v", f)
	}
	if f := list[1]; in[f.offset:f.offset+f.length] != "two\nlines = here" {
		t.Errorf("%+v: %q", f, in[f.offset:f.offset+f.length])
	}
	if f := list[4]; in[f.offset:f.offset+f.length] != "Linux version 6" {
		t.Errorf("%+v", f)
	}
}

func TestJSON(t *testing.T) {
	in := `{"__CURSOR":"a","__REALTIME_TIMESTAMP":"1763735474000001","_BOOT_ID":"aaaa","SYSLOG_IDENTIFIER":"rauc","_PID":"412","PRIORITY":3,"MESSAGE":"a \"quoted\" \u00fc \ud83d\ude00\ttab"}` + "\n" +
		`{"MESSAGE":[110,117,108,0,33,10,50],"_COMM":"x","OTHER":["a","b"],"NULL":null,"_BOOT_ID":"aaaa"}` + "\n" +
		"no object\n" +
		`{"_COMM":"nothing said"}` + "\n" +
		`{"MESSAGE":"again","_BOOT_ID":"bbbb"}` + "\n"
	list := all(t, strings.NewReader(in))
	want := []string{`rauc[412]: a "quoted" ü 😀` + "\ttab", "x: nul!", "x: 2", "no object", `{"_COMM":"nothing said"}`, "-- Boot bbbb --", "again"}
	if len(list) != len(want) {
		t.Fatalf("%+v", list)
	}
	for i, f := range list {
		if f.text != want[i] {
			t.Errorf("%d: %q, want %q", i, f.text, want[i])
		}
	}
	if f := list[0]; !strings.HasPrefix(in[f.offset:f.offset+f.length], `"a \"quoted`) || f.when != 1763735474000001 || f.number != 1 {
		t.Errorf("%+v", f)
	}
	if list[6].number != 5 {
		t.Errorf("%+v", list[6])
	}
}

// Whatever is read: lines come in order, their places are inside of the input, and nothing panics.
func FuzzRead(f *testing.F) {
	f.Add([]byte("plain\r\n\x1b[31mred\x1b[0m\nnul\x00\nGr\xf6\xdfe\n"))
	f.Add(append([]byte{0xff, 0xfe}, encode16(binary.LittleEndian, "one\ntwo 😀\n")...))
	f.Add([]byte("__CURSOR=a\n" + binaryField("MESSAGE", "x\ny") + "\n__CURSOR=b\nMESSAGE\n\xff\xff\xff\xff\xff\xff\xff\xff"))
	f.Add([]byte(`{"__REALTIME_TIMESTAMP":"1","MESSAGE":[1,2,300],"X":[[` + "\n" + `{"MESSAGE":"\ud800\u12"}`))
	f.Add(pack([]byte("packed\n")))
	f.Fuzz(func(t *testing.T, in []byte) {
		list, err := gather(bytes.NewReader(in))
		if err != nil && len(in) < 3 {
			t.Fatal(err)
		}
		packed := packing(in) != nil
		last := int64(1)
		for _, l := range list {
			if l.offset < 0 || l.length < 0 || !packed && l.offset+l.length > int64(len(in)) && l.length < 1<<16 || l.number < last {
				t.Fatalf("%+v behind line %d, of %d bytes", l, last, len(in))
			}
			last = l.number
		}
	})
}
