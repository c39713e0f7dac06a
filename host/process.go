package host

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"time"

	"salvor/block"
)

// processSource reads by a reader process. One call of ReadAt is one attempt for each of its bytes; a
// request that is not answered in time costs that process, and the next request has a new one.
type processSource struct {
	o    processOptions
	f    *os.File
	mu   sync.Mutex
	p    *process
	lost int // processes given up on
	err  error
}

type processOptions struct {
	size     int64
	sector   int  // bytes; 0 where unknown
	direct   bool // past the system's cache, whole sectors
	deadline time.Duration
}

const (
	startDeadline = 10 * time.Second
	// maxLost is how many processes may hang before the source counts as gone: each is stuck in the
	// kernel and keeps its memory until the disk answers or the machine restarts.
	maxLost = 64
)

func newProcess(ctx context.Context, f *os.File, o processOptions) (*processSource, error) {
	if os.Getenv(readerVariable) != "" {
		return nil, errors.New("host: a reader process cannot start another; the program does not ask host.IsReader first")
	}
	if o.deadline <= 0 {
		o.deadline = DefaultDeadline
	}
	s := &processSource{o: o, f: f}
	p, err := s.start(ctx)
	if err != nil {
		return nil, fmt.Errorf("host: reader process: %w", err)
	}
	s.p = p
	return s, nil
}

func (s *processSource) Size() int64 { return s.o.size }

func (s *processSource) ReadAt(p []byte, off int64) (int, error) {
	p, end, err := clamp(p, off, s.o.size)
	if err != nil || len(p) == 0 {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for n := 0; n < len(p); {
		piece := p[n:min(n+maxRequest, len(p))]
		m, err := 0, error(nil)
		s.request(piece, off+int64(n), len(piece), func(got int, _ time.Duration, e error) { m, err = m+got, e })
		n += m
		if m < len(piece) { // one step, which no pause cuts
			return n, s.failure(block.Extent{Offset: off + int64(n), Length: int64(len(piece) - m)}, err)
		}
	}
	return len(p), end
}

// failure says what a failed read means for the bytes of rest.
func (s *processSource) failure(rest block.Extent, err error) error {
	var dead *processError
	if errors.As(err, &dead) {
		return err
	}
	return readError(rest, err)
}

// ReadSteps reads p at off in steps of that many bytes, one after the other, from the end of p for a negative number, until
// one fails or takes long. It calls each for every
// step with the number of bytes read, the time that the read took, and the error of the one that failed. The
// process goes on to the next step while each works.
func (s *processSource) ReadSteps(p []byte, off int64, step int, each func(n int, took time.Duration, err error)) {
	p, _, err := clamp(p, off, s.o.size)
	if err != nil {
		each(0, 0, err)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	size := max(step, -step)
	p = p[:min(len(p), maxRequest/size*size)]
	n := 0
	s.request(p, off, step, func(got int, took time.Duration, err error) {
		if n += got; err != nil {
			rest := block.Between(off+int64(n), off+int64(min(n/size*size+size, len(p))))
			if step < 0 {
				rest = block.Between(off+int64(max(len(p)-n/size*size-size, 0)), off+int64(len(p)-n))
			}
			err = s.failure(rest, err)
		}
		each(got, took, err)
	})
}

// request asks once. A process that died without an answer says nothing about the medium, so that a new
// one is asked in its place, once.
func (s *processSource) request(p []byte, off int64, step int, each func(n int, took time.Duration, err error)) {
	for try := 0; ; try++ {
		if s.err != nil {
			each(0, 0, s.err)
			return
		}
		if s.p == nil {
			np, err := s.start(context.Background())
			if err != nil {
				each(0, 0, &processError{err})
				return
			}
			s.p = np
		}
		n, took, err := s.p.ask(p, off, step, s.o.deadline, each)
		if err == nil {
			return
		}
		var dead *processError
		switch {
		case errors.Is(err, errStuck):
			s.p = nil
			if s.lost++; s.lost >= maxLost {
				s.err = errGone
			}
		case errors.As(err, &dead):
			s.p.end()
			s.p = nil
			if try == 0 && n == 0 {
				continue
			}
		}
		each(0, took, err)
		return
	}
}

// Close ends the process. A read that is still waiting ends first, by its deadline at the latest.
func (s *processSource) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = os.ErrClosed
	if s.p == nil {
		return nil
	}
	s.p.end()
	s.p = nil
	return nil
}

var (
	// errStuck: the process gave no answer in time.
	errStuck = fmt.Errorf("no answer in time: %w", os.ErrDeadlineExceeded)
	errGone  = fmt.Errorf("%d reader processes hang: the disk no longer answers: %w", maxLost, os.ErrClosed)
)

// processError says that the reader process itself failed, not the medium.
type processError struct{ err error }

func (e *processError) Error() string { return "host: reader process: " + e.err.Error() }
func (e *processError) Unwrap() error { return e.err }

// process is one running reader.
type process struct {
	cmd     *exec.Cmd
	in      *os.File
	answers chan reply
	number  uint32
	done    chan struct{} // closed when no one waits for answers any more
	once    sync.Once
}

// reply is an answer; data is valid until the next is received.
type reply struct {
	number uint32
	data   []byte
	status uint32
	took   time.Duration
	err    error
}

func (s *processSource) start(ctx context.Context) (*process, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	childIn, in, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	out, childOut, err := os.Pipe()
	if err != nil {
		childIn.Close()
		in.Close()
		return nil, err
	}
	widen(out)
	cmd := exec.Command(exe, readerArgument)
	cmd.Env = append(readerEnvironment(), readerVariable+"=1")
	cmd.Dir = string(os.PathSeparator)
	cmd.Stdin, cmd.Stdout, cmd.ExtraFiles = childIn, childOut, []*os.File{s.f}
	cmd.SysProcAttr = readerAttributes()
	if s.o.direct {
		cmd.Env = append(cmd.Env, fmt.Sprintf("%s=%d", directVariable, max(s.o.sector, 512)))
	}
	err = cmd.Start()
	childIn.Close()
	childOut.Close()
	if err != nil {
		in.Close()
		out.Close()
		return nil, err
	}
	p := &process{cmd: cmd, in: in, answers: make(chan reply), done: make(chan struct{})}
	hello := make(chan error, 1)
	go p.listen(out, hello)
	timer := time.NewTimer(startDeadline)
	defer timer.Stop()
	select {
	case err = <-hello:
	case <-timer.C:
		err = errors.New("it did not begin in time")
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err != nil {
		p.end()
		return nil, err
	}
	return p, nil
}

// listen takes the answers until the process ends, then collects it. It alone waits for the process, so
// that no one hangs with one that cannot be killed.
func (p *process) listen(out *os.File, hello chan<- error) {
	defer func() {
		out.Close()
		_ = p.cmd.Wait() // how it ended changes nothing: it was killed, or its pipe said so already
	}()
	var word [len(readerHello)]byte
	_, err := io.ReadFull(out, word[:])
	if err == nil && string(word[:]) != readerHello {
		err = errors.New("this program does not serve as a reader")
	}
	hello <- err
	if err != nil {
		return
	}
	var head [answerSize]byte
	// Two buffers: one is filled while the other is looked at.
	buf, other := make([]byte, maxRequest), make([]byte, maxRequest)
	for ; ; buf, other = other, buf {
		r := reply{}
		if _, r.err = io.ReadFull(out, head[:]); r.err == nil {
			r.number = binary.LittleEndian.Uint32(head[0:])
			n := binary.LittleEndian.Uint32(head[4:])
			r.status = binary.LittleEndian.Uint32(head[8:])
			r.took = time.Duration(binary.LittleEndian.Uint32(head[12:])) * time.Microsecond
			if n > maxRequest {
				r.err = fmt.Errorf("an answer of %d bytes", n)
			} else {
				_, r.err = io.ReadFull(out, buf[:n])
				r.data = buf[:n]
			}
		}
		select {
		case p.answers <- r:
		case <-p.done:
			return
		}
		if r.err != nil {
			return
		}
	}
}

// ask sends one request and gives its answers to each. It returns the bytes read and, for the step that failed, the time
// and the error, of which each is not told. After errStuck or a processError the process is no longer used.
func (p *process) ask(dst []byte, off int64, step int, deadline time.Duration, each func(int, time.Duration, error)) (int, time.Duration, error) {
	p.number++
	var req [requestSize]byte
	binary.LittleEndian.PutUint64(req[0:], uint64(off))
	binary.LittleEndian.PutUint32(req[8:], uint32(len(dst)))
	binary.LittleEndian.PutUint32(req[12:], p.number)
	size := max(step, -step)
	binary.LittleEndian.PutUint32(req[16:], uint32(size))
	if step < 0 {
		binary.LittleEndian.PutUint32(req[20:], 1)
	}
	if _, err := p.in.Write(req[:]); err != nil {
		return 0, 0, &processError{err}
	}
	timer := time.NewTimer(deadline)
	defer timer.Stop()
	begin := time.Now()
	for n := 0; ; {
		select {
		case r := <-p.answers:
			want := min(size, len(dst)-n)
			switch {
			case r.err != nil:
				return n, 0, &processError{r.err}
			case r.number != p.number || len(r.data) > want || (r.status == 0) != (len(r.data) == want):
				return n, 0, &processError{errors.New("an answer that fits no question")}
			}
			if step < 0 {
				if r.status != 0 {
					return n, r.took, errOfStatus(r.status) // what came of it is not at the edge
				}
				copy(dst[len(dst)-n-want:], r.data)
			} else {
				copy(dst[n:], r.data)
			}
			n += len(r.data)
			if r.status != 0 {
				if len(r.data) > 0 {
					each(len(r.data), 0, nil)
				}
				return n, r.took, errOfStatus(r.status)
			}
			each(len(r.data), r.took, nil)
			if n == len(dst) || r.took >= pauseAfter {
				return n, 0, nil
			}
			timer.Reset(deadline)
			begin = time.Now()
		case <-timer.C:
			p.end()
			return n, time.Since(begin), errStuck
		}
	}
}

// end closes the request pipe, which ends a process that is not stuck, and kills it in case it is.
func (p *process) end() {
	p.once.Do(func() {
		p.in.Close()
		close(p.done)
		_ = p.cmd.Process.Kill() // it may have ended already
	})
}
