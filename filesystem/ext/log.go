package ext

import (
	"cmp"
	"context"
	"math"
	"slices"
)

// never is a transaction after all others.
const never = math.MaxInt64

// before is a transaction before all others: what stood on the volume when the oldest one was written.
const before = math.MinInt64

// maxSkipped is how many numbers of transactions can be left out where a volume is unmounted and mounted again.
const maxSkipped = 8

// logged is a copy of a block of the volume that stands somewhere else, as of a transaction.
type logged struct {
	block   uint64 // of the volume
	when    int64  // transaction, counted from the one that the journal's superblock names
	at      int64  // bytes on the volume
	escaped bool   // its first four bytes were taken out
}

// transaction is what is known of one.
type transaction struct {
	when     int64
	sequence uint32
	seconds  int64 // when it was committed; 0 is unknown
	start    uint32
	end      uint32 // block of its commit
	commit   bool
	whole    bool // all of its blocks are still there
}

// history is all that the log still holds, transactions that were written back long ago included.
type history struct {
	j            *journal
	copies       []logged // by transaction, then by their place in the log
	order        []int32  // copies by block, then by transaction
	transactions []transaction
	whole        int64 // from this transaction on, none is missing
	broken       int   // copies and blocks of the journal that do not match their checksums
}

// when counts a sequence number from the one in the superblock, so that numbers that wrapped stay in order.
func (j *journalSuper) when(sequence uint32) int64 { return int64(int32(sequence - j.sequence)) }

// claim is a tag with its places in the log.
type claim struct {
	tag
	when     int64
	sequence uint32
	log      uint32
}

// readLog reads the whole log, whatever of it is still needed.
func (j *journal) readLog(ctx context.Context, blocks uint64) (*history, error) {
	h := &history{j: j, whole: never}
	end := j.end()
	owners := make([]int32, end) // claims by block of the log; -1 is none, -2 one of the journal's own
	for i := range owners {
		owners[i] = -1
	}
	var claims []claim
	byWhen := map[int64]*transaction{}
	of := func(sequence, n uint32) *transaction {
		when := j.when(sequence)
		t := byWhen[when]
		if t == nil {
			t = &transaction{when: when, sequence: sequence, start: n}
			byWhen[when] = t
		}
		return t
	}
	type header struct {
		n    uint32
		when int64
	}
	var headers []header
	err := j.each(ctx, j.first, end, func(n uint32, b []byte) {
		kind, sequence, ok := journalBlock(b)
		if !ok || kind != journalDescriptor && kind != journalCommit && kind != journalRevoke {
			return
		}
		owners[n] = -2
		headers = append(headers, header{n, j.when(sequence)})
		switch kind {
		case journalDescriptor:
			tags, err := j.parseTags(b)
			if err != nil {
				h.broken++
				return
			}
			of(sequence, n)
			log := n
			for _, t := range tags {
				log = j.next(log)
				if t.block < blocks {
					claims = append(claims, claim{t, j.when(sequence), sequence, log})
				}
			}
		case journalRevoke:
			if _, err := j.parseRevokes(b); err != nil {
				h.broken++
			}
			of(sequence, n)
		case journalCommit:
			seconds, ok := j.parseCommit(b, nil)
			if !ok {
				h.broken++
				return
			}
			t := of(sequence, n)
			t.commit, t.end, t.seconds = true, n, seconds
		}
	})
	if err != nil {
		return nil, err
	}
	// A block of the log holds what was written there last.
	slices.SortStableFunc(claims, func(a, b claim) int { return cmp.Compare(a.when, b.when) })
	for i, c := range claims {
		if owners[c.log] != -2 {
			owners[c.log] = int32(i)
		}
	}
	holds := make([]int64, end) // the transaction of each block; before where there is none
	for i := range holds {
		holds[i] = before
	}
	for _, x := range headers {
		holds[x.n] = x.when
	}
	err = j.each(ctx, j.first, end, func(n uint32, b []byte) {
		i := owners[n]
		if i < 0 {
			return
		}
		c := claims[i]
		// Without checksums, only a commit says that what was announced was written.
		if t := byWhen[c.when]; !j.summed() && (t == nil || !t.commit) {
			return
		}
		if !j.copyOK(c.tag, c.sequence, b) {
			h.broken++
			return
		}
		holds[n] = c.when
		if at := j.place(n); at >= 0 {
			h.copies = append(h.copies, logged{c.block, c.when, at, c.flags&tagEscaped != 0})
		}
	})
	if err != nil {
		return nil, err
	}
	for _, t := range byWhen {
		h.transactions = append(h.transactions, *t)
	}
	slices.SortFunc(h.transactions, func(a, b transaction) int { return cmp.Compare(a.when, b.when) })
	h.complete(holds)
	slices.SortStableFunc(h.copies, func(a, b logged) int { return cmp.Compare(a.when, b.when) })
	h.index()
	return h, nil
}

// complete finds the transactions that are there as a whole, and from which one on none is missing.
func (h *history) complete(holds []int64) {
	j := h.j
	for i := range h.transactions {
		t := &h.transactions[i]
		if !t.commit {
			continue
		}
		// Walk back from the commit over all blocks of this transaction.
		n := t.end
		count := uint32(0)
		for holds[n] == t.when && count < uint32(len(holds)) {
			t.start = n
			count++
			if n == j.first {
				n = j.end()
			}
			n--
		}
		// In front of it stands the commit of the one before it. Mounting goes over a few numbers, and older
		// kernels then begin again at the start of the log.
		if i == 0 {
			continue
		}
		last := &h.transactions[i-1]
		t.whole = last.commit && (last.end == n || t.start == j.first && t.when-last.when <= maxSkipped)
	}
	for i := len(h.transactions) - 1; i >= 0; i-- {
		t := &h.transactions[i]
		if !t.commit && i == len(h.transactions)-1 {
			continue // it never came to its end
		}
		if !t.whole || h.whole == never && t.when < -maxSkipped {
			break
		}
		h.whole = t.when
	}
}

func (h *history) index() {
	h.order = make([]int32, len(h.copies))
	for i := range h.order {
		h.order[i] = int32(i)
	}
	slices.SortStableFunc(h.order, func(a, b int32) int { return cmp.Compare(h.copies[a].block, h.copies[b].block) })
}

// of returns the copies of a block, the oldest first.
func (h *history) of(n uint64) []int32 {
	low, _ := slices.BinarySearchFunc(h.order, n, func(i int32, n uint64) int { return cmp.Compare(h.copies[i].block, n) })
	high := low
	for high < len(h.order) && h.copies[h.order[high]].block == n {
		high++
	}
	return h.order[low:high]
}

// seconds returns when a transaction was committed; 0 is unknown.
func (h *history) seconds(when int64) int64 {
	i, ok := slices.BinarySearchFunc(h.transactions, when, func(t transaction, when int64) int { return cmp.Compare(t.when, when) })
	if !ok {
		return 0
	}
	return h.transactions[i].seconds
}

// sequence returns the journal's own number of a transaction.
func (h *history) sequence(when int64) uint32 { return h.j.sequence + uint32(int32(when)) }

// read reads a copy as it was before it went into the log.
func (h *history) read(c logged, b []byte) bool {
	n, _ := h.j.src.ReadAt(b[:h.j.blockSize], c.at)
	if int64(n) < h.j.blockSize {
		return false
	}
	if c.escaped {
		copy(b, []byte{0xC0, 0x3B, 0x39, 0x98})
	}
	return true
}
