package rescue

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"salvor/filetype/filetypetest"
	"salvor/internal/need"
)

// laid is a file on a medium that nothing names.
type laid struct {
	name string
	at   int64
	data []byte
	runs [][3]int64 // offset in the file, place, length
	// empty says that nothing was written to the gap: where in it a piece ends that ends in zeros cannot be told.
	empty bool
}

const laidCluster = 4096

// unnamed makes a medium of files in one piece and in two, with noise, zeros and text between them.
func unnamed(t *testing.T, dir string) (path string, files []laid) {
	t.Helper()
	random := rand.New(rand.NewPCG(5, 5))
	var data []byte
	fill := func() {
		if n := len(data) % laidCluster; n > 0 {
			data = append(data, make([]byte, laidCluster-n)...)
		}
	}
	noise := func(clusters int) {
		for range clusters * laidCluster {
			data = append(data, byte(random.Uint32()))
		}
	}
	put := func(name string, split, gap int, empty bool) {
		file := filetypetest.Named(t, os.DirFS("../filetype"), name)[0]
		l := laid{name: name, at: int64(len(data)), data: file, empty: empty}
		first := len(file)
		if split > 0 {
			first = split * laidCluster
		}
		l.runs = append(l.runs, [3]int64{0, l.at, int64(first)})
		data = append(data, file[:first]...)
		if split > 0 {
			if empty {
				data = append(data, make([]byte, gap*laidCluster)...)
			} else {
				noise(gap)
			}
			l.runs = append(l.runs, [3]int64{int64(first), int64(len(data)), int64(len(file) - first)})
			data = append(data, file[first:]...)
		}
		fill()
		files = append(files, l)
	}
	noise(3)
	put("png/testdata/rgb16.png", 0, 0, false)
	put("sqlite/testdata/p1024.db", 7, 5, false)
	put("jpeg/testdata/base444.jpg", 0, 0, false)
	noise(9)
	put("mp4/testdata/faststart.mp4", 1, 6, true)
	put("pdf/testdata/many.pdf", 0, 0, false)
	data = append(data, make([]byte, 64*laidCluster)...)
	put("elf/testdata/liblight.so", 2, 7, true)
	put("ogg/testdata/film.ogv", 1, 4, false)
	put("zip/testdata/doc.docx", 0, 0, false)
	noise(2)
	put("sevenzip/testdata/x86.7z", 1, 11, false)
	for range 12 { // text that says nothing
		data = append(data, strings.Repeat("0 0 0 0 0 0 0 0\n", 50)...)
		fill()
	}
	noise(20)
	path = filepath.Join(dir, "unnamed.img")
	must(t, os.WriteFile(path, data, 0o600))
	return path, files
}

// carvedFile is a file of the report, as far as these tests read it.
type carvedFile struct {
	ID, Verdict, Format, SHA256 string
	Size                        int64
	SavedAs                     string `json:"saved_as"`
	Runs                        []struct {
		Logical, Physical, Length int64
	}
}

func carvedFiles(t *testing.T, dir string) (list []carvedFile, findings []map[string]any) {
	t.Helper()
	p, err := os.ReadFile(filepath.Join(dir, "report.json"))
	must(t, err)
	var doc struct {
		Files    []carvedFile
		Findings []map[string]any
	}
	must(t, json.Unmarshal(p, &doc))
	return doc.Files, doc.Findings
}

// Each file that is found is told with its places, in the report and in dfxml.xml, and the bytes there are its own.
func TestCarveTellsPlaces(t *testing.T) {
	dir := t.TempDir()
	image, files := unnamed(t, dir)
	medium, err := os.ReadFile(image)
	must(t, err)
	to := filepath.Join(dir, "case")
	code, stdout, stderr := salvor(t, "carve", image, "--to", to, "--cluster", "4096")
	if code != ExitDone && code != ExitReserved {
		t.Fatalf("exit %d\n%s\n%s", code, stdout, stderr)
	}
	p, err := os.ReadFile(filepath.Join(to, "dfxml.xml"))
	must(t, err)
	var doc struct {
		Files []struct {
			dfxmlFile
			Hash string `xml:"hashdigest"`
		} `xml:"fileobject"`
	}
	must(t, xml.Unmarshal(p, &doc))
	hashes := map[string][][3]int64{}
	for _, f := range doc.Files {
		var content []byte
		var runs [][3]int64
		for _, r := range f.Runs {
			content = append(content, medium[r.Image:r.Image+r.Length]...)
			runs = append(runs, [3]int64{r.File, r.Image, r.Length})
		}
		sum := sha256.Sum256(content)
		if int64(len(content)) != f.Size || hex.EncodeToString(sum[:]) != f.Hash {
			t.Errorf("%s: the bytes at its places are not the file's", f.Filename)
		}
		hashes[f.Hash] = runs
	}
	for _, f := range files {
		sum := sha256.Sum256(f.data)
		if runs, ok := hashes[hex.EncodeToString(sum[:])]; !ok {
			t.Errorf("%s was not found", f.name)
		} else if !f.empty && !slices.Equal(runs, f.runs) {
			t.Errorf("%s stands at %v, told %v", f.name, f.runs, runs)
		}
	}
	// How much was decoded of each format, and what text was left out.
	_, findings := carvedFiles(t, to)
	codes := map[string]map[string]any{}
	for _, f := range findings {
		args, _ := f["args"].(map[string]any)
		codes[f["code"].(string)] = args
	}
	for _, name := range []string{"png", "sqlite", "mp4", "elf", "ogg", "7z", "zip", "total"} {
		if codes[CarveRead][name] == nil {
			t.Errorf("nothing is told of what was decoded of %s: %v", name, codes[CarveRead])
		}
		if name != "total" && !strings.Contains(stdout, "\n"+name+" ") {
			t.Errorf("no line of %s in\n%s", name, stdout)
		}
	}
	if codes["rescue.carve.text-left-out"]["count"] == nil {
		t.Errorf("text was left out, and it is not told: %v", codes)
	}
	// The same command says the same once more.
	again, more, _ := salvor(t, "carve", image, "--to", to, "--cluster", "4096")
	if _, later := carvedFiles(t, to); again != code || len(later) != len(findings) || !strings.Contains(more, "DECODED") {
		t.Errorf("again: exit %d, %d findings, before %d", again, len(later), len(findings))
	}
}

// Formats, classes, ranges and the size of clusters are those that were asked for.
func TestCarveChoices(t *testing.T) {
	dir := t.TempDir()
	image, files := unnamed(t, dir)
	byName := func(part string) laid {
		i := slices.IndexFunc(files, func(f laid) bool { return strings.Contains(f.name, part) })
		return files[i]
	}
	pdf := byName("many.pdf")
	for i, tt := range []struct {
		args []string
		want []string // parts of names; nothing else but damaged files may be found
	}{
		{[]string{"--type", "png,pdf"}, []string{"rgb16", "many.pdf"}},
		{[]string{"--class", "photo"}, []string{"rgb16", "base444"}},
		{[]string{"--range", fmt.Sprintf("%d-%d", pdf.at, pdf.at+1)}, nil}, // it reaches out of it
		{[]string{"--range", fmt.Sprintf("%#x-%#x", pdf.at, pdf.at+int64(len(pdf.data)))}, []string{"many.pdf"}},
		{[]string{"--range", fmt.Sprintf("%d-", pdf.at+4096), "--type", "png,zip"}, []string{"doc.docx"}},
		{[]string{"--type", "sqlite", "--cluster", "4096"}, []string{"p1024"}},
		{[]string{"--type", "sqlite", "--effort", "quick"}, nil},
		{[]string{"--type", "sqlite", "--effort", "deep", "--patience", "20s"}, []string{"p1024"}},
	} {
		t.Run(strings.Join(tt.args, " "), func(t *testing.T) {
			to := filepath.Join(dir, fmt.Sprint("case", i))
			if code, stdout, stderr := salvor(t, append([]string{"carve", image, "--to", to}, tt.args...)...); code != ExitDone && code != ExitReserved {
				t.Fatalf("exit %d\n%s\n%s", code, stdout, stderr)
			}
			list, _ := carvedFiles(t, to)
			var got, want []string
			for _, f := range list {
				if f.Verdict == "proven" || f.Verdict == "consistent" {
					got = append(got, f.SHA256)
				}
			}
			for _, name := range tt.want {
				sum := sha256.Sum256(byName(name).data)
				want = append(want, hex.EncodeToString(sum[:]))
			}
			if i := slices.Index(tt.args, "--cluster"); i >= 0 {
				journal, err := os.ReadFile(filepath.Join(to, "journal.jsonl"))
				must(t, err)
				if !bytes.Contains(journal, []byte(`"cluster":`+tt.args[i+1])) {
					t.Errorf("the journal does not tell of clusters of %s bytes", tt.args[i+1])
				}
			}
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("%d files were found, %d expected: %+v", len(got), len(want), list)
			}
		})
	}
}

// TestKillCarve kills the carving again and again, and sees that the same command comes to the same end: nothing is
// lost, and nothing is there twice.
func TestKillCarve(t *testing.T) {
	points := 2
	if need.CI() {
		points = 40
	}
	dir := t.TempDir()
	image, _ := unnamed(t, dir)
	args := func(to string) []string { return []string{"carve", image, "--to", to} }
	calm := filepath.Join(dir, "calm")
	begun := time.Now()
	exit, _, stderr := salvor(t, args(calm)...)
	whole := time.Since(begun)
	if exit != ExitDone && exit != ExitReserved {
		t.Fatalf("undisturbed: exit %d\n%s", exit, stderr)
	}
	want := end(t, calm, exit)
	random := rand.New(rand.NewPCG(20261121, 7))
	kills := map[string]int{}
	for i := range points {
		to := filepath.Join(dir, fmt.Sprint("killed", i))
		for range 1 + random.IntN(3) {
			delay := time.Duration(random.Int64N(int64(whole)))
			for !kill(t, delay, args(to)) {
				must(t, os.RemoveAll(to))
				delay /= 2
			}
			kills[lastStep(to)]++
		}
		code, stdout, stderr := salvor(t, args(to)...)
		if code != want.exit {
			t.Fatalf("after a kill: exit %d, want %d\n%s\n%s", code, want.exit, stdout, stderr)
		}
		want.compare(t, end(t, to, code))
		if code, out, _ := salvor(t, "verify", to); code != ExitDone {
			t.Errorf("verify after a kill: exit %d\n%s", code, out)
		}
		if t.Failed() {
			break
		}
		must(t, os.RemoveAll(to))
	}
	t.Logf("an undisturbed run takes %v; killed in: %v", whole.Round(time.Millisecond), kills)
}
