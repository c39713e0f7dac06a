package host

import (
	"encoding/json"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"

	"salvor/host/hosttest"
	"salvor/internal/need"
)

// became is what a program is that gave its rights back.
type became struct {
	UID, GID int
	Groups   []int
	Back     bool // it could take the rights again
	Env      []string
	Args     []string
	Error    string
}

// roleBecome gives the rights back, or says what is left when it has.
func roleBecome() int {
	b := became{UID: os.Getuid(), GID: os.Getgid(), Env: os.Environ(), Args: os.Args[1:]}
	if c := StartedBy(); c != nil {
		b.Error = c.Become().Error()
	}
	b.Groups, _ = os.Getgroups()
	b.Back = syscall.Setuid(0) == nil
	if json.NewEncoder(os.Stdout).Encode(b) != nil {
		return 1
	}
	return 0
}

func TestRightsOfSudoAreGivenBack(t *testing.T) {
	d := hosttest.NewDesk(t)
	for name, c := range map[string]struct {
		env  []string
		uid  int
		back bool
	}{
		"sudo":          {[]string{"SUDO_UID=65534", "SUDO_GID=65534", "SUDO_USER=nobody", "XDG_CONFIG_HOME=/root/.config", "DISPLAY=:7"}, hosttest.User, false},
		"pkexec":        {[]string{"PKEXEC_UID=65534"}, hosttest.User, false},
		"administrator": {[]string{"SUDO_UID=0"}, 0, true},
		"nobody told":   {nil, 0, true},
		"no user":       {[]string{"SUDO_UID=nonsense", "PKEXEC_UID=-5"}, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := d.As("become", c.env...)
			cmd.SysProcAttr = nil // as the administrator that this test is
			cmd.Args = append(cmd.Args, "ui", "--port", "1")
			cmd.Env = append(cmd.Env, "HOME=/root")
			out, err := cmd.Output()
			mustPanicFree(t, err)
			var b became
			mustPanicFree(t, json.Unmarshal(out, &b))
			if b.UID != c.uid || b.GID != c.uid || b.Back != c.back || b.Error != "" || !slices.Equal(b.Args, []string{"ui", "--port", "1"}) {
				t.Errorf("%+v", b)
			}
			if c.uid == 0 {
				return
			}
			if slices.Contains(b.Groups, 0) {
				t.Errorf("groups %v", b.Groups)
			}
			for _, v := range b.Env {
				if v == "HOME=/root" || strings.HasPrefix(v, "SUDO_") || strings.HasPrefix(v, "PKEXEC_") || strings.HasPrefix(v, "XDG_CONFIG_HOME=") {
					t.Errorf("environment: %s", v)
				}
			}
			if name == "sudo" && (!slices.Contains(b.Env, "DISPLAY=:7") || !slices.Contains(b.Env, "USER=nobody")) {
				t.Errorf("environment: %q", b.Env)
			}
		})
	}
}

// TestRealSudo asks the sudo of this system, with rules of its own that only this test sees.
func TestRealSudo(t *testing.T) {
	need.Tools(t, "sudo", "unshare", "mount", "setpriv")
	d := hosttest.NewDesk(t)
	dev, _, want := loop(t, 1<<20)
	as := func(rules string) seenByUser {
		t.Helper()
		file := t.TempDir() + "/sudoers"
		mustPanicFree(t, os.WriteFile(file, []byte("Defaults env_reset,use_pty\nroot ALL=(ALL:ALL) ALL\n"+rules+"\n"), 0o440))
		cmd := exec.Command("unshare", "-m", "sh", "-c", `mount --bind "$1" /etc/sudoers && exec setpriv --reuid=65534 --regid=65534 --clear-groups "$2"`, "sh", file, d.Program())
		cmd.Env = append(d.As("read").Env, deviceVariable+"="+dev, "PATH=/usr/bin:/bin:/usr/sbin:/sbin", "DISPLAY=")
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		cmd.Stderr = os.Stderr
		out, err := cmd.Output()
		if err != nil {
			need.Lacking(t, "sudo with rules of its own: %v", err)
		}
		var s seenByUser
		mustPanicFree(t, json.Unmarshal(out, &s))
		return s
	}
	if s := as("nobody ALL=(root) NOPASSWD: ALL"); s.Error != "" || s.Size != int64(len(want)) || s.UID != hosttest.User || s.Writable || !slices.Equal(s.Flag, []bool{false, true, false}) {
		t.Errorf("%+v", s)
	}
	if s := as("nobody ALL=(root) ALL"); s.Code != CodeNoAsker { // it needs a password, and no terminal is there
		t.Errorf("%+v", s)
	}
	noKeeper(t, d)
}
