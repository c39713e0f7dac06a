package suit

import (
	"encoding/binary"
	"fmt"
	"strings"
)

// The keys of a SUIT_Report.
const (
	keyRecords   = 3
	keyResult    = 4
	keyCode      = 5
	keyRecord    = 6
	keyReason    = 7
	keyReference = 99

	sha256Algorithm = -16 // of COSE
)

// Major types of CBOR (RFC 8949, 3.1).
const (
	majorUint  = 0 << 5
	majorNint  = 1 << 5
	majorBytes = 2 << 5
	majorText  = 3 << 5
	majorArray = 4 << 5
	majorMap   = 5 << 5
	simpleTrue = 0xf5
)

// encoder writes CBOR in the deterministic form of RFC 8949, 4.2: shortest lengths, keys in the order of their bytes.
type encoder []byte

func (e *encoder) head(major byte, n uint64) {
	switch {
	case n < 24:
		*e = append(*e, major|byte(n))
	case n <= 0xff:
		*e = append(*e, major|24, byte(n))
	case n <= 0xffff:
		*e = binary.BigEndian.AppendUint16(append(*e, major|25), uint16(n))
	default:
		*e = binary.BigEndian.AppendUint32(append(*e, major|26), uint32(n)) // texts are shorter than 4 GiB
	}
}

func (e *encoder) integer(n int) {
	if n < 0 {
		e.head(majorNint, uint64(-1-n))
		return
	}
	e.head(majorUint, uint64(n))
}

func (e *encoder) text(s string) {
	s = strings.ToValidUTF8(s, "\uFFFD")
	e.head(majorText, uint64(len(s)))
	*e = append(*e, s...)
}

// CBOR returns the SUIT_Report.
func (r *Report) CBOR() []byte {
	var e encoder
	e.head(majorMap, 4)
	e.integer(keyRecords)
	e.head(majorArray, 0)
	e.integer(keyResult)
	if r.Success {
		e = append(e, simpleTrue)
	} else {
		e.head(majorMap, 3)
		e.integer(keyCode)
		e.integer(r.Code)
		e.integer(keyRecord) // SUIT_Record: manifest ID, section, offset, component, properties
		e.head(majorArray, 5)
		e.head(majorArray, 0)
		e.integer(int(r.section))
		e.integer(0)
		e.integer(0)
		e.head(majorMap, 0)
		e.integer(keyReason)
		e.integer(int(r.reason))
	}
	e.integer(keyReference) // SUIT_Reference: URI and digest of a manifest; there was none
	e.head(majorArray, 2)
	e.text("")
	e.head(majorArray, 2)
	e.integer(sha256Algorithm)
	e.head(majorBytes, 0)
	e.text("salvor")
	e.head(majorArray, uint64(len(r.Words)))
	for _, c := range r.Words {
		e.head(majorArray, 3)
		e.text(c.Cause)
		e.text(c.Grade)
		e.text(c.Words)
	}
	return e
}

// Diagnostic returns the same in CBOR's diagnostic notation (RFC 8949, 8), with names as comments.
func (r *Report) Diagnostic() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("{")
	line("  / suit-report-records / 3: [],")
	if r.Success {
		line("  / suit-report-result / 4: true,")
	} else {
		line("  / suit-report-result / 4: {")
		line("    / suit-report-result-code / 5: %d,", r.Code)
		line("    / suit-report-result-record / 6: [")
		line("      / suit-record-manifest-id / [],")
		line("      / suit-record-manifest-section: %s / %d,", r.Section, int(r.section))
		line("      / suit-record-section-offset / 0,")
		line("      / suit-record-component-index / 0,")
		line("      / suit-record-properties / {}")
		line("    ],")
		words := r.Reason
		if r.Command != "" {
			words += " at " + r.Command
		}
		line("    / suit-report-result-reason: %s / 7: %d", words, int(r.reason))
		line("  },")
	}
	line(`  / suit-reference: no manifest / 99: ["", [-16, h'']],`)
	line(`  "salvor": [`)
	for i, c := range r.Words {
		comma := ","
		if i == len(r.Words)-1 {
			comma = ""
		}
		line("    [%s, %s, %s]%s", literal(c.Cause), literal(c.Grade), literal(c.Words), comma)
	}
	line("  ]")
	b.WriteString("}\n")
	return b.String()
}

// literal writes a text string as JSON does, which diagnostic notation takes.
func literal(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(s) + `"`
}
