package cli

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"salvor/host"
)

// askForRights lets a verb open disks that only an administrator may read, by asking for these rights when it comes to that.
// The pages of the graphical mode ask in their own way.
func (a *app) askForRights(cmd *cobra.Command) {
	if a.noElevate || cmd.Name() == "ui" {
		return
	}
	a.rights = host.NewRights(host.RightsOptions{Ask: true, Terminal: true, Tell: func(what string) { fmt.Fprintln(a.err, show(what)) }})
	cmd.SetContext(host.WithRights(cmd.Context(), a.rights))
}

func (a *app) giveUpRights() {
	if a.rights == nil {
		return
	}
	if err := a.rights.Close(); err != nil {
		a.log().Debug("rights", "error", err)
	}
}

// leaveRoot goes on as the user who started the graphical mode by sudo, so that neither its pages nor what reads files has
// more rights than that user. It returns where there is no such user.
func (a *app) leaveRoot(asRoot bool) error {
	c := host.StartedBy()
	if asRoot || c == nil {
		return nil
	}
	fmt.Fprintf(a.err, "The pages run as %s, not as root. When a disk needs more rights, they ask for them.\n", show(c.Name))
	err := c.Become()
	return &host.RefusedError{Exit: host.ExitRefused, Code: "ui.root", Why: fmt.Sprintf("the pages do not run as root, and could not be run as %s (%v)", c.Name, err),
		Next: "start `salvor ui` without sudo: it asks for an administrator's password when a disk needs it"}
}

// refuseRoot refuses what would run pages, and what reads hostile files, with all rights there are.
func (a *app) refuseRoot(asRoot bool) error {
	switch {
	case os.Geteuid() != 0: // -1 where there is no such thing
		return nil
	case asRoot:
		fmt.Fprintln(a.err, "warning: the pages run as root. A fault in them, or in what reads files, has all rights on this computer.")
		return nil
	}
	return &host.RefusedError{Exit: host.ExitRefused, Code: "ui.root", Why: "the pages do not run as root: a fault in them, or in what reads files, would have all rights on this computer",
		Next: "start `salvor ui` as another user: it asks for an administrator's password when a disk needs it; where there is no other user, as on a rescue stick, add --as-root"}
}
