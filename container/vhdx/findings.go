package vhdx

import "salvor/finding"

// Findings are the kinds of finding that this package raises.
var Findings = []*finding.Def{headerCopy, regionCopy, logReplayed, logBroken}

var (
	headerCopy = &finding.Def{Code: "vhdx.header", Severity: finding.Warning,
		Text: "one of the two headers is damaged; the other one was used, which may be the older"}
	regionCopy  = &finding.Def{Code: "vhdx.regions", Severity: finding.Warning, Text: "the first region table is damaged; its copy was used"}
	logReplayed = &finding.Def{Code: "vhdx.log", Severity: finding.Info,
		Text: "the image was not closed; its log was replayed in memory: {count} pages of its tables"}
	logBroken = &finding.Def{Code: "vhdx.log.broken", Severity: finding.Error,
		Text: "the image was not closed, and its log cannot be replayed ({why}): places of the disk may be of an older state"}
)
