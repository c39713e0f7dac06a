package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"salvor/diagnosis/mask"
	"salvor/host"
	"salvor/internal/wire"
	"salvor/rescue"
)

func (a *app) bundleCommand() *cobra.Command {
	var o rescue.BundleOptions
	var keep string
	cmd := &cobra.Command{
		Use:   "bundle CASE [--to FILE.zip]",
		Short: "What the maker needs to help, without files and secrets",
		Long: `Writes a support bundle: why the update failed and by which evidence, findings, versions,
hashes, the custody journal, what the storage says of the device, the report without its list
of files, and the logs that the answer quotes. No file of the user is in it.

Keys, passwords, Wi-Fi names and keys, tokens, cookies, credentials in addresses, e-mail
addresses, MAC addresses, serial numbers and IMEI are masked, the same value by the same name
everywhere; bundle.json in it lists what was masked and where. --keep leaves kinds as they are:
key, password, wifi, token, cookie, url, email, mac, serial, imei.

Run salvor why CASE first, so that the answer is in it. The case is only read, and the same
case gives the same bytes. Look through the bundle before you send it.`,
		Example: "  salvor bundle rescued\n  salvor bundle rescued --to for-acme.zip --keep serial,mac",
		Args:    exactly(1, "one CASE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			var err error
			if o.Keep, err = mask.ParseKinds(keep); err != nil {
				return usageError{err}
			}
			o.Case, o.Program = args[0], program()
			return a.bundle(cmd, o)
		},
	}
	cmd.Flags().StringVar(&o.To, "to", "", "a new `FILE` (default: the case's name and -bundle.zip)")
	cmd.Flags().StringVar(&keep, "keep", "", "`KINDS` of secrets that are not masked, with commas between them")
	return cmd
}

func (a *app) bundle(cmd *cobra.Command, o rescue.BundleOptions) error {
	b, err := rescue.Bundle(cmd.Context(), o)
	if err != nil {
		return err
	}
	e := a.events()
	if a.json {
		if err := a.lines.Write(&b.Bundle); err != nil {
			return err
		}
	} else if _, err := fmt.Fprint(a.out, bundleText(&b.Bundle)); err != nil {
		return err
	}
	for _, n := range b.Notes {
		e.Finding(wire.FromFinding(n))
	}
	n := 0
	for _, r := range b.Masked {
		n += r.Count
	}
	return a.end(wire.NewResult(rescue.ExitDone, fmt.Sprintf("%s holds %s (%s); %s masked", b.Path, files(int64(len(b.Files))), host.Bytes(b.Size), plural(int64(n), "place")),
		o.Case+" was only read; no file of the user is in the bundle", "look through it, then send it to the maker"))
}

// bundleText lists what is in a bundle and what was masked.
func bundleText(b *wire.Bundle) string {
	var text strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&text, format+"\n", args...) }
	for _, f := range b.Files {
		cut := ""
		if f.Cut {
			cut = ", the beginning"
		}
		line("%-40s %10s%s", show(f.Name), host.Bytes(f.Size), cut)
	}
	if len(b.Masked) > 0 {
		line("\nMasked")
	}
	for _, r := range b.Masked {
		line("  %-14s %-32s %s", r.As, show(r.File), plural(int64(r.Count), "time"))
	}
	for _, k := range b.Kept {
		line("Left as it is: %s", k)
	}
	return text.String()
}
