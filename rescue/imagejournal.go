package rescue

import (
	"encoding/hex"
	"errors"
	"strings"
	"time"

	"salvor/casefile"
	"salvor/imaging"
	"salvor/imaging/ewf"
)

// Acts of the journal that cases and images have in common.
const (
	actGone = "source.gone"
	actBack = "source.back"
)

// journalPath returns where the journal of custody of the copy stands.
func (c *imageCopy) journalPath() string { return strings.TrimSuffix(c.Map, ".map") + ".journal.jsonl" }

// openJournal opens the journal and notes what begins.
func (c *imageCopy) openJournal() error {
	j, err := casefile.OpenJournal(c.journalPath())
	if err != nil {
		return err
	}
	c.journal = j
	for _, n := range j.Notes() {
		c.events.Finding(wireFinding(n.Finding))
	}
	err = j.Append("copy.begin", map[string]any{
		"program": c.Program, "command": c.Command, "image": c.Image, "map": c.Map, "sums": c.Sums, "had_map": c.had, "overwrites": c.title,
		"source": map[string]any{"path": c.id.Path, "device": c.id.Device, "size": c.id.Size, "sector_size": c.id.SectorSize, "model": c.id.Model,
			"serial": c.id.Serial, "transport": c.id.Transport, "first_mib_sha256": c.id.First, "last_mib_sha256": c.id.Last},
		"copied": c.m.Of(imaging.Finished).Bytes(),
	})
	if err != nil {
		err = errors.Join(err, j.Close())
	}
	return err
}

// endJournal notes what the copy came to, and closes the journal.
func (c *imageCopy) endJournal(res imaging.Result, packed *ewf.Result, failed error) error {
	list, err := c.listHash()
	err = errors.Join(err, c.diary.end())
	fields := map[string]any{
		"seconds": time.Since(c.begun).Seconds(), "reads": res.Reads, "failed": res.Failed, "copied": c.m.Of(imaging.Finished).Bytes(),
		"unread": c.m.Size() - c.m.Of(imaging.Finished).Bytes(), "complete": res.Complete, "list_sha256": list,
	}
	if len(res.SHA256) > 0 {
		fields["sha256"] = hex.EncodeToString(res.SHA256)
	}
	if packed != nil {
		fields["ewf"] = map[string]any{"segments": packed.Segments, "bytes": packed.Bytes, "md5": hex.EncodeToString(packed.MD5[:]), "sha1": hex.EncodeToString(packed.SHA1[:])}
	}
	if failed != nil {
		fields["error"] = failed.Error()
	}
	return errors.Join(err, c.journal.Append("copy.end", fields), c.journal.Close())
}
