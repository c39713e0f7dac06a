//go:build linux

package browsertest

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// world is what the tests of screens look at: a computer with the example, its rescue, an update file and a log. It is
// made once, and no test changes it.
type world struct {
	once     sync.Once
	home     string
	program  *program
	slow     *slowDisk
	release  []func()
	made     error
	copyAt   string // address of the page of a copy that is at work
	verifyAt string
}

var theWorld world

func (w *world) get(t testing.TB) *world {
	t.Helper()
	theBrowser.get(t)
	need(t, "cpio", "cryptsetup")
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
		if err := w.furnish(dir); err != nil {
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
	if err := done(w.command("rescue", "gateway.img", "--to", "rescued")); err != nil {
		return err
	}
	w.program, err = begin(w.command("ui", "--no-browser", "--json", "--as-root", "rescued"))
	if err == nil {
		w.release = append(w.release, w.program.kill)
	}
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
