// Package containertest is the suite that every reader of containers is held to ([Run]), and what its tests share: a
// disk whose content is known ([Disk]), files of an image that stand in memory ([Folder]), and the tools that make
// images ([Tool]).
//
// The suite asks whether the disk reads as the truth has it, by the contract of [block.Source]; what happens when a
// file of the image is missing or cut, and when random bytes of it are overwritten: nothing may panic, hang or take
// memory by numbers that were read, and a cut file never gives wrong bytes.
//
// Nothing here is used outside of tests.
package containertest
