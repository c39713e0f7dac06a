package ui

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"salvor/host/hosttest"
)

// beside runs what this program does beside its tests: a server of a user without rights.
func beside() { hosttest.Main(map[string]func() int{"serve": roleServe}) }

const deviceVariable = "SALVOR_TEST_DEVICE"

// served says where the server of a user without rights is.
type served struct{ Link, Host, Ticket string }

// roleServe serves until standard input ends.
func roleServe() int {
	fail := func(err error) int {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	s, err := Listen(Options{State: filepath.Join(os.Getenv("HOME"), "state"), Program: "salvor test", Log: discard})
	if err != nil {
		return fail(err)
	}
	if err := json.NewEncoder(os.Stdout).Encode(served{s.Link(), s.pageHost, s.seal.ticket("source", os.Getenv(deviceVariable))}); err != nil {
		return fail(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	if err := s.Serve(ctx); err != nil {
		return fail(err)
	}
	return 0
}

// elevatedServer is a server of a user without rights, and a person in front of its pages.
type elevatedServer struct {
	*browser
	at  served
	cmd *exec.Cmd
	in  io.WriteCloser
}

func serveAsUser(t *testing.T, d *hosttest.Desk, device string) *elevatedServer {
	t.Helper()
	e := &elevatedServer{cmd: d.As("serve", deviceVariable+"="+device)}
	var err error
	if e.in, err = e.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := e.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := e.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &e.at)
	}
	if err != nil {
		t.Fatal(err)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	e.browser = &browser{t: t, s: &Server{pageHost: e.at.Host}, http: &http.Client{Jar: jar, Transport: transport, Timeout: time.Minute}}
	e.get(e.at.Link)
	return e
}

// resume presses the button that goes on, once what the server began by itself has ended.
func (e *elevatedServer) resume() {
	e.t.Helper()
	action := regexp.MustCompile(`action="(/(?:case|job)/[^"]*/resume)"`)
	for end := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		if m := action.FindStringSubmatch(e.page); m != nil {
			e.post(m[1], nil)
			return
		}
		if time.Now().After(end) {
			e.t.Fatalf("nothing goes on: %s", e.page)
		}
		e.get(e.browser.at)
	}
}

func (e *elevatedServer) end() {
	e.in.Close()
	if err := e.cmd.Wait(); err != nil {
		e.t.Error(err)
	}
}

// exampleDevice is a device with the example on it.
func exampleDevice(t *testing.T) string {
	t.Helper()
	image, err := filepath.Abs("../examples/gateway.img")
	if err != nil {
		t.Fatal(err)
	}
	return hosttest.LoopDevice(t, image, "-r")
}

func command(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %q: %v: %s", name, args, err, out)
	}
}

// TestDiskOfAdministrators looks at a disk that only an administrator may read, is refused the password, gets it, copies, is killed and
// goes on: by a server without rights, beside a stand-in for pkexec.
func TestDiskOfAdministrators(t *testing.T) {
	d := hosttest.NewDesk(t, "pkexec")
	var give atomic.Bool
	d.Decide(func(string, []string) (int, string) {
		if give.Load() {
			return 0, ""
		}
		return 126, "Error executing command as another user: Request dismissed\n"
	})
	dev := exampleDevice(t)
	b := serveAsUser(t, d, dev)
	look := "/look?source=" + url.QueryEscape(b.at.Ticket)
	b.get(look)
	b.must("This disk needs an administrator", "Your computer will ask for an administrator", dev, "Never type the password into a page")
	if len(d.Asked()) != 0 {
		t.Errorf("asked before the button was pressed: %q", d.Asked())
	}
	b.post("/elevate", nil)
	b.wait()
	b.must("The password was not given", "Ask again", "sudo "+d.Program()+" copy "+dev+" --to "+d.Home()+"/rescued-", "sudo chown -R 65534:65534 "+d.Home()+"/rescued-", "Request dismissed")
	if n := len(d.Asked()); n != 1 {
		t.Errorf("asked %d times", n)
	}

	give.Store(true)
	b.post("/elevate", nil)
	b.wait()
	b.must("What not to do now", "What stands in what")
	b.get("/copy?source=" + url.QueryEscape(b.at.Ticket))
	b.post("/copy", url.Values{"name": {"rescued"}})
	b.must("You can close this page")
	if !slices.Equal(d.Asked(), []string{"pkexec", "pkexec"}) {
		t.Errorf("asked %q", d.Asked())
	}
	for end := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		if _, err := os.Stat(filepath.Join(d.Home(), "rescued", "image")); err == nil {
			break
		}
		if time.Now().After(end) {
			t.Fatal("no case was begun")
		}
	}
	if err := b.cmd.Process.Kill(); err != nil { // in the middle of it
		t.Fatal(err)
	}
	_ = b.cmd.Wait()

	// A new server goes on with it, which asks again: the permission ended with the old one.
	b = serveAsUser(t, d, dev)
	defer b.end()
	b.get("/cases")
	b.link("rescued")
	b.resume()
	b.must("This disk needs an administrator")
	b.post("/elevate", nil)
	b.wait()
	b.resume()
	b.wait()
	b.must("How it ended", "95 files were found")
	if len(d.Asked()) != 3 {
		t.Errorf("asked %q", d.Asked())
	}
}

// TestNothingAsks shows what helps where nothing can ask for a password.
func TestNothingAsks(t *testing.T) {
	d := hosttest.NewDesk(t)
	dev := exampleDevice(t)
	b := serveAsUser(t, d, dev)
	defer b.end()
	b.get("/look?source=" + url.QueryEscape(b.at.Ticket))
	b.must("nothing on this computer can ask for the password here", "sudo "+d.Program()+" copy "+dev, "Or by hand")
	if strings.Contains(b.page, `action="/elevate"`) {
		t.Error("a button that does nothing")
	}
	for _, bad := range []string{"/elevate", "/elevate?source=x.y", "/elevate?source=" + url.QueryEscape(strings.Replace(b.at.Ticket, ".", ".AA", 1))} {
		if b.get(bad); b.code != http.StatusForbidden {
			t.Errorf("%s: %d", bad, b.code)
		}
	}
	b.get("/elevate?source=" + url.QueryEscape(b.at.Ticket) + "&then=" + url.QueryEscape("https://example.com/"))
	if strings.Contains(b.page, `"https://example.com`) {
		t.Error("it leads elsewhere")
	}
}

// TestDiskInUse asks for no password for what must not be read now.
func TestDiskInUse(t *testing.T) {
	d := hosttest.NewDesk(t, "pkexec")
	image := filepath.Join(t.TempDir(), "image")
	if err := os.WriteFile(image, make([]byte, 4<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	dev := hosttest.LoopDevice(t, image)
	command(t, "mke2fs", "-q", "-F", "-t", "ext4", dev)
	point := t.TempDir()
	command(t, "mount", dev, point)
	mounted := true
	defer func() {
		if mounted {
			command(t, "umount", point)
		}
	}()
	b := serveAsUser(t, d, dev)
	defer b.end()
	b.get("/look?source=" + url.QueryEscape(b.at.Ticket))
	b.must("It is in use", "Unmount", "umount "+point, "I did that")
	if strings.Contains(b.page, `<form method="post" action="/elevate"`) {
		t.Error("it would ask for a password")
	}
	command(t, "umount", point)
	mounted = false
	b.get(b.browser.at)
	b.post("/elevate", nil)
	b.wait()
	b.must("What stands in what")
}
