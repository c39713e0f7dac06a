package recovery

import (
	"errors"
	"io/fs"

	"salvor/finding"
)

var notAsWritten = &finding.Def{Code: "recovery.readback", Severity: finding.Error,
	Text: "{path} was read again and is not what was written: SHA-256 {found}, expected {expected}; the disk that is saved to cannot be relied on"}

// readBack reads what this batch wrote Elsewhere again, after it was synced, and from the disk as far as the system can
// be asked to forget what it still holds in memory. A file that is not what was written counts as failed.
func (s *saver) readBack(jobs []*job) error {
	for _, j := range jobs {
		if j.state != Saved || j.already || j.path == "" || !j.e.Mode.IsRegular() || j.e.SHA256 == "" {
			continue
		}
		if f, err := s.Root.Open(j.path); err == nil {
			forget(f)
			f.Close() // it was only read
		}
		if err := s.point("readback " + j.path); err != nil {
			return err
		}
		sum, err := s.hashFile(j.path)
		if errors.Is(err, fs.ErrNotExist) {
			sum = "none: it is gone"
		} else if err != nil {
			sum = err.Error()
		}
		if sum != j.e.SHA256 {
			j.fail(Failed, notAsWritten.New(finding.Arg("path", j.path), finding.Expected(j.e.SHA256, sum)))
		}
	}
	return nil
}
