package casefile

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"salvor/cursor"
	"salvor/host"
)

func refusal(t *testing.T, err error) *host.RefusedError {
	t.Helper()
	var r *host.RefusedError
	if !errors.As(err, &r) {
		t.Fatalf("error %v, want a refusal", err)
	}
	if r.Why == "" || r.Next == "" {
		t.Errorf("a refusal without its words: %+v", r)
	}
	return r
}

func TestNewFolderBecomesACase(t *testing.T) {
	for name, dir := range map[string]string{"empty": t.TempDir(), "new": filepath.Join(t.TempDir(), "a", "b")} {
		t.Run(name, func(t *testing.T) {
			c := open(t, dir)
			if !c.Created() || len(c.Record().Sources) != 0 || c.Record().Program != "salvor test" {
				t.Errorf("%+v", c.Record())
			}
			if got := names(t, dir); !slices.Equal(got, []string{"case.json", "journal.jsonl", "lock"}) {
				t.Errorf("the case holds %v", got)
			}
			must(t, c.Close())
			must(t, c.Close())
			if got := names(t, dir); !slices.Equal(got, []string{"case.json", "journal.jsonl"}) {
				t.Errorf("left behind %v", got)
			}
			if c := open(t, dir); c.Created() {
				t.Error("made again")
			}
		})
	}
}

func TestFolderWithSomethingElseIsRefused(t *testing.T) {
	for _, name := range []string{"holiday.jpg", "case.json.bak", "files", "image"} {
		dir := t.TempDir()
		must(t, os.WriteFile(filepath.Join(dir, name), []byte("mine"), 0o600))
		_, err := Open(dir, Writer, Options{})
		if r := refusal(t, err); r.Exit != host.ExitRefused || r.Code != "casefile.notempty" || !strings.Contains(r.Why, name) {
			t.Errorf("%s: %+v", name, r)
		}
		if got := names(t, dir); !slices.Equal(got, []string{name}) {
			t.Errorf("%s: the folder holds %v now", name, got)
		}
	}
}

func TestSomeoneElsesRecordIsLeftAlone(t *testing.T) {
	for _, text := range []string{"{}", `{"v":1,"type":"trial"}`, "not json", `{"v":2,"type":"case"}`} {
		dir := t.TempDir()
		must(t, os.WriteFile(filepath.Join(dir, "case.json"), []byte(text), 0o600))
		if _, err := Open(dir, Writer, Options{}); err == nil {
			t.Errorf("%s was accepted", text)
		} else if _, ok := cursor.IsCorrupt(err); !ok {
			t.Errorf("%s: %v", text, err)
		}
		if got := names(t, dir); len(got) != 1 || string(read(t, dir, "case.json")) != text {
			t.Errorf("%s: the folder was changed: %v", text, got)
		}
	}
	// A torn record beside other files is no case either.
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "case.json.new"), []byte("{"), 0o600))
	must(t, os.WriteFile(filepath.Join(dir, "thesis.doc"), nil, 0o600))
	_, err := Open(dir, Writer, Options{})
	refusal(t, err)
}

func TestWhatASystemLeavesInAFolderDoesNotCount(t *testing.T) {
	dir := t.TempDir()
	for _, n := range []string{"lost+found", "System Volume Information", ".Trash-1000", "._x", ".DS_Store"} {
		must(t, os.Mkdir(filepath.Join(dir, n), 0o755))
	}
	open(t, dir)
}

func TestReaderNeedsACase(t *testing.T) {
	dir := t.TempDir()
	for _, d := range []string{dir, filepath.Join(dir, "none")} {
		_, err := Open(d, Reader, Options{})
		if r := refusal(t, err); r.Exit != host.ExitUsage || r.Code != "casefile.nocase" {
			t.Errorf("%+v", r)
		}
	}
	if got := names(t, dir); len(got) != 0 {
		t.Errorf("a reader made %v", got)
	}
	must(t, os.WriteFile(filepath.Join(dir, "f"), nil, 0o600))
	_, err := Open(filepath.Join(dir, "f"), Writer, Options{})
	refusal(t, err)
}

func TestReaderSeesWhatTheWriterKeeps(t *testing.T) {
	dir := t.TempDir()
	w := open(t, dir)
	s, err := w.AddSource(identity(), false)
	must(t, err)
	must(t, w.SetSetting("copy", "yes"))
	r, err := Open(dir, Reader, Options{})
	must(t, err)
	defer r.Close()
	got := r.Record()
	if len(got.Sources) != 1 || got.Sources[0] != s || got.Settings["copy"] != "yes" {
		t.Errorf("%+v", got)
	}
	for what, err := range map[string]error{
		"append": r.Append("x", nil), "setting": r.SetSetting("a", "b"), "source": r.UpdateSource(s), "image": r.MakeImageDir(),
	} {
		if !errors.Is(err, ErrReadOnly) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := r.AddSource(identity(), true); !errors.Is(err, ErrReadOnly) {
		t.Errorf("%v", err)
	}
	if state, err := r.VerifyJournal(); err != nil || state.Acts != 2 {
		t.Errorf("%+v, %v", state, err)
	}
}

func TestSourcesOfACase(t *testing.T) {
	dir := t.TempDir()
	c := open(t, dir)
	a, err := c.AddSource(identity(), false)
	must(t, err)
	second := identity()
	second.Path, second.Last = "/dev/sdy", strings.Repeat("3c", 32)
	b, err := c.AddSource(second, true)
	must(t, err)
	if a.Number != 1 || b.Number != 2 || !b.InPlace {
		t.Errorf("%+v %+v", a, b)
	}
	if got, ok := c.FindSource(second); !ok || got.Number != 2 {
		t.Errorf("%+v %v", got, ok)
	}
	b.Path = "/dev/sdz"
	must(t, c.UpdateSource(b))
	if c.UpdateSource(Source{Number: 3}) == nil || c.UpdateSource(Source{}) == nil {
		t.Error("a source that the case does not have was changed")
	}
	r := c.Record()
	r.Sources[0].Path = "changed by the caller"
	if got := c.Record(); got.Sources[0].Path != "/dev/sdx" || got.Sources[1].Path != "/dev/sdz" {
		t.Errorf("%+v", got)
	}
}

func TestSameSource(t *testing.T) {
	s := sourceOf(identity())
	for _, c := range []struct {
		name   string
		change func(s *Source, id *host.Identity)
		same   bool
	}{
		{"same", func(*Source, *host.Identity) {}, true},
		{"another place", func(_ *Source, id *host.Identity) { id.Path, id.Device = "/mnt/disk.img", false }, true},
		{"other size", func(_ *Source, id *host.Identity) { id.Size++ }, false},
		{"other beginning", func(_ *Source, id *host.Identity) { id.First = strings.Repeat("0", 64) }, false},
		{"other end", func(_ *Source, id *host.Identity) { id.Last = strings.Repeat("0", 64) }, false},
		{"end not readable now", func(_ *Source, id *host.Identity) { id.Last = "" }, true},
		{"beginning was not readable", func(s *Source, _ *host.Identity) { s.FirstMiB = "" }, true},
		{"neither end, same serial", func(_ *Source, id *host.Identity) { id.First, id.Last = "", "" }, true},
		{"neither end, other serial", func(_ *Source, id *host.Identity) { id.First, id.Last, id.Serial = "", "", "S2" }, false},
		{"neither end, no serial", func(s *Source, id *host.Identity) { id.First, id.Last, id.Serial, s.Serial = "", "", "", "" }, false},
	} {
		s, id := s, identity()
		c.change(&s, &id)
		err := SameSource(s, id)
		if (err == nil) != c.same {
			t.Errorf("%s: %v", c.name, err)
		}
		if err != nil {
			if r := refusal(t, err); r.Exit != host.ExitRefused || !strings.Contains(r.Why, s.Path) || !strings.Contains(r.Why, "differs") {
				t.Errorf("%s: %+v", c.name, r)
			}
		}
	}
}

// A loss of power in the middle of writing case.json leaves the old or the new one.
func TestTornRecord(t *testing.T) {
	dir := t.TempDir()
	c := open(t, dir)
	_, err := c.AddSource(identity(), false)
	must(t, err)
	must(t, c.Close())
	good := read(t, dir, "case.json")
	path := filepath.Join(dir, "case.json")
	for _, torn := range [][]byte{nil, good[:len(good)/2], make([]byte, 300)} {
		// The new one was cut: the old one counts.
		must(t, os.WriteFile(path+".new", torn, 0o600))
		c := open(t, dir)
		if len(c.Record().Sources) != 1 {
			t.Errorf("%+v", c.Record())
		}
		must(t, c.Close())
		// The rename was cut: the whole new one counts.
		must(t, os.WriteFile(path+".new", good, 0o600))
		must(t, os.WriteFile(path, torn, 0o600))
		c = open(t, dir)
		if len(c.Record().Sources) != 1 {
			t.Errorf("%+v", c.Record())
		}
		must(t, c.SetSetting("a", "b"))
		must(t, c.Close())
		must(t, os.WriteFile(path, good, 0o600))
	}
	// The first one of all was cut.
	fresh := t.TempDir()
	must(t, os.WriteFile(filepath.Join(fresh, "case.json.new"), good[:20], 0o600))
	must(t, os.WriteFile(filepath.Join(fresh, "lock"), []byte(`{"pi`), 0o600))
	if c := open(t, fresh); !c.Created() {
		t.Error("not made")
	}
}

func TestPaths(t *testing.T) {
	dir := t.TempDir()
	c := open(t, dir)
	must(t, c.MakeImageDir())
	must(t, c.MakeImageDir())
	for _, p := range []struct{ got, want string }{
		{c.ImagePath(1), "image/1.img"}, {c.MapPath(2), "image/2.map"}, {c.SumsPath(10), "image/10.sums"},
		{c.CatalogPath(), "catalog.db"}, {c.SHA256SumsPath(), "SHA256SUMS"},
	} {
		if p.got != filepath.Join(c.Dir(), filepath.FromSlash(p.want)) {
			t.Errorf("%s, want %s", p.got, p.want)
		}
	}
	for _, bad := range []string{"../x", "/etc/passwd", "files/../../x", "", "a\x00b"} {
		if got, err := c.Path(bad); err == nil {
			t.Errorf("Path(%q) = %s", bad, got)
		}
	}
	if got, err := c.Path("files/1-data/a b.jpg"); err != nil || !strings.HasPrefix(got, c.Dir()) {
		t.Errorf("%s, %v", got, err)
	}
}

func FuzzRecord(f *testing.F) {
	f.Add([]byte(`{"v":1,"type":"case","created":"2026-01-01T00:00:00Z","sources":[{"number":1,"path":"/a","size":5}]}`))
	f.Add([]byte(`{"v":1,"type":"case","sources":[{"number":2}]}`))
	f.Add([]byte("\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := parseRecord(b)
		if err != nil {
			if _, ok := cursor.IsCorrupt(err); !ok {
				t.Errorf("%v", err)
			}
			return
		}
		for i, s := range r.Sources {
			if s.Number != i+1 || s.Size <= 0 {
				t.Errorf("%+v", s)
			}
		}
	})
}
