package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"salvor/block"
	"salvor/finding"
)

// maxParts bounds the parts of one image.
const maxParts = 10_000

var (
	partMissing = &finding.Def{Code: "host.part.missing", Severity: finding.Error,
		Text: "{path}, part {number} of the image, is not there: {count} bytes of it cannot be read"}
	partShort = &finding.Def{Code: "host.part.short", Severity: finding.Error,
		Text: "{path} is shorter than the other parts of the image ({found} bytes, expected {expected}): the rest of it cannot be read"}
	partAlone = &finding.Def{Code: "host.part.alone", Severity: finding.Warning,
		Text: "{path} is named like one of several parts of an image; no other part lies beside it, so that it is read by itself"}
)

// series are the parts of one image, by their order. A part that is not there has no path.
type series struct {
	stem  string // path up to and with the last dot
	first int
	name  func(n int) string // the ending of part n
	parts []part
}

type part struct {
	path   string // "" when it is not there
	size   int64
	extent block.Extent // in the image
}

var (
	numberedPart = regexp.MustCompile(`^[0-9]{2,4}$`)
	letteredPart = regexp.MustCompile(`^([a-z]{2,3}|[A-Z]{2,3})$`)
)

// seriesOf returns the parts that the file at path is one of; nil when its name is that of no part, or no other
// part lies beside it. Names of parts end in a number (.001, .002; .000, .001; .00, .01) or in letters (.aa, .ab).
// Nothing is guessed: where the place of a part cannot be told, the answer is a [*RefusedError].
func seriesOf(path string) (*series, error) {
	dir, base := filepath.Split(path)
	dot := strings.LastIndexByte(base, '.')
	if dot <= 0 {
		return nil, nil
	}
	ending := base[dot+1:]
	var number func(string) (int, bool)
	s := &series{stem: dir + base[:dot+1]}
	switch width := len(ending); {
	case numberedPart.MatchString(ending):
		number = func(e string) (int, bool) {
			n, err := strconv.Atoi(e)
			return n, err == nil && len(e) == width && numberedPart.MatchString(e)
		}
		s.name = func(n int) string { return fmt.Sprintf("%0*d", width, n) }
	case letteredPart.MatchString(ending):
		a := byte('a')
		if ending < "a" {
			a = 'A'
		}
		number = func(e string) (int, bool) {
			return lettersToNumber(e, a), len(e) == width && letteredPart.MatchString(e) && e[0]|0x20 == e[0]-a+'a'
		}
		s.name = func(n int) string { return numberToLetters(n, width, a) }
	default:
		return nil, nil
	}
	found, err := listParts(folderOf(dir), base[:dot+1], number)
	if err != nil || len(found) < 2 {
		return nil, err
	}
	return s.complete(path, found, numberedPart.MatchString(ending))
}

func lettersToNumber(e string, a byte) int {
	n := 0
	for i := range len(e) {
		n = n*26 + int(e[i]-a)
	}
	return n
}

func numberToLetters(n, width int, a byte) string {
	b := make([]byte, width)
	for i := width - 1; i >= 0; i-- {
		b[i], n = a+byte(n%26), n/26
	}
	return string(b)
}

func folderOf(dir string) string {
	if dir == "" {
		return "."
	}
	return dir
}

// listParts returns the sizes of the files beside the named one that are called as its parts are, by number.
func listParts(dir, stem string, number func(string) (int, bool)) (map[int]int64, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, nil // a folder that may not be listed: the file is read by itself
	}
	found := map[int]int64{}
	for _, e := range entries {
		rest, ok := strings.CutPrefix(e.Name(), stem)
		if !ok {
			continue
		}
		n, ok := number(rest)
		if !ok {
			continue
		}
		st, err := os.Stat(filepath.Join(dir, e.Name()))
		if err != nil || !st.Mode().IsRegular() {
			continue
		}
		if found[n] = st.Size(); len(found) > maxParts {
			return nil, &RefusedError{Exit: ExitError, Code: "host.part.many",
				Why: fmt.Sprintf("There are more than %d parts called %s….", maxParts, stem), Next: "Join them into one file first."}
		}
	}
	return found, nil
}

// complete puts the parts in order and gives each its place.
func (s *series) complete(path string, found map[int]int64, numbered bool) (*series, error) {
	numbers := make([]int, 0, len(found))
	for n := range found {
		numbers = append(numbers, n)
	}
	slices.Sort(numbers)
	last := numbers[len(numbers)-1]
	_, zero := found[0]
	_, one := found[1]
	switch {
	case zero:
	case !numbered:
		// Letters begin at aa by convention of split(1); endings such as .db and .gz are letters too, and no parts.
		return nil, nil
	case one:
		s.first = 1
	case len(s.name(0)) == 3:
		return nil, s.refuse("host.part.first", path, fmt.Sprintf("its first part (%s or %s) is not there, so that nothing tells where the others belong", s.name(0), s.name(1)),
			"Put the first part beside the others; a part alone is read under another name, as "+filepath.Base(path)+".img.")
	default:
		return nil, nil // a date, a version: nothing shows that it is a part
	}
	if gaps := last - s.first + 1 - len(numbers); gaps >= len(numbers) {
		return nil, s.refuse("host.part.gaps", path, fmt.Sprintf("%d of its %d parts are not there", gaps, last-s.first+1),
			"Put the parts into one folder, with nothing else in it that is called like them.")
	}
	unit, err := s.unit(path, found, last)
	if err != nil {
		return nil, err
	}
	at := int64(0)
	for n := s.first; n <= last; n++ {
		p := part{extent: block.Extent{Offset: at, Length: unit}}
		if size, ok := found[n]; ok {
			p.path, p.size = s.stem+s.name(n), size
			if n == last {
				p.extent.Length = size
			}
		}
		s.parts = append(s.parts, p)
		at = p.extent.End()
	}
	return s, nil
}

// unit returns the size of every part but the last.
func (s *series) unit(path string, found map[int]int64, last int) (int64, error) {
	unit, whole, short := int64(0), 0, 0
	for n, size := range found {
		if n != last {
			unit = max(unit, size)
		}
	}
	for n, size := range found {
		switch {
		case n == last:
		case size == unit:
			whole++
		default:
			short++
		}
	}
	switch {
	case unit == 0:
		return 0, s.refuse("host.part.sizes", path, "all parts before the last one are empty", "Copy the parts again.")
	case found[last] > unit:
		return 0, s.refuse("host.part.sizes", path, fmt.Sprintf("its last part has %d bytes and those before it %d, so that one of these is cut", found[last], unit),
			"Copy the parts again, or join them by hand if they are right as they are (cat part1 part2 … > image).")
	case short > whole:
		return 0, s.refuse("host.part.sizes", path, "its parts have different sizes, so that nothing tells which are whole",
			"Join them by hand if they are right as they are (cat part1 part2 … > image), and name that file.")
	}
	return unit, nil
}

func (s *series) refuse(code, path, why, next string) error {
	return &RefusedError{Exit: ExitError, Code: code, Why: fmt.Sprintf("%s is a part of an image, and %s.", path, why), Next: next}
}

// size returns the size of the whole image in bytes.
func (s *series) size() int64 { return s.parts[len(s.parts)-1].extent.End() }

// notes tells which parts are missing or cut.
func (s *series) notes() []finding.Finding {
	var out []finding.Finding
	for i, p := range s.parts {
		switch {
		case p.path == "":
			out = append(out, partMissing.New(finding.At(p.extent.Offset, p.extent.Length), finding.Arg("path", s.stem+s.name(s.first+i)),
				finding.Arg("number", i+1), finding.Arg("count", p.extent.Length)))
		case p.size < p.extent.Length:
			out = append(out, partShort.New(finding.At(p.extent.Offset+p.size, p.extent.Length-p.size), finding.Arg("path", p.path),
				finding.Expected(p.extent.Length, p.size)))
		}
	}
	return out
}

// looksPart reports whether the name of a file is that of the first part of an image.
func looksPart(path string) bool {
	switch filepath.Ext(path) {
	case ".000", ".001", ".aa", ".AA":
		return true
	}
	return false
}

// Parts returns the files that the image at path consists of: the parts of a split image that are there, in order,
// or path alone.
func Parts(path string) ([]string, error) {
	st, err := os.Stat(path)
	if err != nil || !st.Mode().IsRegular() {
		return []string{path}, nil // what is wrong with it is told when it is opened
	}
	s, err := seriesOf(path)
	if err != nil {
		return nil, err
	}
	if s == nil {
		return []string{path}, nil
	}
	var out []string
	for _, p := range s.parts {
		if p.path != "" {
			out = append(out, p.path)
		}
	}
	return out, nil
}

// openSeries opens all parts and gives them as one source.
func openSeries(ctx context.Context, path string, s *series, o OpenOptions) (op *Opened, err error) {
	op = &Opened{Path: path, Name: filepath.Base(strings.TrimSuffix(s.stem, ".")), Size: s.size(), Notes: s.notes(), ReadOnly: true}
	op.size = op.Size
	joined := &partsSource{size: op.Size}
	op.Source = joined
	op.close = func() error {
		var errs []error
		for _, p := range op.parts {
			errs = append(errs, p.Close())
		}
		return errors.Join(errs...)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, op.Close())
		}
	}()
	for _, p := range s.parts {
		if p.path == "" || p.size == 0 {
			joined.parts = append(joined.parts, openPart{extent: p.extent})
			continue
		}
		if op.Real == "" {
			op.Real = realPath(p.path)
		}
		f, err := Open(ctx, p.path, OpenOptions{Reader: o.Reader, Deadline: o.Deadline, System: o.System, Alone: true})
		if err != nil {
			return op, err
		}
		op.parts = append(op.parts, f)
		op.Files = append(op.Files, f.Real)
		op.ReadOnly = op.ReadOnly && f.ReadOnly
		op.changed = later(op.changed, f.changed)
		joined.parts = append(joined.parts, openPart{p.extent, f.Source})
	}
	return op, nil
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// partsSource reads parts as one source. What is missing of a part is unreadable.
type partsSource struct {
	size  int64
	parts []openPart
}

type openPart struct {
	extent block.Extent
	src    block.Source // nil when the part is not there
}

// have returns how many bytes of the part are there.
func (p openPart) have() int64 {
	if p.src == nil {
		return 0
	}
	return min(p.src.Size(), p.extent.Length)
}

func (s *partsSource) Size() int64 { return s.size }

// at returns the index of the part that holds off.
func (s *partsSource) at(off int64) int {
	return sort.Search(len(s.parts), func(i int) bool { return s.parts[i].extent.End() > off })
}

func (s *partsSource) ReadAt(p []byte, off int64) (int, error) {
	p, end, err := clamp(p, off, s.size)
	if err != nil || len(p) == 0 {
		return 0, err
	}
	n := 0
	for i := s.at(off); n < len(p); i++ {
		part := s.parts[i]
		in := off + int64(n) - part.extent.Offset
		want := p[n : n+int(min(int64(len(p)-n), part.extent.Length-in))]
		there := want[:max(0, min(int64(len(want)), part.have()-in))]
		m := 0
		if len(there) > 0 {
			m, err = part.src.ReadAt(there, in)
		}
		n += m
		if m < len(there) {
			why := block.Bad
			if u, ok := block.IsUnreadable(err); ok && len(u.Ranges) > 0 {
				why = u.Ranges[0].Why
			} else if !errors.Is(err, io.EOF) {
				return n, err
			}
			return n, block.NewUnreadable(block.Extent{Offset: off + int64(n), Length: int64(len(there) - m)}, why, err)
		}
		if m < len(want) {
			return n, block.NewUnreadable(block.Between(part.extent.Offset+part.have(), part.extent.End()), block.Absent, fs.ErrNotExist)
		}
	}
	return n, end
}

// Unreadable names what is missing of the parts.
func (s *partsSource) Unreadable(within block.Extent) []block.Unreadable {
	var out []block.Unreadable
	for _, p := range s.parts {
		gap := block.Between(p.extent.Offset+p.have(), p.extent.End()).Intersect(within)
		if gap.Length > 0 {
			out = append(out, block.Unreadable{Extent: gap, Why: block.Absent})
		}
	}
	return out
}
