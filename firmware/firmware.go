// Package firmware says what a reader of update packages and flash images is: a [Format] in a table, which gives a tree
// of [Part]s with every check that was made. Each format has a folder of its own below this one.
//
// It promises:
//
//   - A check is passed only when it was computed over the very bytes that the format names. What cannot be computed
//     is told with the reason, and never counts as passed.
//   - Without a key that the person or the device gives, no signature is ever called genuine.
//   - A weak magic never makes a finding: [Format.Look] checks what a header promises.
//   - Input is hostile: depth, number and size of parts are bounded by the [Opening].
//
// It never writes, and never decides alone which device is meant: [Match] compares with what is known of one.
package firmware

import (
	"context"
	"crypto"
	"crypto/x509"

	"salvor/block"
	"salvor/block/probe"
	"salvor/finding"
)

// Format is one row of the table of firmware formats.
type Format struct {
	Name  string // lower case: "uimage", "fit", "swu"
	Title string // for people: "U-Boot legacy image"
	// Probes find it anywhere in a flash dump. Each ID begins with "firmware.", Name and a dot. Empty for a format
	// without a magic that is worth looking for: it is then recognised at the start of a file only.
	Probes []probe.Probe
	// Look says whether an image begins at offset 0 of src, by all that its header promises. It reads at most 64 KiB,
	// and answers cursor.ErrNot for everything else.
	Look func(ctx context.Context, src block.Source) (Sighting, error)
	// Open reads the image at offset 0 of src with all its parts, and makes every check that needs no key. It
	// answers cursor.ErrNot when this is something else. What is broken inside is a failed check or a finding of the
	// part; a package that is broken beyond reading is a Part with a failed check.
	Open func(ctx context.Context, src block.Source, o *Opening) (*Part, error)
}

// Sighting is an image that was seen in a dump, by its header.
type Sighting struct {
	Title   string // for people: "Linux kernel, ARM, LZMA"
	Name    string // that it gives itself, hostile text
	Version string
	// Size is how long it is by its own word, in bytes; 0 when it does not say.
	Size int64
}

// Role says what a part is for.
type Role string

// The roles of parts.
const (
	Package    Role = "package"
	Kernel     Role = "kernel"
	RootFS     Role = "root file system"
	Ramdisk    Role = "ramdisk"
	DeviceTree Role = "device tree"
	BootLoader Role = "boot loader"
	Table      Role = "partition table"
	Settings   Role = "settings"
	Unique     Role = "data of this one unit" // calibration, addresses, serial number, keys
	Script     Role = "script"
	Metadata   Role = "metadata"
	Signed     Role = "signature"
	Program    Role = "program"
	Data       Role = "data"
)

// Part is a package, an image, or what stands in one.
type Part struct {
	Format string // the row's name; "" for bytes of no known format
	Title  string // for people
	Name   string // as the package calls it, hostile text
	Role   Role
	// Offset is on the parent, in bytes, but for an Unpacked part. Size is what is there, Announced what the package
	// says, 0 where it does not say.
	Offset, Size, Announced int64
	Source                  block.Source
	// Unpacked says that the bytes stand nowhere in the parent as they are: they came out of its compressed ones.
	Unpacked    bool
	Compression string // that the part is packed by: "gzip", "" for none
	Version     string
	// Unused are bytes of Source that nothing reads, such as the owners and times in an archive: whatever stands there,
	// the package installs the same. They need no check.
	Unused     block.Set
	Checks     []Check
	Signatures []Signature
	Claims     []Claim
	Installs   []Install
	Children   []*Part
	Findings   []finding.Finding
}

// Walk calls visit for p and everything below it, parents first, until visit returns false.
func (p *Part) Walk(visit func(p *Part, depth int) bool) { p.walk(visit, 0) }

func (p *Part) walk(visit func(*Part, int) bool, depth int) bool {
	if !visit(p, depth) {
		return false
	}
	for _, c := range p.Children {
		if !c.walk(visit, depth+1) {
			return false
		}
	}
	return true
}

// State says how a check ended.
type State uint8

// The ends of checks.
const (
	Passed State = iota + 1
	Failed
	// Cannot: the bytes, the key or the algorithm are not there; Check.Why says which.
	Cannot
)

var stateText = [...]string{Passed: "passed", Failed: "failed", Cannot: "cannot tell"}

func (s State) String() string {
	if int(s) < len(stateText) && s > 0 {
		return stateText[s]
	}
	return "unknown"
}

// Check is a sum, a size or a promise of the format that was held against the bytes.
type Check struct {
	What   string // "header", "data", "root file system": what is checked
	Method string // "CRC-32", "SHA-256", "size"
	State  State
	// Extent is what the check covers, on the part's Source, in bytes. Strong says that a changed byte anywhere in it
	// would be seen: by a sum over it, or because the format forces its value. A check that Cannot be made and covers
	// nothing is about what lies elsewhere; one that covers bytes which another sum proves says nothing against them.
	Extent          block.Extent
	Strong          bool
	Expected, Found string // side by side; hex in lower case for sums
	Why             string // for Cannot, and what a failure means: "the file ends inside of it"
}

// Signature is a signature by the package's word, and what became of it.
type Signature struct {
	What   string // what it covers: "configuration conf-1", "the whole bundle"
	Method string // "RSA-2048 with SHA-256, PKCS#1"
	Signer string // who it says it is: a certificate's subject, a key's ID
	// NotBefore and NotAfter are those of the certificate, RFC 3339; "" without one.
	NotBefore string
	NotAfter  string
	Weak      string // why the algorithm is weak; "" when it is not
	State     State
	Key       string // the name of the key that it was checked with
	Why       string
	// Partial says that it covers less than the part it stands on, so that the part is not genuine by it alone.
	Partial bool
}

// ClaimKind says what a claim is about.
type ClaimKind string

// The kinds of claims about the device that a package is for.
const (
	Compatible     ClaimKind = "compatible"       // device tree, RAUC, FIT
	Board          ClaimKind = "board"            // supported_devices, board names, product codes
	Hardware       ClaimKind = "hardware"         // revision
	Chip           ClaimKind = "chip"             // processor, family, chip ID
	Architecture   ClaimKind = "architecture"     // of programs
	Region         ClaimKind = "region"           //
	FlashSize      ClaimKind = "flash size"       // bytes, decimal
	LeastVersion   ClaimKind = "least version"    // that must be installed before
	Rollback       ClaimKind = "rollback counter" // not below what the device has
	CompatVersion  ClaimKind = "compat version"   // of OpenWrt
	LeastLoader    ClaimKind = "least boot loader"
	ExactSource    ClaimKind = "source version" // a delta that fits this one only
	KeepsSettings  ClaimKind = "keeps settings"
	NewerThanBuild ClaimKind = "build time" // seconds since 1970
	USB            ClaimKind = "USB ID"     // vendor:product, four lower-case hex digits each
	Family         ClaimKind = "UF2 family" // 0x and eight hex digits
	Product        ClaimKind = "product ID" // of a maker's own header: 0x and hex digits
	GUID           ClaimKind = "GUID"       // of an ESRT entry or fwupd device, lower case with dashes
)

// Claim is what a package says of the device that it is for. The device must have one of the values.
type Claim struct {
	Kind   ClaimKind
	Values []string
}

// Install is what a part becomes on the device.
type Install struct {
	Where  string // partition, volume, slot class or address, as the package names it
	Needs  int64  // bytes there
	During int64  // bytes elsewhere while it is installed; 0 when not known
	Loader bool   // it replaces a boot loader
	Unique bool   // it writes over data of this one unit
}

// Key is a public key that signatures are checked with.
type Key struct {
	Name        string // its file's name
	Public      crypto.PublicKey
	Certificate *x509.Certificate // nil for a bare key
	// ID is the number by which usign, signify and minisign name a key; nil for others.
	ID []byte
	// OpenPGP are the packets of OpenPGP keys, armoured or not, as they stand in the file; nil for others, and then
	// Public is set.
	OpenPGP []byte
}
