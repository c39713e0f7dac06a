package match

import (
	"reflect"
	"testing"
)

func TestLiterals(t *testing.T) {
	for _, c := range []struct {
		pattern string
		want    []string
	}{
		{`No space left on device`, []string{"no space left on device"}},
		{`(?i)No Space`, []string{"no space"}},
		{`^foo.*barbaz$`, []string{"barbaz"}},
		{`(alpha|bravo) \d+`, []string{"alpha ", "bravo "}},
		{`curl: \((6|7)\)`, []string{"curl: (6)", "curl: (7)"}},
		{`(writing x+|erasing y*) block`, []string{"writing x", "erasing "}},
		{`colou?r: [ab]lpha`, []string{"color: alpha", "color: blpha", "colour: alpha", "colour: blpha"}},
		{`a.b.c`, nil},
		{`timed\sout`, []string{"timed\tout", "timed\fout", "timed out"}},
		{`failed at \d+`, []string{"failed at "}},
		{`(long enough|no)`, nil},
		{`.*abc`, nil},
		{`read.*broken pipe|hook .*returned|x failed`, []string{"broken pipe", "returned", "x failed"}},
		{`(.*abcd|x)`, nil},
		{`(?:abcd)*`, nil},
		{`(?:abcd)+`, []string{"abcd"}},
		{`E:(?:emulated|found .* odd)|E:GL`, []string{"e:emulated", "e:found ", "e:gl"}},
		{`(?:abcd){2,3}`, []string{"abcdabcd", "abcdabcdabcd"}},
		{`\d{4}`, nil},
		{`\bpanic\b`, []string{"panic"}},
		{`Größe .* überschritten`, []string{" überschritten"}},
	} {
		got, ok, err := Literals(c.pattern)
		if err != nil {
			t.Fatal(err)
		}
		if ok != (c.want != nil) || ok && !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %q, want %q", c.pattern, got, c.want)
		}
	}
	if _, _, err := Literals(`(`); err == nil {
		t.Error("a broken pattern was taken")
	}
}
