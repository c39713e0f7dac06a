package gpt

import "fmt"

// chromeKernel is the type of a kernel of ChromeOS, whose attributes choose what is booted.
const chromeKernel = "FE3A2A5D-4F32-41A7-B725-ACCC3285A309"

// Attributes that every type has, by their bits; the bits from 48 on belong to the type.
var common = map[int]string{0: "required by the platform", 1: "not for the firmware", 2: "legacy bootable"}

// Attributes that the types of data partitions of Windows and Linux share.
var data = map[int]string{60: "read-only", 62: "hidden", 63: "not mounted by itself"}

// notes says for people what the attributes of an entry mean.
func notes(s slot) []string {
	var out []string
	for bit := range 3 {
		if s.attributes>>bit&1 != 0 {
			out = append(out, common[bit])
		}
	}
	if s.kind.String() == chromeKernel {
		// The bootloader takes the highest priority that either booted before or has tries left.
		out = append(out, fmt.Sprintf("priority %d", s.attributes>>48&15), fmt.Sprintf("%d tries left", s.attributes>>52&15))
		if s.attributes>>56&1 != 0 {
			return append(out, "booted before")
		}
		return append(out, "never booted")
	}
	for bit := 60; bit < 64; bit++ {
		if text := data[bit]; text != "" && s.attributes>>bit&1 != 0 {
			out = append(out, text)
		}
	}
	return out
}
