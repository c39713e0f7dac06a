package logs

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strconv"
)

// maxField bounds a field of a journal's entry that is kept, in bytes; of a longer one the begin.
const maxField = 64 << 10

// entry is what is kept of one entry of a journal.
type entry struct {
	message       []byte
	offset        int64 // of the message in the input
	length        int64
	program, comm []byte
	pid           []byte
	boot          []byte
	kernel        bool
	when          int64 // microseconds since 1970
}

// set takes a field of an entry.
func (e *entry) set(name string, value []byte, offset, length int64) {
	switch name {
	case "MESSAGE":
		e.message, e.offset, e.length = append(e.message[:0], value...), offset, length
	case "SYSLOG_IDENTIFIER":
		e.program = append(e.program[:0], value...)
	case "_COMM":
		e.comm = append(e.comm[:0], value...)
	case "SYSLOG_PID", "_PID":
		e.pid = append(e.pid[:0], value...)
	case "_TRANSPORT":
		e.kernel = string(value) == "kernel"
	case "_BOOT_ID":
		e.boot = append(e.boot[:0], value...)
	case "__REALTIME_TIMESTAMP", "_SOURCE_REALTIME_TIMESTAMP":
		if n, err := strconv.ParseInt(string(value), 10, 64); err == nil && (e.when == 0 || name[1] != '_') {
			e.when = n
		}
	}
}

func (e *entry) reset() {
	*e = entry{message: e.message[:0], program: e.program[:0], comm: e.comm[:0], pid: e.pid[:0], boot: e.boot[:0]}
}

// journal writes entries as lines.
type journal struct {
	out  rewriter
	boot []byte
	text []byte
}

// put writes an entry: "program[pid]: message" for each line of its message, and a mark before it where the
// boot is another, as journalctl prints it.
func (j *journal) put(e *entry, ends bool) error {
	if len(e.boot) > 0 && len(j.boot) > 0 && !bytes.Equal(e.boot, j.boot) {
		mark := append(append([]byte("-- Boot "), e.boot[:min(len(e.boot), 64)]...), " --"...)
		if err := j.out.line(mark, e.offset, e.length, e.when, false); err != nil {
			return err
		}
	}
	if len(e.boot) > 0 {
		j.boot = append(j.boot[:0], e.boot...)
	}
	head := e.program
	if len(head) == 0 {
		head = e.comm
	}
	for message := e.message; ; {
		line, rest, more := bytes.Cut(message, newline)
		j.text = j.text[:0]
		if len(head) > 0 {
			j.text = append(j.text, head[:min(len(head), 128)]...)
			if len(e.pid) > 0 && !e.kernel {
				j.text = append(append(append(j.text, '['), e.pid[:min(len(e.pid), 16)]...), ']')
			}
			j.text = append(j.text, ": "...)
		}
		j.text = append(j.text, line...)
		if err := j.out.line(j.text, e.offset, e.length, e.when, ends && !more); err != nil {
			return err
		}
		if !more {
			return nil
		}
		message = rest
	}
}

// isExport tells journald's export format: its entries begin with a cursor.
func isExport(head []byte) bool {
	return bytes.HasPrefix(head, []byte("__CURSOR=")) || bytes.HasPrefix(head, []byte("__REALTIME_TIMESTAMP="))
}

// readExport reads entries of fields: NAME=value, or NAME, the value's length in 8 bytes, and the value.
func (s *stream) readExport(r *bufio.Reader) error {
	j := journal{out: rewriter{stream: s}}
	var e entry
	var name, value []byte
	for {
		start := s.offset
		line, length, err := s.bounded(r, name[:0])
		name = line
		if length == 0 && err != nil {
			return errors.Join(notEnd(err), j.end(&e))
		}
		body := bytes.TrimSuffix(line, newline)
		switch eq := bytes.IndexByte(body, '='); {
		case len(body) == 0:
			if len(e.message) > 0 {
				if err := j.put(&e, false); err != nil {
					return err
				}
			}
			e.reset()
		case eq > 0:
			e.set(string(body[:min(eq, 64)]), body[eq+1:], start+int64(eq)+1, length-int64(eq)-2)
		default:
			if value, err = s.binary(r, value, &e, string(body[:min(len(body), 64)])); err != nil {
				return errors.Join(notEnd(err), j.end(&e))
			}
		}
		s.line++
	}
}

// binary reads the value of a field that may hold anything.
func (s *stream) binary(r *bufio.Reader, value []byte, e *entry, name string) ([]byte, error) {
	var head [8]byte
	n, err := io.ReadFull(r, head[:])
	s.offset += int64(n)
	if err != nil {
		return value, err
	}
	size := binary.LittleEndian.Uint64(head[:])
	if size > 1<<40 { // no journal has that: what follows is not a value
		return value, nil
	}
	keep := min(size, maxField)
	value = append(value[:0], make([]byte, keep)...)
	start := s.offset
	n, err = io.ReadFull(r, value)
	s.offset += int64(n)
	if err != nil { // what is there of it
		e.set(name, value[:n], start, int64(n))
		return value, err
	}
	e.set(name, value, start, int64(size))
	s.line += int64(bytes.Count(value, newline))
	skipped, err := io.CopyN(io.Discard, r, int64(size-keep)+1) // and the line's end
	s.offset += skipped
	return value, err
}

// end writes the entry that the input breaks off in.
func (j *journal) end(e *entry) error {
	if len(e.message) > 0 {
		if err := j.put(e, false); err != nil {
			return err
		}
	}
	return j.out.flush()
}

func notEnd(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil
	}
	return err
}

// bounded reads a line with its end into dst, of a longer one the begin. length is that of the whole line.
func (s *stream) bounded(r *bufio.Reader, dst []byte) (line []byte, length int64, err error) {
	for {
		part, err := r.ReadSlice('\n')
		length += int64(len(part))
		s.offset += int64(len(part))
		if room := maxField - len(dst); room > 0 {
			dst = append(dst, part[:min(room, len(part))]...)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return dst, length, err
		}
		if err := s.ctx.Err(); err != nil {
			return dst, length, err
		}
	}
}
