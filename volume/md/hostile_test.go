package md

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/ulikunitz/xz"

	"salvor/block"
	"salvor/finding"
	"salvor/internal/need"
	"salvor/volume"
	"salvor/volume/internal/stacktest"
)

func specimen(t *testing.T, name string) []byte {
	t.Helper()
	f, err := os.Open("testdata/" + name + ".img.xz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := xz.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestSpecimens names images of util-linux as its own tools do.
func TestSpecimens(t *testing.T) {
	for _, tt := range []struct{ file, format, set, id, label string }{
		{"mdraid", "md 0.90", "37c76b91:011a05c5:d30c1fd4:c5c3dbbc", "", ""},
		{"mdraid-1", "md 1.2", "77e61baf:c0b5d7d0:39cf575b:64d4878c", "379f6ef9:e75a12c1:11f1d883:ff168e1d", "troy.t-8ch.de:0"},
		{"ddf-raid", "SNIA DDF 01.02.00", "", "", ""},
		{"isw-raid", "Intel Matrix (IMSM) 1.0.00", "", "", ""},
	} {
		members, sets := put(t, block.Bytes(specimen(t, tt.file)))
		if len(members) != 1 || len(sets) != 1 {
			t.Errorf("%s: %d members, %d sets", tt.file, len(members), len(sets))
			continue
		}
		m := members[0]
		// The superblock of version 0.90 is one whose image was cut: blkid does not look at its checksum.
		if m.Format != tt.format || tt.set != "" && m.Set != tt.set || m.ID != tt.id || m.Label != tt.label {
			t.Errorf("%s: %+v", tt.file, m)
		}
		if tt.set == "" && (len(sets[0].Volumes) != 0 || sets[0].Findings[0].Code != "md.container.unread") {
			t.Errorf("%s: %+v", tt.file, sets[0])
		}
	}
}

// TestNothing has media that hold no member.
func TestNothing(t *testing.T) {
	for _, n := range []int{0, 1, 511, 512, 4096, 65536, 200000} {
		members, sets := put(t, block.Bytes(make([]byte, n)))
		if len(members) != 0 || len(sets) != 0 {
			t.Errorf("%d bytes of zeros: %d members", n, len(members))
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Stack().Members(ctx, block.Bytes(make([]byte, 1<<20)), nil); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if _, err := Stack().Assemble(ctx, []volume.Member{{Stack: "md", Detail: &detail{super: &super{}}}}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if sets, err := Stack().Assemble(t.Context(), []volume.Member{{}, {Stack: "lvm", Detail: 5}, {Stack: "md", Detail: (*detail)(nil)}}); err != nil || len(sets) != 0 {
		t.Errorf("%v, %v", sets, err)
	}
}

// resum gives a superblock of version 1 a right checksum.
func resum(b []byte) {
	devices := min(int(binary.LittleEndian.Uint32(b[220:])), (len(b)-256)/2)
	binary.LittleEndian.PutUint32(b[216:], sum1(b, max(devices, 0)))
}

// TestHostile gives superblocks that pass their checksum numbers that cannot be.
func TestHostile(t *testing.T) {
	le := binary.LittleEndian
	list := disks(t, "raid5-1.2")
	for name, change := range map[string]func(b []byte){
		"chunk 0":         func(b []byte) { le.PutUint32(b[88:], 0) },
		"chunk 1":         func(b []byte) { le.PutUint32(b[88:], 1) },
		"chunk 4G":        func(b []byte) { le.PutUint32(b[88:], 1<<32-1) },
		"no disks":        func(b []byte) { le.PutUint32(b[92:], 0) },
		"1900 disks":      func(b []byte) { le.PutUint32(b[92:], 1900) },
		"4G disks":        func(b []byte) { le.PutUint32(b[92:], 1<<32-1) },
		"4G roles":        func(b []byte) { le.PutUint32(b[220:], 1<<32-1) },
		"level":           func(b []byte) { le.PutUint32(b[72:], 77) },
		"layout":          func(b []byte) { le.PutUint32(b[76:], 77) },
		"ten":             func(b []byte) { le.PutUint32(b[72:], 10); le.PutUint32(b[76:], 0xffff) },
		"ten of nothing":  func(b []byte) { le.PutUint32(b[72:], 10); le.PutUint32(b[76:], 0) },
		"ten of sets":     func(b []byte) { le.PutUint32(b[72:], 10); le.PutUint32(b[76:], 0x40102) },
		"raid 0":          func(b []byte) { le.PutUint32(b[72:], 0); le.PutUint64(b[80:], 0) },
		"linear":          func(b []byte) { le.PutUint32(b[72:], 1<<32-1) },
		"multipath":       func(b []byte) { le.PutUint32(b[72:], 1<<32-4) },
		"size":            func(b []byte) { le.PutUint64(b[80:], 1<<63) },
		"large size":      func(b []byte) { le.PutUint64(b[80:], 1<<46) },
		"data behind":     func(b []byte) { le.PutUint64(b[128:], 1<<45) },
		"data at the end": func(b []byte) { le.PutUint64(b[128:], 1<<62) },
		"place":           func(b []byte) { le.PutUint64(b[144:], 1<<62) },
		"other place":     func(b []byte) { le.PutUint64(b[144:], 16) },
		"rebuilt":         func(b []byte) { b[8] |= 2; le.PutUint64(b[152:], 1<<63) },
		"reshape":         func(b []byte) { b[8] |= 4; le.PutUint32(b[112:], 1<<31); le.PutUint64(b[104:], 1<<62) },
		"reshape to 1900": func(b []byte) { b[8] |= 4; le.PutUint32(b[112:], 1<<32-1890); le.PutUint32(b[100:], 6) },
		"log":             func(b []byte) { b[8] |= 8; le.PutUint16(b[186:], 65535); le.PutUint32(b[188:], 1<<31) },
		"shift":           func(b []byte) { b[8] |= 8; b[185] = 255 },
	} {
		t.Run(name, func(t *testing.T) {
			var sources []block.Source
			for _, d := range list {
				d = append([]byte(nil), d...)
				change(d[4096:8192])
				resum(d[4096:8192])
				sources = append(sources, block.Bytes(d))
			}
			use(t, sources)
		})
	}
}

// use finds, puts together and reads what it can; what is tested is that it comes to an end.
func use(t testing.TB, sources []block.Source) {
	start := time.Now()
	members, sets := put(t, sources...)
	for _, s := range sets {
		for _, i := range append(append([]int(nil), s.Members...), s.Stale...) {
			if i < 0 || i >= len(members) {
				t.Fatalf("member %d of %d", i, len(members))
			}
		}
		for _, f := range s.Findings {
			if f.Severity > finding.Error || f.Text == "" {
				t.Errorf("%+v", f)
			}
		}
		for _, v := range s.Volumes {
			if v.Source == nil {
				continue
			}
			b := make([]byte, 1<<16)
			for _, off := range []int64{0, v.Size / 2, v.Size - 4096} {
				if off >= 0 {
					_, _ = v.Source.ReadAt(b, off)
				}
			}
			e := block.Extent{Length: min(v.Size, 1<<20)}
			block.UnreadableIn(v.Source, e)
			v.Source.(volume.Placer).Places(e)
		}
	}
	if d := time.Since(start); d > 30*time.Second {
		t.Errorf("took %v", d)
	}
}

// TestDamage overwrites random places of real members.
func TestDamage(t *testing.T) {
	runs := 40
	if need.CI() {
		runs = 1000
	}
	for _, name := range []string{"raid5-1.2", "raid6-four", "raid0-original", "raid10-o2-5", "raid1-0.90", "reshape", "badblocks"} {
		list := disks(t, name)
		rnd := rand.New(rand.NewPCG(9, uint64(len(name))))
		for range runs {
			var sources []block.Source
			for _, d := range list {
				at := 0
				switch {
				case name == "raid1-0.90":
					at = len(d)&^(reservedSize-1) - reservedSize
				default:
					at = 4096
				}
				head := append([]byte(nil), d[at:at+superSize]...)
				for range 1 + rnd.IntN(4) {
					i := rnd.IntN(300)
					n := 1 + rnd.IntN(8)
					for k := range n {
						head[i+k] = byte(rnd.Uint32())
					}
				}
				if at == 4096 && rnd.IntN(4) > 0 {
					resum(head)
				}
				sources = append(sources, &patched{Source: block.Bytes(d), at: int64(at), b: head})
			}
			use(t, sources)
		}
	}
	// A set beside a damaged one is whole.
	broken := disks(t, "raid5-1.1")
	for _, d := range broken {
		for i := range d[:4096] {
			d[i] ^= byte(i * 7)
		}
	}
	_, sets := put(t, append(stacktest.Sources(broken), stacktest.Sources(disks(t, "raid6-four"))...)...)
	if len(sets) != 1 || stacktest.Sum(stacktest.Content(t, sets[0].Volumes[0].Source)) != truths(t)["raid6-four"].Sum {
		t.Errorf("%d sets", len(sets))
	}
}

// patched is a source with other bytes at one place.
type patched struct {
	block.Source
	at int64
	b  []byte
}

func (p *patched) ReadAt(b []byte, off int64) (int, error) {
	n, err := p.Source.ReadAt(b, off)
	if from, to := max(off, p.at), min(off+int64(n), p.at+int64(len(p.b))); from < to {
		copy(b[from-off:to-off], p.b[from-p.at:])
	}
	return n, err
}

func FuzzSuper(f *testing.F) {
	for _, name := range []string{"raid5-1.2", "reshape", "badblocks", "raid10-o2-5", "raid0-original"} {
		f.Add(disks(f, name)[0][4096:8192])
	}
	d := disks(f, "raid1-0.90")[0]
	d = d[len(d)&^(reservedSize-1)-reservedSize:][:superSize]
	f.Add(d)
	f.Add(swapped(append(make([]byte, reservedSize), append(d, make([]byte, reservedSize-superSize)...)...))[reservedSize:][:superSize])
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > superSize {
			b = b[:superSize]
		}
		one := make([]byte, 300<<10)
		copy(one[4096:], b)
		copy(one[len(one)&^(reservedSize-1)-reservedSize:], b)
		other := append([]byte(nil), one...)
		resum(one[4096:8192])
		use(t, []block.Source{block.Bytes(one), block.Bytes(other)})
	})
}
