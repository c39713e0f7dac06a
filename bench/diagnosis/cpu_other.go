//go:build !linux

package main

import "time"

var begin = time.Now()

// cpuSeconds returns the time since the start: other systems tell the CPU time in ways of their own.
func cpuSeconds() float64 { return time.Since(begin).Seconds() }
