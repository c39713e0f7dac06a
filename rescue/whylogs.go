package rescue

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"salvor/block"
	"salvor/diagnosis"
	"salvor/filesystem"
	"salvor/finding"
	"salvor/layers"
	"salvor/recovery"
)

const (
	// maxLogs and maxLogBytes bound what is read of the logs on a device.
	maxLogs     = 400
	maxLogBytes = 2 << 30
	maxLogFile  = 512 << 20
	// recent is how long before the last log of a device others tell of the same update.
	recent = 14 * 24 * time.Hour
)

// logPaths are where systems and updaters keep logs, from the root of a volume: the file system hierarchy; systemd's
// journal and pstore; Android's recovery and update_engine; Mender, SWUpdate, RAUC, hawkBit; OpenWrt; Synology and QNAP.
// A volume can be the one for logs alone.
var logPaths = regexp.MustCompile(`(?i)^(?:(?:rootfs|overlay/upper|upper|data|userdata|mnt|@|system)/)?(?:` + strings.Join([]string{
	`(?:var/|run/|tmp/)?logs?/.+`,
	`(?:var/)?(?:tmp|run)/[^/]*\.log`,
	`(?:var/lib/systemd|sys/fs)?/?pstore/.+`,
	`(?:cache/)?recovery/(?:last_|log|uncrypt|command)[^/]*`,
	`(?:data/)?misc/(?:recovery|update_engine_log|logd)/.+`,
	`(?:var/lib/)?(?:mender|rauc|swupdate|hawkbit|fwupd)/[^/]*\.(?:log|status|raucs|json|txt)(?:\.\d+)?`,
	`(?:etc/)?(?:fw_env\.config|uenv\.txt|cmdline\.txt|config\.txt)`,
	`journal/.+\.journal~?`,
	`(?:dmesg|messages|syslog|kern\.log|system\.log|boot\.log|bootlog|console\.log|install\.log|update[^/]*\.log|upgrade[^/]*\.log|recovery\.log|last_install|last_log)(?:[.-]\d+)?(?:\.(?:gz|xz|zst|bz2|lz4|lzo))?`,
}, "|") + `)$`)

// notLogs are files among logs that hold records of a fixed form, or databases.
var notLogs = regexp.MustCompile(`(?i)(?:^|/)(?:wtmp|btmp|lastlog|faillog|tallylog|sa\d\d)(?:[.-]|$)|\.(?:db|sqlite|sqlite3|db-wal|db-shm|pcap|png|jpe?g)$`)

func isLogPath(p string) bool { return logPaths.MatchString(p) && !notLogs.MatchString(p) }

// savedLog is a log on the device.
type savedLog struct {
	name string // "case:v2/var/log/messages"
	size int64
	time time.Time
	open func() (block.Source, error)
}

// logsOf lists the logs that stand in the file systems of a case.
func logsOf(ctx context.Context, c *Case) ([]savedLog, error) {
	tables, err := NewTables()
	if err != nil {
		return nil, err
	}
	var list []savedLog
	for e, err := range c.Catalog.Select(ctx, recovery.Query{States: []filesystem.State{filesystem.Live}}) {
		if err != nil {
			return nil, err
		}
		if e.Stream != "" || !e.Mode.IsRegular() || e.Size == 0 || e.Size > maxLogFile || !isLogPath(e.Path) {
			continue
		}
		list = append(list, savedLog{name: fmt.Sprintf("v%d/%s", e.Volume, e.Path), size: e.Size, time: e.Times.Modified, open: func() (block.Source, error) {
			medium, err := c.Medium(ctx, e.Source)
			if err != nil {
				return nil, err
			}
			return recovery.Content(medium, e, tables.Decode)
		}})
	}
	return list, nil
}

// newest keeps the logs of the last time that the device ran, up to what is read of them, in the order of their names;
// the number is how many others there are.
func newest(list []savedLog) ([]savedLog, int) {
	slices.SortStableFunc(list, func(a, b savedLog) int { return b.time.Compare(a.time) })
	all, total := len(list), int64(0)
	n := 0
	for n < len(list) && n < maxLogs {
		l := &list[n]
		if total += l.size; n > 0 && (total > maxLogBytes || !l.time.IsZero() && list[0].time.Sub(l.time) > recent) {
			break
		}
		n++
	}
	list = list[:n:n]
	slices.SortStableFunc(list, func(a, b savedLog) int { return cmp.Compare(a.name, b.name) })
	return list, all - n
}

// caseLogs takes the logs inside the saved file systems.
func (g *gathering) caseLogs(ctx context.Context, c *Case) error {
	list, err := logsOf(ctx, c)
	if err != nil {
		return err
	}
	return g.takeLogs(ctx, g.why.Case, list)
}

// imageLogs takes the logs of one volume of an image.
func (g *gathering) imageLogs(ctx context.Context, v *layers.Layer, input string) error {
	var list []savedLog
	for f, err := range v.FS.Files(ctx) {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil || f.State != filesystem.Live || !f.Mode.IsRegular() || f.Size() == 0 || f.Size() > maxLogFile || !isLogPath(f.Path) {
			continue
		}
		list = append(list, savedLog{name: fmt.Sprintf("v%d/%s", v.Volume, f.Path), size: f.Size(), time: f.Times.Modified, open: func() (block.Source, error) { return v.FS.Open(f, "") }})
	}
	return g.takeLogs(ctx, input, list)
}

func (g *gathering) takeLogs(ctx context.Context, input string, list []savedLog) error {
	list, more := newest(list)
	for _, l := range list {
		src, err := l.open()
		if err != nil {
			g.note(whyCase.New(finding.Arg("what", "the log "+l.name), finding.Expected(nil, err)))
			continue
		}
		head := make([]byte, min(whyHead, src.Size()))
		n, _ := src.ReadAt(head, 0) // what can be read of it says what it is
		name := input + ":" + l.name
		switch sniff(path.Base(l.name), head[:n]) {
		case "journal":
			if err := g.journal(ctx, name, src); err != nil {
				return err
			}
		case "log":
			g.inputs = append(g.inputs, diagnosis.Input{Name: name, Reader: &lazy{open: func() (io.Reader, func() error, error) {
				src, err := l.open()
				if err != nil {
					return nil, nil, err
				}
				return block.Reader(src), func() error { return nil }, nil
			}}})
			g.read(name, "log", l.size)
		}
	}
	if more > 0 {
		g.note(whyBounded.New(finding.Arg("count", more)))
	}
	return ctx.Err()
}
