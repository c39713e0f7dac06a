package rescue

import (
	"testing"
	"time"
)

func TestTimeLeft(t *testing.T) {
	for _, tt := range []struct {
		n    int64
		rate float64
		want time.Duration
	}{{100, 10, 10 * time.Second}, {1 << 40, 0, -1}, {1 << 40, 0.3, -1}, {0, 5, 0}} {
		if got := timeLeft(tt.n, tt.rate); got != tt.want {
			t.Errorf("%d at %v: %v, want %v", tt.n, tt.rate, got, tt.want)
		}
	}
}
