package dmg

import "salvor/finding"

// Findings are the kinds of finding that this package raises.
var Findings = []*finding.Def{listBroken, tableBroken, gap, sumWrong, sumRight, sumUnknown}

var (
	listBroken = &finding.Def{Code: "dmg.list", Severity: finding.Error,
		Text: "the list of the parts of the disk is damaged ({why}); what could be read of it is used"}
	tableBroken = &finding.Def{Code: "dmg.table", Severity: finding.Error, Text: "the table of the part {name} is damaged: {why}"}
	gap         = &finding.Def{Code: "dmg.gap", Severity: finding.Error, Text: "{count} bytes of the disk stand in no table of the image and cannot be read"}
	sumWrong    = &finding.Def{Code: "dmg.sum.wrong", Severity: finding.Error,
		Text: "the CRC-32 that the image stores of the part {name} is {expected}, that of what it holds is {found}"}
	sumRight   = &finding.Def{Code: "dmg.sum.right", Severity: finding.Info, Text: "the CRC-32 that the image stores of the part {name} is right: {expected}"}
	sumUnknown = &finding.Def{Code: "dmg.sum.unknown", Severity: finding.Warning,
		Text: "the CRC-32 that the image stores of the part {name} ({expected}) cannot be checked, since not all of it can be read"}
)
