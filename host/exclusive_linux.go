package host

import "golang.org/x/sys/unix"

// exclusive claims a device, so that nothing can be mounted from it while it is overwritten.
const exclusive = unix.O_EXCL
