//go:build !linux

package main

import "time"

// sleep waits as long as the medium holds a request.
func sleep(d time.Duration) { time.Sleep(d) }
