package host

import "errors"

// checkReadOnly ends the reader: Windows passes no descriptors by number.
func checkReadOnly() error { return errors.ErrUnsupported }
