package firmware

import (
	"strings"
	"testing"
)

func TestCounted(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 4194304: "4,194,304", 1234567890: "1,234,567,890", -1000: "-1,000"} {
		if got := counted(n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}

// TestEnds names the innermost part that a cut file ends in.
func TestEnds(t *testing.T) {
	root := &Part{Role: RootFS, Title: "squashfs", Offset: 1000, Size: 3000, Announced: 9_000_000}
	data := &Part{Role: Data, Name: "data", Offset: 64, Size: 4000, Announced: 6_815_680, Children: []*Part{{Role: Kernel, Size: 1000, Announced: 1000}, root}}
	p := &Part{Title: "package", Size: 4_194_304, Announced: 6_815_744, Children: []*Part{data}}
	data.Size = p.Size - data.Offset
	root.Size = data.Size - root.Offset
	p.Checks = []Check{Cut("data", p.Announced, p.Size)}
	v := Whole(p)
	if v.Answer != No || !strings.Contains(v.Reasons[0], "4,194,304 of 6,815,744 bytes are there; it ends inside the data, in the root file system") {
		t.Errorf("%q", v.Reasons)
	}
	p.Children = nil
	if v = Whole(p); strings.Contains(v.Reasons[0], ", in the") {
		t.Errorf("%q", v.Reasons)
	}
}
