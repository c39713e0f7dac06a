package sqlite

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"salvor/block"
	"salvor/filetype"
)

// errEnough ends a walk over a table when the rows that were asked for are there.
var errEnough = errors.New("enough rows")

// rows reads a part of a table: the records as they stand, without SQLite and without anything of the schema being
// executed. Changes that stand in a write-ahead log are not in them.
func rows(ctx context.Context, src block.Source, member, skip int) (out filetype.Rows, err error) {
	w, err := begin(ctx, src)
	if w == nil {
		return out, err
	}
	w.keepSQL = true
	list, _, err := w.schema()
	if err != nil {
		return out, err
	}
	var table *entry
	for i := range list {
		if !list[i].table {
			continue
		}
		if member == 0 {
			table = &list[i]
			break
		}
		member--
	}
	if table == nil {
		return out, nil
	}
	var key int
	if out.Columns, key = columnNames(table.sql); table.kind == indexTree {
		out.Columns, key = nil, -1 // the record has the columns of the key first
	}
	bad := w.bad
	err = w.tree(table.root, 1, table.kind, func(c *cell) error {
		if skip > 0 {
			skip--
			return nil
		}
		if len(out.Values) == filetype.MaxRows {
			out.More = true
			return errEnough
		}
		p, err := w.record(c)
		if err != nil {
			return err
		}
		var row []string
		columns(p, func(i int, t uint64, v []byte) bool {
			if i == key && t == 0 {
				row = append(row, strconv.FormatInt(c.rowid, 10)) // an INTEGER PRIMARY KEY is the number of the row
			} else {
				row = append(row, w.value(t, v))
			}
			return len(row) < filetype.MaxColumns
		})
		out.Values = append(out.Values, row)
		return nil
	})
	if out.Broken = w.bad - bad + int64(w.missing.Count()); errors.Is(err, errEnough) {
		err = nil
	}
	return out, err
}

// value is a value for people.
func (w *walker) value(t uint64, v []byte) string {
	switch {
	case t == 0:
		return "NULL"
	case t == 7 && len(v) == 8:
		return strconv.FormatFloat(math.Float64frombits(binary.BigEndian.Uint64(v)), 'g', -1, 64)
	case t <= 9:
		if t >= 8 {
			return strconv.FormatUint(t-8, 10)
		}
		if len(v) == 0 || int64(len(v)) < serialSize(t) {
			return "…"
		}
		n := int64(int8(v[0]))
		for _, b := range v[1:] {
			n = n<<8 | int64(b)
		}
		return strconv.FormatInt(n, 10)
	case t%2 == 0:
		const shown = 16
		more := ""
		if len(v) > shown {
			more = "…"
		}
		return fmt.Sprintf("%d bytes: %x%s", serialSize(t), v[:min(len(v), shown)], more)
	}
	text := strings.ToValidUTF8(w.decode(v[:min(len(v), 4*filetype.MaxCell)]), "\uFFFD")
	if short := cutRunes(text, filetype.MaxCell); short != text {
		return short + "…"
	}
	return text
}

// columnNames reads the names of columns out of a CREATE TABLE, and which of them is an INTEGER PRIMARY KEY, -1 for none.
// What it does not understand it leaves out.
func columnNames(sql string) (names []string, key int) {
	key = -1
	words := sqlWords(sql)
	for len(words) > 0 && words[0] != "(" {
		words = words[1:]
	}
	if len(words) == 0 {
		return nil, key
	}
	depth := 0
	var column []string
	take := func() bool {
		if len(column) == 0 {
			return true
		}
		switch strings.ToUpper(column[0]) {
		case "CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN":
			return false // what follows are constraints of the table
		}
		if len(names) == filetype.MaxColumns {
			return false
		}
		if text := strings.ToUpper(strings.Join(column[1:], " ")); strings.HasPrefix(text, "INTEGER PRIMARY KEY") && !strings.HasPrefix(text, "INTEGER PRIMARY KEY DESC") {
			key = len(names)
		}
		names = append(names, cutRunes(strings.ToValidUTF8(unquote(column[0]), "\uFFFD"), maxName))
		column = column[:0]
		return true
	}
	for _, word := range words {
		switch word {
		case "(":
			depth++
			continue
		case ")":
			if depth--; depth == 0 {
				take()
				return names, key
			}
			continue
		case ",":
			if depth == 1 {
				if !take() {
					return names, key
				}
				continue
			}
		}
		if depth == 1 {
			column = append(column, word)
		}
	}
	take() // cut off
	return names, key
}

func cutRunes(s string, n int) string {
	for i := range s {
		if n--; n < 0 {
			return s[:i]
		}
	}
	return s
}

// sqlWords splits a statement into words, quoted names, brackets and commas. Comments are left out.
func sqlWords(sql string) (words []string) {
	for i := 0; i < len(sql); {
		end := i + 1
		switch c := sql[i]; {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			i++
			continue
		case strings.HasPrefix(sql[i:], "--"):
			if n := strings.IndexByte(sql[i:], '\n'); n >= 0 {
				i += n
			} else {
				i = len(sql)
			}
			continue
		case strings.HasPrefix(sql[i:], "/*"):
			if n := strings.Index(sql[i+2:], "*/"); n >= 0 {
				i += n + 4
			} else {
				i = len(sql)
			}
			continue
		case c == '"' || c == '\'' || c == '`' || c == '[':
			closing := c
			if c == '[' {
				closing = ']'
			}
			for end < len(sql) {
				if sql[end] == closing {
					if c == '[' || end+1 >= len(sql) || sql[end+1] != closing {
						end++
						break
					}
					end++
				}
				end++
			}
		case c == '(' || c == ')' || c == ',':
		default:
			for end < len(sql) && !strings.ContainsRune(" \t\r\n(),\"'`[", rune(sql[end])) {
				end++
			}
		}
		words = append(words, sql[i:min(end, len(sql))])
		i = end
	}
	return words
}

// unquote takes the quotes of a name away.
func unquote(word string) string {
	if len(word) < 2 {
		return word
	}
	switch c := word[0]; c {
	case '"', '\'', '`':
		return strings.ReplaceAll(strings.TrimSuffix(word[1:], string(c)), string(c)+string(c), string(c))
	case '[':
		return strings.TrimSuffix(word[1:], "]")
	}
	return word
}
