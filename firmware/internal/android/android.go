// Package android knows what partitions of Android devices are for, by their names.
//
// It promises to know only what several makers call alike: a name that it does not know is data.
package android

import (
	"slices"
	"strings"

	"salvor/firmware"
)

// loaders are partitions without which a device does not start at all.
var loaders = []string{"abl", "xbl", "xbl_config", "xbl_ramdump", "aboot", "sbl1", "sbl2", "sbl3", "tz", "rpm", "hyp", "bootloader", "preloader", "preloader_raw", "lk", "lk2",
	"uboot", "u-boot", "trust", "tee", "tee1", "tee2", "bl1", "bl2", "bl31", "pbl", "fbl", "ldfw", "gsa", "tzsw", "uefi", "cmnlib", "cmnlib64", "keymaster", "devcfg", "spl", "sml",
	"mlo", "xloader", "fastboot", "sboot", "cm", "up_param", "imagefv", "aop", "shrm", "multiimgoem", "qupfw", "cpucp", "featenabler"}

// units are partitions with what only one device has: calibration, addresses, serial numbers, keys.
var units = []string{"persist", "efs", "modemst1", "modemst2", "fsg", "fsc", "nvram", "nvdata", "nvcfg", "protect1", "protect2", "protect_f", "protect_s", "proinfo", "persistbak", "devinfo",
	"seccfg", "sec_efs", "frp", "oeminfo", "factory", "miscta", "ta", "prodnv", "l_fixnv1", "l_fixnv2", "l_runtimenv1", "l_runtimenv2", "deviceinfo", "bluetooth_mac", "wifi_mac", "keystore"}

// Plain returns the name of a partition without its slot, in lower case: "boot" for "boot_a".
func Plain(partition string) string {
	name := strings.ToLower(partition)
	if base, ok := strings.CutSuffix(name, "_a"); ok {
		return base
	}
	if base, ok := strings.CutSuffix(name, "_b"); ok {
		return base
	}
	return name
}

// Loader reports whether a partition holds a boot loader, or what starts before one.
func Loader(partition string) bool { return slices.Contains(loaders, Plain(partition)) }

// Unique reports whether a partition holds data of one unit.
func Unique(partition string) bool { return slices.Contains(units, Plain(partition)) }

// Role says what a partition is for.
func Role(partition string) firmware.Role {
	name := Plain(partition)
	switch {
	case Loader(name):
		return firmware.BootLoader
	case Unique(name):
		return firmware.Unique
	case name == "boot" || name == "recovery":
		return firmware.Kernel
	case name == "init_boot" || name == "vendor_boot" || name == "vendor_kernel_boot":
		return firmware.Ramdisk
	case name == "dtbo" || name == "dtb" || name == "dt":
		return firmware.DeviceTree
	case strings.HasPrefix(name, "vbmeta"):
		return firmware.Metadata
	case name == "system" || name == "super":
		return firmware.RootFS
	case name == "gpt" || name == "partition" || name == "pgpt":
		return firmware.Table
	}
	return firmware.Data
}

// Install is where a partition's image goes.
func Install(partition string, size int64) firmware.Install {
	return firmware.Install{Where: partition, Needs: size, Loader: Loader(partition), Unique: Unique(partition)}
}
