package casefile

import (
	"encoding/json"
	"fmt"
	"io"

	"salvor/internal/wire"
)

// keep writes what a verb found into a file of the case, in the place of what was there, with an act in the journal, and shows
// it in its section of the report when there is one.
func (c *Case) keep(file, act, section string, fields map[string]any, what any) error {
	if err := c.Append(act, fields); err != nil {
		return err
	}
	err := writeAtomic(c.root, c.dir, file, func(w io.Writer) error {
		line, err := wire.Encode(what)
		if err == nil {
			_, err = w.Write(line)
		}
		return err
	})
	if err != nil {
		return err
	}
	return c.showSection(section, what)
}

// kept reads what [Case.keep] wrote; nil when there is none.
func kept[T any](c *Case, file string, limit int64) (*T, error) {
	b, err := c.readBounded(file, limit)
	if err != nil || b == nil {
		return nil, err
	}
	k := new(T)
	if err := json.Unmarshal(b, k); err != nil {
		return nil, fmt.Errorf("casefile: %s: %w", file, err)
	}
	return k, nil
}
