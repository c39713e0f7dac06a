package cli_test

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"salvor/internal/need"
	"salvor/internal/wire"
)

// serveUI runs the graphical mode, gives its link to a test, and holds that it ends as every verb does.
func serveUI(t *testing.T, test func(wire.Link), args ...string) {
	t.Helper()
	salvor := filepath.Join(t.TempDir(), "salvor")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, salvor); err != nil {
		need.Lacking(t, "no links here: %v", err)
	}
	cmd := exec.Command(salvor, append([]string{"ui", "--no-browser", "--json", "--as-root"}, args...)...)
	cmd.Env = append(os.Environ(), "XDG_CONFIG_HOME="+t.TempDir(), "XDG_CACHE_HOME="+t.TempDir())
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
	if err := json.Unmarshal(first, &link); err != nil {
		t.Fatalf("%s: %v", first, err)
	}
	test(link)
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

// notFollowed asks without following where it leads.
func notFollowed(transport *http.Transport) *http.Client {
	return &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// The graphical mode prints its link, answers there, and ends as every verb does.
func TestUI(t *testing.T) {
	serveUI(t, func(link wire.Link) {
		if !strings.HasPrefix(link.URL, "http://127.0.0.1:") || link.Fingerprint != "" {
			t.Fatal(link)
		}
		transport := &http.Transport{}
		defer transport.CloseIdleConnections()
		r, err := notFollowed(transport).Get(link.URL)
		if err != nil {
			t.Fatal(err)
		}
		if r.Body.Close(); r.StatusCode != http.StatusSeeOther {
			t.Errorf("the link answers %s", r.Status)
		}
	})
}

// For other computers it prints the fingerprint of what it shows, and lets in who knows the password.
func TestUIForOthers(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux has 127.0.0.2 without being asked")
	}
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte("correct horse battery staple\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	serveUI(t, func(link wire.Link) {
		if !strings.HasPrefix(link.URL, "https://127.0.0.2:") || strings.Contains(link.URL, "token") {
			t.Fatal(link)
		}
		transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
		defer transport.CloseIdleConnections()
		r, err := notFollowed(transport).PostForm(link.URL+"login", url.Values{"password": {"correct horse battery staple"}})
		if err != nil {
			t.Fatal(err)
		}
		r.Body.Close()
		sum := sha256.Sum256(r.TLS.PeerCertificates[0].Raw)
		if r.StatusCode != http.StatusSeeOther || r.Header.Get("Set-Cookie") == "" || strings.ReplaceAll(link.Fingerprint, ":", "") != strings.ToUpper(hex.EncodeToString(sum[:])) {
			t.Errorf("%s, %s", r.Status, link.Fingerprint)
		}
	}, "--listen", "127.0.0.2", "--tls-self-made", "--password-file", file)
}
