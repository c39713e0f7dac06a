// Package rescue is the main job: it ties the rooms below together, one step a function.
//
//	open    is it safe to read, is it the source of this case, is there room       (source.go)
//	take    every byte is read once: copied, hashed, swept for landmarks           (take.go)
//	find    tables, partitions, volumes                                            (find.go)
//	read    every file that a volume names, judged                                 (read.go)
//	carve   what no file system names any more                                     (carve.go)
//	save    the files, their hashes                                                (save.go)
//	report  what state things are in, what is safe, what is next                   (outcome.go)
//
// It promises that a job that was stopped in any way goes on where it was when it is started again with the
// same arguments, loses nothing that it had, and comes to the same end; that a source is opened for reading
// only; and that whatever happens, the answer says in what state things are, what is safe, and which step is
// next.
//
// It never asks a question, never repairs anything, and never deletes what it found. What each step has done
// stands in the case: the map, the hashes and the catalogue; a step that was not finished is done again, which
// changes nothing of what stands there.
package rescue
