package host

import (
	"encoding/binary"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// checkDescriptor refuses a descriptor that can write.
func checkDescriptor(fd int) error {
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	if err == nil && flags&unix.O_ACCMODE != unix.O_RDONLY {
		err = errWritable
	}
	return err
}

// sgHeader is struct sg_io_hdr of <scsi/sg.h>, version 3.
type sgHeader struct {
	interfaceID, direction               int32
	commandLen, senseLen                 uint8
	vectors                              uint16
	length                               uint32
	data, command, sense                 uintptr
	timeout, flags                       uint32 // milliseconds
	packID                               int32
	user                                 uintptr
	status, maskedStatus, message, wrote uint8
	hostStatus, driverStatus             uint16
	residual                             int32
	duration, info                       uint32
}

const (
	sgIO         = 0x2285
	sgNone       = -1
	sgFromDevice = -3
	sgTimeout    = 5000 // milliseconds
)

// scsiCommand sends a command that gives data or, with none, only a status. It returns the sense data and whether the
// command was carried out.
func scsiCommand(fd int, command, data []byte) (sense []byte, ok bool) {
	sense = make([]byte, 64)
	var pin runtime.Pinner
	defer pin.Unpin()
	pin.Pin(&sense[0])
	pin.Pin(&command[0])
	h := sgHeader{interfaceID: 'S', direction: sgNone, commandLen: uint8(len(command)), senseLen: uint8(len(sense)),
		command: uintptr(unsafe.Pointer(&command[0])), sense: uintptr(unsafe.Pointer(&sense[0])), timeout: sgTimeout}
	if len(data) > 0 {
		pin.Pin(&data[0])
		h.direction, h.length, h.data = sgFromDevice, uint32(len(data)), uintptr(unsafe.Pointer(&data[0]))
	}
	if _, _, e := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), sgIO, uintptr(unsafe.Pointer(&h))); e != 0 {
		return nil, false
	}
	return sense[:min(int(h.wrote), len(sense))], h.status == 0 && h.hostStatus == 0 && h.driverStatus&0x0F == 0
}

// Features of the ATA command SMART (ACS-3, 7.48), and its signature in the LBA registers.
const (
	ataSMART           = 0xB0
	smartReadData      = 0xD0
	smartThresholds    = 0xD1
	smartReturnStatus  = 0xDA
	ataPassThrough16   = 0x85
	scsiLogSense       = 0x4D
	scsiReadDefectData = 0x37
	checkCondition     = 0x20 // CK_COND of pass-through: give the registers back
)

// ataPass builds an ATA PASS-THROUGH (16) of the command SMART (SAT-3, 12.2).
func ataPass(feature byte, reads bool) []byte {
	c := make([]byte, 16)
	c[0] = ataPassThrough16
	c[1], c[2] = 3<<1, checkCondition // no data
	if reads {
		c[1], c[2], c[6] = 4<<1, 0x0E, 1 // PIO in, one block
	}
	c[4], c[8], c[10], c[12], c[14] = feature, 1, 0x4F, 0xC2, ataSMART
	return c
}

// askDevice asks the disk of the descriptor for all that its kind knows.
func askDevice(fd int, transport string) healthPages {
	p := healthPages{GrownDefects: -1}
	switch transport {
	case "nvme":
		p.NVMe = nvmeLog(fd)
	case "sata":
		askATA(fd, &p)
	case "scsi":
		if !askSCSI(fd, &p) {
			askATA(fd, &p) // behind a SAS controller
		}
	}
	return p
}

func askATA(fd int, p *healthPages) {
	for feature, to := range map[byte]*[]byte{smartReadData: &p.ATAData, smartThresholds: &p.ATAThresholds} {
		page := make([]byte, 512)
		if _, ok := scsiCommand(fd, ataPass(feature, true), page); ok {
			*to = page
		}
	}
	sense, _ := scsiCommand(fd, ataPass(smartReturnStatus, false), nil)
	p.ATAStatus = ataStatus(sense)
}

// ataStatus reads the registers out of the ATA status return descriptor (SAT-3, 12.2.2.6): the LBA says good or failing.
func ataStatus(sense []byte) int {
	if len(sense) < 22 || sense[0]&0x7F != 0x72 || sense[8] != 0x09 {
		return 0
	}
	switch mid, high := sense[8+9], sense[8+11]; {
	case mid == 0x4F && high == 0xC2:
		return 1
	case mid == 0xF4 && high == 0x2C:
		return 2
	}
	return 0
}

func askSCSI(fd int, p *healthPages) bool {
	for _, page := range []uint8{0x02, 0x03, 0x05, 0x0D, 0x11, 0x2F} {
		b := make([]byte, 4096)
		c := []byte{scsiLogSense, 0, 0x40 | page, 0, 0, 0, 0, 0, 0, 0}
		binary.BigEndian.PutUint16(c[7:], uint16(len(b)))
		if _, ok := scsiCommand(fd, c, b); ok && b[0]&0x3F == page {
			if p.SCSI == nil {
				p.SCSI = map[uint8][]byte{}
			}
			p.SCSI[page] = b[:min(len(b), 4+int(binary.BigEndian.Uint16(b[2:])))]
		}
	}
	// The head of the grown list alone: its length in bytes, of 8 for each defect.
	b := make([]byte, 4)
	if _, ok := scsiCommand(fd, []byte{scsiReadDefectData, 0, 0x08 | 0x05, 0, 0, 0, 0, 0, 4, 0}, b); ok && b[1]&0x08 != 0 {
		p.GrownDefects = int64(binary.BigEndian.Uint16(b[2:])) / 8
	}
	return len(p.SCSI) > 0
}

// nvmeAdmin is struct nvme_admin_cmd of <linux/nvme_ioctl.h>.
type nvmeAdmin struct {
	opcode, flags                            uint8
	_                                        uint16
	nsid, cdw2, cdw3                         uint32
	metadata, addr                           uint64
	metadataLen, dataLen                     uint32
	cdw10, cdw11, cdw12, cdw13, cdw14, cdw15 uint32
	timeout, result                          uint32 // milliseconds
}

const (
	nvmeGetLogPage  = 0x02
	nvmeHealthLog   = 0x02
	nvmeAllSpaces   = 0xFFFFFFFF
	nvmeAdminIOCTL  = 0xC0484E41
	nvmeHealthBytes = 512
)

// nvmeLog returns the health log page; nil when there is none.
func nvmeLog(fd int) []byte {
	b := make([]byte, nvmeHealthBytes)
	var pin runtime.Pinner
	defer pin.Unpin()
	pin.Pin(&b[0])
	c := nvmeAdmin{opcode: nvmeGetLogPage, nsid: nvmeAllSpaces, addr: uint64(uintptr(unsafe.Pointer(&b[0]))), dataLen: nvmeHealthBytes,
		cdw10: nvmeHealthLog | (nvmeHealthBytes/4-1)<<16, timeout: sgTimeout}
	if _, _, e := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), nvmeAdminIOCTL, uintptr(unsafe.Pointer(&c))); e != 0 {
		return nil
	}
	return b
}
