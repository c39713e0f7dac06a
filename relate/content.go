package relate

import (
	"archive/tar"
	"archive/zip"
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"salvor/block"
	"salvor/finding"
	"salvor/guard"
)

// Bounds of what is read of a file.
const (
	maxList    = 1 << 20 // bytes of a playlist, of the list in a backup, of a part of a document
	maxEntries = 20_000  // of a list, of an archive
	maxTime    = 5 * time.Second
	maxUnpack  = 64 << 20 // bytes of a packed backup that are unpacked
)

// read runs fn over the content of x. What goes wrong in it is no one's business here: the verdict of the file tells.
func read(ctx context.Context, x *File, fn func(ctx context.Context, src block.Source) error) bool {
	if x.Open == nil || x.Size == 0 {
		return false
	}
	return guard.Do(ctx, maxTime, block.Bytes(nil), func(ctx context.Context, _ block.Source) error {
		src, err := x.Open()
		if err != nil {
			return err
		}
		return fn(ctx, block.WithContext(ctx, src))
	}) == nil
}

// head returns at most maxList bytes of x, nil when they cannot be read.
func head(ctx context.Context, x *File) []byte {
	var p []byte
	read(ctx, x, func(_ context.Context, src block.Source) error {
		b := make([]byte, min(maxList, src.Size()))
		n, err := src.ReadAt(b, 0)
		if n == 0 && err != nil {
			return err
		}
		p = b[:n]
		return nil
	})
	return p
}

// databases looks into the header of SQLite databases: bytes 18 and 19 are 2 in WAL mode.
func databases(ctx context.Context, f *Folder) []Told {
	var out []Told
	for _, x := range f.Files {
		if x.Format != "sqlite" || len(f.byName[x.Name()+"-wal"]) > 0 {
			continue
		}
		wal := false
		read(ctx, x, func(_ context.Context, src block.Source) error {
			b := make([]byte, 20)
			if n, err := src.ReadAt(b, 0); n < len(b) {
				return err
			}
			wal = string(b[:15]) == "SQLite format 3" && b[18] == 2 && b[19] == 2
			return nil
		})
		if wal {
			out = append(out, Told{ID: x.ID, Finding: walMode.New(finding.Expected(path.Base(x.Path)+"-wal", nil))})
		}
	}
	return out
}

func mailboxes(_ context.Context, f *Folder) []Told {
	var out []Told
	for _, x := range f.Files {
		if strings.HasSuffix(x.Name(), ".ost") {
			out = append(out, Told{ID: x.ID, Finding: mailCopy.New()})
		}
	}
	return out
}

// playlists reads what lists name.
func playlists(ctx context.Context, f *Folder) []Told {
	var out []Told
	for _, x := range f.Files {
		var names []string
		switch path.Ext(x.Name()) {
		case ".m3u", ".m3u8":
			names = lines(head(ctx, x), func(line string) string {
				if strings.HasPrefix(line, "#") {
					return ""
				}
				return line
			})
		case ".pls":
			names = lines(head(ctx, x), func(line string) string {
				key, value, ok := strings.Cut(line, "=")
				if !ok || !strings.HasPrefix(strings.ToLower(key), "file") {
					return ""
				}
				return value
			})
		case ".cue":
			names = lines(head(ctx, x), func(line string) string {
				if m := cueFile.FindStringSubmatch(line); m != nil {
					return m[1]
				}
				return ""
			})
		case ".xspf":
			names = locations(head(ctx, x))
		default:
			continue
		}
		var missing []string
		for _, name := range names {
			if p, ok := inVolume(f.Path, name); ok && !f.Exists(p) {
				missing = append(missing, path.Base(p))
			}
		}
		if len(missing) > 0 {
			out = append(out, Told{ID: x.ID, Finding: listed.New(finding.Arg("count", len(missing)), finding.Expected(nil, some(missing)))})
		}
	}
	return out
}

var cueFile = regexp.MustCompile(`(?i)^\s*FILE\s+"?([^"]+?)"?\s+(?:WAVE|MP3|AIFF|BINARY|MOTOROLA|FLAC)\s*$`)

func lines(p []byte, name func(line string) string) []string {
	var out []string
	s := bufio.NewScanner(bytes.NewReader(bytes.TrimPrefix(p, []byte("\xef\xbb\xbf"))))
	s.Buffer(nil, 64<<10)
	for s.Scan() && len(out) < maxEntries {
		if n := strings.TrimSpace(name(strings.TrimSpace(s.Text()))); n != "" {
			out = append(out, n)
		}
	}
	return out
}

// locations returns the locations of an XSPF list.
func locations(p []byte) []string {
	var out []string
	d := xml.NewDecoder(bytes.NewReader(p))
	in := false
	for len(out) < maxEntries {
		t, err := d.Token()
		if err != nil {
			return out
		}
		switch t := t.(type) {
		case xml.StartElement:
			in = t.Name.Local == "location"
		case xml.CharData:
			if s := strings.TrimSpace(string(t)); in && s != "" {
				out = append(out, s)
			}
		case xml.EndElement:
			in = false
		}
	}
	return out
}

// inVolume returns the path in the volume that name means, seen from folder. Names on a network, of another drive and
// outside of the volume are not asked about.
func inVolume(folder, name string) (string, bool) {
	if u, err := url.Parse(name); err == nil && len(u.Scheme) > 1 {
		if u.Scheme != "file" || u.Host != "" {
			return "", false
		}
		name = u.Path
	} else if unescaped, err := url.PathUnescape(name); err == nil && strings.Contains(name, "%") {
		name = unescaped
	}
	name = strings.ReplaceAll(name, `\`, "/")
	if len(name) > 4096 || strings.Contains(name, ":") || strings.HasPrefix(name, "/") || strings.ContainsRune(name, 0) {
		return "", false // absolute names are those of the system it was used on
	}
	p := path.Join(folder, name)
	if p == "." || p == ".." || strings.HasPrefix(p, "../") {
		return "", false
	}
	return p, true
}

// backups looks into what may be a backup of Home Assistant or OpenWrt.
func backups(ctx context.Context, f *Folder) []Told {
	var out []Told
	for _, x := range f.Files {
		name := x.Name()
		var t finding.Finding
		var ok bool
		switch {
		case strings.HasSuffix(name, ".tar"):
			read(ctx, x, func(ctx context.Context, src block.Source) error {
				t, ok = homeAssistant(ctx, block.Reader(src))
				return nil
			})
		case strings.HasSuffix(name, ".tar.gz"), strings.HasSuffix(name, ".tgz"):
			read(ctx, x, func(ctx context.Context, src block.Source) error {
				t, ok = openWrt(ctx, block.Reader(src))
				return nil
			})
		}
		if ok {
			out = append(out, Told{ID: x.ID, Finding: t})
		}
	}
	return out
}

// homeAssistant reads a backup: backup.json (snapshot.json before 2022) lists the add-ons and folders, each of which is a
// packed archive of its own in it.
func homeAssistant(ctx context.Context, r io.Reader) (finding.Finding, bool) {
	var list struct {
		Name          string `json:"name"`
		Slug          string `json:"slug"`
		HomeAssistant any    `json:"homeassistant"`
		Addons        []struct {
			Slug string `json:"slug"`
		} `json:"addons"`
		Folders []string `json:"folders"`
	}
	have := map[string]bool{}
	known := false
	t := tar.NewReader(r)
	var broken error
	for n := 0; n < maxEntries && ctx.Err() == nil; n++ {
		h, err := t.Next()
		if err != nil {
			if !errors.Is(err, io.EOF) {
				broken = err
			}
			break
		}
		name := path.Base(h.Name)
		have[name] = true
		if name == "backup.json" || name == "snapshot.json" {
			p, err := io.ReadAll(io.LimitReader(t, maxList))
			if err == nil && json.Unmarshal(p, &list) == nil && list.Slug != "" {
				known = true
			}
		}
	}
	if !known {
		return finding.Finding{}, false
	}
	var want []string
	if list.HomeAssistant != nil && list.HomeAssistant != "" {
		want = append(want, "homeassistant")
	}
	for _, a := range list.Addons[:min(len(list.Addons), maxEntries)] {
		want = append(want, a.Slug)
	}
	for _, d := range list.Folders[:min(len(list.Folders), maxEntries)] {
		want = append(want, strings.ReplaceAll(d, "/", "_"))
	}
	var missing []string
	for _, w := range want {
		if !have[w+".tar.gz"] && !have[w+".tar"] {
			missing = append(missing, w+".tar.gz")
		}
	}
	kind := finding.Arg("kind", "Home Assistant")
	switch {
	case len(missing) > 0:
		return setMissing.New(kind, finding.Expected(nil, fmt.Sprintf("its list names %d parts that are not in it: %s", len(missing), some(missing)))), true
	case broken != nil:
		return setMissing.New(kind, finding.Expected(nil, fmt.Sprintf("it ends early (%v)", broken))), true
	}
	return setWhole.New(kind, finding.Expected(nil, fmt.Sprintf("%q, with all of the %d parts that its list names", list.Name, len(want)))), true
}

// openWrt reads what sysupgrade -b writes: the settings of a router, of which the network's are always there.
func openWrt(ctx context.Context, r io.Reader) (finding.Finding, bool) {
	z, err := gzip.NewReader(r)
	if err != nil {
		return finding.Finding{}, false
	}
	t := tar.NewReader(io.LimitReader(z, maxUnpack))
	var configs []string
	var broken error
	n := 0
	for ; n < maxEntries && ctx.Err() == nil; n++ {
		h, err := t.Next()
		if err != nil {
			if !errors.Is(err, io.EOF) {
				broken = err
			}
			break
		}
		if dir, name := path.Split(strings.TrimLeft(h.Name, "./")); dir == "etc/config/" && name != "" {
			configs = append(configs, name)
		}
	}
	if len(configs) == 0 || !slices.Contains(configs, "system") && !slices.Contains(configs, "network") && !slices.Contains(configs, "dropbear") {
		return finding.Finding{}, false
	}
	kind := finding.Arg("kind", "OpenWrt")
	var missing []string
	for _, name := range []string{"system", "network"} {
		if !slices.Contains(configs, name) {
			missing = append(missing, "etc/config/"+name)
		}
	}
	switch {
	case broken != nil:
		return setMissing.New(kind, finding.Expected(nil, fmt.Sprintf("it ends early, behind %d files (%v)", n, broken))), true
	case len(missing) > 0:
		return setMissing.New(kind, finding.Expected(nil, "without "+some(missing))), true
	}
	return setWhole.New(kind, finding.Expected(nil, fmt.Sprintf("%d files, the settings %s", n, some(configs)))), true
}

// documents reads the relationships of Office Open XML documents that lead outside of them.
func documents(ctx context.Context, f *Folder) []Told {
	var out []Told
	for _, x := range f.Files {
		switch path.Ext(x.Name()) {
		case ".docx", ".docm", ".xlsx", ".xlsm", ".pptx", ".pptm":
		default:
			continue
		}
		var targets []string
		read(ctx, x, func(ctx context.Context, src block.Source) error {
			var err error
			targets, err = external(ctx, src)
			return err
		})
		var missing []string
		for _, name := range targets {
			if p, ok := inVolume(f.Path, name); ok {
				if !f.Exists(p) {
					missing = append(missing, path.Base(p))
				}
				continue
			}
			// An absolute path of another computer: the file may lie beside the document by its name.
			if base := lastOf(name); base != "" && !f.Exists(path.Join(f.Path, base)) {
				missing = append(missing, base)
			}
		}
		if len(missing) > 0 {
			out = append(out, Told{ID: x.ID, Finding: linked.New(finding.Arg("count", len(missing)), finding.Expected(nil, some(missing)))})
		}
	}
	return out
}

// lastOf returns the name of the file that an absolute path or a file: address ends in; "" for addresses of a network.
func lastOf(name string) string {
	if u, err := url.Parse(name); err == nil && len(u.Scheme) > 1 && u.Scheme != "file" {
		return ""
	}
	base := path.Base(strings.ReplaceAll(name, `\`, "/"))
	if base == "." || base == "/" || !strings.Contains(base, ".") {
		return ""
	}
	return base
}

// external returns the targets outside of the document at src, without addresses and links to click on.
func external(ctx context.Context, src block.Source) ([]string, error) {
	z, err := zip.NewReader(src, src.Size())
	if err != nil {
		return nil, err
	}
	var out []string
	for i, member := range z.File {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if i >= maxEntries || len(out) >= maxEntries {
			break
		}
		if !strings.HasSuffix(member.Name, ".rels") {
			continue
		}
		r, err := member.Open()
		if err != nil {
			continue
		}
		p, err := io.ReadAll(io.LimitReader(r, maxList))
		r.Close() // it was only read
		if err != nil {
			continue
		}
		var doc struct {
			List []struct {
				Type   string `xml:"Type,attr"`
				Target string `xml:"Target,attr"`
				Mode   string `xml:"TargetMode,attr"`
			} `xml:"Relationship"`
		}
		if xml.Unmarshal(p, &doc) != nil {
			continue
		}
		for _, l := range doc.List {
			if l.Mode == "External" && !strings.HasSuffix(l.Type, "/hyperlink") && l.Target != "" && !slices.Contains(out, l.Target) {
				out = append(out, l.Target)
			}
		}
	}
	return out, nil
}
