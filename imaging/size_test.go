package imaging_test

import (
	"testing"
	"time"

	"salvor/imaging"
)

func TestParseSize(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "512": 512, "0x200": 512, "0X1ff": 511, "010": 8, "-1": -1,
		"1s": 2048, "3k": 3000, "3kB": 3000, "3Ki": 3072, "3KiB": 3072, "3kiB": 3072, "2M": 2e6, "2Mi": 2 << 20, "1G": 1e9, "1GiB": 1 << 30,
		"1T": 1e12, "1Ti": 1 << 40, "1P": 1e15, "1Pi": 1 << 50, "7E": 7e18, "7Ei": 7 << 60, "2ks": 4096000, "1Kis": 1024 * 2048, "0x10Mi": 16 << 20, "64B": 64,
	} {
		if n, err := imaging.ParseSize(text, 2048); err != nil || n != want {
			t.Errorf("%q: %d, %v; want %d", text, n, err, want)
		}
	}
	for _, text := range []string{"", "k", "12x", "1KK", "09", "-2", "1.5M", "8Ei", "1Z", "1Yi", "0x", "1 M", "1si", "99999999999999999999"} {
		if n, err := imaging.ParseSize(text, 512); err == nil {
			t.Errorf("%q: %d", text, n)
		}
	}
}

func TestParseInterval(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"0": 0, "30": 30 * time.Second, "1.5": 1500 * time.Millisecond, "1/2": time.Second / 2, "1/2m": 30 * time.Second, "2h": 2 * time.Hour, "1d": 24 * time.Hour, "5s": 5 * time.Second,
	} {
		if d, err := imaging.ParseInterval(text); err != nil || d != want {
			t.Errorf("%q: %v, %v", text, d, err)
		}
	}
	for _, text := range []string{"", "s", "-1", "1/0", "1w", "1e3", "999999999999d", "1//2", "inf", "0x1p4"} {
		if d, err := imaging.ParseInterval(text); err == nil {
			t.Errorf("%q: %v", text, d)
		}
	}
}

func TestParsePasses(t *testing.T) {
	for text, want := range map[string]uint8{"1": 2, "1,2,3": 14, "2-4": 28, "1,3-5": 58, "1-3,5": 46, "0": 1} {
		if n, err := imaging.ParsePasses(text); err != nil || n != want {
			t.Errorf("%q: %b, %v", text, n, err)
		}
	}
	for _, text := range []string{"", "6", "0,1", "3-1", "a", "1-", "1,,2"} {
		if n, err := imaging.ParsePasses(text); err == nil {
			t.Errorf("%q: %b", text, n)
		}
	}
}
