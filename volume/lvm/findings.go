package lvm

import "salvor/finding"

// Findings are the kinds of finding that this package raises.
var Findings = []*finding.Def{
	labelChecksum, labelPlace, labelLost, headerChecksum, headerUnreadable, textChecksum, textBroken, noMetadata, tornNewest, olderUsed, fromOthers,
	missing, duplicate, removed, wasMissing, guessed, shorter, unknownSegment, lacks, loops, impossible, poolBroken,
	poolChecks, poolTransaction, cached, cacheClean, writeCached, packed, overflowed, snapshotBroken, unsynced, raidStale, reshaping,
	tooMany,
}

var (
	labelChecksum = &finding.Def{Code: "lvm.label.checksum", Severity: finding.Warning,
		Text: "the LVM label has a wrong checksum ({found}, expected {expected})"}
	labelPlace = &finding.Def{Code: "lvm.label.place", Severity: finding.Warning,
		Text: "the LVM label says that it stands in sector {expected}; it stands in sector {found}"}
	labelLost = &finding.Def{Code: "lvm.label.lost", Severity: finding.Warning,
		Text: "the label of this physical volume is gone; its metadata is still there"}
	headerChecksum = &finding.Def{Code: "lvm.metadata.header", Severity: finding.Warning,
		Text: "the header of LVM's metadata has a wrong checksum ({found}, expected {expected})"}
	headerUnreadable = &finding.Def{Code: "lvm.metadata.unreadable", Severity: finding.Warning,
		Text: "an area of LVM's metadata cannot be read"}
	textChecksum = &finding.Def{Code: "lvm.metadata.checksum", Severity: finding.Warning,
		Text: "the newest metadata of this physical volume has a wrong checksum ({found}, expected {expected})"}
	textBroken = &finding.Def{Code: "lvm.metadata.text", Severity: finding.Warning,
		Text: "the newest metadata of this physical volume is no whole text: expected {expected}, found {found}"}
	noMetadata = &finding.Def{Code: "lvm.metadata.none", Severity: finding.Info,
		Text: "this physical volume has no metadata of its own"}
	tornNewest = &finding.Def{Code: "lvm.metadata.torn", Severity: finding.Error,
		Text: "the newest metadata is torn; version {found} from {member} was taken, which is older and may lack the last changes"}
	olderUsed = &finding.Def{Code: "lvm.metadata.versions", Severity: finding.Info,
		Text: "the physical volumes have different versions of the metadata; the newest ({expected}) was taken, {member} has {found}"}
	fromOthers = &finding.Def{Code: "lvm.metadata.others", Severity: finding.Info,
		Text: "{member} has no whole metadata of its own; that of the others was taken"}
	missing = &finding.Def{Code: "lvm.member.missing", Severity: finding.Warning,
		Text: "{member} is missing"}
	duplicate = &finding.Def{Code: "lvm.member.duplicate", Severity: finding.Info,
		Text: "{member} was found more than once, as a disk and its copy are; one of them is used"}
	removed = &finding.Def{Code: "lvm.member.stale", Severity: finding.Warning,
		Text: "{member} does not belong to the group any more (its metadata has version {found}, that of the group {expected})"}
	wasMissing = &finding.Def{Code: "lvm.member.returned", Severity: finding.Warning,
		Text: "{member} was missing when the group was last used; what was written since then is not on it"}
	guessed = &finding.Def{Code: "lvm.member.guessed", Severity: finding.Warning,
		Text: "a physical volume without a label was taken for {member}, the only missing one that fits"}
	shorter = &finding.Def{Code: "lvm.member.short", Severity: finding.Warning,
		Text: "{member} ends before its extents do ({found} bytes, expected {expected})"}
	unknownSegment = &finding.Def{Code: "lvm.segment.unknown", Severity: finding.Error,
		Text: "{volume} is of the type {found}, which is recognised and cannot be read yet"}
	lacks = &finding.Def{Code: "lvm.volume.lacks", Severity: finding.Error,
		Text: "parts of {volume} stand on {member}, which is missing"}
	loops = &finding.Def{Code: "lvm.volume.loop", Severity: finding.Error,
		Text: "{volume} is made of itself, or of more parts than can be"}
	impossible = &finding.Def{Code: "lvm.segment.impossible", Severity: finding.Error,
		Text: "a segment of {volume} has impossible numbers ({found})"}
	poolBroken = &finding.Def{Code: "lvm.thin.metadata", Severity: finding.Error,
		Text: "the metadata of the thin pool of {volume} cannot be used: expected {expected}, found {found}"}
	poolChecks = &finding.Def{Code: "lvm.thin.check", Severity: finding.Warning,
		Text: "the thin pool of {volume} is marked as in need of a check"}
	poolTransaction = &finding.Def{Code: "lvm.thin.transaction", Severity: finding.Warning,
		Text: "the thin pool of {volume} and the volume group disagree about the last change (transaction {found}, expected {expected})"}
	cached = &finding.Def{Code: "lvm.cache.dirty", Severity: finding.Warning,
		Text: "{volume} has a cache that writes back later; its origin was read, and what had not been written back is missing from it"}
	cacheClean = &finding.Def{Code: "lvm.cache", Severity: finding.Info,
		Text: "{volume} has a cache that holds nothing of its own; its origin was read"}
	writeCached = &finding.Def{Code: "lvm.writecache", Severity: finding.Error,
		Text: "{volume} has a write cache, whose newer bytes cannot be read yet"}
	packed = &finding.Def{Code: "lvm.vdo", Severity: finding.Error,
		Text: "{volume} is packed by VDO, which is recognised and cannot be read yet"}
	overflowed = &finding.Def{Code: "lvm.snapshot.invalid", Severity: finding.Error,
		Text: "the snapshot {volume} was given up when its room was full; its bytes are lost"}
	snapshotBroken = &finding.Def{Code: "lvm.snapshot.store", Severity: finding.Error,
		Text: "the list of changes of the snapshot {volume} cannot be used: expected {expected}, found {found}"}
	unsynced = &finding.Def{Code: "lvm.mirror.sync", Severity: finding.Info,
		Text: "{volume} is a mirror; bytes that its first image cannot give come from the others, which may be older"}
	raidStale = &finding.Def{Code: "lvm.raid.stale", Severity: finding.Warning,
		Text: "image {image} of {volume} was left behind: it knows of {found} events, others of {expected}; it is not used"}
	reshaping = &finding.Def{Code: "lvm.raid.reshape", Severity: finding.Error,
		Text: "{volume} was being changed into another form when it stopped, and cannot be read yet"}
	tooMany = &finding.Def{Code: "lvm.group.bound", Severity: finding.Warning,
		Text: "the group has more volumes than are read ({found}, the first {expected} are)"}
)
