package rescue

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"salvor/block"
	"salvor/casefile"
	"salvor/container"
	containerall "salvor/container/all"
	"salvor/finding"
	"salvor/host"
)

var (
	contained = &finding.Def{Code: "rescue.container", Severity: finding.Info,
		Text: "{path} is an image of a disk with {size}: {format}, {files}; places are those of the disk"}
	containerBroken = &finding.Def{Code: "rescue.container.broken", Severity: finding.Warning,
		Text: "{path} begins like an image of the kind {format} and cannot be opened as one ({why}); it is read as it is, byte by byte"}
	containerSame = &finding.Def{Code: "rescue.container.size", Severity: finding.Warning,
		Text: "the disk in {path} had {expected} bytes when the case read it, and has {found} now"}
)

// maxNested is how many containers in each other are opened.
const maxNested = 4

// inside is the disk in a container, or in containers in each other.
type inside struct {
	image    *container.Image // the innermost
	names    []string         // of the formats, the outermost first: "ewf"
	titles   []string
	findings []finding.Finding
	checks   []func(context.Context) ([]finding.Finding, error)
	sector   int64
	sums     []container.Sum
	files    []string
}

// enter opens the disk in src, a file called name, with o's folder for its siblings: that of a container, or what the
// map beside a copy says of it; nil when src is neither. What is told of one that cannot be used is in the findings.
func (t *Tables) enter(ctx context.Context, o *host.Opened, src block.Source, name string) (*inside, []finding.Finding, error) {
	in, notes, err := t.containers(ctx, o, src, name)
	if in != nil || err != nil || len(notes) > 0 {
		return in, notes, err
	}
	return besideMap(ctx, o, src, name)
}

// containers opens the disk in src when that is a container, or several in each other.
func (t *Tables) containers(ctx context.Context, o *host.Opened, src block.Source, name string) (*inside, []finding.Finding, error) {
	opened := map[string]block.Source{} // an image may name one file a thousand times
	siblings := func(name string) (block.Source, error) {
		if src := opened[name]; src != nil {
			return src, nil
		}
		s, err := o.Sibling(ctx, name)
		switch {
		case errors.Is(err, host.ErrOutside):
			return nil, fmt.Errorf("%w: %q", container.ErrConfined, name)
		case errors.Is(err, fs.ErrNotExist):
			return nil, container.ErrNoSibling
		case err != nil:
			return nil, err
		}
		opened[name] = s.Source
		return s.Source, nil
	}
	var in *inside
	for range maxNested {
		image, err := container.Open(ctx, t.Containers, src, name, siblings)
		if err != nil {
			note, err := enterError(o.Path, err)
			var refused *host.RefusedError
			if err != nil && (in == nil || !errors.As(err, &refused)) {
				return nil, nil, err
			}
			if refused != nil { // the disk is there, and holds an image that cannot be opened
				note = append(note, refused.Finding())
			}
			if in == nil {
				return nil, note, nil
			}
			in.findings = append(in.findings, note...)
			break
		}
		if image == nil {
			break
		}
		if in == nil {
			in = &inside{files: image.Files}
		}
		in.add(image, t.containerTitle(image.Format))
		src, name = image.Source, innerName(name)
	}
	if in == nil {
		return nil, nil, nil
	}
	in.findings = append([]finding.Finding{contained.New(finding.Arg("path", o.Path), finding.Arg("size", host.Bytes(in.image.Source.Size())),
		finding.Arg("format", strings.Join(in.titles, ", in it ")), finding.Arg("files", fileCount(len(in.files))))}, in.findings...)
	return in, nil, nil
}

func (in *inside) add(image *container.Image, title string) {
	in.image = image
	in.names, in.titles = append(in.names, image.Format), append(in.titles, title)
	in.findings = append(in.findings, image.Findings...)
	if image.Verify != nil {
		in.checks = append(in.checks, image.Verify)
	}
	if image.SectorSize > 0 {
		in.sector = image.SectorSize
	}
	in.sums = image.Sums
}

func fileCount(n int) string {
	if n == 1 {
		return "1 file"
	}
	return fmt.Sprintf("%d files", n)
}

// innerName is what the disk in an image would be called.
func innerName(name string) string {
	if i := strings.LastIndexByte(name, '.'); i > 0 {
		return name[:i]
	}
	return name
}

func (t *Tables) containerTitle(name string) string {
	for i := range t.Containers {
		if t.Containers[i].Name == name {
			return t.Containers[i].Title
		}
	}
	return name
}

// enterError tells a container that is broken from one that can be used by no means, which is refused.
func enterError(path string, err error) ([]finding.Finding, error) {
	var broken *container.BrokenError
	var locked *container.LockedError
	var unsupported *container.UnsupportedError
	switch {
	case errors.As(err, &broken):
		return []finding.Finding{containerBroken.New(finding.Arg("path", path), finding.Arg("format", broken.Title), finding.Arg("why", broken.Err))}, nil
	case errors.As(err, &locked):
		return nil, &host.RefusedError{Exit: ExitLocked, Code: "rescue.container.locked",
			Why: fmt.Sprintf("%s is encrypted (%s), so that nothing of its disk can be read", path, locked.How), Next: locked.Need, Err: err}
	case errors.As(err, &unsupported):
		return nil, &host.RefusedError{Exit: host.ExitError, Code: "rescue.container.unsupported",
			Why: fmt.Sprintf("%s is %s which is not read yet", path, strings.TrimSuffix(unsupported.What, ",")), Next: unsupported.Next, Err: err}
	}
	return nil, err
}

// storedSums returns what compares the hashes that the current source stores.
func (j *job) storedSums() *storedSums {
	if j.inside == nil {
		return newStoredSums(nil)
	}
	return newStoredSums(j.inside.sums)
}

// record is what the case keeps of a container.
func (in *inside) record() *casefile.Container {
	r := &casefile.Container{Formats: in.names, Title: strings.Join(in.titles, ", in it "), Size: in.image.Source.Size(), SectorSize: in.sector, Files: in.files}
	for _, s := range in.sums {
		r.Sums = append(r.Sums, casefile.Sum{Name: s.Name, Value: hex.EncodeToString(s.Value)})
	}
	return r
}

// size returns how large the medium of a disk is, as far as that is known before it is unpacked.
func (d *disk) size() int64 {
	if d.inside != nil {
		return d.inside.image.Source.Size()
	}
	return d.opened.Size
}

// intoContainer goes on with the disk in the container that the current source is, or that came out of it.
func (j *job) intoContainer(ctx context.Context) error {
	if j.packed != nil {
		// The files beside it lie where the packed one lies.
		in, notes, err := j.tables.enter(ctx, j.folder, j.opened.Source, j.opened.Name)
		if err != nil {
			return err
		}
		for _, n := range notes {
			j.tell(j.ofSource(n))
		}
		j.inside = in
	}
	if j.inside == nil {
		return nil
	}
	for _, f := range j.inside.findings {
		j.tell(j.ofSource(f))
	}
	if err := j.noteContainer(); err != nil {
		return err
	}
	image := j.inside.image
	j.opened.Source, j.opened.Size, j.opened.SectorSize = image.Source, image.Source.Size(), int(j.inside.sector)
	return nil
}

// noteContainer makes the container part of the record.
func (j *job) noteContainer() error {
	s, now := j.record(), j.inside.record()
	if was := s.Container; was != nil {
		if was.Size != now.Size {
			f := containerSame.New(finding.Arg("path", j.path), finding.Expected(was.Size, now.Size))
			return &host.RefusedError{Exit: host.ExitRefused, Code: f.Code, Why: f.Text, Next: "if something changed the image, begin a new case in another folder, and keep this one"}
		}
		return nil
	}
	s.Container = now
	if err := j.c.UpdateSource(s); err != nil {
		return err
	}
	return j.c.Append("source.container", map[string]any{"source": j.number, "formats": now.Formats, "bytes": now.Size, "files": now.Files})
}

// enter opens the disk in the container that a source is.
func (c *Case) enter(ctx context.Context, s casefile.Source, o *host.Opened, src block.Source) (block.Source, error) {
	tables, err := NewTables()
	if err != nil {
		return nil, err
	}
	name := o.Name
	if s.Unpacked != nil {
		name = s.Unpacked.Name
		if beside, err := host.Open(ctx, s.Path, host.OpenOptions{}); err == nil { // a packed one that is gone has no others either
			c.opened = append(c.opened, beside)
			o = beside
		}
	}
	in, _, err := tables.enter(ctx, o, src, name)
	if err != nil {
		return nil, err
	}
	if in == nil && slices.Equal(s.Container.Formats, []string{mapFormat}) {
		return src, nil // the case has a map of its own
	}
	if in == nil || in.image.Source.Size() != s.Container.Size {
		return nil, &host.RefusedError{Exit: host.ExitRefused, Code: "rescue.source.changed",
			Why: fmt.Sprintf("%s is not the image that it was when this case read it", s.Path), Next: "put back the image as it was, with all of its files"}
	}
	if c.inside == nil {
		c.inside = map[int]*inside{}
	}
	c.inside[s.Number] = in
	return in.image.Source, nil
}

// into goes on with the disk in a container that was opened: its source is that of the disk then. It reports whether it
// is one.
func (t *Tables) into(ctx context.Context, opened *host.Opened, tell func(finding.Finding)) (bool, error) {
	if opened.Device {
		return false, nil
	}
	in, notes, err := t.containers(ctx, opened, opened.Source, opened.Name)
	if err != nil {
		return false, err
	}
	if in != nil {
		notes = in.findings
		opened.Source, opened.Size, opened.SectorSize = in.image.Source, in.image.Source.Size(), int(in.sector)
	}
	for _, n := range notes {
		tell(n)
	}
	return in != nil, nil
}

// enter goes on with the disk in a container, so that the copy is one of the disk. Maps beside images are not looked
// for: here they are those of copies.
func (c *imageCopy) enter(ctx context.Context, opened *host.Opened) error {
	t := &Tables{Containers: containerall.Table()}
	is, err := t.into(ctx, opened, func(f finding.Finding) { c.events.Finding(wireFinding(f)) })
	if is {
		c.ReopenOnError = false // an image gives the same each time
	}
	return err
}

// VerifyContainer checks what the image of a source stores of sums over its disk. ok says that there were any.
func (c *Case) VerifyContainer(ctx context.Context, source int) (list []finding.Finding, ok bool, err error) {
	if _, err := c.Medium(ctx, source); err != nil {
		return nil, false, err
	}
	in := c.inside[source]
	if in == nil {
		return nil, false, nil
	}
	for _, check := range in.checks {
		found, err := check(ctx)
		if err != nil {
			return list, true, fmt.Errorf("rescue: %w", err)
		}
		list = append(list, found...)
	}
	return list, len(in.checks) > 0, nil
}
