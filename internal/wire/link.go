package wire

// Link is a line of type "link": the address that lets a browser into the graphical mode.
type Link struct {
	V    int    `json:"v"`
	Type string `json:"type"`
	URL  string `json:"url"`
	// Fingerprint is the SHA-256 of the certificate where other computers reach it, as browsers show it.
	Fingerprint string `json:"fingerprint,omitempty"`
}

// NewLink returns the line.
func NewLink(url string) Link { return Link{V: Version, Type: "link", URL: url} }
