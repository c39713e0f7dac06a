package ui

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime/multipart"
	"net"
	"net/http"
	"net/textproto"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"salvor/host"
)

// field is one part of a form with files.
type field struct{ name, file, text string }

// form writes fields as a browser does.
func form(t *testing.T, fields ...field) (kind string, body []byte) {
	t.Helper()
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	for _, f := range fields {
		h := textproto.MIMEHeader{}
		disposition := fmt.Sprintf(`form-data; name="%s"`, f.name)
		if f.file != "" || f.name == "file" {
			disposition += fmt.Sprintf(`; filename="%s"`, strings.NewReplacer("\\", "\\\\", `"`, "%22", "\r", "%0D", "\n", "%0A").Replace(f.file))
			h.Set("Content-Type", "application/octet-stream")
		}
		h.Set("Content-Disposition", disposition)
		w, err := m.CreatePart(h)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, f.text); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	return m.FormDataContentType(), b.Bytes()
}

// token is what forms of this browser carry.
func (b *browser) token() string {
	b.t.Helper()
	b.get("/cases")
	_, rest, ok := strings.Cut(b.page, `name="csrf" value="`)
	if !ok {
		b.t.Fatal("no token")
	}
	token, _, _ := strings.Cut(rest, `"`)
	return token
}

// send posts a form with files, and follows where it leads.
func (b *browser) send(action string, fields ...field) {
	b.t.Helper()
	kind, body := form(b.t, fields...)
	b.take(b.http.Post("http://"+b.s.pageHost+action, kind, bytes.NewReader(body)))
}

// kept lists the files that browsers left.
func kept(t *testing.T, parent string) (list []string) {
	t.Helper()
	err := filepath.WalkDir(parent, func(p string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil && !d.IsDir() && d.Name() != "lock" {
			list = append(list, p)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func uploading(t *testing.T) (*Server, *browser, string) {
	t.Helper()
	t.Setenv("HOME", t.TempDir())
	parent := filepath.Join(t.TempDir(), "cache", "uploads")
	s := serve(t, Options{Uploads: parent})
	return s, open(t, s), parent
}

// A file that was dropped has a ticket as one that was chosen, and stays as it was sent, with its name.
func TestUpload(t *testing.T) {
	s, b, parent := uploading(t)
	text := strings.Repeat("rauc[412]: Update failed\n", 100_000)
	b.send("/upload", field{name: "csrf", text: b.token()}, field{name: "purpose", text: "package"}, field{name: "then", text: ""}, field{name: "file", file: "gateway-2.1.raucb", text: text})
	if b.code != http.StatusOK || !strings.Contains(b.at, "/firmware?package=") {
		t.Fatalf("%d at %s", b.code, b.at)
	}
	b.must("gateway-2.1.raucb")
	files := kept(t, parent)
	if len(files) != 1 {
		t.Fatalf("%q", files)
	}
	got, err := os.ReadFile(files[0])
	if err != nil || string(got) != text {
		t.Errorf("%d bytes of %d, %v", len(got), len(text), err)
	}
	for path := files[0]; path != parent; path = filepath.Dir(path) {
		if st, err := os.Stat(path); err != nil || st.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: %v, %v: others may read it", path, st.Mode(), err)
		}
	}
	b.send("/upload", field{name: "csrf", text: b.token()}, field{name: "purpose", text: "log"}, field{name: "then", text: "/cases?x=1"},
		field{name: "file", file: "a.log", text: "a"}, field{name: "file", file: ""}, field{name: "file", file: "b.log", text: ""})
	at, err := url.Parse(b.at)
	if err != nil {
		t.Fatal(err)
	}
	tickets := at.Query()["log"]
	if at.Path != "/cases" || at.Query().Get("x") != "1" || len(tickets) != 2 {
		t.Fatalf("it led to %s", b.at)
	}
	for i, want := range []string{"a.log", "b.log"} {
		if path, ok := s.seal.place("log", tickets[i]); !ok || filepath.Base(path) != want || host.FileSize(path) != int64(1-i) {
			t.Errorf("%q, %v", path, ok)
		}
		if _, ok := s.seal.place("source", tickets[i]); ok {
			t.Error("what was sent as a log is taken for a source")
		}
	}
}

// TestUploadsThatAreRefused sends what does not fit, and holds that nothing of it stays.
func TestUploadsThatAreRefused(t *testing.T) {
	s, b, parent := uploading(t)
	token := b.token()
	const place, other = "purpose", "/upload"
	csrf, logs := field{name: "csrf", text: token}, field{name: place, text: "log"}
	file := field{name: "file", file: "x.log", text: strings.Repeat("x", 3<<20)}
	usual := s.uploads.limits
	free := func(n int64) func(string) (int64, error) { return func(string) (int64, error) { return n, nil } }
	for name, c := range map[string]struct {
		change func(*uploads)
		fields []field
		code   int
		says   string
	}{
		"too large":                  {func(u *uploads) { u.limits.file = 2 << 20 }, []field{csrf, logs, file}, 413, "too large"},
		"no room":                    {func(u *uploads) { u.free = free(1 << 20) }, []field{csrf, logs, file}, 507, "not enough free space"},
		"no room at all":             {func(u *uploads) { u.free = free(-1) }, []field{csrf, logs, file}, 507, "not enough free space"},
		"room for the first":         {func(u *uploads) { u.limits.file = 4 << 20 }, []field{csrf, logs, file, {"file", "y.log", strings.Repeat("y", 5<<20)}}, 413, "too large"},
		"a place that cannot be":     {func(u *uploads) { u.free = func(string) (int64, error) { return 0, errors.New("stale handle") } }, []field{csrf, logs, file}, 500, "stale handle"},
		"too many at once":           {func(u *uploads) { u.limits.request = 2 }, []field{csrf, logs, file, file, file}, 409, "too many"},
		"too many of all":            {func(u *uploads) { u.limits.run = 0 }, []field{csrf, logs, file}, 409, "too many"},
		"no file":                    {nil, []field{csrf, logs, {"file", "", ""}}, 400, "No file was chosen"},
		"no purpose":                 {nil, []field{csrf, file}, 400, "not understood"},
		"a purpose of folders":       {nil, []field{csrf, {place, "", "target"}, file}, 400, "not understood"},
		"the purpose behind":         {nil, []field{csrf, file, logs}, 400, "not understood"},
		"a file without a name":      {nil, []field{csrf, logs, {"file", "", "x"}}, 400, "not understood"},
		"a field without an end":     {nil, []field{csrf, logs, {"then", "", strings.Repeat("x", maxForm)}, file}, 400, "not understood"},
		"fields without number":      {nil, append([]field{csrf, logs}, slices.Repeat([]field{{"x", "", ""}}, maxFields)...), 400, "not understood"},
		"no token":                   {nil, []field{logs, file}, 403, "too old"},
		"a token behind the file":    {nil, []field{logs, file, csrf}, 403, "too old"},
		"an empty token":             {nil, []field{{"csrf", "", ""}, logs, file}, 403, "too old"},
		"a token of another session": {nil, []field{{"csrf", "", s.csrf("other")}, logs, file}, 403, "too old"},
		"a token that is a file":     {nil, []field{{"csrf", "token", token}, logs, file}, 403, "too old"},
		"a token without an end":     {nil, []field{{"csrf", "", token + strings.Repeat("x", 1<<20)}, logs, file}, 403, "too old"},
	} {
		was := s.uploads.free
		if c.change != nil {
			c.change(s.uploads)
		}
		b.send(other, c.fields...)
		s.uploads.limits, s.uploads.free = usual, was
		if b.code != c.code || !strings.Contains(b.page, c.says) {
			t.Errorf("%s: %d, expected %d and %q:\n%s", name, b.code, c.code, c.says, b.page)
		}
		if list := kept(t, parent); len(list) > 0 {
			t.Fatalf("%s: these stayed: %q", name, list)
		}
	}
	// Another page, and another program, that know the token.
	kind, body := form(t, csrf, logs, file)
	at, _ := url.Parse("http://" + s.pageHost)
	mine := b.http.Jar.Cookies(at)[0].String()
	for name, head := range map[string]http.Header{
		"another origin": {"Cookie": {mine}, "Origin": {"http://" + s.contentHost}},
		"no origin":      {"Cookie": {mine}, "Origin": {"null"}},
		"another site":   {"Cookie": {mine}, "Sec-Fetch-Site": {"cross-site"}},
		"no cookie":      {},
	} {
		head.Set("Content-Type", kind)
		if got := ask(t, "POST", at.String()+"/upload", head, string(body)); got.code != http.StatusForbidden {
			t.Errorf("%s: %d", name, got.code)
		}
	}
	// A form with files is taken nowhere else in this way: the others are small.
	kind, body = form(t, csrf, field{name: "lang", text: "de"}, field{name: "file", file: "x", text: strings.Repeat("x", maxForm)})
	if got := ask(t, "POST", at.String()+"/settings", http.Header{"Cookie": {mine}, "Content-Type": {kind}}, string(body)); got.code != http.StatusForbidden {
		t.Errorf("a large form elsewhere: %d", got.code)
	}
	if list := kept(t, parent); len(list) > 0 {
		t.Errorf("these stayed: %q", list)
	}
}

// An upload that breaks off in its middle leaves nothing.
func TestUploadThatIsCutOff(t *testing.T) {
	s, b, parent := uploading(t)
	kind, body := form(t, field{name: "csrf", text: b.token()}, field{name: "purpose", text: "log"}, field{name: "file", file: "whole.log", text: "x"},
		field{name: "file", file: "x.log", text: strings.Repeat("x", 8<<20)})
	at, _ := url.Parse("http://" + s.pageHost)
	c, err := net.Dial("tcp", s.pageHost)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(c, "POST /upload HTTP/1.1\r\nHost: %s\r\nCookie: %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n", s.pageHost, b.http.Jar.Cookies(at)[0], kind, len(body))
	if _, err := c.Write(body[:4<<20]); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(time.Minute); len(kept(t, parent)) < 2 && time.Now().Before(end); {
		time.Sleep(5 * time.Millisecond)
	}
	if len(kept(t, parent)) != 2 {
		t.Fatal("it does not begin")
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(time.Minute); len(kept(t, parent)) > 0; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("these stayed: %q", kept(t, parent))
		}
	}
	if _, err := s.uploads.take(context.Background(), "x", io.MultiReader(strings.NewReader("x"), iotest.ErrReader(io.ErrUnexpectedEOF))); !errors.Is(err, errUploadCut) || len(kept(t, parent)) > 0 {
		t.Errorf("%v, %q", err, kept(t, parent))
	}
}

// Names are one name in their folder, whatever they were, and still show what the file is.
func TestNamesOfUploads(t *testing.T) {
	s, b, parent := uploading(t)
	b.token()
	for name, want := range map[string]string{"../../.bashrc": ".bashrc", `C:\Users\me\update.log`: "update.log", "/etc/passwd": "passwd", "..": "_._", "": "_", "a\x00b.log": "a␀b.log",
		"CON.txt": "_CON.txt", "log\u202egol.exe": "log[U+202E]gol.exe", "Ü 😀.log": "Ü 😀.log", "a:b|c.log": "a_b_c.log", "\xff.log": "[FF].log", "lock": "lock"} {
		path, err := s.uploads.take(context.Background(), name, strings.NewReader("x"))
		if err != nil {
			t.Errorf("%q: %v", name, err)
			continue
		}
		if filepath.Base(path) != want || !strings.HasPrefix(path, parent+string(filepath.Separator)) || host.FileSize(path) != 1 {
			t.Errorf("%q became %q", name, path)
		}
	}
	path, err := s.uploads.take(context.Background(), strings.Repeat("ü", 300)+".log", strings.NewReader("x"))
	if err != nil || len(filepath.Base(path)) > maxName || filepath.Ext(path) != ".log" {
		t.Errorf("%q, %v", path, err)
	}
	b.send("/upload", field{name: "csrf", text: b.token()}, field{name: "purpose", text: "package"}, field{name: "file", file: "<script>alert(1)</script>\u202e.bin", text: "x"})
	b.must("script_[U&#43;202E].bin")
	b.send("/upload", field{name: "csrf", text: b.token()}, field{name: "purpose", text: "package"}, field{name: "file", file: "<b onclick=1>\u202e.bin", text: "x"})
	b.must("_b onclick=1_[U&#43;202E].bin")
	if strings.Contains(b.page, "<b on") || strings.Contains(b.page, "\u202e") {
		t.Error("a name is more than a name")
	}
}

// The end of the program removes all; what a killed one left, the next one does.
func TestUploadsEndWithTheProgram(t *testing.T) {
	parent := filepath.Join(t.TempDir(), "uploads")
	s, err := Listen(Options{Uploads: parent, Log: discard})
	if err != nil {
		t.Fatal(err)
	}
	path, err := s.uploads.take(context.Background(), "x.log", strings.NewReader("x"))
	if err != nil {
		t.Fatal(err)
	}
	second, err := Listen(Options{Uploads: parent, Log: discard})
	if err != nil {
		t.Fatal(err)
	}
	if host.FileSize(path) != 1 {
		t.Error("a second program removed what the first one has")
	}
	if err := errors.Join(second.Close(), s.Close()); err != nil {
		t.Fatal(err)
	}
	if list, _ := os.ReadDir(parent); len(list) > 0 {
		t.Errorf("%v stayed", list)
	}
	if _, err := s.uploads.take(context.Background(), "x.log", strings.NewReader("x")); !errors.Is(err, errUploadPlace) {
		t.Errorf("behind the end: %v", err)
	}
	// As a kill leaves it: the folder with its lock, which nobody holds.
	left := filepath.Join(parent, "run-1", "1")
	if err := os.MkdirAll(left, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{filepath.Join(left, "x.log"), filepath.Join(parent, "run-1", "lock")} {
		if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	third, err := Listen(Options{Uploads: parent, Log: discard})
	if err != nil {
		t.Fatal(err)
	}
	defer third.Close()
	if list, _ := os.ReadDir(parent); len(list) > 0 {
		t.Errorf("%v stayed behind the next start", list)
	}
	if u := newUploads(""); u.most() != 0 || u.clean() != nil || u.end() != nil {
		t.Error("without a folder something is taken")
	}
}
