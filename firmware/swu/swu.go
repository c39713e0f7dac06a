package swu

import (
	"context"
	"crypto"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"salvor/block"
	"salvor/block/probe"
	"salvor/cursor"
	"salvor/finding"
	"salvor/firmware"
	"salvor/firmware/internal/cms"
	"salvor/firmware/internal/cpio"
	"salvor/firmware/internal/pubkey"
	"salvor/firmware/internal/region"
)

const (
	nameOfDescription = "sw-description"
	nameOfSignature   = "sw-description.sig"
)

// Findings are the declared findings of this package.
var Findings = []*finding.Def{notSummed, scripts, variables, encrypted, sets, unnamed}

var (
	notSummed = &finding.Def{Code: "firmware.swu.sum", Severity: finding.Warning,
		Text: "sw-description is signed and has no sum of {found}: a device that checks signatures refuses the package"}
	scripts = &finding.Def{Code: "firmware.swu.scripts", Severity: finding.Info,
		Text: "the package runs programs of its own on the device while it is installed: {found}"}
	variables = &finding.Def{Code: "firmware.swu.bootenv", Severity: finding.Info,
		Text: "the package sets variables of the boot loader: {found}"}
	encrypted = &finding.Def{Code: "firmware.swu.encrypted", Severity: finding.Info,
		Text: "{part} is encrypted with a key that only the devices have; what is in it cannot be looked at"}
	sets = &finding.Def{Code: "firmware.swu.sets", Severity: finding.Info,
		Text: "the package has several sets for one device or for several, of which one is chosen when it is installed (swupdate -e): {found}"}
	unnamed = &finding.Def{Code: "firmware.swu.unnamed", Severity: finding.Info,
		Text: "sw-description does not name {found}, which is not installed"}
)

// Format is the row of this package in the table of firmware formats.
func Format() firmware.Format {
	return firmware.Format{
		Name: "swu", Title: "SWUpdate package",
		Probes: []probe.Probe{{ID: "firmware.swu.description", Bytes: []byte(nameOfDescription + "\x00"), At: 110}},
		Look:   look, Open: open,
	}
}

func look(_ context.Context, src block.Source) (firmware.Sighting, error) {
	name, err := cpio.Look(src)
	if err != nil {
		return firmware.Sighting{}, err
	}
	if name != nameOfDescription {
		return firmware.Sighting{}, cursor.ErrNot
	}
	return firmware.Sighting{Title: "SWUpdate package"}, nil
}

// reading is the work on one package.
type reading struct {
	src     block.Source
	o       *firmware.Opening
	part    *firmware.Part
	members map[string]*cpio.Member
	order   []string
	d       *description
	signed  bool
	hidden  bool            // the description is encrypted
	told    map[string]bool // files without a sum
}

func open(ctx context.Context, src block.Source, o *firmware.Opening) (*firmware.Part, error) {
	if _, err := look(ctx, src); err != nil {
		return nil, err
	}
	a, err := cpio.Read(ctx, src)
	if err != nil {
		return nil, err
	}
	r := &reading{src: src, o: o, members: map[string]*cpio.Member{}, told: map[string]bool{}, part: &firmware.Part{Title: "SWUpdate package", Role: firmware.Package, Unused: a.Unused(), Checks: a.Checks(ctx, src)}}
	for i := range a.Members {
		m := &a.Members[i]
		switch _, twice := r.members[m.Name]; {
		case !m.File:
		case twice:
			r.fail(m.Name, "one file of that name", "several")
		default:
			r.members[m.Name] = m
			r.order = append(r.order, m.Name)
		}
	}
	_, r.signed = r.members[nameOfSignature]
	for i, name := range r.order {
		switch name {
		case nameOfDescription:
			r.description()
		case nameOfSignature:
			if i == 1 {
				r.signature(ctx)
				continue
			}
			r.fail("signature", nameOfSignature+" right behind "+nameOfDescription, fmt.Sprintf("file number %d", i+1))
		}
	}
	r.part.Checks = append(r.part.Checks, r.members[nameOfDescription].Vouched("a file that SWUpdate asks for")...)
	if r.signed {
		r.part.Checks = append(r.part.Checks, r.members[nameOfSignature].Vouched("a file that SWUpdate asks for")...)
	}
	for i := range a.Members {
		if !a.Members[i].File {
			r.part.Unused = r.part.Unused.Union(a.Members[i].Idle()) // folders are passed over
		}
	}
	if r.d != nil {
		r.files(ctx)
	} else {
		for _, name := range r.order {
			if name == nameOfDescription || name == nameOfSignature {
				continue
			}
			r.part.Children = append(r.part.Children, r.child(ctx, name, firmware.Data))
		}
	}
	return r.part, ctx.Err()
}

// fail adds a failed check of the structure.
func (r *reading) fail(what, expected, found string) {
	r.part.Checks = append(r.part.Checks, firmware.Check{What: what, Method: "structure", State: firmware.Failed, Extent: block.Extent{Length: r.src.Size()}, Expected: expected, Found: found})
}

// description reads what the package is.
func (r *reading) description() {
	m := r.members[nameOfDescription]
	child := region.Part(r.src, nameOfDescription, firmware.Metadata, m.Data)
	child.Title = "description of the software"
	r.part.Children = append(r.part.Children, child)
	p, err := cursor.Read(r.src, structure, m.Data.Offset, m.Data.Length, maxDescription)
	if err == nil {
		r.d, err = describe(p)
	}
	if err != nil && ciphered(p) {
		r.hidden, child.Title = true, "encrypted description of the software"
		r.tell(encrypted, "", finding.Arg("part", nameOfDescription))
		r.part.Checks = append(r.part.Checks, firmware.Check{What: nameOfDescription, Method: "structure", State: firmware.Cannot, Why: "it is encrypted with a key that only the devices have"})
		return
	}
	if err != nil {
		r.fail(nameOfDescription, "a description in the syntax of libconfig or as JSON", err.Error())
		return
	}
	r.part.Version = r.d.version
	if len(r.d.hardware) > 0 {
		r.part.Claims = append(r.part.Claims, firmware.Claim{Kind: firmware.Hardware, Values: r.d.hardware})
	}
	if len(r.d.sets) > 1 {
		r.tell(sets, strings.Join(r.d.sets, "; "))
	}
	if len(r.d.boot) > 0 {
		r.tell(variables, strings.Join(r.d.boot[:min(len(r.d.boot), 50)], "; "))
	}
}

// ciphered reports whether a description is one that was encrypted: whole blocks of AES, most of whose bytes stand in no
// text. Text that was damaged is still mostly text.
func ciphered(p []byte) bool {
	strange := 0
	for _, c := range p {
		if c < ' ' && c != '\n' && c != '\r' && c != '\t' || c >= 0x7F {
			strange++
		}
	}
	return len(p) >= 32 && len(p)%16 == 0 && strange > len(p)/3
}

func (r *reading) tell(d *finding.Def, found string, more ...finding.Option) {
	r.part.Findings = append(r.part.Findings, d.New(append(more, finding.Expected(nil, found))...))
}

// signature checks the signature over the description.
func (r *reading) signature(ctx context.Context) {
	m, over := r.members[nameOfSignature], r.members[nameOfDescription]
	child := region.Part(r.src, nameOfSignature, firmware.Signed, m.Data)
	child.Title = "signature of the description"
	r.part.Children = append(r.part.Children, child)
	p, err := cursor.Read(r.src, "signature of sw-description", m.Data.Offset, m.Data.Length, cms.MaxSize)
	if err != nil {
		return // the check of the archive says so
	}
	message, err := cms.Parse(p)
	if r.hidden {
		// It is over the description as it was before.
		r.part.Signatures = append(r.part.Signatures, firmware.Signature{What: nameOfDescription, Method: "CMS or RSA", State: firmware.Cannot, Why: "what it covers is encrypted with a key that only the devices have"})
		return
	}
	switch {
	case err == nil && !message.Encrypted:
		r.cms(ctx, child, message, over.Data)
	case len(p) >= 64 && len(p) <= 1024 && len(p)%8 == 0:
		child.Title = "RSA signature of the description"
		r.rsa(ctx, child, p, over.Data)
	default:
		child.Checks = append(child.Checks, firmware.Check{What: "signature", Method: "CMS", State: firmware.Failed, Extent: block.Extent{Length: child.Size},
			Expected: "a CMS message or an RSA signature", Found: fmt.Sprintf("%d bytes of something else (%v)", len(p), err)})
	}
}

func (r *reading) cms(ctx context.Context, child *firmware.Part, message *cms.Message, over block.Extent) {
	a := message.Check(cms.Signed{What: nameOfDescription, Keys: r.o.Keys(), Digest: func(h crypto.Hash) ([]byte, error) {
		x := h.New()
		err := region.Sum(ctx, r.src, x, over)
		return x.Sum(nil), err
	}})
	r.part.Signatures = append(r.part.Signatures, a.Signatures...)
	r.part.Findings = append(r.part.Findings, a.Findings...)
	a.Content.Extent, a.Content.Strong = over, a.Content.State == firmware.Passed
	r.part.Checks = append(r.part.Checks, a.Content)
	if a.Message.State == firmware.Cannot && r.members[nameOfSignature].Summed {
		return // the archive's own sum covers it, and who made it is a question of its own
	}
	child.Checks = append(child.Checks, a.Message)
	if rest := block.Between(int64(message.Size), child.Size); rest.Length > 0 {
		child.Checks = append(child.Checks, region.Padding(ctx, child.Source, "behind the signature", rest, 0))
	}
}

// rsa checks a bare signature, which does not say which padding it has.
func (r *reading) rsa(ctx context.Context, child *firmware.Part, signature []byte, over block.Extent) {
	x := sha256.New()
	if err := region.Sum(ctx, r.src, x, over); err != nil {
		return // the check of the archive says so
	}
	s := pubkey.Statement{What: nameOfDescription, Scheme: pubkey.PKCS1, Hash: crypto.SHA256, Digest: x.Sum(nil), Signature: signature}
	answer := pubkey.Check(r.o.Keys(), &s)
	if answer.State == firmware.Failed {
		s.Scheme = pubkey.PSS
		if other := pubkey.Check(r.o.Keys(), &s); other.State == firmware.Passed {
			answer = other
		}
	}
	if answer.State != firmware.Passed {
		answer.Method = strings.TrimSuffix(answer.Method, ", PKCS#1") + ", PKCS#1 or PSS"
	} else {
		child.Checks = append(child.Checks, firmware.Check{What: "signature", Method: answer.Method, State: firmware.Passed, Extent: block.Extent{Length: child.Size}, Strong: true, Expected: "made by " + answer.Key, Found: "made by it"})
		r.part.Checks = append(r.part.Checks, firmware.Check{What: nameOfDescription, Method: answer.Method, State: firmware.Passed, Extent: over, Strong: true, Expected: "what was signed", Found: "what was signed"})
	}
	r.part.Signatures = append(r.part.Signatures, answer)
}

// files opens the files that the description names, each once, and tells of the others.
func (r *reading) files(ctx context.Context) {
	var run []string
	if r.d.embedded {
		run = append(run, "a script in sw-description")
	}
	seen := map[string]*firmware.Part{}
	for i := range r.d.artefacts {
		a := &r.d.artefacts[i]
		if a.section == "partitions" {
			r.partition(a)
		}
		if a.file == "" || ctx.Err() != nil {
			continue
		}
		if a.section == "scripts" && !slices.Contains(run, a.file) {
			run = append(run, a.file)
		}
		child := seen[a.file]
		if child == nil {
			if r.members[a.file] == nil {
				r.fail(a.file, "a file that sw-description names", "none")
				seen[a.file] = &firmware.Part{}
				continue
			}
			child = r.artefact(ctx, a)
			seen[a.file] = child
			r.part.Children = append(r.part.Children, child)
			r.part.Checks = append(r.part.Checks, r.members[a.file].Vouched("a file that sw-description names")...)
		}
		r.sum(ctx, child, a)
		r.install(child, a)
	}
	if len(run) > 0 {
		r.tell(scripts, strings.Join(run, ", "))
	}
	for _, name := range r.order {
		if seen[name] == nil && name != nameOfDescription && name != nameOfSignature {
			r.tell(unnamed, name)
			// SWUpdate passes over it, but its name may be what was changed: of a signature, then nothing else is missed.
			over := r.members[name].Header
			r.part.Checks = append(r.part.Checks, firmware.Check{What: "name " + name, Method: "structure", State: firmware.Cannot, Extent: over, Why: "sw-description names no such file"})
			r.part.Children = append(r.part.Children, r.child(ctx, name, firmware.Data))
		}
	}
}

// child opens a file of the archive by what it is.
func (r *reading) child(ctx context.Context, name string, role firmware.Role) *firmware.Part {
	child := region.Part(r.src, name, role, r.members[name].Data)
	r.o.Inner(ctx, child)
	return child
}

// compressions are SWUpdate's names of ways to compress. What it calls zlib is gzip.
var compressions = map[string]string{"zlib": "gzip", "true": "gzip", "zstd": "zstd", "xz": "xz"}

// artefact opens a file by what the description says of it.
func (r *reading) artefact(ctx context.Context, a *artefact) *firmware.Part {
	role := roleOf(a)
	child := region.Part(r.src, a.file, role, r.members[a.file].Data)
	child.Version = a.str("version")
	way, isPacked := compressions[a.str("compressed")]
	switch {
	case a.str("encrypted") == "true" || a.str("encrypted") != "" && a.str("encrypted") != "false":
		child.Title = "encrypted file"
		if ivt := a.str("ivt"); ivt != "" {
			child.Title += ", IVT " + ivt[:min(len(ivt), 32)]
		}
		r.tell(encrypted, "", finding.Arg("part", a.file))
	case isPacked:
		r.o.Unpack(ctx, child, way)
	default:
		r.o.Inner(ctx, child)
	}
	return child
}

// roleOf says what an artefact is for, by the handler that installs it and the names it has.
func roleOf(a *artefact) firmware.Role {
	all := strings.ToLower(strings.Join([]string{a.str("volume"), a.str("mtdname"), a.file, a.str("name")}, " "))
	switch {
	case a.section == "scripts":
		return firmware.Script
	case a.str("type") == "bootloader" || a.str("type") == "uboot":
		return firmware.Settings
	case a.section == "files":
		return firmware.Data
	case strings.Contains(all, "u-boot") || strings.Contains(all, "uboot") || strings.Contains(all, "barebox") || a.str("type") == "ssbl":
		return firmware.BootLoader
	case strings.Contains(all, "rootfs"):
		return firmware.RootFS
	case strings.Contains(all, "uimage") || strings.Contains(all, "kernel"):
		return firmware.Kernel
	}
	return firmware.Data
}

// sum checks the SHA-256 that the description has of a file.
func (r *reading) sum(ctx context.Context, child *firmware.Part, a *artefact) {
	if a.sha256 == "" || strings.HasPrefix(a.sha256, "$") {
		summed := slices.ContainsFunc(child.Checks, func(c firmware.Check) bool { return c.Method == "SHA-256" })
		if r.signed && !summed && !r.told[a.file] {
			r.told[a.file] = true
			r.tell(notSummed, a.file)
		}
		return
	}
	want, err := hex.DecodeString(a.sha256)
	if err != nil || len(want) != sha256.Size {
		r.fail(a.file, "a SHA-256 of 64 hex digits", a.sha256[:min(len(a.sha256), 80)])
		return
	}
	if slices.ContainsFunc(child.Checks, func(c firmware.Check) bool { return c.Method == "SHA-256" && c.Expected == a.sha256 }) {
		return // another set names the same file with the same sum
	}
	e := r.members[a.file].Data
	child.Checks = append(child.Checks, region.Digest(ctx, r.src, a.file, "SHA-256", e, sha256.New(), want))
	child.Checks[len(child.Checks)-1].Extent = block.Extent{Length: e.Length}
}

// install says where a file goes, and how much room it needs there.
func (r *reading) install(child *firmware.Part, a *artefact) {
	if a.section == "scripts" {
		return
	}
	where := ""
	for _, key := range []string{"volume", "mtdname", "device", "path"} {
		if where = a.str(key); where != "" {
			break
		}
	}
	if path := a.str("path"); a.section == "files" && path != "" {
		where = path
		if device := a.str("device"); device != "" {
			where = device + ":" + path
		}
	}
	if where == "" {
		return
	}
	i := firmware.Install{Where: strings.TrimPrefix(where, "/dev/"), Needs: a.size("offset") + installed(child), Loader: child.Role == firmware.BootLoader}
	if a.section == "files" {
		i.Needs = 0 // it stands among other files
	}
	if a.str("installed-directly") != "true" {
		i.During = child.Size // it is kept aside before it is written
	}
	if !slices.Contains(child.Installs, i) {
		child.Installs = append(child.Installs, i)
	}
}

// installed is how large a file is when it was unpacked.
func installed(child *firmware.Part) int64 {
	if child.Compression != "" && len(child.Children) > 0 {
		return child.Children[0].Size
	}
	return max(child.Announced, child.Size)
}

// partition says which volumes are made.
func (r *reading) partition(a *artefact) {
	if name := a.str("name"); name != "" {
		i := firmware.Install{Where: name, Needs: a.size("size")}
		if !slices.Contains(r.part.Installs, i) && len(r.part.Installs) < maxArtefacts {
			r.part.Installs = append(r.part.Installs, i)
		}
	}
}
