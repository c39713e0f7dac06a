package rescue

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"

	"salvor/block"
	"salvor/diagnosis/journald"
	secrets "salvor/diagnosis/mask"
	"salvor/host"
	"salvor/internal/wire"
)

// notes adds the logs and words that a person added; photos are named in the journal only.
func (b *bundling) notes(ctx context.Context) error {
	notes, err := b.c.CaseNotes()
	if err != nil {
		return err
	}
	for _, n := range notes {
		path, err := b.c.Path(n.Path)
		if err != nil {
			continue
		}
		o, err := host.Open(ctx, path, host.OpenOptions{Alone: true})
		if err != nil {
			b.skip(n.Path, err)
			continue
		}
		err = b.log(ctx, n.Path+".txt", n.Name, o.Source)
		if err = errors.Join(err, o.Close()); err != nil {
			return err
		}
	}
	return nil
}

// logs adds the logs of the device that the answer quotes.
func (b *bundling) logs(ctx context.Context) error {
	a, err := b.c.Answer()
	if err != nil || a == nil {
		return err
	}
	quoted := map[string]bool{}
	note := func(list []wire.Evidence) {
		for _, e := range list {
			if _, name, ok := strings.Cut(e.File, ":v"); ok {
				quoted["v"+name] = true
			}
		}
	}
	for _, c := range a.Causes {
		note(c.Evidence)
		note(c.Against)
	}
	note(a.Diagnosis.Summaries)
	note(a.Diagnosis.Ended)
	if len(quoted) == 0 {
		return nil
	}
	list, err := logsOf(ctx, b.c)
	if err != nil {
		return err
	}
	list, _ = newest(list)
	for i, l := range list {
		if !quoted[l.name] {
			continue
		}
		src, err := l.open()
		if err != nil {
			b.skip(l.name, err)
			continue
		}
		name := fmt.Sprintf("logs/%03d-%s.txt", i+1, strings.NewReplacer("/", "_", `\`, "_", ":", "_").Replace(l.name))
		if err := b.log(ctx, name, l.name, src); err != nil {
			return err
		}
	}
	return nil
}

// log adds a log as UTF-8.
func (b *bundling) log(ctx context.Context, name, was string, src block.Source) error {
	head := make([]byte, min(whyHead, src.Size()))
	n, _ := src.ReadAt(head, 0) // what can be read of it says what it is
	var r io.Reader = block.Reader(src)
	switch sniff(was, head[:n]) {
	case "log":
	case "journal":
		r = journald.Open(ctx, src)
	default:
		return nil // a photo, a document
	}
	if b.total >= maxBundle {
		b.skip(was, fmt.Errorf("the bundle holds %s already", host.Bytes(b.total)))
		return nil
	}
	text, cut, err := secrets.Text(ctx, r, maxBundleLog)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		b.skip(was, fmt.Errorf("it could be read in part only: %w", err))
	}
	b.total += int64(len(text))
	h := sha256.New()
	sum := ""
	if _, err := io.Copy(h, block.Reader(src)); err == nil {
		sum = hex.EncodeToString(h.Sum(nil))
	}
	b.docs = append(b.docs, document{name: name, text: text, cut: cut || err != nil, original: sum})
	return nil
}
