package payload

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"salvor/block"
	"salvor/cursor"
	"salvor/firmware"
	"salvor/firmware/firmwaretest"
)

// many is a partition of many packed operations in no order, with others between them.
func many(t testing.TB, broken int) (content, file []byte) {
	m := &maker{}
	var ops []message
	for i := range int64(40) {
		x := bytes.Repeat(firmwaretest.Noise(64, uint64(i)), 128)
		content = append(content, x...)
		kind := []Type{ReplaceXZ, ReplaceZstd, Replace, ReplaceXZ}[i%4]
		data := packed(t, kind, x)
		if int(i) == broken {
			data[len(data)/2] ^= 0x55
		}
		ops = append(ops, m.op(kind, data, blocks(2*i, 2)))
	}
	rand.New(rand.NewPCG(1, 1)).Shuffle(len(ops), func(i, j int) { ops[i], ops[j] = ops[j], ops[i] })
	m.partition("system", nil, content, ops...)
	return content, m.file(t)
}

// TestOrder writes what is unpacked at the same time in order, ends at what is broken, and leaves nothing running.
func TestOrder(t *testing.T) {
	want, file := many(t, -1)
	p := part(t, firmwaretest.Open(t, file, nil, Format()), "system")
	if p.Checks[0].State != firmware.Passed || !bytes.Equal(content(t, p), want) {
		t.Errorf("%+v", p.Checks)
	}
	before := runtime.NumGoroutine()
	_, file = many(t, 20)
	p = part(t, firmwaretest.Open(t, file, nil, Format()), "system")
	if p.Checks[0].State != firmware.Failed || p.Size != 0 {
		t.Errorf("%+v", p.Checks)
	}
	x, err := Read(block.Bytes(file))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	err = x.assemble(context.Background(), &x.Partitions[0], &limited{left: 1 << 30, to: &b})
	if _, corrupt := cursor.IsCorrupt(err); !corrupt || !bytes.Equal(b.Bytes(), want[:b.Len()]) || b.Len() < 20*8192 {
		t.Errorf("%v after %d bytes", err, b.Len())
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if err := x.assemble(ended, &x.Partitions[0], &limited{left: 1 << 30, to: &b}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	for range 100 {
		if runtime.NumGoroutine() <= before {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if n := runtime.NumGoroutine(); n > before {
		t.Errorf("%d run, %d did", n, before)
	}
}
