package firmware

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"salvor/block"
	"salvor/finding"
)

var (
	unfinished = &finding.Def{Code: "firmware.unfinished", Severity: finding.Warning,
		Text: "the name ends with {found}, as programs name a download that has not come to its end"}
	textMode = &finding.Def{Code: "firmware.text-mode", Severity: finding.Error,
		Text: "the file was changed on its way as if it were text: {found}. Transfer it again in binary mode"}
)

// suffixes are those that browsers and download programs give to files that are not complete.
var suffixes = []string{".part", ".partial", ".crdownload", ".download", ".opdownload", ".filepart", ".aria2", ".!ut", ".!qb", ".tmp"}

// transferred adds what is known of how the file came here: by its name, and where its checks fail, by its bytes.
func (p *Part) transferred(ctx context.Context, name string) {
	if ext := strings.ToLower(path.Ext(name)); slices.Contains(suffixes, ext) {
		p.Findings = append(p.Findings, unfinished.New(finding.Expected(nil, ext)))
	}
	failed := false
	p.Walk(func(x *Part, _ int) bool {
		failed = failed || slices.ContainsFunc(x.Checks, func(c Check) bool { return c.State == Failed })
		return !failed
	})
	if !failed {
		return
	}
	if how := TextMode(ctx, p.Source); how != "" {
		p.Findings = append(p.Findings, textMode.New(finding.Expected(nil, how)))
	}
}

// Numbers by which a binary file tells that it went through a text mode: of bytes that are looked at, and how many
// ends of lines it must have by chance.
const (
	textBytes = 8 << 20
	lineEnds  = 48
)

// TextMode says how src was changed by a transfer that took it for text; "" when nothing shows that. It reads up to 8 MiB.
// Only a file with bytes that no text has is judged, by ends of lines that cannot all be so by chance.
func TextMode(ctx context.Context, src block.Source) string {
	var count [256]int64
	var pairs, replaced, size int64
	last := byte(0)
	buf := make([]byte, 1<<20)
	for size < textBytes && ctx.Err() == nil {
		n, err := src.ReadAt(buf, size)
		p := buf[:n]
		for _, b := range p {
			count[b]++
			if b == '\n' && last == '\r' {
				pairs++
			}
			last = b
		}
		replaced += int64(bytes.Count(p, []byte("\xEF\xBF\xBD")))
		size += int64(n)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil || n == 0 {
			return ""
		}
	}
	// Bytes that text does not have: as many as there are letters, at least, in whatever is packed.
	other := int64(0)
	for b, n := range count {
		if b < ' ' && b != '\n' && b != '\r' && b != '\t' || b >= 0x7F {
			other += n
		}
	}
	if size < 4096 || other*8 < size {
		return ""
	}
	// Neighbours of the two in the table of codes say how often they stand in this file by chance.
	chance := min(count['\n'-1], count['\n'+1], count['\r'-1], count['\r'+1])
	cr, lf := count['\r'], count['\n']
	switch {
	case replaced > 64 && replaced*3*8 > size:
		return fmt.Sprintf("%d bytes were replaced by the sign for a character that is not known", replaced)
	case chance < lineEnds:
		return ""
	case lf >= lineEnds && pairs == lf:
		return fmt.Sprintf("each of %d line feeds has a carriage return before it", lf)
	case cr == 0 && lf >= lineEnds:
		return fmt.Sprintf("there is no carriage return beside %d line feeds", lf)
	case lf == 0 && cr >= lineEnds:
		return fmt.Sprintf("there is no line feed beside %d carriage returns", cr)
	}
	return ""
}
