package host

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"salvor/host/hosttest"
	"salvor/internal/need"
)

// as runs a role as a user without rights and returns what it saw.
func as(t *testing.T, d *hosttest.Desk, role, device string, env ...string) (s seenByUser) {
	t.Helper()
	cmd := d.As(role, append(env, deviceVariable+"="+device)...)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", role, err, out)
	}
	if err := json.Unmarshal(out, &s); err != nil {
		t.Fatalf("%s: %v\n%s", role, err, out)
	}
	return s
}

// TestProbeWithoutPermission holds that a folder into which a user may not write is refused as such.
func TestProbeWithoutPermission(t *testing.T) {
	d := hosttest.NewDesk(t)
	dir := filepath.Join(d.Home(), "closed")
	mustPanicFree(t, os.Mkdir(dir, 0o500))
	mustPanicFree(t, os.Chown(dir, hosttest.User, hosttest.User))
	if s := as(t, d, "probe", dir); s.Code != "host.target.permission" {
		t.Errorf("%+v", s)
	}
}

func TestElevatedReading(t *testing.T) {
	d := hosttest.NewDesk(t, "sudo", "pkexec")
	d.Decide(func(tool string, options []string) (int, string) {
		if tool == "sudo" {
			return 1, "sudo: a password is required\n"
		}
		return 0, ""
	})
	dev, _, want := loop(t, 4<<20)
	if s := as(t, d, "direct", dev); s.Code != CodePermission || len(d.Asked()) != 0 {
		t.Fatalf("without rights: %+v, asked %q", s, d.Asked())
	}
	s := as(t, d, "read", dev)
	if s.Error != "" || s.UID != hosttest.User || strings.Trim(s.Capabilities, "0") != "" || s.Writable {
		t.Fatalf("%+v", s)
	}
	if s.Size != int64(len(want)) || s.Sum != fmt.Sprintf("%x", sha256.Sum256(want)) {
		t.Errorf("read %d bytes, %s", s.Size, s.Sum)
	}
	if !slices.Equal(s.Flag, []bool{false, true, false}) {
		t.Errorf("the read-only flag was %v", s.Flag)
	}
	if s.Again != "" || !slices.Equal(d.Asked(), []string{"sudo -n", "pkexec"}) {
		t.Errorf("a second opening: %q; asked %q", s.Again, d.Asked())
	}
	if s.AfterKill != "" || !strings.Contains(s.LockLost, "is gone") {
		t.Errorf("without the keeper: %q, %q", s.AfterKill, s.LockLost)
	}
	if !strings.Contains(s.Told, "pkexec") || !strings.Contains(s.Told, dev) || !strings.Contains(s.Told, "read-only") {
		t.Errorf("told %q", s.Told)
	}
	noKeeper(t, d)
}

func noKeeper(t *testing.T, d *hosttest.Desk) {
	t.Helper()
	eventually(t, "end of the keepers", func() bool { return len(keepersOf(d.Program())) == 0 })
}

// TestLockOfReadableDevice has a device that the user may read, but not protect.
func TestLockOfReadableDevice(t *testing.T) {
	d := hosttest.NewDesk(t, "sudo")
	dev, _, _ := loop(t, 1<<20)
	before, err := os.Stat(dev)
	mustPanicFree(t, err)
	mustPanicFree(t, os.Chmod(dev, 0o644))
	defer func() { mustPanicFree(t, os.Chmod(dev, before.Mode().Perm())) }()
	if s := as(t, d, "lock", dev); s.Error != "" || !slices.Equal(s.Flag, []bool{false, true, false}) || !slices.Equal(d.Asked(), []string{"sudo -n"}) {
		t.Errorf("%+v, asked %q", s, d.Asked())
	}
	if s := as(t, d, "lock", dev, "PATH="); s.Code != CodeNoAsker {
		t.Errorf("%+v", s)
	}
	if s := as(t, d, "lock", dev, rightlessVariable+"=1"); s.Code != CodePermission || !strings.Contains(s.Next, "--no-lock") {
		t.Errorf("%+v", s)
	}
	noKeeper(t, d)
}

// TestDiskThatComesBackIsTold has a disk that was plugged in again, for which the permission is not given any more.
func TestDiskThatComesBackIsTold(t *testing.T) {
	d := hosttest.NewDesk(t, "sudo")
	dev, _, _ := loop(t, 1<<20)
	want := dev + " is gone; waiting for it\n" + dev + " is there, and needs an administrator's rights: stop, and go on\n"
	if s := as(t, d, "await", dev); s.Told != want || s.Error != context.DeadlineExceeded.Error() || len(d.Asked()) != 0 {
		t.Errorf("%+v, asked %q", s, d.Asked())
	}
}

func TestElevatedBadRange(t *testing.T) {
	path, want := badFile(t)
	dev := hosttest.LoopDevice(t, path, "-r")
	d := hosttest.NewDesk(t, "sudo")
	s := as(t, d, "bad", dev)
	if s.Error != "" || s.Sum != fmt.Sprintf("%x", sha256.Sum256(want[3<<20:3<<20+64<<10])) {
		t.Errorf("%+v", s)
	}
	noKeeper(t, d)
}

// holds starts a process of the user that holds a device open read-only until its input is closed.
func holds(t *testing.T, d *hosttest.Desk, dev string) (*exec.Cmd, io.Closer) {
	t.Helper()
	cmd := d.As("hold", deviceVariable+"="+dev)
	in, err := cmd.StdinPipe()
	mustPanicFree(t, err)
	out, err := cmd.StdoutPipe()
	mustPanicFree(t, err)
	mustPanicFree(t, cmd.Start())
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || !strings.Contains(line, `"Error":""`) {
		t.Fatalf("%q, %v", line, err)
	}
	return cmd, in
}

// TestKeeper looks at the process that keeps the rights, and kills its parent.
func TestKeeper(t *testing.T) {
	d := hosttest.NewDesk(t, "sudo")
	dev, _, _ := loop(t, 1<<20)
	flag := func() string { return strings.TrimSpace(run(t, "blockdev", "--getro", dev)) }
	cmd, in := holds(t, d, dev)
	defer in.Close()
	if flag() != "1" {
		t.Error("not locked")
	}
	list := keepersOf(d.Program())
	if len(list) != 1 {
		t.Fatalf("%d keepers", len(list))
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", list[0]))
	mustPanicFree(t, err)
	for _, want := range []string{"Uid:\t65534\t65534\t65534\t65534\n", "Gid:\t65534\t65534\t65534\t65534\n", "Groups:\t \n", "NoNewPrivs:\t1\n",
		"CapEff:\t0000000000220000\n", "CapPrm:\t0000000000220000\n"} {
		if !strings.Contains(string(status), want) {
			t.Errorf("the keeper's status lacks %q:\n%s", want, status)
		}
	}
	environment, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", list[0]))
	if err != nil || string(environment) != readerVariable+"=1\x00" {
		t.Errorf("environment %q, %v", environment, err)
	}
	for _, fd := range names(t, fmt.Sprintf("/proc/%d/fd", list[0])) {
		to, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%s", list[0], fd))
		if err == nil && to != dev && to != "/dev/null" && !strings.HasPrefix(to, "socket:") && !strings.HasPrefix(to, "anon_inode:") &&
			!strings.HasPrefix(to, "/sys/fs/cgroup/") { // the last two are of Go itself
			t.Errorf("the keeper holds %s", to)
		}
	}
	mustPanicFree(t, cmd.Process.Kill())
	_ = cmd.Wait()
	noKeeper(t, d)
	if flag() != "0" {
		t.Error("the read-only flag outlived its owner")
	}
}

func names(t *testing.T, dir string) (out []string) {
	t.Helper()
	list, err := os.ReadDir(dir)
	mustPanicFree(t, err)
	for _, e := range list {
		out = append(out, e.Name())
	}
	return out
}

func TestElevationThatIsNotGiven(t *testing.T) {
	dev, _, _ := loop(t, 1<<20)
	for name, c := range map[string]struct {
		tools, env, asked []string
		decide            func(string, []string) (int, string)
		code, says        string
	}{
		"cancelled": {[]string{"sudo", "pkexec"}, nil, []string{"sudo -n", "pkexec"},
			func(string, []string) (int, string) { return 126, "Error executing command: Request dismissed\n" }, CodeNotGiven, "Request dismissed"},
		"missing":    {nil, nil, nil, nil, CodeNoAsker, "nothing here can ask"},
		"no desktop": {[]string{"sudo", "pkexec"}, []string{"DISPLAY="}, []string{"sudo -n"}, func(string, []string) (int, string) { return 1, "" }, CodeNoAsker, "nothing here can ask"},
	} {
		t.Run(name, func(t *testing.T) {
			d := hosttest.NewDesk(t, c.tools...)
			d.Decide(c.decide)
			s := as(t, d, "read", dev, c.env...)
			if s.Code != c.code || !strings.Contains(s.Error, c.says) || s.Next == "" || !slices.Equal(d.Asked(), c.asked) {
				t.Errorf("%+v, asked %q", s, d.Asked())
			}
			noKeeper(t, d)
		})
	}
}

func TestElevationIsNotAskedForWhatIsInUse(t *testing.T) {
	need.Tools(t, "mke2fs", "mount", "umount")
	d := hosttest.NewDesk(t, "sudo")
	dev, _, _ := loop(t, 8<<20)
	run(t, "mke2fs", "-q", "-F", "-t", "ext4", dev)
	point := t.TempDir()
	run(t, "mount", dev, point)
	defer run(t, "umount", point)
	s := as(t, d, "read", dev)
	if s.Code != "host.source.mount" || !strings.Contains(s.Next, "umount") || len(d.Asked()) != 0 {
		t.Errorf("%+v, asked %q", s, d.Asked())
	}
	// The elevated side looks itself.
	if f, err := openChecked(dev); err == nil || !strings.Contains(err.Error(), "mounted") {
		f.Close()
		t.Errorf("openChecked: %v", err)
	}
}

func TestOpenChecked(t *testing.T) {
	dev, image, _ := loop(t, 1<<20)
	shm, err := os.MkdirTemp("/dev/shm", "salvor-test-")
	if err != nil {
		need.Lacking(t, "%v", err)
	}
	defer os.RemoveAll(shm)
	link := func(name, to string) string {
		path := filepath.Join(shm, name)
		mustPanicFree(t, os.Symlink(to, path))
		return path
	}
	regular := filepath.Join(shm, "regular")
	writeFile(t, regular, make([]byte, 4096))
	for _, good := range []string{dev, link("good", dev), link("twice", filepath.Join(shm, "good"))} {
		f, err := openChecked(good)
		if err != nil {
			t.Errorf("%s: %v", good, err)
			continue
		}
		if _, err := f.WriteAt([]byte("x"), 0); err == nil {
			t.Errorf("%s can be written to", good)
		}
		f.Close()
	}
	for _, bad := range []string{"", "sda", "./" + dev, "/dev", "/dev/", "/dev/../etc/shadow", "/dev/./" + filepath.Base(dev), "/dev//" + filepath.Base(dev),
		"/etc/shadow", image, regular, link("file", image), link("shadow", "/etc/shadow"), link("null", "/dev/null"), "/dev/null", "/dev/stdin", "/dev/fd/0",
		link("proc", "/proc/self/fd/0"), link("round", filepath.Join(shm, "round")), "/dev/not-there", "/dev/" + strings.Repeat("a", 5000), dev + "\n"} {
		f, err := openChecked(bad)
		var refused *RefusedError
		if err == nil || !errors.As(err, &refused) {
			t.Errorf("%.60q: %v, want a refusal", bad, err)
		}
		if f != nil {
			f.Close()
		}
	}
}

func TestIsDevice(t *testing.T) {
	dev, image, _ := loop(t, 1<<20)
	number, err := deviceNumber(dev)
	mustPanicFree(t, err)
	for name, c := range map[string]struct {
		path string
		flag int
		ok   bool
	}{"device": {dev, os.O_RDONLY, true}, "writable": {dev, os.O_RDWR, false}, "write only": {dev, os.O_WRONLY, false}, "file": {image, os.O_RDONLY, false},
		"other": {"/dev/null", os.O_RDONLY, false}} {
		f, err := os.OpenFile(c.path, c.flag, 0)
		mustPanicFree(t, err)
		if err := isDevice(int(f.Fd()), number); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
		f.Close()
	}
}

// TestOpenerWithoutParent starts the opener as someone might who is not this program.
func TestOpenerWithoutParent(t *testing.T) {
	d := hosttest.NewDesk(t)
	dev, _, _ := loop(t, 1<<20)
	seqpacket := func() (ours, theirs *os.File) {
		pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
		mustPanicFree(t, err)
		return os.NewFile(uintptr(pair[0]), ""), os.NewFile(uintptr(pair[1]), "")
	}
	start := func(stdin *os.File, path string, env ...string) {
		cmd := exec.Command(d.Program(), openerArgument, path)
		cmd.Stdin, cmd.Env = stdin, env
		if err := cmd.Run(); cmd.ProcessState.ExitCode() != ExitError {
			t.Errorf("%s: %v", path, err)
		}
	}
	r, w, err := os.Pipe()
	mustPanicFree(t, err)
	start(r, dev)
	start(nil, dev)
	r.Close()
	w.Close()
	for _, env := range [][]string{nil, {"SUDO_UID=1000"}, {"PKEXEC_UID=1000"}} {
		ours, theirs := seqpacket() // made by the administrator, who needs no rights
		start(theirs, dev, env...)
		theirs.Close()
		a, fd, err := receive(ours)
		if err != nil || fd >= 0 || a.Why == "" {
			t.Errorf("%v: %+v, %d, %v", env, a, fd, err)
		}
		ours.Close()
	}
	noKeeper(t, d)
}

// TestKeeperQuestions asks what no parent asks.
func TestKeeperQuestions(t *testing.T) {
	d := hosttest.NewDesk(t)
	dev, _, _ := loop(t, 1<<20)
	device, err := os.Open(dev)
	mustPanicFree(t, err)
	defer device.Close()
	begin := func() (*os.File, *exec.Cmd) {
		pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
		mustPanicFree(t, err)
		ours, theirs := os.NewFile(uintptr(pair[0]), ""), os.NewFile(uintptr(pair[1]), "")
		cmd := exec.Command(d.Program(), keeperArgument)
		cmd.Stdin, cmd.ExtraFiles, cmd.Env = theirs, []*os.File{device}, []string{readerVariable + "=1"}
		mustPanicFree(t, cmd.Start())
		theirs.Close()
		_, fd, err := receive(ours)
		if err != nil || fd < 0 {
			t.Fatalf("no descriptor: %v", err)
		}
		unix.Close(fd)
		return ours, cmd
	}
	ask := func(conn *os.File, q ...byte) keeperAnswer {
		_, err := conn.Write(q)
		mustPanicFree(t, err)
		a, _, err := receive(conn)
		mustPanicFree(t, err)
		return a
	}
	conn, cmd := begin()
	if a := ask(conn, 'X', 1, 0, 0, 0); a.Number != 1 || a.Error == "" {
		t.Errorf("an unknown question: %+v", a)
	}
	if a := ask(conn, keeperHealth, 2, 0, 0, 0); a.Number != 2 || a.Error != "" || a.Pages == nil {
		t.Errorf("health: %+v", a)
	}
	if a := ask(conn, keeperLock, 3, 0, 0, 0); a.Number != 3 || a.Error != "" {
		t.Errorf("lock: %+v", a)
	}
	_, err = conn.Write([]byte("a question of another shape"))
	mustPanicFree(t, err)
	if err := cmd.Wait(); cmd.ProcessState.ExitCode() != ExitError {
		t.Errorf("%v", err)
	}
	conn.Close()
	if got := strings.TrimSpace(run(t, "blockdev", "--getro", dev)); got != "0" {
		t.Errorf("the flag is %s", got)
	}
	conn, cmd = begin()
	conn.Close()
	if err := cmd.Wait(); err != nil {
		t.Errorf("a keeper without a parent: %v", err)
	}
}

func TestPermissionEnds(t *testing.T) {
	dev, _, _ := loop(t, 1<<20)
	f, err := os.Open(dev)
	mustPanicFree(t, err)
	number, err := deviceNumber(dev)
	mustPanicFree(t, err)
	ours, theirs, err := os.Pipe()
	mustPanicFree(t, err)
	defer theirs.Close()
	r := NewRights(RightsOptions{})
	g := &grant{real: dev, number: number, sequence: diskSequence(number), f: f, conn: ours}
	r.grants[number] = g
	got, err := r.have(number)
	if got != g || err != nil {
		t.Fatalf("have = %v, %v", got, err)
	}
	copied, err := g.descriptor()
	mustPanicFree(t, err)
	mustPanicFree(t, r.Close())
	if g.closed {
		t.Error("closed while it is used")
	}
	g.release()
	if !g.closed {
		t.Error("not closed with its last use")
	}
	if _, err := copied.ReadAt(make([]byte, 512), 0); err != nil {
		t.Errorf("what was open: %v", err)
	}
	copied.Close()
	// Another medium in the same disk is not what was permitted.
	f, err = os.Open(dev)
	mustPanicFree(t, err)
	ours, other, err := os.Pipe()
	mustPanicFree(t, err)
	defer other.Close()
	r.grants[number] = &grant{real: dev, number: number, sequence: "0", f: f, conn: ours}
	if got, err := r.have(number); got != nil || err != nil || len(r.grants) != 0 {
		t.Errorf("another medium: %v, %v", got, err)
	}
}

func TestAskingEndsWithItsContext(t *testing.T) {
	d := hosttest.NewDesk(t, "sudo")
	wait := make(chan struct{})
	d.Decide(func(string, []string) (int, string) { <-wait; return 1, "" })
	defer close(wait)
	dev, _, _ := loop(t, 1<<20)
	if s := as(t, d, "impatient", dev); s.Error != context.DeadlineExceeded.Error() {
		t.Errorf("%+v", s)
	}
}
