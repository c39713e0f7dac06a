// Package suit says what was found in the vocabulary of SUIT reports, the one standard for failed updates:
// draft-ietf-suit-report (reasons, keys) and draft-ietf-suit-manifest with draft-ietf-suit-update-management (sections,
// conditions). Keys and reasons are as libcsuit encodes them; the numbers of sections are not held against the drafts' text.
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
