package exfat

import "salvor/finding"

// Findings are the kinds of finding that this package raises.
var Findings = []*finding.Def{
	bootChecksum, bootBackup, bootBackupUsed, bootImplied, bootShortFAT, bootTruncated, fatHead, volumeDirty, volumeFailure,
	volumeGUID, rootBroken, rootMoved, bitmapMissing, bitmapBroken, bitmapOdd, bitmapOther, bitmapDiffers, upcaseBroken, searchLimited, volumeContradicts,
	entryOdd, entryChecksum, entryHash, entryHeadless, entryBehindEnd, entryAllocation, entryCluster, entryValid, entryOpen,
	chainSecond, chainGuessed, chainShort, chainLong, chainBroken, chainBehindEnd, chainAbsent, chainCrossed, chainForeign, bitmapFree,
	directoryLarge, directoryEmpty, directoryLoop, directoryDeep, directoryFound,
	deletedStart, deletedAllocated, deletedChain, deletedGuessed, deletedAround, deletedContested, deletedDoubted, deletedForeign,
	lostAllocated, unclosedContent,
}

// Of the volume.
var (
	bootChecksum = &finding.Def{Code: "exfat.boot.checksum", Severity: finding.Error,
		Text: "the checksum of the boot region does not fit ({found}), and there is no better backup"}
	bootBackup = &finding.Def{Code: "exfat.boot.backup", Severity: finding.Warning,
		Text: "the backup of the boot region is broken or describes another volume ({found})"}
	bootBackupUsed = &finding.Def{Code: "exfat.boot.backup-used", Severity: finding.Error,
		Text: "the boot region is broken ({found}); its backup at {offset} was used"}
	bootImplied = &finding.Def{Code: "exfat.boot.implied", Severity: finding.Error,
		Text: "both boot regions are gone ({found}); the layout was worked out from the FAT, the up-case table and the root directory"}
	bootShortFAT = &finding.Def{Code: "exfat.boot.fat-size", Severity: finding.Error,
		Text: "the FAT has room for {found} clusters, expected {expected}; files in pieces behind them cannot be followed"}
	bootTruncated = &finding.Def{Code: "exfat.boot.truncated", Severity: finding.Error,
		Text: "the volume has {expected} bytes by its own word, and only {found} are here"}
	fatHead = &finding.Def{Code: "exfat.table.head", Severity: finding.Error,
		Text: "FAT {copy} does not begin with its two fixed entries"}
	volumeDirty = &finding.Def{Code: "exfat.volume.dirty", Severity: finding.Warning,
		Text: "the volume was in use when it stopped; the last changes may be incomplete"}
	volumeFailure = &finding.Def{Code: "exfat.volume.io-errors", Severity: finding.Warning,
		Text: "a system that used the volume met read or write errors on it"}
	volumeContradicts = &finding.Def{Code: "exfat.volume.contradicts", Severity: finding.Error,
		Text: "{found} live files contradict themselves, the FAT or the allocation bitmap"}
	volumeGUID = &finding.Def{Code: "exfat.volume.guid", Severity: finding.Info,
		Text: "the volume has the GUID {found}"}
	rootBroken = &finding.Def{Code: "exfat.root.broken", Severity: finding.Error,
		Text: "cluster {found}, where the root directory should begin, does not look like one, and no other was found"}
	rootMoved = &finding.Def{Code: "exfat.root.moved", Severity: finding.Error,
		Text: "the root directory is not at cluster {found}; one was found at cluster {expected}"}
	bitmapMissing = &finding.Def{Code: "exfat.bitmap.missing", Severity: finding.Error,
		Text: "there is no allocation bitmap: which clusters of deleted files were taken since is known from live files only"}
	bitmapBroken = &finding.Def{Code: "exfat.bitmap.size", Severity: finding.Error,
		Text: "the allocation bitmap has {found} bytes, expected {expected}"}
	bitmapOdd = &finding.Def{Code: "exfat.bitmap.odd", Severity: finding.Error,
		Text: "the allocation bitmap calls its own clusters or those of the root directory free; it is not trusted"}
	bitmapOther = &finding.Def{Code: "exfat.bitmap.other", Severity: finding.Warning,
		Text: "the allocation bitmap in use is missing or calls its own clusters free; the volume has a second one, which was taken"}
	bitmapDiffers = &finding.Def{Code: "exfat.bitmap.differs", Severity: finding.Warning,
		Text: "the two allocation bitmaps differ in {found} clusters, between {first} and {last}, as when the volume stopped in the middle of a change"}
	upcaseBroken = &finding.Def{Code: "exfat.upcase", Severity: finding.Error,
		Text: "the up-case table is broken ({found}); a usual one serves to check names"}
	searchLimited = &finding.Def{Code: "exfat.search.limited", Severity: finding.Info,
		Text: "the last {found} clusters were not searched for lost directories: it would take too long"}
)

// Of an entry set.
var (
	entryOdd = &finding.Def{Code: "exfat.entry.odd", Severity: finding.Warning,
		Text: "the entries hold what cannot be: {found}"}
	entryChecksum = &finding.Def{Code: "exfat.entry.checksum", Severity: finding.Warning,
		Text: "the checksum of the entries does not fit; any field may be wrong"}
	entryHash = &finding.Def{Code: "exfat.entry.name-hash", Severity: finding.Warning,
		Text: "the hash of the name does not fit; the name may be wrong"}
	entryHeadless = &finding.Def{Code: "exfat.entry.headless", Severity: finding.Warning,
		Text: "the first entry was overwritten by another file's; times and attributes are lost, and whether it is a folder"}
	entryBehindEnd = &finding.Def{Code: "exfat.entry.behind-end", Severity: finding.Warning,
		Text: "the entries stand behind the mark that ends their directory"}
	entryAllocation = &finding.Def{Code: "exfat.entry.allocation", Severity: finding.Warning,
		Text: "the entry says that it has no clusters, yet it has a size"}
	entryCluster = &finding.Def{Code: "exfat.entry.cluster", Severity: finding.Error,
		Text: "the first cluster is {found}, expected {expected}"}
	entryValid = &finding.Def{Code: "exfat.entry.valid-length", Severity: finding.Info,
		Text: "only {found} of {expected} bytes were ever written; the rest reads as zeros"}
	entryOpen = &finding.Def{Code: "exfat.entry.open", Severity: finding.Warning,
		Text: "the file was never closed: more was allocated or written than its entry says. What stands there is listed once more, as rebuilt"}
)

// Of a file's clusters.
var (
	chainSecond = &finding.Def{Code: "exfat.chain.other-fat", Severity: finding.Warning,
		Text: "the chain was followed in the FAT that is not in use, since it is broken in the other"}
	chainGuessed = &finding.Def{Code: "exfat.chain.guessed", Severity: finding.Warning,
		Text: "{found} clusters behind the break were guessed: they follow it, they are allocated, and nothing else claims them"}
	chainShort = &finding.Def{Code: "exfat.chain.short", Severity: finding.Error,
		Text: "the chain has {found} clusters, the size needs {expected}; the rest is lost"}
	chainLong = &finding.Def{Code: "exfat.chain.long", Severity: finding.Warning,
		Text: "the chain goes on behind the {expected} clusters that the size needs"}
	chainBroken = &finding.Def{Code: "exfat.chain.broken", Severity: finding.Error,
		Text: "the chain breaks behind cluster {cluster}: {found}"}
	chainBehindEnd = &finding.Def{Code: "exfat.chain.behind-end", Severity: finding.Error,
		Text: "{found} of {expected} clusters lie inside the volume; the rest is lost"}
	chainAbsent = &finding.Def{Code: "exfat.chain.absent", Severity: finding.Error,
		Text: "a part of the file stands behind the end of what is here, from {offset}"}
	chainCrossed = &finding.Def{Code: "exfat.chain.cross-linked", Severity: finding.Error,
		Text: "{found} clusters of this file belong to another file as well, the first at {offset}"}
	chainForeign = &finding.Def{Code: "exfat.chain.overwritten", Severity: finding.Error,
		Text: "{found} of them hold the other file, which was written later or whose entries are in better order"}
	bitmapFree = &finding.Def{Code: "exfat.bitmap.free", Severity: finding.Warning,
		Text: "the allocation bitmap calls {found} clusters of this file free; a later file may stand there"}
	directoryLarge = &finding.Def{Code: "exfat.directory.size", Severity: finding.Warning,
		Text: "the directory has {found} bytes, more than {expected}; what follows was not read"}
	directoryEmpty = &finding.Def{Code: "exfat.directory.empty", Severity: finding.Warning,
		Text: "the directory has no size"}
	directoryLoop = &finding.Def{Code: "exfat.directory.loop", Severity: finding.Error,
		Text: "the directory's clusters are those of a directory that was already read; its entries are listed there"}
	directoryDeep = &finding.Def{Code: "exfat.directory.depth", Severity: finding.Error,
		Text: "the directory is more than {expected} levels deep; it was not read"}
	directoryFound = &finding.Def{Code: "exfat.directory.found", Severity: finding.Warning,
		Text: "this directory was found by its content in clusters that no live file has; its name is lost"}
)

// Of deleted files and of clusters without an entry.
var (
	deletedStart = &finding.Def{Code: "exfat.deleted.start", Severity: finding.Error,
		Text: "the entry names no cluster that can be ({found}, expected {expected}); the content is lost"}
	deletedAllocated = &finding.Def{Code: "exfat.deleted.allocated", Severity: finding.Warning,
		Text: "the clusters of this deleted file are still allocated, and no live file has them"}
	deletedChain = &finding.Def{Code: "exfat.deleted.chain", Severity: finding.Info,
		Text: "the FAT still holds the chain of this deleted file, and all of its clusters are free"}
	deletedGuessed = &finding.Def{Code: "exfat.deleted.guessed", Severity: finding.Info,
		Text: "the file stood in pieces and its chain is gone; {found} clusters are taken from where they most likely stand"}
	deletedAround = &finding.Def{Code: "exfat.deleted.around", Severity: finding.Warning,
		Text: "{found} clusters of older files stand between; the file was taken to be written around them"}
	deletedContested = &finding.Def{Code: "exfat.deleted.contested", Severity: finding.Warning,
		Text: "{found} clusters are claimed by another deleted file as well"}
	deletedDoubted = &finding.Def{Code: "exfat.deleted.doubted", Severity: finding.Warning,
		Text: "{found} clusters are free by the allocation bitmap in use and taken by the other one; a file that was just written may stand there"}
	deletedForeign = &finding.Def{Code: "exfat.deleted.overwritten", Severity: finding.Error,
		Text: "{found} of {expected} clusters were given to other files since"}
	lostAllocated = &finding.Def{Code: "exfat.lost.allocated", Severity: finding.Warning,
		Text: "{found} clusters are allocated and no directory names them; the true size and the borders between files are not known"}
	unclosedContent = &finding.Def{Code: "exfat.lost.unclosed", Severity: finding.Warning,
		Text: "the writer never closed this file: all {found} bytes that were allocated to it are given, and the true end is not known"}
)
