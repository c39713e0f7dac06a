package guard_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"salvor/block"
	"salvor/cursor"
	"salvor/guard"
)

var src = block.Bytes(make([]byte, 1000))

func TestPasses(t *testing.T) {
	for _, want := range []error{nil, cursor.ErrNot, io.ErrUnexpectedEOF} {
		err := guard.Do(t.Context(), time.Minute, src, func(ctx context.Context, s block.Source) error {
			if _, ok := ctx.Deadline(); !ok {
				t.Error("no deadline")
			}
			if n, err := s.ReadAt(make([]byte, 1000), 0); n != 1000 || err != nil {
				t.Errorf("%d, %v", n, err)
			}
			return want
		})
		if !errors.Is(err, want) || (want == nil) != (err == nil) {
			t.Errorf("%v, want %v", err, want)
		}
		if _, ok := guard.Finding("jpeg", time.Minute, err); ok {
			t.Errorf("a finding for %v", err)
		}
	}
}

func TestPanic(t *testing.T) {
	for _, fn := range []func(){
		func() { panic("boom") },
		func() { var p []int; _ = p[len(p)] },
		func() { panic(errors.New("boom")) },
		func() { bytes.Repeat([]byte{1}, -1) },
	} {
		err := guard.Do(t.Context(), time.Minute, src, func(context.Context, block.Source) error { fn(); return nil })
		var p *guard.PanicError
		if !errors.As(err, &p) || !strings.Contains(string(p.Stack), "guard_test") || !strings.HasPrefix(err.Error(), "panic: ") {
			t.Errorf("%v", err)
		}
		f, ok := guard.Finding("jpeg", time.Minute, err)
		if !ok || f.Code != "guard.panic" || !strings.Contains(f.Text, "the jpeg reader failed inside (") {
			t.Errorf("%+v", f)
		}
	}
}

// A reader that goes on reading, and one that asks its context, come to their end.
func TestTimeout(t *testing.T) {
	for name, fn := range map[string]func(context.Context, block.Source) error{
		"reads": func(_ context.Context, s block.Source) error {
			for {
				if _, err := s.ReadAt(make([]byte, 1), 0); err != nil {
					return err
				}
				time.Sleep(time.Second)
			}
		},
		"asks": func(ctx context.Context, _ block.Source) error {
			<-ctx.Done()
			return ctx.Err()
		},
		"hides it": func(ctx context.Context, s block.Source) error {
			<-ctx.Done()
			if _, err := s.ReadAt(make([]byte, 1), 0); err == nil {
				return nil
			}
			return cursor.Corrupt("x", 0, "a", "b")
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				err := guard.Do(t.Context(), time.Minute, src, fn)
				if !errors.Is(err, guard.ErrTimeout) || time.Since(start) > 2*time.Minute {
					t.Fatalf("%v after %v", err, time.Since(start))
				}
				f, ok := guard.Finding("mp4", time.Minute, err)
				if !ok || f.Code != "guard.timeout" || !strings.Contains(f.Text, "the mp4 reader did not end within 1m0s") {
					t.Errorf("%+v", f)
				}
			})
		})
	}
}

// A run that is stopped is not a reader that was slow.
func TestStopIsNoTimeout(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	err := guard.Do(ctx, time.Minute, src, func(ctx context.Context, s block.Source) error {
		cancel()
		_, err := s.ReadAt(make([]byte, 1), 0)
		return err
	})
	if !errors.Is(err, context.Canceled) || errors.Is(err, guard.ErrTimeout) {
		t.Errorf("%v", err)
	}
	if _, ok := guard.Finding("mp4", time.Minute, err); ok {
		t.Error("a finding for a stop")
	}
}

// An answer that came before the end of the time counts, also when the time is over by then.
func TestLateSuccess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		err := guard.Do(t.Context(), time.Second, src, func(context.Context, block.Source) error {
			time.Sleep(time.Minute)
			return nil
		})
		if err != nil {
			t.Errorf("%v", err)
		}
	})
}
