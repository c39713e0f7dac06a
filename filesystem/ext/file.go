package ext

import (
	"fmt"
	"io/fs"
	"time"

	"salvor/block"
	"salvor/filesystem"
	"salvor/finding"
)

// file makes a File of an inode, without identity and path.
func (v *volume) file(in *inode, state filesystem.State, s *survey, use *budget) *filesystem.File {
	f := &filesystem.File{State: state, Mode: in.fileMode(), HasOwner: true, UID: in.uid, GID: in.gid, Sound: in.checksumOK && in.typed(),
		Times: filesystem.Times{
			Accessed: in.time(0x08, 0x8C), Changed: in.time(0x0C, 0x84), Modified: in.time(0x10, 0x88), Created: in.time(0x90, 0x94),
			Deleted: in.deletedTime(v.sb),
		}}
	if f.Times.Created.Unix() == 0 {
		f.Times.Created = time.Time{}
	}
	note := func(list ...finding.Finding) {
		for _, n := range list {
			if n.Severity == finding.Error {
				f.Sound = false
			}
			f.Findings = append(f.Findings, n)
		}
	}
	at := finding.At(in.offset, v.sb.inodeSize)
	if !in.checksumOK {
		note(inodeChecksum.New(at, finding.Arg("inode", in.number)))
	}
	if v.stale {
		f.Sound = false
	}
	if in.rebuilt {
		f.Sound = false
		if state == filesystem.Live {
			f.State = filesystem.Rebuilt
		}
		note(inodeRebuilt.New(at, finding.Arg("inode", in.number), finding.Expected(nil, v.rebuilt[in.number].why)))
	}
	if in.flags&flagEncrypted != 0 {
		f.Locked = true
		note(encrypted.New(at))
	}
	if in.flags&flagCompressed != 0 && v.sb.incompat&incompatCompression != 0 {
		f.Sound = false
		note(compressed.New(at))
	}
	if in.flags&flagVerity != 0 && in.kind() == typeRegular && !in.inline() {
		if behind := block.SetOf(v.mapInode(in, use).beyond...).Extents(); len(behind) > 0 {
			note(verity.New(finding.At(behind[0].Offset, behind[0].Length), finding.Arg("count", block.SetOf(behind...).Bytes())))
		}
	}
	if id := in.project(); id != 0 && v.sb.roCompat&roCompatProject != 0 {
		note(project.New(at, finding.Expected(nil, id)))
	}
	var problems []finding.Finding
	f.Attributes, problems = v.readAttributes(in, use)
	note(problems...)
	switch in.kind() {
	case typeRegular, typeDir:
		runs, size, problems := v.content(in, use)
		note(problems...)
		if len(problems) > 0 {
			f.Sound = false
		}
		if state != filesystem.Deleted && (in.past == nil || in.rebuilt) {
			note(v.conflicts(in, runs, s)...)
		}
		if doubt := v.doubt(runs, s); doubt != nil {
			f.Sound = false
			note(doubt...)
			runs = guessed(runs, s.doubtful)
		}
		if in.kind() == typeRegular {
			f.Streams = []filesystem.Stream{{Size: size, Runs: runs}}
		}
	case typeLink:
		if f.Locked {
			break
		}
		target, problem := v.target(in, use)
		f.Target = target
		if problem != "" {
			note(targetBroken.New(at, finding.Expected(nil, problem)))
		}
	}
	return f
}

// content returns the runs of an inode's content, which cover size bytes, and what is wrong with them.
func (v *volume) content(in *inode, use *budget) (runs []block.Run, size int64, problems []finding.Finding) {
	size = min(max(in.size, 0), v.sb.blockSize<<32)
	if in.inline() {
		runs, broken := in.inlineRuns()
		if broken != "" {
			problems = append(problems, inlineBroken.New(finding.At(in.offset, v.sb.inodeSize), finding.Expected(nil, broken)))
		}
		return block.Normalize(runs, size), size, problems
	}
	m := v.mapInode(in, use)
	if p := v.miscounted(in, &m); p != nil {
		m.problems = append(m.problems, *p)
	}
	return m.runs, size, m.problems
}

// miscounted compares the number of blocks that an inode says it has with those of its map.
func (v *volume) miscounted(in *inode, m *mapping) *finding.Finding {
	s := v.sb
	if s.clusterBlocks > 1 || len(in.ranges) > 0 || len(m.problems) > 0 || s.incompat&incompatEAInode != 0 {
		return nil
	}
	n := int64(0)
	for _, r := range m.runs {
		if r.Kind.Stands() {
			n += (r.Length + s.blockSize - 1) / s.blockSize
		}
	}
	for _, e := range m.beyond {
		n += e.Length / s.blockSize
	}
	n += int64(len(m.nodes))
	if in.attributes != 0 {
		n++
	}
	says := in.sectors
	if in.flags&flagHuge == 0 || s.roCompat&roCompatHugeFile == 0 {
		if per := uint64(s.blockSize / 512); says%per == 0 {
			says /= per
		}
	}
	if says == uint64(n) {
		return nil
	}
	p := blocksMiscounted.New(finding.At(in.offset+0x1C, 4), finding.Expected(says, n))
	return &p
}

// conflicts tells what else claims the places of a file.
func (v *volume) conflicts(in *inode, runs []block.Run, s *survey) (out []finding.Finding) {
	if in.inline() {
		return nil
	}
	own, twice := false, false
	structures := v.structures()
	for _, r := range runs {
		e := r.PhysicalExtent()
		if e.Length == 0 {
			continue
		}
		if !own && structures.Overlaps(e) {
			own = true
			out = append(out, overlapsMetadata.New(finding.At(e.Offset, e.Length)))
		}
		if !twice && s.shared.Overlaps(e) {
			twice = true
			out = append(out, multiClaimed.New(finding.At(e.Offset, e.Length)))
		}
	}
	return out
}

// target returns where a symbolic link leads to.
func (v *volume) target(in *inode, use *budget) (target, problem string) {
	if in.size <= 0 || in.size > max(v.sb.blockSize, 4096) {
		return "", fmt.Sprintf("a length of %d", in.size)
	}
	if in.fastLink() {
		return cut(in.block()[:in.size])
	}
	runs, size, problems := v.content(in, use)
	if len(problems) > 0 {
		problem = problems[0].Text
	}
	b := make([]byte, size)
	if n, err := block.Join(v.view, runs, size).ReadAt(b, 0); n < len(b) {
		return "", fmt.Sprint(err)
	}
	target, short := cut(b)
	if problem == "" {
		problem = short
	}
	return target, problem
}

// cut ends a target at its first NUL, which none has.
func cut(b []byte) (target, problem string) {
	for i, c := range b {
		if c == 0 {
			return string(b[:i]), fmt.Sprintf("it ends after %d of %d bytes", i, len(b))
		}
	}
	return string(b), ""
}

// entryMode is what an entry alone says of the type.
func entryMode(e entry) fs.FileMode {
	if int(e.kind) < len(entryTypes) && e.kind > 0 {
		return typeMode(entryTypes[e.kind])
	}
	return fs.ModeIrregular
}
