package rescue

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"time"

	"salvor/block"
	"salvor/casefile"
	"salvor/filetype"
	"salvor/finding"
	"salvor/host"
	"salvor/imaging"
	"salvor/recovery"
	"salvor/volume"
)

var (
	notReadYet = &finding.Def{Code: "rescue.early", Severity: finding.Info,
		Text: "{count} bytes of it are not read yet; it is judged when the copy is made"}
	notJudgedYet = &finding.Def{Code: "rescue.early.unsure", Severity: finding.Info,
		Text: "what was read of the medium so far is not enough to judge it; it is judged when the copy is made"}
)

// Listing is a list of the files on a copy that is still being made, beside the case: opening a case with it shows what
// was read when it was made. It is safe for concurrent use.
type Listing struct {
	Made    time.Time
	Read    int64 // bytes of the sources that were read by then
	Size    int64 // bytes of the sources
	Files   int64
	dir     string // of the case
	program string
	temp    string
	recipes []casefile.Virtual

	mu     sync.Mutex
	users  int
	closed bool
}

// MakeListing lists what the copies in the case in dir show so far, as [BrowseCase] does. It reads the copies and their
// maps, never a source that is a device, and writes nothing into the case. Files are checked for as long as examine
// takes, and listed without that from then on. A file that stands on bytes which are not read yet is not judged, and
// says so. It returns nil where the case has its own list already, or nothing was read yet. The caller closes it.
func MakeListing(ctx context.Context, dir, program string, keys volume.Keyring, examine time.Duration) (*Listing, error) {
	c, err := OpenCase(dir, program)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	c.Keys = keys
	rows, err := c.Catalog.Layers(ctx)
	if err != nil || len(rows) > 0 {
		return nil, err
	}
	numbers, err := c.copied()
	if err != nil || len(numbers) == 0 {
		return nil, err
	}
	l := &Listing{dir: dir, program: program, Made: time.Now()}
	for _, n := range numbers {
		m, err := c.mapOf(n)
		if err != nil {
			return nil, err
		}
		l.Read += m.Of(imaging.Finished).Bytes()
		l.Size += m.Size()
	}
	if l.Read == 0 {
		return nil, nil
	}
	if l.temp, err = host.TempFolder(); err != nil {
		return nil, err
	}
	if err := l.fill(ctx, c, numbers, examine); err != nil {
		return nil, errors.Join(err, host.RemoveTemp(l.temp))
	}
	return l, nil
}

func (l *Listing) fill(ctx context.Context, c *Case, numbers []int, examine time.Duration) (err error) {
	if l.recipes, err = c.listInto(ctx, l.temp, numbers, time.Now().Add(examine), l.Read < l.Size); err != nil {
		return err
	}
	cat, err := recovery.OpenCatalogReadOnly(l.catalog())
	if err != nil {
		return err
	}
	sum, err := cat.Summary(ctx, recovery.Query{})
	l.Files = sum.Total(func(g recovery.Group) bool { return !g.Dir }).Files
	return errors.Join(err, cat.Close())
}

func (l *Listing) catalog() string { return filepath.Join(l.temp, "catalog.db") }

// Open opens the case with this list. What its files stand on is read from what is copied by now.
func (l *Listing) Open(keys volume.Keyring) (*Case, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, errors.New("rescue: the list was given up")
	}
	c, err := casefile.Open(l.dir, casefile.Reader, casefile.Options{Program: l.program})
	if err != nil {
		return nil, err
	}
	cat, err := recovery.OpenCatalogReadOnly(l.catalog())
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	l.users++
	return &Case{Case: c, Catalog: cat, Keys: keys, recipes: l.recipes, listing: l}, nil
}

// Close gives the list up. It is removed when no case is open with it any more.
func (l *Listing) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil
	}
	l.closed = true
	if l.users > 0 {
		return nil
	}
	return host.RemoveTemp(l.temp)
}

func (l *Listing) release() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.users--; l.users > 0 || !l.closed {
		return nil
	}
	return host.RemoveTemp(l.temp)
}

// noteEarly takes back what a copy that is not whole cannot say of a file: that bytes are missing which are only not
// read yet, and that something in it contradicts itself, when what told of it may be a part of the medium that is not
// read yet.
func (j *job) noteEarly(entries []*recovery.Entry) {
	if !j.early {
		return
	}
	for _, e := range entries {
		unread := j.notRead(e)
		if e.Verdict != filetype.Partial && e.Verdict != filetype.Damaged && unread == 0 {
			continue
		}
		if e.Verdict != filetype.Encrypted {
			e.Verdict = filetype.Unknown
		}
		e.Missing = block.Set{}
		if unread > 0 {
			e.Findings = []finding.Finding{notReadYet.New(finding.Arg("count", unread))}
		} else {
			e.Findings = []finding.Finding{notJudgedYet.New()}
		}
	}
}

// notRead returns how many bytes that a file stands on are not read yet.
func (j *job) notRead(e *recovery.Entry) int64 {
	var n int64
	for _, list := range [][]block.Run{e.Runs, e.Stored} {
		for _, r := range list {
			if !r.Kind.Stands() {
				continue
			}
			for _, u := range block.UnreadableIn(j.medium, r.PhysicalExtent()) {
				if u.Why == block.NotCopied {
					n += u.Length
				}
			}
		}
	}
	return n
}
