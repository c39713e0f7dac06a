package ubootenv

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"slices"
	"strings"
	"unicode/utf8"

	"salvor/block"
	"salvor/cursor"
)

const (
	maxSize = 1 << 20 // bytes
	grain   = 64      // sizes are tried at multiples of this
	minSize = 64
)

// Env is an environment, or one copy of two.
type Env struct {
	// Size is how long it is with its sum and its flag, in bytes; 0 when its sum does not fit, so that it is not known.
	Size int64
	// Sound says that the sum fits.
	Sound bool
	// Redundant says that it has a flag, which those have of which there are two.
	Redundant bool
	Flag      uint8
	BigEndian bool // the byte order of the sum
	Sum       uint32
	Variables []Variable
	// ListEnd is the first byte behind the variables and the zeros that end them.
	ListEnd int64
}

// Variable is a variable of an environment; both are hostile text.
type Variable struct{ Name, Value string }

// Get returns the value of a variable. The last one counts where a name stands twice.
func (e *Env) Get(name string) (string, bool) {
	for _, v := range slices.Backward(e.Variables) {
		if v.Name == name {
			return v.Value, true
		}
	}
	return "", false
}

// Read reads the environment at offset 0 of src. It answers cursor.ErrNot for what is none. One whose sum does not fit is
// returned together with a [*cursor.CorruptError].
func Read(src block.Source) (Env, error) {
	p, err := head(src, maxSize)
	if err != nil {
		return Env{}, err
	}
	return parse(p)
}

// head reads up to n bytes from the start of src.
func head(src block.Source, n int64) ([]byte, error) {
	n = min(n, src.Size())
	if n < minSize {
		return nil, cursor.ErrNot
	}
	return cursor.Read(src, "U-Boot environment", 0, n, maxSize)
}

// parse reads an environment at the start of p.
func parse(p []byte) (Env, error) {
	if len(p) < minSize {
		return Env{}, cursor.ErrNot
	}
	for _, at := range []int{4, 5} {
		if p[at] != 0 && !nameByte(p[at]) {
			continue // no list begins here
		}
		if e, ok := sized(p, at); ok {
			return e, nil
		}
	}
	// No sum fits: it is one all the same when its variables are those of one.
	for _, at := range []int{4, 5} {
		if e, err := torn(p, at); e.known() {
			return e, err
		}
	}
	return Env{}, cursor.ErrNot
}

// torn reads an environment whose sum does not fit, with a list that begins at at.
func torn(p []byte, at int) (Env, error) {
	e := Env{Redundant: at == 5, Sum: binary.LittleEndian.Uint32(p)}
	if e.Redundant {
		e.Flag = p[4]
	}
	e.Variables, e.ListEnd = list(p, at)
	return e, cursor.Corrupt("U-Boot environment: checksum", 0, fmt.Sprintf("%08x", e.Sum), "a CRC-32 that does not fit any size")
}

// sized finds the size over which the sum fits, for a list that begins at at.
func sized(p []byte, at int) (Env, bool) {
	little, big := binary.LittleEndian.Uint32(p), binary.BigEndian.Uint32(p)
	sum, done := uint32(0), at
	for size := minSize; ; size += grain {
		size = min(size, len(p))
		sum, done = crc32.Update(sum, crc32.IEEETable, p[done:size]), size
		if sum == little || sum == big {
			e := Env{Size: int64(size), Sound: true, Redundant: at == 5, Sum: sum, BigEndian: sum != little}
			if e.Redundant {
				e.Flag = p[4]
			}
			if e.Variables, e.ListEnd = list(p[:size], at); len(e.Variables) > 0 || p[at] == 0 && size == len(p) {
				return e, true
			}
		}
		if size == len(p) {
			return Env{}, false
		}
	}
}

// list reads the variables from at on, and returns where they end. What is no variable ends them.
func list(p []byte, at int) (out []Variable, end int64) {
	for at < len(p) && p[at] != 0 {
		n := slices.Index(p[at:], 0)
		if n < 0 {
			break
		}
		name, value, ok := strings.Cut(string(p[at:at+n]), "=")
		if !ok || !validName(name) || !utf8.ValidString(value) {
			break
		}
		out = append(out, Variable{name, value})
		at += n + 1
	}
	if at < len(p) && p[at] == 0 {
		at++
	}
	return out, int64(at)
}

func validName(s string) bool {
	if s == "" || len(s) > 256 {
		return false
	}
	for i := range len(s) {
		if !nameByte(s[i]) {
			return false
		}
	}
	return true
}

// nameByte reports whether b can stand in the name of a variable: U-Boot allows more, and boards use these.
func nameByte(b byte) bool { return b > ' ' && b < 0x7F && b != '=' }

// usual are variables that nearly every board has.
var usual = []string{"bootcmd", "bootdelay", "baudrate", "bootargs", "stdout", "ethaddr", "loadaddr", "kernel_addr_r", "BOOT_ORDER", "upgrade_available", "bootcount", "mtdparts", "fdtfile", "board", "board_name"}

// known reports whether the variables are those of an environment, for one whose sum does not fit.
func (e *Env) known() bool {
	n := 0
	for _, name := range usual {
		if _, ok := e.Get(name); ok {
			n++
		}
	}
	return n >= 2 && len(e.Variables) >= 3
}
