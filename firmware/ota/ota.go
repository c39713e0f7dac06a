package ota

import (
	"context"
	"path"
	"slices"
	"strings"

	"salvor/block"
	"salvor/cursor"
	"salvor/finding"
	"salvor/firmware"
	"salvor/firmware/internal/android"
	"salvor/firmware/internal/avbmeta"
	"salvor/firmware/internal/zipfile"
)

// Paths of members with a meaning.
const (
	metadataPath   = "META-INF/com/android/metadata"
	metadataPBPath = "META-INF/com/android/metadata.pb"
	scriptPath     = "META-INF/com/google/android/updater-script"
	binaryPath     = "META-INF/com/google/android/update-binary"
	propertiesPath = "payload_properties.txt"
	payloadPath    = "payload.bin"
	infoPath       = "android-info.txt"
)

// Findings are the kinds of finding that this package raises.
var Findings = []*finding.Def{wipes, downgrades, baseband, incremental, serials, runs}

var (
	wipes       = &finding.Def{Code: "ota.wipe", Severity: finding.Warning, Text: "installing the package erases the user's data on the device"}
	downgrades  = &finding.Def{Code: "ota.downgrade", Severity: finding.Warning, Text: "the package is a step back to an older system, and says so"}
	baseband    = &finding.Def{Code: "ota.baseband", Severity: finding.Info, Text: "the device must have the baseband {expected}"}
	incremental = &finding.Def{Code: "ota.incremental", Severity: finding.Warning,
		Text: "partition {name} is made from its old content: {count} of {all} steps need what stands there now"}
	serials = &finding.Def{Code: "ota.serial", Severity: finding.Warning, Text: "the package is for the devices with these serial numbers only: {expected}"}
	runs    = &finding.Def{Code: "ota.program", Severity: finding.Info, Text: "the recovery runs {name} of the package, which can do more than its script says"}
)

// Formats are the rows of this package in the table of firmware formats.
func Formats() []firmware.Format {
	return []firmware.Format{
		{Name: "android-ota", Title: "Android update package", Look: looker(isUpdate, "Android update package"), Open: openUpdate},
		{Name: "android-images", Title: "Android images for fastboot", Look: looker(isImages, "Android images for fastboot"), Open: openImages},
		{Name: "samsung-tar", Title: "Samsung firmware with an MD5", Look: lookSamsung, Open: openSamsung},
	}
}

// names are the paths of an archive's members.
type names map[string]bool

func namesOf(a *zipfile.Archive) names {
	n := names{}
	for i := range a.Members {
		n[a.Members[i].Name] = true
	}
	return n
}

func isUpdate(n names) bool {
	return n[metadataPath] || n[metadataPBPath] || n[scriptPath] || n[binaryPath] || n[payloadPath] && n[propertiesPath]
}

func isImages(n names) bool {
	if n[infoPath] {
		return true
	}
	images, flash := false, false
	for name := range n {
		base := path.Base(name)
		images = images || strings.HasPrefix(base, "image-") && strings.HasSuffix(base, ".zip")
		flash = flash || strings.HasPrefix(base, "flash-all.")
	}
	return images && flash
}

func looker(is func(names) bool, title string) func(context.Context, block.Source) (firmware.Sighting, error) {
	return func(ctx context.Context, src block.Source) (firmware.Sighting, error) {
		a, err := zipfile.Read(ctx, src)
		if err != nil {
			return firmware.Sighting{}, err
		}
		if !is(namesOf(a)) {
			return firmware.Sighting{}, cursor.ErrNot
		}
		return firmware.Sighting{Title: title, Size: a.End}, nil
	}
}

// pkg is a package that is being opened.
type pkg struct {
	*zipfile.Archive
	part  *firmware.Part
	parts map[string]*firmware.Part // by their paths
}

// open opens all members of an archive. at gives the place among them of each.
func open(ctx context.Context, src block.Source, o *firmware.Opening, is func(names) bool, title string) (*pkg, error) {
	a, err := zipfile.Read(ctx, src)
	if err != nil {
		return nil, err
	}
	if !is(namesOf(a)) {
		return nil, cursor.ErrNot
	}
	p := &pkg{Archive: a, part: &firmware.Part{Title: title, Role: firmware.Package}, parts: map[string]*firmware.Part{}}
	p.part.Checks = append(p.part.Checks, a.Checks(src)...)
	for i := range a.Members {
		if m := &a.Members[i]; !m.Folder() && ctx.Err() == nil {
			child := m.Open(ctx, src, o, role(m.Name))
			p.part.Children = append(p.part.Children, child)
			if p.parts[m.Name] == nil {
				p.parts[m.Name] = child
			}
		}
	}
	return p, ctx.Err()
}

// role says what a member is for, by its name.
func role(name string) firmware.Role {
	base := strings.ToLower(path.Base(name))
	switch {
	case base == payloadPath || strings.HasSuffix(base, ".zip"):
		return firmware.Package
	case strings.HasPrefix(base, "bootloader-") || strings.HasPrefix(base, "bootloader."):
		return firmware.BootLoader
	case base == "updater-script" || strings.HasSuffix(base, ".sh") || strings.HasSuffix(base, ".bat"):
		return firmware.Script
	case base == "update-binary":
		return firmware.Program
	case strings.HasSuffix(base, ".x509.pem") || strings.HasSuffix(base, ".rsa") || strings.HasSuffix(base, ".sf"):
		return firmware.Signed
	case strings.HasPrefix(name, "META-INF/") || strings.HasSuffix(base, ".txt") || strings.HasSuffix(base, ".transfer_list"):
		return firmware.Metadata
	case strings.HasSuffix(base, ".img"):
		return android.Role(avbmeta.Partition(base))
	}
	return firmware.Data
}

// content is the part that has the content of a member, behind its compression.
func content(p *firmware.Part) *firmware.Part {
	if p.Compression != "" && len(p.Children) > 0 && p.Children[0].Unpacked {
		return p.Children[0]
	}
	return p
}

// text is the content of a small member; "" when there is none, or it is not whole.
func (p *pkg) text(name string) string {
	x := p.parts[name]
	if x == nil {
		return ""
	}
	for _, c := range x.Checks {
		if c.State == firmware.Failed {
			return ""
		}
	}
	x = content(x)
	if x.Size > 4<<20 {
		return ""
	}
	b, err := cursor.Read(x.Source, name, 0, x.Size, 4<<20)
	if err != nil {
		return ""
	}
	return string(b)
}

// image is the size of a member's image, in bytes, and its part, behind compression and sparse chunks.
func image(p *firmware.Part) *firmware.Part {
	p = content(p)
	if p.Format == "android-sparse" && len(p.Children) > 0 && p.Children[0].Unpacked {
		return p.Children[0]
	}
	return p
}

// beside holds the images of the package against the vbmeta images among them.
func (p *pkg) beside(ctx context.Context) {
	parts := slices.Clone(p.part.Children)
	logical := map[*firmware.Part]bool{}
	for _, x := range p.part.Children {
		if x = image(x); x.Format == "android-super" {
			for _, l := range x.Children {
				logical[l] = true
				parts = append(parts, l)
			}
		}
	}
	avbmeta.Beside(ctx, parts, func(x *firmware.Part) string {
		switch {
		case logical[x]:
			return android.Plain(x.Name)
		case strings.HasSuffix(x.Name, ".img"):
			return avbmeta.Partition(x.Name)
		}
		return ""
	})
}

func openUpdate(ctx context.Context, src block.Source, o *firmware.Opening) (*firmware.Part, error) {
	p, err := open(ctx, src, o, isUpdate, "Android update package")
	if err != nil {
		return nil, err
	}
	p.metadata()
	p.properties(ctx)
	p.script()
	p.blocks(ctx, o)
	p.beside(ctx)
	if p.Broken == nil {
		p.signature(ctx, src, o)
	}
	return p.part, ctx.Err()
}

func openImages(ctx context.Context, src block.Source, o *firmware.Opening) (*firmware.Part, error) {
	p, err := open(ctx, src, o, isImages, "Android images for fastboot")
	if err != nil {
		return nil, err
	}
	p.info()
	for _, x := range p.part.Children {
		base := path.Base(x.Name)
		if !strings.HasSuffix(base, ".img") {
			continue
		}
		where := avbmeta.Partition(base)
		for _, known := range []string{"bootloader", "radio"} { // bootloader-walleye-mw8998-003.img
			if strings.HasPrefix(where, known+"-") {
				where = known
			}
		}
		if im := image(x); len(im.Installs) == 0 {
			x.Installs = append(x.Installs, android.Install(where, max(im.Size, im.Announced)))
		}
	}
	p.beside(ctx)
	return p.part, ctx.Err()
}
