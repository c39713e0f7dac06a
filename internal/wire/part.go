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
	What     string `json:"what"`
	Method   string `json:"method"`
	State    string `json:"state"`
	Signer   string `json:"signer,omitempty"`
	NotAfter string `json:"not_after,omitempty"`
	Weak     string `json:"weak,omitempty"`
	Key      string `json:"key,omitempty"`
	Why      string `json:"why,omitempty"`
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
		out.Signatures = append(out.Signatures, PartSignature{What: s.What, Method: s.Method, State: s.State.String(), Signer: s.Signer, NotAfter: s.NotAfter, Weak: s.Weak, Key: s.Key, Why: s.Why})
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

// Answer is a line of type "answer": one of the three questions about a package.
type Answer struct {
	V        int      `json:"v"`
	Type     string   `json:"type"`
	Question string   `json:"question"` // whole, genuine, for-this-device
	Answer   string   `json:"answer"`   // ok, no, cannot-tell
	Reasons  []string `json:"reasons"`
}

// NewAnswer returns the line of a verdict.
func NewAnswer(question string, v firmware.Verdict) Answer {
	word := "cannot-tell"
	switch v.Answer {
	case firmware.OK:
		word = "ok"
	case firmware.No:
		word = "no"
	}
	return Answer{V: Version, Type: "answer", Question: question, Answer: word, Reasons: append([]string{}, v.Reasons...)}
}
