package casefile

import (
	"fmt"
	"io"
	"iter"

	"salvor/block"
	"salvor/internal/wire"
	"salvor/recovery"
)

// writeJSON writes report.json, one file a line, and counts the files on their way.
func (p *page) writeJSON(w io.Writer, files iter.Seq2[*recovery.Entry, error]) error {
	if p.Layers == nil {
		p.Layers = []wire.Layer{}
	}
	if p.Findings == nil {
		p.Findings = []wire.Finding{}
	}
	if _, err := fmt.Fprintf(w, "{\"v\":%d,\"type\":\"report\"", wire.Version); err != nil {
		return err
	}
	for _, f := range []struct {
		name  string
		value any
	}{
		{"program", p.Program}, {"written", p.Written}, {"finished", p.Finished}, {"result", p.Result},
		{"sources", p.Record.Sources}, {"virtual", virtualOf(p.Record)}, {"layers", p.Layers}, {"findings", p.Findings}, {"journal", p.Journal},
	} {
		if err := field(w, f.name, f.value); err != nil {
			return err
		}
	}
	if _, err := io.WriteString(w, ",\n\"files\":["); err != nil {
		return err
	}
	separator := "\n"
	for e, err := range files {
		if err != nil {
			return err
		}
		p.tally.add(e)
		f := wire.FromEntry(e)
		if _, virtual := p.Record.Volume(e.Source); virtual && p.floors != nil {
			f.AddPlaces(e.OnDisks(p.floors))
			for _, place := range f.Places {
				if m := p.Maps[place.Source]; m != nil {
					m.add(block.Extent{Offset: place.Offset, Length: place.Length}, entryKind(e))
				}
			}
		} else if m := p.Maps[e.Source]; m != nil {
			m.addEntry(e)
		}
		line, err := wire.Encode(f)
		if err != nil {
			return fmt.Errorf("file %s: %w", e.ID, err)
		}
		if _, err := io.WriteString(w, separator); err != nil {
			return err
		}
		if _, err := w.Write(line[:len(line)-1]); err != nil {
			return err
		}
		separator = ",\n"
	}
	if _, err := io.WriteString(w, "]"); err != nil {
		return err
	}
	if err := field(w, "summary", p.tally.summary()); err != nil {
		return err
	}
	_, err := io.WriteString(w, "}\n")
	return err
}

// virtualOf returns the volumes of a case, as a list also when there are none.
func virtualOf(r Record) []Virtual {
	if r.Virtual == nil {
		return []Virtual{}
	}
	return r.Virtual
}

func field(w io.Writer, name string, value any) error {
	b, err := wire.Encode(value)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(w, ",\n%q:", name); err != nil {
		return err
	}
	_, err = w.Write(b[:len(b)-1])
	return err
}

// summaryJSON is the end of report.json.
type summaryJSON struct {
	Files    wire.Count            `json:"files"`
	Folders  int64                 `json:"folders"`
	Links    int64                 `json:"links"`
	Others   int64                 `json:"others"`
	Verdicts map[string]wire.Count `json:"verdicts"`
	Drawers  map[string]wire.Count `json:"drawers"`
	Classes  map[string]wire.Count `json:"classes"`
	Formats  map[string]wire.Count `json:"formats"`
	Saved    map[string]wire.Count `json:"saved"`
}

func (t *tally) summary() summaryJSON {
	s := summaryJSON{
		Files: t.files, Folders: t.folders, Links: t.links, Others: t.others,
		Verdicts: map[string]wire.Count{}, Drawers: map[string]wire.Count{}, Classes: map[string]wire.Count{},
		Formats: map[string]wire.Count{}, Saved: map[string]wire.Count{},
	}
	for v, n := range t.verdicts {
		s.Verdicts[v.String()] = n
	}
	for k, n := range t.drawers {
		s.Drawers[k] = n
	}
	for k, n := range t.classes {
		s.Classes[string(k)] = n
	}
	for k, n := range t.formats {
		s.Formats[k] = n
	}
	for k, n := range t.saved {
		s.Saved[string(k)] = n
	}
	return s
}
