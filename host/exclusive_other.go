//go:build !linux

package host

// exclusive: elsewhere there is no such claim.
const exclusive = 0
