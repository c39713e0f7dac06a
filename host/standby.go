package host

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"salvor/block"
	"salvor/imaging"
)

// Standby is a source that may disappear and come back, under another name perhaps. It is a block.Source.
type Standby struct {
	o       OpenOptions
	id      Identity
	mu      sync.Mutex
	now     *Opened
	refused map[string]string // why what stands at a path is not the source, so that it is told once
}

// NewStandby returns opened as a source that can come back. It takes over opened, and closes it.
func NewStandby(opened *Opened, id Identity, o OpenOptions) *Standby {
	return &Standby{o: o, id: id, now: opened, refused: map[string]string{}}
}

// Opened returns what is read now.
func (s *Standby) Opened() *Opened {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

// Size returns the size in bytes.
func (s *Standby) Size() int64 { return s.id.Size }

// ReadAt reads from what is there now.
func (s *Standby) ReadAt(p []byte, off int64) (int, error) { return s.Opened().Source.ReadAt(p, off) }

// ReadSteps reads in steps, as [imaging.StepReader] says.
func (s *Standby) ReadSteps(p []byte, off int64, step int, each func(n int, took time.Duration, err error)) {
	imaging.ReadSteps(s.Opened().Source, p, off, step, each)
}

// Unreadable says what is known to be lost of what is there now.
func (s *Standby) Unreadable(within block.Extent) []block.Unreadable {
	return block.UnreadableIn(s.Opened().Source, within)
}

// Close closes what is there now.
func (s *Standby) Close() error { return s.Opened().Close() }

// standbyEvery is how often a source that is gone is looked for.
const standbyEvery = time.Second

// Await waits until the source is there again: something of the same size, with the same serial number and the same
// ends, as far as these are known, for which check finds no difference either. It looks at the path that the source
// had, and at all disks of this computer and their parts. tell is given a sentence when it begins to wait, and for each
// thing that is not the source. The error is that of ctx.
func (s *Standby) Await(ctx context.Context, check func(block.Source) error, tell func(string)) error {
	tell(fmt.Sprintf("%s is gone; waiting for it", s.id.Path))
	_ = s.Opened().Close() // it is gone; a process that hangs is given up
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-timer.C:
		}
		for _, path := range s.places(ctx) {
			if opened := s.try(ctx, path, check, tell); opened != nil {
				s.mu.Lock()
				s.now = opened
				s.mu.Unlock()
				tell(fmt.Sprintf("%s is back as %s", s.id.Path, opened.Real))
				return nil
			}
		}
		timer.Reset(standbyEvery)
	}
}

// Reopen opens the source anew at the path where it is now, as some devices need after an error. A source that is not
// there any more is left for the next read to notice.
func (s *Standby) Reopen(ctx context.Context) error {
	was := s.Opened()
	opened, err := Open(ctx, was.Path, s.o)
	if err != nil {
		return ctx.Err()
	}
	if opened.Size != s.id.Size || opened.Serial != was.Serial {
		return errors.Join(opened.Close(), ctx.Err())
	}
	s.mu.Lock()
	s.now = opened
	s.mu.Unlock()
	return was.Close()
}

// places returns where the source may be.
func (s *Standby) places(ctx context.Context) []string {
	out := []string{s.id.Path}
	if !s.id.Device {
		return out
	}
	disks, err := s.o.System.Disks(ctx)
	if err != nil {
		return out
	}
	for _, d := range disks {
		for _, name := range append([]string{d.Name}, s.o.System.partitions(d.Name)...) {
			if n, ok := s.o.System.number("sys/class/block", name, "size"); ok && n*512 == s.id.Size && devPath(name) != s.id.Path {
				out = append(out, devPath(name))
			}
		}
	}
	return out
}

// try opens what stands at path and returns it when it is the source.
func (s *Standby) try(ctx context.Context, path string, check func(block.Source) error, tell func(string)) *Opened {
	likely := s.likely(ctx, path)
	if !likely {
		ctx = WithRights(ctx, nil) // nobody is asked for a password for each disk of this computer
	}
	opened, err := Open(ctx, path, s.o)
	var refused *RefusedError
	if likely && errors.As(err, &refused) && (refused.Code == CodePermission || strings.HasPrefix(refused.Code, rightsCodes)) {
		s.tellOnce(path, fmt.Sprintf("%s is there, and needs an administrator's rights: stop, and go on", path), tell)
	}
	if err != nil {
		return nil // not there yet, or not ready
	}
	err = s.same(ctx, opened)
	if err == nil && check != nil {
		err = check(opened.Source)
	}
	if err == nil {
		return opened
	}
	_ = opened.Close() // it was only asked who it is
	if ctx.Err() == nil {
		s.tellOnce(path, fmt.Sprintf("%s is not the source: %v", path, err), tell)
	}
	return nil
}

// tellOnce tells what stands against a path, unless that was the last thing told of it.
func (s *Standby) tellOnce(path, what string, tell func(string)) {
	if s.refused[path] != what {
		s.refused[path] = what
		tell(what)
	}
}

// likely reports whether the system says of the disk at path, unopened, what it said of the source.
func (s *Standby) likely(ctx context.Context, path string) bool {
	d, ok := s.o.System.DiskOf(ctx, path)
	if ok && d.Serial != "" && s.id.Serial != "" {
		return d.Serial == s.id.Serial
	}
	return path == s.id.Path
}

// same says why o is not the source. Where neither marks nor a serial number tell, nothing is the source.
func (s *Standby) same(ctx context.Context, o *Opened) error {
	switch {
	case o.Size != s.id.Size:
		return fmt.Errorf("%d bytes, expected %d", o.Size, s.id.Size)
	case o.Device != s.id.Device:
		return errors.New("one is a file, the other a device")
	case o.Serial != "" && s.id.Serial != "" && o.Serial != s.id.Serial:
		return fmt.Errorf("serial number %s, expected %s", o.Serial, s.id.Serial)
	case len(s.id.Marks) == 0 && (s.id.Serial == "" || o.Serial == ""):
		return errors.New("nothing tells whether it is")
	}
	return s.id.meets(block.WithContext(ctx, o.Source))
}
