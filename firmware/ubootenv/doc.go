// Package ubootenv reads the environment of U-Boot: the variables by which it chooses what to boot, single or in two
// copies of which one is in force.
//
// It promises:
//
//   - An environment is only taken for sound when its CRC-32 fits, in either byte order, over one of the sizes that are
//     tried: every multiple of 64 bytes up to 1 MiB, and all that is there.
//   - Of one whose sum does not fit the variables are returned all the same, as what stands there, with an error.
//   - Which of two copies is in force is told by their sums first and by their flags second, as U-Boot itself does it;
//     where its ways differ by the kind of flash, that is told too.
//
// It never says what a variable means for an update: that is for whoever knows the updater.
//
// # Layout
//
//	0      CRC-32 of all behind it, or behind the flag, up to the end; in the byte order of the device
//	4      only where there are two copies: a flag. Either a number that grows with each writing and begins again behind
//	       255, or, on NOR flash, 1 for the copy in force and 0 for the other
//	4, 5   NAME=VALUE, each ended by 0; another 0; filled up with 0 or FF
//
// The size is that of the board's configuration and stands nowhere.
//
// # Sources
//
// Followed: U-Boot 2023.01, include/env_internal.h, env/common.c (env_check_redund), env/flash.c and tools/env/fw_env.c;
// mkenvimage of the same version and fw_setenv of libubootenv 0.3.2 make the fixtures, fw_printenv judges them.
package ubootenv
