package casefile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"time"

	"salvor/cursor"
	"salvor/host"
)

// Record is case.json.
type Record struct {
	V       int       `json:"v"`
	Type    string    `json:"type"`
	Program string    `json:"program"` // that made the case
	Created time.Time `json:"created"`
	Sources []Source  `json:"sources"`
	// Virtual are the volumes that were put together out of the sources, or decrypted: files stand on them as they do
	// on a source. Their numbers are those behind the sources that were known when they were found.
	Virtual []Virtual `json:"virtual,omitempty"`
	// Settings are what the main job must do again in the same way when it goes on.
	Settings map[string]string `json:"settings,omitempty"`
}

// Source is a disk or an image that the case is about.
type Source struct {
	Number             int       `json:"number"` // from 1
	Path               string    `json:"path"`   // absolute, as it was when it was added
	Device             bool      `json:"device"`
	InPlace            bool      `json:"in_place"` // an image file that is used where it lies
	Size               int64     `json:"size"`     // bytes
	SectorSize         int       `json:"sector_size"`
	PhysicalSectorSize int       `json:"physical_sector_size"`
	Model              string    `json:"model"`
	Serial             string    `json:"serial"`
	Transport          string    `json:"transport"`
	FirstMiB           string    `json:"first_mib"` // SHA-256 in hex; "" when not all of it could be read
	LastMiB            string    `json:"last_mib"`
	Added              time.Time `json:"added"`
	// Unpacked says what came out of a compressed image; nil for all else, and until it was unpacked.
	Unpacked *Unpacked `json:"unpacked,omitempty"`
	// Container says which disk an image in a container holds; nil for all else. What the case says of places are places
	// of that disk.
	Container *Container `json:"container,omitempty"`
}

// Container is the disk in an image that is more than its bytes: an E01, a qcow2.
type Container struct {
	Formats    []string `json:"formats"` // the outermost first: "ewf"
	Title      string   `json:"title"`   // the same for people
	Size       int64    `json:"size"`    // of the disk in bytes
	SectorSize int64    `json:"sector_size"`
	// Files are the names of the files that the disk is read from.
	Files []string `json:"files"`
	// Sums are the hashes of the whole disk that the image stores.
	Sums []Sum `json:"sums,omitempty"`
}

// Sum is a hash that an image stores.
type Sum struct {
	Name  string `json:"name"`  // "md5"
	Value string `json:"value"` // hex
}

// Unpacked is the image that a compressed file holds, as it stands in the case.
type Unpacked struct {
	Format string `json:"format"` // "gzip"
	Name   string `json:"name"`   // of the image
	// Size is that of the medium in bytes. More than Have when the file was cut off and says how much it held: the
	// rest cannot be read.
	Size   int64  `json:"size"`
	Have   int64  `json:"have"`   // bytes that came out
	SHA256 string `json:"sha256"` // of those, in hex
	Packed string `json:"packed_sha256"`
	// Broken is why it ended early; "" when it did not.
	Broken string `json:"broken,omitempty"`
}

// MediumSize returns the size in bytes of the medium that files stand on: that of the disk in a container, of the image
// in a compressed file.
func (s Source) MediumSize() int64 {
	if s.Container != nil {
		return s.Container.Size
	}
	if s.Unpacked != nil {
		return s.Unpacked.Size
	}
	return s.Size
}

const (
	recordVersion = 1
	// maxRecord bounds case.json, in bytes.
	maxRecord  = 16 << 20
	maxSources = 4096
)

func newRecord(program string, now time.Time) Record {
	return Record{V: recordVersion, Type: "case", Program: program, Created: now.UTC().Truncate(time.Second), Sources: []Source{}}
}

// readRecord reads case.json, or the one that was to replace it when a loss of power left only that whole.
// The error is [fs.ErrNotExist] when there is none at all.
func readRecord(root *os.Root) (Record, error) {
	r, err := readRecordFile(root, recordName)
	if err == nil {
		return r, nil
	}
	if next, err := readRecordFile(root, recordName+".new"); err == nil {
		return next, nil
	}
	return Record{}, err // a first one that was cut recorded nothing yet, and counts as none
}

func readRecordFile(root *os.Root, name string) (Record, error) {
	f, err := root.Open(name)
	if err != nil {
		return Record{}, fmt.Errorf("casefile: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxRecord+1))
	if err != nil {
		return Record{}, fmt.Errorf("casefile: %s: %w", name, err)
	}
	return parseRecord(b)
}

// parseRecord reads the text of case.json. Its errors are a [*cursor.CorruptError].
func parseRecord(b []byte) (Record, error) {
	bad := func(expected, found any) (Record, error) {
		return Record{}, cursor.Corrupt("casefile: "+recordName, -1, expected, found)
	}
	if len(b) > maxRecord {
		return bad(fmt.Sprintf("at most %d bytes", maxRecord), "more")
	}
	var r Record
	d := json.NewDecoder(bytes.NewReader(b))
	if err := d.Decode(&r); err != nil {
		return bad("an object of type case", err)
	}
	if r.V != recordVersion || r.Type != "case" {
		return bad(fmt.Sprintf("type case, version %d", recordVersion), fmt.Sprintf("type %q, version %d", r.Type, r.V))
	}
	if len(r.Sources) > maxSources {
		return bad(fmt.Sprintf("at most %d sources", maxSources), len(r.Sources))
	}
	if r.Sources == nil {
		r.Sources = []Source{}
	}
	last := 0
	for i, s := range r.Sources {
		if s.Number <= last || s.Number > i+1+len(r.Virtual) || s.Size <= 0 || s.Path == "" || s.SectorSize < 0 || s.PhysicalSectorSize < 0 || s.MediumSize() <= 0 {
			return bad(fmt.Sprintf("source %d with a path and a size", i+1), fmt.Sprintf("number %d, size %d", s.Number, s.Size))
		}
		last = s.Number
	}
	return r, checkVirtual(r)
}

// Record returns what the case is about.
func (c *Case) Record() Record {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.record
	r.Sources, r.Virtual = slices.Clone(r.Sources), slices.Clone(r.Virtual)
	r.Settings = maps.Clone(r.Settings)
	return r
}

// Source returns the source of that number.
func (r Record) Source(number int) (Source, bool) {
	for _, s := range r.Sources {
		if s.Number == number {
			return s, true
		}
	}
	return Source{}, false
}

// nextNumber returns the number for what comes next, a source or a volume.
func (r *Record) nextNumber() int {
	last := 0
	for _, s := range r.Sources {
		last = max(last, s.Number)
	}
	for _, v := range r.Virtual {
		last = max(last, v.Number)
	}
	return last + 1
}

// save writes case.json; the caller holds mu or is alone.
func (c *Case) save() error {
	b, err := json.MarshalIndent(c.record, "", "  ")
	if err != nil {
		return fmt.Errorf("casefile: %w", err)
	}
	return writeAtomic(c.root, c.dir, recordName, func(w io.Writer) error {
		_, err := w.Write(append(b, '\n'))
		return err
	})
}

// update changes the record, on disk before in memory.
func (c *Case) update(change func(*Record)) error {
	if c.mode == Reader {
		return ErrReadOnly
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	old := c.record
	c.record.Sources, c.record.Virtual = slices.Clone(old.Sources), slices.Clone(old.Virtual)
	c.record.Settings = maps.Clone(old.Settings)
	change(&c.record)
	if err := c.save(); err != nil {
		c.record = old
		return err
	}
	return nil
}

// SetSetting keeps a setting of the main job.
func (c *Case) SetSetting(key, value string) error {
	return c.update(func(r *Record) {
		if r.Settings == nil {
			r.Settings = map[string]string{}
		}
		r.Settings[key] = value
	})
}

// AddSource makes the source with this identity part of the case and returns its record, with its number.
// The journal says so.
func (c *Case) AddSource(id host.Identity, inPlace bool) (Source, error) {
	s := sourceOf(id)
	s.InPlace, s.Added = inPlace, c.o.Now().UTC().Truncate(time.Second)
	if c.mode == Writer && len(c.Record().Sources) >= maxSources {
		return Source{}, fmt.Errorf("casefile: a case holds at most %d sources", maxSources)
	}
	err := c.update(func(r *Record) {
		s.Number = r.nextNumber()
		r.Sources = append(r.Sources, s)
	})
	if err != nil {
		return Source{}, err
	}
	return s, c.Append("source.add", map[string]any{"source": s})
}

// UpdateSource replaces the record of the source with s.Number: after it moved, or was copied into the case.
func (c *Case) UpdateSource(s Source) error {
	known := false
	err := c.update(func(r *Record) {
		i := slices.IndexFunc(r.Sources, func(o Source) bool { return o.Number == s.Number })
		if known = i >= 0; known {
			r.Sources[i] = s
		}
	})
	if err == nil && !known {
		err = fmt.Errorf("casefile: the case has no source %d", s.Number)
	}
	if err != nil {
		return err
	}
	return c.Append("source.update", map[string]any{"source": s})
}

func sourceOf(id host.Identity) Source {
	return Source{
		Path: id.Path, Device: id.Device, Size: id.Size, SectorSize: id.SectorSize, PhysicalSectorSize: id.PhysicalSectorSize,
		Model: id.Model, Serial: id.Serial, Transport: id.Transport, FirstMiB: id.First, LastMiB: id.Last,
	}
}

// FindSource returns the source of the case that has this identity.
func (c *Case) FindSource(id host.Identity) (Source, bool) {
	for _, s := range c.Record().Sources {
		if SameSource(s, id) == nil {
			return s, true
		}
	}
	return Source{}, false
}

// SameSource refuses, with exit code 40 and both descriptions, to go on with a source that is not the one
// of the record: another size, or another first or last MiB. An end that could not be read, now or then,
// proves nothing; when that is so for both ends, the serial numbers must be known and equal.
func SameSource(s Source, now host.Identity) error {
	compared, differ := 0, ""
	for _, p := range []struct{ what, was, is string }{
		{"the first MiB", s.FirstMiB, now.First}, {"the last MiB", s.LastMiB, now.Last},
	} {
		if p.was == "" || p.is == "" {
			continue
		}
		if compared++; p.was != p.is && differ == "" {
			differ = p.what
		}
	}
	switch {
	case s.Size != now.Size:
		differ = "the size"
	case differ == "" && compared == 0 && (s.Serial == "" || s.Serial != now.Serial):
		differ = "what can be read of it"
	}
	if differ == "" {
		return nil
	}
	return &host.RefusedError{Exit: host.ExitRefused, Code: "casefile.source.other",
		Why: fmt.Sprintf("This is not the source that the case was begun with: %s differs. The case has %s; this is %s.",
			differ, describe(s), describe(sourceOf(now))),
		Next: "Connect the source that the case is about, or name a new folder for this one."}
}

func describe(s Source) string {
	text := fmt.Sprintf("%s, %d bytes", s.Path, s.Size)
	if s.Model != "" {
		text += ", " + s.Model
	}
	if s.Serial != "" {
		text += ", serial number " + s.Serial
	}
	short := func(h string) string {
		if len(h) < 12 {
			return "not readable"
		}
		return h[:12] + "…"
	}
	return text + fmt.Sprintf(" (first MiB %s, last MiB %s)", short(s.FirstMiB), short(s.LastMiB))
}
