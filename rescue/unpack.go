package rescue

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"time"

	"salvor/block"
	"salvor/casefile"
	"salvor/finding"
	"salvor/host"
	"salvor/internal/wire"
	"salvor/unpack"
)

var (
	packedBroken = &finding.Def{Code: "rescue.packed.broken", Severity: finding.Error,
		Text: "the compressed image ends early ({why}): {count} bytes came out of it, and the rest cannot be read"}
	packedWrong = &finding.Def{Code: "rescue.packed.check", Severity: finding.Error,
		Text: "the check at the end of the compressed image does not fit: all {count} bytes came out of it, and some of them are wrong"}
	packedTrailing = &finding.Def{Code: "rescue.packed.trailing", Severity: finding.Info,
		Text: "{count} bytes stand behind the end of the compressed image and belong to no part of it"}
	packedHalf = &finding.Def{Code: "rescue.packed.half", Severity: finding.Warning,
		Text: "{path} is read as it is: only its name or only its first bytes say that it is compressed with {kind}; to have it unpacked, give it the ending .{ending}, or make the copy again"}
)

// Bounds of what comes out of a compressed image.
const (
	// unpackReserve is the space that is kept free for what is saved, in bytes.
	unpackReserve = 64 << 20
	// sparseFactor is how many times the free space an image may have where zeros take no space.
	sparseFactor = 8
	// zeroPiece is the least run of zeros that is left out, in bytes.
	zeroPiece = 64 << 10
)

// recognise finds out whether the current disk is a compressed image, or one in a container.
func (j *job) recognise(ctx context.Context) error {
	if j.opened.Device {
		return nil
	}
	kind, half := recognised(j.opened)
	j.packed = kind
	if half != nil {
		j.opened.Notes = append(j.opened.Notes, halfNote(j.path, half))
	}
	if kind != nil {
		return nil
	}
	in, notes, err := j.tables.enter(ctx, j.opened, j.opened.Source, j.opened.Name)
	j.inside = in
	j.opened.Notes = append(j.opened.Notes, notes...)
	return err
}

func recognised(o *host.Opened) (kind, half *unpack.Kind) {
	head := make([]byte, min(unpack.HeadSize, o.Size))
	n, _ := o.Source.ReadAt(head, 0) // what cannot be read is no sign of anything
	return unpack.Recognise(o.Name, head[:n])
}

func halfNote(path string, half *unpack.Kind) finding.Finding {
	return packedHalf.New(finding.Arg("path", path), finding.Arg("kind", half.Name), finding.Arg("ending", half.Extensions[0]))
}

// unpack brings the image out of a compressed source into the case, once, and goes on with that image in the place
// of the source.
func (j *job) unpack(ctx context.Context) error {
	done, err := j.cat.Done(ctx, j.step(stepTake))
	if err != nil {
		return err
	}
	if j.fresh = !done; j.packed == nil {
		return j.intoContainer(ctx)
	}
	s := j.record()
	if s.Unpacked == nil {
		u, err := j.unpackNow(ctx)
		if err != nil {
			return err
		}
		s.Unpacked = u
		if err := j.c.UpdateSource(s); err != nil {
			return err
		}
	} else {
		for _, f := range unpackedFindings(s.Unpacked, unpack.Result{}) {
			j.tell(j.ofSource(f))
		}
	}
	image, err := host.Open(ctx, j.c.ImagePath(j.number), host.OpenOptions{})
	if err != nil {
		return err
	}
	j.copies = append(j.copies, j.opened)
	image.Source, image.Size, image.Name, image.Notes = unpackedSource(image.Source, s.Unpacked), s.Unpacked.Size, s.Unpacked.Name, nil
	j.opened, j.inPlace = image, true
	return j.intoContainer(ctx)
}

// record returns what the case knows of the current disk.
func (j *job) record() casefile.Source {
	s, _ := j.c.Record().Source(j.number)
	return s
}

func (j *job) ofSource(f finding.Finding) wire.Finding {
	w := wireFinding(f)
	w.Source = j.number
	return w
}

// unpackedSource gives the image as large as the medium is: what did not come out is unreadable.
func unpackedSource(src block.Source, u *casefile.Unpacked) block.Source {
	have := block.Section(src, block.Extent{Length: min(u.Have, src.Size())})
	return block.Section(have, block.Extent{Length: u.Size})
}

func (j *job) unpackNow(ctx context.Context) (*casefile.Unpacked, error) {
	limit, err := j.unpackLimit()
	if err != nil {
		return nil, err
	}
	image, err := j.c.NewImage(j.number)
	if err != nil {
		return nil, err
	}
	w := &imageWriter{image: image, sum: sha256.New(), zeros: make([]byte, zeroPiece), room: j.target.Free - unpackReserve}
	if j.target.Free < 0 {
		w.room = -1
	}
	begun, told := time.Now(), time.Time{}
	packed := &hashedSource{Source: j.opened.Source, sum: sha256.New()}
	w.tell = func() {
		if time.Since(told) < 200*time.Millisecond {
			return
		}
		told = time.Now()
		rate := float64(packed.at) / max(time.Since(begun).Seconds(), 0.001)
		left := time.Duration(float64(j.opened.Size-packed.at) / max(rate, 1) * float64(time.Second))
		j.progress("unpack", packed.at, j.opened.Size, "bytes", rate, left, fmt.Sprintf("unpacking %s, %s came out", j.opened.Name, host.Bytes(w.at)))
	}
	announced := j.packed.Announced(j.opened.Source)
	r, err := j.packed.Run(ctx, packed, w, limit)
	if err == nil {
		err = packed.finish(ctx)
	}
	if err != nil {
		return nil, errors.Join(j.unpackError(err), image.Close())
	}
	if err := errors.Join(image.Finish(w.at), image.Close()); err != nil {
		return nil, err
	}
	if err := j.opened.Changed(); err != nil {
		return nil, fmt.Errorf("rescue: %w", err)
	}
	u := &casefile.Unpacked{Format: j.packed.Name, Name: j.packed.ImageName(j.opened.Name), Size: r.Size, Have: r.Size, SHA256: hex.EncodeToString(w.sum.Sum(nil)),
		Packed: packed.hex()}
	if r.Broken != nil {
		if u.Broken = wrongCheck; !r.Wrong {
			u.Broken = wire.Text(r.Broken.Error())
			u.Size = max(u.Size, announced)
		}
	}
	if u.Size == 0 {
		return nil, &host.RefusedError{Exit: host.ExitError, Code: "rescue.packed.empty",
			Why:  fmt.Sprintf("nothing comes out of %s", j.path),
			Next: "check how it was made; a copy that ended with an error often leaves such a file"}
	}
	for _, f := range unpackedFindings(u, r) {
		j.tell(j.ofSource(f))
	}
	return u, j.c.Append("source.unpacked", map[string]any{"source": j.number, "format": u.Format, "bytes": u.Have,
		"sha256": u.SHA256, "packed_sha256": u.Packed, "broken": u.Broken})
}

// unpackLimit returns how many bytes may come out, and refuses what announces more.
func (j *job) unpackLimit() (int64, error) {
	free := j.target.Free
	if free < 0 {
		return 1 << 62, nil
	}
	limit := max(free-unpackReserve, 0)
	if j.target.Sparse && limit < 1<<62/sparseFactor {
		limit *= sparseFactor
	}
	if n := j.packed.Announced(j.opened.Source); n > limit {
		return 0, j.unpackError(&unpack.LimitError{Limit: limit})
	}
	return limit, nil
}

// unpackError says in words what stopped the unpacking.
func (j *job) unpackError(err error) error {
	var limit *unpack.LimitError
	if errors.As(err, &limit) || errors.Is(err, errNoRoom) {
		return &host.RefusedError{Exit: host.ExitRefused, Code: "rescue.packed.room",
			Why:  fmt.Sprintf("more comes out of %s than there is room for: %s has %s free", j.path, j.target.Dir, host.Bytes(max(j.target.Free, 0))),
			Next: "choose a folder on a larger disk with --to, or make room there and run the same command again"}
	}
	return err
}

// unpackedFindings tells what is wrong with a compressed image.
func unpackedFindings(u *casefile.Unpacked, r unpack.Result) []finding.Finding {
	var out []finding.Finding
	switch {
	case u.Broken == wrongCheck:
		out = append(out, packedWrong.New(finding.Arg("count", u.Have)))
	case u.Broken != "":
		out = append(out, packedBroken.New(finding.At(u.Have, max(u.Size-u.Have, 0)), finding.Arg("count", u.Have), finding.Arg("why", u.Broken)))
	}
	if r.Trailing > 0 {
		out = append(out, packedTrailing.New(finding.Arg("count", r.Trailing)))
	}
	return out
}

// wrongCheck is what is kept of a check that does not fit.
const wrongCheck = "the check does not fit"

// errNoRoom says that what came out takes more space than was free at the beginning.
var errNoRoom = errors.New("no room for what comes out")

// imageWriter writes what comes out of a compressed image, hashes it, and leaves out what is zero.
type imageWriter struct {
	image *casefile.Image
	sum   hash.Hash
	zeros []byte
	at    int64
	room  int64 // bytes that may still be written; negative where that is not known
	tell  func()
}

func (w *imageWriter) Write(p []byte) (int, error) {
	w.sum.Write(p)
	for done := 0; done < len(p); {
		piece := p[done:min(len(p), done+zeroPiece)]
		if !bytes.Equal(piece, w.zeros[:len(piece)]) {
			if w.room >= 0 {
				if w.room -= int64(len(piece)); w.room < 0 {
					return done, errNoRoom
				}
			}
			if _, err := w.image.WriteAt(piece, w.at); err != nil {
				return done, err
			}
		}
		w.at += int64(len(piece))
		done += len(piece)
	}
	w.tell()
	return len(p), nil
}

// hashedSource hashes what is read in order of it.
type hashedSource struct {
	block.Source
	sum hash.Hash
	at  int64 // hashed up to here
	bad bool  // bytes before at were not read
}

func (h *hashedSource) ReadAt(p []byte, off int64) (int, error) {
	n, err := h.Source.ReadAt(p, off)
	if off <= h.at && off+int64(n) > h.at {
		h.sum.Write(p[h.at-off : n])
		h.at = off + int64(n)
	}
	return n, err
}

// finish reads what was not needed.
func (h *hashedSource) finish(ctx context.Context) error {
	buf := make([]byte, 1<<20)
	for h.at < h.Size() {
		if err := ctx.Err(); err != nil {
			return err
		}
		if n, err := h.ReadAt(buf, h.at); n == 0 {
			if _, ok := block.IsUnreadable(err); !ok && !errors.Is(err, io.EOF) {
				return err
			}
			h.bad = true // a file with a hole in it has no hash
			return nil
		}
	}
	return nil
}

// hex returns the hash, "" when not all of the file could be read.
func (h *hashedSource) hex() string {
	if h.bad || h.at < h.Size() {
		return ""
	}
	return hex.EncodeToString(h.sum.Sum(nil))
}
