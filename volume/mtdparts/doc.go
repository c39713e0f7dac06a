// Package mtdparts reads partition tables that are a text: "mtdparts=" in the parameter block of Rockchip's
// devices and in the environment of U-Boot.
//
// It promises to take the text of a parameter block for valid only when its checksum agrees, and that of an environment
// only when the environment's does; to return both readings of a parameter block whose offsets may count from the
// start of the medium or from the block's own place; and to return a text without a valid check with a
// finding. It never takes an environment's text that names another medium than the first for this one.
//
// A parameter block, in sectors 0, 0x2000 and in copies behind them:
//
//	0   "PARM"   4  length of the text   8  text   then a checksum of 32 bits of the text
//
// with the line CMDLINE:... mtdparts=NAME:SIZE@START(LABEL),... in sectors of 512 bytes. In an environment sizes are
// bytes with k, m or g behind them, and a partition without a start follows the one before it.
//
// Followed: Rockchip's "Parameter file format" and the Linux kernel's documentation of mtdparts (cmdlinepart.c), and
// U-Boot's documentation of its environment. Not checked against the maker's tool.
package mtdparts
