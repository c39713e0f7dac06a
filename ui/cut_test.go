package ui

import (
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"salvor/block"
	"salvor/filetype"
)

// TestContentThatIsCut holds that a browser is told when bytes cannot be read, over each protocol: what ends early must not
// look like a whole file. Over HTTP/2 the announced length alone does not do that, since browsers do not compare it.
func TestContentThatIsCut(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("HOME", dir)
	e := live(1, "half.txt", "text")
	e.Verdict, e.Missing = filetype.Partial, block.SetOf(block.Extent{Offset: 128 << 10, Length: 512})
	k := made(t, filepath.Join(dir, "case"), map[string]string{e.ID: strings.Repeat("x", 256<<10)}, e)
	for _, protocol := range []string{"HTTP/1.1", "HTTP/2.0"} {
		s, _ := awayServer(t, "", Options{Case: k.Dir})
		open(t, s)
		read := func(head string) (string, error) {
			r, err := http.NewRequest(http.MethodGet, s.contentAddress(k.Key(), e), nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Range", head)
			transport := &http.Transport{TLSClientConfig: unchecked.Clone(), ForceAttemptHTTP2: protocol == "HTTP/2.0"}
			defer transport.CloseIdleConnections()
			got, err := transport.RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			defer got.Body.Close()
			if got.Proto != protocol {
				t.Fatalf("%s, expected %s", got.Proto, protocol)
			}
			text, err := io.ReadAll(got.Body)
			return string(text), err
		}
		text, err := read("bytes=0-")
		if err == nil || strings.Trim(text, "x") != "" || len(text) > 128<<10 || len(text) == 0 {
			t.Errorf("%s: %d bytes, %v", protocol, len(text), err)
		}
		if protocol == "HTTP/2.0" && (err == nil || !strings.Contains(err.Error(), "stream error")) {
			t.Errorf("the stream ended as a whole one does: %v", err)
		}
		if text, err := read("bytes=0-131071"); err != nil || len(text) != 128<<10 {
			t.Errorf("%s: what can be read: %d bytes, %v", protocol, len(text), err)
		}
	}
}
