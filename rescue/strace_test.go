//go:build linux

package rescue

import (
	"bufio"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"salvor/internal/need"
)

// traced are the calls that could change a file, or open it for changing. Those with a question mark are not on
// every machine.
const traced = "trace=?open,?openat,?openat2,?creat,?write,?writev,?pwrite64,?pwritev,?pwritev2,?ftruncate,?truncate,?fallocate," +
	"?copy_file_range,?sendfile,?splice,?unlink,?unlinkat,?rename,?renameat,?renameat2,?link,?linkat,?chmod,?fchmod,?fchmodat,?fchmodat2," +
	"?chown,?fchown,?lchown,?fchownat,?utime,?utimes,?utimensat,?futimesat,?setxattr,?lsetxattr,?fsetxattr,?removexattr,?lremovexattr," +
	"?fremovexattr,?mmap,?ioctl,?mknod,?mknodat"

var (
	opens    = regexp.MustCompile(`^(?:\d+ +)?(open|openat|openat2|creat)\(`)
	changing = regexp.MustCompile(`O_WRONLY|O_RDWR|O_CREAT|O_TRUNC|O_APPEND`)
	mappings = regexp.MustCompile(`^(?:\d+ +)?mmap\(`)
	requests = regexp.MustCompile(`^(?:\d+ +)?ioctl\(`)
	// writes name the descriptor that they change first, except for those that name where they read first.
	writes = regexp.MustCompile(`^(?:\d+ +)?(?:write|writev|pwrite64|pwritev|pwritev2|ftruncate|fallocate|fchmod|fchown|fsetxattr|fremovexattr|utimensat)\(\d+<([^>]*)>`)
	copies = regexp.MustCompile(`^(?:\d+ +)?(?:copy_file_range|sendfile|splice)\(`)
	// names change what a path names.
	names = regexp.MustCompile(`^(?:\d+ +)?(?:truncate|unlink|unlinkat|rename|renameat|renameat2|link|linkat|chmod|fchmodat|fchmodat2|chown|lchown|fchownat|utime|utimes|utimensat|futimesat|setxattr|lsetxattr|removexattr|lremovexattr|mknod|mknodat)\(`)
)

// harm says in which way a line of a trace would change the file at path, which is given without links; ""
// when it does not.
func harm(line, path string) string {
	quoted, opened := `"`+path+`"`, "<"+path+">"
	base := `"` + filepath.Base(path) + `"`
	named := strings.Contains(line, quoted) || strings.Contains(line, base)
	switch {
	case opens.MatchString(line):
		if (named || strings.Contains(line, opened)) && (changing.MatchString(line) || strings.Contains(line, "creat(")) {
			return "opened for writing"
		}
	case mappings.MatchString(line):
		if strings.Contains(line, opened) && strings.Contains(line, "PROT_WRITE") && strings.Contains(line, "MAP_SHARED") {
			return "mapped for writing"
		}
	case requests.MatchString(line):
		if strings.Contains(line, opened) && !strings.Contains(line, "TCGETS") {
			return "given an ioctl"
		}
	case copies.MatchString(line):
		// Reading from it is what these may do: it must come first, or not at all.
		if at := strings.LastIndex(line, opened); at >= 0 && strings.Count(line[:at], "<") > 0 {
			return "copied into"
		}
	case names.MatchString(line) && named:
		return "changed by its name"
	}
	if m := writes.FindStringSubmatch(line); m != nil && m[1] == path {
		return "written to"
	}
	return ""
}

func TestHarm(t *testing.T) {
	for _, tc := range []struct {
		line string
		harm bool
	}{
		{`12 openat(AT_FDCWD</x>, "/x/a.img", O_RDONLY|O_CLOEXEC) = 3</x/a.img>`, false},
		{`12 openat(AT_FDCWD</x>, "/x/a.img", O_RDWR|O_CLOEXEC) = 3</x/a.img>`, true},
		{`openat(5</x>, "a.img", O_RDONLY|O_CREAT) = 3</x/a.img>`, true},
		{`openat(AT_FDCWD</x>, "/x/case/b", O_RDWR|O_CREAT) = 3</x/case/b>`, false},
		{`12 pwrite64(3</x/a.img>, "abc", 3, 0) = 3`, true},
		{`12 write(1<pipe:[7]>, "reading /x/a.img"..., 20) = 20`, false},
		{`ftruncate(3</x/a.img>, 0) = 0`, true},
		{`unlinkat(AT_FDCWD</x>, "/x/a.img", 0) = 0`, true},
		{`renameat(AT_FDCWD</x>, "/x/case/case.json.new", AT_FDCWD</x>, "/x/case/case.json") = 0`, false},
		{`utimensat(AT_FDCWD</x>, "/x/a.img", NULL, 0) = 0`, true},
		{`copy_file_range(3</x/a.img>, NULL, 4</x/case/1.img>, NULL, 9, 0) = 9`, false},
		{`copy_file_range(4</x/case/1.img>, NULL, 3</x/a.img>, NULL, 9, 0) = 9`, true},
		{`mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_SHARED, 3</x/a.img>, 0) = 0x7f`, true},
		{`mmap(NULL, 4096, PROT_READ, MAP_SHARED, 3</x/a.img>, 0) = 0x7f`, false},
	} {
		if got := harm(tc.line, "/x/a.img"); (got != "") != tc.harm {
			t.Errorf("%s: harm %q, want %v", tc.line, got, tc.harm)
		}
	}
}

// underStrace is the program, with the calls that could change a file written to trace.
func underStrace(t *testing.T, trace string, args ...string) *exec.Cmd {
	t.Helper()
	return exec.Command("strace", append([]string{"-f", "-qq", "-y", "-s", "4096", "-e", traced, "-o", trace, program(t)}, args...)...)
}

// onlyRead holds that a trace shows nothing that changes source, and that it shows what it should at all.
func onlyRead(t *testing.T, trace, source string, reads bool) {
	t.Helper()
	lines, err := os.ReadFile(trace)
	must(t, err)
	opened, writing := 0, 0
	for line := range strings.Lines(string(lines)) {
		if what := harm(line, source); what != "" {
			t.Errorf("the source is %s: %.300s", what, line)
		}
		if opens.MatchString(line) && strings.Contains(line, `"`+source+`"`) {
			opened++
		}
		if writes.MatchString(line) {
			writing++
		}
	}
	if reads && opened == 0 {
		t.Error("the trace does not show that the source was opened: it cannot be relied on")
	}
	if writing == 0 {
		t.Error("the trace shows no writing at all, not even of the answer")
	}
}

// crawl runs the pages of a case and asks for what they lead to of that case, up to a few dozen addresses of a kind.
func crawl(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	cmd.Env = append(os.Environ(), "XDG_CONFIG_HOME="+t.TempDir(), "XDG_CACHE_HOME="+t.TempDir())
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	stuck := time.AfterFunc(5*time.Minute, func() { _ = cmd.Process.Kill() })
	defer stuck.Stop()
	lines := bufio.NewReader(out)
	first, err := lines.ReadBytes('\n')
	must(t, err)
	var link struct{ URL string }
	must(t, json.Unmarshal(first, &link))
	jar, err := cookiejar.New(nil)
	must(t, err)
	client := &http.Client{Jar: jar, Timeout: time.Minute}
	defer client.CloseIdleConnections()
	ask := func(address string) (*url.URL, string) {
		r, err := client.Get(address)
		must(t, err)
		defer r.Body.Close()
		page, err := io.ReadAll(r.Body)
		must(t, err)
		if !strings.HasPrefix(r.Header.Get("Content-Type"), "text/html") {
			page = nil
		}
		return r.Request.URL, string(page)
	}
	seen, kinds, contents := map[string]bool{}, map[string]int{}, 0
	next := []string{link.URL}
	for len(next) > 0 {
		address := next[0]
		next = next[1:]
		at, page := ask(address)
		if page == "" {
			contents++
		}
		for _, m := range regexp.MustCompile(`(?:href|src)="([^"#]+)"`).FindAllStringSubmatch(page, -1) {
			to, err := at.Parse(html.UnescapeString(m[1]))
			local := err == nil && (to.Hostname() == "localhost" || to.Hostname() == at.Hostname())
			if !local || !regexp.MustCompile(`^/(case|[cr]/)`).MatchString(to.Path) || seen[to.String()] || kinds[to.Path] == 40 {
				continue
			}
			seen[to.String()] = true
			kinds[to.Path]++
			next = append(next, to.String())
		}
	}
	if len(seen) < 50 || contents == 0 {
		t.Errorf("%d addresses, %d of them contents: %v", len(seen), contents, kinds)
	}
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", cmd.Process.Pid))
	must(t, err)
	pid, err := strconv.Atoi(strings.Fields(string(children))[0])
	must(t, err)
	must(t, syscall.Kill(pid, syscall.SIGINT))
	_, err = io.Copy(io.Discard, lines)
	must(t, err)
	if err := cmd.Wait(); err != nil {
		t.Errorf("the pages ended with %v", err)
	}
}

// TestSourceIsOnlyRead watches the system calls of every verb.
func TestSourceIsOnlyRead(t *testing.T) {
	t.Parallel()
	need.Tools(t, "strace")
	dir, err := filepath.EvalSymlinks(t.TempDir())
	must(t, err)
	source := copyOf(t, exampleImage, dir)
	if out, err := exec.Command("strace", "-qq", "-o", filepath.Join(dir, "try"), "true").CombinedOutput(); err != nil {
		need.Lacking(t, "strace does not work here: %v %s", err, out)
	}
	before, err := os.Stat(source)
	must(t, err)
	hash := hashOf(t, source)
	verbs := map[string]bool{}
	inPlace, copied, taken := filepath.Join(dir, "in-place"), filepath.Join(dir, "copied"), filepath.Join(dir, "taken")
	for _, tc := range []struct {
		name string
		args []string
		exit int
		// reads says that the verb opens the source.
		reads bool
	}{
		{"look", []string{"look", source}, ExitDone, true},
		{"look json", []string{"look", source, "--json"}, ExitDone, true},
		{"rescue", []string{"rescue", source, "--to", inPlace}, ExitReserved, true},
		{"rescue again", []string{"rescue", source, "--to", inPlace}, ExitReserved, true},
		{"rescue --copy", []string{"rescue", source, "--to", copied, "--copy"}, ExitReserved, true},
		{"copy", []string{"copy", source, taken}, ExitDone, true},
		{"copy to an image", []string{"copy", source, filepath.Join(dir, "a.image"), filepath.Join(dir, "a.map")}, ExitDone, true},
		{"copy to an image again", []string{"copy", "-r1", "--hash", source, filepath.Join(dir, "a.image"), filepath.Join(dir, "a.map")}, ExitDone, true},
		{"copy directly", []string{"copy", "-d", "--first", "used", source, filepath.Join(dir, "b.image")}, ExitDone, true},
		{"copy in parts", []string{"copy", "--split", "4Mi", source, filepath.Join(dir, "p.image")}, ExitDone, true},
		{"copy into the Expert Witness format", []string{"copy", source, filepath.Join(dir, "e.E01")}, ExitDone, true},
		{"copy anew after errors", []string{"copy", "-O", "-J", "-W", "-H", filepath.Join(dir, "a.map"), source, filepath.Join(dir, "w.image")}, ExitDone, true},
		{"generate a map", []string{"copy", "-G", source, filepath.Join(dir, "a.image"), filepath.Join(dir, "g.map")}, ExitDone, true},
		{"fill", []string{"copy", "-F", "+", source, filepath.Join(dir, "w.image")}, ExitDone, true},
		{"map domain", []string{"map", "domain", source}, ExitDone, true},
		{"map show", []string{"map", "show", filepath.Join(dir, "a.map")}, ExitDone, false},
		{"map merge", []string{"map", "merge", source, filepath.Join(dir, "a.image"), "--map", filepath.Join(dir, "a.map"), "--map", filepath.Join(dir, "a.map"), "--to", filepath.Join(dir, "c.image")}, ExitDone, true},
		{"impact", []string{"impact", source, "--map", filepath.Join(dir, "a.map")}, ExitReserved, true},
		{"files of a copy", []string{"files", taken}, ExitDone, false},
		{"look case", []string{"look", inPlace}, ExitDone, false},
		{"files", []string{"files", inPlace}, ExitDone, false},
		{"save in place", []string{"save", inPlace, "--to", filepath.Join(dir, "out")}, -1, true},
		{"save copied", []string{"save", copied, "--to", filepath.Join(dir, "out2")}, -1, false},
		{"save as an archive", []string{"save", inPlace, "--tar", filepath.Join(dir, "out.tar")}, -1, true},
		{"show", []string{"show", inPlace, "documents/pump manual.pdf"}, ExitDone, true},
		{"note", []string{"note", inPlace, "--text", "a note"}, ExitDone, false},
		{"verify", []string{"verify", inPlace}, ExitDone, true},
		{"verify copied", []string{"verify", copied}, ExitDone, false},
		{"carve", []string{"carve", source, "--to", filepath.Join(dir, "carved"), "--effort", "quick"}, -1, true},
		{"check", []string{"check", source, "--for", source}, ExitBad, true},
		{"compare", []string{"compare", source, inPlace}, ExitBad, true},
		{"unpack", []string{"unpack", source, "--to", filepath.Join(dir, "parts")}, ExitReserved, true},
		{"table", []string{"table", source, "--format", "sfdisk", "--out", filepath.Join(dir, "table")}, ExitDone, true},
		{"mend", []string{"mend", source, "--out", filepath.Join(dir, "mended.img")}, ExitDone, true},
		{"mend a case", []string{"mend", inPlace, "--out", filepath.Join(dir, "mended2.img")}, ExitDone, true},
		{"why", []string{"why", source}, ExitDone, true},
		{"why of a case", []string{"why", inPlace}, ExitDone, true},
		{"bundle", []string{"bundle", inPlace, "--to", filepath.Join(dir, "bundle.zip")}, ExitDone, false},
		{"version", []string{"version"}, ExitDone, false},
	} {
		verbs[tc.args[0]] = true
		t.Run(tc.name, func(t *testing.T) {
			trace := filepath.Join(t.TempDir(), "trace")
			cmd := underStrace(t, trace, tc.args...)
			out, err := cmd.CombinedOutput()
			if code := cmd.ProcessState.ExitCode(); code != tc.exit && (tc.exit >= 0 || code != ExitDone && code != ExitReserved) {
				t.Errorf("exit %d (%v), want %d\n%s", code, err, tc.exit, out)
			}
			onlyRead(t, trace, source, tc.reads)
		})
	}
	t.Run("ui", func(t *testing.T) {
		trace := filepath.Join(t.TempDir(), "trace")
		crawl(t, underStrace(t, trace, "ui", "--no-browser", "--json", "--as-root", inPlace))
		onlyRead(t, trace, source, true)
	})
	// No verb is left out.
	_, help, _ := salvor(t, "--help")
	_, help, _ = strings.Cut(help, "Available Commands:\n")
	help, _, _ = strings.Cut(help, "\n\n")
	for line := range strings.Lines(help) {
		if verb := strings.Fields(line)[0]; !verbs[verb] && verb != "ui" && verb != "help" && verb != "completion" {
			t.Errorf("%s is not watched", verb)
		}
	}
	if len(verbs) < 15 || !strings.Contains(help, "rescue") {
		t.Errorf("the help names no verbs: %s", help)
	}
	after, err := os.Stat(source)
	must(t, err)
	if !after.ModTime().Equal(before.ModTime()) || after.Size() != before.Size() || after.Mode() != before.Mode() {
		t.Errorf("the source was %v of %d bytes, is %v of %d bytes", before.ModTime(), before.Size(), after.ModTime(), after.Size())
	}
	if hashOf(t, source) != hash {
		t.Error("the content of the source is another one")
	}
}
