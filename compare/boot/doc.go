// Package boot says which slot a device starts next, by what its boot loader reads: the environment of U-Boot, Android's
// misc partition, the attributes of GPT entries, the choice of ESP chips, the trailers of MCUboot, GRUB's environment,
// the counters of systemd-boot, and the files of the Raspberry Pi's firmware.
//
// It promises that a choice is told only where the structure's own sum holds, or where the structure has none and all
// its fields make sense; that every counter has its place; and that nothing is told of what a loader keeps elsewhere,
// such as EFI variables. It never writes, and never says whether a slot is good.
//
// Environments are read by package ubootenv. Followed: RAUC 1.8 (bootchooser), SWUpdate and Mender (names of variables),
// AOSP's bootloader_message.h and boot_control (bootable/recovery and hardware/interfaces), ChromiumOS' disk format,
// ESP-IDF 5.2 (esp_flash_partitions.h), MCUboot's design.md (version 2.1), GRUB 2.06 (grub-editenv), the Boot Loader
// Specification (UAPI.1) with its boot counting, and the Raspberry Pi's documentation of autoboot.txt.
package boot
