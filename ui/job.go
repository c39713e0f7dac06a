package ui

import (
	"context"
	"errors"
	"maps"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"salvor/host"
	"salvor/imaging"
	"salvor/internal/wire"
	"salvor/rescue"
)

// Bounds of what is kept of a job, and of how many are kept.
const (
	maxFindings = 200
	maxJobs     = 64
)

// job is work that goes on without any page: a rescue, a saving, a verification.
type job struct {
	id, kind string   // rescue, save, verify
	key      string   // of the case
	to       string   // where a saving goes
	what     string   // a saving saves
	sources  []string // that a rescue reads
	work     func(context.Context, rescue.Events) (wire.Result, error)

	mu       sync.Mutex
	changed  chan struct{} // closed at each change
	cancel   context.CancelFunc
	running  bool
	pausing  bool
	progress wire.Progress
	findings []wire.Finding
	more     int
	result   *wire.Result
	begun    time.Time
	pictures map[int]*picture // of the media that are read, by the number of the source
}

// seen is a job at one moment.
type seen struct {
	ID, Kind, Key, To string
	Running, Pausing  bool
	Progress          wire.Progress
	Findings          []wire.Finding
	More              int
	Result            *wire.Result
	Begun             time.Time
	Pictures          []*picture
	Sources           []string
}

func (j *job) see() (seen, <-chan struct{}) {
	j.mu.Lock()
	defer j.mu.Unlock()
	var pictures []*picture
	for _, n := range slices.Sorted(maps.Keys(j.pictures)) {
		pictures = append(pictures, j.pictures[n])
	}
	return seen{j.id, j.kind, j.key, j.to, j.running, j.pausing, j.progress, j.findings[:len(j.findings):len(j.findings)], j.more, j.result, j.begun, pictures, j.sources}, j.changed
}

func (j *job) change(fn func()) {
	j.mu.Lock()
	defer j.mu.Unlock()
	fn()
	close(j.changed)
	j.changed = make(chan struct{})
}

func (j *job) Progress(p wire.Progress) { j.change(func() { j.progress = p }) }
func (j *job) Layers([]wire.Layer)      { j.change(func() {}) }

// Map paints the medium as far as it is read.
func (j *job) Map(source int, m *imaging.Map) {
	p := paint(source, m)
	j.change(func() {
		if j.pictures == nil {
			j.pictures = map[int]*picture{}
		}
		j.pictures[source] = p
	})
}

func (j *job) Finding(f wire.Finding) {
	j.change(func() {
		if len(j.findings) == maxFindings {
			j.more++
			return
		}
		j.findings = append(j.findings, f)
	})
}

// jobs are those of one server.
type jobs struct {
	s    *Server
	mu   sync.Mutex
	list []*job
	wg   sync.WaitGroup
}

func newJobs(s *Server) *jobs { return &jobs{s: s} }

func (js *jobs) wait() { js.wg.Wait() }

func (js *jobs) get(id string) *job {
	js.mu.Lock()
	defer js.mu.Unlock()
	for _, j := range js.list {
		if j.id == id {
			return j
		}
	}
	return nil
}

// of returns the job of a kind that works on a case, or did so last; nil when there is none.
func (js *jobs) of(kind, key string) *job {
	js.mu.Lock()
	defer js.mu.Unlock()
	for i := len(js.list) - 1; i >= 0; i-- {
		if j := js.list[i]; j.kind == kind && j.key == key {
			return j
		}
	}
	return nil
}

// all returns the jobs, the newest first.
func (js *jobs) all() []seen {
	js.mu.Lock()
	defer js.mu.Unlock()
	var out []seen
	for i := len(js.list) - 1; i >= 0; i-- {
		v, _ := js.list[i].see()
		out = append(out, v)
	}
	return out
}

// add begins a job. Where one of the same kind works on the same case already, that one is returned: pressing twice
// starts nothing twice.
func (js *jobs) add(j *job) *job {
	js.mu.Lock()
	defer js.mu.Unlock()
	if old := js.atWork(j); old != nil {
		return old
	}
	j.id = js.s.seal.mark("job", time.Now().String(), j.kind, j.key, j.to)
	j.changed = make(chan struct{})
	js.list = append(js.list, j)
	for i := 0; len(js.list) > maxJobs && i < len(js.list); {
		if v, _ := js.list[i].see(); !v.Running && js.list[i] != j {
			js.list = append(js.list[:i], js.list[i+1:]...)
		} else {
			i++
		}
	}
	js.run(j)
	return j
}

// atWork returns the job that does the same as j now, or is j itself; nil when there is none. The caller holds mu.
func (js *jobs) atWork(j *job) *job {
	for _, old := range js.list {
		if v, _ := old.see(); v.Running && v.Kind == j.kind && v.Key == j.key && v.To == j.to {
			return old
		}
	}
	return nil
}

// doing returns the job of this kind that works on a case now, and saves there; nil when there is none.
func (js *jobs) doing(kind, key, to string) *job {
	js.mu.Lock()
	defer js.mu.Unlock()
	return js.atWork(&job{kind: kind, key: key, to: to})
}

// run begins a job, or goes on with one that was paused. The caller holds mu, so that two that do the same never begin at once.
func (js *jobs) run(j *job) {
	ctx, cancel := context.WithCancel(js.s.ctx)
	begin := false
	j.change(func() {
		if j.running {
			return
		}
		begin = true
		j.running, j.pausing, j.result, j.cancel, j.begun = true, false, nil, cancel, time.Now()
		j.findings, j.more, j.progress = nil, 0, wire.Progress{}
	})
	if !begin {
		cancel()
		return
	}
	js.wg.Add(1)
	go func() {
		defer js.wg.Done()
		defer cancel()
		r, err := j.work(ctx, j)
		if err != nil && r.State == "" {
			r = rescue.Failure(err, "nothing was changed")
		}
		// A job that ended is not begun again with the next start of the program; one that the program's own end stopped is.
		if j.kind == "rescue" && js.s.ctx.Err() == nil {
			if err := js.s.rescueEnded(j.key); err != nil {
				js.s.o.Log.Warn("the list of known cases", "error", err)
			}
		}
		j.change(func() { j.running, j.pausing, j.result = false, false, &r })
	}()
}

// pause ends the work of a job, which can go on where it was, and returns it.
func (js *jobs) pause(j *job) *job {
	j.change(func() {
		if j.running {
			j.pausing = true
			j.cancel()
		}
	})
	return j
}

// errOtherDisk says that a rescue of something else works in the folder.
var errOtherDisk = errors.New("a rescue of other sources works there")

// rescueCase begins or goes on with the main job of a case, and notes it, so that it goes on after a restart. What is refused
// leaves what was known of the case as it was.
func (js *jobs) rescueCase(k knownCase) (*job, error) {
	dir, err := filepath.Abs(k.Dir)
	if err != nil {
		return nil, err
	}
	k.Dir = dir // a key is that of the whole path
	if old := js.doing("rescue", k.Key(), ""); old != nil && !slices.Equal(old.sources, k.Sources()) {
		return nil, errOtherDisk
	}
	was, had := js.s.known.get(k.Key())
	k.Running = true
	keys := js.s.secrets.of(k.Sources())
	k.Locked = k.Locked || !keys.Empty()
	if err := js.s.known.add(k); err != nil {
		return nil, err
	}
	return js.add(&job{kind: "rescue", key: k.Key(), sources: k.Sources(), work: func(ctx context.Context, e rescue.Events) (wire.Result, error) {
		if _, ok := js.s.known.get(k.Key()); !ok { // it was refused before, and is begun again
			if err := js.s.known.add(k); err != nil {
				return wire.Result{}, err
			}
		}
		r, err := rescue.Run(ctx, js.s.rescueOptions(k), e, js.s.o.Log)
		var refused *host.RefusedError
		if errors.As(err, &refused) && had && was.Source != "" && isCase(k.Dir) {
			err = errors.Join(err, js.s.known.back(was))
		}
		return r, err
	}}), nil
}

// rescueOptions are those of the main job of a case. The secrets that are given while it works are its too.
func (s *Server) rescueOptions(k knownCase) rescue.Options {
	return rescue.Options{Source: k.Source, More: k.More, Case: k.Dir, Copy: k.Copy, Program: s.o.Program, Keys: s.secrets.of(k.Sources()),
		Take: s.take}
}

// writtenEvery is how often a copy is written down: often enough that browsing it now shows what there is.
const writtenEvery = 10 * time.Second

// rescueEnded notes that the main job of a case ended. What was refused before there was a case is none, and is not known.
func (s *Server) rescueEnded(key string) error {
	k, ok := s.known.get(key)
	if !ok {
		return nil
	}
	if !isCase(k.Dir) {
		return s.known.forget(key)
	}
	return s.known.running(key, false)
}

// resume goes on with what worked when the program ended.
func (js *jobs) resume() {
	for _, k := range js.s.known.all() {
		if k.Running && k.Source != "" {
			if _, err := js.rescueCase(k); err != nil {
				js.s.o.Log.Warn("a job could not go on", "case", k.Dir, "error", err)
			}
		}
	}
}

// goOn begins a job again that was paused or stopped, and returns it. What it has is not lost. Where another one does the same
// by now, that one is returned.
func (js *jobs) goOn(j *job) *job {
	js.mu.Lock()
	defer js.mu.Unlock()
	if other := js.atWork(j); other != nil {
		return other
	}
	if j.kind == "rescue" {
		if err := js.s.known.running(j.key, true); err != nil {
			js.s.o.Log.Warn("the list of known cases", "error", err)
		}
	}
	js.run(j)
	return j
}
