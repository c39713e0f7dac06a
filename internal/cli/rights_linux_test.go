package cli_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"salvor/host/hosttest"
	"salvor/internal/cli"
)

const argumentsVariable = "SALVOR_TEST_ARGUMENTS"

// rolesBeside runs what this program does beside its tests: a verb, for a user without rights.
func rolesBeside() {
	hosttest.Main(map[string]func() int{"verb": func() int {
		return cli.Main(strings.Split(os.Getenv(argumentsVariable), "\n"), os.Stdout, os.Stderr)
	}})
}

// verb runs a verb as a user without rights.
func verb(t *testing.T, d *hosttest.Desk, args ...string) (exit int, out, says string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := d.As("verb", argumentsVariable+"="+strings.Join(args, "\n"))
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	var ended *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &ended) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()
}

func TestRightsOfVerbs(t *testing.T) {
	d := hosttest.NewDesk(t, "sudo", "pkexec")
	image, err := filepath.Abs("../../examples/gateway.img")
	if err != nil {
		t.Fatal(err)
	}
	dev := hosttest.LoopDevice(t, image, "-r")
	if exit, _, says := verb(t, d, "look", dev, "--no-elevate"); exit != 1 || !strings.Contains(says, "You may not read "+dev) || len(d.Asked()) != 0 {
		t.Errorf("--no-elevate: %d, %s, asked %q", exit, says, d.Asked())
	}
	var give atomic.Bool
	d.Decide(func(tool string, _ []string) (int, string) {
		if tool == "pkexec" && give.Load() {
			return 0, ""
		}
		return 1, tool + ": not now\n"
	})
	if exit, _, says := verb(t, d, "look", dev); exit != 1 || !strings.Contains(says, "pkexec: not now") || !strings.Contains(says, "Only an administrator may read "+dev) {
		t.Errorf("refused: %d, %s", exit, says)
	}
	give.Store(true)
	before := len(d.Asked())
	target := filepath.Join(d.Home(), "case")
	if exit, out, says := verb(t, d, "copy", dev, "--to", target); exit != 0 || !strings.Contains(says, "pkexec, which asks for an administrator's password, opens it read-only") {
		t.Errorf("copy: %d, %s%s", exit, out, says)
	}
	if asked := d.Asked()[before:]; !slices.Equal(asked, []string{"sudo -n", "pkexec"}) {
		t.Errorf("asked %q", asked)
	}
	want, err := os.ReadFile(image)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(filepath.Join(target, "image", "1.img")); err != nil || !bytes.Equal(got, want) {
		t.Errorf("the copy differs: %d bytes, %v", len(got), err)
	}
}

// TestKilledCopyOfAdministrators kills a copy as a loss of power would, and goes on: the flag of the device is put back, and nothing is
// made up of what was not read.
func TestKilledCopyOfAdministrators(t *testing.T) {
	d := hosttest.NewDesk(t, "sudo")
	image := filepath.Join(t.TempDir(), "image")
	want := make([]byte, 32<<20)
	for i := range want {
		want[i] = byte(i*7+i>>12) | 1 // no zero anywhere
	}
	if err := os.WriteFile(image, want, 0o600); err != nil {
		t.Fatal(err)
	}
	dev := hosttest.LoopDevice(t, image)
	target := filepath.Join(d.Home(), "case")
	copied := filepath.Join(target, "image", "1.img")
	args := []string{"copy", dev, "--to", target}
	cmd := d.As("verb", argumentsVariable+"="+strings.Join(args, "\n"))
	cmd.Stderr = nil
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	wait := func(what string, ok func() bool) {
		t.Helper()
		for end := time.Now().Add(time.Minute); !ok(); time.Sleep(2 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatal("never came: ", what)
			}
		}
	}
	wait("the first bytes of the copy", func() bool {
		info, err := os.Stat(copied)
		return err == nil && info.Sys().(*syscall.Stat_t).Blocks > 0
	})
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	wait("the flag as it was", func() bool {
		out, err := exec.Command("blockdev", "--getro", dev).Output()
		return err == nil && strings.TrimSpace(string(out)) == "0"
	})
	if exit, out, says := verb(t, d, args...); exit != 0 {
		t.Errorf("%d, %s%s", exit, out, says)
	}
	if got, err := os.ReadFile(copied); err != nil || !bytes.Equal(got, want) {
		t.Errorf("the copy differs: %d bytes, %v", len(got), err)
	}
}

// TestPagesDoNotRunAsRoot needs to be root for that.
func TestPagesDoNotRunAsRoot(t *testing.T) {
	d := hosttest.NewDesk(t)
	cmd := d.As("verb", argumentsVariable+"=ui\n--no-browser")
	cmd.SysProcAttr = nil
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if out, err := cmd.Output(); cmd.ProcessState.ExitCode() != 40 || len(out) != 0 || !strings.Contains(stderr.String(), "--as-root") {
		t.Errorf("%v: %s%s", err, out, stderr.String())
	}
	cmd = d.As("verb", argumentsVariable+"=ui\n--no-browser\n--port=0\n--json", "SUDO_UID=65534")
	cmd.SysProcAttr = nil
	stderr.Reset()
	cmd.Stderr = &stderr
	// The home of this user is not there, so that the pages cannot start; but it is this user who does not find it.
	if _, err := cmd.Output(); err == nil || !strings.Contains(stderr.String(), "The pages run as nobody, not as root.") {
		t.Errorf("%v: %s", err, stderr.String())
	}
}
