package hosttest

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"

	"salvor/internal/need"
)

// User is the user without rights: nobody.
const User = 65534

const (
	roleVariable  = "SALVOR_TEST_ROLE"
	toolVariable  = "SALVOR_TEST_TOOL"
	brokerAddress = "SALVOR_TEST_BROKER"
)

// Main runs the role that this program was started for, and returns when it was started for none. It is called first in TestMain, behind
// [salvor/host.IsReader].
func Main(roles map[string]func() int) {
	if tool := os.Getenv(toolVariable); tool != "" {
		os.Exit(ask(tool, os.Args[1:]))
	}
	if name := os.Getenv(roleVariable); name != "" {
		role, ok := roles[name]
		if !ok {
			fmt.Fprintln(os.Stderr, "no role", name)
			os.Exit(2)
		}
		os.Exit(role())
	}
}

// Desk is where sudo and pkexec are asked for rights.
type Desk struct {
	dir, program string
	uid          string // what the tools tell of who asks
	mu           sync.Mutex
	asked        []string
	decide       Decision
}

// Decision returns the exit code of a tool that gives no rights, with what it says; 0 gives them. It is given the name of the
// tool, and its options.
type Decision func(tool string, options []string) (exit int, says string)

// Decide sets who decides from now on; nil always gives the rights, as a new desk does.
func (d *Desk) Decide(by Decision) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.decide = by
}

// NewDesk opens a desk that closes with the test. Only an administrator can give rights: the test is skipped for others, and
// fails where everything must run.
func NewDesk(t testing.TB, tools ...string) *Desk {
	t.Helper()
	need.Root(t)
	d := &Desk{uid: strconv.Itoa(User)}
	var err error
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	d.dir, err = os.MkdirTemp("", "salvor-desk-")
	must(err)
	t.Cleanup(func() { must(os.RemoveAll(d.dir)) })
	must(os.Chmod(d.dir, 0o755))
	exe, err := os.Executable()
	must(err)
	d.program = filepath.Join(d.dir, "salvor-under-test")
	must(copyFile(exe, d.program))
	must(os.Mkdir(filepath.Join(d.dir, "bin"), 0o755))
	socket := filepath.Join(d.dir, "broker")
	for _, tool := range tools {
		script := fmt.Sprintf("#!/bin/sh\n%s=%s %s=%s exec %s \"$@\"\n", toolVariable, tool, brokerAddress, socket, d.program)
		must(os.WriteFile(filepath.Join(d.dir, "bin", tool), []byte(script), 0o755))
	}
	must(os.Mkdir(d.Home(), 0o700))
	must(os.Chown(d.Home(), User, User))
	must(d.listen(t, socket))
	return d
}

// Home is a folder of the user.
func (d *Desk) Home() string { return filepath.Join(d.dir, "home") }

// Program is the path of the program that the user starts.
func (d *Desk) Program() string { return d.program }

// Asked returns which tools were asked so far, in order: "sudo -n", "pkexec".
func (d *Desk) Asked() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.asked)
}

// As returns a command that runs a role as the user, without a terminal, on a desktop.
func (d *Desk) As(role string, env ...string) *exec.Cmd {
	cmd := exec.Command(d.program)
	cmd.Env = append([]string{roleVariable + "=" + role, "PATH=" + filepath.Join(d.dir, "bin"), "DISPLAY=:0", "HOME=" + d.Home()}, env...)
	cmd.Dir = d.Home()
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Credential: &syscall.Credential{Uid: User, Gid: User}}
	return cmd
}

func copyFile(from, to string) error {
	if os.Link(from, to) == nil {
		return os.Chmod(to, 0o755)
	}
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, b, 0o755)
}

// request is what a stand-in hands over, beside its standard input.
type request struct {
	Tool string
	Args []string
}

func (d *Desk) listen(t testing.TB, path string) error {
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_SEQPACKET|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	if err := errors.Join(syscall.Bind(fd, &syscall.SockaddrUnix{Name: path}), os.Chown(path, User, User), syscall.Listen(fd, 16)); err != nil {
		return err
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, _, err := syscall.Accept4(fd, syscall.SOCK_CLOEXEC)
			if err != nil {
				return
			}
			wg.Go(func() { d.serve(conn) })
		}
	})
	t.Cleanup(func() {
		_ = syscall.Shutdown(fd, syscall.SHUT_RDWR) // ends the accepting
		wg.Wait()
		_ = syscall.Close(fd)
	})
	return nil
}

// serve answers one tool.
func (d *Desk) serve(conn int) {
	defer syscall.Close(conn)
	b, oob := make([]byte, 64<<10), make([]byte, syscall.CmsgSpace(4))
	n, oobn, _, _, err := syscall.Recvmsg(conn, b, oob, syscall.MSG_CMSG_CLOEXEC)
	if err != nil {
		return
	}
	var q request
	messages, err := syscall.ParseSocketControlMessage(oob[:oobn])
	if err != nil || len(messages) != 1 || json.Unmarshal(b[:n], &q) != nil {
		return
	}
	fds, err := syscall.ParseUnixRights(&messages[0])
	if err != nil || len(fds) != 1 {
		return
	}
	stdin := os.NewFile(uintptr(fds[0]), "stdin")
	exit, says := d.give(q, stdin)
	stdin.Close()
	_ = syscall.Sendmsg(conn, append([]byte{byte(exit)}, says...), nil, nil, syscall.MSG_NOSIGNAL)
}

// give starts the program with the rights of the test, when that is decided.
func (d *Desk) give(q request, stdin *os.File) (exit int, says string) {
	at := slices.Index(q.Args, d.program)
	if at < 0 {
		return 127, "this desk starts nothing but the program under test"
	}
	options := q.Args[:at]
	d.mu.Lock()
	name := q.Tool
	if slices.Contains(options, "-n") {
		name += " -n"
	}
	d.asked = append(d.asked, name)
	decide := d.decide
	d.mu.Unlock()
	if decide != nil {
		if exit, says := decide(q.Tool, options); exit != 0 {
			return exit, says
		}
	}
	cmd := exec.Command(d.program, q.Args[at+1:]...)
	cmd.Stdin = stdin
	cmd.Env = []string{"PATH=/usr/bin:/bin", "SUDO_UID=" + d.uid}
	_ = cmd.Run() // how it ended is what it is asked for
	return cmd.ProcessState.ExitCode(), ""
}

// ask is a stand-in for sudo or pkexec.
func ask(tool string, args []string) int {
	b, err := json.Marshal(request{tool, args})
	if err != nil {
		return 127
	}
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_SEQPACKET|syscall.SOCK_CLOEXEC, 0)
	if err == nil {
		err = syscall.Connect(fd, &syscall.SockaddrUnix{Name: os.Getenv(brokerAddress)})
	}
	if err == nil {
		err = syscall.Sendmsg(fd, b, syscall.UnixRights(0), nil, syscall.MSG_NOSIGNAL)
	}
	// As the real ones do, it holds no more of what it was given than it must.
	answer := make([]byte, 4<<10)
	n := 0
	if err == nil {
		n, err = syscall.Read(fd, answer)
	}
	if err != nil || n < 1 {
		fmt.Fprintln(os.Stderr, tool, "stand-in:", err)
		return 127
	}
	os.Stderr.Write(answer[1:n])
	return int(answer[0])
}
