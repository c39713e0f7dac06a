package host

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// Caller is the user who started this program by sudo or pkexec.
type Caller struct {
	Name, Home string
	uid, gid   int
	groups     []int
}

// StartedBy returns the user who started this program by sudo or pkexec, nil when it has no more rights than its user, or when an
// administrator started it.
func StartedBy() *Caller {
	if os.Geteuid() != 0 {
		return nil
	}
	for _, v := range openerVariables {
		u, err := user.LookupId(os.Getenv(v))
		if err != nil {
			continue
		}
		c := &Caller{Name: u.Username, Home: u.HomeDir}
		var errUser, errGroup error
		c.uid, errUser = strconv.Atoi(u.Uid)
		c.gid, errGroup = strconv.Atoi(u.Gid)
		if errUser != nil || errGroup != nil || c.uid == 0 {
			continue
		}
		ids, err := u.GroupIds()
		if err != nil {
			ids = nil // then without those of further groups
		}
		for _, id := range ids {
			if n, err := strconv.Atoi(id); err == nil && n != 0 {
				c.groups = append(c.groups, n)
			}
		}
		return c
	}
	return nil
}

// Become runs this program again with the same arguments, for good as the caller. It returns only when that failed.
func (c *Caller) Become() error {
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	if err := errors.Join(syscall.Setgroups(c.groups), syscall.Setgid(c.gid), syscall.Setuid(c.uid)); err != nil {
		return fmt.Errorf("host: as %s: %w", c.Name, err)
	}
	if syscall.Setuid(0) == nil {
		return errors.New("host: the rights of an administrator could not be given up")
	}
	err = syscall.Exec(exe, os.Args, c.environment())
	return fmt.Errorf("host: %s as %s: %w", exe, c.Name, err)
}

// environment is that of the caller's own session, as far as sudo and pkexec left it or the system tells it.
func (c *Caller) environment() []string {
	drop := []string{"HOME", "USER", "LOGNAME", "MAIL", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR"}
	env := slices.DeleteFunc(os.Environ(), func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return slices.Contains(drop, name) || strings.HasPrefix(name, "SUDO_") || strings.HasPrefix(name, "PKEXEC_")
	})
	env = append(env, "HOME="+c.Home, "USER="+c.Name, "LOGNAME="+c.Name)
	runtime := filepath.Join("/run/user", strconv.Itoa(c.uid))
	there := func(name string) bool { _, err := os.Stat(filepath.Join(runtime, name)); return err == nil }
	if there("") {
		env = append(env, "XDG_RUNTIME_DIR="+runtime)
	}
	if there("bus") && os.Getenv("DBUS_SESSION_BUS_ADDRESS") == "" {
		env = append(env, "DBUS_SESSION_BUS_ADDRESS=unix:path="+filepath.Join(runtime, "bus"))
	}
	if there("wayland-0") && os.Getenv("WAYLAND_DISPLAY") == "" {
		env = append(env, "WAYLAND_DISPLAY=wayland-0")
	}
	return env
}
