// Package wire holds the JSON that scripts see: one Go type for each type of line that a verb prints with
// --json, and the same objects inside report.json. docs/json.md describes them, docs/schema.json is their
// schema, and a test holds both together.
//
// It promises that each line is one object with "v" and "type", that numbers of bytes are integers, that
// times are RFC 3339 in the zone that the file system gave, and that no line holds a control character or
// one that changes the direction of text other than as an escape, so that a terminal shows what is there.
// Fields are only ever added.
//
// It never judges and never reads: what is in a line was found by the rooms below.
package wire

// Version is the value of "v" in each line.
const Version = 1
