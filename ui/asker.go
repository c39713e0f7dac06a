package ui

import (
	"context"
	"time"
)

// How long the system has to say what is at a place, before a page is shown without it.
const (
	answerTime = time.Second      // of single files and folders
	folderTime = 10 * time.Second // of a folder that is listed
)

// asker asks the system about places that may never answer: on a card that died, on a share whose server is gone. Nothing
// can take such a question back, so that no more of them than it has room for wait at a time.
type asker struct {
	room           chan struct{}
	single, folder time.Duration // the time that they have
}

func newAsker() *asker {
	return &asker{room: make(chan struct{}, 64), single: answerTime, folder: folderTime}
}

// askOne returns what f says, and false when it does not in that time.
func askOne[T any](ctx context.Context, a *asker, within time.Duration, f func() T) (T, bool) {
	all := askAll(ctx, a, within, 1, func(int) T { return f() })
	v, ok := all[0]
	return v, ok
}

// askAll returns what f says of the numbers below n, side by side; those of which it says nothing in that time are left out.
func askAll[T any](ctx context.Context, a *asker, within time.Duration, n int, f func(i int) T) map[int]T {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	type said struct {
		i int
		v T
	}
	answers, got := make(chan said, n), map[int]T{}
	for i := range n {
		select {
		case a.room <- struct{}{}:
			go func() {
				defer func() { <-a.room }()
				answers <- said{i, f(i)}
			}()
		case <-ctx.Done():
			n = i // the rest is not asked
		}
		if i >= n {
			break
		}
	}
	for range n {
		select {
		case s := <-answers:
			got[s.i] = s.v
		case <-ctx.Done():
			return got
		}
	}
	return got
}
