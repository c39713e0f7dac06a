package ntfs

import (
	"context"
	"fmt"
	"slices"

	"salvor/block"
	"salvor/cursor"
	"salvor/filesystem"
	"salvor/finding"
)

const (
	logPage       = 4096
	logData       = 64 // where the records of a page begin, unless the restart page says otherwise
	logHeader     = 48 // of a record
	logAction     = 32 // of what a record tells to do, at least
	maxLog        = 4 << 30
	maxLogRecord  = 128 << 10
	logClient     = 1
	operationsEnd = 0x26
	noClient      = 0xFFFF
	volumeIsClean = 2

	logInitialize  = 0x02 // a record of the table, as it was made
	logUpdateValue = 0x08 // bytes of a file; those of the journal of changes are of use
	logAddRoot     = 0x0C // an entry of a folder; likewise
	logDeleteRoot  = 0x0D
	logAddBlock    = 0x0E
	logDeleteBlock = 0x0F
)

// older is an older state of a record.
type older struct {
	b   []byte // as it was in memory: without an update sequence
	lsn uint64
	at  int64 // on the volume
}

// restart is what a restart page of the log says.
type restart struct {
	pageSize     int64
	dataAt       int64
	sequenceBits uint
	lsn          uint64 // of the last record
	open         bool   // it is in use, and the volume was not unmounted
}

// parseRestart decodes a restart page, whose update sequence is undone in place.
func parseRestart(b []byte, off int64) (restart, error) {
	r := restart{pageSize: logPage, dataAt: logData}
	if len(b) < 64 || string(b[:4]) != "RSTR" {
		return r, cursor.Corrupt("ntfs: $LogFile: restart page", off, "RSTR", fmt.Sprintf("%q", b[:min(4, len(b))]))
	}
	c := cursor.New("ntfs: $LogFile: restart page", off, b)
	c.Seek(20)
	size, area := int64(c.Uint32()), int(c.Uint16())
	if !powerOfTwo(size, 512, 64<<10) {
		return r, cursor.Corrupt("ntfs: $LogFile: restart page: size of pages", off+20, "a power of two from 512 to 65536", size)
	}
	c.Seek(min(area, len(b)))
	r.lsn = c.Uint64()
	c.Skip(4)
	clients, flags := c.Uint16(), c.Uint16()
	r.open = clients != noClient && flags&volumeIsClean == 0
	bits := c.Uint32()
	c.Skip(18)
	dataAt := int64(c.Uint16())
	if err := c.Err(); err != nil {
		return r, err
	}
	if bits < 16 || bits > 60 || dataAt < 40 || dataAt%8 != 0 || dataAt >= size {
		return r, cursor.Corrupt("ntfs: $LogFile: restart area", off+int64(area), "sizes of sequences and headers", fmt.Sprintf("%d and %d", bits, dataAt))
	}
	r.pageSize, r.dataAt, r.sequenceBits = size, dataAt, uint(bits)
	return r, nil
}

// readRestart returns the newer of the two restart pages; ok is false when the log is empty, as drivers other than that
// of Windows leave it.
func readRestart(src block.Source) (r restart, ok bool, err error) {
	r = restart{pageSize: logPage, dataAt: logData}
	found := false
	for _, at := range []int64{0, logPage} {
		b := readAt(src, at, logPage)
		if b == nil || blank(b) || le.Uint32(b) == 0xFFFFFFFF {
			continue
		}
		ok = true
		_, torn, pageErr := undo("ntfs: $LogFile", at, b)
		if pageErr == nil && torn > 0 {
			pageErr = cursor.Corrupt("ntfs: $LogFile: restart page", at, "sectors that match its update sequence", fmt.Sprintf("%d that do not", torn))
		}
		page := r
		if pageErr == nil {
			page, pageErr = parseRestart(b, at)
		}
		switch {
		case pageErr != nil:
			err = pageErr
		case !found || page.lsn > r.lsn:
			found, r = true, page
		}
	}
	if found {
		err = nil
	}
	return r, ok, err
}

// readLogState tells whether the log holds changes that the volume does not have yet.
func (v *volume) readLogState() {
	o := v.system(recordLog)
	if o == nil {
		return
	}
	e := o.find(typeData, "")
	if e == nil || e.resident {
		return
	}
	if r, ok, err := readRestart(v.source(e)); ok && err == nil && r.open {
		v.note(logOpen.New(finding.At(max(o.offset(0), 0), v.b.recordSize)))
	}
}

// logRecord is a record of the log.
type logRecord struct {
	lsn        uint64
	redo, undo []byte
	redoOp     uint16
	undoOp     uint16
}

// parseLogRecord decodes the record at the start of b. n is its length; need is how many bytes of b there would have
// to be, 0 when there is no record. place is the byte of the log at which it stands.
func parseLogRecord(b []byte, place int64, sequenceBits uint) (r logRecord, n, need int) {
	if len(b) < logHeader+logAction {
		return r, 0, logHeader + logAction
	}
	r.lsn = le.Uint64(b)
	length, kind := int64(le.Uint32(b[24:])), le.Uint32(b[32:])
	if r.lsn == 0 || kind != logClient || length < logAction || length > maxLogRecord || le.Uint64(b[8:]) >= r.lsn || le.Uint16(b[40:]) > 1 {
		return r, 0, 0
	}
	a := b[logHeader:]
	r.redoOp, r.undoOp = le.Uint16(a), le.Uint16(a[2:])
	redoAt, redo, undoAt, undo := int64(le.Uint16(a[4:])), int64(le.Uint16(a[6:])), int64(le.Uint16(a[8:])), int64(le.Uint16(a[10:]))
	if r.redoOp >= operationsEnd || r.undoOp >= operationsEnd || redoAt+redo > length || undoAt+undo > length || redo > 0 && redoAt < logAction || undo > 0 && undoAt < logAction {
		return r, 0, 0
	}
	// A sequence number says where its record stands, in units of 8 bytes; newer logs keep copies elsewhere.
	if sequenceBits > 3 && int64(r.lsn<<sequenceBits>>(sequenceBits-3)) != place && (redo == 0 && undo == 0 || le.Uint16(b[42:]) != 0) {
		return r, 0, 0
	}
	n = int(logHeader+length+7) &^ 7
	if n > len(b) {
		return r, 0, n
	}
	r.redo, r.undo = a[redoAt:redoAt+redo], a[undoAt:undoAt+undo]
	return r, n, n
}

// surveyLog takes from the log which names and records it still tells of.
func (v *volume) surveyLog(ctx context.Context, s *survey) []finding.Finding {
	o := v.system(recordLog)
	if o == nil {
		return nil
	}
	e := o.find(typeData, "")
	if e == nil || e.resident || e.size < 2*logPage {
		return nil
	}
	runs := v.plainRuns(e)
	src := block.Join(v.src, runs, min(e.size, maxLog))
	r, ok, err := readRestart(src)
	if !ok {
		return nil
	}
	var notes []finding.Finding
	if err != nil {
		notes = append(notes, logBroken.New(finding.Expected(nil, err)))
	}
	l := &logReader{v: v, s: s, restart: r}
	l.read(ctx, src, func(off int64) int64 {
		if p := block.Slice(runs, block.Extent{Offset: off, Length: 1}); len(p) > 0 && p[0].Kind.Stands() {
			return p[0].Physical
		}
		return -1
	})
	return notes
}

// logReader goes over the pages of a log. Records go on from page to page.
type logReader struct {
	v *volume
	s *survey
	restart
	data  []byte  // of pages that follow each other and were not parsed whole
	pages []int64 // where each of them stands in the log
	place func(int64) int64
}

func (l *logReader) read(ctx context.Context, src block.Source, place func(int64) int64) {
	l.place = place
	page := make([]byte, l.pageSize)
	buf := make([]byte, chunkSize)
	for at := int64(0); at < src.Size(); at += chunkSize {
		if ctx.Err() != nil {
			return
		}
		n, _ := src.ReadAt(buf[:min(chunkSize, src.Size()-at)], at)
		for p := int64(0); p < chunkSize && at+p < src.Size(); p += l.pageSize {
			good := p+l.pageSize <= int64(n) && string(buf[p:p+4]) == "RCRD"
			if good {
				copy(page, buf[p:])
				_, torn, err := undo("ntfs: $LogFile: page", at+p, page)
				good = err == nil && torn == 0
			}
			if !good {
				l.parse(true)
				l.data, l.pages = l.data[:0], l.pages[:0]
				continue
			}
			l.data = append(l.data, page[l.dataAt:]...)
			l.pages = append(l.pages, at+p)
			l.parse(false)
		}
	}
	l.parse(true)
}

// parse takes the records in the data; those that go on behind it wait for more, unless last is set.
func (l *logReader) parse(last bool) {
	per := int(l.pageSize - l.dataAt)
	at := 0
	for at+8 <= len(l.data) {
		off := l.pages[at/per] + l.dataAt + int64(at%per)
		r, n, need := parseLogRecord(l.data[at:], off, l.sequenceBits)
		if n == 0 {
			if need > 0 && !last && at+need <= maxLogRecord*2 {
				break
			}
			at += 8
			continue
		}
		l.take(&r, l.place(off))
		at += n
	}
	// What was parsed is dropped by whole pages, so that the places of the rest stay known.
	done := min(at, len(l.data))
	whole := done / per
	l.data = append(l.data[:0], l.data[whole*per:]...)
	l.pages = append(l.pages[:0], l.pages[whole:]...)
	clear(l.data[:done-whole*per])
}

// take keeps what a record of the log tells of files.
func (l *logReader) take(r *logRecord, at int64) {
	entry := func(b []byte, sized bool) {
		slackEntries(b[:min(len(b), 1024)], 0, -1, func(e indexEntry) {
			if e.at == 0 {
				l.s.lead(e.file, lead{e.fileName, nameFromLog, at, sized})
			}
		})
	}
	switch r.redoOp {
	case logAddRoot, logAddBlock:
		entry(r.redo, false) // a file is named before it is written
	case logInitialize:
		l.image(r, at)
	case logUpdateValue:
		carveChanges(r.redo, func(c change) { l.s.change(c, at) })
	}
	if r.undoOp == logAddRoot || r.undoOp == logAddBlock || r.redoOp == logDeleteRoot || r.redoOp == logDeleteBlock {
		entry(r.undo, true)
	}
}

// image keeps the record of the table that the log holds.
func (l *logReader) image(r *logRecord, at int64) {
	if len(r.redo) < 48 || string(r.redo[:4]) != "FILE" || len(r.redo) > int(l.v.b.recordSize) {
		return
	}
	b := make([]byte, l.v.b.recordSize)
	copy(b, r.redo)
	x, err := l.v.imageRecord(b, at)
	if err != nil || !x.inUse() || x.base != 0 || x.number < firstFree {
		return
	}
	o := l.v.gather(&x)
	names := paths(o.names)
	if len(names) == 0 {
		return
	}
	l.s.lead(x.reference(), lead{names[0], nameFromLog, at, false})
	if k := l.s.get(x.number); o.find(typeData, "") != nil && !x.directory() && int64(len(l.s.older)+1)*l.v.b.recordSize <= maxOlder &&
		(k.state&knownInUse == 0 || k.sequence != x.sequence) {
		l.s.older = append(l.s.older, older{b, r.lsn, at})
	}
}

// imageRecord decodes a record as it was in memory. Its values stand nowhere on the volume that could be told.
func (v *volume) imageRecord(b []byte, at int64) (record, error) {
	r := record{sequence: le.Uint16(b[16:]), links: le.Uint16(b[18:]), first: int(le.Uint16(b[20:])), flags: le.Uint16(b[22:]),
		used: len(b), base: reference(le.Uint64(b[32:])), number: int64(le.Uint32(b[44:])), b: b}
	if le.Uint16(b[4:]) < 48 || r.first < 48 || r.first%8 != 0 || r.first > len(b)-8 {
		return r, cursor.Corrupt("ntfs: $LogFile: record of a file", at, "attributes", fmt.Sprintf("offset %d", r.first))
	}
	return r, nil
}

// older yields the older states of files that the log holds, of which the records belong to others by now. What they
// say of clusters is a guess: they may have been written since.
func (w *walker) older() {
	for _, x := range w.s.older {
		if w.over() {
			return
		}
		r, err := w.v.imageRecord(slices.Clone(x.b), x.at)
		if err != nil {
			continue
		}
		o := w.v.gather(&r)
		f := w.v.file(o)
		f.State, f.Sound = filesystem.Old, false
		w.deleted(f, o)
		for i := range f.Streams {
			for k, run := range f.Streams[i].Runs {
				if run.Kind == block.Data {
					f.Streams[i].Runs[k].Kind = block.Guessed
				}
			}
		}
		f.Findings = append(f.Findings, olderVersion.New(finding.At(max(x.at, 0), 0)))
		n := paths(o.names)[0]
		if w.place(f, n.parent, n.name) {
			f.ID = fmt.Sprintf("%v@%x", r.reference(), x.lsn)
			w.emit(f)
		}
	}
}
