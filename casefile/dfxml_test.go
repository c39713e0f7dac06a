package casefile

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"io/fs"
	"iter"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"salvor/block"
	"salvor/filesystem"
	"salvor/recovery"
)

// dfxmlOrder are the elements that stand in others, in the order in which dfxml.xsd 1.1.0 wants them.
var dfxmlOrder = map[string][]string{
	"dfxml":    {"metadata", "creator", "source", "volume", "fileobject"},
	"metadata": {"type"},
	"creator":  {"program", "version", "build_environment", "execution_environment", "library"},
	"source":   {"image_filename"},
	"volume": {"byte_runs", "partition_offset", "sector_size", "block_size", "ftype", "ftype_str", "block_count", "first_block", "last_block",
		"allocated_only", "fileobject"},
	"fileobject": {"parent_object", "filename", "partition", "id", "name_type", "filesize", "unalloc", "alloc", "used", "unused", "orphan",
		"compressed", "inode", "meta_type", "mode", "nlink", "uid", "gid", "mtime", "ctime", "atime", "crtime", "seq", "dtime", "bkup_time",
		"link_target", "libmagic", "byte_runs", "hashdigest"},
	"byte_runs":             {"byte_run"},
	"execution_environment": nil, // in any order
}

// dfxmlTypes are what the schema says of the text of elements and of attributes.
var dfxmlTypes = map[string]*regexp.Regexp{
	"partition": regexp.MustCompile(`^[1-9][0-9]*$`), "partition_offset": regexp.MustCompile(`^[1-9][0-9]*$`), "sector_size": regexp.MustCompile(`^[1-9][0-9]*$`),
	"filesize": regexp.MustCompile(`^[0-9]+$`), "inode": regexp.MustCompile(`^[0-9]+$`), "meta_type": regexp.MustCompile(`^[0-9]+$`),
	"mode": regexp.MustCompile(`^[0-9]+$`), "uid": regexp.MustCompile(`^[0-9]+$`), "gid": regexp.MustCompile(`^[0-9]+$`), "seq": regexp.MustCompile(`^[0-9]+$`),
	"alloc": regexp.MustCompile(`^[01]$`), "unalloc": regexp.MustCompile(`^[01]$`), "orphan": regexp.MustCompile(`^[01]$`), "compressed": regexp.MustCompile(`^[01]$`),
	"name_type": regexp.MustCompile(`^[-pcdbrlshwv]$`), "hashdigest": regexp.MustCompile(`^[0-9a-f]{64}$`), "start_time": dfxmlTime,
	"mtime": dfxmlTime, "ctime": dfxmlTime, "atime": dfxmlTime, "crtime": dfxmlTime, "dtime": dfxmlTime,
	"@len": dfxmlCount, "@img_offset": dfxmlCount, "@fs_offset": dfxmlCount, "@file_offset": dfxmlCount, "@offset": dfxmlCount,
}

var (
	dfxmlTime  = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z?$`)
	dfxmlCount = regexp.MustCompile(`^[0-9]+$`)
)

// checkDFXML holds a file to the schema and returns the texts of its elements by name.
func checkDFXML(t *testing.T, p []byte) map[string][]string {
	t.Helper()
	texts := map[string][]string{}
	type open struct {
		name string
		at   int
		text strings.Builder
	}
	var stack []*open
	d := xml.NewDecoder(bytes.NewReader(p))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("at byte %d: %v", d.InputOffset(), err)
		}
		switch x := token.(type) {
		case xml.StartElement:
			space := dfxmlSpace
			if x.Name.Local == "type" {
				space = "http://purl.org/dc/elements/1.1/"
			}
			if x.Name.Space != space {
				t.Errorf("%s is in the space %s", x.Name.Local, x.Name.Space)
			}
			if n := len(stack); n > 0 {
				up := stack[n-1]
				if order := dfxmlOrder[up.name]; order != nil {
					at := slices.Index(order, x.Name.Local)
					if at < up.at {
						t.Errorf("%s stands in %s where the schema does not have it", x.Name.Local, up.name)
					}
					up.at = at
				}
			}
			for _, a := range x.Attr {
				if re := dfxmlTypes["@"+a.Name.Local]; re != nil && !re.MatchString(a.Value) {
					t.Errorf("%s=%q", a.Name.Local, a.Value)
				}
			}
			stack = append(stack, &open{name: x.Name.Local})
		case xml.CharData:
			if n := len(stack); n > 0 {
				stack[n-1].text.Write(x)
			}
		case xml.EndElement:
			top := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			if re := dfxmlTypes[top.name]; re != nil && !re.MatchString(top.text.String()) {
				t.Errorf("%s is %q", top.name, top.text.String())
			}
			texts[top.name] = append(texts[top.name], top.text.String())
		}
	}
	return texts
}

func list(entries ...*recovery.Entry) iter.Seq2[*recovery.Entry, error] {
	return func(yield func(*recovery.Entry, error) bool) {
		for _, e := range entries {
			if !yield(e, nil) {
				return
			}
		}
	}
}

func TestDFXML(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 500, time.UTC)
	sum := strings.Repeat("ab", 32)
	named := []*recovery.Entry{
		{ID: "v1/i2", Volume: 1, Origin: recovery.FromFileSystem, Mode: fs.ModeDir | 0o755, Path: "a folder"},
		{ID: "v1/i12", Volume: 1, Origin: recovery.FromFileSystem, Mode: 0o640, HasOwner: true, UID: 1000, GID: 4294967295, Path: "a folder/<hostile> & \"co\"\x01\xff\u202e",
			Size: 9000, SHA256: sum, Times: filesystem.Times{Modified: at, Deleted: at},
			Runs: []block.Run{{Logical: 0, Physical: 1<<20 + 4096, Length: 4096, Kind: block.Data}, {Logical: 4096, Length: 4096, Kind: block.Zero},
				{Logical: 8192, Length: 808, Kind: block.Lost}}},
		{ID: "v1/m56-2", Volume: 1, Origin: recovery.FromFileSystem, State: filesystem.Deleted, Mode: 0o600, Path: "b", Stream: "other", Times: filesystem.Times{Modified: at, Local: true}},
		{ID: "v1/d0x62e0", Volume: 1, Origin: recovery.FromFileSystem, State: filesystem.Orphan, Mode: fs.ModeSymlink | 0o777, Path: "c", Target: "../d"},
		{ID: "v1/i13", Volume: 1, Origin: recovery.FromFileSystem, Mode: fs.ModeDevice | fs.ModeCharDevice, Path: "null"},
		{ID: "v1/i14", Volume: 1, Origin: recovery.FromFileSystem, Path: "packed", Size: 70000, Encoding: "ntfs.lznt1",
			Stored: []block.Run{{Physical: 2 << 20, Length: 4096, Kind: block.Data}}},
	}
	carved := &recovery.Entry{ID: "c/0x300000", Origin: recovery.FromContent, Name: "jpeg at 0x300000.jpg", State: filesystem.Orphan, Size: 10,
		Runs: []block.Run{{Physical: 3 << 20, Length: 10, Kind: block.Data}}}
	d := DFXML{Program: "salvor 1.0 & more", Images: []string{"/media/<usb>/card.img"}, Written: at, Command: "salvor rescue 'a'",
		Volumes: []recovery.LayerRow{{Volume: 1, Kind: "ext4", Extent: block.Extent{Offset: 1 << 20, Length: 8 << 20}}},
		Files: func(volume int) iter.Seq2[*recovery.Entry, error] {
			if volume == 1 {
				return list(named...)
			}
			return list(carved)
		}}
	var b bytes.Buffer
	if err := WriteDFXML(&b, d); err != nil {
		t.Fatal(err)
	}
	texts := checkDFXML(t, b.Bytes())
	for name, want := range map[string][]string{
		"filename": {"a folder", `a folder/<hostile> & "co"\x01\xff` + "\u202e", "b:other", "c", "null", "packed", "jpeg at 0x300000.jpg"},
		"inode":    {"2", "12", "56", "25312", "13", "14"},
		"seq":      {"2"}, "name_type": {"d", "r", "r", "l", "c", "r", "r"}, "meta_type": {"2", "1", "1", "6", "4", "1", "1"},
		"alloc": {"1", "1", "1", "1"}, "unalloc": {"1", "1", "1"}, "orphan": {"1"}, "compressed": {"1"},
		"mtime": {"2026-03-01T12:00:00.0000005Z", "2026-03-01T12:00:00.0000005"}, "link_target": {"../d"}, "hashdigest": {sum},
		"partition_offset": {"1048576"}, "ftype_str": {"ext4"}, "image_filename": {"/media/<usb>/card.img"}, "program": {"salvor"},
	} {
		if !slices.Equal(texts[name], want) {
			t.Errorf("%s: %q, want %q", name, texts[name], want)
		}
	}
	for _, run := range []string{
		`<byte_run file_offset="0" fs_offset="4096" img_offset="1052672" len="4096"/><byte_run file_offset="4096" fill="0" len="4096"/></byte_runs>`,
		`<byte_run file_offset="0" img_offset="3145728" len="10"/>`,
	} {
		if !strings.Contains(b.String(), run) {
			t.Errorf("there is no %s", run)
		}
	}

	// Without volumes: what a carver alone writes.
	b.Reset()
	d.Volumes = nil
	d.Files = func(int) iter.Seq2[*recovery.Entry, error] { return list(carved) }
	if err := WriteDFXML(&b, d); err != nil {
		t.Fatal(err)
	}
	if texts := checkDFXML(t, b.Bytes()); len(texts["fileobject"]) != 1 {
		t.Errorf("%v", texts)
	}
	bad := errors.New("the catalogue broke")
	d.Files = func(int) iter.Seq2[*recovery.Entry, error] {
		return func(yield func(*recovery.Entry, error) bool) { yield(nil, bad) }
	}
	if err := WriteDFXML(&b, d); !errors.Is(err, bad) {
		t.Error(err)
	}
}
