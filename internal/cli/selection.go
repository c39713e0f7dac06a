package cli

import (
	"fmt"
	"math"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"salvor/filesystem"
	"salvor/filetype"
	"salvor/recovery"
	"salvor/rescue"
)

// The words of the options with a fixed choice.
const (
	stateWords   = "live,deleted,orphan,old,rebuilt"
	verdictWords = "proven,consistent,partial,damaged,encrypted,unknown"
)

// selection are the options that say which files are meant; files and save share them.
type selection struct {
	name, path                       string
	types, states, verdicts, classes []string
	drawers                          []string
	minSize, maxSize, after, before  string
	volumes                          []string
}

func (s *selection) addFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&s.name, "name", "", "only names that match a pattern: '*.jp*g'")
	f.StringVar(&s.path, "path", "", "only this folder or path of a volume")
	f.StringSliceVar(&s.types, "type", nil, typeUsage)
	f.StringSliceVar(&s.classes, "class", nil, "only these classes: "+join(filetype.Classes()))
	f.StringSliceVar(&s.states, "state", nil, "only these states: "+stateWords)
	f.StringSliceVar(&s.verdicts, "verdict", nil, "only these verdicts: "+verdictWords)
	f.StringSliceVar(&s.drawers, "in", nil, "only these folders of the case: files,deleted,older,carved")
	f.StringSliceVar(&s.volumes, "volume", nil, "only these volumes, by number: 2 or v2; 0 is what was found by content alone")
	f.StringVar(&s.minSize, "min-size", "", "only files of at least this size: 100k, 2M, 1GiB")
	f.StringVar(&s.maxSize, "max-size", "", "only files of at most this size")
	f.StringVar(&s.after, "after", "", "only files changed at or after this time: 2026-11-01 or RFC 3339")
	f.StringVar(&s.before, "before", "", "only files changed before this time")
}

func join[T ~string](list []T) string {
	words := make([]string, len(list))
	for i, w := range list {
		words[i] = string(w)
	}
	return strings.Join(words, ",")
}

// query turns the options into a query of the catalogue.
func (s *selection) query() (recovery.Query, error) {
	q := recovery.Query{Name: s.name, PathPrefix: strings.Trim(s.path, "/"), Drawers: s.drawers}
	if _, err := path.Match(s.name, ""); err != nil {
		return q, usageError{fmt.Errorf("--name %s: expected a pattern with *, ? or [a-z] in it", s.name)}
	}
	for _, w := range s.volumes {
		n, err := strconv.ParseUint(strings.TrimPrefix(w, "v"), 10, 31)
		if err != nil {
			return q, usageError{fmt.Errorf("--volume %s: expected the number of a volume, as 2 or v2", w)}
		}
		q.Volumes = append(q.Volumes, int(n))
	}
	for _, w := range s.classes {
		if !slices.Contains(filetype.Classes(), filetype.Class(w)) {
			return q, usageError{fmt.Errorf("--class %s: expected one of %s", w, join(filetype.Classes()))}
		}
		q.Classes = append(q.Classes, filetype.Class(w))
	}
	for _, w := range s.states {
		v, err := filesystem.ParseState(w)
		if err != nil {
			return q, usageError{fmt.Errorf("--state %s: expected one of %s", w, stateWords)}
		}
		q.States = append(q.States, v)
	}
	for _, w := range s.verdicts {
		v, err := filetype.ParseVerdict(w)
		if err != nil {
			return q, usageError{fmt.Errorf("--verdict %s: expected one of %s", w, verdictWords)}
		}
		q.Verdicts = append(q.Verdicts, v)
	}
	for _, w := range s.drawers {
		if !slices.Contains([]string{"files", "deleted", "older", "carved"}, w) {
			return q, usageError{fmt.Errorf("--in %s: expected files, deleted, older or carved", w)}
		}
	}
	var err error
	if q.Formats, err = formatsOf(s.types); err != nil {
		return q, err
	}
	if q.MinSize, err = parseSize("--min-size", s.minSize); err != nil {
		return q, err
	}
	if q.MaxSize, err = parseSize("--max-size", s.maxSize); err != nil {
		return q, err
	}
	if q.After, err = parseTime("--after", s.after); err != nil {
		return q, err
	}
	q.Before, err = parseTime("--before", s.before)
	return q, err
}

// typeUsage describes --type, which several verbs have.
const typeUsage = "only these formats, or those whose files end so: jpeg,pdf,docx,…"

// formatsOf turns the words of --type into names of formats. Whoever asks for jpg or docx is given the formats whose files are
// named so, which may be more than these: docx is a zip.
func formatsOf(words []string) ([]string, error) {
	if len(words) == 0 {
		return nil, nil
	}
	tables, err := rescue.NewTables()
	if err != nil {
		return nil, err
	}
	var out []string
	for _, given := range words {
		w := strings.ToLower(strings.TrimPrefix(given, "."))
		known := false
		for _, f := range tables.Files.Formats() {
			if f.Name != w && !slices.Contains(f.Extensions, w) {
				continue
			}
			known = true
			if !slices.Contains(out, f.Name) {
				out = append(out, f.Name)
			}
		}
		if !known {
			return nil, usageError{fmt.Errorf("--type %s: there is no such format", given)}
		}
	}
	return out, nil
}

// parseSize reads a number of bytes: units of 1024 with or without "iB", any case. "" is 0.
func parseSize(option, text string) (int64, error) {
	if text == "" {
		return 0, nil
	}
	number := strings.ToLower(text)
	number = strings.TrimSuffix(strings.TrimSuffix(number, "b"), "i")
	shift := 0
	for i, unit := range []string{"k", "m", "g", "t"} {
		if rest, ok := strings.CutSuffix(number, unit); ok {
			number, shift = rest, 10*(i+1)
		}
	}
	n, err := strconv.ParseInt(strings.TrimSpace(number), 10, 64)
	if err != nil || n < 0 || n > math.MaxInt64>>shift {
		return 0, usageError{fmt.Errorf("%s %s: expected a size as 4096, 100k, 2M or 1GiB", option, text)}
	}
	return n << shift, nil
}

func parseTime(option, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, usageError{fmt.Errorf("%s %s: expected a time as 2026-11-21 or 2026-11-21T14:30:00Z", option, text)}
}
