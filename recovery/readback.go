package recovery

import (
	"context"
	"errors"
	"io/fs"

	"salvor/finding"
)

var notAsWritten = &finding.Def{Code: "recovery.readback", Severity: finding.Error,
	Text: "{path} was read again and is not what was written: SHA-256 {found}, expected {expected}; the disk that is saved to cannot be relied on"}

// smallAgain is the size in bytes up to which a file is read again although the work is to stop.
const smallAgain = 16 << 20

// readBack reads what this batch wrote Elsewhere again, after it was synced, and from the disk as far as the system can
// be asked to forget what it still holds in memory. A file that is not what was written counts as failed. When the work
// is to stop, a large file is left: it stands, counts as nothing, and is compared when the work goes on.
func (s *saver) readBack(ctx context.Context, jobs []*job) error {
	for _, j := range jobs {
		if j.state != Saved || j.path == "" || j.e.IsDir() {
			continue
		}
		if j.already { // it was read when it was found, and compared
			s.checked(j)
			continue
		}
		if err := s.point("readback " + j.path); err != nil {
			return err
		}
		patient := ctx
		if j.e.Size <= smallAgain {
			patient = context.WithoutCancel(ctx)
		}
		expected, found, err := s.readAgain(patient, j)
		switch {
		case patient.Err() != nil:
			j.state = ""
		case err != nil && errors.Is(err, fs.ErrNotExist):
			s.differs(j, expected, "none: it is gone")
		case err != nil:
			s.differs(j, expected, err.Error())
		case found != expected:
			s.differs(j, expected, found)
		default:
			s.checked(j)
		}
	}
	return nil
}

// readAgain returns what a file should be and what stands on the disk: hashes, and of a link where it leads.
func (s *saver) readAgain(ctx context.Context, j *job) (expected, found string, err error) {
	if j.e.SHA256 == "" {
		found, err = s.Root.Readlink(j.path)
		return j.e.Target, found, err
	}
	found, err = s.hashFile(ctx, j.path)
	return j.e.SHA256, found, err
}

func (s *saver) differs(j *job, expected, found string) {
	s.result.Differ++
	j.fail(Failed, notAsWritten.New(finding.Arg("path", j.path), finding.Expected(expected, found)))
}

// checked counts a file that was read again and is what was written.
func (s *saver) checked(j *job) {
	s.result.Checked.add(Count{Files: 1, Bytes: j.e.Size})
	s.progress.Checked = s.result.Checked
	s.tell()
}
