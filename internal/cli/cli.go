// Package cli is the command line: one file for each verb, which holds its options and nothing else.
//
// It promises that every verb ends with three sentences (what state things are in, what is safe, which one
// step is next) and with the exit code of the documented table; that with --json standard output holds JSON
// lines only; and that hostile names cannot move the cursor or hide text on a terminal.
//
// Rules for words, for whoever adds a message: say what a person sees before what the program calls it; name
// the thing, the place, what was expected and what was found; never blame; end with the one step that helps.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"salvor/host"
	"salvor/internal/wire"
	"salvor/rescue"
)

// app is one run of the program.
type app struct {
	out, err io.Writer
	json     bool
	verbose  bool
	code     int
	ended    bool // a result was printed
	lines    *wire.Writer
	comment  string      // before each line of the end, where standard output is a script
	secrets  secretFlags // of the verb that runs

	noElevate bool
	rights    *host.Rights
}

// usageError is a wrong use of a verb.
type usageError struct{ error }

// Main runs the program with these arguments and returns its exit code.
func Main(args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// A second interrupt ends the program at once: whoever presses twice means it.
	context.AfterFunc(ctx, stop)
	a := &app{out: stdout, err: stderr, lines: wire.NewWriter(stdout)}
	defer a.giveUpRights()
	root := a.root()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	a.json = wantsJSON(args)
	if cmd, err := root.ExecuteContextC(ctx); err != nil {
		a.fail(cmd, err)
	}
	return a.code
}

// wantsJSON reports whether the arguments ask for JSON, so that even an error in them is answered with it.
func wantsJSON(args []string) bool {
	for _, s := range args {
		switch s {
		case "--":
			return false
		case "--json", "--json=true":
			return true
		}
	}
	return false
}

func (a *app) root() *cobra.Command {
	var version bool
	root := &cobra.Command{
		Use:   "salvor",
		Short: "Save the files of a device whose firmware update failed",
		Long: `Salvor saves the files of a device whose firmware update failed, from its card, its
disk or an image of its flash. It only ever reads the source.

Stop using the device first. Do not format it, do not reset it, do not update it again.

  salvor ui                           pages in the browser, for all of this
  salvor look                         the disks of this computer
  salvor look SOURCE                  what stands on a disk or in an image
  salvor rescue SOURCE --to CASE      the main job: everything into the folder CASE
  salvor carve SOURCE --to CASE       files by their content alone, whole and in pieces
  salvor files CASE                   what was found
  salvor show CASE ID                 one file: what is in it, where it is damaged
  salvor save CASE --to FOLDER        some of it, elsewhere
  salvor note CASE FILE…              photos of screens, notes and logs into the case
  salvor verify CASE                  is all that was saved still what it was
  salvor why CASE FILE…               why the update failed, and what is safe to do now

Exit codes: 0 done, 10 done with reservations, 20 only locked content, 30 a choice is
needed, 40 refused for safety, 50 checked and bad, 3 stopped before the end (run it
again to go on), 1 error, 2 usage.`,
		// An empty argument is most often a variable of a script that is not set.
		PersistentPreRunE: func(cmd *cobra.Command, args []string) error {
			if slices.Contains(args, "") {
				return usageError{errors.New("an argument is empty")}
			}
			a.askForRights(cmd)
			return nil
		},
		SilenceUsage: true, SilenceErrors: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if version {
				return a.printVersion()
			}
			if a.json {
				return usageError{errors.New("no verb is named")}
			}
			return cmd.Help()
		},
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
				return usageError{fmt.Errorf("there is no verb %q; the nearest is %s", args[0], near[0])}
			}
			return usageError{fmt.Errorf("there is no verb %q", args[0])}
		},
		SuggestionsMinimumDistance: 2,
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.PersistentFlags().BoolVar(&a.json, "json", false, "print JSON lines instead of text")
	root.PersistentFlags().BoolVarP(&a.verbose, "verbose", "v", false, "log what happens to standard error")
	root.PersistentFlags().BoolVar(&a.noElevate, "no-elevate", false, "never ask for an administrator's rights for opening a disk")
	root.Flags().BoolVar(&version, "version", false, "say which version this is")
	// Standard output belongs to JSON lines when they are asked for, so help goes elsewhere and ends as any verb.
	help := root.HelpFunc()
	root.SetHelpFunc(func(cmd *cobra.Command, args []string) {
		if !a.json {
			help(cmd, args)
			return
		}
		root.SetOut(a.err)
		help(cmd, args)
		if err := a.end(wire.NewResult(rescue.ExitDone, "help was asked for", "nothing was read or written", "see standard error")); err != nil {
			a.log().Debug("standard output", "error", err)
		}
	})
	root.AddCommand(a.rescueCommand(), a.carveCommand(), a.lookCommand(), a.copyCommand(), a.filesCommand(), a.showCommand(), a.saveCommand(),
		a.verifyCommand(), a.mapCommand(), a.impactCommand(), a.tableCommand(), a.mendCommand(), a.checkCommand(), a.compareCommand(), a.whyCommand(), a.bundleCommand(), a.unpackCommand(), a.noteCommand(), a.uiCommand(), a.versionCommand())
	return root
}

func (a *app) log() *slog.Logger {
	level := slog.LevelWarn
	if a.verbose {
		level = slog.LevelDebug
	}
	return slog.New(slog.NewTextHandler(a.err, &slog.HandlerOptions{Level: level}))
}

// exactly returns the check for n positional arguments, whose names are words.
func exactly(n int, words string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) != n {
			return usageError{fmt.Errorf("expected %s, found %s", words, found(args))}
		}
		return nil
	}
}

// found says which arguments were given in the place of others.
func found(args []string) string {
	if len(args) == 0 {
		return "none"
	}
	return fmt.Sprintf("%d: %s", len(args), strings.Join(args, " "))
}

// end prints the last three sentences, or the last line, and sets the exit code.
func (a *app) end(r wire.Result) error {
	a.code, a.ended = r.Exit, true
	if a.json {
		return a.lines.Write(r)
	}
	_, err := fmt.Fprintf(a.out, "\n%sState  %s\n%sSafe   %s\n%sNext   %s\n", a.comment, show(r.State), a.comment, show(r.Safe), a.comment, show(r.Next))
	return err
}

// fail ends the program for an error that no verb turned into a result.
func (a *app) fail(cmd *cobra.Command, err error) {
	a.code = rescue.ExitOf(err)
	r := rescue.Failure(err, "nothing was changed")
	var usage usageError
	if errors.As(err, &usage) {
		a.code = host.ExitUsage
		r = wire.NewResult(a.code, err.Error(), "nothing was done", fmt.Sprintf("see `%s --help`", cmd.CommandPath()))
		r.Code = "usage"
	}
	if a.ended {
		fmt.Fprintf(a.err, "salvor: the end could not be written: %s\n", show(err.Error()))
		return
	}
	if a.json {
		if a.lines.Write(r) == nil {
			return
		}
	}
	fmt.Fprintf(a.err, "salvor: %s\nSafe   %s\nNext   %s\n", show(r.State), show(r.Safe), show(r.Next))
}

// outlive lets the work go on when whoever reads standard output goes away: what is saved matters more than
// who watches.
func outlive() { signal.Ignore(syscall.SIGPIPE) }

// show makes hostile text fit for a terminal.
func show(s string) string {
	s = wire.Text(s)
	if strings.IndexFunc(s, unprintable) < 0 {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if unprintable(r) {
			fmt.Fprintf(&b, `\u{%x}`, r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

func unprintable(r rune) bool { return r < 0x20 || r == 0x7f || wire.Hidden(r) }

// files returns a number of files in words.
func files(n int64) string { return plural(n, "file") }

func plural(n int64, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// version returns the version of the program, as it was built.
func version() string {
	if release != "" {
		return release
	}
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" || info.Main.Version == "(devel)" {
		return "development"
	}
	return info.Main.Version
}

func program() string { return "salvor " + version() }
