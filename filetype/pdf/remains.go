package pdf

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode"

	"salvor/block"
	"salvor/cursor"
	"salvor/filetype"
	"salvor/filetype/internal/media"
)

// pictureDoubt is how many bytes before the first one that no picture has may be others' too: in other data, one in 256 is such.
const pictureDoubt = 4 << 10

// maxTail is how far the end mark behind a cross-reference is looked for, in bytes.
const maxTail = 32 << 20

// remains reads a file that breaks, or that has no cross-reference, object by object from its beginning, as far as each of them is
// whole, and returns where the last one ends. Without a cross-reference, the objects that it meets take its place, so that the
// pages that are there can be told.
func (x *exam) remains() (sound int64, err error) {
	fresh := x.end == 0
	if fresh {
		x.objects, x.trailer, x.streams = table{}, dict{}, nil
	}
	off := int64(0)
	for n := 0; n < maxObjects; n++ {
		x.reached = 0
		if n%64 == 0 && x.ctx.Err() != nil {
			return 0, x.ctx.Err()
		}
		next, ok := x.blank(off)
		if !ok {
			break
		}
		end := x.tailEnd(next)
		if end == 0 {
			o, err := x.object(next)
			if err != nil {
				break
			}
			if end, err = x.whole(o); err != nil {
				sound = max(sound, x.reached-pictureDoubt) // as far as the picture in it goes
				break
			}
			if fresh {
				x.meet(o)
			}
		}
		sound, off = end, end
	}
	switch {
	case fresh:
		x.leftPages()
	default:
		catalogue, _ := x.resolve(x.trailer["Root"], 0).(dict)
		x.pages = 0
		x.countPages(catalogue["Pages"], cursor.NewVisited(maxTree), 0)
	}
	return sound, x.ctx.Err()
}

// blank steps over white space and comments from off on.
func (x *exam) blank(off int64) (int64, bool) {
	for range maxObjects {
		p, _ := x.w.Upto(off, 256)
		if len(p) == 0 {
			return off, false
		}
		p = p[:min(len(p), 4096)]
		n := 0
		for n < len(p) && isSpace(p[n]) {
			n++
		}
		if n < len(p) && p[n] != '%' {
			return off + int64(n), true
		}
		if n < len(p) {
			k := bytes.IndexAny(p[n:], "\r\n")
			if k < 0 {
				return off, false
			}
			n += k + 1
		}
		off += int64(n)
	}
	return off, false
}

// tailEnd returns where a cross-reference table, a trailer or the place of one, which begins at off, ends with its end mark; 0 when
// there is none.
func (x *exam) tailEnd(off int64) int64 {
	p, _ := x.w.Upto(off, 16)
	if !bytes.HasPrefix(p, []byte("xref")) && !bytes.HasPrefix(p, []byte("trailer")) && !bytes.HasPrefix(p, []byte("startxref")) {
		return 0
	}
	for at := off; at < off+maxTail; {
		p, _ := x.w.Upto(at, markSize)
		if len(p) < markSize {
			return 0
		}
		if i := bytes.Index(p, []byte("%%EOF")); i >= 0 {
			return at + int64(i+markSize)
		}
		at += int64(len(p) - markSize + 1)
	}
	return 0
}

// whole returns where the object o ends, with all that it holds.
func (x *exam) whole(o *object) (int64, error) {
	end := o.end
	if o.stream {
		n, err := x.length(o)
		if r, ok := o.dict["Length"].(ref); ok && err != nil {
			n, err = x.lengthBehind(o, r)
		}
		filters := x.filters(o.dict)
		switch {
		case len(filters) > 0 && isFlate(filters[0]) && !x.encrypted:
			in := x.w.Reader(block.Between(o.data, min(x.src.Size(), o.data+max(n, maxStream))))
			bad := x.inflateFrom(o, in, &limited{x: x})
			end = in.Offset()
			if bad != nil && (err != nil || !x.ciphertext(o)) {
				return 0, bad
			}
			if bad != nil {
				end = o.data + n
			}
		case err != nil:
			return 0, err
		default:
			if err := x.picture(o, n, filters); err != nil {
				return 0, err
			}
			end = o.data + n
		}
		ok, err := x.wordAt(end, "endstream")
		if err != nil || !ok {
			return 0, errors.Join(err, errSyntax)
		}
		if end, err = x.behind(end, "endstream"); err != nil {
			return 0, err
		}
	}
	ok, err := x.wordAt(end, "endobj")
	if err != nil || !ok {
		return 0, errors.Join(err, errSyntax)
	}
	return x.behind(end, "endobj")
}

// ciphertext reports whether the stream of o does not begin as packed data does: in a file whose end is missing, nothing else tells
// that it is encrypted.
func (x *exam) ciphertext(o *object) bool {
	p, _ := x.w.Upto(o.data, 2)
	return len(p) >= 2 && (p[0]&15 != 8 || (int(p[0])<<8|int(p[1]))%31 != 0)
}

// lengthBehind returns the length of the stream of o that stands in an object of its own, r, right behind it, as writers do that
// know it only then.
func (x *exam) lengthBehind(o *object, r ref) (int64, error) {
	const word = "endstream"
	for at := o.data; at < o.data+maxTail; {
		p, err := x.w.Upto(at, len(word))
		if len(p) < len(word) {
			return 0, err
		}
		i := bytes.Index(p, []byte(word))
		if i < 0 {
			at += int64(len(p) - len(word) + 1)
			continue
		}
		n := at + int64(i) - o.data
		at += int64(i + len(word))
		if ok, _ := x.wordAt(at, "endobj"); !ok {
			continue
		}
		end, err := x.behind(at, "endobj")
		if err != nil {
			return 0, err
		}
		if end, _ = x.blank(end); x.ctx.Err() != nil {
			return 0, x.ctx.Err()
		}
		next, err := x.object(end)
		if err != nil {
			return 0, err
		}
		if told, ok := next.value.(int64); ok && next.num == r.num && told <= n && told >= n-2 {
			return told, nil
		}
		break
	}
	return 0, errSyntax
}

// maxStream is how far a packed stream is followed whose length is not known, in bytes.
const maxStream = 256 << 20

// behind returns the place behind the word w, which stands little behind off.
func (x *exam) behind(off int64, w string) (int64, error) {
	p, err := x.w.Upto(off, len(w)+8)
	if i := bytes.Index(p[:min(len(p), len(w)+64)], []byte(w)); i >= 0 {
		return off + int64(i+len(w)), nil
	}
	return off, err
}

// picture follows the stream of n bytes of o when it is a JPEG picture: the only packed data without a check in it.
func (x *exam) picture(o *object, n int64, filters []name) error {
	if len(filters) != 1 || filters[0] != "DCTDecode" && filters[0] != "DCT" || x.encrypted {
		return nil
	}
	var watch media.JPEGWatch
	for at, end := o.data, o.data+n; at < end && !watch.Ended(); {
		x.reached = at
		p, err := x.w.Upto(at, 1)
		if len(p) == 0 {
			return err
		}
		p = p[:min(int64(len(p)), end-at)]
		if good, ok := watch.See(p); !ok {
			x.reached = o.data + good
			return cursor.Corrupt(fmt.Sprintf("pdf: picture of object %d", o.num), o.data+good, "data of a JPEG picture", "other bytes")
		}
		at += int64(len(p))
		if err := x.ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

// meet takes an object that was met into the table of objects, with those that are packed in it.
func (x *exam) meet(o *object) {
	x.objects.set(o.num, entry{kind: plain, off: o.off, gen: uint16(o.gen)})
	switch o.dict["Type"] {
	case name("ObjStm"):
		if _, direct := o.dict["Length"].(int64); direct {
			for num := range x.objectStream(o.num).offsets {
				x.objects.set(num, entry{kind: packed, off: o.num})
			}
		}
	case name("Catalog"):
		x.trailer["Root"] = ref{o.num, o.gen}
	}
	if o.dict["Producer"] != nil || o.dict["CreationDate"] != nil {
		x.trailer["Info"] = ref{o.num, o.gen}
	}
}

// leftPages counts the pages that are there of a file without a cross-reference.
func (x *exam) leftPages() {
	root := ref{num: -1}
	for base, piece := range x.objects.pieces {
		for i, e := range piece {
			if e.kind == unknown {
				continue
			}
			r := ref{base<<10 | int64(i), 0}
			d, _ := x.resolve(r, 0).(dict)
			count, _ := x.resolve(d["Count"], 0).(int64)
			if d["Type"] == name("Pages") && count > x.pagesSaid {
				root, x.pagesSaid = r, count
			}
			if d["Producer"] != nil && x.trailer["Info"] == nil {
				x.trailer["Info"] = r
			}
		}
	}
	if root.num >= 0 {
		x.countPages(root, cursor.NewVisited(maxTree), 0)
	}
	x.readInfo()
	unprintable := func(r rune) bool { return !unicode.IsPrint(r) }
	if strings.ContainsFunc(x.hints.Title, unprintable) || strings.ContainsFunc(x.hints.Author, unprintable) {
		x.hints = filetype.Hints{} // of an encrypted file
	}
}

// countPages counts the pages below v, and those of which all is there.
func (x *exam) countPages(v any, seen *cursor.Visited, depth int) {
	r, ok := v.(ref)
	if !ok || depth > maxDeep || !seen.Enter(r.num) || x.ctx.Err() != nil {
		return
	}
	d, ok := x.resolve(v, 0).(dict)
	if !ok { // what was there is not known: one page, most likely
		x.pages++
		return
	}
	kids, ok := x.resolve(d["Kids"], 0).(array)
	if !ok {
		if x.pages == x.leading && x.complete(d) {
			x.leading++
		}
		x.pages++
		return
	}
	for _, k := range kids {
		x.countPages(k, seen, depth+1)
	}
}

// complete reports whether all that a page needs is there and was found to be whole.
func (x *exam) complete(page dict) bool {
	return x.present(page["Contents"], 0) && x.present(page["Resources"], 0)
}

// present reports whether what v refers to is whole, with what that refers to.
func (x *exam) present(v any, depth int) bool {
	if depth > 6 {
		return true
	}
	switch v := v.(type) {
	case ref:
		e := x.objects.get(v.num)
		if e.kind == unknown || e.kind == plain && x.spoilt[v.num] || e.kind == packed && x.spoilt[e.off] {
			return false
		}
		if d, ok := x.resolve(v, 0).(dict); ok {
			return x.present(d, depth+1)
		}
	case array:
		for _, k := range v {
			if !x.present(k, depth+1) {
				return false
			}
		}
	case dict:
		for key, k := range v {
			if key != "Parent" && key != "Length" && !x.present(k, depth+1) {
				return false
			}
		}
	}
	return true
}
