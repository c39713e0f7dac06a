package pdf

import (
	"bytes"
	"compress/zlib"
	"errors"
	"fmt"
	"io"

	"salvor/block"
	"salvor/cursor"
	"salvor/filetype/internal/window"
)

const (
	firstLook  = 4 << 10
	maxObject  = 1 << 20  // an object but for its stream, in bytes
	maxDecoded = 64 << 20 // a stream that is decoded into memory
	// Limits on how far streams may expand: this much, and this many times the file.
	expandFree  = 1 << 30
	expandTimes = 100
)

// object is an object of the file.
type object struct {
	off      int64
	num, gen int64
	value    any
	dict     dict // of a dictionary or a stream
	stream   bool
	data     int64 // where the stream's bytes begin
	end      int64 // behind the value, before endobj or stream
}

// parse reads the value at off and returns where it ends.
func (x *exam) parse(off int64) (any, int64, error) {
	for look := firstLook; ; look *= 16 {
		p, rerr := x.w.Upto(off, min(look, maxObject))
		if len(p) == 0 {
			return nil, off, rerr
		}
		l := &lexer{b: p}
		v, err := l.value(0)
		if err == nil {
			return v, off + int64(l.at), nil
		}
		if errors.Is(err, errShort) {
			if rerr != nil {
				return nil, off, rerr
			}
			if len(p) < maxObject {
				continue
			}
		}
		return nil, off, cursor.Corrupt("pdf: object", off+int64(l.at), "the syntax of an object", "other bytes")
	}
}

// object reads the object at off up to where its value ends, or its stream begins.
func (x *exam) object(off int64) (*object, error) {
	p, err := x.w.Upto(off, 40)
	if len(p) == 0 {
		if err == nil {
			err = window.ErrEnd
		}
		return nil, err
	}
	l := &lexer{b: p[:min(len(p), 64)]}
	o := &object{off: off}
	var ok1, ok2 bool
	o.num, ok1 = l.integer()
	o.gen, ok2 = l.integer()
	if !ok1 || !ok2 || !l.keyword("obj") {
		if err != nil && len(p) < 20 {
			return nil, err
		}
		return nil, cursor.Corrupt("pdf: object", off, "N G obj", fmt.Sprintf("%.20q", p))
	}
	o.value, o.end, err = x.parse(off + int64(l.at))
	if err != nil {
		return nil, err
	}
	o.dict, _ = o.value.(dict)
	if o.dict == nil {
		return o, nil
	}
	p, _ = x.w.Upto(o.end, 32)
	l = &lexer{b: p[:min(len(p), 64)]}
	if l.keyword("stream") && l.at < len(l.b) {
		if l.b[l.at] == '\r' {
			l.at++
		}
		if l.at < len(l.b) && l.b[l.at] == '\n' {
			l.at++
		}
		o.stream, o.data = true, o.end+int64(l.at)
	}
	return o, nil
}

// wordAt reports whether the word w stands at off, behind at most a few bytes of white space. The error says
// that it could not be read.
func (x *exam) wordAt(off int64, w string) (bool, error) {
	p, err := x.w.Upto(off, len(w)+8)
	q := bytes.TrimLeft(p[:min(len(p), len(w)+64)], " \r\n\t\x00\f")
	if bytes.HasPrefix(q, []byte(w)) {
		return true, nil
	}
	if len(p) < len(w)+8 && err != nil && bytes.HasPrefix([]byte(w), q) {
		return false, err
	}
	return false, nil
}

// length returns how long the stream of o is.
func (x *exam) length(o *object) (int64, error) {
	v := x.resolve(o.dict["Length"], 0)
	n, ok := v.(int64)
	if !ok || n < 0 || n > 1<<60 {
		return 0, cursor.Corrupt(fmt.Sprintf("pdf: object %d", o.num), o.off, "a stream with a length", fmt.Sprint(o.dict["Length"]))
	}
	return n, nil
}

// filters returns the names of the filters of a stream.
func (x *exam) filters(d dict) (list []name) {
	switch f := x.resolve(d["Filter"], 0).(type) {
	case name:
		list = append(list, f)
	case array:
		for _, v := range f {
			n, _ := x.resolve(v, 0).(name)
			list = append(list, n)
		}
	}
	return list
}

func isFlate(n name) bool { return n == "FlateDecode" || n == "Fl" }

// inflate reads a stream packed with Flate to its end, into sink.
func (x *exam) inflate(o *object, n int64, sink io.Writer) error {
	return x.inflateFrom(o, x.w.Reader(block.Extent{Offset: o.data, Length: n}), sink)
}

// inflateFrom is inflate for a stream that is read from in.
func (x *exam) inflateFrom(o *object, in *window.Reader, sink io.Writer) error {
	var err error
	if x.z == nil {
		var z io.ReadCloser
		if z, err = zlib.NewReader(in); err == nil {
			x.z = z.(zlib.Resetter)
		}
	} else {
		err = x.z.Reset(in, nil)
	}
	if err == nil {
		_, err = io.CopyBuffer(sink, x.z.(io.Reader), x.copyBuffer())
	}
	if err == nil {
		return nil
	}
	if cerr := x.ctx.Err(); cerr != nil {
		return cerr
	}
	if in.Err() != nil {
		return in.Err()
	}
	if errors.Is(err, errTooMuch) {
		return err
	}
	return cursor.Corrupt(fmt.Sprintf("pdf: stream of object %d", o.num), in.Offset(), "packed data to its end", err)
}

// copyBuffer returns the buffer through which streams are unpacked.
func (x *exam) copyBuffer() []byte {
	if x.buf == nil {
		x.buf = make([]byte, 32<<10)
	}
	return x.buf
}

var errTooMuch = errors.New("expands out of proportion")

// limited is a sink that stops: a stream may not be longer than most, and all together not out of proportion
// to the file.
type limited struct {
	x    *exam
	most int64
	out  *bytes.Buffer // nil to drop
	n    int64
}

func (l *limited) Write(p []byte) (int, error) {
	l.n += int64(len(p))
	l.x.expanded += int64(len(p))
	if l.most > 0 && l.n > l.most || l.x.expanded > expandFree+expandTimes*l.x.w.Size() {
		return 0, errTooMuch
	}
	if l.out != nil {
		l.out.Write(p)
	}
	return len(p), l.x.ctx.Err()
}

// decode returns the content of a stream that has no filter or Flate alone, with the predictors of PNG.
func (x *exam) decode(o *object, most int64) ([]byte, error) {
	n, err := x.length(o)
	if err != nil {
		return nil, err
	}
	sink := &limited{x: x, most: most, out: &bytes.Buffer{}}
	filters := x.filters(o.dict)
	switch {
	case len(filters) == 0:
		if n > most {
			return nil, errTooMuch
		}
		if _, err := io.Copy(sink, x.w.Reader(block.Extent{Offset: o.data, Length: n})); err != nil {
			return nil, err
		}
		return sink.out.Bytes(), nil
	case len(filters) > 1 || !isFlate(filters[0]):
		return nil, cursor.Corrupt(fmt.Sprintf("pdf: stream of object %d", o.num), o.off, "no filter but FlateDecode", fmt.Sprint(filters))
	}
	if err := x.inflate(o, n, sink); err != nil {
		return nil, err
	}
	parms := x.resolve(o.dict["DecodeParms"], 0)
	if a, ok := parms.(array); ok && len(a) == 1 {
		parms = x.resolve(a[0], 0)
	}
	d, _ := parms.(dict)
	predictor, _ := d["Predictor"].(int64)
	if predictor < 10 {
		return sink.out.Bytes(), nil
	}
	columns, ok := d["Columns"].(int64)
	if !ok {
		columns = 1
	}
	if columns < 1 || columns > 1<<16 {
		return nil, cursor.Corrupt(fmt.Sprintf("pdf: stream of object %d", o.num), o.off, "up to 65536 columns", columns)
	}
	return unpredict(sink.out.Bytes(), int(columns)), nil
}

// unpredict undoes the filters of PNG on rows of one-byte samples.
func unpredict(p []byte, columns int) []byte {
	out := p[:0]
	above := make([]byte, columns)
	for len(p) > columns {
		kind, row := p[0], p[1:columns+1]
		p = p[columns+1:]
		left, corner := byte(0), byte(0)
		for i := range row {
			up := above[i]
			switch kind {
			case 1:
				row[i] += left
			case 2:
				row[i] += up
			case 3:
				row[i] += byte((int(left) + int(up)) / 2)
			case 4:
				row[i] += paeth(left, up, corner)
			}
			left, corner = row[i], up
		}
		copy(above, row)
		out = append(out, row...)
	}
	return out
}

func paeth(a, b, c byte) byte {
	p := int(a) + int(b) - int(c)
	pa, pb, pc := abs(p-int(a)), abs(p-int(b)), abs(p-int(c))
	switch {
	case pa <= pb && pa <= pc:
		return a
	case pb <= pc:
		return b
	}
	return c
}

func abs(v int) int {
	if v < 0 {
		return -v
	}
	return v
}

// resolve follows references to the value that v stands for; nil when there is none.
func (x *exam) resolve(v any, depth int) any {
	r, ok := v.(ref)
	if !ok {
		return v
	}
	if depth > 8 {
		return nil
	}
	switch e := x.objects.get(r.num); e.kind {
	case plain:
		o, err := x.object(e.off)
		if err != nil || o.num != r.num {
			return nil
		}
		return x.resolve(o.value, depth+1)
	case packed:
		return x.resolve(x.packedObject(e.off, r.num), depth+1)
	}
	return nil
}

// objectStream is a decoded stream of objects.
type objectStream struct {
	num     int64
	data    []byte
	offsets map[int64]int
}

// maxStreams is how many decoded object streams are kept at once.
const maxStreams = 4

// packedObject returns the object of the given number from the object stream container.
func (x *exam) packedObject(container, num int64) any {
	s := x.objectStream(container)
	if s == nil {
		return nil
	}
	at, ok := s.offsets[num]
	if !ok || at > len(s.data) {
		return nil
	}
	v, err := (&lexer{b: s.data[at:], last: true}).value(0)
	if err != nil {
		return nil
	}
	return v
}

func (x *exam) objectStream(container int64) *objectStream {
	for _, s := range x.streams {
		if s.num == container {
			return s
		}
	}
	s := &objectStream{num: container, offsets: map[int64]int{}}
	if len(x.streams) >= maxStreams {
		x.streams = x.streams[1:]
	}
	x.streams = append(x.streams, s)
	e := x.objects.get(container)
	if e.kind != plain || x.encrypted {
		return s
	}
	o, err := x.object(e.off)
	if err != nil || !o.stream {
		return s
	}
	if _, ok := o.dict["Length"].(ref); ok && x.objects.get(o.dict["Length"].(ref).num).kind == packed {
		return s // its length inside an object stream would be a loop
	}
	data, err := x.decode(o, maxDecoded/4)
	if err != nil {
		return s
	}
	first, _ := o.dict["First"].(int64)
	n, _ := o.dict["N"].(int64)
	if first < 0 || first > int64(len(data)) {
		return s
	}
	l := &lexer{b: data[:first]}
	for range min(n, maxObjects) {
		num, ok1 := l.integer()
		at, ok2 := l.integer()
		if !ok1 || !ok2 || at > int64(len(data))-first {
			break
		}
		s.offsets[num] = int(first + at)
	}
	s.data = data
	return s
}
