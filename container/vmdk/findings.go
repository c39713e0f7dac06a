package vmdk

import "salvor/finding"

// Findings are the kinds of finding that this package raises.
var Findings = []*finding.Def{extentMissing, extentBroken, extentMoved, descriptorLost, unclean}

var (
	extentMissing = &finding.Def{Code: "vmdk.extent.missing", Severity: finding.Error,
		Text: "{name}, which holds {count} bytes of the disk, does not lie beside the image: they cannot be read"}
	extentBroken = &finding.Def{Code: "vmdk.extent.broken", Severity: finding.Error,
		Text: "{name}, which holds {count} bytes of the disk, cannot be used ({why}): they cannot be read"}
	extentMoved = &finding.Def{Code: "vmdk.extent.moved", Severity: finding.Warning,
		Text: "the image names {name}; the file of that name beside it is read in its place"}
	descriptorLost = &finding.Def{Code: "vmdk.descriptor", Severity: finding.Error,
		Text: "the description in the image is damaged, so that nothing tells whether the disk builds on another one: what was not written cannot be read"}
	unclean = &finding.Def{Code: "vmdk.unclean", Severity: finding.Info, Text: "the virtual machine was not shut down before the image was copied"}
)
