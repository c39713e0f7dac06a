package knowledge

import "testing"

// Messages of libraries and of the kernel stand in the lines of other programs.
func TestAnywhere(t *testing.T) {
	base, err := Embedded()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"generic", "net", "archives", "signatures", "linux"} {
		if e := base.Ecosystem(name); e == nil || !e.Anywhere {
			t.Errorf("%s needs anywhere: true", name)
		}
	}
}
