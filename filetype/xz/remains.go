package xz

import (
	"io"

	"salvor/block"
	"salvor/filetype/internal/exam"

	"github.com/ulikunitz/xz/lzma"
)

// piece is one chunk of LZMA2: what it unpacks to, and where it ends.
type piece struct{ content, end int64 }

// maxPieces is how many chunks of a broken block are looked at: more than 100 GiB of content have.
const maxPieces = 1 << 16

// pieces reads the heads of the chunks from off on, as far as they make sense.
func pieces(e *exam.Exam, off int64) (list []piece) {
	for len(list) < maxPieces {
		p, err := e.Upto(off, 6)
		if len(p) < 6 || err != nil || p[0] == 0 || p[0] >= 3 && p[0] < 0x80 {
			break
		}
		size, content := int64(3), int64(p[1])<<8+int64(p[2])+1
		packed := content
		if p[0] >= 0x80 {
			size, content = 5, content+int64(p[0]&0x1F)<<16
			packed = int64(p[3])<<8 + int64(p[4]) + 1
			if p[0] >= 0xC0 {
				size = 6
			}
		}
		off += size + packed
		list = append(list, piece{content, off})
	}
	return list
}

// remains returns where the last chunk ends, of those from start on, that unpacks to what its head says and out of as many bytes: other
// bytes in a chunk unpack to something too, but not so.
func (w *walker) remains(start int64, dict int64) int64 {
	e := w.e
	good := start
	list := pieces(e, start)
	content := int64(0)
	for _, p := range list {
		content += p.content
	}
	dict = max(min(dict, maxDict, content), lzma.MinDictCap)
	r := e.Reader(block.Between(start, e.Size()))
	z, err := lzma.Reader2Config{DictCap: int(dict)}.NewReader2(r)
	if err != nil {
		return good
	}
	for _, p := range list {
		if n, err := io.CopyN(io.Discard, z, p.content); err != nil || n != p.content || r.Offset() != p.end || e.Context().Err() != nil {
			break
		}
		if w.content += p.content; w.content > maxContent {
			break
		}
		good = p.end
	}
	return good
}
