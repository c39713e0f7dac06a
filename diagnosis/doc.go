// Package diagnosis says why an update failed: it reads logs, facts and what a person typed against a base of
// rules, tells the story of the boots, weighs what stands for and against each cause, and answers with grades
// whose hit rates are measured.
//
// It promises that every quote has its place in an input, that the same inputs give the same answer, and
// that memory and time are bounded by rules and not by how hostile an input is. It never decides by a line
// that only says that something failed, never counts one rule twice for one cause, and never opens a file:
// whoever calls it hands it readers.
//
// The rules are data: see [salvor/diagnosis/knowledge] for their form.
package diagnosis
