package casefile

import (
	"os/exec"
	"testing"
	"time"
)

func TestADefunctProcessHoldsNothing(t *testing.T) {
	cmd := exec.Command("true")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait() // until then it is defunct
	h := Holder{PID: cmd.Process.Pid, Host: "h"}
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		if works, _ := h.works(Holder{Host: "h"}); !works {
			break
		}
		if time.Now().After(end) {
			t.Fatal("a defunct process is taken for one that works")
		}
	}
	if !processLives(h.PID) {
		t.Fatal("the process is gone altogether: nothing was tested")
	}
}
