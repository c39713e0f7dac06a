package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"

	"salvor/block"
)

// The numbers of the NBD protocol (https://github.com/NetworkBlockDevice/nbd, doc/proto.md) that a read-only export
// needs.
const (
	nbdMagic      = 0x4e42444d41474943
	optionMagic   = 0x49484156454f5054
	replyMagic    = 0x3e889045565a9
	requestMagic  = 0x25609513
	simpleMagic   = 0x67446698
	optionAbort   = 2
	optionGo      = 7
	answerAck     = 1
	answerInfo    = 3
	answerUnknown = 1<<31 + 1
	commandRead   = 0
	commandEnd    = 2
	errorIO       = 5
	errorInvalid  = 22
	errorShutdown = 108
	maxRequest    = 32 << 20
)

// serve answers one client until it leaves. Requests are answered one after the other: the medium can do no more.
func serve(c net.Conn, src block.Source) error {
	defer c.Close()
	if err := greet(c, src.Size()); err != nil {
		return err
	}
	var head [28]byte
	buf := make([]byte, 16+maxRequest)
	for {
		if _, err := io.ReadFull(c, head[:]); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		if binary.BigEndian.Uint32(head[:]) != requestMagic {
			return errors.New("no request")
		}
		command := binary.BigEndian.Uint16(head[6:])
		off, n := int64(binary.BigEndian.Uint64(head[16:])), int64(binary.BigEndian.Uint32(head[24:]))
		binary.BigEndian.PutUint32(buf, simpleMagic)
		copy(buf[8:16], head[8:16])
		code := uint32(0)
		answer := buf[:16]
		switch {
		case command == commandEnd:
			return nil
		case command != commandRead || n > maxRequest || off < 0 || off+n > src.Size():
			code = errorInvalid
		default:
			got, err := src.ReadAt(buf[16:16+n], off)
			if int64(got) == n {
				answer = buf[:16+n]
			} else {
				code = errorIO
				if u, ok := block.IsUnreadable(err); ok && u.Ranges[0].Why == block.Gone {
					code = errorShutdown
				}
			}
		}
		binary.BigEndian.PutUint32(buf[4:], code)
		if _, err := c.Write(answer); err != nil {
			return err
		}
	}
}

// greet does the handshake: fixed newstyle, one export whatever it is called.
func greet(c net.Conn, size int64) error {
	var hello []byte
	hello = binary.BigEndian.AppendUint64(hello, nbdMagic)
	hello = binary.BigEndian.AppendUint64(hello, optionMagic)
	hello = binary.BigEndian.AppendUint16(hello, 3) // fixed newstyle, no zeroes
	if _, err := c.Write(hello); err != nil {
		return err
	}
	var flags [4]byte
	if _, err := io.ReadFull(c, flags[:]); err != nil {
		return err
	}
	for {
		var head [16]byte
		if _, err := io.ReadFull(c, head[:]); err != nil {
			return err
		}
		option, n := binary.BigEndian.Uint32(head[8:]), binary.BigEndian.Uint32(head[12:])
		if binary.BigEndian.Uint64(head[:]) != optionMagic || n > 64<<10 {
			return errors.New("no option")
		}
		if _, err := io.CopyN(io.Discard, c, int64(n)); err != nil {
			return err
		}
		reply := func(kind uint32, data []byte) error {
			var b []byte
			b = binary.BigEndian.AppendUint64(b, replyMagic)
			b = binary.BigEndian.AppendUint32(b, option)
			b = binary.BigEndian.AppendUint32(b, kind)
			b = binary.BigEndian.AppendUint32(b, uint32(len(data)))
			_, err := c.Write(append(b, data...))
			return err
		}
		switch option {
		case optionGo:
			info := binary.BigEndian.AppendUint16(nil, 0)
			info = binary.BigEndian.AppendUint64(info, uint64(size))
			info = binary.BigEndian.AppendUint16(info, 3) // has flags, read-only
			if err := reply(answerInfo, info); err != nil {
				return err
			}
			return reply(answerAck, nil)
		case optionAbort:
			if err := reply(answerAck, nil); err != nil {
				return err
			}
			return fmt.Errorf("the client left")
		default:
			if err := reply(answerUnknown, nil); err != nil {
				return err
			}
		}
	}
}
