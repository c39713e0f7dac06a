// Package mapped makes a disk out of what a container says of each place of it: a format answers where the bytes of
// a place stand ([Layout]), and everything that the formats share is done here once: reading over borders, unpacking
// with a cache, the errors of the disk inside, and reading tables in pages.
//
// It promises:
//
//   - A [Disk] is a [block.Source] as the contract of package block says, for any layout.
//   - What a layout calls [Lost], what does not unpack, and what the files of the container cannot give, is
//     unreadable; it is never made of zeros.
//   - Memory is bounded: unpacked pieces are kept up to a number of bytes, pages of tables up to a number of pages.
//     Nothing is allocated by a number that was read, beyond [MaxUnit].
//
// It never writes, and never looks at what the bytes mean.
package mapped
