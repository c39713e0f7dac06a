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
	var noBrowser, asRoot bool
	var listen listenFlags
	cmd := &cobra.Command{
		Use:   "ui [CASE]",
		Short: "Show the pages of the graphical mode in a browser",
		Long: `Starts the graphical mode: pages in the browser of this computer, which lead from a device that
does not start any more to its files on another disk. The link is printed, and opened.

It listens on this computer alone, and lets in only who has the link. With a CASE, that one
is among the known ones. Jobs go on when a page is closed. They stop with the program
(Ctrl-C), and go on where they were when it is started again.

It asks for an administrator's password when a disk needs it, and does not run as root:
started by sudo, it goes on as the user who did that.

With --listen other computers reach it too, by a password and over TLS. Who knows the password
sees the folders of this computer, may save on it, and reads what was recovered.`,
		Example: "  salvor ui\n  salvor ui rescued --no-browser --port 8090\n  salvor ui --listen 192.168.1.20:8443 --tls-self-made",
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
			if err := a.leaveRoot(asRoot); err != nil {
				return err
			}
			if err := listen.apply(cmd.Context(), a, &o); err != nil {
				return usageError{err}
			}
			if err := a.refuseRoot(asRoot); err != nil {
				return err
			}
			o.NoElevate = a.noElevate
			return a.serveUI(cmd, o, noBrowser)
		},
	}
	cmd.Flags().IntVar(&o.Port, "port", 0, "listen on this port; 0 takes any that is free")
	cmd.Flags().BoolVar(&noBrowser, "no-browser", false, "only print the link")
	cmd.Flags().BoolVar(&asRoot, "as-root", false, "run the pages as root too, where there is no other user")
	listen.add(cmd)
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
	switch {
	case a.json:
		l := wire.NewLink(link)
		if o.Remote != nil {
			l.Fingerprint = ui.Fingerprint(o.Remote.Certificate)
		}
		err = a.lines.Write(l)
	case o.Remote != nil:
		_, err = fmt.Fprintf(a.out, "Open this link in a browser, and give it the password:\n\n  %s\n\nThe SHA-256 fingerprint of its certificate, to compare with what the browser shows:\n\n  %s\n\nCtrl-C ends the program.\n",
			link, ui.Fingerprint(o.Remote.Certificate))
	default:
		_, err = fmt.Fprintf(a.out, "Open this link in a browser of this computer:\n\n  %s\n\nCtrl-C ends the program.\n", link)
	}
	if err != nil {
		return errors.Join(err, s.Close())
	}
	if !noBrowser && o.Remote == nil { // the browser is another computer's
		if err := host.OpenLink(s.LinkOnce()); err != nil {
			fmt.Fprintf(a.err, "no browser could be opened: %s\n", show(err.Error()))
		}
	}
	if err := s.Serve(cmd.Context()); err != nil {
		return err
	}
	return a.end(wire.NewResult(rescue.ExitDone, "the graphical mode has ended", "what was saved stands where it was saved",
		"`salvor ui` goes on with what was not finished"))
}
