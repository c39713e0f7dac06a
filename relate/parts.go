package relate

import (
	"context"
	"fmt"
	"path"
	"regexp"
	"strconv"

	"salvor/finding"
)

// maxParts bounds how many missing parts are counted.
const maxParts = 10_000

// numbering is a way in which archives number their parts.
type numbering struct {
	pattern *regexp.Regexp // stem and number
	// first is the least number; name writes that of a part, with as many digits as the one that was found.
	first int
	name  func(stem, digits string, n int) string
	// head is the part without a number, which comes first or last; "" where there is none.
	head string
}

var numberings = []numbering{
	{regexp.MustCompile(`^(.+\.(?:7z|zip|rar|tar|gz|bz2|xz))\.(\d{3})$`), 1, func(stem, d string, n int) string { return fmt.Sprintf("%s.%0*d", stem, len(d), n) }, ""},
	{regexp.MustCompile(`^(.+)\.part(\d{1,3})\.rar$`), 1, func(stem, d string, n int) string { return fmt.Sprintf("%s.part%0*d.rar", stem, len(d), n) }, ""},
	{regexp.MustCompile(`^(.+)\.z(\d{2})$`), 1, func(stem, d string, n int) string { return fmt.Sprintf("%s.z%02d", stem, n) }, ".zip"},
	{regexp.MustCompile(`^(.+)\.r(\d{2})$`), 0, func(stem, d string, n int) string { return fmt.Sprintf("%s.r%02d", stem, n) }, ".rar"},
}

// parts tells which parts are missing between those that are there. Whether there was one behind the last, nothing here
// tells.
func parts(_ context.Context, f *Folder) []Told {
	type set struct {
		rule   *numbering
		stem   string
		digits string
		have   map[int]*File
	}
	sets := map[string]*set{}
	var order []string
	for _, x := range f.Files {
		for i := range numberings {
			r := &numberings[i]
			m := r.pattern.FindStringSubmatch(x.Name())
			if m == nil {
				continue
			}
			n, err := strconv.Atoi(m[2])
			if err != nil || n < r.first {
				continue
			}
			key := fmt.Sprintf("%d %s", i, m[1])
			s := sets[key]
			if s == nil {
				s = &set{rule: r, stem: m[1], digits: m[2], have: map[int]*File{}}
				sets[key] = s
				order = append(order, key)
			}
			if s.have[n] == nil || x.Live && !s.have[n].Live {
				s.have[n] = x
			}
			break
		}
	}
	var out []Told
	for _, key := range order {
		s := sets[key]
		numbers := sorted(s.have)
		last := numbers[len(numbers)-1]
		var missing, ids, names []string
		for n := s.rule.first; n <= last && len(missing) < maxParts; n++ {
			if s.have[n] == nil {
				missing = append(missing, s.rule.name(s.stem, s.digits, n))
			}
		}
		first := s.have[numbers[0]]
		if head := s.stem + s.rule.head; s.rule.head != "" {
			if list := f.byName[head]; len(list) > 0 {
				first = best(list, first.Live)
			} else {
				missing = append(missing, head)
			}
		}
		for _, n := range numbers {
			if x := s.have[n]; x != first {
				ids, names = append(ids, x.ID), append(names, path.Base(x.Path))
			}
		}
		if len(missing) > 0 {
			out = append(out, Told{ID: first.ID, With: ids, Finding: partsMissing.New(finding.Expected(nil, some(missing)), finding.Arg("count", len(missing)))})
			for _, n := range numbers {
				if x := s.have[n]; x != first {
					out = append(out, Told{ID: x.ID, Finding: partsMissing.New(finding.Expected(nil, some(missing)), finding.Arg("count", len(missing)))})
				}
			}
			continue
		}
		if len(ids) > 0 {
			out = append(out, Told{ID: first.ID, With: ids, Finding: together.New(finding.Arg("names", some(names)), finding.Arg("why", "the parts of one archive"))})
		}
	}
	return out
}
