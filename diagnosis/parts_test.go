package diagnosis

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

func TestFactTest(t *testing.T) {
	n := func(f float64) *float64 { return &f }
	for _, c := range []struct {
		test  FactTest
		value string
		want  bool
	}{
		{FactTest{Is: "NO"}, " no ", true}, {FactTest{Is: "NO"}, "NOT", false},
		{FactTest{Not: "good"}, "bad", true}, {FactTest{Not: "good"}, "Good", false}, {FactTest{Not: "good"}, "", false},
		{FactTest{Matches: "^a+$"}, "aaa", true}, {FactTest{Matches: "("}, "aaa", false},
		{FactTest{Below: n(100)}, "99", true}, {FactTest{Below: n(100)}, "1 KiB", false}, {FactTest{Below: n(100)}, "few", false},
		{FactTest{Above: n(1000)}, "1 KiB", true}, {FactTest{Above: n(90)}, "93 %", true}, {FactTest{Above: n(1)}, "0x10", true},
		{FactTest{Above: n(1.4e9)}, "1.5 GB", true}, {FactTest{}, "x", false},
	} {
		if got := c.test.Passes(c.value); got != c.want {
			t.Errorf("%+v of %q: %v", c.test, c.value, got)
		}
	}
}

func TestDecode(t *testing.T) {
	for magic, want := range map[string]string{
		"0x3c": "html", "3c": "html", "0x6d74683c": "html", "0x3c21646f": "html", "3c 3f 78 6d": "xml", "0x7b": "json",
		"7b 22 65 72": "json", "0xffffffff": "erased", "0xff": "erased", "0x00000000": "zero", "0x1f8b0800": "packed", "0x2068746f": "text",
		"0x88a0f530": "", "": "", "0x": "", "zz": "", "0xe9": "",
	} {
		if got := decode(magic); got != want {
			t.Errorf("%q: %q, want %q", magic, got, want)
		}
	}
}

func TestDerivedOffsets(t *testing.T) {
	value := func(facts ...Fact) string {
		for _, f := range derive(nil, nil, facts) {
			if f.Name == factOffset {
				return f.Value
			}
		}
		return ""
	}
	file, flash := Fact{Name: "package.bad-offset", Value: "4096"}, Fact{Name: "storage.bad-offset", Value: "0x1000"}
	other := Fact{Name: "storage.bad-offset", Value: "0x2000"}
	if value(file, flash) != "YES" || value(flash) != "NO" || value(file, other) != "NO" || value(file) != "" {
		t.Error(value(file, flash), value(flash), value(file, other), value(file))
	}
}

func TestWords(t *testing.T) {
	groups := map[string]string{"a": "1", "empty": ""}
	for text, want := range map[string]string{
		"{a} of {b}": "1 of unknown", "no groups": "no groups", "open {a": "open {a", "{empty}": "unknown", "": "",
	} {
		if got := words(text, groups); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestSequence(t *testing.T) {
	story := func(ids string) (list []told) {
		for n, id := range strings.Fields(ids) {
			role := map[string]Role{"w": RoleWriting, "r": RoleReboot, "s": RoleSuccess}[id]
			list = append(list, told{n: n, hit: hit{rule: &Rule{ID: "x." + id, Role: role}, place: Place{Line: int64(10 * n), Since: time.Duration(n) * time.Second}}})
		}
		return list
	}
	cut := []Step{{Event: "role:writing"}, {Event: "role:success", Not: true}, {Event: "x.r"}}
	open := []Step{{Event: "x.a*"}, {Event: "x.b", Not: true}}
	for _, c := range []struct {
		steps       []Step
		within      Within
		events      string
		first, last int
		ok          bool
	}{
		{cut, Within{}, "a w b r", 1, 3, true},
		{cut, Within{}, "w s r", 0, 0, false},
		{cut, Within{}, "w s w r", 2, 3, true},
		{cut, Within{}, "w", 0, 0, false},
		{cut, Within{Lines: 20}, "w a b r", 0, 0, false},
		{cut, Within{Lines: 20}, "w a b r w r", 4, 5, true},
		{cut, Within{Time: 2 * time.Second}, "w a r", 0, 2, true},
		{cut, Within{Time: time.Second}, "w a r", 0, 0, false},
		{open, Within{}, "a c", 0, 0, true},
		{open, Within{}, "a c b ab", 3, 3, true},
		{open, Within{}, "a b", 0, 0, false},
		{open, Within{}, "", 0, 0, false},
	} {
		first, last, ok := sequence(c.steps, c.within, story(c.events), 0)
		if first != c.first || last != c.last || ok != c.ok {
			t.Errorf("%v in %q: %d, %d, %v", c.steps, c.events, first, last, ok)
		}
	}
	long := story(strings.Repeat("w s ", 50_000))
	start := time.Now()
	if _, _, ok := sequence(cut, Within{}, long, 0); ok || time.Since(start) > 5*time.Second {
		t.Errorf("%v, %v", ok, time.Since(start))
	}
}

// Answers do not depend on how many goroutines read, and many lines cost no memory.
func TestManyLines(t *testing.T) {
	var b bytes.Buffer
	for i := range 60_000 {
		switch i % 100 {
		case 7:
			b.WriteString("hash mismatch\n")
		case 8:
			fmt.Fprintf(&b, "upper[%d]: package is for 'hub%d'\n", i, i)
		case 50:
			if i > 30_000 {
				b.WriteString("U-Boot 2023.01\nLinux version 6\n")
			}
		default:
			fmt.Fprintf(&b, "line %d of a log that says nothing\n", i)
		}
	}
	e := small(t)
	first := ""
	for range 3 {
		a := ask(t, e, b.String())
		if n := len(a.Stories[0].Boots); n != 301 {
			t.Fatalf("%d boots", n)
		}
		text := fmt.Sprintf("%+v", a)
		if first == "" {
			first = text
		} else if text != first {
			t.Fatal("another answer to the same log")
		}
		if ev := a.Conclusions[0].For[0]; ev.Groups["found"] != "hub8" || ev.Place.Line != 9 {
			t.Errorf("%+v", ev)
		}
	}
}

// One line of any length: what stands in it is found, with its place.
func TestOneLine(t *testing.T) {
	filler := strings.Repeat("noise ", 400_000)
	log := filler + "hash mismatch" + filler + "package is for 'hub'" + filler
	a := ask(t, small(t), log)
	for _, c := range a.Conclusions {
		for _, ev := range c.For {
			part := log[ev.Place.Offset : ev.Place.Offset+ev.Place.Length]
			if !strings.Contains(part, "hash mismatch") && !strings.Contains(part, "is for 'hub'") || len(part) > 16<<10 || ev.Place.Line != 1 || len(ev.Quote) > maxQuote {
				t.Errorf("%s stands in %d bytes at %d, quoted as %d bytes", ev.Rule, len(part), ev.Place.Offset, len(ev.Quote))
			}
		}
	}
	if a.Cause != "package.corrupted" && a.Cause != "device.wrong" {
		t.Errorf("%+v", a)
	}
}

// Whatever is read, an answer is sound: places lie inside of the input, quotes are bounded, grades fit.
func FuzzDiagnose(f *testing.F) {
	f.Add([]byte("gw:~# curl -s http://a\ngw:~# echo $?\n6\n$ echo $?"))
	f.Add([]byte("update begins\nhash mismatch\nwriting block\nU-Boot 2023\nLinux version 6\nKernel panic\n"))
	f.Add([]byte("\xff\xfeh\x00a\x00s\x00h\x00"))
	f.Add([]byte("__CURSOR=a\nMESSAGE=hash mismatch\n_BOOT_ID=a\n\n__CURSOR=b\n_BOOT_ID=b\nMESSAGE=status code 0x1\n"))
	f.Add([]byte("got 1 of 99999999999999999999 bytes\ninvalid header: 0x3c\x1b[0m\rupdate is complete\r"))
	r := rand.New(rand.NewPCG(1, 2))
	noise := make([]byte, 300)
	for i := range noise {
		noise[i] = byte(r.Uint32())
	}
	f.Add(append(noise, "hash mismatch"...))
	f.Fuzz(func(t *testing.T, in []byte) {
		a, err := small(t).Diagnose(context.Background(), Case{Inputs: []Input{{Name: "x", Reader: bytes.NewReader(in)}, {Name: "y", Said: true, Reader: bytes.NewReader(in)}}})
		if err != nil {
			t.Fatal(err)
		}
		packed := bytes.HasPrefix(in, []byte{0x1f, 0x8b})
		for n, c := range a.Conclusions {
			if c.Score < 0 || c.Score > 1 || n > 0 && c.Score > a.Conclusions[n-1].Score || len(c.For) == 0 {
				t.Fatalf("%+v", c)
			}
			for _, ev := range c.For {
				if ev.Place.Offset < 0 || !packed && ev.Place.Offset+ev.Place.Length > int64(len(in)) || len(ev.Quote) > 4*maxQuote {
					t.Fatalf("%+v of %d bytes", ev, len(in))
				}
			}
		}
	})
}
