package imaging_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	"salvor/block"
	"salvor/block/blocktest"
	"salvor/cursor"
	"salvor/imaging"
	"salvor/internal/need"
)

const example = `# Mapfile. Created by GNU ddrescue version 1.27
# Command line: ddrescue -d -c18 /dev/fd0 fdimage mapfile
# Start time:   2015-07-21 09:37:44
# Current time: 2015-07-21 09:38:19
# Copying non-tried blocks... Pass 1 (forwards)
# current_pos  current_status  current_pass
0x00120000     ?               1
#      pos        size  status
0x00000000  0x00117000  +
0x00117000  0x00000200  -
0x00117200  0x00001000  /
0x00118200  0x00007E00  *
0x00120000  0x00048000  ?
`

type stretch struct {
	e block.Extent
	s imaging.Status
}

func stretches(m *imaging.Map) []stretch {
	var out []stretch
	for e, s := range m.All() {
		out = append(out, stretch{e, s})
	}
	return out
}

func TestReadMap(t *testing.T) {
	for _, tt := range []struct {
		name string
		text string
		want []stretch
		pos  int64
		work imaging.Status
		pass int
		note []string
	}{
		{"the manual's", example, []stretch{{block.Between(0, 0x117000), '+'}, {block.Between(0x117000, 0x117200), '-'},
			{block.Between(0x117200, 0x118200), '/'}, {block.Between(0x118200, 0x120000), '*'}, {block.Between(0x120000, 0x168000), '?'}},
			0x120000, '?', 1, []string{"Mapfile. Created by GNU ddrescue version 1.27", "Command line: ddrescue -d -c18 /dev/fd0 fdimage mapfile",
				"Start time:   2015-07-21 09:37:44", "Current time: 2015-07-21 09:38:19", "Copying non-tried blocks... Pass 1 (forwards)"}},
		{"1.21 and before: no pass", "# Rescue Logfile. Created by GNU ddrescue version 1.16\n0x100 -\n0 0x200 -\n",
			[]stretch{{block.Between(0, 0x200), '-'}}, 0x100, '-', 1, []string{"Rescue Logfile. Created by GNU ddrescue version 1.16"}},
		{"1.6 and before: no status line", "# Rescue Logfile\n0x0 0x200 +\n0x200 0x200 ?\n",
			[]stretch{{block.Between(0, 0x200), '+'}, {block.Between(0x200, 0x400), '?'}}, 0, '?', 1, []string{"Rescue Logfile"}},
		{"no size of the last block", "0 ? 1\n0 512 +\n512 -1 ?\n",
			[]stretch{{block.Between(0, 512), '+'}, {block.Between(512, math.MaxInt64), '?'}}, 0, '?', 1, nil},
		{"all bases", "010 F 12\n0 010 +\n8 0x8 -\n0X10 020 /\n",
			[]stretch{{block.Between(0, 8), '+'}, {block.Between(8, 16), '-'}, {block.Between(16, 32), '/'}}, 8, 'F', 12, nil},
		{"comments and blanks everywhere", "\n\t# a\n 0 + 3 # b\r\n\n0 512 + # c\r\n#d\n  512   512 + #\n",
			[]stretch{{block.Between(0, 1024), '+'}}, 0, '+', 3, []string{"a", "b"}},
		{"a first block that is not at 0", "0 ? 1\n512 512 +\n", []stretch{{block.Between(0, 512), '?'}, {block.Between(512, 1024), '+'}}, 0, '?', 1, nil},
		{"a block of no bytes", "0 ? 1\n0 0 -\n0 512 +\n", []stretch{{block.Between(0, 512), '+'}}, 0, '?', 1, nil},
		{"no end of line", "0 ? 1\n0 512 +", []stretch{{block.Between(0, 512), '+'}}, 0, '?', 1, nil},
		{"no blocks", "0 ? 1\n", nil, 0, '?', 1, nil},
		{"beyond 32 bits", "0xE017E00000 ? 1\n0 0xE017E00000 +\n", []stretch{{block.Between(0, 0xE017E00000), '+'}}, 0xE017E00000, '?', 1, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m, err := imaging.ReadMap(strings.NewReader(tt.text))
			if err != nil {
				t.Fatal(err)
			}
			if got := stretches(m); !reflect.DeepEqual(got, tt.want) {
				t.Errorf("blocks %v, want %v", got, tt.want)
			}
			if m.Pos != tt.pos || m.Current != tt.work || m.Pass != tt.pass || !reflect.DeepEqual(m.Comments, tt.note) {
				t.Errorf("pos %#x, work %v, pass %d, comments %q", m.Pos, m.Current, m.Pass, m.Comments)
			}
		})
	}
}

func TestReadMapRefuses(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"empty", "", "expected a status line"},
		{"comments only", "# a\n", "expected a status line"},
		{"not a map", "hello\n", "line 1: 1 fields, expected position, size and status"},
		{"a gap", "0 ? 1\n0 512 +\n1024 512 +\n", "line 3: one at 0x400, expected a block at 0x200 (at 0xe)"},
		{"an overlap", "0 ? 1\n0 512 +\n256 512 +\n", "line 3: one at 0x100, expected a block at 0x200"},
		{"a wrong state", "0 ? 1\n0 512 x\n", `"x", expected one of`},
		{"a state of the work", "0 ? 1\n0 512 F\n", `"F", expected one of`},
		{"a long state", "0 ? 1\n0 512 ++\n", `"++", expected one of`},
		{"a negative position", "0 ? 1\n-5 512 +\n", "-5, expected a position"},
		{"a negative size", "0 ? 1\n0 -2 +\n", "-2, expected a size"},
		{"a size that does not fit", "0 ? 1\n512 0x7FFFFFFFFFFFFFFF +\n", "expected a size"},
		{"not octal", "0 ? 1\n0 08 +\n", "08, expected a size"},
		{"not hexadecimal", "0 ? 1\n0 0xG +\n", "0xG, expected a size"},
		{"underscores", "0 ? 1\n0 1_0 +\n", "1_0, expected a size"},
		{"pass 0", "0 ? 0\n0 512 +\n", "0, expected the number of a pass"},
		{"a hexadecimal pass", "0 ? 0x1\n0 512 +\n", "0x1, expected the number of a pass"},
		{"four fields", "0 ? 1 1\n", "4, expected 2 or 3 fields"},
		{"something behind the open block", "0 ? 1\n0 -1 ?\n5 1 +\n", "expected no block behind"},
		{"an endless line", "0 ? 1\n" + strings.Repeat("1", 1<<20), "expected a line of at most"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := imaging.ReadMap(strings.NewReader(tt.text))
			if _, ok := cursor.IsCorrupt(err); !ok || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
	if _, err := imaging.ReadMap(iotest.ErrReader(errFull)); !errors.Is(err, errFull) {
		t.Errorf("error %v", err)
	}
}

func TestWriteMap(t *testing.T) {
	m, err := imaging.ReadMap(strings.NewReader(example))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if n, err := m.WriteTo(&b); err != nil || n != int64(len(example)) || b.String() != example {
		t.Errorf("%d bytes, %v:\n%s", n, err, b.String())
	}
	m.Comments = []string{"a\nb\x00\x7F"}
	b.Reset()
	if _, err := m.WriteTo(&b); err != nil || !strings.HasPrefix(b.String(), "# a b  \n# current_pos") {
		t.Errorf("%q, %v", b.String(), err)
	}
	m.Set(block.Between(0, m.Size()), imaging.Finished)
	wide := m.Fit(0xE017E00000)
	b.Reset()
	if _, err := wide.WriteTo(&b); err != nil || !strings.HasSuffix(b.String(), "0x00168000  0xE017C98000  ?\n") {
		t.Errorf("%q, %v", b.String(), err)
	}
}

func TestFit(t *testing.T) {
	m, err := imaging.ReadMap(strings.NewReader("0 ? 1\n0 512 +\n512 -1 ?\n"))
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int64{100, 512, 5000, math.MaxInt64} {
		f := m.Fit(size)
		if f.Size() != size || f.Of(imaging.Finished).Bytes() != min(size, 512) {
			t.Errorf("Fit(%d): size %d, finished %d", size, f.Size(), f.Of(imaging.Finished).Bytes())
		}
	}
	c := m.Clone()
	c.Set(block.Between(0, 9), imaging.BadSector)
	c.Comments = append(c.Comments, "x")
	if m.Of(imaging.BadSector).Bytes() != 0 || len(m.Comments) != 0 {
		t.Error("a clone shares something")
	}
}

var anyMap = rapid.Custom(func(t *rapid.T) *imaging.Map {
	m := imaging.NewMap(rapid.Int64Range(1, 1<<45).Draw(t, "size"))
	for range rapid.IntRange(0, 12).Draw(t, "blocks") {
		off := rapid.Int64Range(0, m.Size()).Draw(t, "offset")
		m.Set(block.Extent{Offset: off, Length: rapid.Int64Range(0, m.Size()-off).Draw(t, "length")},
			rapid.SampledFrom([]imaging.Status{'?', '*', '/', '-', '+'}).Draw(t, "status"))
	}
	m.Pos = rapid.Int64Range(0, m.Size()).Draw(t, "pos")
	m.Current = rapid.SampledFrom([]imaging.Status{'?', '*', '/', '-', 'F', 'G', '+'}).Draw(t, "work")
	m.Pass = rapid.IntRange(1, 99).Draw(t, "pass")
	m.Comments = rapid.SliceOf(rapid.StringMatching(`[a-z:]([ -~]*[a-z])?`)).Draw(t, "comments")
	return m
})

func TestMapRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := anyMap.Draw(t, "map")
		var b bytes.Buffer
		if _, err := m.WriteTo(&b); err != nil {
			t.Fatal(err)
		}
		back, err := imaging.ReadMap(bytes.NewReader(b.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(stretches(back), stretches(m)) || back.Pos != m.Pos || back.Current != m.Current || back.Pass != m.Pass {
			t.Fatalf("%v\nbecame %v", stretches(m), stretches(back))
		}
		if fmt.Sprint(back.Comments) != fmt.Sprint(m.Comments) {
			t.Fatalf("%q became %q", m.Comments, back.Comments)
		}
	})
}

func FuzzReadMap(f *testing.F) {
	f.Add([]byte(example))
	f.Add([]byte("0 -\n0 010 +\n8 -1 ?\n"))
	f.Add([]byte("0x0 0x200 +\n0x200 0x200 ?"))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := imaging.ReadMap(bytes.NewReader(b))
		if err != nil {
			if _, ok := cursor.IsCorrupt(err); !ok {
				t.Fatalf("error %v", err)
			}
			return
		}
		var first, second bytes.Buffer
		if _, err := m.WriteTo(&first); err != nil {
			t.Fatal(err)
		}
		back, err := imaging.ReadMap(bytes.NewReader(first.Bytes()))
		if err != nil {
			t.Fatalf("%v of what was written:\n%s", err, first.Bytes())
		}
		if _, err := back.WriteTo(&second); err != nil || !bytes.Equal(first.Bytes(), second.Bytes()) {
			t.Fatalf("%v: %q became %q", err, first.Bytes(), second.Bytes())
		}
	})
}

// tool returns the path of a program of Debian's gddrescue.
func tool(t *testing.T, name string) string {
	t.Helper()
	path := need.Tool(t, name)
	return path
}

func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
	return string(out)
}

func writeMap(t *testing.T, path string, m *imaging.Map) {
	t.Helper()
	var b bytes.Buffer
	if _, err := m.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

func readMap(t *testing.T, path string) *imaging.Map {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	m, err := imaging.ReadMap(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// The real ddrescue, on the same simulated failures, comes to the same map, and each goes on with the other's map.
func TestDdrescue(t *testing.T) {
	ddrescue, ddrescuelog := tool(t, "ddrescue"), tool(t, "ddrescuelog")
	const size = 3<<20 + 4096
	data := random(21, size)
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	if err := os.WriteFile(path("in"), data, 0o600); err != nil {
		t.Fatal(err)
	}
	fail := imaging.NewMap(size)
	fail.Set(block.Between(0, size), imaging.Finished)
	for _, e := range []block.Extent{{Offset: 512, Length: 512}, {Offset: 1 << 20, Length: 70 << 10}, {Offset: 2<<20 + 1024, Length: 512}, {Offset: size - 1024, Length: 512}} {
		fail.Set(e, imaging.BadSector)
	}
	writeMap(t, path("fail.map"), fail)
	bad := fail.Of(imaging.BadSector)
	src := blocktest.Silent(blocktest.Faulty(block.Bytes(data), blocktest.Bad(bad.Extents()...)))

	run(t, ddrescue, "-q", "-H", path("fail.map"), path("in"), path("theirs"), path("theirs.map"))
	theirs := readMap(t, path("theirs.map"))
	ours := imaging.NewMap(size)
	target := newMemory(size)
	if _, err := imaging.Run(t.Context(), &imaging.Job{Source: src, Target: target, Map: ours}); err != nil {
		t.Fatal(err)
	}
	if !ours.Of(imaging.Finished).Equal(theirs.Of(imaging.Finished)) || !ours.Of(imaging.BadSector).Equal(theirs.Of(imaging.BadSector)) {
		t.Errorf("our map %v\ntheir map %v", stretches(ours), stretches(theirs))
	}
	image, err := os.ReadFile(path("theirs"))
	if err != nil {
		t.Fatal(err)
	}
	// The file of theirs ends at the last byte that was read.
	if !bytes.Equal(image, target.durable[:len(image)]) || len(bytes.Trim(target.durable[len(image):], "\x00")) > 0 {
		t.Error("the copies differ")
	}

	// Our finished map is one for ddrescuelog, which does not find anything unfinished but the bad sectors.
	writeMap(t, path("ours.map"), ours)
	out := strings.Join(strings.Fields(run(t, ddrescuelog, "-t", path("ours.map"))), " ")
	for _, want := range []string{"current status: finished", "non-tried: 0 B", fmt.Sprintf("bad-sector: %d B, in 4 area(s)", bad.Bytes())} {
		if !strings.Contains(out, want) {
			t.Errorf("ddrescuelog -t does not say %q: %s", want, out)
		}
	}

	// They go on with ours.
	half := imaging.NewMap(size)
	half.Set(block.Between(0, 1<<20), imaging.Finished)
	half.Set(block.Between(512, 1024), imaging.BadSector)
	half.Pos = 1 << 20
	writeMap(t, path("half.map"), half)
	if err := os.WriteFile(path("half"), target.durable[:1<<20], 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, ddrescue, "-q", "-H", path("fail.map"), path("in"), path("half"), path("half.map"))
	if m := readMap(t, path("half.map")); !m.Of(imaging.BadSector).Equal(bad) {
		t.Errorf("after them: %v", stretches(m))
	}
	// We go on with theirs, which was stopped after a while.
	run(t, ddrescue, "-q", "-s", "1500000", path("in"), path("part"), path("part.map"))
	part := readMap(t, path("part.map")).Fit(size)
	copied, err := os.ReadFile(path("part"))
	if err != nil {
		t.Fatal(err)
	}
	target = newMemory(size)
	copy(target.now, copied)
	copy(target.durable, copied)
	if _, err := imaging.Run(t.Context(), &imaging.Job{Source: block.Bytes(data), Target: target, Map: part}); err != nil || !bytes.Equal(target.durable, data) {
		t.Errorf("going on with their map: %v", err)
	}
}
