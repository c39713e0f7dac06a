package cli_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"salvor/internal/wire"
)

// The graphical mode prints its link, answers there, and ends as every verb does.
func TestUI(t *testing.T) {
	salvor := filepath.Join(t.TempDir(), "salvor")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, salvor); err != nil {
		t.Skip("no links here: ", err)
	}
	cmd := exec.Command(salvor, "ui", "--no-browser", "--json")
	cmd.Env = append(os.Environ(), "XDG_CONFIG_HOME="+t.TempDir())
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stuck := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() })
	defer stuck.Stop()
	lines := bufio.NewReader(out)
	first, err := lines.ReadBytes('\n')
	if err != nil {
		t.Fatal(err)
	}
	var link wire.Link
	if err := json.Unmarshal(first, &link); err != nil || !strings.HasPrefix(link.URL, "http://127.0.0.1:") {
		t.Fatalf("%s: %v", first, err)
	}
	c := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	r, err := c.Get(link.URL)
	if err != nil {
		t.Fatal(err)
	}
	if r.Body.Close(); r.StatusCode != http.StatusSeeOther {
		t.Errorf("the link answers %s", r.Status)
	}
	c.CloseIdleConnections()
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	rest, err := io.ReadAll(lines)
	if err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if problem := compile(t).lines(bytes.Join([][]byte{first, rest}, nil), cmd.ProcessState.ExitCode()); problem != "" {
		t.Error(problem)
	}
	if code := cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}
