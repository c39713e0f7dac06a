package host

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// What runs with the rights of an administrator, all of it.
//
//	parent (user) --pkexec, sudo--> opener (root)              checks, opens, starts the keeper, ends
//	      ^                            |
//	      |                            v
//	      +---- descriptor ------- keeper (user, two capabilities)   read-only flag, health; ends with the parent
//
// Standard input is a socket of the parent's making. The system says by it who the parent is.

// openerVariables tell by whom the program was started that got these rights.
var openerVariables = []string{"SUDO_UID", "PKEXEC_UID"}

// keeperCapabilities are what the system asks for setting the read-only flag of a device and for asking a disk how it is.
var keeperCapabilities = []uintptr{unix.CAP_SYS_ADMIN, unix.CAP_SYS_RAWIO}

// serveOpener opens the device at path for the user at the other end of standard input.
func serveOpener(path string) error {
	user, err := peerOf(0)
	if err != nil {
		fmt.Fprintln(os.Stderr, err) // there is no other way to be heard
		return err
	}
	err = openFor(user, path)
	if err != nil {
		var refused *RefusedError
		a := keeperAnswer{Exit: ExitError, Code: codeRightsEnd, Why: fmt.Sprintf("%s was not opened: %v.", path, err), Next: permissionNext}
		if errors.As(err, &refused) {
			a = keeperAnswer{Exit: refused.Exit, Code: refused.Code, Why: refused.Why, Next: refused.Next}
		}
		err = errors.Join(err, send(0, a, -1))
	}
	return err
}

// peerOf returns the user who made the socket fd.
func peerOf(fd int) (*unix.Ucred, error) {
	kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	if err != nil || kind != unix.SOCK_SEQPACKET {
		return nil, errors.New("what asked for the rights came between this program and its parent, as a sudo that logs input and output does")
	}
	return unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
}

func openFor(user *unix.Ucred, path string) error {
	// The thread that starts the keeper must be the one that gives up the way to new rights.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for _, v := range openerVariables {
		if id := os.Getenv(v); id != "" && id != strconv.FormatUint(uint64(user.Uid), 10) {
			return fmt.Errorf("host: started for user %s, and the socket is that of user %d", id, user.Uid)
		}
	}
	switch {
	case os.Geteuid() != 0:
		return errors.New("host: started without an administrator's rights")
	case user.Uid == 0:
		return errors.New("host: an administrator needs no other rights")
	}
	if err := strip(); err != nil {
		return err
	}
	f, err := openChecked(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return startKeeper(user, f)
}

// strip gives up what opening a device does not need, and nothing that it does.
func strip() error {
	os.Clearenv()
	unix.Umask(0o077)
	fds, err := os.ReadDir("/proc/self/fd")
	for _, e := range fds {
		if fd, err := strconv.Atoi(e.Name()); err == nil && fd > 2 {
			unix.CloseOnExec(fd)
		}
	}
	return errors.Join(
		err,
		unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}),
		unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0),
		unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
		os.Chdir("/"),
	)
}

// openChecked opens a block device below /dev that nothing uses, for reading.
func openChecked(path string) (_ *os.File, err error) {
	notThat := func(why string) error {
		return &RefusedError{Exit: ExitRefused, Code: rightsCodes + "path", Why: fmt.Sprintf("%s is not opened with an administrator's rights: %s.", path, why),
			Next: "Name a disk below /dev (salvor look lists them)."}
	}
	if !strings.HasPrefix(path, "/dev/") || filepath.Clean(path) != path || len(path) >= unix.PathMax {
		return nil, notThat("it is no plain path below /dev")
	}
	real, err := filepath.EvalSymlinks(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, openError(path, err)
	case err != nil:
		return nil, notThat(err.Error())
	case !strings.HasPrefix(real, "/dev/"):
		return nil, notThat("it leads out of /dev")
	}
	number, err := deviceNumber(real)
	if err != nil {
		return nil, notThat("it is no block device")
	}
	fd, err := unix.Open(real, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0)
	if err != nil {
		return nil, openError(path, err)
	}
	f := os.NewFile(uintptr(fd), real)
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close())
		}
	}()
	if err := isDevice(fd, number); err != nil {
		return nil, notThat(err.Error())
	}
	if err := CheckSafe(real); err != nil {
		return nil, err
	}
	// What was checked by its name is what is open.
	if again, err := deviceNumber(real); err != nil || again != number {
		return nil, notThat("another device took its place")
	}
	return f, nil
}

// isDevice says why fd is not a descriptor of the block device number that can only read.
func isDevice(fd int, number string) error {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFBLK || numberOf(st.Rdev) != number {
		return fmt.Errorf("what is open is not device %s", number)
	}
	return checkDescriptor(fd)
}

// startKeeper starts the keeper as the user, and hands it the device and the socket.
func startKeeper(user *unix.Ucred, device *os.File) error {
	var have [2]unix.CapUserData
	if err := unix.Capget(&unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}, &have[0]); err != nil {
		return fmt.Errorf("host: capabilities: %w", err)
	}
	// A container may have less than all; then the flag or the health is what fails.
	keep := slices.DeleteFunc(slices.Clone(keeperCapabilities), func(c uintptr) bool { return have[c/32].Permitted&(1<<(c%32)) == 0 })
	cmd := exec.Command("/proc/self/exe", keeperArgument) // this very file, whatever its path leads to by now
	cmd.Args[0] = os.Args[0]
	cmd.Env = []string{readerVariable + "=1"}
	cmd.Dir = "/"
	cmd.Stdin, cmd.ExtraFiles = os.Stdin, []*os.File{device}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, AmbientCaps: keep, Credential: &syscall.Credential{Uid: user.Uid, Gid: user.Gid}}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("host: keeper: %w", err)
	}
	return cmd.Process.Release()
}

// serveKeeper hands the device to the parent, and does for it what only an administrator may, until the parent is gone.
func serveKeeper() error {
	// It ends with its parent and by nothing else, so that the flag goes away: what ends all programs of this name, or of a
	// session, ends the parent too.
	signal.Ignore(unix.SIGHUP, unix.SIGINT, unix.SIGQUIT, unix.SIGTERM, unix.SIGUSR1, unix.SIGUSR2)
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return err
	}
	if err := checkDescriptor(readerFD); err != nil {
		return err
	}
	device := os.NewFile(readerFD, "device")
	if err := send(0, keeperAnswer{}, readerFD); err != nil {
		return err
	}
	k := keeper{
		flag: func() (bool, error) { n, err := ioctlInt(device, unix.BLKROGET); return n != 0, err },
		set:  func(on bool) error { return setReadOnlyFlag(device, on) },
		ask:  func() healthPages { return askDevice(readerFD, transportOf(device)) },
	}
	return k.serve(0)
}

// keeper does what it is asked to with one device.
type keeper struct {
	flag func() (bool, error) // the read-only flag
	set  func(on bool) error
	ask  func() healthPages

	locked bool // the flag is set, and was not before
}

// serve answers questions that come by a socket until no one is at its other end. The read-only flag that it set goes with it.
func (k *keeper) serve(socket int) error {
	defer func() {
		if k.locked {
			_ = k.set(false) // no one is left to be told
		}
	}()
	asking := make(chan struct{}, 1)
	for q := make([]byte, 16); ; {
		n, err := unix.Read(socket, q)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case n == 0 && err == nil, parentLeft(err):
			return nil
		case err != nil:
			return err
		case n != 5:
			return errors.New("host: a question of another shape")
		}
		number := uint32(q[1]) | uint32(q[2])<<8 | uint32(q[3])<<16 | uint32(q[4])<<24
		switch q[0] {
		case keeperLock, keeperUnlock:
			err = tell(socket, number, k.lock(q[0] == keeperLock), nil)
		case keeperHealth:
			select {
			case asking <- struct{}{}:
				go func() { // a disk that does not answer holds up nothing else
					pages := k.ask()
					<-asking
					_ = tell(socket, number, nil, &pages) // the parent may be gone
				}()
			default: // each question to a disk that does not answer would keep a thread
				err = tell(socket, number, errors.New(keeperBusy), nil)
			}
		default:
			err = tell(socket, number, errors.ErrUnsupported, nil)
		}
		switch {
		case parentLeft(err):
			return nil
		case err != nil:
			return err
		}
	}
}

// parentLeft reports whether err says that no one is at the other end of a socket: who leaves before an answer, or without having
// read one, ends it so.
func parentLeft(err error) bool {
	return errors.Is(err, unix.EPIPE) || errors.Is(err, unix.ECONNRESET)
}

// lock sets or clears the flag. One that was set before, by someone else, is not cleared in the end.
func (k *keeper) lock(on bool) error {
	if on {
		if was, err := k.flag(); err != nil || was {
			return err
		}
	}
	err := k.set(on)
	if err == nil {
		k.locked = on
	}
	return err
}

func tell(socket int, number uint32, err error, pages *healthPages) error {
	a := keeperAnswer{Number: number, Pages: pages}
	if err != nil {
		a.Error = err.Error()
	}
	return send(socket, a, -1)
}

// transportOf returns how the disk of an open device is connected: by that the commands are chosen, not by what a parent says.
func transportOf(device *os.File) string {
	var st unix.Stat_t
	if err := control(device, func(fd uintptr) error { return unix.Fstat(int(fd), &st) }); err != nil {
		return ""
	}
	s := System{}
	name := s.nameOfNumber(numberOf(st.Rdev))
	if name == "" {
		return ""
	}
	return s.describe(s.wholeDisk(name)).Transport
}

// send says something by a socket, with a descriptor unless that is -1.
func send(socket int, a keeperAnswer, fd int) error {
	b, err := json.Marshal(a)
	if err != nil {
		return err
	}
	if len(b) > maxKeeperMessage {
		b, err = json.Marshal(keeperAnswer{Number: a.Number, Error: "the answer is too long"})
		if err != nil {
			return err
		}
	}
	var rights []byte
	if fd >= 0 {
		rights = unix.UnixRights(fd)
	}
	return unix.Sendmsg(socket, b, rights, nil, unix.MSG_NOSIGNAL)
}
