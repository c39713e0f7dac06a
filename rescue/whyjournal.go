package rescue

import (
	"context"

	"salvor/block"
	"salvor/diagnosis"
	"salvor/diagnosis/journald"
)

// journal takes a journal file of systemd: its entries are read as a log, and the places of what is quoted of them are
// those in the file.
func (g *gathering) journal(ctx context.Context, name string, src block.Source) error {
	j := journald.Open(ctx, src)
	g.inputs = append(g.inputs, diagnosis.Input{Name: name, Reader: j})
	g.journals = append(g.journals, func(a *diagnosis.Answer) {
		put := func(p *diagnosis.Place) {
			if p.Input != name {
				return
			}
			if e, ok := j.Entry(p.Offset); ok {
				p.Offset, p.Length, p.Line, p.Unpacked = e.Offset, e.Length, 0, e.Packed
			}
		}
		for i := range a.Conclusions {
			for k := range a.Conclusions[i].For {
				put(&a.Conclusions[i].For[k].Place)
			}
			for k := range a.Conclusions[i].Against {
				put(&a.Conclusions[i].Against[k].Place)
			}
		}
		for _, list := range [][]diagnosis.Evidence{a.Summaries, a.Ended} {
			for k := range list {
				put(&list[k].Place)
			}
		}
		for i := range a.Stories {
			for k := range a.Stories[i].Boots {
				put(&a.Stories[i].Boots[k].Start)
			}
		}
	})
	g.read(name, "journal", src.Size())
	return nil
}
