// Package plan says what to do after an update failed, in steps that lose nothing: what only reads comes before what can
// be taken back, and that before what cannot.
//
// It promises that the stages stand in one order ([Stages]); that each of them is a step or is left out with the reason;
// that nothing is tried again behind rollback protection or on storage that fails, nor written to a slot that is the
// last one without that being said; and that a factory reset is named only when a case was found to hold the files and
// every one of them is what it was when it was saved. It never runs anything.
//
// The steps are data: steps.yaml has them by stage, the most particular first; causes.yaml says of each cause when it
// strikes, what has to be done about it before another try, and how to prevent it.
package plan
