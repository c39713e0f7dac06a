package ext

import "salvor/finding"

// Findings are the kinds of finding that this package raises.
var Findings = []*finding.Def{
	superblockBroken, superblockChecksum, superblockBackup, needsRecovery, journalReplayed, fastReplayed, journalChecksum, journalExternal, journalBroken, notClean, errorsNoted, unknownFeature,
	casefolded, cutShort, descriptorBroken, descriptorBackup,
	inodeChecksum, inodeGone, inodeReused, inodeUnreadable, inodeContradiction, mapBroken, badRange, overlapsMetadata,
	multiClaimed, attributesBroken, encrypted, compressed, blockChecksum, entryResynced, nameShared, blocksReused,
	ownerUnclear, blocksMiscounted, sizeGuessed, contentGone, inlineBroken, typeContradiction, targetBroken,
	fromJournal, fromBefore, nameWeak, inodeRebuilt, dirRebuilt, entryCopied, overwritten, leafOnly,
	nameEncrypted, verity, project,
}

var (
	superblockBroken = &finding.Def{Code: "ext.superblock.broken", Severity: finding.Error,
		Text: "the volume's superblock is broken or gone ({found})"}
	superblockChecksum = &finding.Def{Code: "ext.superblock.checksum", Severity: finding.Error,
		Text: "the superblock does not match its checksum"}
	superblockBackup = &finding.Def{Code: "ext.superblock.backup", Severity: finding.Warning,
		Text: "the volume is read by the backup of its superblock in group {group}"}
	needsRecovery = &finding.Def{Code: "ext.journal.newer", Severity: finding.Warning,
		Text: "the journal holds newer metadata than the volume, and some of it cannot be read; the last changes before it stopped may be missing"}
	journalReplayed = &finding.Def{Code: "ext.journal.replayed", Severity: finding.Info,
		Text: "the volume was in use when it stopped; {count} blocks of {found} transactions of its journal are read in the place of older ones"}
	fastReplayed = &finding.Def{Code: "ext.journal.fast", Severity: finding.Info,
		Text: "{count} changes by fast commits, behind the last transaction of the journal, are read as well"}
	journalChecksum = &finding.Def{Code: "ext.journal.checksum", Severity: finding.Warning,
		Text: "{count} blocks in the journal do not match their checksums and were left out; the last changes before it stopped may be missing"}
	journalExternal = &finding.Def{Code: "ext.journal.external", Severity: finding.Info,
		Text: "the journal stands on another device ({found}); what it knows of deleted files is not read"}
	journalBroken = &finding.Def{Code: "ext.journal.broken", Severity: finding.Warning,
		Text: "the journal cannot be read ({found})"}
	notClean = &finding.Def{Code: "ext.state.dirty", Severity: finding.Warning,
		Text: "the volume was not unmounted cleanly"}
	errorsNoted = &finding.Def{Code: "ext.state.errors", Severity: finding.Warning,
		Text: "the system that used the volume noted errors on it"}
	unknownFeature = &finding.Def{Code: "ext.feature.unknown", Severity: finding.Warning,
		Text: "the volume uses features that are not known here ({found}); some files may read wrong"}
	casefolded = &finding.Def{Code: "ext.feature.casefold", Severity: finding.Info,
		Text: "the volume may have directories that do not tell upper from lower case"}
	cutShort = &finding.Def{Code: "ext.volume.short", Severity: finding.Error,
		Text: "the volume says that it has {expected} bytes, but only {found} are here"}
	descriptorBroken = &finding.Def{Code: "ext.group.broken", Severity: finding.Error,
		Text: "the descriptors of {count} block groups are broken in every copy, the first of group {group}; files whose inodes stand there are lost to the file system"}
	descriptorBackup = &finding.Def{Code: "ext.group.backup", Severity: finding.Warning,
		Text: "the descriptors of {count} block groups are broken and were read from a backup, the first of group {group}"}
	inodeChecksum = &finding.Def{Code: "ext.inode.checksum", Severity: finding.Warning,
		Text: "inode {inode} does not match its checksum"}
	inodeGone = &finding.Def{Code: "ext.inode.gone", Severity: finding.Warning,
		Text: "only the name is left; its inode is gone"}
	inodeReused = &finding.Def{Code: "ext.inode.reused", Severity: finding.Warning,
		Text: "only the name is left; its inode is gone: number {inode} belongs to another file, or the file was renamed"}
	inodeUnreadable = &finding.Def{Code: "ext.inode.unreadable", Severity: finding.Error,
		Text: "inode {inode} cannot be read; only the name is known"}
	inodeContradiction = &finding.Def{Code: "ext.inode.contradiction", Severity: finding.Warning,
		Text: "a directory names inode {inode}, which says that it is {found}"}
	mapBroken = &finding.Def{Code: "ext.map.broken", Severity: finding.Error,
		Text: "a part of the list of the file's blocks is broken: {found}"}
	badRange = &finding.Def{Code: "ext.map.range", Severity: finding.Error,
		Text: "the list of the file's blocks names block {found}, expected {expected}"}
	overlapsMetadata = &finding.Def{Code: "ext.map.metadata", Severity: finding.Error,
		Text: "the file claims blocks of the file system's own structures"}
	multiClaimed = &finding.Def{Code: "ext.map.shared", Severity: finding.Error,
		Text: "another file claims some of the same blocks; one of both holds wrong bytes"}
	attributesBroken = &finding.Def{Code: "ext.attributes.broken", Severity: finding.Warning,
		Text: "some extended attributes are broken: {found}"}
	encrypted = &finding.Def{Code: "ext.encrypted", Severity: finding.Info,
		Text: "the content is encrypted with a key that is not on the volume"}
	compressed = &finding.Def{Code: "ext.compressed", Severity: finding.Warning,
		Text: "the content is compressed in a way that is not read here"}
	blockChecksum = &finding.Def{Code: "ext.directory.checksum", Severity: finding.Warning,
		Text: "the directory block that names this file does not match its checksum"}
	entryResynced = &finding.Def{Code: "ext.directory.resync", Severity: finding.Warning,
		Text: "the entry was found behind a broken one in its directory block"}
	nameShared = &finding.Def{Code: "ext.deleted.names", Severity: finding.Warning,
		Text: "more than one deleted name leads to this inode; not all of them can be right"}
	blocksReused = &finding.Def{Code: "ext.deleted.reused", Severity: finding.Warning,
		Text: "{found} bytes of the deleted file belong to other files by now"}
	ownerUnclear = &finding.Def{Code: "ext.deleted.unclear", Severity: finding.Warning,
		Text: "of {found} bytes it is not clear that they are still those of the deleted file"}
	contentGone = &finding.Def{Code: "ext.deleted.emptied", Severity: finding.Warning,
		Text: "the name and the inode are left, but the list of the file's blocks was emptied"}
	blocksMiscounted = &finding.Def{Code: "ext.map.count", Severity: finding.Warning,
		Text: "the inode counts {expected} blocks, the list of its blocks has {found}"}
	sizeGuessed = &finding.Def{Code: "ext.deleted.size", Severity: finding.Warning,
		Text: "the size is gone from the inode and was taken from the blocks"}
	inlineBroken = &finding.Def{Code: "ext.inline.broken", Severity: finding.Error,
		Text: "the content that stands in the inode is broken: {found}"}
	typeContradiction = &finding.Def{Code: "ext.directory.type", Severity: finding.Warning,
		Text: "the directory says {expected}, the inode {found}"}
	targetBroken = &finding.Def{Code: "ext.link.broken", Severity: finding.Error,
		Text: "the link's target cannot be read: {found}"}
	fromJournal = &finding.Def{Code: "ext.past.journal", Severity: finding.Info,
		Text: "the file's record was taken from transaction {transaction} of the journal"}
	fromBefore = &finding.Def{Code: "ext.past.before", Severity: finding.Info,
		Text: "the file's record stands on the volume, and the journal holds a newer one without the file"}
	nameWeak = &finding.Def{Code: "ext.past.name", Severity: finding.Warning,
		Text: "the name was taken from what is left of a directory entry; it may be that of an earlier file"}
	dirRebuilt = &finding.Def{Code: "ext.directory.rebuilt", Severity: finding.Warning,
		Text: "the inode {inode} of the directory is gone; its blocks were found by what is in them"}
	entryCopied = &finding.Def{Code: "ext.directory.journal", Severity: finding.Info,
		Text: "the directory block that names this file is broken; a copy of it in the journal was read"}
	nameEncrypted = &finding.Def{Code: "ext.encrypted.name", Severity: finding.Info,
		Text: "the name is encrypted with a key that is not on the volume; it stands as it is stored"}
	verity = &finding.Def{Code: "ext.verity", Severity: finding.Info,
		Text: "the file is sealed (fs-verity); its hash tree of {count} bytes stands behind its end and is no part of the content"}
	project = &finding.Def{Code: "ext.project", Severity: finding.Info,
		Text: "the file counts for the quota of project {found}"}
	leafOnly = &finding.Def{Code: "ext.inode.leaf", Severity: finding.Warning,
		Text: "the inode is gone; the file was put together from {count} blocks of its extent tree, and its size is that of whole blocks"}
	overwritten = &finding.Def{Code: "ext.volume.overwritten", Severity: finding.Warning,
		Text: "the file stands in a part of the volume of which the structures were overwritten"}
	inodeRebuilt = &finding.Def{Code: "ext.inode.rebuilt", Severity: finding.Warning,
		Text: "the record of inode {inode} on the volume is broken ({found}); the newest copy in the journal stands for it"}
)
