package mender

import (
	"context"
	"crypto"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"

	"salvor/block"
	"salvor/block/probe"
	"salvor/cursor"
	"salvor/finding"
	"salvor/firmware"
	"salvor/firmware/internal/pubkey"
	"salvor/firmware/internal/region"
	"salvor/firmware/internal/tarball"
)

const tarBlock = 512

// Findings are the declared findings of this package.
var Findings = []*finding.Def{scripts, augmented, delta}

var (
	scripts = &finding.Def{Code: "firmware.mender.scripts", Severity: finding.Info,
		Text: "the artifact runs programs of its own on the device while it is installed: {found}"}
	augmented = &finding.Def{Code: "firmware.mender.augmented", Severity: finding.Info,
		Text: "parts of the artifact were added behind the signature, which does not vouch for them: {found}"}
	delta = &finding.Def{Code: "firmware.mender.depends", Severity: finding.Info,
		Text: "{part} is installed only on a device that has {found}"}
)

// Format is the row of this package in the table of firmware formats.
func Format() firmware.Format {
	return firmware.Format{
		Name: "mender", Title: "Mender artifact",
		Probes: []probe.Probe{{ID: "firmware.mender.version", Bytes: []byte(`{"format":"mender",`), At: tarBlock}},
		Look:   look, Open: open,
	}
}

func look(_ context.Context, src block.Source) (firmware.Sighting, error) {
	p, err := cursor.Read(src, "mender: version", 0, min(2*tarBlock, max(src.Size(), 0)), 2*tarBlock)
	if err != nil {
		return firmware.Sighting{}, region.NotHere(err)
	}
	if len(p) <= tarBlock || !strings.HasPrefix(string(p), "version\x00") || string(p[257:262]) != "ustar" {
		return firmware.Sighting{}, cursor.ErrNot
	}
	if !strings.Contains(string(p[tarBlock:min(len(p), tarBlock+200)]), `"mender"`) {
		return firmware.Sighting{}, cursor.ErrNot
	}
	return firmware.Sighting{Title: "Mender artifact"}, nil
}

// reading is the work on one artifact.
type reading struct {
	src      block.Source
	o        *firmware.Opening
	part     *firmware.Part
	members  map[string]*tarball.Member
	manifest []line // of both manifests, the signed one first
	added    int    // where the augmented one begins
	types    map[string]*typeInfo
	kinds    []payload // by the numbers of payloads, from header-info
}

func open(ctx context.Context, src block.Source, o *firmware.Opening) (*firmware.Part, error) {
	if _, err := look(ctx, src); err != nil {
		return nil, err
	}
	a, err := tarball.Read(ctx, src)
	if err != nil {
		return nil, err
	}
	r := &reading{src: src, o: o, members: map[string]*tarball.Member{}, types: map[string]*typeInfo{},
		part: &firmware.Part{Title: "Mender artifact", Role: firmware.Package, Checks: a.Checks(ctx, src)}}
	for i := range a.Members {
		m := &a.Members[i]
		if r.members[m.Name] != nil {
			r.fail(m.Name, "one file of that name", "several")
			continue
		}
		r.members[m.Name] = m
	}
	if !r.version() {
		return r.part, ctx.Err()
	}
	r.read("manifest")
	r.added = len(r.manifest)
	r.read("manifest-augment")
	r.signature()
	for i := range a.Members {
		m := &a.Members[i]
		if !m.File || ctx.Err() != nil {
			continue
		}
		base, _ := way(m.Name)
		switch {
		case m.Name == "manifest" || m.Name == "manifest-augment" || m.Name == "manifest.sig":
		case m.Name == "version":
			r.summed(ctx, m, firmware.Metadata)
		case base == "header.tar" || base == "header-augment.tar":
			r.header(ctx, m, base == "header-augment.tar")
		case strings.HasPrefix(base, "data/") && strings.HasSuffix(base, ".tar"):
			r.data(ctx, m, strings.TrimSuffix(base, ".tar"))
		default:
			r.fail(m.Name, "files that the format has", "another one")
		}
	}
	r.missing()
	return r.part, ctx.Err()
}

func (r *reading) fail(what, expected, found string) {
	r.part.Checks = append(r.part.Checks, firmware.Check{What: what, Method: "structure", State: firmware.Failed, Extent: block.Extent{Length: r.src.Size()}, Expected: expected, Found: found})
}

// ways are the endings of archives by how they are packed.
var ways = map[string]string{".gz": "gzip", ".xz": "xz", ".zst": "zstd"}

// way splits the name of an archive into that of the tar archive and how it is packed.
func way(name string) (base, compression string) {
	if w, ok := ways[path.Ext(name)]; ok {
		return strings.TrimSuffix(name, path.Ext(name)), w
	}
	return name, ""
}

// content reads a small file of the archive.
func (r *reading) content(name string) ([]byte, error) {
	m := r.members[name]
	if m == nil {
		return nil, fmt.Errorf("%s is not there", name)
	}
	return cursor.Read(r.src, "mender: "+name, m.Data.Offset, m.Data.Length, maxInfo)
}

// version reads the version of the format. It reports whether it is one that is read.
func (r *reading) version() bool {
	p, err := r.content("version")
	var h head
	if err == nil {
		err = parseJSON("version", p, &h)
	}
	switch {
	case err != nil:
		r.fail("version", "the version of the format", err.Error())
	case h.Format != "mender" || h.Version < 1:
		r.fail("version", "mender, version 2 or 3", fmt.Sprintf("%.40q, version %d", h.Format, h.Version))
	case h.Version < 2 || h.Version > 3:
		r.part.Title = fmt.Sprintf("Mender artifact, version %d", h.Version)
		r.part.Checks = append(r.part.Checks, firmware.Check{What: "artifact", Method: "SHA-256", State: firmware.Cannot, Extent: block.Extent{Length: r.src.Size()}, Why: fmt.Sprintf("version %d of the format is not read", h.Version)})
		return false
	default:
		r.part.Title = fmt.Sprintf("Mender artifact, version %d", h.Version)
	}
	return true
}

// read reads a manifest. Each of its lines is held against a file, so that no byte of it can be another.
func (r *reading) read(name string) {
	m := r.members[name]
	if m == nil {
		if name == "manifest" {
			r.fail(name, "a manifest", "none")
		}
		return
	}
	child := region.Part(r.src, name, firmware.Metadata, m.Data)
	r.part.Children = append(r.part.Children, child)
	p, err := r.content(name)
	var lines []line
	if err == nil {
		lines, err = parseManifest(p)
	}
	if err != nil {
		r.fail(name, "a manifest", err.Error())
		return
	}
	r.manifest = append(r.manifest, lines...)
	child.Checks = append(child.Checks, firmware.Check{What: name, Method: "structure", State: firmware.Passed, Extent: block.Extent{Length: child.Size}, Strong: true,
		Expected: "sums of files that are there", Found: fmt.Sprintf("%d sums", len(lines))})
	if name == "manifest-augment" {
		var names []string
		for _, l := range lines {
			names = append(names, l.name)
		}
		r.tell(augmented, strings.Join(names[:min(len(names), 50)], ", "))
	}
}

func (r *reading) tell(d *finding.Def, found string, more ...finding.Option) {
	r.part.Findings = append(r.part.Findings, d.New(append(more, finding.Expected(nil, found))...))
}

// line returns the line of a file, nil when no manifest names it.
func (r *reading) line(name string) *line {
	for i := range r.manifest {
		if r.manifest[i].name == name {
			return &r.manifest[i]
		}
	}
	return nil
}

// missing tells of files that a manifest names and that are not there.
func (r *reading) missing() {
	for i := range r.manifest {
		if l := &r.manifest[i]; !l.seen {
			r.fail(l.name, "a file that the manifest names", "none")
		}
	}
}

// sum holds a file against the manifest.
func (r *reading) sum(ctx context.Context, name string, child *firmware.Part) bool {
	l := r.line(name)
	if l == nil {
		child.Checks = append(child.Checks, firmware.Check{What: name, Method: "structure", State: firmware.Failed, Extent: block.Extent{Length: child.Size}, Expected: "a file that the manifest names", Found: "one that it does not"})
		return false
	}
	l.seen = true
	c := region.Digest(ctx, child.Source, name, "SHA-256", block.Extent{Length: child.Announced}, sha256.New(), l.sum)
	child.Checks = append(child.Checks, c)
	return c.State == firmware.Passed
}

// summed is a file of the archive with its sum.
func (r *reading) summed(ctx context.Context, m *tarball.Member, role firmware.Role) *firmware.Part {
	child := region.Part(r.src, m.Name, role, m.Data)
	r.sum(ctx, m.Name, child)
	r.part.Children = append(r.part.Children, child)
	return child
}

// signature checks the signature over the manifest.
func (r *reading) signature() {
	m := r.members["manifest.sig"]
	if m == nil {
		return
	}
	child := region.Part(r.src, "manifest.sig", firmware.Signed, m.Data)
	r.part.Children = append(r.part.Children, child)
	text, err := r.content("manifest.sig")
	message, err2 := r.content("manifest")
	if err != nil || err2 != nil {
		return // the check of the archive says so
	}
	signature, err := base64.StdEncoding.Strict().DecodeString(string(text))
	if err != nil || len(signature) < 40 || len(signature) > 1024 {
		child.Checks = append(child.Checks, firmware.Check{What: "signature", Method: "structure", State: firmware.Failed, Extent: block.Extent{Length: child.Size}, Expected: "a signature in base64", Found: fmt.Sprintf("%.60q", text)})
		return
	}
	answer := verify(r.o.Keys(), message, signature)
	if answer.State == firmware.Passed {
		child.Checks = append(child.Checks, firmware.Check{What: "signature", Method: answer.Method, State: firmware.Passed, Extent: block.Extent{Length: child.Size}, Strong: true, Expected: "made by " + answer.Key, Found: "made by it"})
	} else {
		child.Checks = append(child.Checks, firmware.Check{What: "signature", Method: answer.Method, State: firmware.Cannot, Extent: block.Extent{Length: child.Size}, Why: answer.Why})
	}
	r.part.Signatures = append(r.part.Signatures, answer)
}

// verify holds a signature that does not say how it was made against the keys: by its length it is one of RSA, or of
// ECDSA or Ed25519. Clients sign with Ed25519 over the manifest, or over its SHA-256.
func verify(keys []firmware.Key, message, signature []byte) firmware.Signature {
	digest := sha256.Sum256(message)
	st := pubkey.Statement{What: "manifest", Hash: crypto.SHA256, Digest: digest[:], Signature: signature}
	if len(signature) >= 128 {
		st.Scheme = pubkey.PKCS1
		return pubkey.Check(keys, &st)
	}
	st.Scheme = pubkey.ECDSA
	best := pubkey.Check(keys, &st)
	if len(signature) != 64 {
		return best
	}
	if len(keys) == 0 {
		best.Method += ", or Ed25519"
	}
	for _, m := range [][]byte{message, digest[:]} {
		other := pubkey.Check(keys, &pubkey.Statement{What: "manifest", Scheme: pubkey.Ed25519, Message: m, Signature: signature})
		if other.State == firmware.Passed || other.State == firmware.Failed && best.State == firmware.Cannot {
			best = other
		}
	}
	return best
}

// archive opens a tar archive that may be packed, and returns the part whose source is the tar archive itself, nil
// where it cannot be had.
func (r *reading) archive(ctx context.Context, child *firmware.Part) (*firmware.Part, *tarball.Archive) {
	inner := child
	if _, compression := way(child.Name); compression != "" {
		if inner = r.o.Expand(ctx, child, compression); inner == nil {
			child.Checks = append(child.Checks, firmware.Check{What: "content of " + child.Name, Method: compression, State: firmware.Cannot, Extent: block.Extent{Length: child.Size}, Why: "there is no room to unpack it"})
			return nil, nil
		}
	}
	a, err := tarball.Read(ctx, inner.Source)
	if errors.Is(err, cursor.ErrNot) {
		r.fail(child.Name, "a tar archive", "something else")
	}
	if err != nil {
		return nil, nil
	}
	inner.Checks = append(inner.Checks, a.Checks(ctx, inner.Source)...)
	return inner, a
}

// header reads what the artifact says of itself.
func (r *reading) header(ctx context.Context, m *tarball.Member, augment bool) {
	child := r.summed(ctx, m, firmware.Metadata)
	inner, a := r.archive(ctx, child)
	if a == nil {
		return
	}
	var run []string
	for i := range a.Members {
		x := &a.Members[i]
		if !x.File {
			continue
		}
		if strings.HasPrefix(x.Name, "scripts/") {
			run = append(run, strings.TrimPrefix(x.Name, "scripts/"))
			inner.Children = append(inner.Children, region.Part(inner.Source, x.Name, firmware.Script, x.Data))
			continue
		}
		p, err := cursor.Read(inner.Source, "mender: "+x.Name, x.Data.Offset, x.Data.Length, maxInfo)
		if err != nil {
			continue // the check of the archive says so
		}
		dir, base := path.Split(x.Name)
		switch {
		case x.Name == "header-info":
			r.info(p, augment)
		case base == "type-info" && strings.HasPrefix(dir, "headers/"):
			t := &typeInfo{}
			if err := parseJSON(x.Name, p, t); err != nil {
				r.fail(x.Name, "what a payload is", err.Error())
				continue
			}
			if len(t.Depends) > 0 {
				r.tell(delta, strings.Join(sorted(t.Depends), ", "), finding.Arg("part", "payload "+path.Base(dir)))
			}
			if n := path.Base(dir); r.types[n] == nil {
				r.types[n] = t
			}
		}
	}
	if len(run) > 0 {
		r.tell(scripts, strings.Join(run, ", "))
	}
}

// info takes what header-info says. What is augmented may not say which device it is for.
func (r *reading) info(p []byte, augment bool) {
	var h info
	if err := parseJSON("header-info", p, &h); err != nil {
		r.fail("header-info", "what the artifact is", err.Error())
		return
	}
	if augment {
		return
	}
	if r.part.Version = h.Name; len(h.Provides["artifact_name"]) > 0 {
		r.part.Version = h.Provides["artifact_name"][0]
	}
	r.kinds = append(h.Payloads, h.Updates...)
	devices := append(h.Devices, h.Depends["device_type"]...)
	if len(devices) > 0 {
		r.part.Claims = append(r.part.Claims, firmware.Claim{Kind: firmware.Board, Values: devices})
	}
	if before := h.Depends["artifact_name"]; len(before) > 0 {
		r.part.Claims = append(r.part.Claims, firmware.Claim{Kind: firmware.ExactSource, Values: before})
	}
	if groups := h.Depends["artifact_group"]; len(groups) > 0 {
		r.tell(delta, "artifact_group="+strings.Join(groups, " or "), finding.Arg("part", "the artifact"))
	}
}

// data opens the files of a payload.
func (r *reading) data(ctx context.Context, m *tarball.Member, prefix string) {
	t := r.types[path.Base(prefix)]
	if t == nil {
		t = &typeInfo{}
	}
	if n, err := strconv.Atoi(path.Base(prefix)); err == nil && n >= 0 && n < len(r.kinds) && t.Type == "" {
		t.Type = r.kinds[n].Type // which some versions of the tool leave empty in type-info
	}
	child := region.Part(r.src, m.Name, firmware.Data, m.Data)
	child.Title = "payload"
	if t.Type != "" {
		child.Title = fmt.Sprintf("payload of the type %.80s", t.Type)
	}
	for key, v := range t.Provides {
		if strings.HasSuffix(key, ".version") && len(v) == 1 {
			child.Version = v[0]
		}
	}
	r.part.Children = append(r.part.Children, child)
	before := len(child.Checks)
	inner, a := r.archive(ctx, child)
	if a == nil {
		r.unseen(prefix)
		return
	}
	proven := true
	for i := range a.Members {
		x := &a.Members[i]
		if !x.File || ctx.Err() != nil {
			continue
		}
		role := firmware.Data
		if t.Type == "rootfs-image" {
			role = firmware.RootFS
		}
		file := region.Part(inner.Source, x.Name, role, x.Data)
		if role == firmware.RootFS {
			file.Installs = []firmware.Install{{Where: "rootfs", Needs: x.Data.Length}}
		}
		proven = r.sum(ctx, prefix+"/"+x.Name, file) && proven
		r.o.Inner(ctx, file)
		inner.Children = append(inner.Children, file)
	}
	if inner == child {
		return
	}
	for _, c := range append(inner.Checks, child.Checks[before:]...) {
		proven = proven && c.State == firmware.Passed
	}
	if proven {
		child.Unused.Add(block.Extent{Length: child.Checks[before].Extent.Length})
	}
}

// unseen marks the files of a payload that cannot be opened: nothing is known of them.
func (r *reading) unseen(prefix string) {
	for i := range r.manifest {
		if strings.HasPrefix(r.manifest[i].name, prefix+"/") {
			r.manifest[i].seen = true
		}
	}
}
