package rescue

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"salvor/block"
	"salvor/host"
	"salvor/recovery"
)

// save writes what was found into the case.
func (j *job) save(ctx context.Context) error {
	if err := j.countSafe(ctx); err != nil {
		return err
	}
	base, begun := j.safe, time.Now()
	var err error
	if j.target, err = refreshed(j.target); err != nil {
		return err
	}
	j.saved, err = recovery.Save(ctx, recovery.SaveOptions{
		Catalog: j.cat,
		Decode:  j.tables.Decode,
		Medium:  j.mediumOf,
		Root:    j.c.Root(),
		Query:   recovery.Query{IncludeDirs: true, Sources: j.numbers()},
		LabelOf: func(volume int) string { return j.labels[volume] },
		Target:  Limits(j.target),
		Free:    max(j.target.Free, 0),
		SyncFS:  func() error { return host.SyncFS(j.c.Dir()) },
		Progress: func(p recovery.SaveProgress) {
			j.safe = recovery.Count{Files: base.Files + p.Files, Bytes: base.Bytes + p.Bytes}
			rate := float64(p.Bytes) / max(time.Since(begun).Seconds(), 0.001)
			j.progress("save", p.Bytes, p.TotalBytes, "bytes", rate, timeLeft(p.TotalBytes-p.Bytes, rate), fmt.Sprintf("saving files, %d of %d", p.Files, p.TotalFiles))
		},
	})
	errors.As(err, &j.full)
	return errors.Join(err, j.countSafe(context.WithoutCancel(ctx)))
}

// numbers returns the numbers of the disks that this run works on; the case may know others.
func (j *job) numbers() []int {
	list := make([]int, len(j.disks))
	for i, d := range j.disks {
		list[i] = d.number
	}
	return list
}

// mediumOf returns the bytes of a source as far as they were read.
func (j *job) mediumOf(source int) (block.Source, error) {
	for _, d := range j.disks {
		if d.number == source && d.medium != nil {
			return d.medium, nil
		}
	}
	return nil, fmt.Errorf("rescue: source %d is not part of this run", source)
}

// countSafe brings up to date what is saved in the case.
func (j *job) countSafe(ctx context.Context) error {
	s, err := j.cat.Summary(ctx, recovery.Query{Save: []recovery.SaveState{recovery.Saved}})
	if err != nil {
		return err
	}
	j.safe = s.Total(nil)
	return nil
}

// refreshed asks again how much is free on the target, keeping what was probed.
func refreshed(t host.Target) (host.Target, error) {
	now, err := host.InspectTarget(t.Dir)
	if err != nil {
		return t, err
	}
	t.Free = now.Free
	return t, nil
}

// Limits says what a target can hold, in the terms of saving.
func Limits(t host.Target) recovery.Target {
	return recovery.Target{
		MaxFileSize: t.MaxFileSize, CaseInsensitive: !t.CaseSensitive, WindowsNames: windowsNames(t),
		Symlinks: t.Symlinks, Modes: t.Modes, Sparse: t.Sparse,
	}
}

// windowsNames reports whether names must be such as Windows can hold: on Windows, and on the file systems
// and shares that it reads.
func windowsNames(t host.Target) bool {
	if t.WindowsNames {
		return true
	}
	switch t.FS {
	case "vfat", "msdos", "exfat", "ntfs", "ntfs3", "fuseblk", "cifs", "smb3", "smbfs", "FAT32", "exFAT", "NTFS":
		return true
	}
	return runtime.GOOS == "windows"
}
