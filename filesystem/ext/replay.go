package ext

import (
	"cmp"
	"context"
	"slices"

	"salvor/finding"
)

// replayed is what a replay in memory gives.
type replayed struct {
	blocks       []laid
	transactions int
	broken       int // copies that do not match their checksums, and were left out
	next         uint32
	cut          bool // it breaks off where a block of the log is broken or cannot be read
}

// replay follows the log from where it starts, transaction by transaction, up to the first that was not
// committed, as the kernel does when it mounts the volume.
func (j *journal) replay(ctx context.Context, blocks uint64) (*replayed, error) {
	out := &replayed{next: j.sequence}
	if j.start == 0 {
		return out, nil
	}
	type held struct {
		tag
		sequence uint32
		log      uint32
	}
	var kept, pending []held
	revoked, revoking := map[uint64]uint32{}, map[uint64]uint32{}
	b := make([]byte, j.blockSize)
	sequence := j.sequence
	sum := ^uint32(0)
	firstVersion := j.compat&journalCompatChecksum != 0 && !j.summed()
	n := j.start
walk:
	for walked := uint32(0); walked < j.end(); walked++ {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if !j.read(n, b) {
			out.cut = true
			break
		}
		kind, s, ok := journalBlock(b)
		if !ok || s != sequence {
			break
		}
		n = j.next(n)
		switch kind {
		case journalDescriptor:
			tags, err := j.parseTags(b)
			if err != nil {
				out.cut = true
				break walk
			}
			if firstVersion {
				sum = crc32High(sum, b)
			}
			for _, t := range tags {
				pending = append(pending, held{t, s, n})
				if firstVersion {
					if !j.read(n, b) {
						out.cut = true
						break walk
					}
					sum = crc32High(sum, b)
				}
				n = j.next(n)
				walked++
			}
		case journalRevoke:
			list, err := j.parseRevokes(b)
			if err != nil {
				out.cut = true
				break walk
			}
			for _, x := range list {
				revoking[x] = s
			}
		case journalCommit:
			if _, ok := j.parseCommit(b, &sum); !ok {
				out.cut = true
				break walk
			}
			kept = append(kept, pending...)
			for x, s := range revoking {
				revoked[x] = s
			}
			pending, sum = pending[:0], ^uint32(0)
			clear(revoking)
			out.transactions++
			sequence++
			out.next = sequence
		default:
			break walk
		}
	}
	newest := map[uint64]laid{}
	for _, x := range kept {
		if s, ok := revoked[x.block]; ok && int32(s-x.sequence) >= 0 || x.block >= blocks {
			continue
		}
		at := j.place(x.log)
		if at < 0 || !j.read(x.log, b) || !j.copyOK(x.tag, x.sequence, b) {
			out.broken++
			at = lostCopy
		}
		newest[x.block] = laid{x.block, at, x.flags&tagEscaped != 0}
	}
	for _, l := range newest {
		out.blocks = append(out.blocks, l)
	}
	slices.SortFunc(out.blocks, func(a, b laid) int { return cmp.Compare(a.block, b.block) })
	return out, nil
}

// recoverJournal finds the journal and, when the volume needs that, lays over it what the journal holds. Nothing
// is written. What it answers is to be told.
func (v *volume) recoverJournal(ctx context.Context) ([]finding.Finding, error) {
	j, notes := v.findJournal()
	v.journal = j
	at := finding.At(v.sb.offset, superblockSize)
	// Backups of the superblock never say that the journal is needed; its own heading does.
	if v.sb.incompat&incompatRecover == 0 && (v.sb.offset == superblockOffset || j == nil || j.start == 0) {
		return notes, nil
	}
	if j == nil {
		v.stale = true
		return append(notes, needsRecovery.New(at)), nil
	}
	r, err := j.replay(ctx, v.sb.blocksCount)
	if err != nil {
		return nil, err
	}
	if v.stale = r.cut || r.broken > 0; r.cut {
		notes = append(notes, needsRecovery.New(at))
	}
	if r.broken > 0 {
		notes = append(notes, journalChecksum.New(finding.At(max(j.place(0), 0), 0), finding.Arg("count", r.broken)))
	}
	fast, err := j.readFast(ctx, r.next)
	if err != nil {
		return nil, err
	}
	if fast != nil && fast.cut && !r.cut {
		v.stale = true
		notes = append(notes, needsRecovery.New(at))
	}
	if fast != nil && fast.count > 0 {
		v.fast = fast
		notes = append(notes, fastReplayed.New(finding.At(max(j.place(j.end()), 0), 0), finding.Arg("count", v.fast.count)))
	}
	if r.transactions > 0 {
		v.layOver(&overlay{Source: v.src, blockSize: v.sb.blockSize, blocks: r.blocks, magic: j.place(0)})
		notes = append(notes, journalReplayed.New(finding.At(max(j.place(0), 0), 0), finding.Arg("count", len(r.blocks)), finding.Expected(nil, r.transactions)))
	}
	return notes, nil
}

// layOver makes all further reads of metadata see the volume as it is after the replay.
func (v *volume) layOver(o *overlay) {
	v.over = o
	v.view = o
	v.cache = newCache(o)
	// The superblock is among what was written last, as a rule.
	if s, err := readSuperblock(o, superblockOffset); err == nil && s.checksumOK && v.sb.offset == superblockOffset && s.sameLayout(v.sb) {
		v.sb = s
	}
}
