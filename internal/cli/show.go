package cli

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"salvor/filetype"
	"salvor/host"
	"salvor/internal/wire"
	"salvor/recovery"
	"salvor/rescue"
)

// How much of a file the verb shows on a terminal.
const (
	shownRuns    = 24
	shownMembers = 100
	shownLines   = 60
	shownWidth   = 160 // characters of a line of text
)

func (a *app) showCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "show CASE ID…",
		Short: "Show what is known of a file, what is in it, and where it is damaged",
		Long: `Shows what a case knows of a file: its names and times, where its bytes stand on the source, its
verdict with the reasons, the bytes around the place where it is damaged, and a preview: the
text in it with its encoding, the members of an archive, the tables of a database, the size
of a picture and what the camera wrote into it, the length of a film.

ID is what ` + "`salvor files`" + ` shows: v2/i1234, c/0x2801000. A path in a volume does as well.`,
		Example: "  salvor show rescued v4/i12\n  salvor show rescued DCIM/100MEDIA/IMG_0001.JPG --json",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) < 2 {
				return usageError{fmt.Errorf("expected a CASE and an ID, found %s", found(args))}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return a.show(cmd, args[0], args[1:]) },
	}
	a.secrets.add(cmd)
	return cmd
}

func (a *app) show(cmd *cobra.Command, dir string, ids []string) error {
	ctx := cmd.Context()
	keys, err := a.secrets.open(newProgress(a.err))
	if err != nil {
		return err
	}
	defer keys.close()
	c, err := rescue.BrowseCase(cmd.Context(), dir, program(), keys)
	if err != nil {
		return err
	}
	defer c.Close()
	tables, err := rescue.NewTables()
	if err != nil {
		return err
	}
	var list []*recovery.Entry
	for _, id := range ids {
		found, err := c.Entry(ctx, id)
		if errors.Is(err, recovery.ErrNoEntry) {
			return usageError{fmt.Errorf("there is no file %s in this case; `salvor files %s` shows the IDs", id, dir)}
		}
		if err != nil {
			return err
		}
		list = append(list, found...)
	}
	exit := rescue.ExitDone
	for i, e := range list {
		s, err := c.Show(ctx, tables, e)
		if err != nil {
			return err
		}
		switch e.Verdict {
		case filetype.Partial, filetype.Damaged, filetype.Encrypted:
			exit = rescue.ExitReserved
		}
		if a.json {
			line := wire.FromEntry(e)
			if s.OnDisks != nil {
				line.AddPlaces(s.OnDisks)
			}
			if err := a.lines.Write(line); err != nil {
				return err
			}
			if err := a.lines.Write(wire.FromPreview(e.ID, &s.Preview, s.Bytes)); err != nil {
				return err
			}
			continue
		}
		if i > 0 {
			fmt.Fprintln(a.out)
		}
		if _, err := a.out.Write([]byte(shownText(s))); err != nil {
			return err
		}
	}
	state := fmt.Sprintf("%s: %s", show(place(list[0])), list[0].Verdict.Words())
	if len(list) > 1 {
		state = files(int64(len(list))) + " shown"
	}
	next := fmt.Sprintf("`salvor save %s --to FOLDER %s` saves it elsewhere", dir, list[0].ID)
	return a.end(wire.NewResult(exit, state, "the case was only read", next))
}

// shownText is what a terminal shows of a file.
func shownText(s *rescue.Shown) string {
	var b strings.Builder
	e := s.Entry
	row := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "%-10s %s\n", name, fmt.Sprintf(format, args...))
	}
	row("Name", "%s", show(place(e)))
	if e.Volume > 0 {
		row("ID", "%s, in volume %d %q of source %d", show(e.ID), e.Volume, show(s.Volume), e.Source)
	} else {
		row("ID", "%s, on source %d", show(e.ID), e.Source)
	}
	row("State", "%s", rescue.StateWords(e))
	if e.IsDir() {
		row("Kind", "folder")
	} else if e.Target != "" {
		row("Kind", "link to %s", show(e.Target))
	} else {
		row("Size", "%s (%d bytes)", host.Bytes(e.Size), e.Size)
		if e.Format != "" {
			row("Type", "%s, %s", e.Format, e.Class)
		}
	}
	for _, t := range []struct {
		name string
		time time.Time
	}{{"Modified", e.Times.Modified}, {"Created", e.Times.Created}, {"Accessed", e.Times.Accessed}, {"Changed", e.Times.Changed}, {"Deleted", e.Times.Deleted}} {
		if !t.time.IsZero() {
			zone := " UTC"
			if e.Times.Local {
				zone = ", local time of the device"
			}
			row(t.name, "%s%s", t.time.UTC().Format("2006-01-02 15:04:05"), zone)
		}
	}
	if e.HasOwner {
		row("Owner", "user %d, group %d, permissions %s", e.UID, e.GID, e.Mode.Perm())
	}
	switch {
	case e.SavedAs != "" && e.Save == recovery.Saved:
		row("Saved as", "%s", show(e.SavedAs))
		if e.SHA256 != "" {
			row("SHA-256", "%s", e.SHA256)
		}
	case e.DuplicateOf != "":
		row("Saved as", "%s, which has the same content", show(e.DuplicateOf))
	default:
		row("Saved as", "not saved (%s)", e.Save)
	}
	if e.Mode.IsRegular() {
		row("Verdict", "%s: %s", e.Verdict.Words(), verdictMeans[e.Verdict])
	}
	for _, f := range e.Findings {
		fmt.Fprintf(&b, "           - %s\n", show(f.String()))
	}
	writeRuns(&b, s)
	writePreview(&b, s)
	return b.String()
}

// verdictMeans says in a few words what stands behind a verdict.
var verdictMeans = map[filetype.Verdict]string{
	filetype.Proven:     "every byte is covered by a check that was computed",
	filetype.Consistent: "it decodes to its end; nothing proves each single byte",
	filetype.Partial:    "some bytes are missing, and it is known which",
	filetype.Damaged:    "something in it contradicts itself, and it is known where",
	filetype.Encrypted:  "the bytes are there, the key is not",
	filetype.Unknown:    "there is no check for this kind of file",
}

func writeRuns(b *strings.Builder, s *rescue.Shown) {
	e := s.Entry
	runs, what := e.Runs, "Places on the source"
	if s.OnDisks != nil {
		what = fmt.Sprintf("Places on source %d, a volume that was put together or decrypted", e.Source)
	}
	if e.Encoding != "" {
		runs, what = e.Stored, what+", stored as "+show(e.Encoding)
	}
	if len(runs) == 0 {
		return
	}
	fmt.Fprintf(b, "\n%s\n", what)
	for i, r := range runs {
		if i == shownRuns {
			fmt.Fprintf(b, "  and %d more pieces\n", len(runs)-shownRuns)
			break
		}
		at := fmt.Sprintf("at 0x%x", r.Physical)
		if !r.Kind.Stands() {
			at = r.Kind.String()
		} else if k := r.Kind.String(); k != "data" {
			at += ", " + k
		}
		fmt.Fprintf(b, "  bytes %d to %d  %s\n", r.Logical, r.LogicalExtent().End()-1, at)
	}
	writePlaces(b, s)
	if n := e.Missing.Count(); n > 0 {
		fmt.Fprintf(b, "\nMissing: %s in %d places\n", host.Bytes(e.Missing.Bytes()), n)
		i := 0
		for x := range e.Missing.All() {
			if i++; i > shownRuns {
				fmt.Fprintf(b, "  and %d more\n", n-shownRuns)
				break
			}
			fmt.Fprintf(b, "  bytes %d to %d\n", x.Offset, x.End()-1)
		}
	}
}

// writePlaces says where the bytes stand on the disks under a volume.
func writePlaces(b *strings.Builder, s *rescue.Shown) {
	if s.OnDisks == nil {
		return
	}
	n := 0
	for p := range s.OnDisks {
		if n++; n == 1 {
			b.WriteString("\nPlaces on the disks\n")
		}
		if n > shownRuns {
			continue
		}
		how := ""
		if p.Computed {
			how = ", computed from the other disks of the set"
		}
		if p.Encrypted {
			how += ", encrypted there"
		}
		fmt.Fprintf(b, "  bytes %d to %d  on source %d at 0x%x%s\n", p.Logical, p.Logical+p.Length-1, p.Source, p.Offset, how)
	}
	switch {
	case n == 0:
		b.WriteString("\nThe places on the disks cannot be told now: the volume cannot be put together\n")
	case n > shownRuns:
		fmt.Fprintf(b, "  and %d more pieces\n", n-shownRuns)
	}
}

func writePreview(b *strings.Builder, s *rescue.Shown) {
	p := &s.Preview
	if len(p.Facts)+len(p.Members)+len(p.Text) > 0 {
		b.WriteString("\nIn it\n")
	}
	for _, f := range p.Facts {
		fmt.Fprintf(b, "  %-14s %s\n", show(f.Name), show(f.Value))
	}
	for i, m := range p.Members {
		if i == shownMembers {
			fmt.Fprintf(b, "  and %d more\n", len(p.Members)-shownMembers+p.More)
			break
		}
		size := ""
		if m.Size >= 0 {
			size = host.Bytes(m.Size)
		}
		fmt.Fprintf(b, "  %10s  %s", size, show(m.Name))
		if m.Note != "" {
			fmt.Fprintf(b, "  (%s)", show(m.Note))
		}
		b.WriteByte('\n')
	}
	if p.More > 0 && len(p.Members) <= shownMembers {
		fmt.Fprintf(b, "  and %d more\n", p.More)
	}
	if p.Text != "" {
		b.WriteByte('\n')
		n := 0
		for line := range strings.Lines(p.Text) {
			if n++; n > shownLines {
				b.WriteString("  …\n")
				break
			}
			b.WriteString("  | " + show(clip(strings.ReplaceAll(strings.TrimRight(line, "\r\n"), "\t", "    "), shownWidth)) + "\n")
		}
	}
	if len(s.Bytes) > 0 {
		if s.Place >= 0 {
			fmt.Fprintf(b, "\nAround byte %d (0x%x), the first one that is damaged or missing\n", s.Place, s.Place)
		} else {
			b.WriteString("\nIts first bytes\n")
		}
		for _, l := range s.Bytes {
			mark := " "
			if s.Place >= l.Offset && s.Place < l.Offset+int64(len(l.Bytes)) {
				mark = ">"
			}
			fmt.Fprintf(b, "%s %s\n", mark, show(l.String()))
		}
	}
	for _, f := range p.Findings {
		fmt.Fprintf(b, "  (%s)\n", show(f.String()))
	}
}

// clip returns at most n characters of a line.
func clip(s string, n int) string {
	i := 0
	for at := range s {
		if i++; i > n {
			return s[:at] + "…"
		}
	}
	return s
}
