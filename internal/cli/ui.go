package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"salvor/host"
	"salvor/internal/wire"
	"salvor/rescue"
	"salvor/ui"
)

func (a *app) uiCommand() *cobra.Command {
	var o ui.Options
	var noBrowser bool
	cmd := &cobra.Command{
		Use:   "ui [CASE]",
		Short: "Show the pages of the graphical mode in a browser",
		Long: `Starts the graphical mode: pages in the browser of this computer, which lead from a device that
does not start any more to its files on another disk. The link is printed, and opened.

It listens on this computer alone, and lets in only who has the link. With a CASE, that one
is among the known ones. Jobs go on when a page is closed. They stop with the program
(Ctrl-C), and go on where they were when it is started again.`,
		Example: "  salvor ui\n  salvor ui rescued --no-browser --port 8090",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usageError{fmt.Errorf("expected one CASE, found %s", found(args))}
			}
			if o.Port < 0 || o.Port > 65535 {
				return usageError{fmt.Errorf("--port %d: expected 0 to 65535", o.Port)}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				if !isCase(args[0]) {
					return usageError{fmt.Errorf("%s is no case", args[0])}
				}
				o.Case = args[0]
			}
			return a.serveUI(cmd, o, noBrowser)
		},
	}
	cmd.Flags().IntVar(&o.Port, "port", 0, "listen on this port; 0 takes any that is free")
	cmd.Flags().BoolVar(&noBrowser, "no-browser", false, "only print the link")
	return cmd
}

func (a *app) serveUI(cmd *cobra.Command, o ui.Options, noBrowser bool) error {
	dir, err := os.UserConfigDir()
	if err != nil {
		return err
	}
	if cache, err := os.UserCacheDir(); err == nil { // without one, files are chosen where they are
		o.Uploads = filepath.Join(cache, "salvor", "uploads")
	}
	outlive()
	o.State, o.Program, o.Log = filepath.Join(dir, "salvor"), program(), a.log()
	s, err := ui.Listen(o)
	if err != nil {
		return err
	}
	link := s.Link()
	if a.json {
		err = a.lines.Write(wire.NewLink(link))
	} else {
		_, err = fmt.Fprintf(a.out, "Open this link in a browser of this computer:\n\n  %s\n\nCtrl-C ends the program.\n", link)
	}
	if err != nil {
		return errors.Join(err, s.Close())
	}
	if !noBrowser {
		if err := host.OpenLink(link); err != nil {
			fmt.Fprintf(a.err, "no browser could be opened: %s\n", show(err.Error()))
		}
	}
	if err := s.Serve(cmd.Context()); err != nil {
		return err
	}
	return a.end(wire.NewResult(rescue.ExitDone, "the graphical mode has ended", "what was saved stands where it was saved",
		"`salvor ui` goes on with what was not finished"))
}
