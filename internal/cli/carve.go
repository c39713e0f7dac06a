package cli

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"salvor/block"
	"salvor/carve"
	"salvor/filetype"
	"salvor/host"
	"salvor/recovery"
	"salvor/rescue"
)

// efforts are the words of --effort.
var efforts = map[string]carve.Effort{"quick": carve.Quick, "normal": carve.Normal, "deep": carve.Deep}

// carving are the options of the verb as they are given.
type carving struct {
	types, classes, ranges []string
	cluster, effort        string
	patience               time.Duration
	rescue.CarveOptions
}

func (a *app) carveCommand() *cobra.Command {
	o := rescue.Options{}
	var c carving
	cmd := &cobra.Command{
		Use:   "carve SOURCE --to CASE",
		Short: "Find files by their content alone, whole and in pieces",
		Long: `Looks for files in the raw bytes of SOURCE, without any help of a file system: each begins
at a signature, is read to its end by its format's own structure, and is judged. Files that
break are put together from their pieces as far as that can be shown to be right. What is cut
or damaged is saved up to its last good byte, in a folder of its own.

'salvor rescue' does this too, beside reading the volumes. SOURCE is only read. Stopped at
any moment, the same command goes on where it was; with other options it carves once more.`,
		Example: "  salvor carve card.img --to rescued\n  salvor carve card.img --to rescued --class photo --effort deep\n  salvor carve flash.bin --to rescued --every-byte --range 4M-8M",
		Args:    exactly(1, "one SOURCE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Source = args[0]
			if err := c.fill(); err != nil {
				return err
			}
			o.Carve = c.CarveOptions
			return a.runCarving(cmd, o)
		},
	}
	a.secrets.add(cmd)
	f := cmd.Flags()
	f.StringVar(&o.Case, "to", "", "the `CASE` folder: a new or empty one, or the one to go on with")
	f.BoolVar(&o.Copy, "copy", false, "copy an image file into the case, instead of using it where it lies")
	f.BoolVar(&o.NoLock, "no-lock", false, "leave the system's read-only flag of the device as it is")
	f.StringSliceVar(&c.types, "type", nil, typeUsage)
	f.StringSliceVar(&c.classes, "class", nil, "only these classes: "+join(filetype.Classes()))
	f.StringSliceVar(&c.ranges, "range", nil, "only files that begin in these bytes of the source: 4M-8M, 0x1000-")
	f.StringVar(&c.Partition, "partition", "", "only inside of this volume or partition: v2")
	f.BoolVar(&c.Free, "free", false, "leave out what live files of the volumes stand on")
	f.BoolVar(&c.EveryByte, "every-byte", false, "find files that begin at any byte, not only at a sector")
	f.StringVar(&c.cluster, "cluster", "", "size of the clusters in which files lie: 4096; found out when not given")
	f.StringVar(&c.effort, "effort", "normal", "how hard to look for the pieces of a file: quick, normal or deep")
	f.DurationVar(&c.patience, "patience", 0, "end the search for pieces after this time; a minute for normal, none for deep")
	return cmd
}

// fill turns the words into options.
func (c *carving) fill() error {
	c.Alone = true
	var ok bool
	if c.Effort, ok = efforts[c.effort]; !ok {
		return usageError{fmt.Errorf("--effort %s: expected quick, normal or deep", c.effort)}
	}
	if c.Patience = c.patience; c.patience < 0 {
		return usageError{fmt.Errorf("--patience %v: expected a time as 30s or 10m", c.patience)}
	}
	var err error
	if c.Unit, err = parseSize("--cluster", c.cluster); err != nil {
		return err
	}
	if c.Unit != 0 && (c.Unit < 512 || c.Unit > 1<<26 || c.Unit&(c.Unit-1) != 0) {
		return usageError{fmt.Errorf("--cluster %s: expected a power of two from 512 to 64M", c.cluster)}
	}
	if c.Formats, err = formatsOf(c.types); err != nil {
		return err
	}
	for _, w := range c.classes {
		if !slices.Contains(filetype.Classes(), filetype.Class(w)) {
			return usageError{fmt.Errorf("--class %s: expected one of %s", w, join(filetype.Classes()))}
		}
		c.Classes = append(c.Classes, filetype.Class(w))
	}
	for _, w := range c.ranges {
		e, err := parseRange(w)
		if err != nil {
			return err
		}
		c.Within = append(c.Within, e)
	}
	return nil
}

// parseRange reads "4M-8M", "0x1000-0x2000" or "4M-".
func parseRange(text string) (block.Extent, error) {
	first, last, ok := strings.Cut(text, "-")
	start, err := parsePlace(first)
	end := int64(1) << 62
	if ok && last != "" && err == nil {
		end, err = parsePlace(last)
	}
	if !ok || err != nil || first == "" || end <= start {
		return block.Extent{}, usageError{fmt.Errorf("--range %s: expected two places as 4M-8M or 0x1000-0x2000", text)}
	}
	return block.Between(start, end), nil
}

func parsePlace(text string) (int64, error) {
	if digits, ok := strings.CutPrefix(strings.ToLower(text), "0x"); ok {
		var n int64
		if _, err := fmt.Sscanf(digits, "%x", &n); err != nil || n < 0 {
			return 0, fmt.Errorf("%q is no place", text)
		}
		return n, nil
	}
	return parseSize("--range", text)
}

// runCarving runs the job and prints what was found by format before its end.
func (a *app) runCarving(cmd *cobra.Command, o rescue.Options) error {
	if o.Case == "" {
		return usageError{fmt.Errorf("where to? name a case folder with --to")}
	}
	outlive()
	o.Program = program()
	e := a.events()
	keys, err := a.secrets.open(e.p)
	if err != nil {
		return err
	}
	defer keys.close()
	o.Keys = keys
	r, err := rescue.Run(cmd.Context(), o, e, a.log())
	e.p.clear()
	if err != nil && r.Case == "" {
		return err // it ended before there was a case to speak of
	}
	if err != nil {
		a.log().Debug("the job ended", "error", err)
	} else if !a.json {
		if err := a.byFormat(context.WithoutCancel(cmd.Context()), o.Case); err != nil {
			return err
		}
	}
	return a.end(r)
}

// byFormat prints how many files of each format were carved, by verdict.
func (a *app) byFormat(ctx context.Context, dir string) error {
	c, err := rescue.OpenCase(dir, program())
	if err != nil {
		return err
	}
	defer c.Close()
	type row struct {
		count  map[filetype.Verdict]int
		pieces int
		bytes  int64
	}
	rows := map[string]*row{}
	for e, err := range c.Catalog.Select(ctx, recovery.Query{Drawers: []string{"carved"}}) {
		if err != nil {
			return err
		}
		if e.DuplicateOf != "" || e.IsDir() {
			continue
		}
		r := rows[e.Format]
		if r == nil {
			r = &row{count: map[filetype.Verdict]int{}}
			rows[e.Format] = r
		}
		r.count[e.Verdict]++
		r.bytes += e.Size
		if len(e.Runs) > 1 {
			r.pieces++
		}
	}
	if len(rows) == 0 {
		return nil
	}
	read, err := decoded(ctx, c.Catalog)
	if err != nil {
		return err
	}
	const line = "%-12s %7v %11v %8v %8v %8v %10s %10s\n"
	fmt.Fprintf(a.out, line, "FORMAT", "whole", "looks whole", "partial", "damaged", "joined", "SIZE", "DECODED")
	for name := range read { // also those of which nothing was found
		if rows[name] == nil {
			rows[name] = &row{}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(rows)) {
		r := rows[name]
		fmt.Fprintf(a.out, line, name, r.count[filetype.Proven], r.count[filetype.Consistent], r.count[filetype.Partial],
			r.count[filetype.Damaged], r.pieces, host.Bytes(r.bytes), host.Bytes(read[name]))
	}
	return nil
}

// decoded returns how many bytes were read and decoded while carving, by format.
func decoded(ctx context.Context, cat *recovery.Catalog) (map[string]int64, error) {
	scopes, err := cat.FindingScopes(ctx)
	if err != nil {
		return nil, err
	}
	read := map[string]int64{}
	for _, scope := range scopes {
		list, err := cat.Findings(ctx, scope)
		if err != nil {
			return nil, err
		}
		for _, f := range list {
			if f.Code != rescue.CarveRead {
				continue
			}
			for name, value := range f.Args {
				if n, err := strconv.ParseInt(value, 10, 64); err == nil {
					read[name] += n
				}
			}
		}
	}
	return read, nil
}
