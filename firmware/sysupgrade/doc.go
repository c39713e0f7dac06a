// Package sysupgrade reads OpenWrt's archives for devices whose kernel and root file system go to places of their own.
//
// It promises that the board is the one which the archive names, in both ways in which boards are written, and that the
// file CONTROL says the same. Kernel and root file system have no check of their own here: what they are tells.
//
// # Layout
//
//	tar archive (GNU): sysupgrade-BOARD/, sysupgrade-BOARD/CONTROL ("BOARD=" and the name), dtb, kernel, ramdisk, root
//
// A root file system of squashfs is filled up to 1 KiB with zeros.
//
// # Sources
//
// Followed: scripts/sysupgrade-tar.sh and package/base-files/files/lib/upgrade/nand.sh of OpenWrt 23.05. GNU tar makes the
// archives of the tests by the commands of that script.
package sysupgrade
