package archtest

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

const module = "salvor"

// order is the house from the ground up. A room imports only rooms of lines above its own in this list, which
// are below it in the house; rooms on one line do not know each other. The patterns are those of path.Match,
// and the first line that matches is the room's.
var order = [][]string{
	{"internal/need"},
	{"finding"},
	{"finding/translation"},
	{"cursor"},
	{"block/probe"},
	{"block"},
	{"block/blocktest"},
	{"guard", "internal/lzfse"},
	{"sweep", "imaging", "imaging/ewf", "imaging/failing", "unpack", "mend"},
	{"filetype", "volume", "filesystem", "container"},
	{"filetype/filetypetest", "filesystem/filesystemtest", "container/containertest"},
	{"filetype/internal/exif", "filetype/internal/inflate", "filetype/internal/window", "filesystem/internal/cluster", "filesystem/internal/wincompress", "container/internal/*", "volume/internal/*"},
	{"filetype/internal/exam"},
	{"filetype/internal/media", "filetype/internal/riff", "filetype/internal/tag"},
	{"filetype/all", "volume/all", "filesystem/all", "container/all"}, // see level: they stand one line higher
	{"filetype/*", "volume/*", "filesystem/*", "container/*"},
	{"layers"},
	{"firmware"},
	{"firmware/firmwaretest"},
	{"firmware/internal/fdt", "firmware/internal/pubkey"},
	{"firmware/internal/region", "firmware/internal/android", "firmware/internal/squash"},
	{"firmware/internal/fsimage", "firmware/internal/imagetest"},
	{"firmware/internal/signify", "firmware/internal/tarball", "firmware/internal/vendor"},
	{"firmware/internal/cms", "firmware/internal/cpio", "firmware/internal/pgp"},
	{"firmware/internal/avbmeta", "firmware/internal/avbtest", "firmware/internal/protobuf", "firmware/internal/zipfile"},
	{"firmware/all"},
	{"firmware/*"},
	{"compare/*"},
	{"carve", "preview", "relate", "compare"},
	{"diagnosis/logs", "diagnosis/match"},
	{"diagnosis"},
	{"diagnosis/*"},
	{"recovery"},
	{"host", "host/hosttest"},
	{"internal/wire"},
	{"casefile"},
	{"rescue"},
	{"ui"},
	{"internal/cli"},
	{"cmd/*"},
	{"internal/archtest", "ui/browsertest", "bench/*", "release/*"},
}

// tables are the packages that gather the rows of their family, and the only ones that name its members.
var tables = []string{"filetype/all", "volume/all", "filesystem/all", "container/all", "firmware/all"}

// helpers are members of a family that a room names beside the table, for what no row offers: what stands beside a
// package, the operations of a payload, and the variables by which a boot loader chooses.
var helpers = map[string]string{"firmware/beside": "rescue", "firmware/payload": "rescue", "firmware/ubootenv": "compare/boot"}

// readers are members of a family that read a format by a member of another one, which knows it already: a package that is
// a container too.
var readers = map[string]string{"firmware/asparse": "container/sparse", "firmware/super": "volume/lp"}

// keepers says who may import a package of the standard library that reaches out of the program, or around
// the language. A pattern covers what is below it too.
var keepers = []struct {
	imports []string
	rooms   []string
	why     string
}{
	{[]string{"os"}, []string{"host", "casefile", "recovery", "ui", "internal/cli", "cmd/*", "bench/*", "release/*", "filesystem/filesystemtest", "filetype/filetypetest", "volume/volumetest", "container/containertest", "firmware/internal/imagetest", "host/hosttest", "internal/need"}, "touches the operating system"},
	{[]string{"os/exec"}, []string{"host", "host/hosttest", "bench/*", "container/containertest", "firmware/internal/imagetest", "internal/need"}, "starts processes"},
	{[]string{"os/signal"}, []string{"host", "internal/cli"}, "listens to signals; host's keeper of a disk ends with its parent alone"},
	{[]string{"syscall"}, []string{"host", "host/hosttest", "recovery", "internal/cli", "bench/*"}, "touches the operating system"},
	{[]string{"log/slog"}, []string{"rescue", "ui", "internal/cli", "bench/*"}, "logs; a room returns findings instead"},
	{[]string{"log"}, nil, "logs without levels"},
	{[]string{"unsafe"}, []string{"host"}, "reads memory without types; only ioctls need that"},
	{[]string{"C", "plugin"}, nil, "loads code from outside"},
	{[]string{"net"}, []string{"host", "ui", "bench/*"}, "reaches the network; host asks the UPS of this computer, and ui listens, on the loopback addresses where no other is asked for"},
	{[]string{"net/http", "net/rpc", "net/smtp"}, []string{"ui", "bench/*"}, "reaches the network"},
	{[]string{"reflect"}, nil, "decodes without types"},
}

// modules says who may import a module of others. Tests may import any.
var modules = []struct {
	path  string
	rooms []string
}{
	{"github.com/klauspost/compress", []string{"filesystem/hfsplus", "filetype/*", "unpack", "container/*", "container/internal/*", "volume/internal/stacktest", "firmware/internal/squash"}},
	{"github.com/pierrec/lz4", []string{"unpack", "filetype/*", "firmware/internal/squash"}},
	{"github.com/nwaples/rardecode", []string{"filetype/*"}},
	{"github.com/spf13/cobra", []string{"internal/cli"}},
	{"go.yaml.in/yaml", []string{"firmware", "diagnosis/knowledge", "diagnosis/plan", "bench/diagnosis"}},
	{"golang.org/x/crypto", []string{"volume/internal/crypt", "firmware/internal/signify", "ui"}},
	{"golang.org/x/image", []string{"filetype/*"}},
	{"github.com/anchore/go-lzo", []string{"unpack", "firmware/internal/squash"}},
	{"github.com/smallstep/pkcs7", []string{"firmware/internal/cms"}},
	{"github.com/andybalholm/brotli", []string{"unpack", "firmware/payload"}},
	{"github.com/ProtonMail/go-crypto", []string{"firmware/internal/pgp"}},
	{"github.com/ulikunitz/xz", []string{"filetype/*", "unpack", "container/*", "firmware/internal/squash"}},
	{"golang.org/x/sync", []string{"rescue"}},
	{"golang.org/x/sys", []string{"host", "casefile", "recovery"}},
	{"golang.org/x/term", []string{"internal/cli"}},
	{"golang.org/x/text", []string{"filesystem/fat", "filesystem/hfsplus", "recovery", "internal/cli"}},
	{"modernc.org/sqlite", []string{"recovery"}},
}

// Package is what a rule needs to know of one.
type Package struct {
	Path    string // import path
	Imports []string
}

// level returns the line of a room, -1 when it has none. The tables of a family stand above its members,
// which a pattern cannot say.
func level(room string) int {
	for i, line := range order {
		if matches(line, room) {
			if slices.Contains(tables, room) {
				return 2*(i+1) + 1
			}
			return 2 * i
		}
	}
	return -1
}

func matches(patterns []string, room string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		ok, err := path.Match(p, room)
		return ok && err == nil
	})
}

// check returns what the packages do against the rules, one sentence each.
func check(packages []Package) []string {
	var broken []string
	for _, p := range packages {
		room := strings.TrimPrefix(p.Path, module+"/")
		if level(room) < 0 {
			broken = append(broken, fmt.Sprintf("%s has no place in the order of rooms", room))
			continue
		}
		for _, imported := range p.Imports {
			if why := refuse(room, imported); why != "" {
				broken = append(broken, fmt.Sprintf("%s imports %s: %s", room, imported, why))
			}
		}
	}
	return broken
}

// refuse says why room must not import that package; "" when it may.
func refuse(room, imported string) string {
	if below, ok := strings.CutPrefix(imported, module+"/"); ok {
		return refuseRoom(room, below)
	}
	if first, _, _ := strings.Cut(imported, "/"); strings.Contains(first, ".") {
		for _, m := range modules {
			if imported == m.path || strings.HasPrefix(imported, m.path+"/") {
				if matches(m.rooms, room) {
					return ""
				}
				return "this module belongs to " + strings.Join(m.rooms, ", ")
			}
		}
		return "this module has no place in the program"
	}
	for _, k := range keepers {
		if slices.Contains(k.imports, imported) && !matches(k.rooms, room) {
			return "it " + k.why
		}
	}
	return ""
}

func refuseRoom(room, below string) string {
	if slices.Contains(tables, below) && room != "rescue" && !matches([]string{"internal/cli", "cmd/*", "bench/*"}, room) {
		return "only the main job and the faces know which formats there are"
	}
	if (strings.HasSuffix(below, "test") || below == "internal/need") && !strings.HasSuffix(room, "test") {
		return "a test suite has no place in the program"
	}
	family, _, member := strings.Cut(below, "/")
	switch at, to := level(room), level(below); {
	case to < 0:
		return "it has no place in the order of rooms"
	case to >= at:
		return "it is not below"
	case member && slices.Contains(tables, family+"/all") && !strings.HasPrefix(below, family+"/internal/") &&
		!slices.Contains(tables, below) && room != family+"/all" && helpers[below] != room && readers[room] != below:
		return "members of a family are named by its table only"
	}
	return ""
}
