package qcow2

import "salvor/finding"

// Findings are the kinds of finding that this package raises.
var Findings = []*finding.Def{dataMissing, snapshot, snapshotsMore, snapshotsBroken, dirty, corrupt, shortTable}

var (
	dataMissing = &finding.Def{Code: "qcow2.data.missing", Severity: finding.Error,
		Text: "{name}, which holds the data of the image {path}, does not lie beside it: nothing that was written can be read"}
	snapshot = &finding.Def{Code: "qcow2.snapshot", Severity: finding.Info,
		Text: "the image holds a snapshot {name} of {time}; the state that is read is the last one"}
	snapshotsMore   = &finding.Def{Code: "qcow2.snapshots", Severity: finding.Info, Text: "the image holds {count} more snapshots"}
	snapshotsBroken = &finding.Def{Code: "qcow2.snapshots.broken", Severity: finding.Warning, Text: "the list of snapshots is damaged: {why}"}
	dirty           = &finding.Def{Code: "qcow2.dirty", Severity: finding.Info,
		Text: "the image was not closed; its reference counts may be wrong, which reading does not need"}
	corrupt = &finding.Def{Code: "qcow2.corrupt", Severity: finding.Warning,
		Text: "QEMU marked this image as corrupt: places of the disk may show what belongs to others"}
	shortTable = &finding.Def{Code: "qcow2.table.short", Severity: finding.Error,
		Text: "the first table ends before the disk does: {count} bytes cannot be read"}
)
