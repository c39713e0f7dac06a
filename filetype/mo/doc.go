// Package mo judges tables of translations (gettext).
//
// Both tables of texts are walked, every text must lie in the file and end with a zero, and the originals stand in the order
// of their bytes. A hash table must lie in the file. The end is the last byte that a table or a text
// reaches. There is no checksum: Consistent is the most that is said.
//
// Layout: DE 12 04 95, or the reverse where the high byte is first, revision(4), texts(4), places of the tables of
// originals(4) and of translations(4), size(4) and place(4) of the hash table; per text: length(4) place(4); texts,
// each with a zero behind it.
//
// Followed: GNU gettext 0.21, "The Format of GNU MO Files".
package mo
