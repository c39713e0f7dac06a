package recovery

import "salvor/finding"

// The reasons that this package gives for a verdict or for what became of an entry.
var (
	guessedPlace = &finding.Def{Code: "recovery.guessed", Severity: finding.Warning,
		Text: "its place was guessed from what is allocated; no check proves that these are its bytes"}
	empty = &finding.Def{Code: "recovery.empty", Severity: finding.Info,
		Text: "0 bytes: there is no content that could be checked"}
	notChecked = &finding.Def{Code: "recovery.unchecked", Severity: finding.Info,
		Text: "it was not checked yet"}
	special = &finding.Def{Code: "recovery.special", Severity: finding.Info,
		Text: "a {found}: listed, and not created"}
	lockedContent = &finding.Def{Code: "recovery.locked", Severity: finding.Warning,
		Text: "the content is encrypted, and there is no key"}
	notOpened = &finding.Def{Code: "recovery.not-opened", Severity: finding.Error,
		Text: "the content cannot be reached: {found}"}
	notIdentified = &finding.Def{Code: "recovery.not-identified", Severity: finding.Warning,
		Text: "the content was not judged: {found}"}
	erasedSkipped = &finding.Def{Code: "recovery.erased", Severity: finding.Info,
		Text: "erased: where this deleted file stood, every byte is the same; not saved"}
	encodedContent = &finding.Def{Code: "recovery.encoded", Severity: finding.Info,
		Text: "the content is stored as {found}"}
	foreignBytes = &finding.Def{Code: "recovery.foreign", Severity: finding.Error,
		Text: "{count} bytes stand where another file's bytes stand by now"}
	lostBytes = &finding.Def{Code: "recovery.lost", Severity: finding.Error,
		Text: "{count} bytes stand nowhere that is known"}
	unreadBytes = &finding.Def{Code: "recovery.unread", Severity: finding.Error,
		Text: "{count} bytes cannot be read from the medium"}
	cutShort = &finding.Def{Code: "recovery.cut", Severity: finding.Error,
		Text: "its content goes on to {expected} bytes; the file has {found}"}
	deletedFolder = &finding.Def{Code: "recovery.folder", Severity: finding.Info,
		Text: "a folder that is created only where files in it are saved"}
	twinCarved = &finding.Def{Code: "recovery.twin-carved", Severity: finding.Info,
		Text: "the same bytes as {id}, which has a name; saved there"}
	twinFound = &finding.Def{Code: "recovery.twin-found", Severity: finding.Info,
		Text: "found a second time by its content alone, at the same place with the same size ({id}); that confirms its place"}
	firstPiece = &finding.Def{Code: "recovery.first-piece", Severity: finding.Info,
		Text: "only the beginning of {id}, whose other pieces are known; saved there"}
	sameContent = &finding.Def{Code: "recovery.same-content", Severity: finding.Info,
		Text: "the same content was saved as {id}"}
	nothingLeft = &finding.Def{Code: "recovery.nothing-left", Severity: finding.Error,
		Text: "none of its {count} bytes can be read; nothing to save"}
	tooLarge = &finding.Def{Code: "recovery.too-large", Severity: finding.Error,
		Text: "{found} bytes: the place it is to be saved to holds files of at most {expected} bytes; choose one with another file system"}
	tooManyHoles = &finding.Def{Code: "recovery.holes", Severity: finding.Error,
		Text: "claims {found} bytes of holes, more than the {expected} that are written out; not saved"}
	notWritten = &finding.Def{Code: "recovery.not-written", Severity: finding.Error,
		Text: "could not be written: {found}"}
	unreadWhileSaving = &finding.Def{Code: "recovery.unread-saving", Severity: finding.Error,
		Text: "{count} bytes could not be read when it was saved; they are missing"}
	linkAsText = &finding.Def{Code: "recovery.link-text", Severity: finding.Info,
		Text: "a symbolic link to {found}; kept as a text file, since {reason}"}
)
