package fat

import "salvor/finding"

// Findings are the kinds of finding that this package raises.
var Findings = []*finding.Def{
	bootUnsigned, bootShortFAT, bootType, bootBackupUsed, bootBackupDiffers, bootRoot, bootTruncated, infoBroken,
	fatHead, fatDiffers, fatUnreadable, fatUnmirrored, volumeDirty, volumeSurface, tableNotCompared,
	namesPage, namesPageGuessed, bootImplied, directoryFound, searchLimited, entryName, entryAttr, entryCluster, entryTooLarge, entryLongName, entryBehindEnd, entryDirectorySize,
	entryLetter, entryHighWord,
	chainShort, chainLong, chainBroken, chainLoop, chainUnreadable, chainCopies, chainCrossed, chainForeign, chainGuessed,
	chainEmpty, chainPieces, chainBehindEnd, directoryLoop, directoryLarge, directoryDot, directoryDeep,
	deletedForeign, deletedGuessed, deletedAround, deletedContested, deletedCopy, deletedMoved, deletedDirectory,
	deletedStart, orphanChain,
}

// Of the volume.
var (
	bootUnsigned = &finding.Def{Code: "fat.boot.signature", Severity: finding.Warning,
		Text: "the boot sector does not end in 55 AA ({found}), as before DOS 3 or after damage"}
	bootShortFAT = &finding.Def{Code: "fat.boot.fat-size", Severity: finding.Error,
		Text: "the FAT has room for {found} clusters only; what stands behind them cannot be named"}
	bootType = &finding.Def{Code: "fat.boot.type", Severity: finding.Info,
		Text: "the boot sector calls itself {found}; the number of clusters makes it {expected}"}
	bootBackupUsed = &finding.Def{Code: "fat.boot.backup-used", Severity: finding.Error,
		Text: "the boot sector is broken ({found}); its backup at {offset} was used"}
	bootBackupDiffers = &finding.Def{Code: "fat.boot.backup-differs", Severity: finding.Warning,
		Text: "the backup of the boot sector is missing or describes another volume ({found})"}
	bootRoot = &finding.Def{Code: "fat.boot.root", Severity: finding.Error,
		Text: "the root directory starts at cluster {found}, which cannot be; cluster {expected} was taken"}
	bootTruncated = &finding.Def{Code: "fat.boot.truncated", Severity: finding.Error,
		Text: "the volume has {expected} bytes by its own word, and only {found} are here"}
	infoBroken = &finding.Def{Code: "fat.info", Severity: finding.Warning,
		Text: "the FSInfo sector is broken: {found}, expected {expected}"}
	fatHead = &finding.Def{Code: "fat.table.head", Severity: finding.Error,
		Text: "FAT {copy} does not begin with the media byte: {found}, expected {expected}"}
	fatDiffers = &finding.Def{Code: "fat.table.differs", Severity: finding.Error,
		Text: "the two FATs differ in {found} entries, between clusters {first} and {last}"}
	fatUnreadable = &finding.Def{Code: "fat.table.unreadable", Severity: finding.Error,
		Text: "{found} bytes of FAT {copy} cannot be read"}
	fatUnmirrored = &finding.Def{Code: "fat.table.unmirrored", Severity: finding.Info,
		Text: "only FAT {found} is in use; the other is not kept up"}
	volumeDirty = &finding.Def{Code: "fat.volume.dirty", Severity: finding.Warning,
		Text: "the volume was in use when it stopped; the last changes may be incomplete"}
	volumeSurface = &finding.Def{Code: "fat.volume.io-errors", Severity: finding.Warning,
		Text: "a system that used the volume met read or write errors on it"}
	bootImplied = &finding.Def{Code: "fat.boot.implied", Severity: finding.Error,
		Text: "the boot sector and its backup are gone ({found}); the layout was worked out from the FATs and the directories"}
	namesPage = &finding.Def{Code: "fat.names.code-page", Severity: finding.Info,
		Text: "short names are in code page {found}, as {count} long names beside them show"}
	namesPageGuessed = &finding.Def{Code: "fat.names.code-page-guessed", Severity: finding.Info,
		Text: "{count} short names have letters beyond ASCII, and nothing tells their code page; {found} was taken"}
	searchLimited = &finding.Def{Code: "fat.search.limited", Severity: finding.Info,
		Text: "the last {found} clusters were not searched for lost directories: it would take too long"}
	directoryFound = &finding.Def{Code: "fat.directory.found", Severity: finding.Warning,
		Text: "this directory was found by its content in clusters that no live file has, as after a format; its name is lost"}
	tableNotCompared = &finding.Def{Code: "fat.table.not-compared", Severity: finding.Info,
		Text: "the FATs are large ({found} bytes each) and are compared when files are listed"}
)

// Of a directory entry.
var (
	entryName = &finding.Def{Code: "fat.entry.name", Severity: finding.Warning,
		Text: "the short name holds bytes that no system writes ({found})"}
	entryAttr = &finding.Def{Code: "fat.entry.attributes", Severity: finding.Warning,
		Text: "the attributes {found} cannot be"}
	entryCluster = &finding.Def{Code: "fat.entry.cluster", Severity: finding.Error,
		Text: "the first cluster is {found}, expected {expected}"}
	entryTooLarge = &finding.Def{Code: "fat.entry.size", Severity: finding.Error,
		Text: "the size is {found} bytes; the volume holds {expected}"}
	entryLongName = &finding.Def{Code: "fat.entry.long-name", Severity: finding.Warning,
		Text: "the long name is broken ({found}); the short name is used"}
	entryBehindEnd = &finding.Def{Code: "fat.entry.behind-end", Severity: finding.Warning,
		Text: "the entry stands behind the mark that ends its directory"}
	entryDirectorySize = &finding.Def{Code: "fat.entry.directory-size", Severity: finding.Info,
		Text: "the directory has a size of {found} in its entry, expected 0"}
	entryLetter = &finding.Def{Code: "fat.entry.first-letter", Severity: finding.Info,
		Text: "the first letter of the name was lost when the file was deleted; an underscore stands for it"}
	entryHighWord = &finding.Def{Code: "fat.entry.high-word", Severity: finding.Warning,
		Text: "the upper half of the first cluster is 0, as some systems leave it when they delete; cluster {found} is only likely"}
)

// Of a file's chain of clusters.
var (
	chainShort = &finding.Def{Code: "fat.chain.short", Severity: finding.Error,
		Text: "the chain has {found} clusters, the size needs {expected}; the rest is lost"}
	chainLong = &finding.Def{Code: "fat.chain.long", Severity: finding.Warning,
		Text: "the chain goes on behind the {expected} clusters that the size needs"}
	chainBroken = &finding.Def{Code: "fat.chain.broken", Severity: finding.Error,
		Text: "the chain breaks behind cluster {cluster}: {found}"}
	chainLoop = &finding.Def{Code: "fat.chain.loop", Severity: finding.Error,
		Text: "the chain comes back to cluster {found}"}
	chainUnreadable = &finding.Def{Code: "fat.chain.unreadable", Severity: finding.Error,
		Text: "the FAT entry of cluster {cluster} cannot be read in any copy; what follows it is not known"}
	chainCopies = &finding.Def{Code: "fat.chain.copies-differ", Severity: finding.Warning,
		Text: "the FATs differ in this chain; {found} was taken"}
	chainCrossed = &finding.Def{Code: "fat.chain.cross-linked", Severity: finding.Error,
		Text: "{found} clusters of this file belong to another file as well, the first at {offset}"}
	chainForeign = &finding.Def{Code: "fat.chain.overwritten", Severity: finding.Error,
		Text: "{found} of them hold the other file, which was made after this one was written for the last time"}
	chainGuessed = &finding.Def{Code: "fat.chain.guessed", Severity: finding.Warning,
		Text: "{found} clusters behind the break were guessed: they follow it and nothing else claims them"}
	chainEmpty = &finding.Def{Code: "fat.chain.unsized", Severity: finding.Warning,
		Text: "the size is 0, yet there is a chain from cluster {found}; its content is listed as an unlinked chain"}
	chainPieces = &finding.Def{Code: "fat.chain.pieces", Severity: finding.Error,
		Text: "the chain has more than {expected} pieces, or following it takes too long; the rest is not followed"}
	chainBehindEnd = &finding.Def{Code: "fat.chain.behind-end", Severity: finding.Error,
		Text: "a part of the file stands behind the end of what is here, from {offset}"}
	directoryLoop = &finding.Def{Code: "fat.directory.loop", Severity: finding.Error,
		Text: "the directory's clusters are those of a directory that was already read; its entries are listed there"}
	directoryLarge = &finding.Def{Code: "fat.directory.size", Severity: finding.Warning,
		Text: "the directory is larger than {expected} bytes; what follows was not read"}
	directoryDot = &finding.Def{Code: "fat.directory.dot", Severity: finding.Warning,
		Text: "the directory does not begin with an entry for itself: {found}"}
	directoryDeep = &finding.Def{Code: "fat.directory.depth", Severity: finding.Error,
		Text: "the directory is more than {expected} levels deep; it was not read"}
)

// Of deleted files and of chains without an entry.
var (
	deletedForeign = &finding.Def{Code: "fat.deleted.overwritten", Severity: finding.Error,
		Text: "{found} of {expected} clusters belong to other files by now"}
	deletedGuessed = &finding.Def{Code: "fat.deleted.guessed", Severity: finding.Info,
		Text: "deleting has freed the chain; {found} clusters are taken from where they most likely stand"}
	deletedAround = &finding.Def{Code: "fat.deleted.around", Severity: finding.Warning,
		Text: "{found} clusters of older files stand between; the file was taken to be written around them"}
	deletedContested = &finding.Def{Code: "fat.deleted.contested", Severity: finding.Warning,
		Text: "{found} clusters are claimed by another deleted file as well"}
	deletedCopy = &finding.Def{Code: "fat.deleted.old-fat", Severity: finding.Info,
		Text: "a FAT still holds the chain of this deleted file, and no live file has it"}
	deletedMoved = &finding.Def{Code: "fat.deleted.moved", Severity: finding.Info,
		Text: "the directory was moved or renamed; it lives on under another name"}
	deletedDirectory = &finding.Def{Code: "fat.deleted.directory", Severity: finding.Info,
		Text: "this cluster of a deleted directory was found by its looks; the entry may be another directory's"}
	deletedStart = &finding.Def{Code: "fat.deleted.start", Severity: finding.Error,
		Text: "the entry names no cluster that can be ({found}); the content is lost"}
	orphanChain = &finding.Def{Code: "fat.orphan.chain", Severity: finding.Warning,
		Text: "no directory names this chain of {found} clusters; its true size is not known"}
)
