package ntfs

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"salvor/block"
	"salvor/finding"
)

const (
	maxLeads   = 1 << 20  // names that are remembered without their record
	maxDead    = 1 << 20  // pieces of deleted files
	maxOlder   = 16 << 20 // bytes of older records of a log
	maxRivals  = 4096     // pieces of deleted files that are compared with one
	pageShift  = 12
	pageLength = 1 << pageShift
)

// known is what is remembered of each record.
type known struct {
	sequence uint16
	state    uint8
}

const (
	knownValid    = 1 << iota // it is a record
	knownInUse                //
	knownNamed                // a folder names it
	knownNameless             // it has no name of its own
)

// folder is a directory that paths lead through.
type folder struct {
	parent reference
	name   string
	state  uint8
}

const (
	folderGone = iota // only its name is left
	folderDead        // its record is left
	folderLost        // it is in use, but its record is broken
	folderLive
)

func (f folder) live() bool { return f.state >= folderLost }

// lead is a name without its record.
type lead struct {
	fileName
	from  *finding.Def
	at    int64 // on the volume
	sized bool  // the name came with a size
}

// lostEntry is what a folder names and whose record is broken.
type lostEntry struct {
	file reference
	fileName
	at int64
}

// dead is a piece of a deleted file.
type dead struct {
	block.Extent
	owner   int64 // number of its record
	changed uint64
}

// survey is what must be known of the whole volume before its files can be told of. It is made once and not
// changed afterwards.
type survey struct {
	root     reference
	pages    map[int64]*[pageLength]known
	folders  map[reference]folder
	children map[reference][]reference // folders by their parent

	claims, shared block.Set // of files in use, in bytes
	gone           block.Set // of deleted ones
	allocated      block.Set // by the volume's bitmap
	allocation     bool      // which could be read

	dead        []dead // in order of their places, those only that overlap another
	deadEnd     []int64
	leads       map[reference]lead
	unlinked    []lead               // names without a reference
	removed     map[reference]uint64 // when the journal says that a file was deleted
	lost        []lostEntry
	lostFolders map[reference]int // where in lost
	unlisted    bool              // some folder could not be read whole
	older       []older
	former      *former
	shadows     int
	journal     int64 // number of the record of the journal of changes, 0 when there is none
}

func (s *survey) get(number int64) known {
	if p := s.pages[number>>pageShift]; p != nil {
		return p[number&(pageLength-1)]
	}
	return known{}
}

func (s *survey) set(number int64, k known) {
	p := s.pages[number>>pageShift]
	if p == nil {
		p = new([pageLength]known)
		s.pages[number>>pageShift] = p
	}
	p[number&(pageLength-1)] = k
}

// survey returns the survey of the volume, and makes it when no one did yet.
func (v *volume) survey(ctx context.Context) (*survey, error) {
	select {
	case <-v.turn:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { v.turn <- struct{}{} }()
	if v.done != nil {
		return v.done, ctx.Err()
	}
	s := &survey{root: refer(recordRoot, recordRoot), pages: map[int64]*[pageLength]known{}, folders: map[reference]folder{},
		children: map[reference][]reference{}, leads: map[reference]lead{}, removed: map[reference]uint64{}, lostFolders: map[reference]int{}}
	if err := v.surveyTable(ctx, s); err != nil {
		return nil, err
	}
	var notes []finding.Finding
	if note := v.readBitmap(ctx, s); note != nil {
		notes = append(notes, *note)
	}
	v.surveyFolders(ctx, s)
	notes = append(notes, v.surveyLog(ctx, s)...)
	v.surveyJournal(ctx, s)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if !v.isFormer {
		var err error
		if s.former, err = v.findFormer(ctx, s); err != nil {
			return nil, err
		}
	}
	s.addLeads()
	for at, f := range s.folders {
		if at != s.root {
			s.children[f.parent] = append(s.children[f.parent], at)
		}
	}
	for _, list := range s.children {
		slices.SortFunc(list, func(a, b reference) int { return cmp.Compare(a, b) })
	}
	if s.shadows > 0 {
		notes = append(notes, volumeShadow.New(finding.Expected(nil, s.shadows)))
	}
	v.mu.Lock()
	v.info.Findings = append(v.info.Findings, notes...)
	v.mu.Unlock()
	v.done = s
	return s, nil
}

// surveyTable goes over all records.
func (v *volume) surveyTable(ctx context.Context, s *survey) error {
	var live, gone block.Claims
	var pieces []dead
	var spans []span
	err := v.table.each(ctx, func(number int64, r *record, err error) bool {
		if err != nil {
			return true
		}
		k := known{sequence: r.sequence, state: knownValid}
		if r.inUse() {
			k.state |= knownInUse
		}
		var best *fileName
		changed, listed := uint64(0), false
		owner := number
		if r.base != 0 {
			owner = r.base.number()
		}
		_ = r.attributes(func(a *attribute) bool { // what is broken is told when the file is
			switch {
			case a.kind == typeStandard && a.resident && len(a.value) >= standardLength:
				changed = parseStandard(a.value).times.changed
			case a.kind == typeList:
				listed = true
			case a.kind == typeName && a.resident:
				n, err := parseFileName(a.value, 0)
				if err == nil && (best == nil || best.space == spaceDOS) {
					best = &n
				}
			}
			if a.resident || number == recordBad {
				return true
			}
			spans, _ = appendPairs(spans[:0], a.pairs, a.first, v.b.clusters())
			for _, p := range spans {
				if p.at < 0 {
					continue
				}
				e := block.Extent{Offset: p.at * v.b.clusterSize, Length: p.count * v.b.clusterSize}
				if r.inUse() {
					live.Add(e)
				} else if a.kind == typeData && len(pieces) < maxDead {
					gone.Add(e)
					pieces = append(pieces, dead{e, owner, changed})
				}
			}
			return true
		})
		if r.base == 0 && best == nil && listed {
			for _, n := range v.gather(r).names {
				if best == nil || best.space == spaceDOS {
					best = &n
				}
			}
		}
		if best == nil {
			k.state |= knownNameless
		}
		s.set(number, k)
		if number == recordRoot && r.inUse() {
			s.root = r.reference()
		}
		if r.base != 0 || best == nil {
			return true
		}
		if r.inUse() && best.name == "$UsnJrnl" && best.parent.number() == recordExtend {
			s.journal = number
		}
		if r.directory() && number != recordRoot {
			f := folder{parent: best.parent, name: strings.Clone(best.name), state: folderDead}
			if r.inUse() {
				f.state = folderLive
			}
			s.folders[r.reference()] = f
		}
		if r.inUse() && strings.HasSuffix(strings.ToLower(best.name), shadowStore) && strings.HasPrefix(best.name, "{") {
			s.shadows++
		}
		return true
	})
	if err != nil {
		return err
	}
	s.claims, s.shared = live.Any(), live.Shared()
	contested := gone.Shared()
	s.gone = gone.Any()
	for _, d := range pieces {
		if contested.Overlaps(d.Extent) {
			s.dead = append(s.dead, d)
		}
	}
	slices.SortFunc(s.dead, func(a, b dead) int { return cmp.Compare(a.Offset, b.Offset) })
	end := int64(0)
	for _, d := range s.dead {
		end = max(end, d.End())
		s.deadEnd = append(s.deadEnd, end)
	}
	return nil
}

// shadowStore is how the names of the stores of volume shadow copies end, which begin with an identifier.
const shadowStore = "{3808876b-c176-4e48-b7ae-04046e6cc752}"

// surveyFolders reads the entries of all folders: which records they name, and which names are left behind
// them.
func (v *volume) surveyFolders(ctx context.Context, s *survey) {
	numbers := []reference{s.root}
	for at, f := range s.folders {
		if f.state == folderDead || f.state == folderLive {
			numbers = append(numbers, at)
		}
	}
	slices.SortFunc(numbers, func(a, b reference) int { return cmp.Compare(a.number(), b.number()) })
	left := 4*v.src.Size() + maxDirectory/256 // of index blocks: folders do not share them
	for _, at := range numbers {
		if ctx.Err() != nil {
			return
		}
		r, err := v.table.record(at.number())
		if err != nil {
			s.unlisted = true
			continue
		}
		o := v.gather(&r)
		alive := r.inUse()
		first := len(s.unlinked)
		slack := func(e indexEntry, off int64) {
			l := lead{e.fileName, nameFromIndex, off, true}
			switch {
			case e.file != 0:
				s.lead(e.file, l)
			case e.space != spaceDOS && len(s.unlinked) < maxLeads:
				s.unlinked = append(s.unlinked, l)
			}
		}
		live := func(e indexEntry, off int64) {
			k := s.get(e.file.number())
			switch {
			case !alive:
				slack(e, off)
			case k.state&(knownValid|knownInUse) == knownValid|knownInUse && k.sequence == e.file.sequence():
				k.state |= knownNamed
				s.set(e.file.number(), k)
			case k.state&knownValid != 0:
				slack(e, off) // the record was freed; the folder is behind
			case e.space != spaceDOS && len(s.lost) < maxLeads:
				s.lost = append(s.lost, lostEntry{e.file, e.fileName, off})
				if e.directory() {
					s.lostFolders[e.file] = len(s.lost) - 1
					s.folders[e.file] = folder{parent: e.parent, name: e.name, state: folderLost}
					s.unlisted = true // what is in it has no other witness
				}
			}
		}
		if err := v.folderIndex(o, &left, live, slack); err != nil && alive {
			s.unlisted = true
		}
		if len(s.unlinked) > first {
			s.unlinked = append(s.unlinked[:first], v.removed(o, &left, s.unlinked[first:])...)
		}
	}
}

// removed returns those of the names without a reference that the folder does not hold any more, each once: what is
// still there was only moved. The folder is read again, since its names are too many to keep.
func (v *volume) removed(o *object, left *int64, unlinked []lead) []lead {
	gone := map[string]bool{}
	for _, l := range unlinked {
		gone[l.name] = true
	}
	_ = v.folderIndex(o, left, func(e indexEntry, _ int64) { delete(gone, e.name) }, func(indexEntry, int64) {}) // it was told before
	return slices.DeleteFunc(slices.Clone(unlinked), func(l lead) bool {
		keep := gone[l.name]
		delete(gone, l.name)
		return !keep
	})
}

// lead remembers a name whose file is not in use any more. A later one replaces it.
func (s *survey) lead(file reference, l lead) {
	k := s.get(file.number())
	if l.space == spaceDOS || file.number() < firstFree || k.state&knownInUse != 0 && k.sequence == file.sequence() {
		return
	}
	old, met := s.leads[file]
	if !met && len(s.leads) >= maxLeads {
		return
	}
	if met && l.from == nameFromJournal {
		l.size, l.allocated, l.times, l.sized = old.size, old.allocated, old.times, old.sized // the journal has none
	}
	s.leads[file] = l
}

// addLeads makes paths of names that are left of folders.
func (s *survey) addLeads() {
	for at, l := range s.leads {
		if _, ok := s.folders[at]; !ok && l.directory() {
			s.folders[at] = folder{parent: l.parent, name: l.name}
		}
	}
}

// rivals tells what other deleted files claim of e, which belongs to the record owner and was last changed at
// changed: the part that is surely theirs, and the part that may be.
func (s *survey) rivals(e block.Extent, owner int64, changed uint64) (theirs, unsure block.Set) {
	i, _ := slices.BinarySearchFunc(s.dead, e.End(), func(d dead, end int64) int { return cmp.Compare(d.Offset, end) })
	for i, n := i-1, 0; i >= 0 && s.deadEnd[i] > e.Offset; i, n = i-1, n+1 {
		if n >= maxRivals {
			unsure.Add(e)
			break
		}
		d := s.dead[i]
		if d.owner == owner || !d.Overlaps(e) {
			continue
		}
		switch {
		case d.changed == 0 || changed == 0 || d.changed == changed:
			unsure.Add(d.Intersect(e))
		case d.changed > changed:
			theirs.Add(d.Intersect(e))
		}
	}
	return theirs, unsure.Subtract(theirs)
}
