package wire

import (
	"salvor/firmware"
)

// Part is a line of type "part": a package, an image, or what stands in one.
type Part struct {
	V           int             `json:"v"`
	Type        string          `json:"type"`
	ID          string          `json:"id"` // "0", "0.2.1": the numbers of the parts above it and its own
	Format      string          `json:"format"`
	Title       string          `json:"title"`
	Name        string          `json:"name"`
	Role        string          `json:"role"`
	Offset      int64           `json:"offset"` // on the part above it
	Size        int64           `json:"size"`
	Announced   int64           `json:"announced,omitempty"`
	Unpacked    bool            `json:"unpacked,omitempty"`
	Compression string          `json:"compression,omitempty"`
	Version     string          `json:"version,omitempty"`
	SHA256      string          `json:"sha256,omitempty"`
	Path        string          `json:"path,omitempty"` // where the verb unpack wrote it, below its folder
	Checks      []PartCheck     `json:"checks"`
	Signatures  []PartSignature `json:"signatures,omitempty"`
	Claims      []PartClaim     `json:"claims,omitempty"`
	Installs    []PartInstall   `json:"installs,omitempty"`
	Findings    []Finding       `json:"findings,omitempty"`
}

// PartCheck is a check of a part.
type PartCheck struct {
	What     string `json:"what"`
	Method   string `json:"method"`
	State    string `json:"state"`
	Offset   int64  `json:"offset"`
	Size     int64  `json:"size"`
	Expected string `json:"expected"`
	Found    string `json:"found"`
	Why      string `json:"why,omitempty"`
}

// PartSignature is a signature of a part.
type PartSignature struct {
	What      string `json:"what"`
	Method    string `json:"method"`
	State     string `json:"state"`
	Signer    string `json:"signer,omitempty"`
	NotBefore string `json:"not_before,omitempty"`
	NotAfter  string `json:"not_after,omitempty"`
	Weak      string `json:"weak,omitempty"`
	Key       string `json:"key,omitempty"`
	Why       string `json:"why,omitempty"`
}

// PartClaim is what a part says of the device that it is for.
type PartClaim struct {
	Kind   string   `json:"kind"`
	Values []string `json:"values"`
}

// PartInstall is where a part goes.
type PartInstall struct {
	Where  string `json:"where"`
	Needs  int64  `json:"needs"`
	During int64  `json:"during,omitempty"`
	Loader bool   `json:"loader,omitempty"`
	Unique bool   `json:"unique,omitempty"`
}

// FromPart returns the line of p.
func FromPart(id string, p *firmware.Part) Part {
	out := Part{V: Version, Type: "part", ID: id, Format: p.Format, Title: p.Title, Name: p.Name, Role: string(p.Role), Offset: p.Offset, Size: p.Size,
		Announced: p.Announced, Unpacked: p.Unpacked, Compression: p.Compression, Version: p.Version, Checks: []PartCheck{}}
	for _, c := range p.Checks {
		out.Checks = append(out.Checks, PartCheck{What: c.What, Method: c.Method, State: c.State.String(), Offset: c.Extent.Offset, Size: c.Extent.Length, Expected: c.Expected, Found: c.Found, Why: c.Why})
	}
	for _, s := range p.Signatures {
		out.Signatures = append(out.Signatures, PartSignature{What: s.What, Method: s.Method, State: s.State.String(), Signer: s.Signer, NotBefore: s.NotBefore, NotAfter: s.NotAfter, Weak: s.Weak, Key: s.Key, Why: s.Why})
	}
	for _, c := range p.Claims {
		out.Claims = append(out.Claims, PartClaim{Kind: string(c.Kind), Values: append([]string{}, c.Values...)})
	}
	for _, i := range p.Installs {
		out.Installs = append(out.Installs, PartInstall{Where: i.Where, Needs: i.Needs, During: i.During, Loader: i.Loader, Unique: i.Unique})
	}
	for _, f := range p.Findings {
		out.Findings = append(out.Findings, FromFinding(f))
	}
	return out
}

// Check is a line of type "check": one of the three questions about a package, with the weightiest reason as data.
type Check struct {
	V        int      `json:"v"`
	Type     string   `json:"type"`
	Question string   `json:"question"` // whole, genuine, fits
	Answer   string   `json:"answer"`   // OK, NO, CANNOT TELL
	Format   string   `json:"format"`
	Region   string   `json:"region"`
	Offset   int64    `json:"offset"` // in the file; -1 where there is no place
	Size     int64    `json:"size"`
	Expected string   `json:"expected"`
	Found    string   `json:"found"`
	Words    string   `json:"words"`
	Reasons  []string `json:"reasons"` // all, that of words first
}

// NewCheck returns the line of a verdict.
func NewCheck(question string, v firmware.Verdict) Check {
	return Check{V: Version, Type: "check", Question: question, Answer: v.Answer.String(), Format: v.Lead.Format, Region: v.Lead.Region, Offset: v.Lead.Offset, Size: v.Lead.Size,
		Expected: v.Lead.Expected, Found: v.Lead.Found, Words: v.Reasons[0], Reasons: append([]string{}, v.Reasons...)}
}

// Device is a line of type "device": what is known of the device that a medium comes from.
type Device struct {
	V      int             `json:"v"`
	Type   string          `json:"type"`
	Device firmware.Record `json:"device"`
	From   []string        `json:"from"` // where each fact stands, in words
}

// FromDevice returns the line of d.
func FromDevice(d *firmware.Device) Device {
	out := Device{V: Version, Type: "device", Device: d.Record(), From: []string{}}
	for _, f := range d.Facts {
		out.From = append(out.From, string(f.Kind)+" "+f.Value+": "+f.From)
	}
	return out
}

// WayStep is a line of type "way": a package to install on the way to the one that was asked for.
type WayStep struct {
	V       int    `json:"v"`
	Type    string `json:"type"`
	Name    string `json:"name"`
	Version string `json:"version"`
}

// NewWayStep returns the line of s.
func NewWayStep(s firmware.Step) WayStep {
	return WayStep{V: Version, Type: "way", Name: s.Name, Version: s.Version}
}

// Image is a line of type "image": firmware that stands somewhere on a medium.
type Image struct {
	V       int    `json:"v"`
	Type    string `json:"type"`
	Source  int    `json:"source"`
	Offset  int64  `json:"offset"`
	Size    int64  `json:"size"` // by its own word; 0 when it does not say
	Format  string `json:"format"`
	Title   string `json:"title"`
	Name    string `json:"name,omitempty"`
	Version string `json:"version,omitempty"`
	Cut     bool   `json:"cut,omitempty"` // the medium ends before it does
}
