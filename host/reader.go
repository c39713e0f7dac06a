package host

import (
	"encoding/binary"
	"errors"
	"io"
	"os"
	"syscall"
	"time"
)

// What parent and reader process say to each other, all numbers with the low byte first:
//
//	reader  "SALVRD01"                                        once, when it is ready
//	parent  offset uint64, length uint32, number uint32, step uint32, way uint32  one request at a time
//	reader  number uint32, n uint32, status uint32, microseconds uint32           then n bytes
//
// A request is read in steps, one after the other, from its end when way is 1, and each has an answer as soon as it is there, with the time that
// it took; the first that fails is the last, and so is one that took as long as pauseAfter. status is 0, statusEnd, or the number of the system's error; with
// the latter two n is less than the step.
const (
	readerArgument = "__salvor-read-descriptor"
	openerArgument = "__salvor-open-device" // with the path of the device behind it
	keeperArgument = "__salvor-keep-device"
	readerVariable = "SALVOR_READER" // set in a reader, so that it never starts another
	readerHello    = "SALVRD01"
	readerFD       = 3

	requestSize = 24
	answerSize  = 16
	// maxRequest is the most that one request may ask for, in bytes.
	maxRequest = 1 << 20

	// pauseAfter is the time of a read after which the rest of its request is not read: who is slow may be left alone.
	pauseAfter = 40 * time.Millisecond

	statusEnd   = 0xffffffff
	statusOther = 0xfffffffe // an error without a number
)

// IsReader reports whether this process was started as a reader process. A program that opens devices asks
// it before anything else, and when it is true does nothing but exit with what [ServeReader] returns.
func IsReader() bool {
	switch {
	case len(os.Args) == 3 && os.Args[1] == openerArgument: // sudo and pkexec hand on no variable
		return true
	case len(os.Args) != 2 || os.Getenv(readerVariable) != "1":
		return false
	}
	return os.Args[1] == readerArgument || os.Args[1] == healthArgument || os.Args[1] == keeperArgument
}

// ServeReader asks the disk for its health, or answers read requests on the standard input from the descriptor that the parent passed, until
// the parent closes the input or is gone; or it opens a device for a parent that may not, and keeps the rights to that (see [Rights]). It
// refuses a descriptor that can write. It returns the exit code.
func ServeReader() int {
	var err error
	switch os.Args[1] {
	case openerArgument:
		err = serveOpener(os.Args[2])
	case keeperArgument:
		err = serveKeeper()
	case healthArgument:
		err = serveHealth(os.Stdout)
	default:
		err = serve(os.Stdin, os.Stdout)
	}
	if err != nil {
		return ExitError
	}
	return 0
}

var errWritable = errors.New("host: the reader was given a descriptor that can write")

func serve(in io.Reader, out io.Writer) error {
	align, err := prepareDescriptor(readerFD)
	if err != nil {
		return err
	}
	f := os.NewFile(readerFD, "source")
	if f == nil {
		return os.ErrInvalid
	}
	defer f.Close()
	return answer(in, out, newAligned(f, align))
}

// answer is the reader's loop, apart from where its descriptor comes from.
func answer(in io.Reader, out io.Writer, src io.ReaderAt) error {
	if _, err := io.WriteString(out, readerHello); err != nil {
		return err
	}
	var req [requestSize]byte
	// The bytes begin at a page, so that direct reads go there without a copy.
	buf := pageAligned(pageSize + maxRequest)[pageSize-answerSize:]
	for {
		if _, err := io.ReadFull(in, req[:]); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		off := binary.LittleEndian.Uint64(req[0:])
		length, step := binary.LittleEndian.Uint32(req[8:]), binary.LittleEndian.Uint32(req[16:])
		backward := binary.LittleEndian.Uint32(req[20:]) == 1
		if length > maxRequest || step == 0 || off > 1<<63-1-maxRequest {
			return os.ErrInvalid
		}
		for at := uint32(0); at < length || length == 0; {
			want := min(step, length-at)
			place := at
			if backward {
				place = length - at - want
			}
			begin := time.Now()
			n, err := src.ReadAt(buf[answerSize:answerSize+want], int64(off)+int64(place))
			took := min(time.Since(begin).Microseconds(), 1<<32-1)
			status := statusOf(n, int(want), err)
			copy(buf[0:4], req[12:16])
			binary.LittleEndian.PutUint32(buf[4:], uint32(n))
			binary.LittleEndian.PutUint32(buf[8:], status)
			binary.LittleEndian.PutUint32(buf[12:], uint32(took))
			if _, err := out.Write(buf[:answerSize+n]); err != nil {
				return err
			}
			if at += want; status != 0 || length == 0 || took >= pauseAfter.Microseconds() {
				break
			}
		}
	}
}

func statusOf(n, length int, err error) uint32 {
	var no syscall.Errno
	switch {
	case n == length:
		return 0
	case err == nil, errors.Is(err, io.EOF):
		return statusEnd
	case errors.As(err, &no) && no != 0 && uint64(no) < statusOther:
		return uint32(no)
	}
	return statusOther
}

// errOfStatus is the inverse of statusOf.
func errOfStatus(status uint32) error {
	switch status {
	case 0:
		return nil
	case statusEnd:
		return io.EOF
	case statusOther:
		return errors.New("the reader process could not read")
	}
	return syscall.Errno(status)
}
