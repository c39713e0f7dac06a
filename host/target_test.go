package host

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"salvor/internal/need"
)

func TestInspectTargetChangesNothing(t *testing.T) {
	dir := t.TempDir()
	got, err := InspectTarget(filepath.Join(dir, "a", "b"))
	mustPanicFree(t, err)
	want, err := filepath.EvalSymlinks(dir)
	mustPanicFree(t, err)
	if got.Dir != want || got.Exists || got.Free <= 0 || got.Total < got.Free || got.ReadOnly {
		t.Errorf("%+v", got)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left behind %v, %v", left, err)
	}
	if here, err := InspectTarget(dir); err != nil || !here.Exists {
		t.Errorf("%+v, %v", here, err)
	}
}

func TestProbeLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	got, err := InspectTarget(dir)
	mustPanicFree(t, err)
	mustPanicFree(t, got.Probe())
	if runtime.GOOS == "linux" && !(got.Symlinks && got.Modes && got.CaseSensitive) {
		t.Errorf("%+v", got)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left behind %v, %v", left, err)
	}
}

func TestTargetThatIsNoFolder(t *testing.T) {
	var r *RefusedError
	if _, err := InspectTarget(imageFile(t, pattern(1))); !errors.As(err, &r) || r.Code != "host.target.nofolder" {
		t.Errorf("%v", err)
	}
}

func TestTargetKinds(t *testing.T) {
	for _, c := range []struct {
		fs              string
		limit           int64
		network, memory bool
	}{{"vfat", fatMaxFile, false, false}, {"ext4", 0, false, false}, {"exfat", 0, false, false}, {"cifs", 0, true, false}, {"tmpfs", 0, false, true}} {
		s := machine(t, `proc/self/mountinfo = 1 1 8:0 / / rw - `+c.fs+` /dev/sda rw\n
			sys/class/block/sda/dev = 8:0`)
		got, err := s.InspectTarget(t.TempDir())
		if err != nil || got.FS != c.fs || got.MaxFileSize != c.limit || got.Network != c.network || got.Memory != c.memory || got.Device != "/dev/sda" {
			t.Errorf("%s: %+v, %v", c.fs, got, err)
		}
	}
	s := machine(t, `proc/self/mountinfo = 1 1 8:0 / / ro - iso9660 /dev/sr0 ro\n`)
	got, err := s.InspectTarget(t.TempDir())
	mustPanicFree(t, err)
	var r *RefusedError
	if err := got.Check(0); !errors.As(err, &r) || r.Exit != ExitRefused || r.Code != "host.target.readonly" {
		t.Errorf("read-only: %v", err)
	}
}

func TestTargetTooSmall(t *testing.T) {
	got := Target{Dir: "/x", Free: 5 << 20}
	mustPanicFree(t, got.Check(5<<20))
	var r *RefusedError
	if err := got.Check(6 << 20); !errors.As(err, &r) || r.Exit != ExitRefused || !strings.Contains(r.Why, "5.0 MiB") {
		t.Errorf("%v", err)
	}
	unknown := Target{Free: -1}
	mustPanicFree(t, unknown.Check(1<<60))
}

func TestSync(t *testing.T) {
	dir := t.TempDir()
	mustPanicFree(t, SyncDir(dir))
	mustPanicFree(t, SyncFS(dir))
	if SyncDir(filepath.Join(dir, "none")) == nil {
		t.Error("a folder that is not there was synced")
	}
}

func TestBytes(t *testing.T) {
	for n, want := range map[int64]string{0: "0 bytes", 1023: "1023 bytes", 1024: "1.0 KiB", 1 << 20: "1.0 MiB", 1<<20 - 1: "1.0 MiB", 3 << 39: "1.5 TiB", 1<<63 - 1: "8.0 EiB"} {
		if got := Bytes(n); got != want {
			t.Errorf("Bytes(%d) = %q, want %q", n, got, want)
		}
	}
}

// TestProbeOfDrivers probes file systems that a driver of their own writes: their names tell little.
func TestProbeOfDrivers(t *testing.T) {
	if os.Geteuid() != 0 || runtime.GOOS != "linux" {
		need.Lacking(t, "needs root on Linux")
	}
	for _, tc := range []struct {
		name         string
		mkfs, driver []string
		windows      bool
	}{
		{"exFAT", []string{"mkfs.exfat"}, []string{"mount.exfat-fuse"}, true},
		{"NTFS with names of Windows", []string{"mkntfs", "-Q", "-F", "-q"}, []string{"ntfs-3g", "-o", "windows_names"}, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			need.Tools(t, tc.mkfs[0], tc.driver[0], "losetup", "umount")
			dir := t.TempDir()
			image, point := filepath.Join(dir, "image"), filepath.Join(dir, "point")
			run := func(name string, args ...string) string {
				t.Helper()
				out, err := exec.Command(name, args...).CombinedOutput()
				if err != nil {
					t.Fatalf("%s %v: %v %s", name, args, err, out)
				}
				return strings.TrimSpace(string(out))
			}
			if err := errors.Join(os.WriteFile(image, nil, 0o600), os.Truncate(image, 32<<20), os.Mkdir(point, 0o700)); err != nil {
				t.Fatal(err)
			}
			device := run("losetup", "-f", "--show", image)
			t.Cleanup(func() { run("losetup", "-d", device) })
			run(tc.mkfs[0], append(tc.mkfs[1:], device)...)
			run(tc.driver[0], append(tc.driver[1:], device, point)...)
			t.Cleanup(func() { run("umount", point) })
			target, err := InspectTarget(point)
			if err == nil {
				err = target.Probe()
			}
			if err != nil {
				t.Fatal(err)
			}
			if target.WindowsNames != tc.windows || target.MaxFileSize != 0 {
				t.Errorf("%+v", target)
			}
			if entries, err := os.ReadDir(point); err != nil || len(entries) > 1 || len(entries) == 1 && entries[0].Name() != "System Volume Information" {
				t.Errorf("the probe left %v, %v", entries, err)
			}
		})
	}
}

func TestProbeHere(t *testing.T) {
	target, err := InspectTarget(t.TempDir())
	if err == nil {
		err = target.Probe()
	}
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS == "linux" && (target.WindowsNames || target.MaxFileSize != 0) {
		t.Errorf("%+v", target)
	}
}
