package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"salvor/casefile"
	"salvor/host"
	"salvor/internal/wire"
	"salvor/rescue"
)

func (a *app) noteCommand() *cobra.Command {
	var text string
	cmd := &cobra.Command{
		Use:   "note CASE (--text WORDS | FILE…)",
		Short: "Add photos of screens, notes and logs to a case",
		Long: `Copies files into the folder notes of a case, and notes each with its SHA-256 in the custody
journal: photos of a screen or a label, logs of a serial console, letters. With --text the
words themselves are kept, beside files as their comment. The report lists them.`,
		Example: "  salvor note rescued --text 'LED blinks red three times'\n  salvor note rescued screen.jpg console.log --text 'after the second try'",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usageError{errors.New("expected a CASE, found none")}
			}
			if len(args) == 1 && strings.TrimSpace(text) == "" {
				return usageError{errors.New("nothing to add: name a FILE, or say it with --text")}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return a.note(args[0], text, args[1:]) },
	}
	cmd.Flags().StringVar(&text, "text", "", "`WORDS` to keep, or to say of the files")
	return cmd
}

func (a *app) note(dir, text string, names []string) (err error) {
	if !isCase(dir) {
		return &host.RefusedError{Exit: host.ExitUsage, Code: "casefile.nocase", Why: fmt.Sprintf("%s is not a case.", dir),
			Next: "salvor rescue SOURCE --to CASE makes one."}
	}
	var files []*os.File
	defer func() {
		for _, f := range files {
			err = errors.Join(err, f.Close())
		}
	}()
	// All are opened before anything is written, so that a wrong name leaves no half of the work.
	for _, name := range names {
		f, err := openNote(name)
		if err != nil {
			return err
		}
		files = append(files, f)
	}
	c, err := casefile.Open(dir, casefile.Writer, casefile.Options{Program: program()})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	var bytes int64
	count := 0
	if len(files) == 0 {
		n, err := c.AddNote("note.txt", text, strings.NewReader(text+"\n"))
		if err != nil {
			return err
		}
		count, bytes = 1, n.Size
	}
	for _, f := range files {
		n, err := c.AddNote(filepath.Base(f.Name()), text, f)
		if err != nil {
			return err
		}
		count++
		bytes += n.Size
	}
	return a.end(wire.NewResult(rescue.ExitDone, fmt.Sprintf("%s added (%s)", plural(int64(count), "note"), host.Bytes(bytes)),
		"they stand under notes in the case, with their hashes in its journal", "the report lists them when it is written the next time"))
}

// openNote opens a file that is to become a note. Only regular files have an end and stay what they are.
func openNote(name string) (*os.File, error) {
	st, err := os.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, usageError{fmt.Errorf("there is no %s", name)}
	case err != nil:
		return nil, err
	case !st.Mode().IsRegular():
		return nil, usageError{fmt.Errorf("%s is no file", name)}
	}
	return os.Open(name)
}
