package ewf

import "salvor/finding"

// Findings are the kinds of finding that this package raises.
var Findings = []*finding.Def{segmentMissing, segmentOther, segmentBroken, segmentLost, badSectors, noEnd, chunkWrong, chunksMore, sumWrong, sumUnknown, sumRight}

var (
	segmentMissing = &finding.Def{Code: "ewf.segment.missing", Severity: finding.Error,
		Text: "{path}, segment {number} of the image, is not there; what it holds cannot be read"}
	segmentOther = &finding.Def{Code: "ewf.segment.other", Severity: finding.Error,
		Text: "{path} is no segment {number} of this image, and is not read: {why}"}
	segmentBroken = &finding.Def{Code: "ewf.segment.broken", Severity: finding.Error,
		Text: "{path} is damaged ({why}); what stands before and behind is read as far as its place is known"}
	segmentLost = &finding.Def{Code: "ewf.segment.lost", Severity: finding.Error,
		Text: "{count} bytes of the disk stand in no table of the image and cannot be read"}
	badSectors = &finding.Def{Code: "ewf.sectors.bad", Severity: finding.Warning,
		Text: "this image says that {count} sectors could not be read when it was made, in {ranges} places; the first begins at byte {first}"}
	noEnd = &finding.Def{Code: "ewf.end", Severity: finding.Warning,
		Text: "the image has no end: it was not finished, or its last segment is missing"}
	chunkWrong = &finding.Def{Code: "ewf.chunk.wrong", Severity: finding.Error,
		Text: "the bytes {place} of the disk cannot be read out of the image: {why}"}
	chunksMore = &finding.Def{Code: "ewf.chunk.more", Severity: finding.Error, Text: "{count} more places of the disk cannot be read out of the image"}
	sumWrong   = &finding.Def{Code: "ewf.sum.wrong", Severity: finding.Error,
		Text: "the {name} that the image stores of its disk is {expected}, that of what it holds is {found}"}
	sumUnknown = &finding.Def{Code: "ewf.sum.unknown", Severity: finding.Warning,
		Text: "the {name} that the image stores ({expected}) cannot be checked, since not all of the disk can be read"}
	sumRight = &finding.Def{Code: "ewf.sum.right", Severity: finding.Info, Text: "the {name} that the image stores of its disk is right: {expected}"}
)
