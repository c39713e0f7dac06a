package mapped

import (
	"container/list"
	"sync"
)

// Cache keeps what was used last, up to a weight. The newest always stays. It may be used from several goroutines.
type Cache[K comparable, V any] struct {
	mu    sync.Mutex
	limit int
	used  int
	order *list.List // of *kept[K, V], the newest first
	by    map[K]*list.Element
}

type kept[K comparable, V any] struct {
	key    K
	value  V
	weight int
}

// NewCache returns a cache for values of that weight in all.
func NewCache[K comparable, V any](limit int) *Cache[K, V] {
	return &Cache[K, V]{limit: limit, order: list.New(), by: map[K]*list.Element{}}
}

// Get returns the value of a key, where it is kept.
func (l *Cache[K, V]) Get(key K) (V, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e, ok := l.by[key]
	if !ok {
		var none V
		return none, false
	}
	l.order.MoveToFront(e)
	return e.Value.(*kept[K, V]).value, true
}

// Put keeps a value.
func (l *Cache[K, V]) Put(key K, value V, weight int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e, ok := l.by[key]; ok {
		l.drop(e)
	}
	l.by[key] = l.order.PushFront(&kept[K, V]{key, value, weight})
	l.used += weight
	for l.used > l.limit && l.order.Len() > 1 {
		l.drop(l.order.Back())
	}
}

func (l *Cache[K, V]) drop(e *list.Element) {
	k := l.order.Remove(e).(*kept[K, V])
	delete(l.by, k.key)
	l.used -= k.weight
}
