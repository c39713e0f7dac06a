package mapped

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/zlib"

	"salvor/block"
	"salvor/cursor"
)

// ReadPacked returns n stored bytes at off, which a format has bounded, in a buffer of their own. The end of the
// source is a *cursor.CorruptError.
func ReadPacked(src block.Source, name string, off, n int64) ([]byte, error) {
	return cursor.Read(src, name, off, n, MaxUnit+MaxUnit/8)
}

// Fill reads all of dst out of r, which unpacks what stood at off, and is a *cursor.CorruptError when that gives too
// little. exact also refuses what gives more.
func Fill(name string, off int64, r io.Reader, dst []byte, exact bool) error {
	n, err := io.ReadFull(r, dst)
	if err != nil {
		return cursor.Corrupt(name, off, fmt.Sprintf("%d bytes that unpack", len(dst)), fmt.Sprintf("%v after %d", err, n))
	}
	if !exact {
		return nil
	}
	var more [1]byte
	if n, err := io.ReadFull(r, more[:]); n > 0 {
		return cursor.Corrupt(name, off, fmt.Sprintf("%d bytes", len(dst)), "more")
	} else if !errors.Is(err, io.EOF) {
		return cursor.Corrupt(name, off, "a check that fits", err)
	}
	return nil
}

// Inflater unpacks streams of zlib and deflate, and keeps the memory that this takes. The zero value is ready, and may
// be used from several goroutines.
type Inflater struct{ zlib, flate sync.Pool }

// Zlib unpacks a zlib stream into dst. Its check must fit, and it must hold no more than dst.
func (f *Inflater) Zlib(name string, off int64, packed, dst []byte) error {
	src := bytes.NewReader(packed)
	z, _ := f.zlib.Get().(io.ReadCloser)
	var err error
	if z == nil {
		z, err = zlib.NewReader(src)
	} else if r, ok := z.(zlib.Resetter); ok {
		err = r.Reset(src, nil)
	}
	if err != nil {
		return cursor.Corrupt(name, off, "a zlib stream", err)
	}
	err = Fill(name, off, z, dst, true)
	f.zlib.Put(z)
	return err
}

// ZlibUpTo unpacks a zlib stream that may hold less than dst, and returns how much it held.
func (f *Inflater) ZlibUpTo(name string, off int64, packed, dst []byte) (int, error) {
	z, err := zlib.NewReader(bytes.NewReader(packed))
	if err != nil {
		return 0, cursor.Corrupt(name, off, "a zlib stream", err)
	}
	n, err := io.ReadFull(z, dst)
	if err == nil {
		err = Fill(name, off, z, nil, true)
	} else if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		// The end of the stream; one that was cut or does not fit its check says so when it is asked again.
		if _, again := z.Read(make([]byte, 1)); errors.Is(again, io.EOF) {
			return n, nil
		}
		err = cursor.Corrupt(name, off, "a stream with its end", err)
	} else {
		err = cursor.Corrupt(name, off, "a stream that unpacks", err)
	}
	return n, err
}

// Deflate unpacks a deflate stream into dst. What follows in the stream is not looked at.
func (f *Inflater) Deflate(name string, off int64, packed, dst []byte) error {
	src := bytes.NewReader(packed)
	z, _ := f.flate.Get().(io.ReadCloser)
	if z == nil {
		z = flate.NewReader(src)
	} else if r, ok := z.(flate.Resetter); ok {
		if err := r.Reset(src, nil); err != nil {
			return cursor.Corrupt(name, off, "a deflate stream", err)
		}
	}
	err := Fill(name, off, z, dst, false)
	f.flate.Put(z)
	return err
}
