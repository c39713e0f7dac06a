package vhd

import "salvor/finding"

// Findings are the kinds of finding that this package raises.
var Findings = []*finding.Def{footerCopy, saved}

var (
	footerCopy = &finding.Def{Code: "vhd.footer", Severity: finding.Warning,
		Text: "the footer at the end of the image is damaged or missing; its copy at the beginning was used, and the end of the image may be cut off"}
	saved = &finding.Def{Code: "vhd.saved", Severity: finding.Info, Text: "the virtual machine was suspended, not shut down, when the image was copied"}
)
