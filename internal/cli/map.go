package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"salvor/block"
	"salvor/host"
	"salvor/imaging"
	"salvor/internal/wire"
	"salvor/rescue"
)

func (a *app) mapCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "map show|compare|and|or|xor|invert|count|blocks|domain|merge",
		Short: "Look at maps of copies, compute with them, and merge partial copies",
		Long: `Maps are those of GNU ddrescue. MAP is a map file, or a case, whose own map is meant.

  show MAP             a picture, sums, and the places with errors
  count MAP            the sums alone
  compare MAP MAP      where two maps differ; exit code 50 when they do
  and|or|xor MAP MAP   the finished blocks of both, of either, of one alone
  invert MAP           finished blocks as bad sectors, all else as finished
  blocks MAP           numbers of the blocks in the given states
  domain SOURCE        a map for copy --domain-mapfile: what file systems use, or some files
  merge IMAGE...       one image out of several partial copies of the same medium`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usageError{errors.New("what with the map? name one of show, compare, and, or, xor, invert, count, blocks, domain, merge")}
			}
			return usageError{fmt.Errorf("map has no %q", args[0])}
		},
		RunE: func(*cobra.Command, []string) error { return nil },
	}
	cmd.AddCommand(a.mapShow(), a.mapCount(), a.mapCompare(), a.mapCombine("and", (*imaging.Map).And), a.mapCombine("or", (*imaging.Map).Or),
		a.mapCombine("xor", (*imaging.Map).Xor), a.mapInvert(), a.mapBlocks(), a.mapDomain(), a.mapMerge())
	return cmd
}

// openMap reads a map file, or the map of a case.
func openMap(path string) (*imaging.Map, error) {
	if st, err := os.Stat(path); err == nil && st.IsDir() {
		return rescue.MapOf(path, program())
	}
	m, err := readMapFile(path, false)
	if err == nil && m == nil {
		err = usageError{errors.New("a map is named by an empty argument")}
	}
	return m, err
}

// mapEnd prints the end of a verb that only looked.
func (a *app) mapEnd(exit int, state, next string) error {
	return a.end(wire.NewResult(exit, state, "nothing was changed", next))
}

func percent(n, of int64) float64 {
	if of == 0 {
		return 0
	}
	return float64(n) * 100 / float64(of)
}

func (a *app) tallies(m *imaging.Map) string {
	var words []string
	for _, t := range m.Tallies() {
		if !a.json {
			fmt.Fprintf(a.out, "%-12s %14d bytes  %6.2f %%  in %d areas\n", wire.StatusName(t.Status), t.Bytes, percent(t.Bytes, m.Size()), t.Areas)
		}
		if t.Bytes > 0 {
			words = append(words, fmt.Sprintf("%s %s", host.Bytes(t.Bytes), wire.StatusName(t.Status)))
		}
	}
	if len(words) == 0 {
		return "the map is empty"
	}
	return "of " + host.Bytes(m.Size()) + ": " + strings.Join(words, ", ")
}

// maxClusters is how many places with errors are shown.
const maxClusters = 40

func (a *app) mapShow() *cobra.Command {
	var columns, rows int
	cmd := &cobra.Command{
		Use: "show MAP", Short: "A picture of the map, sums, and the places with errors", Args: exactly(1, "one MAP"),
		RunE: func(_ *cobra.Command, args []string) error {
			m, err := openMap(args[0])
			if err != nil {
				return err
			}
			if columns < 1 || rows < 1 || columns > 1000 || rows > 1000 {
				return usageError{errors.New("the picture needs from 1 to 1000 columns and rows")}
			}
			if !a.json {
				fmt.Fprintln(a.out, ". finished  ? not tried  * not trimmed  / not scraped  - bad sectors")
				picture := []byte(m.Picture(columns * rows))
				for line := range slices.Chunk(picture, columns) {
					fmt.Fprintln(a.out, string(line))
				}
				fmt.Fprintln(a.out)
			}
			words := a.tallies(m)
			clusters := m.Clusters(max(m.Size()/1000, 64<<10))
			if a.json {
				for e, s := range m.All() {
					if err := a.lines.Write(wire.NewBlock(e, s)); err != nil {
						return err
					}
				}
			} else if len(clusters) > 0 {
				fmt.Fprintln(a.out)
				for i, c := range clusters {
					if i == maxClusters {
						fmt.Fprintf(a.out, "and %d more places\n", len(clusters)-i)
						break
					}
					fmt.Fprintf(a.out, "errors from 0x%010X over %s: %s in %d areas\n", c.Offset, host.Bytes(c.Length), host.Bytes(c.Bad), c.Areas)
				}
			}
			pattern := imaging.ReadPattern(m, nil)
			e := a.events()
			for _, f := range pattern {
				e.Finding(wire.FromFinding(f))
			}
			next := "nothing is left to do"
			if m.Of(imaging.Finished).Bytes() < m.Size() {
				next = "run the same copy again to go on, or see `salvor impact` for what the unread ranges hurt"
			}
			return a.mapEnd(rescue.ExitDone, words, next)
		},
	}
	cmd.Flags().IntVar(&columns, "columns", 64, "columns of the picture")
	cmd.Flags().IntVar(&rows, "rows", 16, "rows of the picture")
	return cmd
}

func (a *app) mapCount() *cobra.Command {
	return &cobra.Command{
		Use: "count MAP", Short: "How much is in which state", Args: exactly(1, "one MAP"),
		RunE: func(_ *cobra.Command, args []string) error {
			m, err := openMap(args[0])
			if err != nil {
				return err
			}
			return a.mapEnd(rescue.ExitDone, a.tallies(m), "see `salvor map show` for where")
		},
	}
}

func (a *app) mapCompare() *cobra.Command {
	return &cobra.Command{
		Use: "compare MAP MAP", Short: "Where two maps differ", Args: exactly(2, "two MAPs"),
		RunE: func(_ *cobra.Command, args []string) error {
			m, err := openMap(args[0])
			if err != nil {
				return err
			}
			o, err := openMap(args[1])
			if err != nil {
				return err
			}
			list := m.Compare(o)
			for _, d := range list {
				l := wire.NewBlock(d.Extent, d.First)
				l.Other = wire.StatusName(d.Second)
				if a.json {
					if err := a.lines.Write(l); err != nil {
						return err
					}
					continue
				}
				fmt.Fprintf(a.out, "0x%010X  0x%010X  %s  %s\n", d.Offset, d.Length, l.State, l.Other)
			}
			if len(list) > 0 {
				return a.mapEnd(exitNo, fmt.Sprintf("the maps differ in %d places", len(list)), "copy what one lacks with --domain-mapfile, or merge the copies with `salvor map merge`")
			}
			return a.mapEnd(rescue.ExitDone, "the maps say the same", "nothing is left to do")
		},
	}
}

// writeMap prints a map, or writes it to a file.
func (a *app) writeMap(m *imaging.Map, to string) error {
	m.Comments = append([]string{"Mapfile. Created by " + program()}, m.Comments...)
	if to == "" {
		if a.json {
			for e, s := range m.All() {
				if err := a.lines.Write(wire.NewBlock(e, s)); err != nil {
					return err
				}
			}
			return a.mapEnd(rescue.ExitDone, "the map was printed", "name a file with --output to have it as a map file")
		}
		_, err := m.WriteTo(a.out)
		a.ended = true
		return err
	}
	if err := host.ReplaceFile(to, true, func(w io.Writer) error {
		_, err := m.WriteTo(w)
		return err
	}); err != nil {
		return err
	}
	return a.end(wire.NewResult(rescue.ExitDone, "the map was written: "+m.Describe(), to+" holds the map", "use it with `salvor copy --domain-mapfile`, or look at it with `salvor map show`"))
}

func (a *app) mapCombine(name string, op func(m, o *imaging.Map) *imaging.Map) *cobra.Command {
	var to string
	cmd := &cobra.Command{
		Use: name + " MAP MAP", Short: "The first map, with the finished blocks of the second: " + name, Args: exactly(2, "two MAPs"),
		RunE: func(_ *cobra.Command, args []string) error {
			m, err := openMap(args[0])
			if err != nil {
				return err
			}
			o, err := openMap(args[1])
			if err != nil {
				return err
			}
			return a.writeMap(op(m, o), to)
		},
	}
	cmd.Flags().StringVarP(&to, "output", "o", "", "write the map to `FILE` instead of printing it")
	return cmd
}

func (a *app) mapInvert() *cobra.Command {
	var to string
	cmd := &cobra.Command{
		Use: "invert MAP", Short: "Finished blocks as bad sectors, all else as finished", Args: exactly(1, "one MAP"),
		RunE: func(_ *cobra.Command, args []string) error {
			m, err := openMap(args[0])
			if err != nil {
				return err
			}
			return a.writeMap(m.Invert(), to)
		},
	}
	cmd.Flags().StringVarP(&to, "output", "o", "", "write the map to `FILE` instead of printing it")
	return cmd
}

func (a *app) mapBlocks() *cobra.Command {
	var unit, types string
	cmd := &cobra.Command{
		Use: "blocks MAP", Short: "Numbers of the blocks in the given states, in any unit", Args: exactly(1, "one MAP"),
		RunE: func(_ *cobra.Command, args []string) error {
			m, err := openMap(args[0])
			if err != nil {
				return err
			}
			n, err := imaging.ParseSize(unit, 512)
			if err != nil || n < 1 {
				return usageError{fmt.Errorf("--block-size: %q is no size of a block", unit)}
			}
			if types == "" || strings.Trim(types, "?*/-+") != "" {
				return usageError{fmt.Errorf("--types: %q, expected some of ? * / - +", types)}
			}
			count, last := int64(0), int64(-1)
			for e, s := range m.All() {
				if strings.IndexByte(types, byte(s)) < 0 {
					continue
				}
				first, end := max(e.Offset/n, last+1), (e.End()+n-1)/n
				count += max(end-first, 0)
				last = max(last, end-1)
				if a.json && first < end {
					if err := a.lines.Write(wire.NewBlock(block.Between(first*n, min(end*n, m.Size())), s)); err != nil {
						return err
					}
					continue
				}
				for b := first; b < end; b++ {
					if _, err := fmt.Fprintln(a.out, b); err != nil {
						return err
					}
				}
			}
			if a.json {
				return a.mapEnd(rescue.ExitDone, fmt.Sprintf("%d blocks of %d bytes", count, n), "give their numbers to the tool of the file system, as in `debugfs -R \"icheck ...\"`")
			}
			a.ended = true
			return nil
		},
	}
	cmd.Flags().StringVarP(&unit, "block-size", "b", "512", "size of a block in `BYTES`")
	cmd.Flags().StringVarP(&types, "types", "l", "-", "states of the blocks: some of ? * / - +")
	return cmd
}

func (a *app) mapDomain() *cobra.Command {
	var to string
	var pick []string
	cmd := &cobra.Command{
		Use: "domain SOURCE|CASE", Short: "A map of what file systems use, or of some files, to copy only that", Args: exactly(1, "one SOURCE or CASE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			m, err := rescue.UsedMap(cmd.Context(), args[0], pick, program())
			if err != nil {
				return err
			}
			return a.writeMap(m, to)
		},
	}
	cmd.Flags().StringVarP(&to, "output", "o", "", "write the map to `FILE` instead of printing it")
	cmd.Flags().StringArrayVar(&pick, "pick", nil, "only files whose name or path matches `PATTERN`; may be given several times")
	return cmd
}

func (a *app) mapMerge() *cobra.Command {
	var to, toMap string
	var maps []string
	var sector int64
	cmd := &cobra.Command{
		Use: "merge IMAGE... --to IMAGE", Short: "One image out of several partial copies of the same medium",
		Long: `Takes every sector that any of the copies has. Where copies have different bytes, those
that most of them have are taken, of as many those of the first; each such place is told.
The map of each IMAGE is IMAGE.map, or named with --map in the same order.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) < 2 || to == "" || len(maps) > 0 && len(maps) != len(args) {
				return usageError{fmt.Errorf("expected two or more IMAGEs, --to IMAGE, and as many --map or none; found %s", found(args))}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			disagree := 0
			r, err := rescue.MergeImages(cmd.Context(), rescue.Merge{Images: args, Maps: maps, To: to, ToMap: toMap, Sector: sector, Program: program()}, func(g imaging.Merging) error {
				if g.Disagree {
					disagree++
				}
				l := wire.NewBlock(g.Extent, imaging.NonTried)
				if g.Won >= 0 {
					l.State, l.Copy, l.Disagree = wire.StatusName(imaging.Finished), wire.Text(args[g.Won]), g.Disagree
				}
				if a.json {
					return a.lines.Write(l)
				}
				note := ""
				if g.Disagree {
					note = "  another copy has other bytes here"
				}
				_, err := fmt.Fprintf(a.out, "0x%010X  0x%010X  %s%s\n", g.Offset, g.Length, show(cmpOr(l.Copy, "in no copy")), note)
				return err
			})
			if err != nil {
				return err
			}
			return a.end(r)
		},
	}
	cmd.Flags().StringVar(&to, "to", "", "the `IMAGE` to make; it must not be there yet")
	cmd.Flags().StringVar(&toMap, "to-map", "", "its `MAP` (IMAGE.map without it)")
	cmd.Flags().StringArrayVar(&maps, "map", nil, "the `MAP` of an image; as often as there are images")
	cmd.Flags().Int64Var(&sector, "sector-size", 512, "unit of the comparison in bytes")
	return cmd
}

func cmpOr(a, b string) string {
	if a == "" {
		return b
	}
	return a
}
