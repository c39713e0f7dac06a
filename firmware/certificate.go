package firmware

import "salvor/finding"

// What is told of the certificate of a signature that fits, by whichever format has it.
var (
	certificateEnded = &finding.Def{Code: "firmware.certificate.ended", Severity: finding.Warning,
		Text: "the certificate of {signer} ended on {found}, after it had signed ({expected}): a device whose clock runs may refuse the package, one that goes by the time of signing takes it"}
	certificateLater = &finding.Def{Code: "firmware.certificate.later", Severity: finding.Warning,
		Text: "the certificate of {signer} begins on {found}, and this computer's clock says {expected}: a device whose clock is as wrong refuses the package"}
	certificatePurpose = &finding.Def{Code: "firmware.certificate.purpose", Severity: finding.Warning,
		Text: "the certificate of {signer} is for {found} and not for {expected}: a device that checks for that purpose refuses the package"}
)

// EndedCertificate tells of a certificate that ended since it signed. The times are days.
func EndedCertificate(signer, signed, ended string) finding.Finding {
	return certificateEnded.New(finding.Arg("signer", signer), finding.Expected(signed, ended))
}

// LaterCertificate tells of a certificate that begins behind the time of this computer. The times are days.
func LaterCertificate(signer, now, begins string) finding.Finding {
	return certificateLater.New(finding.Arg("signer", signer), finding.Expected(now, begins))
}

// CertificateFor tells of a certificate that is for one purpose, and not for another one that devices may check for.
func CertificateFor(signer, other, purpose string) finding.Finding {
	return certificatePurpose.New(finding.Arg("signer", signer), finding.Expected(other, purpose))
}
