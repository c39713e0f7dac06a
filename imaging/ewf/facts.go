package ewf

import (
	"bytes"
	"compress/zlib"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash/adler32"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"

	"salvor/block"
)

// fact is a small section.
type fact struct {
	kind string
	data []byte
}

// headers returns what stands in the head of the image: twice in UTF-16 and once in ASCII, each compressed.
func (i Info) headers() []fact {
	at := i.Acquired
	if at.IsZero() {
		at = time.Now()
	}
	stamp := strconv.FormatInt(at.Unix(), 10)
	date := at.UTC().Format("2006 1 2 15 4 5")
	text := "3\nmain\na\tc\tn\te\tt\tmd\tsn\tav\tov\tm\tu\tp\tdc\n" +
		line(i.Description, i.Case, i.Evidence, i.Examiner, i.Notes, i.Model, i.Serial, i.Program, i.System, stamp, stamp, "0", "") +
		"\n\nsrce\n0\t1\np\tn\tid\tev\ttb\tlo\tpo\tah\tgu\taq\n0\t0\n\t\t\t\t\t-1\t-1\t\t\t\n\nsub\n0\t1\np\tn\tid\tnu\tco\tgu\n0\t0\n\t\t\t\t1\t\n\n"
	wide := []byte{0xFF, 0xFE}
	for _, u := range utf16.Encode([]rune(text)) {
		wide = binary.LittleEndian.AppendUint16(wide, u)
	}
	narrow := "1\r\nmain\r\nc\tn\ta\te\tt\tav\tov\tm\tu\tp\r\n" +
		ascii(line(i.Case, i.Evidence, i.Description, i.Examiner, i.Notes, i.Program, i.System, date, date, "0")) + "\r\n\r\n"
	w := deflated(wide)
	return []fact{{"header2", w}, {"header2", w}, {"header", deflated([]byte(narrow))}}
}

// line joins values by tabs, which none of them may hold.
func line(values ...string) string {
	for i, v := range values {
		values[i] = strings.Map(func(r rune) rune {
			if r < ' ' || r == 0x7F {
				return ' '
			}
			return r
		}, v)
	}
	return strings.Join(values, "\t")
}

func ascii(s string) string {
	return strings.Map(func(r rune) rune {
		if r > 0x7E {
			return '?'
		}
		return r
	}, s)
}

func deflated(p []byte) []byte {
	var b bytes.Buffer
	z := zlib.NewWriter(&b)
	_, _ = z.Write(p) // into memory
	_ = z.Close()
	return b.Bytes()
}

// The bits of the media flags.
const (
	flagImage    = 1
	flagPhysical = 2
)

// volume returns what the volume and data sections say of the medium.
func (w *writer) volume() []byte {
	b := make([]byte, 1052)
	put := binary.LittleEndian.PutUint32
	if !w.o.Removable {
		b[0] = 1
	}
	perChunk := uint32(chunkSize / w.o.SectorSize)
	put(b[4:], uint32((w.size+chunkSize-1)/chunkSize))
	put(b[8:], perChunk)
	put(b[12:], uint32(w.o.SectorSize))
	binary.LittleEndian.PutUint64(b[16:], uint64(w.size/int64(w.o.SectorSize)))
	b[36] = flagImage | flagPhysical
	b[52] = 1 // compression: fast
	put(b[56:], 1)
	copy(b[64:80], w.identifier())
	put(b[1048:], adler32.Checksum(b[:1048]))
	return b
}

// identifier returns what binds the segments of one image together: the same for the same source at the same time.
func (w *writer) identifier() []byte {
	i := w.o.Info
	sum := sha256.Sum256(fmt.Appendf(nil, "%d\n%s\n%s\n%d", w.size, i.Serial, i.Model, i.Acquired.UnixNano()))
	sum[7], sum[8] = sum[7]&0x0F|0x40, sum[8]&0x3F|0x80 // as a random UUID has it
	return sum[:16]
}

// errors returns the list of what could not be read, nil when there is nothing.
func (w *writer) errors() ([]byte, error) {
	sector := int64(w.o.SectorSize)
	var whole block.Set
	for e := range w.o.Unreadable.Within(block.Extent{Length: w.size}).All() {
		whole.Add(block.Between(e.Offset/sector*sector, (e.End()+sector-1)/sector*sector))
	}
	if whole.Empty() {
		return nil, nil
	}
	b := make([]byte, 520, 520+8*whole.Count()+4)
	binary.LittleEndian.PutUint32(b, uint32(whole.Count()))
	binary.LittleEndian.PutUint32(b[516:], adler32.Checksum(b[:516]))
	for e := range whole.All() {
		if e.End()/sector > 1<<32-1 {
			return nil, fmt.Errorf("ewf: the format cannot name the unreadable sectors at %d, which lie behind sector 4294967295", e.Offset)
		}
		b = binary.LittleEndian.AppendUint32(b, uint32(e.Offset/sector))
		b = binary.LittleEndian.AppendUint32(b, uint32(e.Length/sector))
	}
	return binary.LittleEndian.AppendUint32(b, adler32.Checksum(b[520:])), nil
}

// digests returns the sections with the hashes over all bytes.
func (w *writer) digests() []fact {
	end := func(b []byte) []byte { return binary.LittleEndian.AppendUint32(b, adler32.Checksum(b)) }
	both := w.sha1.Sum(w.md5.Sum(nil))
	one := w.md5.Sum(nil)
	return []fact{
		{"digest", end(append(both, make([]byte, 40)...))},
		{"hash", end(append(one, make([]byte, 16)...))},
	}
}
