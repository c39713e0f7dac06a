package ntfs

import (
	"fmt"
	"io/fs"
	"strings"

	"salvor/block"
	"salvor/filesystem"
	"salvor/finding"
)

// Names of extended attributes, which are those that NTFS-3G gives the same things.
const (
	xattrDOS      = "system.ntfs_attrib"       // attribute bits, 4 bytes, low first
	xattrACL      = "system.ntfs_acl"          // security descriptor: owner, group and access lists
	xattrReparse  = "system.ntfs_reparse_data" // reparse point with its header
	xattrObjectID = "system.ntfs_object_id"
	xattrShort    = "system.ntfs_dos_name" // short name beside the long one
	xattrEA       = "system.ntfs_ea"       // OS/2 extended attributes as they are stored
)

// unitShift is the logarithm of the clusters of a compression unit, for which the format has one value.
const unitShift = 4

// file makes a File of an object, without identity, path and state.
func (v *volume) file(o *object) *filesystem.File {
	f := &filesystem.File{Sound: o.inUse() && !o.broken, Mode: 0o644}
	attributes := uint32(0)
	times := fileTimes{}
	switch {
	case o.standard != nil:
		times, attributes = o.standard.times, o.standard.attributes
	case len(o.names) > 0:
		times, attributes = o.names[0].times, o.names[0].attributes
		f.Sound = false
	default:
		f.Sound = false
	}
	f.Times = times.times()
	if o.directory() {
		f.Mode = fs.ModeDir | 0o755
	}
	if attributes&attrReadOnly != 0 {
		f.Mode &^= 0o222
	}
	v.keepAttributes(f, o, attributes)
	note := func(list ...finding.Finding) {
		for _, n := range list {
			if n.Severity != finding.Info {
				f.Sound = false
			}
			f.Findings = append(f.Findings, n)
		}
	}
	note(o.notes...)
	if !o.directory() && (o.find(typeUtility, "$EFS") != nil || attributes&attrEncrypted != 0 && o.hasEncrypted()) {
		f.Locked = true
		note(encrypted.New(finding.At(max(o.offset(0), 0), v.b.recordSize)))
	}
	r := v.readReparse(o, attributes)
	note(r.notes...)
	if r.mode != 0 {
		f.Mode, f.Target = f.Mode.Perm()|r.mode, r.target
		if r.mode&fs.ModeSymlink != 0 {
			f.Mode |= 0o777
		}
	}
	for i := range o.values {
		e := &o.values[i]
		if e.kind != typeData || e.name == wofStream && r.packing != "" {
			continue
		}
		if e.name == "" && (o.directory() || r.mode != 0) {
			continue
		}
		s, problems := v.stream(o, e, &r)
		note(problems...)
		if e.name == "" {
			f.Streams = append([]filesystem.Stream{s}, f.Streams...)
		} else {
			f.Streams = append(f.Streams, s)
		}
	}
	if v.interix(f, attributes) {
		f.Streams = f.Streams[1:]
	}
	if len(f.Streams) > 0 && f.Streams[0].Name != "" && f.Mode.IsRegular() {
		note(recordBroken.New(finding.At(max(o.offset(0), 0), v.b.recordSize), finding.Expected(nil, "it has no content")))
	}
	return f
}

// hasEncrypted reports whether a stream of the file says that it is encrypted.
func (o *object) hasEncrypted() bool {
	for i := range o.values {
		if e := &o.values[i]; e.kind == typeData && e.flags&flagEncrypted != 0 {
			return true
		}
	}
	return false
}

func (t fileTimes) times() filesystem.Times {
	return filesystem.Times{Created: moment(t.created), Modified: moment(t.modified), Changed: moment(t.changed), Accessed: moment(t.accessed)}
}

// keepAttributes keeps as extended attributes what has no place of its own.
func (v *volume) keepAttributes(f *filesystem.File, o *object, attributes uint32) {
	keep := func(name string, value []byte) {
		if len(value) == 0 {
			return
		}
		if f.Attributes == nil {
			f.Attributes = map[string][]byte{}
		}
		f.Attributes[name] = value
	}
	if attributes&^(attrArchive|attrNormal|attrDirectory) != 0 {
		keep(xattrDOS, le.AppendUint32(nil, attributes))
	}
	if o.standard != nil && o.standard.security != 0 {
		keep(xattrACL, v.descriptor(o.standard.security))
	}
	for name, kind := range map[string]uint32{xattrACL: typeSecurity, xattrReparse: typeReparse, xattrObjectID: typeObjectID, xattrEA: typeEA} {
		if e := o.find(kind, ""); e != nil {
			if p, err := v.read(e, maxValue); err == nil {
				keep(name, p)
			}
		}
	}
	for _, n := range o.names {
		if n.space == spaceDOS {
			keep(xattrShort, []byte(n.name))
		}
	}
}

// stream describes one $DATA attribute.
func (v *volume) stream(o *object, e *value, r *reparse) (s filesystem.Stream, notes []finding.Finding) {
	place := finding.At(max(o.offset(0), 0), v.b.recordSize)
	s = filesystem.Stream{Name: e.name, Size: e.length()}
	if e.name == "" && r.packing != "" {
		return v.packed(o, e, r)
	}
	if e.name == "" && r.absent {
		s.Runs = block.Normalize(nil, s.Size)
		return s, nil
	}
	if e.resident {
		s.Runs = v.plainRuns(e)
		return s, nil
	}
	if !e.headed {
		notes = append(notes, pairsBroken.New(place, finding.Expected(nil, "the first piece is missing, and the size with it")))
		for _, c := range e.spans {
			s.Size = max(s.Size, (c.first+c.count)*v.b.clusterSize)
		}
		e.size, e.initialized = s.Size, s.Size
	}
	if e.initialized > e.size || e.allocated < e.size && e.flags&(flagSparse|flagCompressed) == 0 {
		notes = append(notes, sizesContradict.New(place, finding.Arg("stream", s.Name),
			finding.Expected(fmt.Sprintf("at most %d", e.allocated), fmt.Sprintf("%d, of which %d were written", e.size, e.initialized))))
	}
	if e.flags&flagCompressed == 0 || len(e.spans) == 0 {
		s.Runs = v.plainRuns(e)
		return s, append(notes, v.incomplete(o, s.Runs)...)
	}
	unit := v.b.clusterSize << unitShift
	if e.unit != unitShift || e.flags&flagCompressed != 1 || unit > maxUnit {
		notes = append(notes, compressionUnknown.New(place, finding.Expected("LZNT1 in units of 16 clusters",
			fmt.Sprintf("method %d, units of 2^%d clusters of %d bytes", e.flags&flagCompressed, e.unit, v.b.clusterSize))))
		s.Runs = block.Normalize(nil, s.Size)
		return s, notes
	}
	s.Encoding = fmt.Sprintf("%s:%d", encodingLZNT1, unit)
	if e.initialized < e.size {
		s.Encoding += fmt.Sprintf(":%d", e.initialized)
	}
	stored := (s.Size + unit - 1) / unit * unit
	runs := v.spanRuns(e.spans)
	if n := len(runs); n > 0 && runs[n-1].LogicalExtent().End() >= min(e.allocated, stored) {
		runs = append(runs, block.Run{Logical: runs[n-1].LogicalExtent().End(), Length: max(0, stored-runs[n-1].LogicalExtent().End()), Kind: block.Zero})
	}
	s.Runs = block.Normalize(runs, stored)
	return s, append(notes, v.incomplete(o, s.Runs)...)
}

// incomplete tells of bytes of a stream that no list of clusters names, or that are not here.
func (v *volume) incomplete(o *object, runs []block.Run) (notes []finding.Finding) {
	lost, behind := int64(0), int64(-1)
	bad := int64(0)
	for _, r := range runs {
		if r.Kind == block.Lost {
			lost += r.Length
		}
		if e := r.PhysicalExtent(); e.Length > 0 {
			if e.End() > v.src.Size() && behind < 0 {
				behind = max(e.Offset, v.src.Size())
			}
			if !v.bad.Empty() {
				bad += v.bad.Within(e).Bytes()
			}
		}
	}
	if lost > 0 {
		notes = append(notes, pairsBroken.New(finding.At(max(o.offset(0), 0), v.b.recordSize), finding.Expected(nil, fmt.Sprintf("%d bytes have no cluster", lost))))
	}
	if behind >= 0 {
		notes = append(notes, behindEnd.New(finding.At(behind, 0)))
	}
	if bad > 0 {
		notes = append(notes, unreadableKnown.New(finding.Expected(0, bad)))
	}
	return notes
}

// descriptor returns the security descriptor of an id; nil when it is not known.
func (v *volume) descriptor(id uint32) []byte {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.security == nil {
		v.security = map[uint32][]byte{}
		v.readSecurity()
	}
	return v.security[id]
}

const (
	maxSecurity   = 16 << 20  // bytes of descriptors that are kept
	securityBlock = 256 << 10 // behind each of which stands its copy
	securityEntry = 20
)

// readSecurity reads the descriptors of the volume, which are kept once for all files.
func (v *volume) readSecurity() {
	o := v.system(recordSecure)
	if o == nil {
		return
	}
	e := o.find(typeData, "$SDS")
	if e == nil {
		return
	}
	src, kept := v.source(e), 0
	buf := make([]byte, securityBlock)
	for at := int64(0); at < src.Size() && kept < maxSecurity; at += 2 * securityBlock {
		n, _ := src.ReadAt(buf[:min(securityBlock, src.Size()-at)], at)
		for b := buf[:n]; len(b) >= securityEntry; {
			id, size := le.Uint32(b[4:]), int64(le.Uint32(b[16:]))
			if size < securityEntry || size > int64(len(b)) {
				break
			}
			if _, ok := v.security[id]; !ok && id != 0 {
				v.security[id] = append([]byte(nil), b[securityEntry:size]...)
				kept += int(size)
			}
			b = b[min(int64(len(b)), (size+15)&^15):]
		}
	}
}

// interix recognises the links and devices that Interix and NTFS-3G write as small system files, and reports
// whether f became one.
func (v *volume) interix(f *filesystem.File, attributes uint32) bool {
	if attributes&attrSystem == 0 || !f.Mode.IsRegular() || f.Locked || len(f.Streams) == 0 || f.Streams[0].Name != "" || f.Streams[0].Encoding != "" {
		return false
	}
	size := f.Streams[0].Size
	if size == 0 {
		return false
	}
	if size < 8 || size > 64<<10 {
		return false
	}
	p := readAt(block.Join(v.src, f.Streams[0].Runs, size), 0, size)
	if p == nil {
		return false
	}
	switch string(p[:8]) {
	case "IntxLNK\x01":
		f.Mode, f.Target = fs.ModeSymlink|0o777, strings.TrimRight(text8(p[8:]), "\x00")
	case "IntxCHR\x00":
		f.Mode = fs.ModeDevice | fs.ModeCharDevice | f.Mode.Perm()
	case "IntxBLK\x00":
		f.Mode = fs.ModeDevice | f.Mode.Perm()
	default:
		return false
	}
	return true
}
