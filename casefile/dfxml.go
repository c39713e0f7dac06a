package casefile

import (
	"bufio"
	"encoding/xml"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"runtime"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"salvor/block"
	"salvor/filesystem"
	"salvor/recovery"
)

// DFXML is what a file in Digital Forensics XML is about: one medium, and the files that were found on it. Elements and
// their order follow dfxml.xsd 1.1.0 of the DFXML working group, which later versions take too.
type DFXML struct {
	Program string // name and version: "salvor 1.0"
	// Images are the paths of the medium; of all disks of the case, in the order of their numbers, for a volume that was put
	// together of them.
	Images []string
	// Floors leads from such a volume to the disks; nil for a medium. The attribute salvor:source of a byte run is then the
	// number of the disk that its img_offset counts on.
	Floors  recovery.Floors
	Format  string // of an image in a container, for people; "" for all else
	Sector  int    // size of its sectors in bytes; 0 is 512
	Written time.Time
	Command string // command line; may be empty
	// Volumes are those of the medium whose files are listed, by number.
	Volumes []recovery.LayerRow
	// Files yields the entries of a volume; of volume 0, those that were found by their content alone.
	Files func(volume int) iter.Seq2[*recovery.Entry, error]
}

const (
	dfxmlSpace   = "http://www.forensicswiki.org/wiki/Category:Digital_Forensics_XML"
	ownSpace     = "urn:salvor:dfxml" // of what DFXML has no word for
	dfxmlVersion = "1.1.0"
)

// WriteDFXML writes d, with the byte runs of every file. Memory does not grow with the number of files. Errors are those
// of w and of the entries.
func WriteDFXML(w io.Writer, d DFXML) error {
	x := &dfxmlWriter{w: bufio.NewWriterSize(w, 64<<10), sector: d.Sector, floors: d.Floors}
	if x.sector <= 0 {
		x.sector = 512
	}
	program, version, _ := strings.Cut(d.Program, " ")
	x.raw(xml.Header)
	x.raw(`<dfxml xmlns="` + dfxmlSpace + `" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:salvor="` + ownSpace + `" version="` + dfxmlVersion + `">` + "\n")
	x.raw("<metadata><dc:type>Disk Image</dc:type>")
	if d.Format != "" {
		x.text("dc:format", d.Format)
	}
	x.raw("</metadata>\n<creator version=\"1.0\">")
	x.text("program", program)
	x.text("version", version)
	x.raw("<execution_environment>")
	x.text("os_sysname", runtime.GOOS)
	x.text("arch", runtime.GOARCH)
	if d.Command != "" {
		x.text("command_line", d.Command)
	}
	x.text("start_time", d.Written.UTC().Format(time.RFC3339))
	x.raw("</execution_environment></creator>\n<source>")
	for _, image := range d.Images {
		x.text("image_filename", image)
	}
	x.raw("</source>\n")
	for _, v := range d.Volumes {
		x.volume(v)
		if err := x.files(d.Files(v.Volume), v); err != nil {
			return err
		}
		x.raw("</volume>\n")
	}
	if err := x.files(d.Files(0), recovery.LayerRow{}); err != nil {
		return err
	}
	x.raw("</dfxml>\n")
	if x.err == nil {
		x.err = x.w.Flush()
	}
	return x.err
}

type dfxmlWriter struct {
	w      *bufio.Writer
	sector int
	floors recovery.Floors
	id     int64
	err    error
}

func (x *dfxmlWriter) raw(s string) {
	if x.err == nil {
		_, x.err = x.w.WriteString(s)
	}
}

func (x *dfxmlWriter) text(name, value string) {
	x.raw("<" + name + ">" + xmlText(value) + "</" + name + ">")
}

func (x *dfxmlWriter) number(name string, n int64) {
	x.raw("<" + name + ">" + strconv.FormatInt(n, 10) + "</" + name + ">")
}

// xmlText makes hostile text part of XML 1.0, which has no way to write most control characters: those and bytes
// that are no UTF-8 become \xNN.
func xmlText(s string) string {
	var b strings.Builder
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && n == 1, r < 0x20 && r != '\t' && r != '\n', r == 0xfffe || r == 0xffff:
			for i := range n {
				fmt.Fprintf(&b, `\x%02x`, s[i])
			}
		case r == '<':
			b.WriteString("&lt;")
		case r == '>':
			b.WriteString("&gt;")
		case r == '&':
			b.WriteString("&amp;")
		case r == '"':
			b.WriteString("&quot;")
		default:
			b.WriteString(s[:n])
		}
		s = s[n:]
	}
	return b.String()
}

func (x *dfxmlWriter) volume(v recovery.LayerRow) {
	if x.floors != nil { // its offset counts on what is no image
		x.raw("<volume>")
		x.number("sector_size", int64(x.sector))
		x.text("ftype_str", v.Kind)
		x.raw("\n")
		return
	}
	x.raw(fmt.Sprintf("<volume offset=\"%d\">", v.Extent.Offset))
	x.raw(fmt.Sprintf("<byte_runs><byte_run img_offset=\"%d\" len=\"%d\"/></byte_runs>", v.Extent.Offset, v.Extent.Length))
	if v.Extent.Offset > 0 {
		x.number("partition_offset", v.Extent.Offset)
	}
	x.number("sector_size", int64(x.sector))
	x.text("ftype_str", v.Kind)
	x.raw("\n")
}

func (x *dfxmlWriter) files(list iter.Seq2[*recovery.Entry, error], v recovery.LayerRow) error {
	for e, err := range list {
		if err != nil {
			return err
		}
		x.file(e, v)
		if x.err != nil {
			return x.err
		}
	}
	return nil
}

// nameTypes are the letters and numbers that The Sleuth Kit gives to types of files.
func nameType(m fs.FileMode) (letter string, number int64) {
	switch {
	case m.IsDir():
		return "d", 2
	case m&fs.ModeSymlink != 0:
		return "l", 6
	case m&fs.ModeNamedPipe != 0:
		return "p", 3
	case m&fs.ModeSocket != 0:
		return "s", 8
	case m&fs.ModeCharDevice != 0:
		return "c", 4
	case m&fs.ModeDevice != 0:
		return "b", 5
	}
	return "r", 1
}

func (x *dfxmlWriter) file(e *recovery.Entry, v recovery.LayerRow) {
	x.id++
	letter, kind := nameType(e.Mode)
	name := e.Path
	if name == "" {
		name = e.Name
	}
	if e.Stream != "" {
		name += ":" + e.Stream
	}
	x.raw("<fileobject>")
	x.text("filename", name)
	if e.Volume > 0 {
		x.number("partition", int64(e.Volume))
	}
	x.number("id", x.id)
	x.text("name_type", letter)
	x.number("filesize", e.Size)
	live := e.Origin == recovery.FromFileSystem && e.State == filesystem.Live
	if live {
		x.raw("<alloc>1</alloc>")
	} else {
		x.raw("<unalloc>1</unalloc>")
	}
	if e.Origin == recovery.FromFileSystem && e.State == filesystem.Orphan {
		x.raw("<orphan>1</orphan>")
	}
	if e.Encoding != "" {
		x.raw("<compressed>1</compressed>")
	}
	inode, seq := inodeOf(e.ID)
	if inode >= 0 {
		x.number("inode", inode)
	}
	x.number("meta_type", kind)
	if e.Mode.Perm() != 0 {
		x.number("mode", int64(e.Mode.Perm()))
	}
	if e.HasOwner {
		x.number("uid", int64(e.UID))
		x.number("gid", int64(e.GID))
	}
	x.time("mtime", e.Times.Modified, e.Times.Local)
	x.time("ctime", e.Times.Changed, e.Times.Local)
	x.time("atime", e.Times.Accessed, e.Times.Local)
	x.time("crtime", e.Times.Created, e.Times.Local)
	if seq >= 0 {
		x.number("seq", seq)
	}
	x.time("dtime", e.Times.Deleted, e.Times.Local)
	if e.Target != "" {
		x.text("link_target", e.Target)
	}
	x.runs(e, v)
	if e.SHA256 != "" {
		x.raw(`<hashdigest type="sha256">` + e.SHA256 + "</hashdigest>")
	}
	x.raw("</fileobject>\n")
}

// inodeOf reads the number of a file, and its sequence number, from its native ID; -1 where it has none.
func inodeOf(id string) (inode, seq int64) {
	_, last, ok := strings.Cut(id, "/")
	if !ok || len(last) < 2 || strings.HasPrefix(id, "c") {
		return -1, -1
	}
	last, _, _ = strings.Cut(last, ":")
	number, rest, has := strings.Cut(last[1:], "-")
	inode, err := strconv.ParseInt(number, 0, 64)
	if err != nil || inode < 0 {
		return -1, -1
	}
	seq = -1
	if has {
		if n, err := strconv.ParseInt(rest, 10, 64); err == nil {
			seq = n
		}
	}
	return inode, seq
}

// time writes a time; one whose zone is not known has none in xs:dateTime either.
func (x *dfxmlWriter) time(name string, t time.Time, local bool) {
	if t.IsZero() || t.Year() < 1 || t.Year() > 9999 {
		return
	}
	s := t.UTC().Format("2006-01-02T15:04:05.999999999")
	if !local {
		s += "Z"
	}
	x.text(name, s)
}

// runs writes where the bytes of e stand. Bytes that stand nowhere have no place on the image.
func (x *dfxmlWriter) runs(e *recovery.Entry, v recovery.LayerRow) {
	list := e.Runs
	if e.Encoding != "" {
		list = e.Stored
	}
	if len(list) == 0 {
		return
	}
	x.raw("<byte_runs>")
	if x.floors != nil {
		x.places(e)
		x.raw("</byte_runs>")
		return
	}
	for _, r := range list {
		switch r.Kind {
		case block.Lost:
			continue
		case block.Zero:
			x.raw(fmt.Sprintf("<byte_run file_offset=\"%d\" fill=\"0\" len=\"%d\"/>", r.Logical, r.Length))
			continue
		}
		place := ""
		if v.Volume > 0 && r.Physical >= v.Extent.Offset {
			place = fmt.Sprintf(" fs_offset=\"%d\"", r.Physical-v.Extent.Offset)
		}
		x.raw(fmt.Sprintf("<byte_run file_offset=\"%d\"%s img_offset=\"%d\" len=\"%d\"/>", r.Logical, place, r.Physical, r.Length))
	}
	x.raw("</byte_runs>")
}

// places writes where the bytes of e stand on the disks under its volume.
func (x *dfxmlWriter) places(e *recovery.Entry) {
	for _, r := range e.Runs {
		if r.Kind == block.Zero {
			x.raw(fmt.Sprintf("<byte_run file_offset=\"%d\" fill=\"0\" len=\"%d\"/>", r.Logical, r.Length))
		}
	}
	for p := range e.OnDisks(x.floors) {
		how := ""
		if p.Computed {
			how += ` salvor:computed="1"`
		}
		if p.Encrypted {
			how += ` salvor:encrypted="1"`
		}
		x.raw(fmt.Sprintf("<byte_run file_offset=\"%d\" img_offset=\"%d\" len=\"%d\" salvor:source=\"%d\"%s/>", p.Logical, p.Offset, p.Length, p.Source, how))
		if x.err != nil {
			return
		}
	}
}
