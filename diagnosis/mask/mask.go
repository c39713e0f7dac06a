package mask

import (
	"cmp"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
)

// Kind is a kind of secret.
type Kind string

// The kinds of secrets.
const (
	Key      Kind = "key"
	Password Kind = "password"
	WiFi     Kind = "wifi" // names and keys of wireless networks
	Token    Kind = "token"
	Cookie   Kind = "cookie"
	URL      Kind = "url" // user and password in an address
	Email    Kind = "email"
	MAC      Kind = "mac"
	Serial   Kind = "serial"
	IMEI     Kind = "imei"
)

// Kinds returns all kinds.
func Kinds() []Kind {
	return []Kind{Key, Password, WiFi, Token, Cookie, URL, Email, MAC, Serial, IMEI}
}

// ParseKinds reads a list of kinds with commas between them.
func ParseKinds(text string) ([]Kind, error) {
	var out []Kind
	for _, word := range strings.Split(text, ",") {
		k := Kind(strings.ToLower(strings.TrimSpace(word)))
		if k == "" {
			continue
		}
		if !slices.Contains(Kinds(), k) {
			return nil, fmt.Errorf("mask: no kind of secret is called %q; there are %v", k, Kinds())
		}
		out = append(out, k)
	}
	return out, nil
}

// Row says how often one secret was masked in one file.
type Row struct {
	Kind  Kind   `json:"kind"`
	As    string `json:"as"` // what stands in its place
	File  string `json:"file"`
	Count int    `json:"count"`
}

// Masker masks the same value in the same way in all texts. It is for one goroutine.
type Masker struct {
	keep   map[Kind]bool
	names  map[string]string // of a value, reduced, to what stands in its place
	plain  map[string]string // what is masked wherever it stands
	last   map[Kind]int
	counts map[Row]int
	all    *strings.Replacer
}

// New returns a masker that leaves these kinds as they are.
func New(keep ...Kind) *Masker {
	m := &Masker{keep: map[Kind]bool{}, names: map[string]string{}, plain: map[string]string{}, last: map[Kind]int{}, counts: map[Row]int{}}
	for _, k := range keep {
		m.keep[k] = true
	}
	return m
}

// Learn notes the secrets in a text, so that they are masked in others too.
func (m *Masker) Learn(text string) { m.patterns("", text) }

// Mask returns the text without its secrets. file is what the list calls it.
func (m *Masker) Mask(file, text string) string {
	text = m.patterns(file, text)
	if m.all == nil {
		m.all = m.replacer()
	}
	out := m.all.Replace(text)
	if out != text {
		for _, as := range slices.Compact(slices.Sorted(maps.Values(m.plain))) {
			if n := strings.Count(out, as) - strings.Count(text, as); n > 0 {
				m.count(file, as, n)
			}
		}
	}
	return out
}

// Rows lists what was masked, by file and kind.
func (m *Masker) Rows() []Row {
	rows := make([]Row, 0, len(m.counts))
	for r, n := range m.counts {
		r.Count = n
		rows = append(rows, r)
	}
	slices.SortFunc(rows, func(a, b Row) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Kind, b.Kind), cmp.Compare(len(a.As), len(b.As)), cmp.Compare(a.As, b.As))
	})
	return rows
}

func (m *Masker) count(file, as string, n int) {
	if file == "" {
		return
	}
	kind, _, _ := strings.Cut(strings.TrimPrefix(as, "["), "-")
	m.counts[Row{Kind: Kind(kind), As: as, File: file}] += n
}

// name returns what stands in the place of a value.
func (m *Masker) name(k Kind, value string) string {
	id := string(k) + " " + reduced(k, value)
	as, ok := m.names[id]
	if !ok {
		m.last[k]++
		as = fmt.Sprintf("[%s-%d]", k, m.last[k])
		m.names[id] = as
	}
	if telling(value) {
		m.learn(k, value, as)
	}
	return as
}

// learn notes the ways in which a value can be written.
func (m *Masker) learn(k Kind, value, as string) {
	if _, ok := m.plain[value]; ok {
		return
	}
	forms := []string{value, url.QueryEscape(value), url.PathEscape(value), hex.EncodeToString([]byte(value)), strings.ToUpper(hex.EncodeToString([]byte(value))),
		base64.StdEncoding.EncodeToString([]byte(value)), strings.TrimRight(base64.StdEncoding.EncodeToString([]byte(value)), "="), base64.URLEncoding.EncodeToString([]byte(value))}
	switch k {
	case MAC:
		bare := reduced(k, value)
		for _, separator := range []string{"", ":", "-", " "} {
			forms = append(forms, grouped(bare, 2, separator), strings.ToUpper(grouped(bare, 2, separator)))
		}
		forms = append(forms, grouped(bare, 4, "."))
	case Serial, Email:
		forms = append(forms, strings.ToUpper(value), strings.ToLower(value))
	}
	for _, f := range forms {
		if _, ok := m.plain[f]; !ok {
			m.plain[f], m.all = as, nil
		}
	}
}

// replacer masks all values that are known, the longest first.
func (m *Masker) replacer() *strings.Replacer {
	values := slices.SortedFunc(maps.Keys(m.plain), func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b)) })
	pairs := make([]string, 0, 2*len(values))
	for _, v := range values {
		pairs = append(pairs, v, m.plain[v])
	}
	return strings.NewReplacer(pairs...)
}

// telling reports whether a value is so particular that it means the same wherever it stands: words of the language are
// not, and neither are short numbers.
func telling(v string) bool {
	if len(v) < 6 || masked.MatchString(v) {
		return false
	}
	letters, digits, others := 0, 0, 0
	for _, r := range v {
		switch {
		case r >= '0' && r <= '9':
			digits++
		case r >= 'a' && r <= 'z':
			letters++
		default:
			others++
		}
	}
	return len(v) >= 12 || digits > 0 && letters+others > 0 || others > 0 && letters > 0 || digits >= 8
}

// reduced is a value without what does not change its meaning.
func reduced(k Kind, v string) string {
	switch k {
	case MAC:
		return strings.ToLower(strings.NewReplacer(":", "", "-", "", ".", "", " ", "", "0x", "").Replace(v))
	case IMEI:
		return strings.NewReplacer("-", "", " ", "").Replace(v)
	case Serial, Email:
		return strings.ToLower(v)
	}
	return v
}

func grouped(s string, n int, separator string) string {
	var parts []string
	for len(s) > n {
		parts, s = append(parts, s[:n]), s[n:]
	}
	return strings.Join(append(parts, s), separator)
}

// Named masks the value of a field of this name: all of it where the name says that it is a secret, else what the rules
// find in it. It serves records, whose values must stay whole.
func (m *Masker) Named(file, name, value string) string {
	if out := m.Mask(file, value); out != value {
		return out
	}
	probe := name + `="` + strings.NewReplacer(`"`, "", `'`, "", `\`, "", "\n", " ", "\r", " ", "%", "").Replace(value) + `"`
	for i := range rules {
		r := &rules[i]
		if m.keep[r.kind] || !r.hinted(strings.ToLower(probe)) {
			continue
		}
		for _, loc := range r.re.FindAllStringSubmatchIndex(probe, -1) {
			for g := 2; g+1 < len(loc); g += 2 {
				if loc[g] > len(name) && (r.ok == nil || r.ok(probe[loc[g]:loc[g+1]])) {
					as := m.name(r.kind, value)
					m.count(file, as, 1)
					return as
				}
			}
		}
	}
	return value
}
