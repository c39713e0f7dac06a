package dmg

import (
	"bytes"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"

	"salvor/cursor"
)

// part is an entry of the list: a name, and the bytes of a table.
type part struct {
	name string
	data []byte
}

// parseXML takes the tables out of a property list: what stands in the array blkx. Those before an error are returned
// beside it.
func parseXML(b []byte) ([]part, error) {
	d := xml.NewDecoder(bytes.NewReader(b))
	d.Strict = false
	var (
		parts         []part
		now           part
		key           string
		text          []byte
		depth, inside int // inside is the depth of the array
	)
	for {
		token, err := d.RawToken()
		if errors.Is(err, io.EOF) {
			return parts, nil
		}
		if err != nil {
			return parts, cursor.Corrupt("dmg: list", d.InputOffset(), "XML", err)
		}
		switch x := token.(type) {
		case xml.StartElement:
			depth++
			text = text[:0]
			if x.Name.Local == "array" && key == "blkx" && inside == 0 {
				inside = depth
			}
		case xml.CharData:
			text = append(text, x...)
		case xml.EndElement:
			switch name := x.Name.Local; {
			case name == "key":
				key = strings.TrimSpace(string(text))
			case inside > 0 && name == "data" && key == "Data":
				now.data, err = base64.StdEncoding.DecodeString(strings.Map(unspaced, string(text)))
				if err != nil {
					return parts, cursor.Corrupt("dmg: list", d.InputOffset(), "base64", err)
				}
			case inside > 0 && name == "string" && (key == "CFName" || key == "Name" && now.name == ""):
				now.name = strings.TrimSpace(string(text))
			case inside > 0 && name == "dict":
				parts = append(parts, now)
				now = part{}
			case name == "array" && depth == inside:
				return parts, nil
			}
			depth--
			text = text[:0]
		}
	}
}

func unspaced(r rune) rune {
	if r == ' ' || r == '\t' || r == '\n' || r == '\r' {
		return -1
	}
	return r
}

// parseResources takes the tables out of a resource fork: its resources of the type blkx.
func parseResources(b []byte) ([]part, error) {
	c := cursor.New("dmg: resource fork", -1, b)
	data, list := int64(c.Uint32BE()), int64(c.Uint32BE())
	at := func(off int64) *cursor.Cursor {
		x := cursor.New("dmg: resource fork", -1, b)
		x.Seek(int(min(off, int64(len(b))+1)))
		return x
	}
	types := list + int64(at(list+24).Uint16BE())
	t := at(types)
	for range int(t.Uint16BE()) + 1 {
		kind, count, refs := string(t.Bytes(4)), int(t.Uint16BE())+1, int64(t.Uint16BE())
		if err := t.Err(); err != nil {
			return nil, err
		}
		if kind != "blkx" {
			continue
		}
		var parts []part
		r := at(types + refs)
		for range count {
			id := r.Uint16BE()
			r.Skip(2)
			place := int64(r.Uint32BE() & 0xffffff)
			r.Skip(4)
			content := at(data + place)
			p := part{name: fmt.Sprintf("%d", int16(id)), data: content.Bytes(int(content.Uint32BE()))}
			if err := errors.Join(r.Err(), content.Err()); err != nil {
				return parts, cursor.Corrupt("dmg: resource fork", data+place, "a resource inside of it", err)
			}
			parts = append(parts, p)
		}
		return parts, nil
	}
	return nil, cursor.Corrupt("dmg: resource fork", list, "resources of the type blkx", "none")
}
