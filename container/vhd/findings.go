package vhd

import "salvor/finding"

// Findings are the kinds of finding that this package raises.
var Findings = []*finding.Def{footerCopy, parentMissing, parentOther, saved}

var (
	footerCopy = &finding.Def{Code: "vhd.footer", Severity: finding.Warning,
		Text: "the footer at the end of the image is damaged or missing; its copy at the beginning was used, and the end of the image may be cut off"}
	parentMissing = &finding.Def{Code: "vhd.parent.missing", Severity: finding.Error,
		Text: "{name}, on which {path} builds, cannot be read ({why}): nor can what was not written over it"}
	parentOther = &finding.Def{Code: "vhd.parent.other", Severity: finding.Error,
		Text: "{name} is not the disk on which {path} builds (its ID is {found}, expected {expected}), and is not read: what was not written over it cannot be read"}
	saved = &finding.Def{Code: "vhd.saved", Severity: finding.Info, Text: "the virtual machine was suspended, not shut down, when the image was copied"}
)
