package ui

import (
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"salvor/filetype"
	"salvor/recovery"
)

// tab is a part of what a case has.
type tab struct {
	name    string
	drawers []string
}

var tabs = []tab{{"live", []string{"files"}}, {"deleted", []string{"deleted", "older"}}, {"carved", []string{"carved"}}}

// verdicts6 are the verdicts in the order of trust.
var verdicts6 = []filetype.Verdict{filetype.Proven, filetype.Consistent, filetype.Partial, filetype.Damaged, filetype.Encrypted, filetype.Unknown}

// sorts are the orders of files by their words.
var sorts = map[string]recovery.Sort{"name": recovery.SortName, "size": recovery.SortSize, "time": recovery.SortTime, "good": recovery.SortVerdict}

// day is how dates stand in forms.
const day = "2006-01-02"

// choice is what a page of files is about: the same words choose what is shown and what is saved.
type choice struct {
	Tab, Class, Search, Verdict, Dir string
	Volume                           int
	Min, Max                         string // sizes as they were typed, "" for any
	From, To                         string // days, both included
	Sort                             string
	Down                             bool
	IDs                              []string
	Chosen                           int             // number of what was gathered over pages; 0 for none
	steps                            []recovery.Step // of Chosen
}

// choiceOf reads a choice. A word that is not known chooses nothing by it.
func choiceOf(v url.Values) choice {
	c := choice{Tab: v.Get("tab"), Class: v.Get("class"), Search: strings.TrimSpace(v.Get("q")), Verdict: v.Get("verdict"), Dir: strings.Trim(v.Get("dir"), "/"), IDs: v["id"],
		Min: strings.TrimSpace(v.Get("min")), Max: strings.TrimSpace(v.Get("max")), From: v.Get("from"), To: v.Get("to"), Sort: v.Get("sort"), Down: v.Get("down") == "1"}
	if !slices.ContainsFunc(tabs, func(t tab) bool { return t.name == c.Tab }) {
		c.Tab = ""
	}
	if !slices.Contains(filetype.Classes(), filetype.Class(c.Class)) {
		c.Class = ""
	}
	if _, err := filetype.ParseVerdict(c.Verdict); err != nil {
		c.Verdict = ""
	}
	if n, err := strconv.ParseUint(v.Get("v"), 10, 31); err == nil {
		c.Volume = int(n)
	}
	if len(c.Search) > 255 {
		c.Search = strings.ToValidUTF8(c.Search[:255], "")
	}
	for _, p := range []*string{&c.Min, &c.Max} {
		if _, ok := parseSize(*p); !ok {
			*p = ""
		}
	}
	for _, p := range []*string{&c.From, &c.To} {
		if _, err := time.Parse(day, *p); err != nil {
			*p = ""
		}
	}
	if _, ok := sorts[c.Sort]; !ok {
		c.Sort, c.Down = "", false
	}
	return c
}

// mistakes are the names of the fields of a form that hold what cannot be read.
func mistakes(v url.Values) (list []string) {
	c := choiceOf(v)
	for name, kept := range map[string]string{"min": c.Min, "max": c.Max, "from": c.From, "to": c.To} {
		if kept == "" && strings.TrimSpace(v.Get(name)) != "" {
			list = append(list, name)
		}
	}
	slices.Sort(list)
	return list
}

// parseSize reads a size as people write it: "500", "1.5 MB", "2G". Units are of 1024, as the pages show them.
func parseSize(text string) (int64, bool) {
	text = strings.ToLower(strings.ReplaceAll(strings.TrimSpace(text), ",", "."))
	end := strings.IndexFunc(text, func(r rune) bool { return (r < '0' || r > '9') && r != '.' })
	if end < 0 {
		end = len(text)
	}
	n, err := strconv.ParseFloat(text[:end], 64)
	power := slices.Index([]string{"", "k", "m", "g", "t"}, strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(strings.TrimSpace(text[end:]), "bytes"), "b"), "i"))
	if err != nil || power < 0 {
		return 0, false
	}
	n *= math.Pow(1024, float64(power))
	return int64(n), n >= 0 && n < 1<<62
}

// choice reads what is chosen on the pages of a case: by the words of the address or the form, or by what this browser has
// gathered there.
func (s *Server) choice(r *http.Request, key string, v url.Values) choice {
	n, err := strconv.Atoi(v.Get("chosen"))
	if err != nil || n <= 0 {
		return choiceOf(v)
	}
	c := choice{Chosen: n, steps: []recovery.Step{{Out: true}}} // nothing, when it is not known any more
	if p, ok := s.picks.get(s.session(r), key, n); ok && len(p.steps) > 0 {
		c.steps = p.steps
	}
	return c
}

// Values are the choice as words of an address.
func (c choice) Values() url.Values {
	v := url.Values{}
	if c.Chosen > 0 {
		v.Set("chosen", strconv.Itoa(c.Chosen))
		return v
	}
	for name, text := range map[string]string{"tab": c.Tab, "class": c.Class, "q": c.Search, "verdict": c.Verdict, "dir": c.Dir,
		"min": c.Min, "max": c.Max, "from": c.From, "to": c.To, "sort": c.Sort} {
		if text != "" {
			v.Set(name, text)
		}
	}
	if c.Down {
		v.Set("down", "1")
	}
	if c.Volume > 0 {
		v.Set("v", strconv.Itoa(c.Volume))
	}
	if len(c.IDs) > 0 {
		v["id"] = c.IDs
	}
	return v
}

// query is the choice in the words of the catalogue.
func (c choice) query() recovery.Query {
	if c.Chosen > 0 {
		return recovery.Query{Steps: slices.Clone(c.steps)}
	}
	if len(c.IDs) > 0 {
		return recovery.Query{IDs: slices.Clone(c.IDs)}
	}
	q := recovery.Query{PathPrefix: c.Dir}
	for _, t := range tabs {
		if t.name == c.Tab {
			q.Drawers = t.drawers
		}
	}
	if c.Class != "" {
		q.Classes = []filetype.Class{filetype.Class(c.Class)}
	}
	if v, err := filetype.ParseVerdict(c.Verdict); err == nil {
		q.Verdicts = []filetype.Verdict{v}
	}
	if c.Volume > 0 {
		q.Volumes = []int{c.Volume}
	}
	if c.Search != "" {
		q.Name = "*" + strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(c.Search) + "*"
	}
	q.MinSize, _ = parseSize(c.Min)
	q.MaxSize, _ = parseSize(c.Max)
	if t, err := time.Parse(day, c.From); err == nil {
		q.After = t
	}
	if t, err := time.Parse(day, c.To); err == nil {
		q.Before = t.AddDate(0, 0, 1)
	}
	return q
}

// filtered reports whether something is looked for.
func (c choice) filtered() bool {
	return c.Class != "" || c.Search != "" || c.Verdict != "" || c.Min != "" || c.Max != "" || c.From != "" || c.To != ""
}

// inFolders reports whether the choice is shown as folders: where nothing is looked for.
func (c choice) inFolders() bool { return c.Tab != "carved" && !c.filtered() }
