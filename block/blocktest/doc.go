// Package blocktest tests implementations of [block.Source], and holds the sources that other tests need:
// faulty, coarse, slow, flaky, vanishing and counting ones.
//
// [Run] is the conformance suite. Every package that implements a Source calls it from its test with a
// source, the bytes that the source must give, and the bytes that it must refuse. The wrappers pass the
// suite themselves, so that whatever is tested on them is tested on a source that keeps the contract.
//
// Nothing here is used outside of tests.
package blocktest
