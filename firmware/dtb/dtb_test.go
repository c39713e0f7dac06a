package dtb

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"salvor/block"
	"salvor/cursor"
	"salvor/firmware"
	"salvor/firmware/firmwaretest"
	"salvor/firmware/internal/imagetest"
)

// dtc compiles a tree with the maker's own tool.
func dtc(t testing.TB, text string, args ...string) []byte {
	t.Helper()
	return imagetest.Pipe(t, "", []byte(text), "dtc", append(args, "-q", "-I", "dts", "-O", "dtb", "-o", "-", "-")...)
}

const (
	board = `/dts-v1/;
/memreserve/ 0x1000 0x2000;
/ {
	compatible = "acme,router-3", "acme,soc-9";
	model = "Acme Router 3";
	chosen { bootargs = "console=ttyS0"; };
	memory@80000000 { reg = <0x80000000 0x8000000>; };
	soc { uart: serial@1000 { compatible = "ns16550a"; status = "okay"; }; };
};
`
	over = `/dts-v1/;
/plugin/;
/ { compatible = "acme,soc-9"; };
&uart { status = "disabled"; };
`
	control = `/dts-v1/; / { compatible = "acme,router-3"; signature { key-dev { required = "conf"; }; }; };`
)

func TestTrees(t *testing.T) {
	for _, tt := range []struct {
		name, text, title string
		args              []string
		model             string
		compatible        []string
		claims            int
	}{
		{"board", board, "device tree", nil, "Acme Router 3", []string{"acme,router-3", "acme,soc-9"}, 1},
		{"board, room for more", board, "device tree", []string{"-p", "500"}, "Acme Router 3", []string{"acme,router-3", "acme,soc-9"}, 1},
		{"board with names", board, "device tree", []string{"-@"}, "Acme Router 3", []string{"acme,router-3", "acme,soc-9"}, 1},
		{"version 16", board, "device tree", []string{"-V", "16"}, "Acme Router 3", []string{"acme,router-3", "acme,soc-9"}, 1},
		{"overlay", over, "device tree overlay", []string{"-@"}, "", nil, 0},
		{"boot loader", control, "device tree of a boot loader, with 1 keys", nil, "", []string{"acme,router-3"}, 1},
		{"nothing", "/dts-v1/; / { };", "device tree", nil, "", nil, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := dtc(t, tt.text, tt.args...)
			got := firmwaretest.Open(t, p, nil, Format())
			if got.Format != "dtb" || got.Title != tt.title || got.Announced != int64(len(p)) || len(got.Claims) != tt.claims || len(got.Children) != 0 {
				t.Fatalf("%+v", got)
			}
			if tt.claims > 0 && (got.Claims[0].Kind != firmware.Compatible || !slices.Equal(got.Claims[0].Values, []string{"acme,router-3"})) {
				t.Errorf("%+v", got.Claims)
			}
			if v := firmware.Whole(got); v.Answer != firmware.CannotTell {
				t.Errorf("%v %q", v.Answer, v.Reasons)
			}
			if s, err := look(context.Background(), block.Bytes(p)); err != nil || s.Name != tt.model || s.Title != tt.title || s.Size != int64(len(p)) {
				t.Errorf("%+v %v", s, err)
			}
			if c, err := Compatible(context.Background(), block.Bytes(p)); err != nil || !slices.Equal(c, tt.compatible) {
				t.Errorf("%q %v", c, err)
			}
			blind := block.SetOf(block.Extent{Length: int64(len(p))}) // it has no sum
			firmwaretest.Run(t, p, firmwaretest.Options{Blind: blind}, Format())
		})
	}
}

// TestOracle asks fdtget for the same.
func TestOracle(t *testing.T) {
	p := dtc(t, board)
	name := filepath.Join(t.TempDir(), "t.dtb")
	if err := os.WriteFile(name, p, 0o600); err != nil {
		t.Fatal(err)
	}
	out := imagetest.Pipe(t, "", nil, "fdtget", name, "/", "compatible")
	if got, err := Compatible(context.Background(), block.Bytes(p)); err != nil || strings.Join(got, " ") != strings.TrimSpace(string(out)) {
		t.Errorf("%q, fdtget says %q: %v", got, out, err)
	}
}

// TestBroken says where a tree is broken or cut off.
func TestBroken(t *testing.T) {
	p := dtc(t, board)
	token := bytes.Clone(p)
	i := bytes.Index(token, []byte("serial@1000"))
	token[i+12+3] = 77
	for _, tt := range []struct {
		name string
		p    []byte
		want string
	}{
		{"token", token, "a token from 1 to 4"},
		{"cut in the tree", p[:i+20], "tree, at node serial@1000 of"},
		{"cut in the names", p[:len(p)-5], "names of the tree of"},
	} {
		v := firmware.Whole(firmwaretest.Open(t, tt.p, nil, Format()))
		if v.Answer != firmware.No || !strings.Contains(v.Reasons[0], tt.want) {
			t.Errorf("%s: %v %q", tt.name, v.Answer, v.Reasons)
		}
	}
}

// TestBehind finds the trees that stand behind one another.
func TestBehind(t *testing.T) {
	p := dtc(t, board)
	two := append(bytes.Clone(p), make([]byte, -len(p)&3)...)
	two = append(two, dtc(t, control)...)
	got := firmwaretest.Open(t, two, nil, Format())
	if len(got.Children) != 1 || got.Children[0].Format != "dtb" || got.Children[0].Offset != int64((len(p)+3)&^3) {
		t.Errorf("%+v", got.Children)
	}
	if got := firmwaretest.Open(t, append(bytes.Clone(p), bytes.Repeat([]byte{0xFF}, 999)...), nil, Format()); len(got.Children) != 0 || firmware.Whole(got).Answer != firmware.CannotTell {
		t.Errorf("%+v", got)
	}
}

// TestLook sees no tree in random bytes behind the magic, nor in a tree of images.
func TestLook(t *testing.T) {
	ctx := context.Background()
	if _, err := look(ctx, block.Bytes(dtc(t, `/dts-v1/; / { images { k { data = "x"; }; }; };`))); !errors.Is(err, cursor.ErrNot) {
		t.Error(err)
	}
	good := dtc(t, board)
	for seed := range uint64(20_000) {
		p := firmwaretest.Noise(2048, seed)
		n := 4 + int(seed%2)*36 // the magic, or the whole header
		copy(p, good[:n])
		if _, err := look(ctx, block.Bytes(p)); !errors.Is(err, cursor.ErrNot) {
			t.Fatal(seed, err)
		}
	}
	if _, err := Compatible(ctx, block.Bytes(make([]byte, 4096))); !errors.Is(err, cursor.ErrNot) {
		t.Error(err)
	}
}

func FuzzOpen(f *testing.F) {
	f.Add(dtc(f, board, "-@"))
	f.Add(dtc(f, over, "-@"))
	f.Fuzz(func(t *testing.T, p []byte) {
		part := firmwaretest.Open(t, p, nil, Format())
		part.Walk(func(x *firmware.Part, _ int) bool {
			if x.Size < 0 || x.Offset < 0 || x != part && x.Offset+x.Size > int64(len(p)) {
				t.Fatalf("%+v", x)
			}
			return true
		})
		_, _ = Compatible(context.Background(), block.Bytes(p))
	})
}
