package bitlocker

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf16"

	"salvor/block"
	"salvor/internal/need"
	"salvor/volume"
)

// built describes a volume that is made after the documents. It is encrypted with AES-CBC, 128 bits, and opens with
// the password "password" and with its clear key.
type built struct {
	vista     bool
	size      int64
	encrypted int64 // bytes from the start
	state     uint16
	next      uint16
	moving    uint32 // bytes behind encrypted
	onWrite   bool
	counter   uint32
	noClear   bool
}

const (
	volumePassword = "password"
	volumeSalt     = "sixteen of salt!"
	startAt        = 0x70000 // of the relocated start
	startLength    = 8192
)

// stretchedPassword is the key of the password, which takes a while to make.
var stretchedPassword = sync.OnceValues(func() ([]byte, error) {
	return stretch(context.Background(), passwordKey([]byte(volumePassword)), []byte(volumeSalt))
})

var blockAt = [blocks]int64{0x20000, 0x90000, 0xd0000}

// le appends numbers in little-endian order.
func le(b []byte, fields ...any) []byte {
	for _, f := range fields {
		switch v := f.(type) {
		case uint16:
			b = binary.LittleEndian.AppendUint16(b, v)
		case uint32:
			b = binary.LittleEndian.AppendUint32(b, v)
		case uint64:
			b = binary.LittleEndian.AppendUint64(b, v)
		case int64:
			b = binary.LittleEndian.AppendUint64(b, uint64(v))
		case string:
			b = append(b, v...)
		case []byte:
			b = append(b, v...)
		default:
			panic(fmt.Sprintf("%T", f))
		}
	}
	return b
}

func entryOf(kind, value uint16, data []byte) []byte {
	return le(nil, uint16(len(data)+entryHeader), kind, value, uint16(1), data)
}

// lock is the inverse of unlock: AES-CCM with a MAC of 16 bytes.
func lock(t testing.TB, key, data []byte, method uint32) []byte {
	t.Helper()
	plain := le(nil, uint32(len(data)+keyHeader), uint16(1), uint16(0), method, data)
	nonce := []byte("nonce bytes!")
	b, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	mac := append([]byte{0x3a}, nonce...)
	mac = append(mac, 0, byte(len(plain)>>8), byte(len(plain)))
	b.Encrypt(mac, mac)
	for at := 0; at < len(plain); at += 16 {
		for i, c := range plain[at:min(at+16, len(plain))] {
			mac[i] ^= c
		}
		b.Encrypt(mac, mac)
	}
	counter := append(append([]byte{2}, nonce...), 0, 0, 0)
	out := append(mac, plain...)
	cipher.NewCTR(b, counter).XORKeyStream(out, out)
	return append(nonce, out...)
}

// plainVolume is an NTFS boot sector, text, and zeros where the metadata stands.
func (v built) plainVolume() []byte {
	var b bytes.Buffer
	for i := 0; int64(b.Len()) < v.size; i++ {
		fmt.Fprintf(&b, "line %08d of a volume whose content is known\n", i)
	}
	p := b.Bytes()[:v.size]
	copy(p, "\xeb\x52\x90NTFS    \x00\x02\x08")
	clear(p[14:40])
	binary.LittleEndian.PutUint64(p[40:], uint64(v.size/512))
	binary.LittleEndian.PutUint64(p[48:], 4)
	binary.LittleEndian.PutUint64(p[56:], 2) // the MFT mirror
	p[510], p[511] = 0x55, 0xaa
	length := int64(maxBlock)
	if v.vista {
		length = 16 << 10
		copy(p[v.size-512:], p[:512])
	} else {
		clear(p[startAt : startAt+startLength])
	}
	for _, at := range blockAt {
		clear(p[at : at+length])
	}
	if v.moving > 0 {
		clear(p[v.encrypted : v.encrypted+int64(v.moving)])
	}
	return p
}

// make returns the plain volume and the encrypted one.
func (v built) make(t testing.TB) (plain, b []byte) {
	t.Helper()
	plain = v.plainVolume()
	b = bytes.Clone(plain)
	key := []byte("sixteen bytes :)")
	master := bytes.Repeat([]byte("master!!"), 4)
	aesKey, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	sector := func(to []byte, from []byte, at int64) {
		var iv [16]byte
		binary.LittleEndian.PutUint64(iv[:], uint64(at))
		aesKey.Encrypt(iv[:], iv[:])
		cipher.NewCBCEncrypter(aesKey, iv[:]).CryptBlocks(to, from)
	}
	for at := int64(0); at < v.encrypted; at += 512 {
		switch {
		case v.vista && (at < 16*512 || at == v.size-512):
		case v.onWrite && at/(128<<10)%2 == 1: // not written to since
		default:
			sector(b[at:at+512], plain[at:at+512], at)
		}
	}
	version := uint16(versionSeven)
	if v.vista {
		version = versionVista
		for _, at := range []int64{0, v.size - 512} {
			copy(b[at+3:], signature)
			binary.LittleEndian.PutUint64(b[at+56:], uint64(blockAt[0]/4096))
		}
	} else {
		for at := int64(0); at < startLength; at += 512 {
			if startAt+at < v.encrypted {
				sector(b[startAt+at:][:512], plain[at:at+512], startAt+at)
			} else {
				copy(b[startAt+at:], plain[at:at+512])
			}
		}
		clear(b[:startLength])
		copy(b, "\xeb\x58\x90"+signature+"\x00\x02\x08")
		id := idNormal
		if v.onWrite {
			id = idOnWrite
		}
		copy(b[idAt:], le(nil, id, blockAt[0], blockAt[1], blockAt[2]))
		b[510], b[511] = 0x55, 0xaa
	}

	stretched, err := stretchedPassword()
	if err != nil {
		t.Fatal(err)
	}
	clearKey := bytes.Repeat([]byte("clear!!!"), 4)
	byPass := le(nil, []byte("guid of password"), uint64(1), uint16(0), uint16(byPassword),
		entryOf(0, valueStretch, le(nil, uint32(0x1000), volumeSalt)), entryOf(0, valueLocked, lock(t, stretched, master, 0x2003)))
	inClear := le(nil, []byte("guid of a clear!"), uint64(1), uint16(0), uint16(byClearKey),
		entryOf(0, valueKey, le(nil, uint32(0x2003), clearKey)), entryOf(0, valueLocked, lock(t, clearKey, master, 0x2003)))
	var name []byte
	for _, u := range utf16.Encode([]rune("COMPUTER disk 1\x00")) {
		name = le(name, u)
	}
	entries := le(nil, entryOf(entryDescription, 2, name), entryOf(entryMaster, valueMaster, byPass), entryOf(entryData, valueLocked, lock(t, master, key, 0x8002)))
	if !v.noClear {
		entries = append(entries, entryOf(entryMaster, valueMaster, inClear)...)
	}
	last := int64(2) // cluster of the MFT mirror
	if !v.vista {
		entries = append(entries, entryOf(entryStart, valueWhere, le(nil, int64(startAt), int64(startLength)))...)
		last = startAt
	}
	size := (blockHeader + dataHeader + len(entries) + 15) / 16 * 16
	units := uint16(size)
	if !v.vista {
		units = uint16(size / 16)
	}
	encrypted, moving := v.encrypted, v.moving
	if v.vista {
		encrypted, moving = 0, 0
	}
	m := le(nil, signature, units, version, v.state, v.next, encrypted, moving, uint32(startLength/512), blockAt[0], blockAt[1], blockAt[2], last,
		uint32(dataHeader+len(entries)), uint32(1), uint32(dataHeader), uint32(dataHeader+len(entries)), []byte("guid of a volume"), v.counter, uint32(0x80028002), uint64(1), entries)
	m = append(m, make([]byte, size-len(m))...)
	m = le(m, uint16(8), version, crc32.ChecksumIEEE(m))
	for _, at := range blockAt {
		copy(b[at:], append(bytes.Clone(m), make([]byte, 32)...))
	}
	return plain, b
}

// builds are the volumes that no sample shows.
var builds = map[string]built{
	"vista":      {vista: true, size: 2 << 20, encrypted: 2 << 20, state: 4, next: 4},
	"seven":      {size: 2 << 20, encrypted: 2 << 20, state: 4, next: 4},
	"encrypting": {size: 2 << 20, encrypted: 1 << 20, state: 2, next: 4},
	"decrypting": {size: 2 << 20, encrypted: 1<<20 + 512, state: 2, next: 1},
	"early":      {size: 2 << 20, encrypted: 0x60000, state: 2, next: 4}, // the relocated start is not encrypted yet
	"moving":     {size: 2 << 20, encrypted: 1 << 20, state: 5, next: 4, moving: 64 << 10},
	"on write":   {size: 2 << 20, encrypted: 2 << 20, state: 4, next: 4, onWrite: true},
}

func TestBuilt(t *testing.T) {
	for name, v := range builds {
		t.Run(name, func(t *testing.T) {
			plain, b := v.make(t)
			l := only(t, b)
			want := map[string]string{"encrypting": "suspended converting", "decrypting": "suspended converting", "early": "suspended converting",
				"moving": "suspended converting", "on write": "suspended onwrite"}[name]
			if want == "" {
				want = "suspended"
			}
			if codes(l) != want || !l.Valid || l.Label != "COMPUTER disk 1" || l.Cipher != "AES-CBC, 128-bit key" || l.Extent != (block.Extent{Length: v.size}) {
				t.Errorf("%+v, findings %q", l, codes(l))
			}
			for _, s := range []volume.Secret{{Kind: volume.Passphrase, Bytes: []byte(volumePassword)}, {Kind: volume.ClearKey}} {
				src, err := l.Open(t.Context(), s)
				if err != nil {
					t.Fatal(err)
				}
				got := make([]byte, v.size)
				lost := block.Set{}
				for at := 0; at < len(got); {
					n, err := src.ReadAt(got[at:], int64(at))
					if at += n; err == nil {
						break
					}
					u, ok := block.IsUnreadable(err)
					if !ok {
						t.Fatal(err)
					}
					lost.Add(u.Ranges[0].Extent)
					at = int(u.Ranges[0].End())
				}
				if want := block.SetOf(block.Extent{Offset: v.encrypted, Length: int64(v.moving)}); !lost.Equal(want) {
					t.Errorf("lost %v, expected %v", lost.Extents(), want.Extents())
				}
				if !bytes.Equal(got, plain) {
					for i := range got {
						if got[i] != plain[i] {
							t.Fatalf("%s: byte %#x is %#x, expected %#x", s.Kind, i, got[i], plain[i])
						}
					}
				}
			}
		})
	}
}

// dislocker reads what the tests built as they mean it; it does not come to its end with volumes of Vista.
func TestBuiltForDislocker(t *testing.T) {
	program := need.Tool(t, "dislocker-file")
	for _, name := range []string{"seven", "encrypting", "early", "decrypting"} {
		v := builds[name]
		v.noClear = true
		plain, b := v.make(t)
		dir := t.TempDir()
		in, out := filepath.Join(dir, "in"), filepath.Join(dir, "out")
		if err := os.WriteFile(in, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if said, err := exec.Command(program, "-s", "-V", in, "-u"+volumePassword, "--", out).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", name, err, said)
			continue
		}
		got, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		// It goes on with zeros behind what the metadata calls encrypted.
		if int64(len(got)) < v.encrypted || !bytes.Equal(got[:v.encrypted], plain[:v.encrypted]) {
			t.Errorf("%s: its %d bytes differ", name, len(got))
		}
	}
}

// Vista's copy of its boot sector is no volume of its own, and tells of the volume whose first one is gone.
func TestVistaLastSector(t *testing.T) {
	v := builds["vista"]
	plain, b := v.make(t)
	const start = 1 << 20
	disk := append(make([]byte, start), b...)
	if l := only(t, disk, landmarks(disk)...); l.Extent != (block.Extent{Offset: start, Length: v.size}) || codes(l) != "suspended" {
		t.Errorf("%+v, findings %q", l, codes(l))
	}
	clear(disk[start : start+512])
	for i := range landmarks(disk) {
		// The boot sector alone, then the metadata too.
		l := only(t, disk, landmarks(disk)[:i+1]...)
		if l.Extent != (block.Extent{Offset: start, Length: v.size}) || l.Open == nil {
			t.Fatalf("%+v, findings %q", l, codes(l))
		}
		src, err := l.Open(t.Context(), volume.Secret{Kind: volume.ClearKey})
		if err != nil {
			t.Fatal(err)
		}
		got := make([]byte, 4096)
		if _, err := src.ReadAt(got, 0x50000); err != nil || !bytes.Equal(got, plain[0x50000:0x51000]) {
			t.Errorf("%v", err)
		}
	}
}

// The newest copy that is sound is used.
func TestNewest(t *testing.T) {
	v := builds["seven"]
	_, old := v.make(t)
	v.counter = 9
	_, b := v.make(t)
	copy(b[blockAt[0]:][:maxBlock], old[blockAt[0]:])
	if l := only(t, b); codes(l) != "metadata.older suspended" || l.Header != blockAt[1] || !l.Valid || !l.Backup {
		t.Errorf("%+v, findings %q", l, codes(l))
	}
	b[blockAt[1]+100]++ // the newer ones are damaged
	b[blockAt[2]+100]++
	if l := only(t, b); codes(l) != "metadata.damaged metadata.damaged suspended" || l.Header != blockAt[0] || !l.Valid {
		t.Errorf("%+v, findings %q", l, codes(l))
	}
}

// TestDamage overwrites the headers at random places: nothing panics or hangs, and a volume that calls itself sound
// gives the right bytes.
func TestDamage(t *testing.T) {
	runs := 300
	if need.CI() {
		runs = 5000
	}
	for _, name := range []string{"vista", "seven", "encrypting"} {
		v := builds[name]
		plain, whole := v.make(t)
		rnd := rand.New(rand.NewPCG(21, 22))
		opens := 0
		for range runs {
			b := bytes.Clone(whole)
			for range 1 + rnd.IntN(6) {
				at := int64(rnd.IntN(512))
				if i := rnd.IntN(2 * blocks); i < blocks {
					at = blockAt[i] + int64(rnd.IntN(900))
				}
				for i := range 1 + rnd.Int64N(32) {
					b[at+i] = byte(rnd.Uint32())
				}
			}
			list, err := Lock().Read(t.Context(), block.Bytes(b), landmarks(b[:blockAt[2]+4096]))
			if err != nil {
				t.Fatal(err)
			}
			for _, l := range list {
				if l.Open == nil {
					continue
				}
				src, err := l.Open(t.Context(), volume.Secret{Kind: volume.ClearKey})
				if err != nil {
					continue
				}
				opens++
				p := make([]byte, 4096)
				const at = 0xb0000
				if n, err := src.ReadAt(p, at); err == nil && l.Valid && l.Extent.Offset == 0 && !bytes.Equal(p[:n], plain[at:at+n]) {
					t.Errorf("a sound volume gives other bytes: %+v", l)
				}
			}
		}
		t.Logf("%s: %d of %d open", name, opens, runs)
	}
}

// FuzzRead reads whatever claims to be a volume.
func FuzzRead(f *testing.F) {
	for _, name := range []string{"vista", "seven", "encrypting"} {
		v := builds[name]
		_, b := v.make(f)
		f.Add(b[:512], b[blockAt[0]:][:1024])
	}
	f.Fuzz(func(t *testing.T, start, m []byte) {
		if len(m) > maxBlock {
			return
		}
		b := make([]byte, 0x20000)
		copy(b, start)
		copy(b[0x4000:], m)
		for _, at := range []int{176, 440} { // the offsets of the copies, so that they are found
			if string(b[at-16:at]) == idNormal {
				binary.LittleEndian.PutUint64(b[at:], 0x4000)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		list, err := Lock().Read(ctx, block.Bytes(b), landmarks(b))
		if err != nil && ctx.Err() == nil {
			t.Fatal(err)
		}
		for _, l := range list {
			if !l.Extent.Valid() || l.Format == "" {
				t.Fatalf("%+v", l)
			}
			if l.Open != nil {
				if src, err := l.Open(ctx, volume.Secret{Kind: volume.ClearKey}); err == nil {
					_, _ = src.ReadAt(make([]byte, 9000), 100)
				}
			}
		}
		// The pieces, whatever the key.
		if md, _ := parseBlock(m, 0x4000); md != nil {
			v := &opened{src: block.Bytes(b), m: md, bootBroken: true, boot: boot{sector: md.sector(), cluster: 4096}}
			if src, err := v.plain(make([]byte, 64)); err == nil {
				_, _ = src.ReadAt(make([]byte, 9000), 100)
				block.UnreadableIn(src, block.Extent{Length: src.Size()})
			}
		}
	})
}

// What only the volume's own computer can open needs its recovery key here, and that is said.
func TestHardware(t *testing.T) {
	for _, c := range []struct {
		kinds []uint16
		codes string
		says  string
		opens bool
	}{
		{[]uint16{byTPM}, "key.hardware key.none", "(its TPM); here it needs its recovery key", false},
		{[]uint16{byTPMPIN}, "key.hardware key.none", "(its TPM and a PIN)", false},
		{[]uint16{byTPM, byRecovery}, "key.hardware", "(its TPM)", true},
		{[]uint16{bySmartCard, byRecovery}, "key.hardware", "(a smart card)", true},
		{[]uint16{0x4000}, "key.hardware key.none", "(a protector of the kind 0x4000)", false},
		{[]uint16{byRecovery}, "", "", true},
		{nil, "key.none", "", false},
	} {
		v := &opened{m: &metadata{}}
		for _, k := range c.kinds {
			v.m.masters = append(v.m.masters, protector{kind: k, locked: [][]byte{make([]byte, 60)}})
		}
		l := volume.Locked{Lock: "bitlocker"}
		v.protectors(&l)
		if codes(l) != c.codes || (l.Open != nil) != c.opens || c.says != "" && !strings.Contains(l.Findings[0].Text, c.says) {
			t.Errorf("%#x: findings %q %v", c.kinds, codes(l), l.Findings)
		}
	}
}
