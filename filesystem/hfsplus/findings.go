package hfsplus

import "salvor/finding"

// Findings are the kinds of finding that this package raises.
var Findings = []*finding.Def{
	headerBackup, headerSearched, headerDiffers, headerTruncated, volumeInUse, volumeMarked, treeHeaderBroken, treeChain, treeNodes,
	treeMissing, journalReplayed, journalBroken, journalElsewhere, wrapped,
	fileExtents, fileBeyond, fileOdd, fileUnallocated, fileLink, fileCompression, folderOrphan, folderDeep, folderAgain,
	deletedForeign, deletedGuessed, deletedFrom, linkTarget,
}

// Of the volume.
var (
	headerBackup = &finding.Def{Code: "hfsplus.header.backup-used", Severity: finding.Error,
		Text: "the volume header is broken ({found}); its copy at {offset} was used"}
	headerSearched = &finding.Def{Code: "hfsplus.header.searched", Severity: finding.Error,
		Text: "the volume header and its copy are gone; the catalogue was found by its nodes at {offset}"}
	headerDiffers = &finding.Def{Code: "hfsplus.header.copy", Severity: finding.Warning,
		Text: "the copy of the volume header is missing or describes another volume ({found})"}
	headerTruncated = &finding.Def{Code: "hfsplus.header.truncated", Severity: finding.Error,
		Text: "the volume has {expected} bytes by its own word, and only {found} are here"}
	volumeInUse = &finding.Def{Code: "hfsplus.volume.dirty", Severity: finding.Warning,
		Text: "the volume was in use when it stopped; the last changes may be incomplete"}
	volumeMarked = &finding.Def{Code: "hfsplus.volume.inconsistent", Severity: finding.Error,
		Text: "a system that used the volume found its structures inconsistent"}
	treeHeaderBroken = &finding.Def{Code: "hfsplus.tree.header", Severity: finding.Error,
		Text: "the header of the {tree} is broken ({found}); its nodes were found one by one"}
	treeChain = &finding.Def{Code: "hfsplus.tree.chain", Severity: finding.Error,
		Text: "the chain of leaves of the {tree} is broken; every leaf that its map calls used was taken"}
	treeNodes = &finding.Def{Code: "hfsplus.tree.nodes", Severity: finding.Error,
		Text: "{found} nodes of the {tree} cannot be read"}
	treeMissing = &finding.Def{Code: "hfsplus.tree.missing", Severity: finding.Error,
		Text: "the {tree} cannot be read ({found})"}
	journalReplayed = &finding.Def{Code: "hfsplus.journal.replayed", Severity: finding.Info,
		Text: "{found} transactions of the journal were not yet carried out; they were, in memory only"}
	journalBroken = &finding.Def{Code: "hfsplus.journal.broken", Severity: finding.Warning,
		Text: "the journal cannot be used ({found}); the newest changes may be missing"}
	journalElsewhere = &finding.Def{Code: "hfsplus.journal.elsewhere", Severity: finding.Warning,
		Text: "the journal stands on another device; the newest changes may be missing"}
	wrapped = &finding.Def{Code: "hfsplus.wrapper", Severity: finding.Info,
		Text: "the volume stands inside of an HFS wrapper, from {offset} on"}
)

// Of a file or a folder.
var (
	fileExtents = &finding.Def{Code: "hfsplus.file.extents", Severity: finding.Error,
		Text: "the catalogue and the overflow file name {found} blocks of it, the size needs {expected}; the rest is lost"}
	fileBeyond = &finding.Def{Code: "hfsplus.file.beyond", Severity: finding.Error,
		Text: "it claims blocks behind the end of the volume ({found}, expected at most {expected})"}
	fileOdd = &finding.Def{Code: "hfsplus.file.record", Severity: finding.Warning,
		Text: "its record contradicts itself: {found}"}
	fileUnallocated = &finding.Def{Code: "hfsplus.file.unallocated", Severity: finding.Warning,
		Text: "{found} of its blocks are free by the volume's own map"}
	fileLink = &finding.Def{Code: "hfsplus.file.link", Severity: finding.Error,
		Text: "it is a hard link to {expected}, which is not there"}
	fileCompression = &finding.Def{Code: "hfsplus.file.compression", Severity: finding.Error,
		Text: "it is compressed in a way that cannot be undone ({found})"}
	folderOrphan = &finding.Def{Code: "hfsplus.folder.orphan", Severity: finding.Warning,
		Text: "the record of the folder {found} is gone; what stands in it is listed here"}
	folderDeep = &finding.Def{Code: "hfsplus.folder.depth", Severity: finding.Error,
		Text: "the folder is more than {expected} levels deep; it was not read"}
	folderAgain = &finding.Def{Code: "hfsplus.folder.loop", Severity: finding.Error,
		Text: "the folder with this number was listed before; what is in it is listed there"}
	linkTarget = &finding.Def{Code: "hfsplus.link.target", Severity: finding.Error,
		Text: "the target of the link cannot be read: {found}"}
)

// Of deleted files.
var (
	deletedFrom = &finding.Def{Code: "hfsplus.deleted.from", Severity: finding.Info,
		Text: "its record was found in {found}"}
	deletedForeign = &finding.Def{Code: "hfsplus.deleted.overwritten", Severity: finding.Error,
		Text: "{found} of its blocks are in use by other files now"}
	deletedGuessed = &finding.Def{Code: "hfsplus.deleted.unknown", Severity: finding.Warning,
		Text: "the volume's map of blocks cannot be read; whether its blocks were used again is not known"}
)
