package beside

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"slices"
	"strings"

	"salvor/block"
	"salvor/cursor"
	"salvor/finding"
	"salvor/firmware"
	"salvor/firmware/internal/pgp"
	"salvor/firmware/internal/region"
	"salvor/firmware/internal/signify"
)

// MaxSize is how large a file beside a package may be, in bytes.
const MaxSize = 1 << 20

// maxSums bounds how many sums of a package are computed: a list may name it again and again.
const maxSums = 16

// Findings are the declared findings of this room.
var Findings = []*finding.Def{broken, unread}

var (
	broken = &finding.Def{Code: "firmware.beside.broken", Severity: finding.Warning,
		Text: "{part}, which lies beside the package, is not a signature that can be read: expected {expected}, found {found}"}
	unread = &finding.Def{Code: "firmware.beside.unread", Severity: finding.Warning,
		Text: "{part}, which lies beside the package, could not be read: {found}"}
)

// algorithm is a way to sum, by the length of the sum in hex.
type algorithm struct {
	name string
	bits int
	make func() hash.Hash
}

var algorithms = []algorithm{
	{"MD5", 128, md5.New}, {"SHA1", 160, sha1.New}, {"SHA256", 256, sha256.New}, {"SHA512", 512, sha512.New},
}

// signed are the endings of detached signatures.
var signed = []string{".sig", ".minisig", ".asc", ".gpg"}

// signature is one that was read. Check holds it against src, or against the text that stands in the same file.
type signature interface {
	Check(ctx context.Context, src block.Source, what string, keys []firmware.Key) firmware.Signature
	// Signed is that text, nil in a detached signature.
	Signed() []byte
}

// readers read signatures, whatever the file is called. Each answers cursor.ErrNot for those of another kind.
var readers = []func([]byte) (signature, error){
	func(p []byte) (signature, error) { return signify.Parse(p) },
	func(p []byte) (signature, error) { return pgp.Parse(p) },
}

// parse reads a signature of any kind.
func parse(data []byte) (signature, error) {
	for _, read := range readers {
		if s, err := read(data); !errors.Is(err, cursor.ErrNot) {
			return s, err
		}
	}
	return nil, cursor.ErrNot
}

// lists returns the names of lists, and of files with the sum of one package.
func lists(name string) (out []string) {
	for _, a := range algorithms {
		low := strings.ToLower(a.name)
		out = append(out, low+"sums", a.name+"SUMS", low+"sum.txt", a.name)
		if name != "" {
			out = append(out, name+"."+low, name+"."+low+"sum")
		}
	}
	return out
}

// Names returns the names of the files that may lie beside a package of that name and tell of it.
func Names(name string) []string {
	out := []string{}
	for _, s := range signed {
		out = append(out, name+s)
	}
	out = append(out, profiles)
	for _, l := range lists(name) {
		out = append(out, l)
		for _, s := range signed {
			out = append(out, l+s)
		}
	}
	return out
}

// File is a file beside a package.
type File struct {
	Name string
	Data []byte
	Err  error // why it could not be read
}

// Check adds to p what the files say of a package which is called name. The error is that of ctx.
func Check(ctx context.Context, p *firmware.Part, name string, files []File, keys []firmware.Key) error {
	c := &checking{p: p, name: name, keys: keys, sums: map[string][]byte{}}
	all := lists(name)
	for _, f := range files {
		base, isSignature := withoutEnding(f.Name)
		switch {
		case f.Err != nil:
			p.Findings = append(p.Findings, unread.New(finding.Arg("part", f.Name), finding.Expected(nil, f.Err)))
		case len(f.Data) > MaxSize:
		case f.Name == profiles:
			c.profiles(ctx, f.Data)
		case isSignature && base == name:
			c.signature(ctx, f, p.Source, "the whole file", true)
		case isSignature && slices.Contains(all, base):
			c.listSignature(ctx, f, base, files)
		case slices.Contains(all, f.Name):
			c.list(ctx, f.Name, f.Data)
		}
	}
	return ctx.Err()
}

func withoutEnding(name string) (string, bool) {
	for _, s := range signed {
		if base, ok := strings.CutSuffix(name, s); ok {
			return base, true
		}
	}
	return name, false
}

type checking struct {
	p    *firmware.Part
	name string
	keys []firmware.Key
	sums map[string][]byte // by the algorithm
	told []string          // lists that were checked
}

// signature checks one over src; fits says whether what is signed is what the package is.
func (c *checking) signature(ctx context.Context, f File, src block.Source, what string, fits bool) {
	s, err := parse(f.Data)
	if e, ok := cursor.IsCorrupt(err); ok {
		c.p.Findings = append(c.p.Findings, broken.New(finding.Arg("part", f.Name), finding.Expected(e.Expected, e.Found)))
	}
	if err != nil {
		return
	}
	if s.Signed() != nil && src != nil {
		same, err := contains(s.Signed(), src)
		fits = fits && same && err == nil
	}
	x := s.Check(ctx, src, what+", by "+f.Name, c.keys)
	if x.State == firmware.Passed && !fits {
		x.State, x.Why = firmware.Failed, "what was signed is not this package"
	}
	c.p.Signatures = append(c.p.Signatures, x)
}

// contains reports whether src is just that text.
func contains(text []byte, src block.Source) (bool, error) {
	if src.Size() != int64(len(text)) {
		return false, nil
	}
	p, err := cursor.Read(src, "signed text", 0, src.Size(), MaxSize)
	return bytes.Equal(p, text), err
}

// listSignature checks a signature over a list of sums, which stands in a file of its own or in the same one.
func (c *checking) listSignature(ctx context.Context, f File, list string, files []File) {
	text := []byte(nil)
	if i := slices.IndexFunc(files, func(x File) bool { return x.Name == list }); i >= 0 {
		text = files[i].Data
	}
	if s, err := parse(f.Data); err == nil && s.Signed() != nil {
		text, list = s.Signed(), f.Name
	}
	names, fits := c.list(ctx, list, text)
	if !names {
		return
	}
	c.signature(ctx, f, block.Bytes(text), "the sum in "+list, fits)
}

// list holds the package against a list of sums. It reports whether the list names the package, and whether all sums fit.
func (c *checking) list(ctx context.Context, list string, text []byte) (names, fits bool) {
	whole := block.Extent{Length: c.p.Size}
	fits = true
	first := !slices.Contains(c.told, list)
	c.told = append(c.told, list)
	for n, want := range sumsOf(text, c.name, strings.HasPrefix(list, c.name+".")) {
		if n >= maxSums {
			break
		}
		names = true
		i := slices.IndexFunc(algorithms, func(a algorithm) bool { return a.bits == len(want)*8 })
		a := algorithms[i]
		found, err := c.sum(ctx, a, whole)
		var check firmware.Check
		if err != nil {
			check = region.Unread("file", a.name, whole, hex.EncodeToString(want), c.p.Size, err)
		} else {
			check = firmware.Digest("file", a.name, whole, want, found)
		}
		check.Method += " in " + list
		if check.State == firmware.Failed {
			check.Why = "a download that was damaged or cut off, or a file of another build"
		}
		fits = fits && check.State == firmware.Passed
		if first {
			c.p.Checks = append(c.p.Checks, check)
		}
	}
	return names, fits && names
}

func (c *checking) sum(ctx context.Context, a algorithm, whole block.Extent) ([]byte, error) {
	if s := c.sums[a.name]; s != nil {
		return s, nil
	}
	h := a.make()
	if err := region.Sum(ctx, c.p.Source, h, whole); err != nil {
		return nil, fmt.Errorf("beside: %w", err)
	}
	c.sums[a.name] = h.Sum(nil)
	return c.sums[a.name], nil
}

// sumsOf returns the sums that a list says of the file called name, each one once. A list of only shall be of that file
// alone, and may leave out its name.
func sumsOf(text []byte, name string, only bool) (out [][]byte) {
	for line := range strings.Lines(string(text)) {
		sum, file := split(strings.TrimRight(line, "\r\n"))
		p, err := hex.DecodeString(sum)
		if err != nil || !slices.ContainsFunc(algorithms, func(a algorithm) bool { return a.bits == len(p)*8 }) {
			continue
		}
		if file = strings.TrimPrefix(file, "./"); file != name && (!only || file != "") {
			continue
		}
		if !slices.ContainsFunc(out, func(q []byte) bool { return bytes.Equal(p, q) }) {
			out = append(out, p)
		}
	}
	return out
}

// split takes a line of a list apart.
func split(line string) (sum, file string) {
	for _, a := range algorithms {
		if rest, ok := strings.CutPrefix(line, a.name+" ("); ok {
			if at := strings.LastIndex(rest, ") = "); at >= 0 {
				return rest[at+4:], rest[:at]
			}
		}
	}
	sum, file, _ = strings.Cut(line, " ")
	if file != "" && (file[0] == ' ' || file[0] == '*') {
		file = file[1:]
	}
	return sum, file
}
