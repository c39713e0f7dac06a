package cli

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"salvor/host"
	"salvor/internal/wire"
	"salvor/layers"
	"salvor/rescue"
)

func (a *app) lookCommand() *cobra.Command {
	device := false
	cmd := &cobra.Command{
		Use:   "look [SOURCE… | CASE]",
		Short: "Show this computer's disks, or what stands on disks, in images or in a case",
		Long: `Without an argument: the disks of this computer.

With a SOURCE: its tables, partitions and volumes. Of a device it reads at most 1 GiB in 60
seconds and says what it did not search; an image file is searched fully as far as that
time allows. Nothing is written anywhere.

With several SOURCEs, in any order: what stands on each, and the volumes that they give
together: RAID sets and volume groups, and what stands in these. What is encrypted is named
with what opens it.

With a CASE: what the main job found.

With --device: what a case or an image says of the device that it comes from, as a file that
salvor check takes behind --for.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 && slices.ContainsFunc(args, isCase) {
				return usageError{fmt.Errorf("expected one CASE, or SOURCEs, found %s", found(args))}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case device && len(args) != 1:
				return usageError{fmt.Errorf("--device expected one CASE or SOURCE, found %s", found(args))}
			case device:
				return a.lookDevice(cmd, args[0])
			case len(args) == 0:
				return a.lookDisks(cmd)
			case isCase(args[0]):
				return a.lookCase(cmd, args[0])
			}
			return a.lookSources(cmd, args)
		},
	}
	cmd.Flags().BoolVar(&device, "device", false, "what is known of the device, as a record")
	a.secrets.add(cmd)
	return cmd
}

// lookDevice prints what is known of the device that a case or an image comes from.
func (a *app) lookDevice(cmd *cobra.Command, path string) error {
	d, err := rescue.KnownDevice(cmd.Context(), path, program())
	if err != nil {
		return err
	}
	if a.json {
		if err := a.lines.Write(wire.FromDevice(d)); err != nil {
			return err
		}
	} else {
		text, err := json.MarshalIndent(d.Record(), "", "  ")
		if err != nil {
			return err
		}
		for line := range strings.Lines(string(text)) {
			if _, err := fmt.Fprintln(a.out, show(strings.TrimSuffix(line, "\n"))); err != nil {
				return err
			}
		}
		for _, f := range d.Facts {
			fmt.Fprintf(a.err, "%s %s: %s\n", f.Kind, show(f.Value), show(f.From))
		}
	}
	state, exit := fmt.Sprintf("%s and %s say what %s comes from", plural(int64(len(d.Facts)), "fact"), plural(int64(len(d.Spaces)), "partition"), path), rescue.ExitDone
	if len(d.Facts) == 0 {
		state, exit = path+" does not say which device it comes from", rescue.ExitReserved
	}
	return a.end(wire.NewResult(exit, state, "what it holds was only read", "`salvor check PACKAGE --for "+path+"` holds a package against it"))
}

// isCase reports whether path is a folder with a case in it.
func isCase(path string) bool {
	info, err := os.Stat(filepath.Join(path, "case.json"))
	return err == nil && info.Mode().IsRegular()
}

func (a *app) lookDisks(cmd *cobra.Command) error {
	disks, err := host.Disks(cmd.Context())
	if err != nil {
		return err
	}
	for i := range disks {
		d := &disks[i]
		if a.json {
			if err := a.lines.Write(wire.FromDisk(d)); err != nil {
				return err
			}
			continue
		}
		var notes []string
		if d.System {
			notes = append(notes, "this computer's own")
		}
		if d.Removable {
			notes = append(notes, "removable")
		}
		if d.Virtual {
			notes = append(notes, "virtual")
		}
		for _, h := range d.Holders {
			notes = append(notes, h.String())
		}
		if d.Health.Known {
			notes = append(notes, d.Health.Words())
		}
		fmt.Fprintf(a.out, "%-16s %10s  %-24s %-20s %s\n", show(d.Path), host.Bytes(d.Size), show(d.Model), show(d.Serial), show(strings.Join(notes, ", ")))
	}
	return a.end(wire.NewResult(rescue.ExitDone, "this computer has "+plural(int64(len(disks)), "disk"),
		"nothing was read from them", "`salvor look DISK` shows what stands on one"))
}

func (a *app) lookSources(cmd *cobra.Command, paths []string) error {
	e := a.events()
	keys, err := a.secrets.open(e.p)
	if err != nil {
		return err
	}
	defer keys.close()
	names := strings.Join(paths, " ")
	l, err := rescue.Look(cmd.Context(), paths, rescue.LookOptions{Keys: keys, Progress: func(done, total int64) {
		p := wire.NewProgress("search", done, total, "bytes")
		p.Words = "looking at " + names
		e.Progress(p)
	}})
	e.p.clear()
	if err != nil {
		return err
	}
	for _, n := range l.Notes {
		e.Finding(n)
	}
	var list []wire.Layer
	for _, t := range l.Trees {
		list = append(list, wire.FromTree(t, t.Medium)...)
	}
	e.Layers(list)
	if err := a.images(l.Images, len(l.Trees) > 1); err != nil {
		return err
	}
	sum := sumUp(list)
	state := fmt.Sprintf("%s found on %s", plural(int64(sum.volumes), "volume"), strings.Join(paths, ", "))
	exit := sum.exit()
	if !l.Whole {
		exit = rescue.ExitReserved
		state += fmt.Sprintf("; searched %s of %s, so that there may be more", host.Bytes(l.Searched-l.Unreadable), host.Bytes(l.Size))
	}
	if l.Unreadable > 0 {
		state += fmt.Sprintf("; %s could not be read", host.Bytes(l.Unreadable))
	}
	safe := "the source was only read"
	if len(paths) > 1 {
		safe = "the sources were only read"
	}
	next := fmt.Sprintf("`salvor rescue %s --to CASE` saves its files", names)
	if sum.missing > 0 {
		next = fmt.Sprintf("name the missing disks too, if there are any left: `salvor look %s DISK`; `salvor rescue %s --to CASE` saves what these have", names, names)
	}
	return a.end(wire.NewResult(exit, state+sum.words(), safe, next))
}

// images prints the firmware images that stand on the media.
func (a *app) images(list []rescue.Image, several bool) error {
	if !a.json && len(list) > 0 {
		fmt.Fprintln(a.out, "firmware")
	}
	for _, i := range list {
		if a.json {
			if err := a.lines.Write(wire.Image{V: wire.Version, Type: "image", Source: i.Source, Offset: i.Offset, Size: i.Size, Format: i.Format, Title: wire.Text(i.Title), Name: wire.Text(i.Name), Version: wire.Text(i.Version), Cut: i.Cut}); err != nil {
				return err
			}
			continue
		}
		size := "size not told"
		if i.Size > 0 {
			size = host.Bytes(i.Size)
		}
		for _, w := range []string{i.Name, i.Version} {
			if w != "" {
				size += "  " + show(w)
			}
		}
		if i.Cut {
			size += "  [ends behind the end of the medium]"
		}
		disk := ""
		if several {
			disk = fmt.Sprintf("d%d ", i.Source)
		}
		if _, err := fmt.Fprintf(a.out, "  %-36s%sat 0x%x  %s\n", show(i.Title), disk, i.Offset, size); err != nil {
			return err
		}
	}
	return nil
}

// summary is what a tree of layers comes to.
type summary struct {
	volumes, damaged, locked, missing int
	readable                          bool
}

func sumUp(list []wire.Layer) summary {
	var s summary
	for _, l := range list {
		switch {
		case l.Rival:
			continue
		case l.State == string(layers.Missing) && l.Set != "":
			s.missing++
		}
		if l.Volume == 0 {
			if len(l.Members) > 0 && l.State != string(layers.Good) {
				s.damaged++ // a set
			}
			continue
		}
		if l.Set == "" {
			s.volumes++ // members of sets are counted with what they give
		}
		switch layers.State(l.State) {
		case layers.Locked:
			s.locked++
		case layers.Good:
		default:
			s.damaged++
		}
		s.readable = s.readable || l.Readable
	}
	return s
}

func (s summary) exit() int {
	switch {
	case s.locked > 0 && !s.readable && s.volumes == s.locked:
		return rescue.ExitLocked
	case s.volumes == 0, s.damaged > 0, s.locked > 0, s.missing > 0:
		return rescue.ExitReserved
	}
	return rescue.ExitDone
}

// words says what is not in order.
func (s summary) words() string {
	text := ""
	if s.locked > 0 {
		text += fmt.Sprintf("; %d of them locked", s.locked)
	}
	if s.missing > 0 {
		text += fmt.Sprintf("; %s of sets missing", plural(int64(s.missing), "member"))
	}
	return text
}

func (a *app) lookCase(cmd *cobra.Command, dir string) error {
	c, err := rescue.OpenCase(dir, program())
	if err != nil {
		return err
	}
	defer c.Close()
	rows, err := c.Catalog.Layers(cmd.Context())
	if err != nil {
		return err
	}
	list := make([]wire.Layer, len(rows))
	for i, r := range rows {
		list[i] = wire.FromRow(r)
	}
	e := a.events()
	e.Layers(list)
	images, notes, err := c.Images(cmd.Context())
	if err != nil {
		return err
	}
	for _, n := range notes {
		e.Finding(wire.FromFinding(n))
	}
	if err := a.images(images, len(c.Record().Sources) > 1); err != nil {
		return err
	}
	sum := sumUp(list)
	exit := sum.exit()
	if sum.volumes == 0 {
		exit = rescue.ExitDone // that nothing was found is what the main job said
	}
	return a.end(wire.NewResult(exit, "the case has "+plural(int64(sum.volumes), "volume")+sum.words(),
		"what the case holds was only read", fmt.Sprintf("`salvor files %s` lists the files", dir)))
}
