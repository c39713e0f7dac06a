package recovery

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"
	"time"

	"salvor/filesystem"
	"salvor/filetype"
)

// Order says in which order entries come.
type Order uint8

const (
	// ByCatalogue is the order in which entries were first put.
	ByCatalogue Order = iota
	// ByPath orders by source, volume and path.
	ByPath
	// ByClass is the order of saving: photos, documents, databases and settings first, then the other
	// classes; in each the live files first, the carved ones last.
	ByClass
	// BySize puts the largest first.
	BySize
	// ByTime puts the newest first, those without a time last.
	ByTime
)

// Query says which entries are meant. An empty field asks for nothing; the values of one field are
// alternatives, the fields must all hold.
type Query struct {
	IDs []string
	// Name is a pattern as for [path.Match] over the name, upper and lower case alike: "*.jp*g".
	Name string
	// PathPrefix is a folder or a whole path: "DCIM/100MEDIA".
	PathPrefix string
	Formats    []string
	Classes    []filetype.Class
	States     []filesystem.State
	Verdicts   []filetype.Verdict
	Drawers    []string // "files", "deleted", "older", "carved"
	Save       []SaveState
	Volumes    []int
	Sources    []int
	MinSize    int64
	MaxSize    int64 // 0: no limit
	// After and Before bound the time of the last change, for carved files that of their content. Entries
	// whose time is not known are left out when either is set. After is included, Before is not.
	After, Before time.Time
	// IncludeDirs asks for directories too.
	IncludeDirs bool
	Order       Order
	Limit       int // most entries to return; 0: all
	// FindingPrefix asks for entries with a finding whose code begins so: "relate.".
	FindingPrefix string
	// AlsoIDs are meant too, whatever the other fields ask for.
	AlsoIDs []string
	// From is the ID of the entry behind which to go on, in the same order; "" begins at the first.
	From string
	// Steps, when there are any, are how a choice was gathered: of those whose query holds for an entry, the last one
	// says whether it is meant. The fields above must hold, too.
	Steps []Step

	kinds []int
}

// Step adds what its query asks for to a choice, or takes it out. The query's order, limit, start and steps, and its
// AlsoIDs, are not regarded.
type Step struct {
	Query Query
	Out   bool
}

// pageSize is how many entries are read at once. No lock is held between pages, so that a writer never
// waits for whoever walks over the catalogue.
const pageSize = 512

// maxPageSize bounds the growth of pages in an order that may have no index yet (see [Catalog.Optimize]),
// where each page costs a pass over the catalogue.
const maxPageSize = 32 << 10

// where returns the condition of q; those of Name, FindingPrefix and Steps let some through that only Go can tell as promised. The sign before a
// column keeps SQLite from an index of that column, whose rows it would sort for every page.
func (q *Query) where() (string, []any) {
	var conds []string
	var args []any
	add := func(cond string, a ...any) {
		conds = append(conds, cond)
		args = append(args, a...)
	}
	in := func(column string, list []int) {
		if len(list) > 0 {
			add("+" + column + " IN (" + strings.Trim(strings.Join(strings.Fields(fmt.Sprint(list)), ","), "[]") + ")")
		}
	}
	if len(q.IDs) > 0 {
		b, _ := json.Marshal(q.IDs) // strings always encode
		add("id IN (SELECT value FROM json_each(?))", string(b))
	}
	if p := strings.Trim(q.PathPrefix, "/"); p != "" {
		add("(path = ? OR (path >= ? AND path < ?))", p, p+"/", p+"0") // '0' follows '/'
	}
	if len(q.Formats) > 0 {
		b, _ := json.Marshal(q.Formats)
		add("format IN (SELECT value FROM json_each(?))", string(b))
	}
	in("class", numbers(classes, q.Classes))
	in("state", ints(q.States))
	in("verdict", ints(q.Verdicts))
	in("drawer", numbers(drawers, q.Drawers))
	in("save", numbers(saves, q.Save))
	in("volume", q.Volumes)
	in("source", q.Sources)
	in("kind", q.kinds)
	if q.MinSize > 0 {
		add("+size >= ?", q.MinSize)
	}
	if q.MaxSize > 0 {
		add("+size <= ?", q.MaxSize)
	}
	if !q.After.IsZero() {
		add("+time >= ?", q.After.UnixMilli())
	}
	if !q.Before.IsZero() {
		add("+time < ? AND +time > ?", q.Before.UnixMilli(), int64(noTime))
	}
	if !q.IncludeDirs {
		add("kind <> 1")
	}
	if q.Name != "" {
		like := nameLike(q.Name)
		add(`(CASE name WHEN '' THEN path ELSE name END) LIKE ? ESCAPE '\'`, "%"+strings.TrimPrefix(like, "%")) // the end of a path is its name
	}
	if q.FindingPrefix != "" {
		add("instr(data, CAST(? AS BLOB)) > 0", q.FindingPrefix) // any text of the entry, far quicker than to decode it
	}
	if len(q.Steps) > 0 {
		any := []string{"0"}
		for _, s := range q.Steps {
			if !s.Out {
				s.Query.AlsoIDs, s.Query.Steps = nil, nil
				cond, a := s.Query.where()
				any, args = append(any, "("+cond+")"), append(args, a...)
			}
		}
		conds = append(conds, "("+strings.Join(any, " OR ")+")")
	}
	if len(conds) == 0 {
		return "1", args
	}
	all := strings.Join(conds, " AND ")
	if len(q.AlsoIDs) > 0 {
		b, _ := json.Marshal(q.AlsoIDs)
		return "((" + all + ") OR id IN (SELECT value FROM json_each(?)))", append(args, string(b))
	}
	return all, args
}

func numbers[T comparable](list, of []T) []int {
	var out []int
	for _, v := range of {
		n := -1 // a word that the catalogue does not know matches nothing
		for i, w := range list {
			if v == w {
				n = i
			}
		}
		out = append(out, n)
	}
	return out
}

func ints[T ~uint8](list []T) []int {
	var out []int
	for _, v := range list {
		out = append(out, int(v))
	}
	return out
}

// orders gives for each Order the columns of its key and the direction.
var orders = map[Order]struct {
	columns string
	down    bool
}{
	ByCatalogue: {"seq", false},
	ByPath:      {"source, volume, path, seq", false},
	ByClass:     {"class, drawer, seq", false},
	BySize:      {"size, seq", true},
	ByTime:      {"time, seq", true},
}

// texts returns the statements for the first page of q and for those behind an entry, whose ID is the
// first argument; the last argument of both is the length of the page.
func (q *Query) texts() (first, next string, args []any) {
	o := orders[q.Order]
	where, args := q.where()
	dir, cmp := "", ">"
	if o.down {
		dir, cmp = " DESC", "<"
	}
	order := " ORDER BY " + strings.ReplaceAll(o.columns, ", ", dir+", ") + dir + " LIMIT ?"
	first = "SELECT " + entryColumns + " FROM entries WHERE " + where + order
	next = "SELECT " + entryColumns + " FROM entries WHERE (" + o.columns + ") " + cmp +
		" (SELECT " + o.columns + " FROM entries WHERE id = ?) AND " + where + order
	return first, next, args
}

// Select yields the entries of q in its order. They are read page by page: memory does not grow with their
// number, and the catalogue may be changed while they are walked over. An error ends the sequence.
//
// BySize and ByTime are slow for a large catalogue until [Catalog.Optimize] was called.
func (c *Catalog) Select(ctx context.Context, q Query) iter.Seq2[*Entry, error] {
	return func(yield func(*Entry, error) bool) {
		match, err := q.decider()
		if err != nil {
			yield(nil, err)
			return
		}
		o, ok := orders[q.Order]
		if !ok {
			yield(nil, fmt.Errorf("recovery: order %d", q.Order))
			return
		}
		first, next, args := q.texts()
		from, left, size := q.From, q.Limit, pageSize
		if left <= 0 {
			left = math.MaxInt
		}
		for {
			want := size
			if o.down {
				size = min(2*size, maxPageSize)
			}
			if match == nil {
				want = min(want, left)
			}
			text, values := first, append(args[:len(args):len(args)], want)
			if from != "" {
				text, values = next, append(append([]any{from}, args...), want)
			}
			page, err := c.page(ctx, text, values)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, e := range page {
				if match != nil && !match(e) && !slices.Contains(q.AlsoIDs, e.ID) {
					continue
				}
				if !yield(e, nil) {
					return
				}
				if left--; left == 0 {
					return
				}
			}
			if len(page) < want {
				return
			}
			from = page[len(page)-1].ID
		}
	}
}

func (c *Catalog) page(ctx context.Context, text string, args []any) ([]*Entry, error) {
	rows, err := c.r.QueryContext(ctx, text, args...)
	if err != nil {
		return nil, fmt.Errorf("recovery: catalogue: %w", err)
	}
	defer rows.Close()
	var page []*Entry
	for rows.Next() {
		_, e, err := scanEntry(rows)
		if err != nil {
			return nil, fmt.Errorf("recovery: %w", err)
		}
		page = append(page, e)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("recovery: catalogue: %w", err)
	}
	return page, nil
}

// Get returns the entry with this ID. Errors wrap [ErrNoEntry] when there is none.
func (c *Catalog) Get(ctx context.Context, id string) (*Entry, error) {
	_, e, err := scanEntry(c.r.QueryRowContext(ctx, "SELECT "+entryColumns+" FROM entries WHERE id = ?", id))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("%w: %q", ErrNoEntry, id)
	}
	if err != nil {
		return nil, fmt.Errorf("recovery: catalogue: %w", err)
	}
	return e, nil
}

// Count is a number of entries and of their bytes.
type Count struct {
	Files   int64
	Bytes   int64
	Missing int64 // of Bytes, those that could not be read
}

func (n *Count) add(o Count) {
	n.Files += o.Files
	n.Bytes += o.Bytes
	n.Missing += o.Missing
}

// Group counts the entries that are alike in all its words.
type Group struct {
	Drawer  string
	Verdict filetype.Verdict
	Class   filetype.Class
	Format  string
	Save    SaveState
	Erased  bool
	Dir     bool
	Count
}

// Summary counts entries in groups. There are as many groups as combinations of words occur.
type Summary struct {
	Groups []Group
}

// Total counts the groups that keep accepts, all when it is nil.
func (s Summary) Total(keep func(Group) bool) Count {
	var n Count
	for _, g := range s.Groups {
		if keep == nil || keep(g) {
			n.add(g.Count)
		}
	}
	return n
}

// Summary counts the entries of q; its order, limit and start are not regarded.
func (c *Catalog) Summary(ctx context.Context, q Query) (Summary, error) {
	if len(q.Steps) > 0 || q.FindingPrefix != "" {
		return c.summaryOfSteps(ctx, q)
	}
	match, err := q.nameMatcher()
	if err != nil {
		return Summary{}, err
	}
	const keys = "drawer, verdict, class, format, save, flags & 4, kind = 1"
	where, args := q.where()
	text := "SELECT " + keys + ", '', '', count(*), total(size), total(missing) FROM entries WHERE " + where +
		" GROUP BY 1, 2, 3, 4, 5, 6, 7"
	if match != nil {
		text = "SELECT " + keys + ", path, name, 1, size, missing FROM entries WHERE " + where
	}
	rows, err := c.r.QueryContext(ctx, text, args...)
	if err != nil {
		return Summary{}, fmt.Errorf("recovery: catalogue: %w", err)
	}
	defer rows.Close()
	type key struct{ drawer, verdict, class, save, erased, dir int }
	at := map[any]int{}
	var s Summary
	for rows.Next() {
		var k key
		var format, p, name string
		var files int64
		var size, missing float64 // total() does not overflow where sum() would
		err := rows.Scan(&k.drawer, &k.verdict, &k.class, &format, &k.save, &k.erased, &k.dir, &p, &name, &files, &size, &missing)
		if err != nil {
			return Summary{}, fmt.Errorf("recovery: catalogue: %w", err)
		}
		if match != nil {
			if name == "" {
				name = lastName(p)
			}
			if !match(name) {
				continue
			}
		}
		full := struct {
			key
			format string
		}{k, format}
		i, ok := at[full]
		if !ok {
			i = len(s.Groups)
			at[full] = i
			s.Groups = append(s.Groups, Group{Drawer: word(drawers, k.drawer), Verdict: filetype.Verdict(k.verdict),
				Class: word(classes, k.class), Format: format, Save: word(saves, k.save), Erased: k.erased != 0, Dir: k.dir != 0})
		}
		s.Groups[i].add(Count{files, clamp(size), clamp(missing)})
	}
	if err := rows.Err(); err != nil {
		return Summary{}, fmt.Errorf("recovery: catalogue: %w", err)
	}
	return s, nil
}

// clamp makes an integer of a total; totals up to 2^53 bytes are exact.
func clamp(f float64) int64 {
	if f >= math.MaxInt64 {
		return math.MaxInt64
	}
	return int64(f)
}
