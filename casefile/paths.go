package casefile

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
)

// Names in the case folder.
const (
	recordName  = "case.json"
	lockName    = "lock"
	journalName = "journal.jsonl"
	catalogName = "catalog.db"
	sumsName    = "SHA256SUMS"
	htmlName    = "report.html"
	jsonName    = "report.json"
	dfxmlName   = "dfxml"
	imageDir    = "image"
)

func (c *Case) image(n int, ext string) string {
	return filepath.Join(c.dir, imageDir, fmt.Sprintf("%d.%s", n, ext))
}

// ImagePath returns where the copy of source n stands, n from 1: one file, or the first of its parts.
func (c *Case) ImagePath(n int) string {
	if unit, err := c.partsOf(n); err == nil && unit > 0 {
		return c.image(n, "001")
	}
	return c.image(n, "img")
}

// MapPath returns where the GNU ddrescue map of source n stands.
func (c *Case) MapPath(n int) string { return c.image(n, "map") }

// SumsPath returns where the hashes of each MiB of source n stand.
func (c *Case) SumsPath(n int) string { return c.image(n, "sums") }

// ReadsPath returns where the reads of source n stand that failed or were slow.
func (c *Case) ReadsPath(n int) string { return c.image(n, "reads") }

// CatalogPath returns where the catalogue stands.
func (c *Case) CatalogPath() string { return filepath.Join(c.dir, catalogName) }

// SHA256SumsPath returns where the hashes of the saved files stand.
func (c *Case) SHA256SumsPath() string { return filepath.Join(c.dir, sumsName) }

// ReportPaths returns where the reports stand.
func (c *Case) ReportPaths() (html, json string) {
	return filepath.Join(c.dir, htmlName), filepath.Join(c.dir, jsonName)
}

// DFXMLPath returns where the list of files of source n in Digital Forensics XML stands.
func (c *Case) DFXMLPath(n int) string { return filepath.Join(c.dir, dfxmlFile(n)) }

func dfxmlFile(n int) string {
	if n == 1 {
		return dfxmlName + ".xml"
	}
	return fmt.Sprintf("%s-%d.xml", dfxmlName, n)
}

// MakeImageDir makes the folder for copies.
func (c *Case) MakeImageDir() error {
	if c.mode == Reader {
		return ErrReadOnly
	}
	if err := c.root.Mkdir(imageDir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("casefile: %w", err)
	}
	return nil
}

// Path returns the path of a file that the case holds under a name with slashes ("files/1-data/a.jpg"). A
// name that leads out of the case is an error.
func (c *Case) Path(name string) (string, error) {
	local, err := filepath.Localize(name)
	if err != nil || strings.ContainsRune(name, 0) {
		return "", fmt.Errorf("casefile: %q is no path in a case", name)
	}
	return filepath.Join(c.dir, local), nil
}
