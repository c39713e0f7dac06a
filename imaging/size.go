package imaging

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"
)

// ParseSize reads a number of bytes as GNU ddrescue does: decimal, hexadecimal or octal, then a multiplier and an
// optional B. s is sectors; k, M, G, ... are powers of 1000, Ki, Mi, Gi, ... of 1024; ks, Mis, ... are those of
// sectors. -1 is given back where it may stand for "no limit".
func ParseSize(text string, sector int64) (int64, error) {
	bad := func(why string) (int64, error) { return 0, fmt.Errorf("%q is no size: %s", text, why) }
	if text == "-1" {
		return -1, nil
	}
	end := 0
	hex := len(text) > 2 && (strings.HasPrefix(text, "0x") || strings.HasPrefix(text, "0X"))
	if hex {
		end = 2
	}
	for end < len(text) && (text[end] >= '0' && text[end] <= '9' || hex && strings.IndexByte("abcdefABCDEF", text[end]) >= 0) {
		end++
	}
	n, err := number(text[:end])
	if err != nil {
		return bad("expected a number, then perhaps one of s, k, Ki, M, Mi, G, Gi, T, Ti, P, Pi, E, Ei")
	}
	unit := strings.TrimSuffix(text[end:], "B")
	times := big.NewInt(1)
	if strings.HasSuffix(unit, "s") {
		unit = strings.TrimSuffix(unit, "s")
		times.SetInt64(sector)
	}
	if unit != "" {
		base := int64(1000)
		if strings.HasSuffix(unit, "i") {
			unit, base = unit[:len(unit)-1], 1024
		}
		if unit == "K" && base == 1024 {
			unit = "k"
		}
		power := strings.Index("kMGTPEZY", unit)
		if len(unit) != 1 || power < 0 {
			return bad("the unit is none of s, k, Ki, M, Mi, G, Gi, T, Ti, P, Pi, E, Ei")
		}
		times.Mul(times, new(big.Int).Exp(big.NewInt(base), big.NewInt(int64(power+1)), nil))
	}
	all := times.Mul(times, big.NewInt(n))
	if !all.IsInt64() {
		return bad(fmt.Sprintf("it is more than %d bytes", int64(math.MaxInt64)))
	}
	return all.Int64(), nil
}

// ParseInterval reads a time as GNU ddrescue does: a whole or rational number (1.5 or 1/2) and one of s, m, h, d;
// seconds without one.
func ParseInterval(text string) (time.Duration, error) {
	bad := fmt.Errorf("%q is no time: expected a number such as 90, 1.5 or 1/2, then perhaps one of s, m, h, d", text)
	unit := time.Second
	digits := text
	if n := len(text); n > 0 {
		if i := strings.IndexByte("smhd", text[n-1]); i >= 0 {
			unit = [...]time.Duration{time.Second, time.Minute, time.Hour, 24 * time.Hour}[i]
			digits = text[:n-1]
		}
	}
	over := 1.0
	if a, b, ok := strings.Cut(digits, "/"); ok {
		n, err := strconv.ParseUint(b, 10, 31)
		if err != nil || n == 0 {
			return 0, bad
		}
		digits, over = a, float64(n)
	}
	if strings.Trim(digits, "0123456789.") != "" {
		return 0, bad
	}
	f, err := strconv.ParseFloat(digits, 64)
	if err != nil || f/over*float64(unit) > math.MaxInt64/2 {
		return 0, bad
	}
	return time.Duration(f / over * float64(unit)), nil
}

// ParsePasses reads which passes of the copying phase to run: "1", "1,3-5", "0" for none. Bit n stands for pass n; bit 0
// alone for none.
func ParsePasses(text string) (uint8, error) {
	if text == "0" {
		return 1, nil
	}
	var out uint8
	for part := range strings.SplitSeq(text, ",") {
		a, b, isRange := strings.Cut(part, "-")
		if !isRange {
			b = a
		}
		first, err1 := strconv.Atoi(a)
		last, err2 := strconv.Atoi(b)
		if err1 != nil || err2 != nil || first < 1 || last > 5 || first > last {
			return 0, fmt.Errorf("%q names no passes: expected numbers from 1 to 5, as in 1,3-5", text)
		}
		for n := first; n <= last; n++ {
			out |= 1 << n
		}
	}
	return out, nil
}
