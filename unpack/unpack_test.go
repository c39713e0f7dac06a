package unpack

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"salvor/block"
	"salvor/block/blocktest"
	"salvor/internal/need"
)

// tools are the commands that compress the standard input, by kind. The first of each is the usual one.
var tools = []struct{ kind, command string }{
	{"gzip", "gzip -c"}, {"gzip", "gzip -1c"},
	{"xz", "xz -c -T1 -1"}, {"xz", "xz -c -T2 -1 --block-size=100000"}, {"xz", "xz -c --check=none -1"}, {"xz", "xz -c --check=sha256 -0"},
	{"zstd", "zstd -c -q"}, {"zstd", "zstd -c -q --long=27 --no-check"}, {"zstd", "zstd -c -q -19 --no-content-size"},
	{"bzip2", "bzip2 -c"}, {"bzip2", "bzip2 -1c"},
	{"lz4", "lz4 -c -q"}, {"lz4", "lz4 -c -q --content-size -BD -9"}, {"lz4", "lz4 -c -q -l"}, {"lz4", "lz4 -c -q --no-frame-crc -B4"},
	{"lzo", "lzop -c"}, {"lzo", "lzop -c -9 --crc32"}, {"lzo", "lzop -c --no-checksum"},
	{"lzma", "xz -c --format=lzma -1"}, {"lzma", "xz -c --format=lzma --lzma1=dict=1MiB,lc=1,lp=2,pb=2"},
}

// content is n bytes, some of which compress well.
func content(n int) []byte {
	rnd := rand.New(rand.NewPCG(3, uint64(n)))
	p := make([]byte, 0, n)
	for len(p) < n {
		switch rnd.IntN(4) {
		case 0:
			p = append(p, make([]byte, rnd.IntN(20000))...)
		case 1:
			for range rnd.IntN(5000) {
				p = append(p, byte(rnd.Uint32()))
			}
		default:
			p = append(p, strings.Repeat("the quick brown fox ", rnd.IntN(500))...)
		}
	}
	return p[:n]
}

func compress(t testing.TB, command string, p []byte) []byte {
	t.Helper()
	args := strings.Fields(command)
	cmd := need.Command(t, args[0], args[1:]...)
	cmd.Stdin = bytes.NewReader(p)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v", command, err)
	}
	return out
}

const enough = 1 << 40

func run(t testing.TB, kind string, src block.Source, limit int64) (Result, []byte, error) {
	t.Helper()
	var out bytes.Buffer
	r, err := ByName(kind).Run(context.Background(), src, &out, limit)
	if r.Size != int64(out.Len()) {
		t.Errorf("%d bytes told, %d given", r.Size, out.Len())
	}
	return r, out.Bytes(), err
}

func TestWhole(t *testing.T) {
	for _, tool := range tools {
		t.Run(tool.command, func(t *testing.T) {
			for _, n := range []int{0, 1, 1000, 3<<20 + 17} {
				want := content(n)
				packed := compress(t, tool.command, want)
				r, got, err := run(t, tool.kind, block.Bytes(packed), enough)
				if err != nil || r.Broken != nil || r.Trailing != 0 || r.Read != int64(len(packed)) || !bytes.Equal(got, want) {
					t.Errorf("%d bytes: %+v, %v, the same %v", n, r, err, bytes.Equal(got, want))
				}
				name := "card.img." + ByName(tool.kind).Extensions[0]
				if k, _ := Recognise(name, packed[:min(len(packed), HeadSize)]); k == nil || k.Name != tool.kind {
					t.Errorf("%s is recognised as %v", name, k)
				}
				if a := ByName(tool.kind).Announced(block.Bytes(packed)); a != 0 && a != int64(n) {
					t.Errorf("%d bytes announced, %d come out", a, n)
				}
			}
		})
	}
}

// TestStreams puts several streams behind each other, which all these tools take for one file.
func TestStreams(t *testing.T) {
	for _, tool := range tools {
		if strings.Contains(tool.command, " -l") || tool.kind == "lzma" {
			continue // a file has one of them
		}
		t.Run(tool.command, func(t *testing.T) {
			a, b := content(70000), content(50001)
			packed := append(compress(t, tool.command, a), compress(t, tool.command, b)...)
			r, got, err := run(t, tool.kind, block.Bytes(packed), enough)
			if err != nil || r.Broken != nil || r.Trailing != 0 || !bytes.Equal(got, append(a, b...)) {
				t.Errorf("%+v, %v, %d bytes", r, err, len(got))
			}
		})
	}
}

func TestTrailing(t *testing.T) {
	for _, tool := range tools {
		if strings.Contains(tool.command, " -l") {
			continue // a legacy frame has no end but that of the file
		}
		t.Run(tool.command, func(t *testing.T) {
			want := content(70000)
			packed := append(compress(t, tool.command, want), "metadata of a firmware image"...)
			r, got, err := run(t, tool.kind, block.Bytes(packed), enough)
			if err != nil || r.Broken != nil || r.Trailing != 28 || !bytes.Equal(got, want) {
				t.Errorf("%+v, %v, %d bytes", r, err, len(got))
			}
		})
	}
}

// TestCut cuts the file at many places: what came out is the beginning, and the end is told.
func TestCut(t *testing.T) {
	for _, tool := range tools {
		t.Run(tool.command, func(t *testing.T) {
			// What is in the chunk or the block that is cut does not come out: up to 64 KiB of an xz file, 4 MiB of LZ4.
			want := content(1 << 20)
			if tool.kind == "lz4" {
				want = content(20 << 20)
			}
			packed := compress(t, tool.command, want)
			best := 0
			for i := 1; i < 10; i++ {
				cut := packed[:max(12, len(packed)*i/10)]
				r, got, err := run(t, tool.kind, block.Bytes(cut), enough)
				if err != nil || !bytes.HasPrefix(want, got) {
					t.Fatalf("cut at %d: %+v, %v, %d bytes that are not the beginning", len(cut), r, err, len(got))
				}
				if r.Broken == nil && len(got) < len(want) && !strings.Contains(tool.command, " -l") {
					t.Errorf("cut at %d of %d: %d bytes, and said to be whole", len(cut), len(packed), len(got))
				}
				best = max(best, len(got))
			}
			if best == 0 && tool.kind != "bzip2" { // whose blocks have 900,000 bytes
				t.Error("nothing came out of any cut file")
			}
		})
	}
}

// TestShort cuts small files at every place: but for formats without an end, none is whole.
func TestShort(t *testing.T) {
	want := content(30_000)
	for _, tool := range tools {
		if strings.Contains(tool.command, " -l") {
			continue
		}
		packed := compress(t, tool.command, want)
		for n := 1; n < len(packed); n += 1 + n/40 {
			if r, got, err := run(t, tool.kind, block.Bytes(packed[:n]), enough); err != nil || r.Broken == nil || !bytes.HasPrefix(want, got) {
				t.Errorf("%s cut to %d of %d: %+v, %v", tool.command, n, len(packed), r, err)
			}
		}
	}
}

// TestDamage overwrites bytes: no panic, no endless work, and what is said to be right is right.
func TestDamage(t *testing.T) {
	want := content(200_000)
	rnd := rand.New(rand.NewPCG(1, 2))
	for _, tool := range tools {
		checked := !strings.Contains(tool.command, "check=none") && !strings.Contains(tool.command, "no-check") &&
			!strings.Contains(tool.command, " -l") && !strings.Contains(tool.command, "no-frame-crc") &&
			!strings.Contains(tool.command, "no-checksum") && tool.kind != "lzma"
		t.Run(tool.command, func(t *testing.T) {
			packed := compress(t, tool.command, want)
			for range 60 {
				p := slices.Clone(packed)
				for range 1 + rnd.IntN(4) {
					p[rnd.IntN(len(p))] ^= byte(1 + rnd.IntN(255))
				}
				r, got, err := run(t, tool.kind, block.Bytes(p), 1<<20)
				var limit *LimitError
				if err != nil && !errors.As(err, &limit) {
					t.Fatal(err)
				}
				// A stream that is cut off by a broken header before it is whole but ends "whole" holds nothing of it.
				if checked && err == nil && r.Broken == nil && r.Trailing == 0 && !bytes.Equal(got, want) && len(got) > 0 {
					t.Errorf("said to be whole: %d bytes that are not the content", len(got))
				}
			}
		})
	}
}

func TestUnreadable(t *testing.T) {
	want := content(3 << 20)
	for _, tool := range tools {
		t.Run(tool.command, func(t *testing.T) {
			packed := compress(t, tool.command, want)
			at := int64(len(packed) / 2)
			src := blocktest.Faulty(block.Bytes(packed), blocktest.Bad(block.Extent{Offset: at, Length: 512}))
			r, got, err := run(t, tool.kind, src, enough)
			if err != nil || r.Broken == nil || !bytes.HasPrefix(want, got) {
				t.Errorf("%+v, %v, %d bytes", r, err, len(got))
			}
			if _, ok := block.IsUnreadable(r.Broken); !ok && tool.kind != "xz" && tool.kind != "lz4" && tool.kind != "zstd" {
				t.Errorf("%v, want the unreadable place", r.Broken)
			}
		})
	}
}

func TestWrongCheck(t *testing.T) {
	want := content(50_000)
	packed := compress(t, "gzip -c", want)
	packed[len(packed)-6] ^= 1 // of the CRC
	r, got, err := run(t, "gzip", block.Bytes(packed), enough)
	if err != nil || !r.Wrong || r.Broken == nil || !bytes.Equal(got, want) {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestBomb holds a limit against files of some kilobytes that hold gigabytes.
func TestBomb(t *testing.T) {
	zeros := make([]byte, 64<<20)
	for _, tool := range tools {
		t.Run(tool.command, func(t *testing.T) {
			packed := compress(t, tool.command, zeros)
			r, _, err := run(t, tool.kind, block.Bytes(packed), 5<<20)
			var limit *LimitError
			if !errors.As(err, &limit) || limit.Limit != 5<<20 || r.Size > 5<<20 {
				t.Errorf("%+v, %v", r, err)
			}
		})
	}
}

func TestContext(t *testing.T) {
	packed := compress(t, "gzip -c", content(5<<20))
	ctx, cancel := context.WithCancel(context.Background())
	w := writerFunc(func(p []byte) (int, error) { cancel(); return len(p), nil })
	if r, err := ByName("gzip").Run(ctx, block.Bytes(packed), w, enough); !errors.Is(err, context.Canceled) {
		t.Errorf("%+v, %v", r, err)
	}
	full := errors.New("full")
	w = func(p []byte) (int, error) { return 0, full }
	if r, err := ByName("gzip").Run(context.Background(), block.Bytes(packed), w, enough); !errors.Is(err, full) {
		t.Errorf("%+v, %v", r, err)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestRecognise(t *testing.T) {
	gz := []byte{0x1f, 0x8b, 8, 0}
	for _, tc := range []struct {
		name       string
		head       []byte
		kind, half string
		image      string
	}{
		{"card.img.gz", gz, "gzip", "", "card.img"},
		{"CARD.GZ", gz, "gzip", "", "CARD"},
		{"mtd0.bin", gz, "", "gzip", ""},
		{"card.img.gz", []byte("EFI PART"), "", "gzip", ""},
		{"card.img.xz", gz, "", "xz", ""},
		{"card.img", []byte("EFI PART"), "", "", ""},
		{".gz", gz, "gzip", "", ".gz"},
		{"card.img.zst", []byte{0x28, 0xb5, 0x2f, 0xfd, 0}, "zstd", "", "card.img"},
		{"empty.bz2", nil, "", "bzip2", ""},
	} {
		kind, half := Recognise(tc.name, tc.head)
		name := func(k *Kind) string {
			if k == nil {
				return ""
			}
			return k.Name
		}
		if name(kind) != tc.kind || name(half) != tc.half {
			t.Errorf("%s: %q, %q, want %q, %q", tc.name, name(kind), name(half), tc.kind, tc.half)
		}
		if kind != nil && kind.ImageName(tc.name) != tc.image {
			t.Errorf("%s holds %s, want %s", tc.name, kind.ImageName(tc.name), tc.image)
		}
	}
}

func TestWindow(t *testing.T) {
	// A stream whose only block asks for a dictionary of 4 GiB - 1: header, then a block header of 12 bytes.
	head := []byte{0xfd, '7', 'z', 'X', 'Z', 0, 0, 0, 0xff, 0x12, 0xd9, 0x41, 2, 0, 0x21, 1, 40, 0, 0, 0, 0, 0, 0, 0}
	r, _, err := run(t, "xz", block.Bytes(head), enough)
	if err != nil || r.Broken == nil || !strings.Contains(r.Broken.Error(), "window") {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestLooksLikeLZMA holds the sign of a format without a magic number against random bytes and against encoders.
func TestLooksLikeLZMA(t *testing.T) {
	rnd, seen := rand.New(rand.NewPCG(4, 4)), 0
	head := make([]byte, HeadSize)
	for range 1_000_000 {
		for i := range head {
			head[i] = byte(rnd.Uint32())
		}
		if LooksLikeLZMA(head) {
			seen++
		}
	}
	if seen > 0 || LooksLikeLZMA(make([]byte, HeadSize)) || LooksLikeLZMA(head[:5]) {
		t.Errorf("%d of a million random beginnings look like LZMA", seen)
	}
	// A stream of 13 bytes that wants a window of 3 GiB and does not say its size.
	r, _, err := run(t, "lzma", block.Bytes([]byte{0x5d, 0, 0, 0, 0xc0, 255, 255, 255, 255, 255, 255, 255, 255, 0}), enough)
	if err != nil || r.Broken == nil || !strings.Contains(r.Broken.Error(), "window") {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestLzopHeader refuses a file whose header is not what its sum says.
func TestLzopHeader(t *testing.T) {
	packed := compress(t, "lzop -c", content(5000))
	for at := 9; at < 38; at++ {
		p := slices.Clone(packed)
		p[at] ^= 1
		if r, _, err := run(t, "lzo", block.Bytes(p), enough); err != nil || r.Broken == nil {
			t.Errorf("byte %d: %+v, %v", at, r, err)
		}
	}
}

func FuzzRun(f *testing.F) {
	for _, tool := range tools {
		if _, err := exec.LookPath(strings.Fields(tool.command)[0]); err == nil || need.CI() {
			f.Add(tool.kind, compress(f, tool.command, content(3000)))
		}
	}
	f.Fuzz(func(t *testing.T, kind string, p []byte) {
		k := ByName(kind)
		if k == nil {
			return
		}
		k.Announced(block.Bytes(p))
		var out bytes.Buffer
		r, err := k.Run(context.Background(), block.Bytes(p), &out, 4<<20)
		if r.Size != int64(out.Len()) || r.Size > 4<<20 || r.Read > int64(len(p)) || r.Trailing < 0 {
			t.Errorf("%+v, %v, %d bytes given", r, err, out.Len())
		}
	})
}
