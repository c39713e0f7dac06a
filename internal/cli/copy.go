package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"salvor/host"
	"salvor/imaging"
	"salvor/internal/wire"
	"salvor/rescue"
)

func (a *app) copyCommand() *cobra.Command {
	o := rescue.Options{Copy: true, TakeOnly: true}
	var f copyFlags
	var deadline, sums, first, until, erase string
	var pick []string
	var hash bool
	cmd := &cobra.Command{
		Use:   "copy SOURCE CASE|IMAGE [MAP]",
		Short: "Copy a disk or an image, and nothing more: also one that fails",
		Long: `Copies SOURCE into the folder CASE, or into the file IMAGE with its map MAP (IMAGE.map
without it). What can be read is read first, and what fails is left for later: copying in
five passes, trimming, scraping, and retrying if that is asked for. The map is that of GNU
ddrescue, and either program goes on where the other stopped. Beside it stands one SHA-256
for each MiB. Stopped at any moment, the same command goes on.

A second argument is an image when it is a file, when a MAP is named, or when its name ends
in .img, .raw, .dd, .bin, .iso, .image or .E01; all else is a case. A name that ends in .E01
asks for the Expert Witness format, --split for parts. A device is overwritten only after its
refusal has told model, serial number and content, and the code of that is given by --erase.

Options are named as those of GNU ddrescue where they mean the same. Sizes may end in s
(sectors), k, M, G, T (powers of 1000) or Ki, Mi, Gi, Ti (powers of 1024).`,
		Example: "  salvor copy /dev/sdb /media/usb/case\n  salvor copy /dev/sdb sdb.img sdb.map\n  salvor copy --retry-passes=3 /dev/sdb sdb.img sdb.map",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) < 1 || len(args) > 3 {
				return usageError{fmt.Errorf("expected SOURCE and CASE, or SOURCE, IMAGE and MAP, found %s", found(args))}
			}
			if len(args) == 2 && o.Case != "" && !isImage(o.Case, false) {
				return usageError{fmt.Errorf("the case is named twice: %s and --to %s", args[1], o.Case)}
			}
			if len(args) == 3 && o.Case != "" {
				return usageError{fmt.Errorf("the target is named twice: %s and --to %s", args[1], o.Case)}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Source = args[0]
			rest := args[1:]
			if o.Case != "" {
				rest = append([]string{o.Case}, rest...)
			}
			if len(rest) == 0 {
				return usageError{errors.New("where to? name a case folder or an image file with --to")}
			}
			o.Case = rest[0]
			p, err := f.plan()
			if err != nil {
				return err
			}
			v := &sizes{}
			o.Take = rescue.TakeOptions{Plan: p.Plan, SectorSize: int(p.sector), Deadline: v.time("deadline", deadline), Interval: p.interval,
				Direct: f.direct, WholeHash: hash, Position: p.position, Size: p.size, Domain: p.domain}
			if v.err != nil {
				return v.err
			}
			if o.Take.Until, err = rescue.ParseUntil(until); err != nil {
				return usageError{fmt.Errorf("--until: %q: %w", until, err)}
			}
			o.Take.FirstUsed, o.Take.Pick = first != "" || until != "" || len(pick) > 0, pick
			if first != "" && first != "used" {
				return usageError{fmt.Errorf("--first: %q: expected used", first)}
			}
			log, done, err := f.readLog()
			if err != nil {
				return err
			}
			o.Take.LogRead = log
			if !isImage(rest[0], len(rest) > 1 || f.split != "") {
				if name := f.onlyImage(cmd); name != "" {
					return usageError{fmt.Errorf("--%s is for an image file, and %s is a case", name, rest[0])}
				}
				return errors.Join(a.runJob(cmd, o), done())
			}
			c := rescue.ImageCopy{Source: o.Source, Image: rest[0], Sums: sums, TakeOptions: o.Take, OutputPosition: p.output,
				Sparse: f.sparse, Preallocate: f.preallocate, Truncate: f.truncate, Synchronous: f.synchronous, CompleteOnly: f.completeOnly,
				Compare: f.compare, VerifySize: f.verifySize, VerifyOnError: f.verifyOnError, ReopenOnError: f.reopenOnError, Extend: p.extend,
				Split: p.split, Erase: erase, Force: f.force, NoLock: o.NoLock, Test: p.test, Program: program(), Command: commandLine()}
			if len(rest) > 1 {
				c.Map = rest[1]
			}
			if f.fill != "" || f.generate {
				return errors.Join(a.withoutCopy(cmd, c, &f), done())
			}
			return errors.Join(a.copyImage(cmd, c), done())
		},
	}
	cmd.Flags().StringVar(&o.Case, "to", "", "the `CASE` folder or the image file, in the place of the second argument")
	cmd.Flags().BoolVar(&o.NoLock, "no-lock", false, "leave the system's read-only flag of the device as it is")
	cmd.Flags().StringVar(&deadline, "deadline", "", "give up on a read after that `TIME` (60 seconds without it)")
	cmd.Flags().StringVar(&sums, "sums", "", "the `FILE` for the hashes of an image (MAP.sums without it)")
	cmd.Flags().BoolVar(&hash, "hash", false, "compute the SHA-256 of the whole too, when nothing is missing")
	cmd.Flags().StringVar(&erase, "erase", "", "confirm by this `CODE` that a device as target may be overwritten; the refusal without it names the code, the device, and what it holds")
	cmd.Flags().StringVar(&first, "first", "", "`used`: first what file systems use, tables and folders before files, photos and documents before the rest")
	cmd.Flags().StringArrayVar(&pick, "pick", nil, "with --first used, files whose name or path matches `PATTERN` come before others; may be given several times")
	cmd.Flags().StringVar(&until, "until", "", "stop after a `STAGE` of --first used: tables, picked or used")
	f.add(cmd)
	return cmd
}

// onlyImage names an option that was given and means something for an image only.
func (f *copyFlags) onlyImage(cmd *cobra.Command) string {
	for _, name := range []string{"output-position", "preallocate", "truncate", "synchronous", "complete-only", "force", "test-mode", "sums", "split", "erase",
		"compare-before-write", "verify-input-size", "verify-on-error", "reopen-on-error", "extend-outfile", "fill-mode", "generate-mode", "ignore-write-errors"} {
		if cmd.Flags().Changed(name) {
			return name
		}
	}
	return ""
}

// isImage reports whether a target is an image file, and no case.
func isImage(path string, hasMap bool) bool {
	if st, err := os.Stat(path); err == nil {
		return !st.IsDir()
	}
	images := []string{".img", ".raw", ".dd", ".bin", ".iso", ".image", ".e01"}
	return hasMap || slices.Contains(images, strings.ToLower(filepath.Ext(path)))
}

// commandLine returns how the program was called, for the record.
func commandLine() string {
	if len(os.Args) == 0 {
		return ""
	}
	return strings.Join(append([]string{filepath.Base(os.Args[0])}, os.Args[1:]...), " ")
}

// withoutCopy does what GNU ddrescue's fill mode and generate mode do.
func (a *app) withoutCopy(cmd *cobra.Command, c rescue.ImageCopy, f *copyFlags) error {
	if f.fill != "" && f.generate {
		return usageError{errors.New("--fill-mode and --generate-mode: one of them")}
	}
	do := func() (wire.Result, error) { return rescue.GenerateMap(cmd.Context(), c) }
	if f.fill != "" {
		do = func() (wire.Result, error) {
			return rescue.Fill(cmd.Context(), c, rescue.FillOptions{Types: f.fill, IgnoreErrors: f.ignoreWrites})
		}
	}
	r, err := do()
	if err != nil {
		r = rescue.Failure(err, "the map says what was done; the source was only read")
	}
	if r.Exit == host.ExitUsage {
		return err
	}
	return a.end(r)
}

func (a *app) copyImage(cmd *cobra.Command, c rescue.ImageCopy) error {
	outlive()
	e := a.events()
	r, err := rescue.CopyImage(cmd.Context(), c, e, a.log())
	e.p.clear()
	var exhausted *imaging.ExhaustedError
	if errors.As(err, &exhausted) {
		a.log().Debug("the copy ended", "error", err, "at", time.Now())
	}
	if r.Exit == host.ExitUsage {
		return err
	}
	return a.end(r)
}
