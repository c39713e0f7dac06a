package fdt

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"salvor/block"
	"salvor/cursor"
	"salvor/firmware/internal/imagetest"
)

const source = `/dts-v1/;
/memreserve/ 0x1000 0x2000;
/memreserve/ 0x8000000 0x400;
/ {
	#address-cells = <2>;
	compatible = "acme,router-3", "acme,router";
	model = "Acme Router 3";
	empty;
	big = <0x1 0x80000000>;
	chosen { bootargs = "console=ttyS0"; };
	images {
		kernel { data = [ff]; };
		kernel@1 { data = [00 01 02 03 04]; load = <0x8000>; };
	};
};
`

// dtc compiles a tree with the maker's own tool.
func dtc(t testing.TB, text string, args ...string) []byte {
	t.Helper()
	return imagetest.Pipe(t, "", []byte(text), "dtc", append(args, "-q", "-I", "dts", "-O", "dtb", "-o", "-", "-")...)
}

func read(t testing.TB, p []byte) *Tree {
	t.Helper()
	tree, err := Read(context.Background(), block.Bytes(p))
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

func TestRead(t *testing.T) {
	for _, version := range []string{"16", "17"} {
		p := dtc(t, source, "-V", version)
		tree := read(t, p)
		if tree.TotalSize != int64(len(p)) || len(tree.Reserved) != 2 || tree.Reserved[1] != [2]uint64{0x8000000, 0x400} || tree.StructEnd != tree.Struct.End() {
			t.Errorf("%+v", tree)
		}
		r := tree.Root
		if got := r.Texts("compatible"); len(got) != 2 || got[1] != "acme,router" || r.Text("model") != "Acme Router 3" {
			t.Errorf("%q", got)
		}
		if v, ok := r.Get("empty"); !ok || v.Data == nil || len(v.Data) != 0 {
			t.Errorf("%+v", v)
		}
		if n, ok := r.Number("big"); !ok || n != 0x180000000 {
			t.Errorf("%#x", n)
		}
		if n, ok := r.Length("#address-cells"); !ok || n != 2 {
			t.Error(n)
		}
		if _, ok := r.Number("model"); ok {
			t.Error("a text is a number")
		}
		k := r.At("/images/kernel@1")
		if k == nil || r.At("images/kernel") == k || r.At("/images/none") != nil || r.At("/") != r {
			t.Fatal(k)
		}
		if v, _ := k.Get("data"); !bytes.Equal(v.Data, []byte{0, 1, 2, 3, 4}) || !bytes.Equal(p[v.Extent.Offset:v.Extent.End()], v.Data) {
			t.Errorf("%+v", v)
		}
	}
}

// TestOracle asks fdtget for each property.
func TestOracle(t *testing.T) {
	p := dtc(t, source)
	path := filepath.Join(t.TempDir(), "t.dtb")
	if err := os.WriteFile(path, p, 0o600); err != nil {
		t.Fatal(err)
	}
	count := 0
	var walk func(n *Node, at string)
	walk = func(n *Node, at string) {
		for _, v := range n.Properties {
			out := imagetest.Pipe(t, "", nil, "fdtget", "-t", "bx", path, max(at, "/"), v.Name)
			var want []byte
			for _, f := range strings.Fields(string(out)) {
				var b byte
				for _, c := range f {
					b = b<<4 | byte(strings.IndexRune("0123456789abcdef", c))
				}
				want = append(want, b)
			}
			if !bytes.Equal(want, v.Data) {
				t.Errorf("%s %s: %x, fdtget says %x", at, v.Name, v.Data, want)
			}
			count++
		}
		for _, c := range n.Children {
			walk(c, at+"/"+c.Name)
		}
	}
	walk(read(t, p).Root, "")
	if count != 9 {
		t.Errorf("%d properties", count)
	}
}

// TestLarge keeps no large value, and gives its place.
func TestLarge(t *testing.T) {
	dir := t.TempDir()
	data := bytes.Repeat([]byte("0123456789abcdef"), 20_000)
	if err := os.WriteFile(filepath.Join(dir, "data"), data, 0o600); err != nil {
		t.Fatal(err)
	}
	p := dtc(t, `/dts-v1/; / { a { data = /incbin/("`+filepath.Join(dir, "data")+`"); after = "it"; }; b { last; }; };`)
	tree := read(t, p)
	v, ok := tree.Root.At("/a").Get("data")
	if !ok || v.Data != nil || !bytes.Equal(p[v.Extent.Offset:v.Extent.End()], data) || tree.Root.At("/a").Text("after") != "it" || tree.Root.At("/b") == nil {
		t.Errorf("%v", v.Extent)
	}
}

// TestTokens covers each byte of the structure by a token.
func TestTokens(t *testing.T) {
	p := dtc(t, source)
	h, err := ParseHeader(p)
	if err != nil {
		t.Fatal(err)
	}
	at := h.Struct.Offset
	if err := h.Walk(context.Background(), block.Bytes(p), func(k *Token) error {
		if k.Extent.Offset != at {
			t.Errorf("%+v at %d", k, at)
		}
		at = k.Extent.End()
		return nil
	}); err != nil || at != h.Struct.End() {
		t.Error(at, err)
	}
	stop := errors.New("stop")
	if err := h.Walk(context.Background(), block.Bytes(p), func(*Token) error { return stop }); !errors.Is(err, stop) {
		t.Error(err)
	}
}

// TestCut gives the structure of a tree whose strings are gone, and says that they are.
func TestCut(t *testing.T) {
	p := dtc(t, source)
	cut := be.Uint32(p[12:]) + 27
	tree, err := Read(context.Background(), block.Bytes(p[:cut]))
	if _, broken := cursor.IsCorrupt(err); !broken || tree.Root.At("/images/kernel@1") == nil || tree.Root.Text("compatible") != "acme,router-3" || tree.Root.Text("model") != "" {
		t.Errorf("%v %+v", err, tree.Root)
	}
	var names []string
	if err := tree.Scan(context.Background(), block.Bytes(p[:cut]), 1<<20, func(k *Token) error {
		if k.Kind == BeginNode {
			names = append(names, k.Name)
		}
		return nil
	}); err != nil || strings.Join(names, " ") != " chosen images kernel kernel@1" {
		t.Errorf("%q %v", names, err)
	}
	n := 0
	if err := tree.Scan(context.Background(), block.Bytes(p), 40, func(*Token) error { n++; return nil }); err != nil || n != 3 {
		t.Error(n, err)
	}
}

func TestBroken(t *testing.T) {
	good := dtc(t, source)
	change := func(at int, v uint32) []byte {
		p := bytes.Clone(good)
		be.PutUint32(p[at:], v)
		return p
	}
	structure := int(be.Uint32(good[8:]))
	for _, tt := range []struct {
		name string
		p    []byte
		want string // of the error, "not" for another format
	}{
		{"magic", change(0, 1), "not"},
		{"short", good[:30], "not"},
		{"version", change(20, 3), "version 16 or 17"},
		{"compatible", change(24, 18), "version 16 or 17"},
		{"total", change(4, 50), "bytes in all"},
		{"structure", change(8, 2), "structure block"},
		{"structure over strings", change(36, be.Uint32(good[36:])+8), "structure block"},
		{"strings", change(12, 1<<30), "strings block"},
		{"reservations", change(16, 7), "memory reservations"},
		{"no root", change(structure, 9), "root node"},
		{"token", change(structure, 77), "a token from 1 to 4"},
		{"cut", good[:len(good)/2], ""},
	} {
		_, err := Read(context.Background(), block.Bytes(tt.p))
		_, broken := cursor.IsCorrupt(err)
		if tt.want == "not" && !errors.Is(err, cursor.ErrNot) || tt.want != "not" && (!broken || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	// What stands in front of a break is there.
	tree, err := Read(context.Background(), block.Bytes(change(structure+int(be.Uint32(good[36:]))-8, 77)))
	if err == nil || tree.StructEnd != 0 || tree.Root.At("/images/kernel@1") == nil {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Read(ctx, block.Bytes(good)); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestDeep refuses a tree that is deeper than any.
func TestDeep(t *testing.T) {
	p := make([]byte, 56)
	for range 1000 {
		p = append(p, 0, 0, 0, 1, 'n', 0, 0, 0)
	}
	p = append(p, 0, 0, 0, 9)
	for i, v := range []uint32{Magic, uint32(len(p)), 56, uint32(len(p)), 40, 17, 16, 0, 0, uint32(len(p) - 56)} {
		be.PutUint32(p[4*i:], v)
	}
	if _, err := Read(context.Background(), block.Bytes(p)); !errors.Is(err, errNodes) {
		t.Error(err)
	}
}

// TestDamage overwrites a good tree at random.
func TestDamage(t *testing.T) {
	good := dtc(t, source)
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		p := bytes.Clone(good)
		for range 1 + rnd.IntN(4) {
			p[rnd.IntN(len(p))] = byte(rnd.Uint32())
		}
		inside(t, p[:len(p)-rnd.IntN(2)*rnd.IntN(len(p))])
	}
}

// inside reads a tree and sees that nothing of it is told outside of the source.
func inside(t testing.TB, p []byte) {
	t.Helper()
	tree, err := Read(context.Background(), block.Bytes(p))
	if err != nil {
		if _, broken := cursor.IsCorrupt(err); !broken && !errors.Is(err, cursor.ErrNot) && !errors.Is(err, errNodes) {
			t.Fatal(err)
		}
	}
	if tree == nil {
		return
	}
	var walk func(n *Node)
	walk = func(n *Node) {
		for _, v := range n.Properties {
			if v.Data != nil && !bytes.Equal(p[v.Extent.Offset:v.Extent.End()], v.Data) {
				t.Fatalf("%+v", v)
			}
		}
		for _, c := range n.Children {
			walk(c)
		}
	}
	walk(tree.Root)
}

func FuzzRead(f *testing.F) {
	f.Add(dtc(f, source))
	f.Add(dtc(f, "/dts-v1/; / { };", "-V", "16"))
	f.Fuzz(func(t *testing.T, p []byte) { inside(t, p) })
}
