package cli

import (
	"fmt"

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
