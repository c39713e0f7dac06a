package host

import "golang.org/x/sys/unix"

func checkReadOnly() error {
	flags, err := unix.FcntlInt(readerFD, unix.F_GETFL, 0)
	if err != nil {
		return err
	}
	if flags&unix.O_ACCMODE != unix.O_RDONLY {
		return errWritable
	}
	return nil
}
