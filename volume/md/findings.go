package md

import "salvor/finding"

// Findings are the kinds of finding that this package raises.
var Findings = []*finding.Def{
	checksum, guessedStart, logUnreadable, logged, container, containerSet, stale, dropped, duplicate, rival, unlike,
	missing, tooFew, unsure, rebuilding, journaled, partialLog, bitmapped, reshaping, reshapeUnread, unknownLevel,
	unknownSize, unsaidLayout, multipath, shorter, onlyBroken,
}

var (
	checksum = &finding.Def{Code: "md.superblock.checksum", Severity: finding.Error,
		Text: "the RAID superblock has a wrong checksum ({found}, expected {expected})"}
	guessedStart = &finding.Def{Code: "md.superblock.start", Severity: finding.Warning,
		Text: "this RAID superblock does not say where its member begins; that was worked out from the size of the smallest member, and is wrong when this one is larger"}
	logUnreadable = &finding.Def{Code: "md.badblocks.unreadable", Severity: finding.Warning,
		Text: "the list of bad blocks of this RAID member cannot be read; bytes that it would exclude are read"}
	logged = &finding.Def{Code: "md.badblocks", Severity: finding.Warning,
		Text: "{member} lists {found} bytes as bad; they are not read from it"}
	container = &finding.Def{Code: "md.container", Severity: finding.Warning,
		Text: "this disk belongs to a {format} RAID set"}
	containerSet = &finding.Def{Code: "md.container.unread", Severity: finding.Error,
		Text: "a {format} RAID set; sets of this maker are recognised and cannot be put together yet"}
	stale = &finding.Def{Code: "md.member.stale", Severity: finding.Warning,
		Text: "{member} was left behind: it knows of {found} events, others of {expected}; it is not used"}
	dropped = &finding.Def{Code: "md.member.dropped", Severity: finding.Warning,
		Text: "{member} is marked as failed or removed by the others; it is not used"}
	duplicate = &finding.Def{Code: "md.member.duplicate", Severity: finding.Info,
		Text: "{member} was found more than once, as a disk and its copy are; one of them is used"}
	rival = &finding.Def{Code: "md.member.rival", Severity: finding.Warning,
		Text: "{member} has a rival for the same place in the set; the one that the others name is used"}
	unlike = &finding.Def{Code: "md.member.unlike", Severity: finding.Warning,
		Text: "{member} describes another form of the set ({found}, expected {expected}); it is not used"}
	missing = &finding.Def{Code: "md.member.missing", Severity: finding.Warning,
		Text: "{member} is missing"}
	tooFew = &finding.Def{Code: "md.incomplete", Severity: finding.Error,
		Text: "{found} of {expected} disks are there, which is too few for all bytes of the set; what stood on the missing ones is lost"}
	unsure = &finding.Def{Code: "md.parity.unsure", Severity: finding.Warning,
		Text: "the set was not in sync when it stopped; bytes that are computed out of its other disks may be wrong where it was being written"}
	rebuilding = &finding.Def{Code: "md.member.rebuilding", Severity: finding.Warning,
		Text: "{member} was being rebuilt: its first {found} of {expected} bytes are used"}
	journaled = &finding.Def{Code: "md.journal", Severity: finding.Warning,
		Text: "this set has a journal device, which is not replayed; the last writes may stand there alone"}
	partialLog = &finding.Def{Code: "md.ppl", Severity: finding.Info,
		Text: "this set has a partial parity log, which is not replayed"}
	bitmapped = &finding.Def{Code: "md.bitmap", Severity: finding.Info,
		Text: "this set has a write-intent bitmap"}
	reshaping = &finding.Def{Code: "md.reshape", Severity: finding.Warning,
		Text: "the set was being changed from {from} to {to} and stopped at byte {found}; both parts are read as they are"}
	reshapeUnread = &finding.Def{Code: "md.reshape.unread", Severity: finding.Error,
		Text: "the set was being changed from {from} to {to} when it stopped at byte {found}; it cannot be read: {reason}"}
	unknownLevel = &finding.Def{Code: "md.level", Severity: finding.Error,
		Text: "the numbers of this set describe no array that is known ({found})"}
	unknownSize = &finding.Def{Code: "md.size", Severity: finding.Error,
		Text: "{member} is missing and nothing tells how large it was, so that what stands behind it cannot be placed"}
	unsaidLayout = &finding.Def{Code: "md.layout.unsaid", Severity: finding.Warning,
		Text: "the set does not say in which of two ways its disks of different sizes are used; that of Linux 3.14 and later was taken, and what stands behind the size of the smallest disk is wrong when it is older"}
	multipath = &finding.Def{Code: "md.multipath", Severity: finding.Info,
		Text: "this set holds several ways to one disk; one of them is read"}
	shorter = &finding.Def{Code: "md.member.short", Severity: finding.Warning,
		Text: "{member} ends before its data does ({found} bytes, expected {expected})"}
	onlyBroken = &finding.Def{Code: "md.superblock.all", Severity: finding.Warning,
		Text: "no superblock of this set has a right checksum; the newest was taken"}
)
