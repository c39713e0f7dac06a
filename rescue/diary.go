package rescue

import (
	"bytes"
	"fmt"
	"io"
	"time"

	"salvor/imaging"
)

// diary keeps what is worth keeping of the reads of a copy: in the journal, at each checkpoint, how many reads each pass
// took since the one before; and a line for each read that failed or was slow, in the form of GNU ddrescue's log of reads with
// the time behind it.
type diary struct {
	append func(act string, fields map[string]any) error
	log    func(imaging.Read) // is told of each read; may be nil

	passes  []passed
	last    time.Time
	lines   bytes.Buffer
	dropped int
}

// passed is what a pass came to since the last checkpoint.
type passed struct {
	phase  imaging.Status
	pass   int
	Work   string  `json:"work"`
	Reads  int64   `json:"reads"`
	Failed int64   `json:"failed"`
	Bytes  int64   `json:"bytes"` // read
	Took   float64 `json:"seconds"`
}

const (
	// slowNote is how long a read takes at least that is noted for that alone.
	slowNote = time.Second
	// manyNotes bounds the notes between two checkpoints, in bytes.
	manyNotes = 4 << 20
)

func (d *diary) note(r imaging.Read) {
	p := d.of(r.Phase, r.Pass)
	p.Reads++
	p.Bytes += r.Good
	now := time.Now()
	if d.last.IsZero() {
		d.last = now.Add(-r.Took)
	}
	p.Took += now.Sub(d.last).Seconds()
	d.last = now
	if r.Good < r.Length {
		p.Failed++
	}
	if r.Good < r.Length || r.Took >= slowNote {
		if d.lines.Len() < manyNotes {
			fmt.Fprintf(&d.lines, "0x%08X\t%d\t%d\t%d\t# %s, pass %d, %d ms\n", r.Offset, r.Length, r.Good, r.Length-r.Good, r.Phase, r.Pass, r.Took.Milliseconds())
		} else {
			d.dropped++
		}
	}
	if d.log != nil {
		d.log(r)
	}
}

// of returns the figures of a pass: with --first used the work goes through the same passes many times.
func (d *diary) of(phase imaging.Status, pass int) *passed {
	for i := len(d.passes) - 1; i >= 0; i-- {
		if p := &d.passes[i]; p.phase == phase && p.pass == pass {
			return p
		}
	}
	d.passes = append(d.passes, passed{phase: phase, pass: pass, Work: phaseWords(phase, pass, "")})
	return &d.passes[len(d.passes)-1]
}

// end writes down the passes since the last time.
func (d *diary) end() error {
	if d == nil || len(d.passes) == 0 {
		return nil
	}
	err := d.append("copy.passes", map[string]any{"passes": d.passes})
	d.passes = nil
	return err
}

// flush gives the lines since the last time to write, which adds them to the file that they stand in.
func (d *diary) flush(write func(fill func(w io.Writer, first bool) error) error) error {
	if d == nil {
		return nil
	}
	if err := d.end(); err != nil {
		return err
	}
	if d.lines.Len() == 0 {
		return nil
	}
	if d.dropped > 0 {
		fmt.Fprintf(&d.lines, "# and %d more\n", d.dropped)
	}
	err := write(func(w io.Writer, first bool) error {
		if first {
			if _, err := fmt.Fprintf(w, "# Reads that failed, or took %v or more\n#  Ipos       Size  Copied_size  Error_size  Work, time\n", slowNote); err != nil {
				return err
			}
		}
		_, err := w.Write(d.lines.Bytes())
		return err
	})
	d.lines.Reset()
	d.dropped = 0
	return err
}
