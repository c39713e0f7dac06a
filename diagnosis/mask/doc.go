// Package mask takes secrets out of text that is handed to others: keys, passwords, Wi-Fi names and keys, tokens, cookies,
// credentials in addresses, e-mail addresses, MAC addresses, serial numbers, IMEI.
//
// A secret is replaced by its kind and a number, "[mac-2]", the same value by the same one in all texts, so that it can
// still be seen that two lines speak of the same thing. Once a value was seen behind its name it is masked wherever else
// it stands, also written otherwise: without separators, in the other case, in percent-encoding, hex or base64.
//
// It promises that nothing that a rule finds is left in a text that [Masker.Mask] returns, after every text was shown to
// [Masker.Learn]; that the list names what was masked and never its value; and that time and memory grow with the text
// alone. It masks too much rather than too little. It cannot know a secret that no word beside it gives away: whoever
// sends a text looks through it first.
//
// Text is UTF-8 without escape sequences, as diagnosis/logs gives it; what is in other encodings has to be read by that
// package first.
package mask
