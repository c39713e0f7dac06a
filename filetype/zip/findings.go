package zip

import (
	"strconv"

	"salvor/finding"
)

// Findings are the kinds of finding that this package raises.
var Findings = []*finding.Def{memberCRC, memberData, memberSize, memberLost, members, headerBroken, directoryMissing,
	directoryDiffers, strayMember, endDiffers, tail, prefixed, notDecoded, someEncrypted, allEncrypted, disproportion,
	attributes, plainArchive, extraOnce, comments, between, signing, looseBits, weakField, tooMany}

var (
	memberCRC = &finding.Def{Code: "zip.member.crc", Severity: finding.Error,
		Text: "member {name}: its content has the CRC-32 {found}, its header says {expected}"}
	memberData = &finding.Def{Code: "zip.member.data", Severity: finding.Error,
		Text: "member {name}: its compressed data breaks ({found})"}
	memberSize = &finding.Def{Code: "zip.member.size", Severity: finding.Error,
		Text: "member {name}: {found} bytes of content, expected {expected}"}
	memberLost = &finding.Def{Code: "zip.member.lost", Severity: finding.Error,
		Text: "member {name}: bytes of it are missing"}
	members = &finding.Def{Code: "zip.members", Severity: finding.Error,
		Text: "{good} of {total} members are whole"}
	headerBroken = &finding.Def{Code: "zip.header", Severity: finding.Error,
		Text: "no header where the archive must go on: {found}, expected {expected}"}
	directoryMissing = &finding.Def{Code: "zip.directory.missing", Severity: finding.Error,
		Text: "the central directory is missing; members can still be read in order"}
	directoryDiffers = &finding.Def{Code: "zip.directory.differs", Severity: finding.Error,
		Text: "the directory says of member {name}: {what} {found}; its own header says {expected}"}
	strayMember = &finding.Def{Code: "zip.directory.stray", Severity: finding.Error,
		Text: "the directory and the members differ: {what}"}
	endDiffers = &finding.Def{Code: "zip.end.differs", Severity: finding.Error,
		Text: "the end record says {found} for its {what}, expected {expected}"}
	tail = &finding.Def{Code: "zip.tail", Severity: finding.Error,
		Text: "this is the tail of an archive: {count} members stood before its first byte"}
	prefixed = &finding.Def{Code: "zip.prefixed", Severity: finding.Info,
		Text: "the archive counts its places from {count} bytes before its first member, as one inside a program does"}
	notDecoded = &finding.Def{Code: "zip.member.not-decoded", Severity: finding.Warning,
		Text: "{count} members were not checked: no decoder for the method {method}"}
	someEncrypted = &finding.Def{Code: "zip.encrypted.some", Severity: finding.Warning,
		Text: "{count} of {total} members are encrypted and were not checked"}
	allEncrypted = &finding.Def{Code: "zip.encrypted.all", Severity: finding.Warning,
		Text: "the members are encrypted"}
	disproportion = &finding.Def{Code: "zip.disproportion", Severity: finding.Warning,
		Text: "member {name} expands out of proportion and was not checked to its end"}
	attributes = &finding.Def{Code: "zip.attributes", Severity: finding.Info,
		Text: "every decoded member passes its CRC-32; permissions and attributes carry no check"}
	plainArchive = &finding.Def{Code: "zip.plain", Severity: finding.Info,
		Text: "every decoded member passes its CRC-32; attributes in the directory carry no check"}
	extraOnce = &finding.Def{Code: "zip.extra", Severity: finding.Info,
		Text: "times or owners of members stand in one place only and carry no check"}
	comments = &finding.Def{Code: "zip.comment", Severity: finding.Info,
		Text: "a comment carries no check"}
	between = &finding.Def{Code: "zip.between", Severity: finding.Info,
		Text: "{count} bytes lie between the parts of the archive"}
	signing = &finding.Def{Code: "zip.signing-block", Severity: finding.Info,
		Text: "an Android signing block of {count} bytes was not verified"}
	looseBits = &finding.Def{Code: "zip.loose-bits", Severity: finding.Info,
		Text: "compressed data of {name} has bits that no check covers"}
	weakField = &finding.Def{Code: "zip.field", Severity: finding.Warning,
		Text: "a field that carries no check is unusual: {what} is {found}, expected {expected}"}
	tooMany = &finding.Def{Code: "zip.too-many", Severity: finding.Warning,
		Text: "the archive has more members than are examined ({expected}); the rest was not checked"}
)

// maxFindings is how many findings one archive raises, the summary not counted.
const maxFindings = 24

// show gives a name from the archive as text that cannot disturb a terminal.
func show(name []byte) string {
	if len(name) > 120 {
		name = append(name[:117:117], "..."...)
	}
	return strconv.QuoteToGraphic(string(name))
}
