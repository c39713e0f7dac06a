package rescue

import (
	"bytes"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"strings"

	"salvor/block"
	"salvor/container"
	"salvor/finding"
)

var (
	storedRight = &finding.Def{Code: "rescue.container.sum.right", Severity: finding.Info,
		Text: "the {name} that the image stores of its disk is right: {expected}"}
	storedWrong = &finding.Def{Code: "rescue.container.sum.wrong", Severity: finding.Error,
		Text: "the {name} that the image stores of its disk is {expected}, that of what was read is {found}: the image was changed or is damaged"}
	storedOpen = &finding.Def{Code: "rescue.container.sum.open", Severity: finding.Info,
		Text: "the {name} that the image stores of its disk was not compared, since the disk was not read from its beginning to its end at once; `salvor verify` does that"}
)

// storedSums compares the hashes that an image stores with what is read, as an observer of the reading.
type storedSums struct {
	sums   []container.Sum
	hashes []hash.Hash
	at     int64 // all before was hashed
}

// newStoredSums returns the observer, with nothing to do where no hash is stored that is known here.
func newStoredSums(sums []container.Sum) *storedSums {
	s := &storedSums{}
	for _, sum := range sums {
		var h hash.Hash
		switch sum.Name {
		case "md5":
			h = md5.New()
		case "sha1":
			h = sha1.New()
		case "sha256":
			h = sha256.New()
		default:
			continue
		}
		s.sums, s.hashes = append(s.sums, sum), append(s.hashes, h)
	}
	return s
}

// Observe hashes what comes in order.
func (s *storedSums) Observe(e block.Extent, p []byte) {
	if e.Offset != s.at {
		return
	}
	for _, h := range s.hashes {
		h.Write(p)
	}
	s.at += int64(len(p))
}

// findings says what the comparison came to, for a disk of size bytes.
func (s *storedSums) findings(size int64) []finding.Finding {
	var out []finding.Finding
	for i, sum := range s.sums {
		def, found := storedOpen, []byte(nil)
		if s.at == size {
			def, found = storedRight, s.hashes[i].Sum(nil)
			if !bytes.Equal(found, sum.Value) {
				def = storedWrong
			}
		}
		out = append(out, def.New(finding.Arg("name", strings.ToUpper(sum.Name)), finding.Expected(hex.EncodeToString(sum.Value), hex.EncodeToString(found))))
	}
	return out
}
