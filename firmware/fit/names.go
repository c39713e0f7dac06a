package fit

import "salvor/firmware"

// kinds are the types of images: what U-Boot calls them, and what for they are.
var kinds = map[string]struct {
	title string
	role  firmware.Role
}{
	"kernel":        {"kernel", firmware.Kernel},
	"kernel_noload": {"kernel", firmware.Kernel},
	"x86_setup":     {"kernel's setup", firmware.Kernel},
	"ramdisk":       {"ramdisk", firmware.Ramdisk},
	"flat_dt":       {"device tree", firmware.DeviceTree},
	"firmware":      {"firmware", firmware.BootLoader},
	"firmware_ivt":  {"firmware", firmware.BootLoader},
	"tee":           {"trusted execution environment", firmware.BootLoader},
	"filesystem":    {"file system", firmware.RootFS},
	"script":        {"script", firmware.Script},
	"standalone":    {"program", firmware.Program},
	"fpga":          {"content of a gate array", firmware.Program},
	"copro":         {"program of a coprocessor", firmware.Program},
	"pmmc":          {"program of the power management", firmware.Program},
	"multi":         {"several files", firmware.Data},
}

// loaders are the systems whose images are boot loaders, whatever their type.
var loaders = []string{"u-boot", "arm-trusted-firmware", "opensbi", "efi", "tee"}

// architectures are the names that people and other formats use.
var architectures = map[string]string{
	"alpha": "Alpha", "arc": "ARC", "arm": "ARM", "arm64": "AArch64", "ia64": "IA64", "m68k": "M68K", "microblaze": "MicroBlaze", "mips": "MIPS",
	"mips64": "MIPS 64 bit", "nds32": "NDS32", "nios2": "Nios-II", "or1k": "OpenRISC 1000", "powerpc": "PowerPC", "ppc": "PowerPC", "riscv": "RISC-V",
	"s390": "IBM S390", "sh": "SuperH", "sparc": "SPARC", "sparc64": "SPARC 64 bit", "x86": "Intel x86", "x86_64": "AMD x86_64", "xtensa": "Xtensa",
}
