package cli

import (
	"github.com/spf13/cobra"

	"salvor/rescue"
)

func (a *app) verifyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "verify CASE",
		Short: "Check that all that was saved is still what it was",
		Long: `Reads every saved file again and compares its SHA-256, checks the chain of the custody
journal, and reads the copy (or the image that is used in place) again to compare each
MiB with its hash, and checks the sums that an image (E01) stores of its disk.
Exit code 50 when something differs.`,
		Args: exactly(1, "one CASE"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.verify(cmd, args[0]) },
	}
	a.secrets.add(cmd)
	return cmd
}

func (a *app) verify(cmd *cobra.Command, dir string) error {
	e := a.events()
	keys, err := a.secrets.open(e.p)
	if err != nil {
		return err
	}
	defer keys.close()
	c, err := rescue.OpenCase(dir, program())
	if err != nil {
		return err
	}
	defer c.Close()
	c.Keys = keys
	r, err := c.Verify(cmd.Context(), e)
	e.p.clear()
	if err != nil {
		return err
	}
	return a.end(r)
}
