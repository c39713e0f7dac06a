package casefile

import (
	"bytes"
	"errors"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"time"

	"salvor/internal/wire"
)

const (
	comparisonName = "compare.json"
	actComparison  = "compare"
	// maxReport bounds the page that a comparison is put into, and maxComparison the comparison, in bytes.
	maxReport     = 256 << 20
	maxComparison = 256 << 20

	sectionEnd = `</section>`
)

// Comparison is what a package was found to have done to the device, as the case keeps it.
type Comparison struct {
	V       int       `json:"v"`
	Type    string    `json:"type"`
	Program string    `json:"program"`
	Written time.Time `json:"written"`
	Package string    `json:"package"`
	wire.Comparing
}

// PutComparison keeps what came out of holding a package against the device in compare.json, in the place of what was
// there, and shows it in the report when there is one.
func (c *Case) PutComparison(name string, what wire.Comparing) error {
	if c.mode != Writer {
		return ErrReadOnly
	}
	k := Comparison{V: wire.Version, Type: "comparing", Program: c.o.Program, Written: c.o.Now().UTC().Truncate(time.Second), Package: wire.Text(name), Comparing: what.Listed()}
	return c.keep(comparisonName, actComparison, "update", map[string]any{"package": k.Package, "parts": len(k.Parts)}, &k)
}

// Comparison returns what was kept; nil when there is none.
func (c *Case) Comparison() (*Comparison, error) {
	return kept[Comparison](c, comparisonName, maxComparison)
}

// readBounded reads a file of the case; nil when there is none.
func (c *Case) readBounded(name string, limit int64) (b []byte, err error) {
	f, err := c.root.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("casefile: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	b, err = io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(b)) > limit {
		err = fmt.Errorf("casefile: %s has more than %d bytes", name, limit)
	}
	return b, err
}

// showSection puts a section into report.html, whose other parts stay as they are. Its name is that of its template and of
// its element.
func (c *Case) showSection(name string, data any) error {
	page, err := c.readBounded(htmlName, maxReport)
	if err != nil || page == nil {
		return err
	}
	from := bytes.Index(page, []byte(`<section id="`+name+`"`))
	if from < 0 {
		return nil // of an older version; the next report has it
	}
	to := bytes.Index(page[from:], []byte(sectionEnd))
	if to < 0 {
		return nil
	}
	to += from + len(sectionEnd)
	var section bytes.Buffer
	if err := pageTemplate.ExecuteTemplate(&section, name, data); err != nil {
		return fmt.Errorf("casefile: %w", err)
	}
	return writeAtomic(c.root, c.dir, htmlName, func(w io.Writer) error {
		for _, b := range [][]byte{page[:from], bytes.TrimSpace(section.Bytes()), page[to:]} {
			if _, err := w.Write(b); err != nil {
				return err
			}
		}
		return nil
	})
}

// Legend gives the template what the characters of a picture mean.
func (*Comparison) Legend() template.HTML { return visible(wire.PictureLegend) }
