package uefi

import (
	"encoding/binary"
	"fmt"
)

type guid [16]byte

// String writes a GUID as all who name one do.
func (g guid) String() string {
	le := binary.LittleEndian
	return fmt.Sprintf("%08x-%04x-%04x-%x-%x", le.Uint32(g[:]), le.Uint16(g[4:]), le.Uint16(g[6:]), g[8:10], g[10:])
}

// The file systems of volumes.
const (
	ffs1     = "7a9354d9-0468-444a-81ce-0bf617d890df"
	ffs2     = "8c8ce578-8a3d-4f1c-9935-896185c32dd3"
	ffs3     = "5473c07a-3dcb-4dca-bd6f-1e9689e7349a"
	nvram    = "fff12b8d-7696-4c8b-a985-2747075b4f50"
	appleFFS = "04adeead-61ff-4d31-b6ba-64f8bf901f5a"
)

var systems = map[string]string{ffs1: "FFS1", ffs2: "FFS2", ffs3: "FFS3", nvram: "variables", appleFFS: "Apple's"}

// The ways in which sections are packed.
const (
	sectionLZMA   = "ee4e5898-3914-4259-9d6e-dc7bd79403cf"
	sectionLZMA86 = "d42ae6bd-1352-4bfb-909a-ca72a6eae889"
	sectionTiano  = "a31280ad-481e-41b6-95e8-127f4c984779"
	sectionBrotli = "3d532050-5cda-4fd0-879e-0f7f630d5afb"
	sectionCRC32  = "fc1bcdb0-7d31-49aa-936a-a4600d9dd083"
)

var packed = map[string]string{sectionLZMA: "lzma", sectionLZMA86: "lzma with x86 filter", sectionTiano: "tiano", sectionBrotli: "brotli"}

// capsules are those that are known by their GUID; all others name the device that they are for.
var capsules = map[string]string{
	fmpCapsule:                             "firmware management",
	"3b6686bd-0d76-4030-b70e-b5519e2fc5a0": "EFI 1",
	"4a3ca68b-7723-48fb-803d-578cc1fec44d": "AMI, signed",
	"14eebb90-890a-43db-aed1-5d3c4588a418": "AMI",
	"539182b9-abb5-4391-b69a-e3a943f72fcc": "Intel",
	"e20bafd3-9914-4f4f-9537-3129e090eb3c": "Lenovo",
	"3b8c8162-188c-46a4-aec9-be43f1d65697": "picture for the screen",
}

const (
	fmpCapsule = "6dcbd5ed-e82d-4c44-bda1-7194199ad92a"
	certPKCS7  = "4aafd29d-68df-49ee-8aa9-347d375665a7"
)
