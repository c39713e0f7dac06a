package pgp

import (
	"bytes"

	"salvor/cursor"
)

// clear begins text with its signatures behind it.
var clear = []byte("-----BEGIN PGP SIGNED MESSAGE-----")

// clearText returns the text of a signed message, as it was before it was signed, and the armoured signatures.
func clearText(p []byte) (text, signatures []byte, err error) {
	_, p, ok := bytes.Cut(p, []byte("\n\n"))
	if carriage := bytes.Index(p, []byte("\r\n\r\n")); !ok && carriage >= 0 {
		p, ok = p[carriage+4:], true
	}
	at := bytes.Index(p, []byte("\n-----BEGIN PGP SIGNATURE-----"))
	if !ok || at < 0 {
		return nil, nil, cursor.Corrupt("OpenPGP signed text", 0, "headers, an empty line, text and a signature", "something else")
	}
	text = []byte{}
	for line := range bytes.SplitAfterSeq(p[:at+1], []byte("\n")) {
		text = append(text, bytes.TrimPrefix(line, []byte("- "))...)
	}
	return text, p[at+1:], nil
}

// canonical is the text as it is signed: without space at the end of lines, which end in CR LF but for the last.
func canonical(text []byte) []byte {
	var out []byte
	for i, line := range bytes.Split(bytes.TrimSuffix(text, []byte("\n")), []byte("\n")) {
		if i > 0 {
			out = append(out, '\r', '\n')
		}
		out = append(out, bytes.TrimRight(line, " \t\r")...)
	}
	return out
}
