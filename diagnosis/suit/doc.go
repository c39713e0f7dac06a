// Package suit says what was found in the vocabulary of SUIT reports, the one standard for failed updates:
// draft-ietf-suit-report-22 (reasons, keys), draft-ietf-suit-manifest-34 (sections, conditions) and
// draft-ietf-suit-trust-domains-12, 7.1 (candidate verification). The numbers of sections are those of IANA's registry of
// SUIT elements as of 2026-02-17 (16, 18, 20) and of libcsuit (7, 8, 9), which also has the reasons (0 to 12). The shared
// sequence has no number among a manifest's elements; it stands as 4, its key in SUIT_Common.
//
// It promises a SUIT_Report that decodes with these keys: a reference, records, and a result with a code, a record
// and a reason. What the vocabulary has no word for stands under the text key "salvor", as the draft's extension point
// allows. It never claims that a manifest was processed: most failed updates had none, so that the reference names no
// manifest, the record's offset and component are 0, and the report is not signed.
//
//	SUIT_Report = {
//	  99: ["", [-16, h'']],       reference: no manifest
//	  3: [],                      records
//	  4: {5: -1, 6: [...], 7: 10} result: code, record, reason
//	  "salvor": {...}
//	}
package suit
