package payload

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/binary"
	"sync"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"

	"salvor/block"
	"salvor/firmware"
	"salvor/firmware/firmwaretest"
	"salvor/firmware/internal/imagetest"
)

// message writes protocol buffers.
type message []byte

func (m message) number(field int, v uint64) message {
	return binary.AppendUvarint(binary.AppendUvarint(m, uint64(field)<<3), v)
}

func (m message) bytes(field int, b []byte) message {
	return append(binary.AppendUvarint(binary.AppendUvarint(m, uint64(field)<<3|2), uint64(len(b))), b...)
}

func (m message) fixed32(field int, v uint32) message {
	return binary.LittleEndian.AppendUint32(binary.AppendUvarint(m, uint64(field)<<3|5), v)
}

// maker makes payloads.
type maker struct {
	manifest message
	data     []byte
	groups   message
	rsa      *rsa.PrivateKey
	ec       *ecdsa.PrivateKey
	other    *rsa.PrivateKey // signs too, in front
}

func extent(field int, m message, e block.Extent) message {
	return m.bytes(field, message(nil).number(1, uint64(e.Offset/4096)).number(2, uint64(e.Length/4096)))
}

// op adds data and gives the message of an operation.
func (m *maker) op(kind Type, data []byte, dst ...block.Extent) message {
	x := message(nil).number(1, uint64(kind))
	if len(data) > 0 {
		x = x.number(2, uint64(len(m.data))).number(3, uint64(len(data)))
		sum := sha256.Sum256(data)
		x = x.bytes(8, sum[:])
		m.data = append(m.data, data...)
	}
	for _, e := range dst {
		x = extent(6, x, e)
	}
	return x
}

func info13(p []byte) message {
	sum := sha256.Sum256(p)
	return message(nil).number(1, uint64(len(p))).bytes(2, sum[:])
}

func (m *maker) partition(name string, old, content []byte, ops ...message) {
	x := message(nil).bytes(1, []byte(name)).bytes(7, info13(content)).bytes(17, []byte("1700000000")).number(19, 12345)
	if old != nil {
		x = x.bytes(6, info13(old))
	}
	for _, o := range ops {
		x = x.bytes(8, o)
	}
	m.manifest = m.manifest.bytes(13, x)
}

func (m *maker) signatures(t testing.TB, digest []byte) []byte {
	t.Helper()
	var out message
	add := func(sig []byte, plain int) {
		x := message(nil).bytes(2, sig)
		if plain > 0 {
			x = x.fixed32(3, uint32(plain))
		}
		out = out.bytes(1, x)
	}
	for _, k := range []*rsa.PrivateKey{m.other, m.rsa} {
		if k == nil {
			continue
		}
		sig, err := rsa.SignPKCS1v15(nil, k, crypto.SHA256, digest)
		if err != nil {
			t.Fatal(err)
		}
		add(sig, 0)
	}
	if m.ec != nil {
		sig, err := ecdsa.SignASN1(rand.Reader, m.ec, digest)
		if err != nil {
			t.Fatal(err)
		}
		add(append(sig, make([]byte, 72-len(sig))...), len(sig)) // filled up to the most that it can be
	}
	return out
}

func (m *maker) file(t testing.TB) []byte {
	t.Helper()
	empty := m.signatures(t, make([]byte, 32))
	manifest := message(nil).number(3, 4096).number(14, 1_750_000_000).bytes(18, []byte("2025-06-05"))
	if len(empty) > 0 {
		manifest = manifest.number(4, uint64(len(m.data))).number(5, uint64(len(empty)))
	}
	manifest = append(manifest, m.manifest...)
	if m.groups != nil {
		manifest = manifest.bytes(15, m.groups)
	}
	head := []byte("CrAU")
	head = binary.BigEndian.AppendUint64(head, 2)
	head = binary.BigEndian.AppendUint64(head, uint64(len(manifest)))
	head = binary.BigEndian.AppendUint32(head, uint32(len(empty)))
	head = append(head, manifest...)
	sum := sha256.Sum256(head)
	all := sha256.Sum256(append(bytes.Clone(head), m.data...))
	first := m.signatures(t, sum[:])
	last := m.signatures(t, all[:])
	if m.ec != nil && (len(first) != len(empty) || len(last) != len(empty)) {
		t.Fatal("the signatures have other sizes")
	}
	return bytes.Join([][]byte{head, first, m.data, last}, nil)
}

var (
	makeKeys sync.Once
	keyA     *rsa.PrivateKey
	keyB     *rsa.PrivateKey
	keyC     *ecdsa.PrivateKey
)

func keys(t testing.TB) (a, b *rsa.PrivateKey, c *ecdsa.PrivateKey) {
	t.Helper()
	makeKeys.Do(func() {
		var errs [3]error
		keyA, errs[0] = rsa.GenerateKey(rand.Reader, 2048)
		keyB, errs[1] = rsa.GenerateKey(rand.Reader, 2048)
		keyC, errs[2] = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		for _, err := range errs {
			if err != nil {
				t.Fatal(err)
			}
		}
	})
	return keyA, keyB, keyC
}

func packed(t testing.TB, kind Type, p []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	switch kind {
	case ReplaceXZ:
		w, err := xz.NewWriter(&b)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(p); err != nil {
			t.Fatal(err)
		}
		w.Close()
	case ReplaceZstd:
		w, err := zstd.NewWriter(&b)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(p); err != nil {
			t.Fatal(err)
		}
		w.Close()
	case ReplaceBzip2:
		return runTool(t, "bzip2", map[string][]byte{"in": p}, "in.bz2", "-k", "in")
	default:
		return p
	}
	return b.Bytes()
}

// runTool starts a tool over files, and returns the one that it makes.
func runTool(t testing.TB, name string, files map[string][]byte, out string, args ...string) []byte {
	t.Helper()
	dir := imagetest.Folder(t, files)
	imagetest.Pipe(t, dir, nil, name, args...)
	return imagetest.File(t, dir, out)
}

func blocks(first, count int64) block.Extent {
	return block.Extent{Offset: first * 4096, Length: count * 4096}
}

// full is a payload of two partitions that needs no old content, with every such type of operation.
func full(t testing.TB, m *maker) (boot, system []byte, file []byte) {
	t.Helper()
	system = bytes.Join([][]byte{firmwaretest.Noise(8192, 1), bytes.Repeat([]byte("text that is packed "), 410)[:8192], make([]byte, 16384), firmwaretest.Noise(4096, 2),
		bytes.Repeat([]byte("other text "), 800)[:8192], firmwaretest.Noise(4096, 3), bytes.Repeat([]byte("zstd "), 820)[:4096]}, nil)
	boot = firmwaretest.Noise(3*4096, 5)
	m.partition("system", nil, system,
		m.op(Replace, system[:8192], blocks(0, 2)),
		m.op(ReplaceXZ, packed(t, ReplaceXZ, system[8192:16384]), blocks(2, 2)),
		m.op(Zero, nil, blocks(4, 2), blocks(7, 1)),
		m.op(Discard, nil, blocks(6, 1)),
		m.op(ReplaceBzip2, packed(t, ReplaceBzip2, system[36864:45056]), blocks(9, 2)),
		m.op(Replace, append(bytes.Clone(system[45056:49152]), system[32768:36864]...), blocks(11, 1), blocks(8, 1)),
		m.op(ReplaceZstd, packed(t, ReplaceZstd, system[49152:]), blocks(12, 1)),
	)
	m.partition("boot", nil, boot, m.op(Replace, boot, blocks(0, 3)))
	m.groups = message(nil).bytes(1, message(nil).bytes(1, []byte("main")).number(2, 1<<20).bytes(3, []byte("system"))).number(2, 1)
	return boot, system, m.file(t)
}

func given(names string, public ...crypto.PublicKey) (out []firmware.Key) {
	for i, k := range public {
		out = append(out, firmware.Key{Name: names[i : i+1], Public: k})
	}
	return out
}
