//go:build linux

package browsertest

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"salvor/host"
	"salvor/host/hosttest"
	"salvor/internal/cli"
	"salvor/internal/need"
	"salvor/internal/wire"
	"salvor/rescue"
)

var updateScreens = flag.Bool("update-screens", false, "make the pictures in docs/screens anew")

// asProgram makes this test's own binary act as the program.
const asProgram = "SALVOR_BROWSERTEST_PROGRAM"

func TestMain(m *testing.M) {
	if host.IsReader() {
		os.Exit(host.ServeReader())
	}
	hosttest.Main(nil)
	if os.Getenv(asProgram) != "" {
		os.Exit(cli.Main(os.Args[1:], os.Stdout, os.Stderr))
	}
	flag.Parse()
	code := m.Run()
	theBrowser.end()
	theWorld.end()
	os.Exit(code)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// command is the program with an empty environment but for its home folder.
func command(home string, args ...string) *exec.Cmd {
	c := exec.Command(os.Args[0], args...)
	c.Env = []string{asProgram + "=1", "HOME=" + home, "PATH=" + os.Getenv("PATH"), "TMPDIR=" + os.TempDir(), "LANG=C.UTF-8"}
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return c
}

// done runs a verb of the program to its end, if need be with reservations, or to the end that all of it is locked.
func done(c *exec.Cmd) error {
	out, err := c.CombinedOutput()
	var exit *exec.ExitError
	if errors.As(err, &exit) && (exit.ExitCode() == rescue.ExitReserved || exit.ExitCode() == rescue.ExitLocked) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", c, err, out)
	}
	return nil
}

// program is a running `salvor ui`.
type program struct {
	cmd  *exec.Cmd
	link string
	host string // of its pages, with the port
	once sync.Once
}

// origin is that of its pages.
func (p *program) origin() string {
	at, _, _ := strings.Cut(p.link, p.host)
	return at + p.host
}

// otherAddress is one at which this computer serves others.
const otherAddress = "127.0.0.2"

// start runs `salvor ui` until the test ends.
func start(t testing.TB, home string, args ...string) *program {
	t.Helper()
	p, err := begin(command(home, append([]string{"ui", "--no-browser", "--json", "--as-root"}, args...)...))
	must(t, err)
	t.Cleanup(p.kill)
	return p
}

func begin(c *exec.Cmd) (*program, error) {
	p := &program{cmd: c}
	if testing.Verbose() {
		p.cmd.Stderr = os.Stderr
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		var l wire.Link
		if json.Unmarshal(lines.Bytes(), &l) != nil || l.Type != "link" {
			continue
		}
		if u, err := url.Parse(l.URL); err == nil {
			p.link, p.host = l.URL, u.Host
			go func() {
				for lines.Scan() {
				}
			}()
			return p, nil
		}
	}
	p.kill()
	return nil, fmt.Errorf("%s ended without a link: %v", p.cmd, lines.Err())
}

// kill ends the program as a loss of power does: it is not asked.
func (p *program) kill() {
	p.once.Do(func() {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
	})
}

// stop ends the program as Ctrl-C does, and holds that it ends well.
func (p *program) stop(t testing.TB) {
	t.Helper()
	p.once.Do(func() {
		must(t, p.cmd.Process.Signal(os.Interrupt))
		if err := p.cmd.Wait(); err != nil {
			t.Errorf("the program's end: %v", err)
		}
	})
}

// chromium is the one browser of all tests; each test has a profile of its own in it.
type chromium struct {
	once   sync.Once
	ctx    context.Context
	cancel []context.CancelFunc
	err    error
}

var theBrowser chromium

func (c *chromium) get(t testing.TB) context.Context {
	t.Helper()
	if testing.Short() {
		t.Skip("a browser takes long")
	}
	need.Tools(t, "chromium")
	c.once.Do(func() {
		options := append(chromedp.DefaultExecAllocatorOptions[:],
			chromedp.NoSandbox, // the tests run as root in the CI
			chromedp.ExecPath("chromium"),
			chromedp.Flag("no-proxy-server", true),
			chromedp.Flag("lang", "en"),
			chromedp.Flag("hide-scrollbars", true),
			chromedp.Flag("disable-features", "LocalNetworkAccessChecks,Translate,MediaRouter,OptimizationHints"),
			// A name that an attacker has lead here, and no other.
			chromedp.Flag("host-resolver-rules", "MAP evil.example 127.0.0.1,MAP * ~NOTFOUND,EXCLUDE localhost,EXCLUDE 127.0.0.1,EXCLUDE "+otherAddress),
		)
		all, cancelAll := chromedp.NewExecAllocator(context.Background(), options...)
		ctx, cancel := chromedp.NewContext(all)
		c.ctx, c.cancel = ctx, []context.CancelFunc{cancel, cancelAll}
		c.err = chromedp.Do(ctx)
	})
	must(t, c.err)
	return c.ctx
}

func (c *chromium) end() {
	if c.ctx == nil {
		return
	}
	ending, cancel := context.WithTimeout(c.ctx, 10*time.Second)
	defer cancel()
	_ = chromedp.Cancel(ending)
	for _, f := range c.cancel {
		f()
	}
}

// example puts the example image into an empty home folder.
func example(t testing.TB) (home string) {
	t.Helper()
	home = t.TempDir()
	image, err := os.ReadFile("../../examples/gateway.img")
	must(t, err)
	must(t, os.WriteFile(filepath.Join(home, "gateway.img"), image, 0o600))
	return home
}
