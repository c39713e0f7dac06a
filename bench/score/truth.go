package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash/maphash"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// sector is the step in which a saved file is compared with known ones, in bytes.
const sector = 512

var (
	zeros [sector]byte
	seed  = maphash.MakeSeed()
)

// truth is what stands on a disk.
type truth struct {
	Size  int64       `json:"size"`
	Files []knownFile `json:"files"`

	bySum   map[string]int
	twins   map[string][]int // all files of one content
	content []byte           // of all whole files, one behind the other
	starts  []int64          // of each file in content; -1: not whole
	sectors map[uint64]place

	searched int // outputs that all contents were searched for
}

type knownFile struct {
	State       string     `json:"state"`
	Volume      string     `json:"volume"`
	Path        string     `json:"path"`
	Size        int64      `json:"size"`
	SHA256      string     `json:"sha256"`
	Type        string     `json:"type"`
	Recoverable bool       `json:"recoverable"`
	Runs        [][2]int64 `json:"runs"`
	Origin      string     `json:"origin"` // of the images for carving: the name in the pool
	Full        int64      `json:"full"`   // and the size before the file was cut
	Least       int64      `json:"least"`  // of a cut file: the end of its last unit that is whole
}

type place struct{ file, sector int32 }

// timing holds the medians of a program's runs.
type timing struct {
	seconds, peak float64 // seconds, MiB
	work          float64 // seconds that a processor worked; 0 when that was not measured
	failed        int
	code          int // of a run that failed
}

// score is what a program made of a disk.
type score struct {
	exact                            map[string]int // by state
	named                            map[string]int // exact under their path, by state
	withPath                         int
	saved, parts, padded, wrong      int
	structures                       int // of the volume itself, not counted as saved
	consistent, falseConsistent      int
	wrongSaid, paddedSaid            int // of those, the ones that the program itself calls damaged or partial
	judges                           bool
	proven, falseProven, provenParts int
	notes                            []string
	missed                           map[string]int // by state and kind
}

// readTruth reads what is known of an image. Files without runs have their content in pool, under their SHA-256;
// without that too they are known by their sum alone.
func readTruth(image, path, pool string) (*truth, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	t, err := parseTruth(raw)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	t.bySum, t.twins, t.sectors = map[string]int{}, map[string][]int{}, map[uint64]place{}
	f, err := os.Open(image)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	for i, k := range t.Files {
		t.bySum[k.SHA256] = i
		t.twins[k.SHA256] = append(t.twins[k.SHA256], i)
		start := int64(len(t.content))
		t.starts = append(t.starts, -1)
		for _, run := range k.Runs {
			at := len(t.content)
			t.content = slices.Grow(t.content, int(run[1]))[:at+int(run[1])]
			if _, err := f.ReadAt(t.content[at:], run[0]); err != nil {
				return nil, err
			}
		}
		if len(k.Runs) == 0 && pool != "" {
			b, err := os.ReadFile(filepath.Join(pool, k.SHA256))
			if err != nil {
				return nil, err
			}
			t.content = append(t.content, b...)
		}
		got := t.content[start:]
		if sum(got) != k.SHA256 {
			t.content = t.content[:start]
			continue
		}
		t.starts[i], t.Files[i].Size = start, int64(len(got))
		for n := 0; (n+1)*sector <= len(got); n++ {
			piece := got[n*sector : (n+1)*sector]
			if h := maphash.Bytes(seed, piece); !bytes.Equal(piece, zeros[:]) {
				if _, known := t.sectors[h]; !known {
					t.sectors[h] = place{int32(i), int32(n)}
				}
			}
		}
	}
	return t, nil
}

func sum(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}

func (t *truth) of(i int) []byte {
	if t.starts[i] < 0 {
		return nil
	}
	return t.content[t.starts[i]:][:t.Files[i].Size]
}

func (t *truth) counts() map[string]int {
	n := map[string]int{}
	for _, f := range t.Files {
		if f.Recoverable {
			n[f.State]++
		} else {
			n["lost"]++
		}
	}
	return n
}

func readTimes(path string) (map[string]timing, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	seconds, peak, work, out := map[string][]float64{}, map[string][]float64{}, map[string][]float64{}, map[string]timing{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var tool string
		var s, kib float64
		var rc int
		if _, err := fmt.Sscan(lines.Text(), &tool, &s, &kib, &rc); err != nil {
			return nil, fmt.Errorf("%s: %q: %w", path, lines.Text(), err)
		}
		if f := strings.Fields(lines.Text()); len(f) > 4 {
			var w float64
			if _, err := fmt.Sscan(f[4], &w); err != nil {
				return nil, fmt.Errorf("%s: %q: %w", path, lines.Text(), err)
			}
			work[tool] = append(work[tool], w)
		}
		seconds[tool], peak[tool] = append(seconds[tool], s), append(peak[tool], kib/1024)
		if m := out[tool]; rc != 0 {
			m.failed++
			m.code = rc
			out[tool] = m
		}
	}
	for tool := range seconds {
		m := out[tool]
		m.seconds, m.peak = median(seconds[tool]), median(peak[tool])
		if len(work[tool]) > 0 {
			m.work = median(work[tool])
		}
		out[tool] = m
	}
	return out, nil
}

func median(x []float64) float64 {
	slices.Sort(x)
	if n := len(x); n%2 == 0 {
		return (x[n/2-1] + x[n/2]) / 2
	}
	return x[len(x)/2]
}

// likeness says how a saved file relates to the known ones.
type likeness int

const (
	exact likeness = iota
	part
	padded
	wrong
)

// compare finds the known file that b is like. The second result is its index for exact.
func (t *truth) compare(b []byte) (likeness, int) {
	if i, ok := t.bySum[sum(b)]; ok {
		return exact, i
	}
	tried := map[int32]bool{}
	for n := 0; n+sector <= len(b) && len(tried) < 8; n += sector {
		p, ok := t.sectors[maphash.Bytes(seed, b[n:n+sector])]
		if !ok || tried[p.file] {
			continue
		}
		tried[p.file] = true
		whole := t.of(int(p.file))
		if len(b) > len(whole) && bytes.HasPrefix(b, whole) {
			return padded, 0
		}
		if pieceOf(b, whole) {
			return part, 0
		}
	}
	// neither: it may begin anywhere in a known file
	if t.inside(b) {
		return part, 0
	}
	return wrong, 0
}

// maxSearched is for how many small outputs all contents are searched: some programs write tens of thousands.
const maxSearched = 400

// inside reports whether b is a piece of a known file that does not begin where a sector of it does: one of its sectors stands in b all
// the same. What is too small for that is searched for.
func (t *truth) inside(b []byte) bool {
	if len(b) < 2*sector {
		t.searched++
		return len(b) > 0 && t.searched <= maxSearched && bytes.Contains(t.content, b)
	}
	for shift := range sector {
		p, ok := t.sectors[maphash.Bytes(seed, b[shift:shift+sector])]
		if !ok {
			continue
		}
		whole, at := t.of(int(p.file)), int(p.sector)*sector-shift
		if at >= 0 && at+len(b) <= len(whole) && bytes.Equal(whole[at:at+len(b)], b) {
			return true
		}
	}
	return false
}

// pieceOf reports whether b is a beginning of whole, where sectors of zeros may stand for what is missing.
func pieceOf(b, whole []byte) bool {
	if len(b) > len(whole) {
		return false
	}
	for n := 0; n < len(b); n += sector {
		end := min(n+sector, len(b))
		if !bytes.Equal(b[n:end], whole[n:end]) && !bytes.Equal(b[n:end], zeros[:end-n]) {
			return false
		}
	}
	return true
}

// own are the files of a case that are about the saved files, and PhotoRec's record.
func own(rel string) bool {
	top, _, deep := strings.Cut(filepath.ToSlash(rel), "/")
	if !deep || top == "image" || strings.HasSuffix(rel, ".missing.txt") {
		return true
	}
	switch filepath.Base(rel) {
	case "report.xml", "audit.txt", "testdisk.log", "photorec.log", "photorec.ses":
		return true
	}
	return false
}

// structure are files that are the volume itself: tables, bitmaps, journals. Some programs save them as files.
func structure(rel string) bool {
	for element := range strings.SplitSeq(filepath.ToSlash(rel), "/") {
		name, _, _ := strings.Cut(element, ":")
		switch name {
		case "$MFT", "$MFTMirr", "$LogFile", "$Volume", "$AttrDef", "$Bitmap", "$Boot", "$BadClus", "$Secure", "$UpCase", "$Extend",
			"$ExtentsFile", "$CatalogFile", "$BadBlockFile", "$AllocationFile", "$StartupFile", "$AttributesFile",
			"$MBR", "$FAT1", "$FAT2", "$ALLOC_BITMAP", "$UPCASE_TABLE":
			return true
		}
	}
	return false
}

func (t *truth) score(dir string) (score, error) {
	s := score{exact: map[string]int{}, named: map[string]int{}, missed: map[string]int{}}
	report, err := readReport(dir)
	if err != nil {
		return s, err
	}
	s.judges = report != nil
	found, pathed := map[int]bool{}, map[int]bool{}
	byPath := map[string]int{}
	for i, f := range t.Files {
		if f.Path != "" {
			byPath[f.Path] = i
		}
	}
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil || own(rel) {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil || len(b) == 0 {
			return err
		}
		like, i := t.compare(b)
		if structure(rel) && like != exact {
			s.structures++
			return nil
		}
		s.saved++
		word, known := report[rel]
		switch like {
		case exact:
			for _, i := range t.twins[t.Files[i].SHA256] {
				found[i] = true
				if p := t.Files[i].Path; p != "" && strings.HasSuffix(filepath.ToSlash(rel), "/"+p) {
					pathed[i] = true
				}
			}
		case part:
			s.parts++
		case padded:
			s.padded++
			if known && (word.Verdict == "damaged" || word.Verdict == "partial") {
				s.paddedSaid++
			}
		case wrong:
			s.wrong++
			if known && (word.Verdict == "damaged" || word.Verdict == "partial") {
				s.wrongSaid++
			}
		}
		of, named := byPath[word.Path]
		named = named && word.Path != "" && word.Origin == "filesystem" && word.Stream == "" && word.State != "old"
		bad := like == wrong || like == padded || named && (like != exact || t.Files[of].SHA256 != t.Files[i].SHA256)
		if word.Verdict == "consistent" {
			s.consistent++
			if bad {
				s.falseConsistent++
			}
		}
		if word.Verdict != "proven" {
			return nil
		}
		s.proven++
		switch {
		case bad:
			s.falseProven++
			s.notes = append(s.notes, fmt.Sprintf("`%s` (%s, %s)", rel, word.Origin, word.State))
		case like == part:
			s.provenParts++
		}
		return nil
	})
	for i, f := range t.Files {
		if f.Recoverable && found[i] {
			s.exact[f.State]++
		}
		if f.Recoverable && pathed[i] {
			s.withPath++
			s.named[f.State]++
		}
		if f.Recoverable && !found[i] {
			s.missed[f.State+" "+f.Type]++
		}
	}
	return s, err
}
