package mask

import (
	"context"
	"errors"
	"io"
	"strings"

	"salvor/diagnosis/logs"
)

// errEnough ends the reading of a text that is longer than asked for.
var errEnough = errors.New("mask: enough")

// Text reads a log of any encoding (UTF-16, Latin-1, escape sequences, gzip, journald's export and JSON) as UTF-8, at most
// limit bytes of it. cut says that there is more.
func Text(ctx context.Context, r io.Reader, limit int) (text string, cut bool, err error) {
	var b strings.Builder
	err = logs.Read(ctx, r, func(block *logs.Block) error {
		own := block.Text[block.From:block.To]
		if room := limit - b.Len(); len(own) > room {
			own, cut = own[:room], true
		}
		b.WriteString(strings.ToValidUTF8(string(own), "\uFFFD"))
		block.Free()
		if cut {
			return errEnough
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return b.String(), cut, err
}
