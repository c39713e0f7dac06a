package layers

import "time"

// The bounds of the work that Resolve does, whatever the medium holds.
const (
	// maxDepth is how deep a table may stand inside of a partition of another.
	maxDepth = 3
	// maxLocate is how many landmarks of one kind are examined that do not stand at a likely start, and as
	// many that do. A landmark costs a few small reads; a real volume has some dozens of them.
	maxLocate = 8192
	// maxCovered is how many landmarks are examined inside of a candidate of the same kind that is already
	// confirmed. Nearly all of these are its own backups and the copies in its journal; the first ones are
	// examined all the same, since the candidate may be the remains of an older volume.
	maxCovered = 64
	// maxCoveredNamed is the same for kinds that are only recognised.
	maxCoveredNamed = 4
	// maxCandidates is how many candidates are weighed at all, the best confirmed first.
	maxCandidates = 4096
	// maxOpen is how many candidates are opened, the best confirmed first.
	maxOpen = 256
	// maxPlaces is how many starts and ends of partitions are looked at without a landmark.
	maxPlaces = 256
	// maxTables is how many tables that lost are shown.
	maxTables = 8
	// maxRivals is how many volumes that lost are shown.
	maxRivals = 64
	// maxNested is how deep volumes may stand in volumes: md in LVM in LUKS is 3.
	maxNested = 8
	// maxVirtual is how many volumes of sets and decrypted ones are opened.
	maxVirtual = 1024
	// maxMembers is how many members of one stack are put together, on all media.
	maxMembers = 4096
	// maxMissing is how many missing members of a set are shown as layers.
	maxMissing = 64
	// maxNeeds is how many of the secrets that open a volume are named.
	maxNeeds = 8

	locateTime = 10 * time.Second
	openTime   = 60 * time.Second
	rootTime   = 30 * time.Second
	tableTime  = 60 * time.Second
	setTime    = 120 * time.Second
	unlockTime = 10 * time.Minute // a key derivation on a slow computer

	mib = 1 << 20
	// headSize and tailSize are looked at around the start and before the end of each partition: far enough
	// for the first backups of a boot sector and for structures that stand at the end.
	headSize = mib + 128<<10
	tailSize = 512 << 10
	// minGap is the smallest gap that is shown as free.
	minGap = mib
)

// wrappers are the kinds that hold other volumes: finding a volume inside of one contradicts neither.
var wrappers = map[string]bool{"linux_raid": true, "lvm2": true, "ubi": true}
