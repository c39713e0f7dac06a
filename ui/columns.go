package ui

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"time"

	"salvor/host"
	"salvor/recovery"
)

// What makes the pages of a large case quick is made once where the case lacks it: it was made by an earlier version, or is
// being worked on. It is kept in a file of its own, as the case is only read here.
const (
	fewChunks    = 4                     // that are missing are made for each page
	maxAsides    = 4                     // cases for which it is kept, the ones used last
	asideWait    = 50 * time.Millisecond // that a page waits for it
	asideIdle    = 10 * time.Minute      // after which it is given up
	asideRenewal = 30 * time.Second      // between two makings for a case that changes
)

// readiness says whether a page can be made of a case at once.
type readiness struct {
	Ready bool
	Old   bool // it shows what was a moment ago: the case is being changed
	Far   int  // in hundredths, where it is not ready
}

// aside is that of one case.
type aside struct {
	mu       sync.Mutex
	made     *recovery.Aside // nil while it is made for the first time
	folder   string          // of made
	file     *os.File
	making   chan struct{} // closed when that has ended; nil when it is not made now
	begun    time.Time
	used     time.Time
	failed   bool // it cannot be made, by a disk that is full
	far      int
	giveBack func() // ends the making
}

// asides are those of one server, by the paths of catalogues.
type asides struct {
	mu    sync.Mutex
	list  map[string]*aside
	one   chan struct{} // a place for the one that is made now
	ended bool
	jobs  sync.WaitGroup
}

func newAsides() *asides { return &asides{list: map[string]*aside{}, one: make(chan struct{}, 1)} }

// of returns that of a catalogue, and gives up those that were not used.
func (a *asides) of(path string) *aside {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.ended {
		return nil
	}
	one := a.list[path]
	if one == nil {
		if len(a.list) >= maxAsides {
			oldest := ""
			for p, o := range a.list {
				if oldest == "" || o.lastUsed().Before(a.list[oldest].lastUsed()) {
					oldest = p
				}
			}
			a.list[oldest].end()
			delete(a.list, oldest)
		}
		one = &aside{}
		a.list[path] = one
	}
	one.touch()
	return one
}

// tidy gives up what was not used for so long.
func (a *asides) tidy(idle time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for p, o := range a.list {
		if time.Since(o.lastUsed()) >= idle {
			o.end()
			delete(a.list, p)
		}
	}
}

// close gives up all, and waits for what is being made.
func (a *asides) close() {
	a.mu.Lock()
	a.ended = true
	for _, o := range a.list {
		o.end()
	}
	a.list = nil
	a.mu.Unlock()
	a.jobs.Wait()
}

func (o *aside) touch() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.used = time.Now()
}

func (o *aside) lastUsed() time.Time {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.used
}

// end gives it up. What is being made ends by itself.
func (o *aside) end() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.giveBack != nil {
		o.giveBack()
	}
	o.replace(nil, "", nil)
}

// replace puts another one in its place. The caller holds mu.
func (o *aside) replace(made *recovery.Aside, folder string, file *os.File) {
	if o.made != nil {
		o.made.End()
	}
	drop(o.folder, o.file)
	o.made, o.folder, o.file = made, folder, file
}

// drop removes a file; what is in use on another page is read from the case then.
func drop(folder string, file *os.File) {
	if file != nil {
		file.Close()            // nothing of it is wanted any more
		host.RemoveTemp(folder) // what stays is removed with the folder of temporary files
	}
}

// prepare makes the pages of a catalogue quick. It waits for that no longer than a page may take, or, with patience, until it
// is done. A catalogue that has all that is needed is ready at once.
func (s *Server) prepare(ctx context.Context, c *recovery.Catalog, patience bool) (readiness, error) {
	lacking, err := c.Lacking(ctx)
	if err != nil || lacking.Chunks <= fewChunks {
		return readiness{Ready: true}, err
	}
	o := s.asides.of(c.Path())
	if o == nil {
		return readiness{Ready: true}, nil
	}
	o.mu.Lock()
	current := o.made != nil && o.made.Current()
	if !current && !o.failed && o.making == nil && (o.made == nil || time.Since(o.begun) > asideRenewal) {
		s.makeAside(o, c.Path())
	}
	made, making := o.made, o.making
	o.mu.Unlock()
	if made == nil && making != nil {
		wait := time.NewTimer(asideWait)
		defer wait.Stop()
		enough := wait.C
		if patience {
			enough = nil
		}
		select {
		case <-making:
		case <-enough:
		case <-ctx.Done():
			return readiness{}, ctx.Err()
		}
		o.mu.Lock()
		defer o.mu.Unlock()
		if made, current = o.made, true; made == nil && !o.failed && !patience {
			return readiness{Far: o.far}, nil
		}
	}
	if made != nil {
		c.With(made)
	}
	return readiness{Ready: true, Old: made != nil && !current}, nil
}

// makeAside begins to make it. The caller holds the lock of o.
func (s *Server) makeAside(o *aside, path string) {
	ctx, cancel := context.WithCancel(s.ctx)
	ended := make(chan struct{})
	o.making, o.begun, o.far, o.giveBack = ended, time.Now(), 0, cancel
	s.asides.jobs.Go(func() {
		defer close(ended)
		defer cancel()
		made, folder, file, err := s.madeAside(ctx, path, func(l recovery.Lacking) {
			o.mu.Lock()
			defer o.mu.Unlock()
			o.far = int(100 * (l.Of - l.Chunks) / max(l.Of, 1))
		})
		if err != nil && ctx.Err() == nil {
			s.o.Log.Warn("pages of a large case will be slow", "error", err)
		}
		o.mu.Lock()
		defer o.mu.Unlock()
		o.making, o.giveBack = nil, nil
		switch {
		case ctx.Err() != nil: // it was given up
			drop(folder, file)
		case err != nil:
			o.failed = o.made == nil
		default:
			o.replace(made, folder, file)
		}
	})
}

func (s *Server) madeAside(ctx context.Context, path string, progress func(recovery.Lacking)) (made *recovery.Aside, folder string, file *os.File, err error) {
	select { // one at a time: it takes a processor
	case s.asides.one <- struct{}{}:
		defer func() { <-s.asides.one }()
	case <-ctx.Done():
		return nil, "", nil, ctx.Err()
	}
	c, err := recovery.OpenCatalogReadOnly(path)
	if err != nil {
		return nil, "", nil, err
	}
	defer c.Close()
	if folder, err = host.TempFolder(); err != nil {
		return nil, "", nil, err
	}
	if file, err = os.Create(filepath.Join(folder, "columns")); err == nil {
		host.RemoveTemp(folder) // where that works with a file that is open, nothing stays when the program is killed
		made, err = c.MakeAside(ctx, file, progress)
	}
	if err != nil {
		if file != nil {
			err = errors.Join(err, file.Close())
		}
		return nil, "", nil, errors.Join(err, host.RemoveTemp(folder))
	}
	return made, folder, file, nil
}

// tidyAsides gives up what is not used any more, until the server ends.
func (s *Server) tidyAsides() {
	each := time.NewTicker(asideIdle / 10)
	defer each.Stop()
	for {
		select {
		case <-each.C:
			s.asides.tidy(asideIdle)
		case <-s.ctx.Done():
			return
		}
	}
}
