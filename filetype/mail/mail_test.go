package mail_test

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"

	"salvor/block"
	"salvor/filetype"
	"salvor/filetype/filetypetest"
	"salvor/filetype/mail"
)

func files(t testing.TB) map[string][]byte {
	return filetypetest.Load(t, os.DirFS("testdata"), "*.[evmi][mcb][lfos]*")
}

func format(t testing.TB, name string) filetype.Format {
	t.Helper()
	return filetypetest.Row(t, mail.Formats(), name)
}

func TestSuite(t *testing.T) {
	titles := map[string]string{"parts.eml": "Grüße vom Leuchtturm", "plain.eml": "Plain", "box.mbox": "Plain", "two.vcf": "Ada Keeper", "tide.ics": "High tide, second"}
	for name, data := range files(t) {
		n := int64(len(data))
		s := filetypetest.Sample{Name: name, Data: data, Verdict: filetype.Consistent, Title: titles[name]}
		switch name {
		case "plain.eml", "box.mbox":
			s.Endless = true
		case "two.vcf":
			first := int64(bytes.Index(data[1:], []byte("BEGIN:VCARD")) + 1)
			for end := first - 2; end < first+11; end++ {
				s.Ends = append(s.Ends, end)
			}
			s.Ends = append(s.Ends, n-1, n-2)
			s.Head = 16
		case "parts.eml":
			s.Ends = []int64{n - 1}
		default:
			s.Ends = []int64{n - 1, n - 2}
			s.Head = 16
		}
		filetypetest.Run(t, format(t, name[strings.LastIndexByte(name, '.')+1:]), []filetypetest.Sample{s})
	}
}

func TestHints(t *testing.T) {
	r, err := format(t, "eml").Examine(t.Context(), block.Bytes(files(t)["parts.eml"]))
	if err != nil || r.Hints.Author != "Ada Keeper <ada@example.org>" || !r.Hints.Taken.Equal(time.Date(2023, 4, 5, 4, 7, 8, 0, time.UTC)) {
		t.Errorf("%+v %v", r.Hints, err)
	}
	r, err = format(t, "ics").Examine(t.Context(), block.Bytes(files(t)["tide.ics"]))
	if err != nil || !r.Hints.Taken.Equal(time.Date(2023, 4, 5, 6, 7, 8, 0, time.UTC)) {
		t.Errorf("%+v %v", r.Hints, err)
	}
}

func TestNot(t *testing.T) {
	for name, text := range map[string]string{
		"eml":  "Note: this is\nno: mail\n\nat all\n",
		"mbox": "From here on we walked.\n\nAnd on.\n",
		"vcf":  "BEGIN:VCARDX\n", "ics": "BEGIN:VCALENDAR",
	} {
		if r, err := format(t, name).Examine(t.Context(), block.Bytes([]byte(text))); err == nil && r.Verdict >= filetype.Consistent {
			t.Errorf("%s: %v", name, r.Verdict)
		}
	}
	bad := bytes.Replace(files(t)["tide.ics"], []byte("END:VALARM"), []byte("END:VALARX"), 1)
	if r, err := format(t, "ics").Examine(t.Context(), block.Bytes(bad)); err != nil || r.Verdict != filetype.Damaged {
		t.Errorf("%v %v", r.Verdict, err)
	}
	zeros := append(bytes.Clone(files(t)["plain.eml"]), make([]byte, 4096)...)
	if r, err := format(t, "eml").Examine(t.Context(), block.Bytes(zeros)); err != nil || r.Verdict != filetype.Damaged {
		t.Errorf("a mail that turns to zeros: %v %v", r.Verdict, err)
	}
}

func TestPreview(t *testing.T) {
	p, err := format(t, "mbox").Preview(t.Context(), block.Bytes(files(t)["box.mbox"]))
	if err != nil || len(p.Members) != 3 || p.Members[1].Name != "Grüße vom Leuchtturm" {
		t.Errorf("%+v %v", p, err)
	}
	p, err = format(t, "vcf").Preview(t.Context(), block.Bytes(files(t)["two.vcf"]))
	if err != nil || len(p.Members) != 2 || p.Members[1].Name != "Bo Sailor" {
		t.Errorf("%+v %v", p, err)
	}
	p, err = format(t, "eml").Preview(t.Context(), block.Bytes(files(t)["plain.eml"]))
	if err != nil || !strings.Contains(p.Text, "With two lines.") || p.Facts[0].Value != "Plain" {
		t.Errorf("%+v %v", p, err)
	}
}

func FuzzExamine(f *testing.F) {
	for _, data := range files(f) {
		f.Add(data)
	}
	rows := mail.Formats()
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, row := range rows {
			filetypetest.Fuzz(t, row, data)
			_, _ = row.Preview(t.Context(), block.Bytes(data))
		}
	})
}
