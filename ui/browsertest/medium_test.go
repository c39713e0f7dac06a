//go:build linux

package browsertest

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"salvor/internal/need"
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
	return slowAt(t, filepath.Join(home, "usb-drive"), filepath.Dir(home), file, "-r")
}

// slowAt shows a file as a slow disk in a folder, with options of the tool that reads it. What it keeps about it stands in dir.
func slowAt(t testing.TB, point, dir, file string, options ...string) *slowDisk {
	t.Helper()
	need.Tools(t, "nbdkit", "nbdfuse", "umount")
	need.Root(t)
	must(t, os.MkdirAll(point, 0o700))
	d := &slowDisk{path: filepath.Join(point, "nbd"), log: filepath.Join(dir, "reads.log"), rate: filepath.Join(dir, "rate")}
	d.set(t, fast)
	args := append(options, point, "--command", "nbdkit", "-s", "--exit-with-parent")
	args = append(append(args, options...), "--filter=log", "--filter=rate", "file", file, "rate=8G", "rate-file="+d.rate, "logfile="+d.log)
	cmd := exec.Command("nbdfuse", args...)
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

// fast is as many bits a second as there can be.
const fast = 8 << 30

// set makes it give so many bits a second.
func (d *slowDisk) set(t testing.TB, bits int64) {
	t.Helper()
	must(t, os.WriteFile(d.rate, []byte(strconv.FormatInt(bits, 10)), 0o600))
}

// backupDisk mounts a slow disk with an empty file system of its own, to save on.
func backupDisk(t testing.TB, point, dir string) *slowDisk {
	t.Helper()
	need.Tools(t, "mke2fs", "mount")
	image := filepath.Join(dir, "backup.img")
	if out, err := exec.Command("mke2fs", "-q", "-t", "ext4", "-O", "^has_journal", "-m", "0", "-L", "BACKUP", image, "64M").CombinedOutput(); err != nil {
		t.Fatalf("mke2fs: %v\n%s", err, out)
	}
	d := slowAt(t, filepath.Join(dir, "backup"), dir, image)
	must(t, os.MkdirAll(point, 0o700))
	if out, err := exec.Command("mount", "-o", "loop", d.path, point).CombinedOutput(); err != nil {
		d.end()
		need.Lacking(t, "mount: %v\n%s", err, out)
	}
	// What waits to be written is given up: it would take as long as the disk is slow.
	end := d.end
	d.end = sync.OnceFunc(func() {
		end()
		_ = exec.Command("umount", "-l", point).Run()
	})
	return d
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
for point in "$room"/home/usb-drive "$room"/home/backup; do
	umount -l "$point" 2>/dev/null || :
done
mount -t tmpfs -o mode=755 tmpfs /sys/class/block
cp -r "$room/block/." /sys/class/block
chmod -R a+rX /sys/class/block
mount -t tmpfs -o mode=755 tmpfs "$room/dev"
mknod -m 600 "$room/dev/sdb" b 8 16
for node in null zero random urandom fuse; do
	touch "$room/dev/$node"
	mount --bind "/dev/$node" "$room/dev/$node"
done
mount --rbind "$room/dev" /dev
cd /home/anna
HOME=/home/anna exec "$@"
`

// furnished runs a command in the room of a folder.
func furnished(c *exec.Cmd, room string) {
	c.Args = append([]string{"unshare", "-m", "sh", "-c", disksScript, "sh", room, c.Path}, c.Args[1:]...)
	c.Path, _ = exec.LookPath("unshare")
}

// furnish makes the disks of the room.
func furnish(room string) error {
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
	return errors.Join(os.MkdirAll(filepath.Join(room, "dev"), 0o755), os.MkdirAll(filepath.Join(room, "home"), 0o700))
}

// tree makes an ext4 image of files and their contents, by the tool that formats disks.
func tree(t testing.TB, image, label string, files map[string]string) {
	t.Helper()
	need.Tools(t, "mke2fs")
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
