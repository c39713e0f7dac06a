package rescue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"salvor/block"
	"salvor/casefile"
	"salvor/compare/boot"
	"salvor/diagnosis"
	"salvor/diagnosis/plan"
	"salvor/filesystem"
	"salvor/filetype"
	"salvor/finding"
	"salvor/host"
	"salvor/imaging"
	"salvor/layers"
	"salvor/recovery"
)

const (
	// usedTime is how long the room on one volume may be counted.
	usedTime = 30 * time.Second
	// verifyMost is how much of a case is read again to see that its files are safe, in bytes: more takes longer than who
	// asks why waits, unless VerifyAll asks for it.
	verifyMost = 8 << 30
)

// storage gathers what the case says.
func (g *gathering) storage(ctx context.Context) error {
	if g.why.Case == "" {
		return nil
	}
	c, err := OpenCase(g.why.Case, g.o.Program)
	if err != nil {
		return err
	}
	g.closers = append(g.closers, c.Close)
	g.read(g.why.Case, "case", 0)
	record := c.Record()
	if len(record.Sources) > 0 {
		g.device.Source = record.Sources[0].Path
	}
	rows, err := c.Catalog.Layers(ctx)
	if err != nil {
		return err
	}
	for _, r := range rows {
		g.layer(g.why.Case, r)
	}
	if err := g.unread(c, record.Sources); err != nil {
		return err
	}
	if err := g.readings(ctx, c, record.Sources); err != nil {
		return err
	}
	if err := g.health(c); err != nil {
		return err
	}
	if err := g.safety(ctx, c); err != nil {
		return err
	}
	if err := g.caseLogs(ctx, c); err != nil {
		return err
	}
	if err := g.caseNotes(c); err != nil {
		return err
	}
	m, err := mendMedium(ctx, MendOptions{Path: g.why.Case, Source: firstSource, Program: g.o.Program}, g.events)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		g.note(whyCase.New(finding.Arg("what", "the medium"), finding.Expected(nil, err)))
		return nil
	}
	defer m.close()
	return g.look(ctx, m, g.why.Case)
}

// layer notes the state and the findings of what stands on the storage.
func (g *gathering) layer(input string, r recovery.LayerRow) {
	if r.Rival {
		return
	}
	place := diagnosis.Place{Input: input, Offset: r.Extent.Offset, Length: r.Extent.Length}
	name := r.Label
	if name == "" {
		name = r.ID
	}
	if r.State == layers.Damaged || r.State == layers.Missing {
		what := "volume.state"
		if r.Volume == 0 {
			what = "table.state"
		}
		g.fact(what, string(r.State), fmt.Sprintf("%s (%s) at byte %d is %s", name, r.Kind, r.Extent.Offset, r.State), place)
	}
	for _, f := range r.Findings {
		if f.Severity == finding.Info {
			continue
		}
		at := place
		if f.Offset >= 0 {
			at.Offset, at.Length = f.Offset, f.Size
		}
		value := f.Found
		if value == "" {
			value = "YES"
		}
		g.fact(f.Code, value, f.Text, at)
	}
	if r.Volume > 0 && !r.Readable && r.Kind != "swap" && r.Set == "" {
		g.closed = fmt.Sprintf("%s (%s)", name, r.Kind)
	}
	if r.Kind == "partition" && spaceRole(r.Label) == "slot" {
		g.device.TwoSlots = plan.Yes
	}
}

// unread notes what the copy lacks.
func (g *gathering) unread(c *Case, sources []casefile.Source) error {
	for _, s := range sources {
		m, err := c.mapOf(s.Number)
		if err != nil || m == nil {
			if err != nil {
				return err
			}
			continue
		}
		g.left += m.Of(imaging.NonTried).Bytes()
		bad := m.Of(imaging.BadSector, imaging.NonTrimmed, imaging.NonScraped)
		if n := bad.Bytes(); n > 0 {
			first := block.Extent{}
			for e := range bad.All() {
				first = e
				break
			}
			g.fact("storage.unreadable", fmt.Sprint(n), fmt.Sprintf("%d bytes of the storage could not be read", n), diagnosis.Place{Input: g.why.Case, Offset: first.Offset, Length: first.Length})
			g.device.StorageSound = plan.No
		}
	}
	return nil
}

// health notes what the storage said of itself when it was copied, and how the last rescue ended.
func (g *gathering) health(c *Case) error {
	acts, err := c.Journal(0)
	if err != nil {
		return err
	}
	g.ended = ExitStopped
	for _, a := range acts {
		var end struct {
			Exit int `json:"exit"`
		}
		if a.Act == "result" && json.Unmarshal(a.Fields, &end) == nil {
			g.ended = end.Exit
		}
		if a.Act != "source.health" {
			continue
		}
		var h struct {
			Words   string `json:"words"`
			Used    int    `json:"used_percent"`
			Reserve string `json:"reserve"`
			Failing bool   `json:"failing"`
			Locked  bool   `json:"takes_no_writes"`
			Pending int64  `json:"pending"`
			Moved   int64  `json:"reallocated"`
			Silent  bool   `json:"silent"`
		}
		if json.Unmarshal(a.Fields, &h) != nil || h.Words == "" || h.Words == "unknown" {
			continue
		}
		state := "good"
		switch {
		case h.Failing, h.Pending > 0:
			state = "failing"
		case h.Locked:
			state = "read-only"
		case h.Used > 100, h.Reserve == "warning", h.Reserve == "urgent":
			state = "worn"
		}
		place := diagnosis.Place{Input: "the journal of " + g.why.Case, Line: a.N, When: a.Time.UTC().Format(time.RFC3339)}
		g.fact("health.state", state, "the storage says of itself: "+h.Words, place)
		switch {
		case state != "good":
			g.device.StorageSound = plan.No
		case g.device.StorageSound == plan.Unknown:
			g.device.StorageSound = plan.Yes
		}
	}
	return nil
}

// safety says whether the case holds all files, and each as it was saved.
func (g *gathering) safety(ctx context.Context, c *Case) error {
	d := &g.device
	unsafe := func(format string, args ...any) error {
		d.FilesSafe, d.Verified = plan.No, fmt.Sprintf(format, args...)
		return nil
	}
	s, err := c.Catalog.Summary(ctx, recovery.Query{})
	if err != nil {
		return err
	}
	var saved, live, open, broken int64
	var bytes int64
	for _, x := range s.Groups {
		switch {
		case x.Dir || x.Save == recovery.Skipped:
		case x.Save != recovery.Saved:
			open += x.Files
		default:
			saved += x.Files
			bytes += x.Bytes
			live += map[bool]int64{true: x.Files}[x.Drawer == "files"]
			if x.Drawer == "files" && (x.Verdict == filetype.Partial || x.Verdict == filetype.Damaged || x.Verdict == filetype.Encrypted) {
				broken += x.Files
			}
		}
	}
	switch {
	case live == 0:
		return unsafe("no file was saved in it by its name")
	case g.ended != ExitDone && g.ended != ExitReserved:
		return unsafe("the rescue did not come to its end")
	case g.left > 0:
		return unsafe("%s of the storage were not read", host.Bytes(g.left))
	case g.closed != "":
		return unsafe("%s could not be opened", g.closed)
	case open > 0:
		return unsafe("%d files were found and not saved", open)
	case d.StorageSound == plan.No:
		return unsafe("the storage could not be read whole")
	case broken > 0:
		return unsafe("%d files are saved in part, damaged or encrypted", broken)
	case bytes > verifyMost && !g.o.VerifyAll:
		d.Verified = fmt.Sprintf("`salvor verify` has to show it; it holds %s", host.Bytes(bytes))
		return nil
	}
	result, err := recovery.Verify(ctx, c.Catalog, c.Root(), readingAgain(g.events))
	if err != nil {
		return err
	}
	if !result.Whole() {
		return unsafe("%d saved files are not what was saved", result.BadCount+result.MissingCount)
	}
	if _, err := c.VerifyJournal(); err != nil {
		var bad *casefile.JournalError
		if errors.As(err, &bad) {
			return unsafe("its journal was changed")
		}
		return err
	}
	d.FilesSafe, d.Verified = plan.Yes, fmt.Sprintf("%d files are there as they were saved", saved)
	return nil
}

// caseNotes takes what a person added to the case: words, and logs.
func (g *gathering) caseNotes(c *Case) error {
	notes, err := c.CaseNotes()
	if err != nil {
		return err
	}
	for _, n := range notes {
		if strings.TrimSpace(n.Words) != "" && n.Name != "note.txt" {
			g.inputs = append(g.inputs, diagnosis.Input{Name: "the note " + n.Path, Reader: strings.NewReader(n.Words + "\n"), Said: true})
		}
		path, err := c.Path(n.Path)
		if err != nil {
			continue
		}
		o, err := host.Open(context.Background(), path, host.OpenOptions{Alone: true})
		if err != nil {
			g.note(whyCase.New(finding.Arg("what", "the note "+n.Path), finding.Expected(nil, err)))
			continue
		}
		g.closers = append(g.closers, o.Close)
		head := make([]byte, min(whyHead, o.Size))
		if k, _ := o.Source.ReadAt(head, 0); k < len(head) || sniff(n.Name, head) != "log" {
			continue // a photo
		}
		name := g.why.Case + ":" + n.Path
		g.inputs = append(g.inputs, diagnosis.Input{Name: name, Reader: readerOf(o.Source), Said: n.Name == "note.txt"})
		g.read(name, "log", n.Size)
	}
	return nil
}

func readerOf(s block.Source) io.Reader { return block.Reader(s) }

// look gathers what the volumes and boot loaders of a medium say.
func (g *gathering) look(ctx context.Context, m *mendable, input string) error {
	if g.why.Case == "" { // of a case the catalogue has them
		for _, r := range recovery.LayerRows(m.tree, firstSource) {
			g.layer(input, r)
		}
	}
	for _, v := range m.tree.Volumes() {
		if v.FS == nil {
			continue
		}
		g.room(ctx, v, input)
		if err := ctx.Err(); err != nil {
			return err
		}
		if g.why.Case == "" {
			if err := g.imageLogs(ctx, v, input); err != nil {
				return err
			}
		}
	}
	d := &device{mendable: m}
	if err := d.findRegions(ctx); err != nil {
		return err
	}
	choices, err := boot.Find(ctx, d.bootInput())
	if err != nil {
		return err
	}
	for i := range choices {
		g.boots(&choices[i], input)
	}
	return nil
}

// packed are the kinds of volumes that are always full: nobody writes to them.
var packedKinds = []string{"squashfs", "erofs", "cramfs", "romfs", "iso9660", "udf"}

// room notes how much of a volume is free, and whether it was in use when it stopped.
func (g *gathering) room(ctx context.Context, v *layers.Layer, input string) {
	info := v.FS.Info()
	if slices.Contains(packedKinds, info.Kind) || info.Size <= 0 {
		return
	}
	place := diagnosis.Place{Input: input, Offset: v.Extent.Offset, Length: v.Extent.Length}
	name := v.Label
	if name == "" {
		name = fmt.Sprintf("volume %d", v.Volume)
	}
	if info.State == filesystem.Dirty {
		g.fact("volume.dirty", "YES", fmt.Sprintf("%s (%s) was in use when the device stopped", name, info.Kind), place)
	}
	ctx, cancel := context.WithTimeout(ctx, usedTime)
	defer cancel()
	used, err := v.FS.Used(ctx)
	if err != nil {
		return // what cannot be counted tells nothing
	}
	free := max(min(info.Size, v.Extent.Length)-used.Bytes(), 0)
	g.fact("space.free", fmt.Sprint(free), fmt.Sprintf("%s (%s) has %s free of %s", name, info.Kind, host.Bytes(free), host.Bytes(info.Size)), place)
}

// boots notes what a boot loader would do next.
func (g *gathering) boots(c *boot.Choice, input string) {
	place := diagnosis.Place{Input: input, Offset: max(c.Offset, 0)}
	words := func(text string) string { return fmt.Sprintf("%s in %s: %s", c.Scheme, c.Where, text) }
	if c.Next != "" {
		g.fact("boot.next", c.Next, words("next starts "+c.Next), place)
	}
	if c.Pending != "" {
		g.fact("boot.pending", c.Pending, words(c.Pending), place)
	}
	if c.Trial {
		g.fact("boot.trial", "YES", words("what starts next was not confirmed yet"), place)
	}
	for _, n := range c.Notes {
		g.fact("boot.note", n, words(n), place)
	}
	for _, k := range c.Counters {
		at := place
		at.Offset = max(k.Offset, 0)
		g.fact("boot.counter."+k.Name, k.Value, words(k.Name+" is "+k.Value), at)
		if left := strings.ToUpper(k.Name); k.Value == "0" && (strings.HasSuffix(left, "_LEFT") || strings.HasSuffix(left, "TRIES") || strings.HasSuffix(left, "TRIES_REMAINING")) {
			g.fact("boot.tries", "0", words(k.Name+" is 0: a slot has no starts left"), at)
		}
	}
	if len(c.Order) > 1 {
		g.device.TwoSlots = plan.Yes
	}
}
