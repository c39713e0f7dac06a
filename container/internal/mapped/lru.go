package mapped

import (
	"container/list"
	"sync"
)

// lru keeps what was used last, up to a weight. The newest always stays.
type lru[K comparable, V any] struct {
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

func newLRU[K comparable, V any](limit int) *lru[K, V] {
	return &lru[K, V]{limit: limit, order: list.New(), by: map[K]*list.Element{}}
}

func (l *lru[K, V]) get(key K) (V, bool) {
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

func (l *lru[K, V]) put(key K, value V, weight int) {
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

func (l *lru[K, V]) drop(e *list.Element) {
	k := l.order.Remove(e).(*kept[K, V])
	delete(l.by, k.key)
	l.used -= k.weight
}
