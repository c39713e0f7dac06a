package layers

import "salvor/finding"

// NotUnlocked is the code of the finding that says why the secrets that were given do not open an encrypted volume.
const NotUnlocked = "layers.locked.refused"

// Findings are the kinds of finding that this package raises.
var Findings = []*finding.Def{
	erased, nothing, firstUnreadable, tableBackup, tableRival, tablesLost, tableDropped,
	volumeLost, volumeMissing, volumeLarger, volumeOpen, volumeErrors, volumeRival, volumeOlder, volumeWeak, volumeBackup, volumeInside,
	volumeOverlay, layoutKnown, layoutPart, candidatesInside, candidatesDropped, landmarksSkipped, candidatesUnopened,
	partitionUnknown, partitionBlank, partitionOutside, partitionCut, partitionOverlap, depthReached,
	memberOld, memberBetter, memberStale, memberAlone, memberLate, memberMissing, volumeGone, insideMember, needsSecret, notUnlocked, headerGiven, nestedReached, nestedMany,
}

var (
	erased = &finding.Def{Code: "layers.erased", Severity: finding.Error,
		Text: "the medium looks erased: {expected} samples all over it hold only {found} (it was sampled, not read in full)"}
	nothing = &finding.Def{Code: "layers.nothing", Severity: finding.Error,
		Text: "no partition table and no file system was recognised; only carving can get files from here, without their names"}
	firstUnreadable = &finding.Def{Code: "layers.first.unreadable", Severity: finding.Error,
		Text: "the start of the medium, where its partition table stands, cannot be read ({found})"}
	tableBackup = &finding.Def{Code: "layers.table.backup", Severity: finding.Warning,
		Text: "the primary partition table is damaged or gone; its backup was used"}
	tableRival = &finding.Def{Code: "layers.table.rival", Severity: finding.Warning,
		Text: "this partition table contradicts a better one ({expected}); its partitions are shown, not used"}
	tablesLost = &finding.Def{Code: "layers.table.lost", Severity: finding.Warning,
		Text: "no partition table could be used; the volumes were found by their own structures"}
	tableDropped = &finding.Def{Code: "layers.table.dropped", Severity: finding.Info,
		Text: "{found} further partition tables are left out; they stand inside of volumes, as disk images in files do, or are too many"}
	volumeLost = &finding.Def{Code: "layers.volume.lost", Severity: finding.Info,
		Text: "no partition begins here; the volume was found by its own structures"}
	volumeMissing = &finding.Def{Code: "layers.volume.missing", Severity: finding.Error,
		Text: "the volume reaches behind the end of the medium; {found} of its {expected} bytes are missing"}
	volumeLarger = &finding.Def{Code: "layers.volume.larger", Severity: finding.Error,
		Text: "the volume is {found} bytes long by its own word; its partition has {expected}"}
	volumeOpen = &finding.Def{Code: "layers.volume.open", Severity: finding.Error,
		Text: "a {kind} volume stands here, but its structures cannot be opened: {found}"}
	volumeErrors = &finding.Def{Code: "layers.volume.root", Severity: finding.Error,
		Text: "the volume opens, but its directories cannot be read: {found}"}
	volumeRival = &finding.Def{Code: "layers.volume.rival", Severity: finding.Info,
		Text: "a better reading of the same bytes was taken: {expected}"}
	volumeOlder = &finding.Def{Code: "layers.volume.older", Severity: finding.Info,
		Text: "this volume stood here before the one that does now ({expected}); what was not overwritten of its files may still be here"}
	volumeWeak = &finding.Def{Code: "layers.volume.weak", Severity: finding.Info,
		Text: "too little speaks for this volume ({found} of 100)"}
	volumeBackup = &finding.Def{Code: "layers.volume.backup", Severity: finding.Warning,
		Text: "the start of the volume is damaged; it was recognised by a backup of its main structure"}
	volumeInside = &finding.Def{Code: "layers.volume.inside", Severity: finding.Info,
		Text: "the volume stands inside of {expected}, which is only recognised, and was found by its own structures"}
	layoutKnown = &finding.Def{Code: "layers.layout", Severity: finding.Info,
		Text: "the partitions are those of {found}"}
	layoutPart = &finding.Def{Code: "layers.layout.part", Severity: finding.Info,
		Text: "the partitions are those of {found}; not found are: {expected}"}
	volumeOverlay = &finding.Def{Code: "layers.volume.overlay", Severity: finding.Warning,
		Text: "the volume stands inside of {expected}, over whose first part an image was written, as an update does that stopped"}
	candidatesInside = &finding.Def{Code: "layers.candidates.inside", Severity: finding.Info,
		Text: "{found} further superblocks or boot sectors inside of healthy volumes are left out; they are copies, or parts of files"}
	candidatesDropped = &finding.Def{Code: "layers.candidates.dropped", Severity: finding.Info,
		Text: "{found} weak signs of further volumes are left out"}
	landmarksSkipped = &finding.Def{Code: "layers.landmarks.skipped", Severity: finding.Info,
		Text: "{found} of {expected} landmarks of {kind} were not examined; they lie inside of a volume that is already known, or are too many"}
	candidatesUnopened = &finding.Def{Code: "layers.candidates.unopened", Severity: finding.Warning,
		Text: "{found} possible volumes were not opened, since there are too many"}
	partitionUnknown = &finding.Def{Code: "layers.partition.unknown", Severity: finding.Warning,
		Text: "unknown content: no file system was recognised in this partition"}
	partitionBlank = &finding.Def{Code: "layers.partition.blank", Severity: finding.Info,
		Text: "the partition looks blank: its samples hold only {found}"}
	partitionOutside = &finding.Def{Code: "layers.partition.missing", Severity: finding.Error,
		Text: "the partition lies behind the end of the medium"}
	partitionCut = &finding.Def{Code: "layers.partition.cut", Severity: finding.Error,
		Text: "the partition reaches behind the end of the medium; {found} of its {expected} bytes are missing"}
	partitionOverlap = &finding.Def{Code: "layers.partition.overlap", Severity: finding.Error,
		Text: "the partition overlaps partition {found}"}
	depthReached = &finding.Def{Code: "layers.depth", Severity: finding.Warning,
		Text: "tables are nested deeper than {expected} here; the inner ones were not read"}

	memberOld = &finding.Def{Code: "layers.member.old", Severity: finding.Info,
		Text: "the remains of a set: {expected} was made in its place later and is read instead"}
	memberBetter = &finding.Def{Code: "layers.member.better", Severity: finding.Warning,
		Text: "{expected} gives this volume damaged, and this member has it whole: it is read here too"}
	memberStale = &finding.Def{Code: "layers.member.stale", Severity: finding.Warning,
		Text: "this member of {set} is stale: the others went on without it, and it is not used; its bytes are older than theirs"}
	memberAlone = &finding.Def{Code: "layers.member.alone", Severity: finding.Warning,
		Text: "this member of {set} could not be put together with others; volumes that lie in one piece inside of it are found by themselves"}
	memberLate = &finding.Def{Code: "layers.member.late", Severity: finding.Warning,
		Text: "this member belongs to {set}, which was put together without it"}
	memberMissing = &finding.Def{Code: "layers.member.missing", Severity: finding.Error,
		Text: "{set}: {member} is missing; {means}. Name that disk, or an image of it, beside the others"}
	volumeGone = &finding.Def{Code: "layers.volume.gone", Severity: finding.Error,
		Text: "nothing of this volume can be read from the members that are there"}
	insideMember = &finding.Def{Code: "layers.member.inside", Severity: finding.Info,
		Text: "what seems to be a volume of its own in it ({found} of them) is its part of {expected}, and is read there"}
	needsSecret = &finding.Def{Code: "layers.locked", Severity: finding.Warning,
		Text: "{kind} is encrypted; it opens with {needs}"}
	notUnlocked = &finding.Def{Code: NotUnlocked, Severity: finding.Warning,
		Text: "it was not opened: {found}"}
	headerGiven = &finding.Def{Code: "layers.locked.apart", Severity: finding.Info,
		Text: "its own header is not here; it was opened with the {found} header that was given"}
	nestedReached = &finding.Def{Code: "layers.nested.depth", Severity: finding.Warning,
		Text: "volumes stand deeper than {expected} in each other here; the inner ones were not opened"}
	nestedMany = &finding.Def{Code: "layers.nested.many", Severity: finding.Warning,
		Text: "there are more than {expected} volumes of sets; the further ones were not opened"}
)
