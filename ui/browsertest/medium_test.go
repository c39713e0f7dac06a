//go:build linux

package browsertest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// slowDisk is a file that can be made as slow as a disk that is about to die.
type slowDisk struct {
	path string // where it is read
	log  string // a line for each read
	rate string
	end  func()
}

// slow shows a file as a slow disk below the home folder.
func slow(t testing.TB, home, file string) *slowDisk {
	t.Helper()
	need(t, "nbdkit", "nbdfuse", "umount")
	if os.Getuid() != 0 {
		lacking(t, "only root mounts")
	}
	point := filepath.Join(home, "usb-drive")
	must(t, os.MkdirAll(point, 0o700))
	d := &slowDisk{path: filepath.Join(point, "nbd"), log: filepath.Join(filepath.Dir(home), "reads.log"), rate: filepath.Join(filepath.Dir(home), "rate")}
	d.set(t, 8<<30)
	cmd := exec.Command("nbdfuse", "-r", point, "--command", "nbdkit", "-s", "--exit-with-parent", "-r",
		"--filter=log", "--filter=rate", "file", file, "rate=8G", "rate-file="+d.rate, "logfile="+d.log)
	cmd.Stderr = os.Stderr
	must(t, cmd.Start())
	for i := 0; ; i++ {
		if st, err := os.Stat(d.path); err == nil && st.Size() > 0 {
			break
		}
		if i > 400 {
			t.Fatal("nbdfuse does not begin")
		}
		time.Sleep(25 * time.Millisecond)
	}
	d.end = func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = exec.Command("umount", "-l", point).Run()
	}
	return d
}

// set makes it give so many bits a second.
func (d *slowDisk) set(t testing.TB, bits int64) {
	t.Helper()
	must(t, os.WriteFile(d.rate, []byte(strconv.FormatInt(bits, 10)), 0o600))
}

// The furnished room is what pictures are made in: a home folder by a common name, and two disks of this computer, one of
// which is a card that can be chosen.

const disksScript = `
set -e
room=$1; shift
mount --make-rprivate /
while read -r _ _ _ _ point _; do
	case $point in /mnt/*|/media/*) umount -l "$point" || :;; esac
done </proc/self/mountinfo
mount -t tmpfs tmpfs /home
mkdir /home/anna
mount --rbind "$room/home" /home/anna
umount -l "$room/home/usb-drive"
mount --rbind "$room/block" /sys/class/block
cd /home/anna
HOME=/home/anna exec "$@"
`

// furnished runs a command in the room of a folder.
func furnished(c *exec.Cmd, room string) {
	c.Args = append([]string{"unshare", "-m", "sh", "-c", disksScript, "sh", room, c.Path}, c.Args[1:]...)
	c.Path, _ = exec.LookPath("unshare")
}

// furnish makes the disks of the room.
func (w *world) furnish(room string) error {
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return err
	}
	system := "8:1"
	for line := range strings.Lines(string(mounts)) {
		if f := strings.Fields(line); len(f) > 4 && f[4] == "/" {
			system = f[2]
		}
	}
	for name, value := range map[string]string{
		"sda/dev": system, "sda/size": "1000215216", "sda/removable": "0", "sda/queue/rotational": "0",
		"sda/device/model": "Notebook SSD 512", "sda/device/vendor": "ACME", "sda/queue/logical_block_size": "512",
		"sdb/dev": "8:16", "sdb/size": "62333952", "sdb/removable": "1", "sdb/device/model": "SD Card Reader", "sdb/queue/logical_block_size": "512",
	} {
		path := filepath.Join(room, "block", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(value+"\n"), 0o600); err != nil {
			return err
		}
	}
	return os.MkdirAll(w.home, 0o700)
}

// tree makes an ext4 image of files and their contents, by the tool that formats disks.
func tree(t testing.TB, image, label string, files map[string]string) {
	t.Helper()
	need(t, "mke2fs")
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, name)
		must(t, os.MkdirAll(filepath.Dir(path), 0o700))
		must(t, os.WriteFile(path, []byte(content), 0o600))
	}
	out, err := exec.Command("mke2fs", "-q", "-t", "ext4", "-L", label, "-d", dir, image, "8M").CombinedOutput()
	if err != nil {
		t.Fatalf("mke2fs: %v\n%s", err, out)
	}
}
