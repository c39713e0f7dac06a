package rescue

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"salvor/host"
	"salvor/imaging"
)

// known yields the hashes of earlier runs.
func (c *imageCopy) known(yield func(imaging.Sum, error) bool) {
	ended := false
	_, err := host.ReadFile(c.Sums, func(r io.Reader, _ io.ReaderAt, _ int64) error {
		for s, err := range imaging.ReadSums(r) {
			if ended = !yield(s, err); ended {
				break
			}
		}
		return nil
	})
	if err != nil && !ended {
		yield(imaging.Sum{}, err)
	}
}

// keep makes a snapshot durable: the hashes first, then the map that relies on them.
func (c *imageCopy) keep(_ context.Context, s imaging.Snapshot) error {
	if len(s.Sums) > 0 {
		if err := host.AppendFile(c.Sums, func(w io.Writer, first bool) error {
			return imaging.AppendSums(w, s.Sums, first)
		}); err != nil {
			return err
		}
	}
	if err := c.diary.flush(func(fill func(io.Writer, bool) error) error { return host.AppendFile(c.Map+".reads", fill) }); err != nil {
		return err
	}
	if s.Map == nil {
		return nil
	}
	s.Map.Comments = c.heading(s.Map)
	return host.ReplaceFile(c.Map, true, func(w io.Writer) error {
		_, err := s.Map.WriteTo(w)
		return err
	})
}

// heading returns the comments of the map: those that it had, but for what is said anew.
func (c *imageCopy) heading(m *imaging.Map) []string {
	const layout = "2006-01-02 15:04:05"
	out := []string{"Mapfile. Created by " + c.Program, "Command line: " + c.Command,
		"Start time:   " + c.begun.Format(layout), "Current time: " + time.Now().Format(layout), phaseWords(m.Current, m.Pass, ""), c.identityLine()}
	if c.title != "" {
		out = append(out, titlePrefix+c.title)
	}
	return append(out, keptComments(m.Comments)...)
}

// keptComments returns the heading lines of a map but for those that each run writes anew.
func keptComments(lines []string) []string {
	own := []string{"Mapfile. Created by ", "Command line: ", "Start time: ", "Current time: ", "Copying ", "Trimming ", "Scraping ", "Retrying ", "Finished", identityPrefix, titlePrefix}
	return slices.DeleteFunc(slices.Clone(lines), func(line string) bool {
		return slices.ContainsFunc(own, func(p string) bool { return strings.HasPrefix(line, p) })
	})
}

// phaseWords says what the work does, as GNU ddrescue says it.
func phaseWords(s imaging.Status, pass int, direction string) string {
	if direction != "" {
		direction = " (" + direction + ")"
	}
	switch s {
	case imaging.NonTried:
		return fmt.Sprintf("Copying non-tried blocks... Pass %d%s", pass, direction)
	case imaging.NonTrimmed:
		return "Trimming failed blocks..." + direction
	case imaging.NonScraped:
		return "Scraping failed blocks..." + direction
	case imaging.BadSector:
		return fmt.Sprintf("Retrying bad sectors... Retry %d%s", pass, direction)
	}
	return "Finished"
}

func (c *imageCopy) listHash() (string, error) {
	var out string
	_, err := host.ReadFile(c.Sums, func(_ io.Reader, at io.ReaderAt, size int64) error {
		sum, err := imaging.ListHash(at, size)
		out = hex.EncodeToString(sum[:])
		return err
	})
	return out, err
}
