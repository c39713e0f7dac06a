//go:build linux

package browsertest

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"salvor/host/hosttest"
	"salvor/internal/need"
)

// world is what the tests of screens look at: a computer with the example, its rescue, an update file and a log. It is
// made once, and no test changes it.
type world struct {
	once    sync.Once
	home    string
	program *program
	slow    *slowDisk
	backup  *slowDisk
	release []func()
	made    error
	away    *program // that serves other computers, by a password
	disk    string   // one that only an administrator may read
	user    *program // of somebody who may not read it

	// Addresses of pages of what was begun once.
	copyAt, verifyAt, savingAt, savedAt string
}

var theWorld world

func (w *world) get(t testing.TB) *world {
	t.Helper()
	theBrowser.get(t)
	need.Tools(t, "cpio", "cryptsetup", "losetup", "setpriv")
	w.once.Do(func() { w.made = w.make(t) })
	must(t, w.made)
	return w
}

func (w *world) make(t testing.TB) error {
	dir, err := os.MkdirTemp("", "salvor-screens")
	if err != nil {
		return err
	}
	w.release = append(w.release, func() { _ = os.RemoveAll(dir) })
	w.home = filepath.Join(dir, "home")
	if *updateScreens {
		// The pictures show no place of the computer that makes them.
		if err := furnish(dir); err != nil {
			return err
		}
	}
	for _, d := range []string{"Documents", "Pictures"} {
		if err := os.MkdirAll(filepath.Join(w.home, d), 0o700); err != nil {
			return err
		}
	}
	image, err := os.ReadFile("../../examples/gateway.img")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(w.home, "gateway.img"), image, 0o600); err != nil {
		return err
	}
	if err := updateFile(w.home); err != nil {
		return err
	}
	if err := lockedDisk(filepath.Join(w.home, "locked.img")); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(w.home, "update.log"), []byte(updateLog), 0o600); err != nil {
		return err
	}
	w.slow = slow(t, w.home, filepath.Join(w.home, "gateway.img"))
	w.release = append(w.release, w.slow.end)
	w.backup = backupDisk(t, filepath.Join(w.home, "backup"), dir)
	w.release = append(w.release, w.backup.end)
	for source, to := range map[string]string{"gateway.img": "rescued", "locked.img": "locked card"} {
		if err := done(w.command("rescue", source, "--to", to)); err != nil {
			return err
		}
	}
	if w.program, err = w.begin(w.command("ui", "--no-browser", "--json", "--as-root", "rescued")); err != nil {
		return err
	}
	w.release = append(w.release, w.backup.end) // before the program, which waits for what it writes
	if err := w.listen(dir); err != nil {
		return err
	}
	return w.enter(dir)
}

// begin begins a program that ends with the world.
func (w *world) begin(c *exec.Cmd) (*program, error) {
	p, err := begin(c)
	if err == nil {
		w.release = append(w.release, p.kill)
	}
	return p, err
}

// listen begins the program that serves other computers.
func (w *world) listen(dir string) (err error) {
	password := filepath.Join(dir, "password")
	if err := os.WriteFile(password, []byte("correct horse battery staple\n"), 0o600); err != nil {
		return err
	}
	at := otherAddress
	if *updateScreens {
		at += ":8443" // which the picture shows
	}
	w.away, err = w.begin(w.command("ui", "--no-browser", "--json", "--as-root", "--listen", at, "--tls-self-made", "--password-file", password))
	return err
}

// enter begins the program of a user without rights.
func (w *world) enter(dir string) error {
	room := filepath.Join(dir, "user")
	home, bin := filepath.Join(room, "home"), filepath.Join(room, "bin")
	if err := errors.Join(furnish(room), os.Mkdir(bin, 0o755), os.Chmod(dir, 0o755), os.Chmod(room, 0o755), os.Chown(home, hosttest.User, hosttest.User)); err != nil {
		return err
	}
	out, err := exec.Command("losetup", "-r", "-f", "--show", filepath.Join(w.home, "gateway.img")).CombinedOutput()
	if err != nil {
		return fmt.Errorf("losetup: %w\n%s", err, out)
	}
	w.disk = strings.TrimSpace(string(out))
	w.release = append(w.release, func() { _ = exec.Command("losetup", "-d", strings.TrimSpace(string(out))).Run() })
	exe, err := os.ReadFile(os.Args[0])
	if err != nil {
		return err
	}
	own := filepath.Join(bin, "salvor")
	if err := errors.Join(os.WriteFile(own, exe, 0o755), os.WriteFile(filepath.Join(bin, "pkexec"), []byte("#!/bin/sh\nexit 126\n"), 0o755)); err != nil {
		return err
	}
	c := command(home, "ui", "--no-browser", "--json")
	c.Args[0], c.Dir = own, home
	id := fmt.Sprint(hosttest.User)
	c.Args = append([]string{"setpriv", "--reuid=" + id, "--regid=" + id, "--clear-groups"}, c.Args...)
	if c.Path, err = exec.LookPath("setpriv"); err != nil {
		return err
	}
	c.Env = append(c.Env, "PATH="+bin+":"+os.Getenv("PATH"), "DISPLAY=:0")
	if *updateScreens {
		furnished(c, room)
		w.disk = "/dev/sdb"
	}
	w.user, err = w.begin(c)
	return err
}

func (w *world) command(args ...string) *exec.Cmd {
	c := command(w.home, args...)
	c.Dir = w.home
	if *updateScreens {
		furnished(c, filepath.Dir(w.home))
	}
	return c
}

// end takes the world away, what was made last first.
func (w *world) end() {
	for i := len(w.release) - 1; i >= 0; i-- {
		w.release[i]()
	}
}

// verified returns the page of a check of the rescue that has ended.
func (w *world) verified(b *page) string {
	if w.verifyAt == "" {
		rescued(b, w)
		b.follow("Check that nothing changed")
		b.until("How it ended")
		w.verifyAt = b.address()
	}
	return w.verifyAt
}

// copying returns the page of a copy that is at work for as long as the tests run.
func (w *world) copying(b *page) string {
	if w.copyAt == "" {
		b.open("/")
		b.follow("Choose the file")
		b.follow("usb-drive")
		b.follow("nbd")
		b.until("Save its files")
		b.follow("Save its files")
		b.fill("name", "second rescue")
		b.clickOn("#also")
		w.slow.set(b.t, 16<<20)
		b.leave(func() { b.clickOn("button.main") })
		b.wait(`document.querySelector("progress").value > 25`)
		w.slow.set(b.t, 64<<10)
		w.copyAt = b.address()
	}
	return w.copyAt
}

// save begins to save the rescue, in a folder of this name.
func (w *world) save(b *page, name string) {
	b.fill("name", name)
	b.leave(func() { b.clickOn("button.main") })
}

// saving returns the page of a saving that is at work for as long as the tests run.
func (w *world) saving(b *page) string {
	if w.savingAt == "" {
		rescued(b, w)
		b.follow("Save all of it elsewhere")
		b.follow("Choose another folder")
		b.follow("backup")
		b.follow("Take this folder")
		w.backup.set(b.t, 8<<20)
		w.save(b, "saved-files")
		b.wait(`document.querySelector("progress").value > 25`)
		w.backup.set(b.t, 256<<10)
		w.savingAt = b.address()
	}
	return w.savingAt
}

// saved returns the page of a saving that has ended.
func (w *world) saved(b *page) string {
	if w.savedAt == "" {
		rescued(b, w)
		b.follow("Save all of it elsewhere")
		w.save(b, "saved-files")
		b.until("How it ended")
		w.savedAt = b.address()
	}
	return w.savedAt
}

// updateFile makes a package of SWUpdate for revision 1.0 of the example's device.
func updateFile(dir string) error {
	root := make([]byte, 64<<10)
	for i := range root {
		root[i] = byte(i * 7 >> 3)
	}
	description := fmt.Sprintf(`software =
{
	version = "1.5.0";
	description = "ACME GW-100 firmware";
	hardware-compatibility: [ "1.0" ];
	images: (
		{
			filename = "rootfs.ext4";
			device = "/dev/mmcblk0p3";
			type = "raw";
			sha256 = "%x";
		}
	);
}
`, sha256.Sum256(root))
	for name, content := range map[string][]byte{"sw-description": []byte(description), "rootfs.ext4": root} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			return err
		}
		defer os.Remove(filepath.Join(dir, name))
	}
	c := exec.Command("cpio", "--quiet", "-o", "-H", "crc", "-O", "gateway-1.5.0.swu")
	c.Dir, c.Stdin = dir, strings.NewReader("sw-description\nrootfs.ext4\n")
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("cpio: %w\n%s", err, out)
	}
	return nil
}

// lockedDisk makes an encrypted volume.
func lockedDisk(path string) error {
	if err := os.WriteFile(path, make([]byte, 8<<20), 0o600); err != nil {
		return err
	}
	c := exec.Command("cryptsetup", "luksFormat", "--batch-mode", "--type", "luks1", "--pbkdf-force-iterations", "1000", "--key-file", "-", path)
	c.Stdin = strings.NewReader("a password")
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("cryptsetup: %w\n%s", err, out)
	}
	return nil
}

// updateLog is what a device told on its console when its update failed.
const updateLog = `[   12.004211] swupdate: SWUpdate v2022.12 started
[   12.120044] swupdate: Update started !
[   13.551208] mmc0: Card stuck in wrong state! mmcblk0 card_busy_detect status: 0xe00
[   13.551990] blk_update_request: I/O error, dev mmcblk0, sector 10240 op 0x1:(WRITE) flags 0x0
[   13.552717] swupdate: ERROR : cannot write 16384 bytes: Input/output error
[   13.553004] swupdate: ERROR : Error streaming rootfs.ext4
[   13.553310] swupdate: Image invalid or corrupted. Not installing ...
[   13.553622] swupdate: FATAL_FAILURE Update failed
`
