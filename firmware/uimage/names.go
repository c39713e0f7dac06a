package uimage

import (
	"slices"

	"salvor/firmware"
)

// Types that are opened in a way of their own: ramdisks, and those that have a list of files; and the order in which bootm
// takes the files of several.
const (
	typeRamdisk = 3
	typeMulti   = 4
	typeScript  = 6
)

var multiRoles = []firmware.Role{firmware.Kernel, firmware.Ramdisk, firmware.DeviceTree}

// loaders are the systems whose images are boot loaders, whatever their type: U-Boot, Arm's trusted firmware, trusted
// execution environments, OpenSBI, EFI.
var loaders = []byte{17, 25, 26, 27, 28}

func text(names []string, n byte) string {
	if int(n) < len(names) {
		return names[n]
	}
	return ""
}

// The names of U-Boot's boot/image.c by their numbers.
var (
	systems = []string{"invalid system", "OpenBSD", "NetBSD", "FreeBSD", "4.4BSD", "Linux", "SVR4", "Esix", "Solaris", "Irix", "SCO", "Dell", "NCR",
		"LynxOS", "VxWorks", "pSOS", "QNX", "U-Boot", "RTEMS", "Artos", "Unity OS", "INTEGRITY", "OSE", "Plan 9", "OpenRTOS", "Arm Trusted Firmware",
		"Trusted Execution Environment", "RISC-V OpenSBI", "EFI firmware", "ELF"}
	architectures = []string{"invalid architecture", "Alpha", "ARM", "Intel x86", "IA64", "MIPS", "MIPS 64 bit", "PowerPC", "IBM S390", "SuperH", "SPARC",
		"SPARC 64 bit", "M68K", "Nios-II", "MicroBlaze", "Nios-II", "Blackfin", "AVR32", "STMicroelectronics ST200", "Sandbox", "NDS32", "OpenRISC 1000",
		"AArch64", "ARC", "AMD x86_64", "Xtensa", "RISC-V"}
	types = []string{"invalid image", "standalone program", "kernel image", "RAMDisk image", "multi-file image", "firmware", "script", "filesystem image",
		"flat device tree", "Kirkwood boot image", "Freescale i.MX boot image", "Davinci UBL image", "TI OMAP CH image", "TI AIS image",
		"kernel image (no loading done)", "Freescale PBL boot image", "Freescale MXS boot image", "TI Keystone SPL image", "TI ARMxx image", "Altera SoCFPGA CV/AV preloader",
		"Intel x86 setup.bin", "LPC32XX boot image", "loadable", "Rockchip boot image", "Rockchip SD boot image", "Rockchip SPI boot image", "Xilinx Zynq boot image",
		"Xilinx ZynqMP boot image", "Xilinx ZynqMP boot image (bif)", "FPGA image", "VYBRID .vyb image", "Trusted Execution Environment OS image", "firmware with IVT",
		"TI PMMC image", "STMicroelectronics STM32 image", "Altera SoCFPGA A10 preloader", "MediaTek bootloader image", "Freescale i.MX8M boot image",
		"Freescale i.MX8 boot image", "coprocessor image", "Allwinner eGON boot image", "Allwinner TOC0 boot image", "FDT legacy image"}
	ways = []string{"uncompressed", "gzip", "bzip2", "lzma", "lzo", "lz4", "zstd"}
)

// role says what a type of image of a system is for.
func role(kind, system byte) firmware.Role {
	if slices.Contains(loaders, system) && (kind == 1 || kind == 2 || kind == 14) {
		return firmware.BootLoader
	}
	switch kind {
	case 2, 14:
		return firmware.Kernel
	case 3:
		return firmware.Ramdisk
	case typeMulti:
		return firmware.Package
	case 5, 9, 10, 11, 12, 13, 15, 16, 17, 18, 19, 21, 23, 24, 25, 26, 27, 30, 32, 34, 35, 36, 37, 38, 40, 41:
		return firmware.BootLoader
	case typeScript:
		return firmware.Script
	case 7:
		return firmware.RootFS
	case 8, 42:
		return firmware.DeviceTree
	case 1:
		return firmware.Program
	}
	return firmware.Data
}
