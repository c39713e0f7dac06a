package hfsplus

import (
	"io/fs"

	"salvor/cursor"
	"salvor/filesystem"
)

// Types of catalogue records.
const (
	recordFolder       = 1
	recordFile         = 2
	recordFolderThread = 3
	recordFileThread   = 4
)

const (
	folderSize = 88
	fileSize   = 248
)

// Types of files by their Finder information.
const (
	typeHardLink       = "hlnkhfs+"
	typeFolderHardLink = "fdrpMACS"
)

// The folders, in the root, that hold what hard links lead to.
const (
	linksFolder       = "\x00\x00\x00\x00HFS+ Private Data"
	folderLinksFolder = ".HFS+ Private Directory Data\r"
)

const flagCompressed = 0x20 // in the owner's flags

// node of the catalogue: a file or a folder.
type object struct {
	at     int64 // of the record in the catalogue file
	parent uint32
	name   string // as stored, decoded
	folder bool
	id     uint32

	created, modified, changed, accessed uint32
	uid, gid                             uint32
	ownerFlags                           uint8
	mode                                 uint16
	special                              uint32 // of a hard link: the number of what it leads to
	finder                               [32]byte
	data, resource                       fork
}

// parseKey splits the key of a catalogue record.
func parseKey(key []byte) (parent uint32, name []byte, ok bool) {
	if len(key) < 6 {
		return 0, nil, false
	}
	n := int(be.Uint16(key[4:]))
	if n > maxName || 6+2*n > len(key) {
		return 0, nil, false
	}
	return be.Uint32(key), key[6 : 6+2*n], true
}

// parseObject reads a record of the catalogue. ok is false for a thread and for what is no record.
func parseObject(r record) (o *object, ok bool) {
	parent, name, ok := parseKey(r.key)
	if !ok || len(r.data) < 2 {
		return nil, false
	}
	kind := be.Uint16(r.data)
	if !(kind == recordFolder && len(r.data) >= folderSize) && !(kind == recordFile && len(r.data) >= fileSize) {
		return nil, false
	}
	o = &object{at: r.at, parent: parent, name: decodeName(name), folder: kind == recordFolder}
	c := cursor.New("hfsplus: catalogue record", r.at, r.data)
	c.Skip(8)
	o.id = c.Uint32BE()
	o.created, o.modified, o.changed, o.accessed = c.Uint32BE(), c.Uint32BE(), c.Uint32BE(), c.Uint32BE()
	c.Skip(4)
	o.uid, o.gid = c.Uint32BE(), c.Uint32BE()
	c.Skip(1)
	o.ownerFlags, o.mode, o.special = c.Uint8(), c.Uint16BE(), c.Uint32BE()
	copy(o.finder[:], c.Bytes(32))
	if !o.folder {
		c.Skip(8)
		o.data, o.resource = readFork(c), readFork(c)
	}
	return o, c.Err() == nil && o.id >= idRoot && parent >= idRootParent && (o.folder || o.id >= idFirstUser)
}

// parseThread reads a thread: where the object with the ID of the key stands.
func parseThread(r record) (id, parent uint32, name string, ok bool) {
	id, stored, ok := parseKey(r.key)
	if !ok || len(stored) != 0 || len(r.data) < 10 {
		return 0, 0, "", false
	}
	if kind := be.Uint16(r.data); kind != recordFolderThread && kind != recordFileThread {
		return 0, 0, "", false
	}
	n := int(be.Uint16(r.data[8:]))
	if n > maxName || 10+2*n > len(r.data) {
		return 0, 0, "", false
	}
	return id, be.Uint32(r.data[4:]), decodeName(r.data[10 : 10+2*n]), true
}

// isLink reports whether o is a hard link, and to what kind.
func (o *object) isLink() (prefix, folder string, ok bool) {
	switch string(o.finder[:8]) {
	case typeHardLink:
		return "iNode", linksFolder, !o.folder
	case typeFolderHardLink:
		return "dir_", folderLinksFolder, !o.folder
	}
	return "", "", false
}

// The type of a file in its mode.
const (
	modeType = 0xF000
	modeDir  = 0x4000
	modeLink = 0xA000
)

// fileMode turns the stored mode around. An object without one, as old systems leave it, gets a usual one.
func (o *object) fileMode() fs.FileMode {
	m := fs.FileMode(o.mode & 0o777)
	for bit, flag := range map[uint16]fs.FileMode{0x800: fs.ModeSetuid, 0x400: fs.ModeSetgid, 0x200: fs.ModeSticky} {
		if o.mode&bit != 0 {
			m |= flag
		}
	}
	switch {
	case o.folder && o.mode == 0:
		return fs.ModeDir | 0o755
	case o.folder:
		return m | fs.ModeDir
	case o.mode == 0:
		return 0o644
	}
	switch o.mode & modeType {
	case modeLink:
		m |= fs.ModeSymlink
	case 0x1000:
		m |= fs.ModeNamedPipe
	case 0x2000:
		m |= fs.ModeDevice | fs.ModeCharDevice
	case 0x6000:
		m |= fs.ModeDevice
	case 0xC000:
		m |= fs.ModeSocket
	}
	return m
}

func (o *object) times() filesystem.Times {
	return filesystem.Times{Modified: when(o.modified), Accessed: when(o.accessed), Changed: when(o.changed), Created: when(o.created)}
}

// odd says what in the record contradicts itself, "" when nothing does.
func (o *object) odd() string {
	isDir := o.mode&modeType == modeDir
	switch {
	case o.mode != 0 && o.mode&modeType != 0 && isDir != o.folder:
		return "a mode of another type than the record"
	case o.name == "":
		return "no name"
	}
	return ""
}
