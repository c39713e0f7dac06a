package rescue

import (
	"bytes"
	"fmt"
	"io"
	"time"

	"salvor/imaging"
)

// diary keeps what is worth keeping of the reads of a copy: an act of the journal for each pass, with how many reads it
// took, and a line for each read that failed or was slow, in the form of GNU ddrescue's log of reads with the time behind
// it.
type diary struct {
	append func(act string, fields map[string]any) error
	log    func(imaging.Read) // is told of each read; may be nil

	phase               imaging.Status
	pass                int
	begun               time.Time
	reads, failed, good int64
	lines               bytes.Buffer
	dropped             int
	err                 error
}

const (
	// slowNote is how long a read takes at least that is noted for that alone.
	slowNote = time.Second
	// manyNotes bounds the notes between two checkpoints, in bytes.
	manyNotes = 4 << 20
)

func (d *diary) note(r imaging.Read) {
	if d.phase != r.Phase || d.pass != r.Pass {
		d.turn()
		d.phase, d.pass, d.begun = r.Phase, r.Pass, time.Now()
	}
	d.reads++
	d.good += r.Good
	if r.Good < r.Length {
		d.failed++
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

// turn writes down the pass that ends.
func (d *diary) turn() {
	if d == nil || d.reads == 0 {
		return
	}
	err := d.append("copy.pass", map[string]any{"phase": phaseWords(d.phase, d.pass, ""), "reads": d.reads, "failed": d.failed, "bytes": d.good,
		"seconds": time.Since(d.begun).Seconds()})
	if d.err == nil {
		d.err = err
	}
	d.reads, d.failed, d.good = 0, 0, 0
}

// flush gives the lines since the last time to write, which adds them to the file that they stand in.
func (d *diary) flush(write func(fill func(w io.Writer, first bool) error) error) error {
	if d == nil {
		return nil
	}
	if d.err != nil {
		return d.err
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
