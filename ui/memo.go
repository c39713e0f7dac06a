package ui

import "sync"

// memo keeps answers of jobs by their names, as many as there may be jobs.
type memo[T any] struct {
	mu   sync.Mutex
	list map[string]T
}

func (k *memo[T]) put(key string, v T) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if _, had := k.list[key]; k.list == nil || !had && len(k.list) >= maxJobs {
		k.list = map[string]T{}
	}
	k.list[key] = v
}

// get returns what is kept by that name, nothing where there is none.
func (k *memo[T]) get(key string) T {
	v, _ := k.find(key)
	return v
}

func (k *memo[T]) find(key string) (T, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	v, ok := k.list[key]
	return v, ok
}
