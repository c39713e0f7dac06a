package ntfs

import "salvor/finding"

// Findings are the kinds of finding that this package raises.
var Findings = []*finding.Def{
	bootBackup, bootGone, bootDiffers, volumeShort, volumeDirty, volumeShadow, tableMirror, tableMirrorDiffers, tableScanned, tableBroken,
	versionUnknown, bitmapBroken, badClusters, logOpen, logBroken,
	recordTorn, recordBroken, recordSkewed, listBroken, pairsBroken, sizesContradict, clustersShared, clustersFree, behindEnd, extensionGone,
	encrypted, compressionUnknown, wofElsewhere, wofBroken, unreadableKnown, reparseBroken,
	nameGone, nameOnly, nameUnlinked, notNamed, parentReused, parentGone, nameFromLog, nameFromJournal, nameFromIndex,
	deletedForeign, deletedContested, olderVersion, formerVolume, formerPlaces,
}

var (
	bootBackup = &finding.Def{Code: "ntfs.boot.backup", Severity: finding.Error,
		Text: "the boot sector is broken ({found}); the volume is read by its backup behind the last sector"}
	bootGone = &finding.Def{Code: "ntfs.boot.gone", Severity: finding.Error,
		Text: "the boot sector and its backup are gone; clusters of {found} bytes follow from the records that were found"}
	bootDiffers = &finding.Def{Code: "ntfs.boot.differs", Severity: finding.Warning,
		Text: "the backup of the boot sector is broken or another one ({found})"}
	volumeShort = &finding.Def{Code: "ntfs.volume.short", Severity: finding.Error,
		Text: "the volume says that it has {expected} bytes, but only {found} are here"}
	volumeDirty = &finding.Def{Code: "ntfs.volume.dirty", Severity: finding.Warning,
		Text: "the volume was not unmounted cleanly; the last changes before it stopped may be missing"}
	volumeShadow = &finding.Def{Code: "ntfs.volume.shadow", Severity: finding.Info,
		Text: "the volume holds {found} files of volume shadow copies, which are older states of it and are not read here"}
	tableMirror = &finding.Def{Code: "ntfs.mft.mirror", Severity: finding.Warning,
		Text: "record {record} of the master file table is broken and was read from its mirror"}
	tableMirrorDiffers = &finding.Def{Code: "ntfs.mft.differs", Severity: finding.Warning,
		Text: "the mirror of the master file table is broken or another one at record {record}"}
	tableScanned = &finding.Def{Code: "ntfs.mft.scanned", Severity: finding.Error,
		Text: "the record of the master file table itself is gone; its {found} pieces were found by searching the volume"}
	tableBroken = &finding.Def{Code: "ntfs.mft.broken", Severity: finding.Error,
		Text: "a part of the list of where the master file table stands is broken: {found}"}
	versionUnknown = &finding.Def{Code: "ntfs.volume.version", Severity: finding.Warning,
		Text: "the volume is of version {found}, which is not known here; some files may read wrong"}
	bitmapBroken = &finding.Def{Code: "ntfs.bitmap.broken", Severity: finding.Error,
		Text: "the list of clusters in use cannot be read ({found}); only what files claim is known to be in use"}
	badClusters = &finding.Def{Code: "ntfs.bad.clusters", Severity: finding.Warning,
		Text: "the system that used the volume noted {found} bytes of it as unreadable"}
	logOpen = &finding.Def{Code: "ntfs.log.open", Severity: finding.Warning,
		Text: "the log of the volume is in use and was not replayed; the last changes before it stopped may be missing"}
	logBroken = &finding.Def{Code: "ntfs.log.broken", Severity: finding.Info,
		Text: "the log of the volume cannot be read whole: {found}"}
	recordTorn = &finding.Def{Code: "ntfs.record.torn", Severity: finding.Error,
		Text: "the record of the file was not written whole: {found} of its sectors do not match"}
	recordBroken = &finding.Def{Code: "ntfs.record.broken", Severity: finding.Error,
		Text: "the record of the file is broken: {found}"}
	recordSkewed = &finding.Def{Code: "ntfs.record.lost", Severity: finding.Error,
		Text: "record {record} cannot be read ({found}); only the name is known"}
	listBroken = &finding.Def{Code: "ntfs.list.broken", Severity: finding.Error,
		Text: "the list of the file's attributes is broken: {found}"}
	pairsBroken = &finding.Def{Code: "ntfs.runs.broken", Severity: finding.Error,
		Text: "a part of the list of the file's clusters is broken: {found}"}
	sizesContradict = &finding.Def{Code: "ntfs.sizes.contradict", Severity: finding.Warning,
		Text: "the sizes of the file contradict each other: {found}, expected {expected}"}
	clustersShared = &finding.Def{Code: "ntfs.runs.shared", Severity: finding.Error,
		Text: "another file claims some of the same clusters; one of both holds wrong bytes"}
	clustersFree = &finding.Def{Code: "ntfs.runs.free", Severity: finding.Warning,
		Text: "{found} bytes of the file stand in clusters that the volume calls free"}
	behindEnd = &finding.Def{Code: "ntfs.runs.end", Severity: finding.Error,
		Text: "a part of the file stands behind the end of what is here"}
	extensionGone = &finding.Def{Code: "ntfs.record.extension", Severity: finding.Error,
		Text: "record {record}, which holds a part of the file's attributes, is gone or belongs to another file"}
	encrypted = &finding.Def{Code: "ntfs.encrypted", Severity: finding.Info,
		Text: "the content is encrypted (EFS) with a key that is not on the volume in the clear"}
	compressionUnknown = &finding.Def{Code: "ntfs.compression.unknown", Severity: finding.Error,
		Text: "the content is compressed in a way that is not known here ({found})"}
	wofElsewhere = &finding.Def{Code: "ntfs.wof.elsewhere", Severity: finding.Error,
		Text: "the content stands in an archive (WIM) outside of the file"}
	wofBroken = &finding.Def{Code: "ntfs.wof.broken", Severity: finding.Error,
		Text: "the compressed content of the file is broken: {found}"}
	unreadableKnown = &finding.Def{Code: "ntfs.bad.file", Severity: finding.Warning,
		Text: "{found} bytes of the file stand in clusters that are noted as unreadable"}
	reparseBroken = &finding.Def{Code: "ntfs.reparse.broken", Severity: finding.Warning,
		Text: "where the link leads to cannot be read: {found}"}
	nameGone = &finding.Def{Code: "ntfs.name.gone", Severity: finding.Warning,
		Text: "the name of the file is gone"}
	nameOnly = &finding.Def{Code: "ntfs.name.only", Severity: finding.Warning,
		Text: "only the name is left; the record {record} of the file belongs to another one by now"}
	nameUnlinked = &finding.Def{Code: "ntfs.name.unlinked", Severity: finding.Warning,
		Text: "only the name is left; which record the file had is not known"}
	notNamed = &finding.Def{Code: "ntfs.name.unlisted", Severity: finding.Warning,
		Text: "the file is in use, but the folder that it belongs to does not name it"}
	parentReused = &finding.Def{Code: "ntfs.parent.reused", Severity: finding.Warning,
		Text: "the record of the folder that held the file belongs to another one by now"}
	parentGone = &finding.Def{Code: "ntfs.parent.gone", Severity: finding.Warning,
		Text: "the folder that held the file is gone"}
	nameFromLog = &finding.Def{Code: "ntfs.name.log", Severity: finding.Info,
		Text: "the name was found in the volume's log"}
	nameFromJournal = &finding.Def{Code: "ntfs.name.journal", Severity: finding.Info,
		Text: "the name was found in the volume's journal of changes"}
	nameFromIndex = &finding.Def{Code: "ntfs.name.slack", Severity: finding.Info,
		Text: "the name was found behind the entries of its folder"}
	deletedForeign = &finding.Def{Code: "ntfs.deleted.foreign", Severity: finding.Warning,
		Text: "{found} bytes of the deleted file belong to other files by now"}
	deletedContested = &finding.Def{Code: "ntfs.deleted.contested", Severity: finding.Warning,
		Text: "another deleted file claims {found} of the same bytes; which of both they are of is not certain"}
	formerVolume = &finding.Def{Code: "ntfs.former.volume", Severity: finding.Warning,
		Text: "the file is of an older volume that stood here before this one was made; its path is the one that it had there"}
	formerPlaces = &finding.Def{Code: "ntfs.former.places", Severity: finding.Warning,
		Text: "{found} bytes are taken from where the older volume had them if it began at the same place, which nothing confirms"}
	olderVersion = &finding.Def{Code: "ntfs.log.older", Severity: finding.Info,
		Text: "an older state of the file, from the volume's log"}
)
