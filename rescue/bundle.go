package rescue

import (
	"archive/zip"
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"salvor/casefile"
	secrets "salvor/diagnosis/mask"
	"salvor/finding"
	"salvor/host"
	"salvor/internal/wire"
)

// BundleOptions say what is put into a support bundle.
type BundleOptions struct {
	Case    string
	To      string // a new file; "" is the case's name and "-bundle.zip", beside it
	Keep    []secrets.Kind
	Program string
}

const (
	// maxBundleLog bounds what is taken of one log, maxBundle of all of it, in bytes.
	maxBundleLog = 32 << 20
	maxBundle    = 256 << 20
	maxRecordIn  = 64 << 20
)

// bundleTime is the time of all that is in a bundle, so that the same case gives the same bytes: the first that zip knows.
var bundleTime = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)

var bundleSkipped = &finding.Def{Code: "rescue.bundle.skipped", Severity: finding.Warning,
	Text: "{file} is not in the bundle: {found}"}

// Bundled is a bundle that was written.
type Bundled struct {
	wire.Bundle
	Notes []finding.Finding
}

// Bundle writes a zip file with what helps whoever knows the device: evidence, findings, versions, hashes, the custody
// journal, and the report without the list of files. No file of the user is in it; secrets are masked. The case is only
// read, and the same case gives the same bytes.
func Bundle(ctx context.Context, o BundleOptions) (out *Bundled, err error) {
	c, err := OpenCase(o.Case, o.Program)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	if o.To == "" {
		o.To = filepath.Clean(o.Case) + "-bundle.zip"
	}
	if host.FileSize(o.To) >= 0 {
		return nil, &host.RefusedError{Exit: host.ExitRefused, Code: "rescue.bundle.exists", Why: fmt.Sprintf("%s is there already.", o.To), Next: "Name another file with --to."}
	}
	b := &bundling{c: c, o: o, mask: secrets.New(o.Keep...), out: &Bundled{}}
	if err := b.gather(ctx); err != nil {
		return nil, err
	}
	return b.out, b.write()
}

// bundling is a bundle on its way.
type bundling struct {
	c     *Case
	o     BundleOptions
	mask  *secrets.Masker
	docs  []document
	total int64
	out   *Bundled
}

// document is one file of a bundle before its secrets are masked: a text, or a record.
type document struct {
	name     string
	text     string
	record   any // as encoding/json decodes it; nil for a text
	lines    []any
	original string // SHA-256 of what it was taken from; "" where it was made
	cut      bool
}

func (b *bundling) skip(name string, err error) {
	b.out.Notes = append(b.out.Notes, bundleSkipped.New(finding.Arg("file", name), finding.Expected(nil, err)))
}

// gather reads all that goes into the bundle.
func (b *bundling) gather(ctx context.Context) error {
	for _, name := range []string{"case.json", "compare.json", "why.json", "report.json"} {
		if err := b.record(name); err != nil {
			return err
		}
	}
	if err := b.journal(); err != nil {
		return err
	}
	if err := b.findings(ctx); err != nil {
		return err
	}
	if d, err := KnownDevice(ctx, b.o.Case, b.o.Program); err == nil {
		if err := b.made("device.json", wire.FromDevice(d)); err != nil {
			return err
		}
	} else if ctx.Err() != nil {
		return ctx.Err()
	} else {
		b.skip("device.json", err)
	}
	for _, s := range b.c.Record().Sources {
		text, sum, err := b.file(fmt.Sprintf("image/%d.map", s.Number), maxRecordIn)
		if err != nil {
			return err
		}
		if sum != "" {
			b.docs = append(b.docs, document{name: fmt.Sprintf("image/%d.map", s.Number), text: text, original: sum})
		}
	}
	if err := b.notes(ctx); err != nil {
		return err
	}
	return b.logs(ctx)
}

// file returns what a file of the case holds; the sum is "" when there is none.
func (b *bundling) file(name string, limit int64) (text, sum string, err error) {
	f, err := b.c.Root().Open(filepath.FromSlash(name))
	if err != nil {
		return "", "", nil // an older case, or one without it
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	h := sha256.New()
	var buf bytes.Buffer
	n, err := io.Copy(io.MultiWriter(&buf, h), io.LimitReader(f, limit+1))
	if err != nil {
		return "", "", fmt.Errorf("rescue: %s: %w", name, err)
	}
	if n > limit {
		b.skip(name, fmt.Errorf("it has more than %s", host.Bytes(limit)))
		return "", "", nil
	}
	return buf.String(), hex.EncodeToString(h.Sum(nil)), nil
}

// record adds a record of the case. Of the report the list of files is left out.
func (b *bundling) record(name string) error {
	if name == "report.json" {
		return b.report()
	}
	text, sum, err := b.file(name, maxRecordIn)
	if err != nil || sum == "" {
		return err
	}
	v, err := decoded(strings.NewReader(text))
	if err != nil {
		b.skip(name, err)
		return nil
	}
	b.docs = append(b.docs, document{name: name, record: v, original: sum})
	return nil
}

func decoded(r io.Reader) (v any, err error) {
	d := json.NewDecoder(r)
	d.UseNumber()
	err = d.Decode(&v)
	return v, err
}

// report adds report.json without its files, which are read one by one and dropped.
func (b *bundling) report() (err error) {
	f, err := b.c.Root().Open("report.json")
	if err != nil {
		return nil // a job that was stopped early
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	h := sha256.New()
	v, err := withoutFiles(io.TeeReader(f, h))
	if err != nil {
		b.skip("report.json", err)
		return nil
	}
	if _, err := io.Copy(h, f); err != nil {
		return err
	}
	b.docs = append(b.docs, document{name: "report.json", record: v, original: hex.EncodeToString(h.Sum(nil))})
	return nil
}

// withoutFiles decodes an object and leaves out its member "files".
func withoutFiles(r io.Reader) (map[string]any, error) {
	d := json.NewDecoder(r)
	d.UseNumber()
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, errors.Join(errors.New("it is no object"), err)
	}
	out := map[string]any{}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, err
		}
		if key != "files" {
			var v any
			if err := d.Decode(&v); err != nil {
				return nil, err
			}
			out[fmt.Sprint(key)] = v
			continue
		}
		if t, err := d.Token(); err != nil || t != json.Delim('[') {
			return nil, errors.Join(errors.New("its files are no list"), err)
		}
		for d.More() {
			var one json.RawMessage
			if err := d.Decode(&one); err != nil {
				return nil, err
			}
		}
		if _, err := d.Token(); err != nil {
			return nil, err
		}
	}
	_, err := d.Token()
	return out, err
}

// journal adds the custody journal, line by line.
func (b *bundling) journal() error {
	text, sum, err := b.file("journal.jsonl", maxRecordIn)
	if err != nil || sum == "" {
		return err
	}
	doc := document{name: "journal.jsonl", original: sum}
	for _, l := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		v, err := decoded(strings.NewReader(l))
		if err != nil {
			v = l // a line that was changed is told as it stands
		}
		doc.lines = append(doc.lines, v)
	}
	b.docs = append(b.docs, doc)
	return nil
}

// findings adds what the catalogue tells of no single file.
func (b *bundling) findings(ctx context.Context) error {
	scopes, err := b.c.Catalog.FindingScopes(ctx)
	if err != nil {
		return err
	}
	doc := document{name: "findings.jsonl"}
	for _, scope := range scopes {
		list, err := b.c.Catalog.Findings(ctx, scope)
		if err != nil {
			return err
		}
		for _, f := range list {
			v, err := generic(wire.FromFinding(f))
			if err != nil {
				return err
			}
			doc.lines = append(doc.lines, v)
		}
	}
	if len(doc.lines) > 0 {
		b.docs = append(b.docs, doc)
	}
	return nil
}

// generic turns a line into what encoding/json decodes.
func generic(v any) (any, error) {
	line, err := wire.Encode(v)
	if err != nil {
		return nil, err
	}
	return decoded(bytes.NewReader(line))
}

// made adds a record that is not in the case.
func (b *bundling) made(name string, v any) error {
	g, err := generic(v)
	if err == nil {
		b.docs = append(b.docs, document{name: name, record: g})
	}
	return err
}

// write masks all and writes the zip file.
func (b *bundling) write() (err error) {
	for i := range b.docs {
		b.docs[i].learn(b.mask)
	}
	type member struct {
		name string
		data []byte
	}
	var members []member
	out := &b.out.Bundle
	*out = wire.Bundle{V: wire.Version, Type: "bundle", Program: b.o.Program, Go: runtime.Version(), CaseProgram: b.c.Record().Program, Files: []wire.BundleFile{}, Masked: []secrets.Row{}, Kept: append([]secrets.Kind{}, b.o.Keep...)}
	if s, err := b.c.VerifyJournal(); err == nil {
		out.Journal, out.JournalActs = s.Last, s.Acts
	} else {
		var bad *casefile.JournalError
		if !errors.As(err, &bad) {
			return err
		}
		out.JournalProblem = bad.Error()
	}
	slices.SortStableFunc(b.docs, func(x, y document) int { return cmp.Compare(x.name, y.name) })
	for i := range b.docs {
		d := &b.docs[i]
		name := b.mask.Mask("names of files", d.name)
		data, err := d.masked(b.mask, name)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(data)
		out.Files = append(out.Files, wire.BundleFile{Name: name, Size: int64(len(data)), SHA256: hex.EncodeToString(sum[:]), Original: d.original, Cut: d.cut})
		members = append(members, member{name, data})
	}
	out.Masked = append(out.Masked, b.mask.Rows()...)
	line, err := wire.Encode(out)
	if err != nil {
		return err
	}
	members = append(members, member{"bundle.json", line}, member{"README.txt", []byte(bundleReadme)})
	slices.SortStableFunc(members, func(x, y member) int { return cmp.Compare(x.name, y.name) })
	var archive bytes.Buffer
	z := zip.NewWriter(&archive)
	for _, m := range members {
		w, err := z.CreateHeader(&zip.FileHeader{Name: m.name, Method: zip.Deflate, Modified: bundleTime})
		if err == nil {
			_, err = w.Write(m.data)
		}
		if err != nil {
			return err
		}
	}
	if err := z.Close(); err != nil {
		return err
	}
	sum := sha256.Sum256(archive.Bytes())
	out.Path, out.Size, out.SHA256 = b.o.To, int64(archive.Len()), hex.EncodeToString(sum[:])
	f, err := host.CreateFile(b.o.To)
	if err != nil {
		return err
	}
	_, err = f.Write(archive.Bytes())
	return errors.Join(err, f.Close())
}

// bundleReadme tells whoever opens a bundle what is in it.
const bundleReadme = `This is a support bundle of Salvor: what is known of a device whose firmware update failed.

bundle.json     what is in here: versions, hashes of each file and of what it was taken from, and the list of what was masked
case.json       what the case is about: the sources, their sizes and hashes
why.json        why the update failed, by which evidence, and the plan
compare.json    how far the update got
report.json     the report without its list of files
findings.jsonl  what was found
device.json     what the storage says of the device
journal.jsonl   the chain of custody. Values in it are masked: its hashes are those of the original
image/*.map     what could be read, as GNU ddrescue writes it
logs/, notes/   logs of the device that the answer quotes, and what a person added, as UTF-8

No file of the user is in here. Keys, passwords, Wi-Fi names and keys, tokens, cookies, credentials in addresses, e-mail
addresses, MAC addresses, serial numbers and IMEI are masked: [mac-2] stands for the same value everywhere. A secret that
nothing beside it gives away cannot be known: look through the logs before you send this.
`
