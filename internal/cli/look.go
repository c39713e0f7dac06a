package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"salvor/host"
	"salvor/internal/wire"
	"salvor/rescue"
)

func (a *app) lookCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "look [SOURCE | CASE]",
		Short: "Show this computer's disks, or what stands on a disk, in an image or in a case",
		Long: `Without an argument: the disks of this computer.

With a SOURCE: its tables, partitions and volumes. Of a device it reads at most 1 GiB in 60
seconds and says what it did not search; an image file is searched fully as far as that
time allows. Nothing is written anywhere.

With a CASE: what the main job found.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usageError{fmt.Errorf("expected one SOURCE or CASE, found %s", found(args))}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case len(args) == 0:
				return a.lookDisks(cmd)
			case isCase(args[0]):
				return a.lookCase(cmd, args[0])
			}
			return a.lookSource(cmd, args[0])
		},
	}
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

func (a *app) lookSource(cmd *cobra.Command, path string) error {
	e := a.events()
	l, err := rescue.Look(cmd.Context(), path, func(done, total int64) {
		p := wire.NewProgress("search", done, total, "bytes")
		p.Words = "looking at " + path
		e.Progress(p)
	})
	e.p.clear()
	if err != nil {
		return err
	}
	for _, n := range l.Notes {
		e.Finding(n)
	}
	e.Layers(wire.FromTree(l.Tree, 1))
	volumes, exit := l.Tree.Volumes(), rescue.ExitDone
	state := fmt.Sprintf("%s found on %s", plural(int64(len(volumes)), "volume"), path)
	if len(volumes) == 0 {
		exit = rescue.ExitReserved
	}
	for _, v := range volumes {
		if v.State != "good" {
			exit = rescue.ExitReserved
		}
	}
	if !l.Whole {
		exit = rescue.ExitReserved
		state += fmt.Sprintf("; searched %s of %s, so that there may be more", host.Bytes(l.Searched-l.Unreadable), host.Bytes(l.Size))
	}
	if l.Unreadable > 0 {
		state += fmt.Sprintf("; %s could not be read", host.Bytes(l.Unreadable))
	}
	return a.end(wire.NewResult(exit, state, "the source was only read", fmt.Sprintf("`salvor rescue %s --to CASE` saves its files", path)))
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
	exit, volumes := rescue.ExitDone, 0
	for i, r := range rows {
		list[i] = wire.FromRow(r)
		if r.Volume > 0 && !r.Rival {
			volumes++
			if r.State != "good" {
				exit = rescue.ExitReserved
			}
		}
	}
	a.events().Layers(list)
	return a.end(wire.NewResult(exit, "the case has "+plural(int64(volumes), "volume"),
		"what the case holds was only read", fmt.Sprintf("`salvor files %s` lists the files", dir)))
}
