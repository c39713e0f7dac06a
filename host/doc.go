// Package host is the only room that asks the operating system: which disks there are and what holds them,
// raw opening, sector sizes, the read-only flag of a device, free space and limits of a target.
//
// It promises:
//
//   - A source is opened read-only, and nothing here has a way to write to it. The one thing that is ever
//     set on a source device is the system's own read-only flag ([LockReadOnly]), and it is put back.
//   - A device is read by a process of its own ([ServeReader]), which holds nothing but a read-only
//     descriptor. When a dying disk makes it hang, the parent gives up on that process, says
//     [block.Timeout] and goes on with a new one.
//   - Each refusal is a [*RefusedError] that says what is wrong and which step helps.
//   - What a system does not tell is "unknown", never a guess.
//   - Where this user may not read a device, sudo or pkexec start this program once more, which opens that one
//     device read-only and hands its descriptor over ([Rights]). Nothing else gets more rights than the user has.
//
// It never retries a read, never unmounts, never stops an array, never starts a helper program other than
// its own reader, sudo, pkexec and the desktop's browser, and never writes outside of a target that
// [Target.Probe] is called for.
//
// Linux is complete. On Windows and macOS image files work; a raw device is refused with a sentence that
// says how to make an image of it.
//
// # Where it looks
//
// Linux: /sys/class/block (see Documentation/ABI/stable/sysfs-block of the kernel), /proc/self/mountinfo
// (proc_pid_mountinfo(5)), /proc/swaps, /sys/fs/btrfs, ioctls of <linux/fs.h>. [System] takes another root,
// so that tests bring their own machine.
package host
