package guard_test

import (
	"runtime"
	"testing"

	"salvor/guard"
)

func TestWorkers(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for processors, want := range map[int]int{1: 1, 8: 8, 64: 8} {
		runtime.GOMAXPROCS(processors)
		if got := guard.Workers(); got != want {
			t.Errorf("%d workers on %d processors, want %d", got, processors, want)
		}
	}
}
