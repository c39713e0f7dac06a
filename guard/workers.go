package guard

import "runtime"

// maxWorkers bounds what works side by side on computers with many processors.
const maxWorkers = 8

// Workers returns how many goroutines share work of one kind: one for each processor, up to 8. Each may hold some 20 MiB
// (a file that is decoded, the places from which a search can go on), and the memory of a run must not grow with the computer.
func Workers() int { return min(runtime.GOMAXPROCS(0), maxWorkers) }
