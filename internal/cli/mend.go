package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"salvor/host"
	"salvor/internal/wire"
	"salvor/rescue"
)

func (a *app) mendCommand() *cobra.Command {
	var o rescue.MendOptions
	var back string
	cmd := &cobra.Command{
		Use:   "mend CASE|IMAGE --out NEW",
		Short: "Make a new image in which boot structures and tables are given back",
		Long: `Rebuilds, from their backups or from what the rest of the volume shows: boot sectors of FAT,
exFAT and NTFS, superblocks and group descriptors of ext2 to ext4, volume headers of HFS+,
the first records of an NTFS table, FATs, and the partition table.

It always makes a new image, NEW, and never changes the case, its image, the source or any
other file. Each patch is listed with the bytes before and after and the evidence for it;
NEW.undo leads back. What the copy could not read is zeros in NEW, and noted in NEW.map.

The files do not need this: ` + "`salvor rescue`" + ` reads through the same damage. Mend a copy when
another program, or the device itself, has to read the volume.`,
		Example: "  salvor mend rescued --dry-run\n  salvor mend rescued --out mended.img\n  salvor mend mended.img --undo mended.img.undo --out before.img",
		Args:    exactly(1, "one CASE or IMAGE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Path, o.Program = args[0], program()
			switch {
			case o.Out == "" && !o.DryRun:
				return usageError{errors.New("where to? name a new image with --out, or only list what would be done with --dry-run")}
			case o.Out != "" && o.DryRun:
				return usageError{errors.New("--out and --dry-run: only one of them")}
			case back != "" && o.DryRun:
				return usageError{errors.New("--undo and --dry-run: only one of them")}
			case back != "":
				return a.unmend(cmd, args[0], back, o.Out)
			}
			return a.mend(cmd, o)
		},
	}
	cmd.Flags().StringVar(&o.Out, "out", "", "the new `IMAGE`; there must be none yet")
	cmd.Flags().BoolVar(&o.DryRun, "dry-run", false, "list the patches, write nothing")
	cmd.Flags().StringVar(&back, "undo", "", "make the image of before again, by this undo `FILE`")
	cmd.Flags().IntVar(&o.Source, "source", 1, "the `NUMBER` of the disk in a case of several")
	return cmd
}

func (a *app) mend(cmd *cobra.Command, o rescue.MendOptions) error {
	e := a.events()
	m, err := rescue.Mend(cmd.Context(), o, e)
	e.p.clear()
	if err != nil {
		return err // no new file is left
	}
	for _, p := range m.Patches {
		if err := a.patch(wire.FromPatch(p)); err != nil {
			return err
		}
	}
	for _, n := range m.Notes {
		e.Finding(wire.FromFinding(rescue.MendNote(n)))
	}
	return a.end(mendResult(o, m))
}

func patches(n int) string {
	if n == 1 {
		return "1 patch"
	}
	return fmt.Sprintf("%d patches", n)
}

// mendResult says what mending came to.
func mendResult(o rescue.MendOptions, m *rescue.Mended) wire.Result {
	exit := rescue.ExitDone
	if len(m.Notes) > 0 || m.Broken > 0 || m.Unread > 0 {
		exit = rescue.ExitReserved
	}
	only := fmt.Sprintf("%s was only read", o.Path)
	switch {
	case len(m.Patches) == 0:
		state := "no boot structure and no table is broken in a way that can be given back: no image was written"
		return wire.NewResult(exit, state, only, fmt.Sprintf("`salvor rescue %s --to CASE` saves the files", o.Path))
	case m.Out == "":
		return wire.NewResult(exit, patches(len(m.Patches))+" would be made; nothing was written", only,
			fmt.Sprintf("`salvor mend %s --out NEW.img` makes an image with them", o.Path))
	}
	state := fmt.Sprintf("%s holds the image with %s; %s checked on it", m.Out, patches(len(m.Patches)), plural(int64(m.Checked), "volume"))
	if m.Broken > 0 {
		state += fmt.Sprintf(", of which %d still differ from what they should be", m.Broken)
	}
	if m.Unread > 0 {
		state += fmt.Sprintf("; %s could not be read: they are zeros there, and %s says where", host.Bytes(m.Unread), m.Map)
	}
	safe := fmt.Sprintf("%s; %s leads back (SHA-256 before %s, after %s)", only, m.Undo, m.Before, m.After)
	return wire.NewResult(exit, state, safe, fmt.Sprintf("look at it: `salvor look %s`; check it with the file system's own tool before a device gets it", m.Out))
}

func (a *app) unmend(cmd *cobra.Command, image, undo, to string) error {
	e := a.events()
	m, err := rescue.Unmend(cmd.Context(), image, undo, to, e)
	e.p.clear()
	if err != nil {
		return err
	}
	return a.end(wire.NewResult(rescue.ExitDone, fmt.Sprintf("%s is the image as it was before %s", to, patches(len(m.Patches))),
		fmt.Sprintf("%s was only read; SHA-256 %s", image, m.After), fmt.Sprintf("`salvor look %s` shows what stands on it", to)))
}

func (a *app) patch(p wire.Patch) error {
	if a.json {
		return a.lines.Write(p)
	}
	fmt.Fprintf(a.out, "0x%010X  %-10s  %s\n", p.Offset, host.Bytes(p.Size), show(p.Structure))
	fmt.Fprintf(a.out, "      at 0x%X  %s\n      becomes  %s\n", p.At, spaced(p.Old), spaced(p.New))
	for _, v := range p.Evidence {
		if _, err := fmt.Fprintf(a.out, "      by %s\n", show(v)); err != nil {
			return err
		}
	}
	return nil
}

// spaced parts hex digits into bytes.
func spaced(text string) string {
	var out []byte
	for i := 0; i < len(text); i += 2 {
		if i > 0 {
			out = append(out, ' ')
		}
		out = append(out, text[i:min(i+2, len(text))]...)
	}
	return string(out)
}
