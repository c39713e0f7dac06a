package ui

import (
	"net"
	"net/netip"
	"sync"
)

// How many connections are held open for other computers: of one address, and of all. A browser has a few.
const (
	maxOfOne = 64
	maxOfAll = 1024
)

// crowd is a listener that closes what is too much at once, so that whoever reaches the address cannot take all memory from a
// rescue that is at work.
type crowd struct {
	net.Listener
	of *counted
}

// counted are the open connections of all listeners.
type counted struct {
	one, all int // how many there may be

	mu  sync.Mutex
	by  map[netip.Addr]int
	sum int
}

func newCounted() *counted { return &counted{one: maxOfOne, all: maxOfAll, by: map[netip.Addr]int{}} }

func (c *counted) add(who netip.Addr) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.by[who] >= c.one || c.sum >= c.all {
		return false
	}
	c.by[who]++
	c.sum++
	return true
}

func (c *counted) end(who netip.Addr) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sum--
	if c.by[who]--; c.by[who] == 0 {
		delete(c.by, who)
	}
}

// Accept waits for the next connection that is not too much.
func (l *crowd) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		who := guesser(c.RemoteAddr().String())
		if l.of.add(who) {
			return &oneOf{Conn: c, end: sync.OnceFunc(func() { l.of.end(who) })}, nil
		}
		c.Close() // it was not begun
	}
}

// oneOf is a connection that is counted.
type oneOf struct {
	net.Conn
	end func()
}

// Close ends the connection, and makes room for another one.
func (c *oneOf) Close() error {
	defer c.end()
	return c.Conn.Close()
}
