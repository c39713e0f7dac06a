package cli

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"salvor/internal/wire"
)

// release is the version of a release, which the linker sets (.ci/release); empty in every other build.
var release string

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Say which version this is",
		Args:  exactly(0, "no argument"),
		RunE:  func(*cobra.Command, []string) error { return a.printVersion() },
	}
}

func (a *app) printVersion() error {
	text := fmt.Sprintf("%s (%s, %s/%s)", program(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	if a.json {
		return a.end(wire.NewResult(0, text, "nothing was read or written", "see `salvor --help`"))
	}
	_, err := fmt.Fprintln(a.out, text)
	return err
}
