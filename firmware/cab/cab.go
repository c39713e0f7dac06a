package cab

import (
	"context"
	"crypto"
	"fmt"
	"path"
	"slices"
	"strings"

	"salvor/block"
	"salvor/block/probe"
	"salvor/cursor"
	"salvor/finding"
	"salvor/firmware"
	"salvor/firmware/internal/region"
)

// Findings are the declared findings of this package.
var Findings = []*finding.Def{requires, message, notAsked}

var (
	requires = &finding.Def{Code: "firmware.cab.requires", Severity: finding.Info,
		Text: "fwupd installs it only where {found}"}
	message = &finding.Def{Code: "firmware.cab.message", Severity: finding.Info,
		Text: "the maker's words to whoever installs it: {found}"}
	notAsked = &finding.Def{Code: "firmware.cab.signature", Severity: finding.Info,
		Text: "no key was given for another signature of {part}: {method}"}
)

// Format is the row of this package in the table of firmware formats.
func Format() firmware.Format {
	return firmware.Format{Name: "cab", Title: "cabinet", Look: look, Open: open,
		Probes: []probe.Probe{{ID: "firmware.cab.header", Bytes: []byte("MSCF\x00\x00\x00\x00")}}}
}

func look(_ context.Context, src block.Source) (firmware.Sighting, error) {
	p, err := cursor.Read(src, "cabinet: header", 0, headerSize, headerSize)
	if err != nil {
		return firmware.Sighting{}, region.NotHere(err)
	}
	_, k, err := parseHeader(p)
	if err != nil {
		return firmware.Sighting{}, err
	}
	return firmware.Sighting{Title: "cabinet", Size: k.size}, nil
}

// reading is a cabinet with what is known of its files.
type reading struct {
	src   block.Source
	o     *firmware.Opening
	k     *cabinet
	part  *firmware.Part
	parts []*firmware.Part // one for each file
	named map[string]bool  // files that something refers to
}

func open(ctx context.Context, src block.Source, o *firmware.Opening) (*firmware.Part, error) {
	if _, err := look(ctx, src); err != nil {
		return nil, err
	}
	k, err := read(src)
	if k == nil {
		return nil, err
	}
	part := &firmware.Part{Title: "cabinet", Role: firmware.Package, Announced: k.size}
	r := &reading{src: src, o: o, k: k, part: part, named: map[string]bool{}}
	if err == nil {
		err = k.agree()
	}
	lists := firmware.Check{What: "lists of folders and files", Method: "structure", State: firmware.Passed, Extent: k.lists, Strong: true, Expected: "lists that agree", Found: "lists that agree"}
	cut := src.Size() < k.size
	if err != nil {
		if _, broken := cursor.IsCorrupt(err); !broken {
			return nil, err
		}
		lists.State, lists.Found, lists.Strong = firmware.Failed, err.Error(), false
	}
	if !cut || err == nil {
		part.Checks = append(part.Checks, lists)
	}
	var folders []*content
	if err == nil {
		if folders, err = r.folders(ctx); err != nil {
			return nil, err
		}
		r.files(ctx, folders)
	}
	if cut {
		part.Checks = append([]firmware.Check{firmware.Cut(r.cutIn(folders), k.size, src.Size())}, part.Checks...)
		return part, ctx.Err()
	}
	region.Behind(ctx, src, part, o, block.Between(k.size, src.Size()))
	return part, ctx.Err()
}

// folders unpacks all of them, and checks that they fill the cabinet.
func (r *reading) folders(ctx context.Context) (out []*content, err error) {
	end := r.k.lists.Length
	for n := range r.k.folders {
		c, err := r.k.unpack(ctx, r.src, n, r.part, r.o)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
		end = max(end, c.end)
	}
	if end != r.k.size && r.k.size <= r.src.Size() {
		r.part.Checks = append(r.part.Checks, firmware.Check{What: "cabinet", Method: "size", State: firmware.Failed, Extent: block.Between(end, r.k.size),
			Expected: fmt.Sprintf("data up to %d", r.k.size), Found: fmt.Sprintf("data up to %d", end)})
	}
	return out, nil
}

// files makes parts of the files, by what they are.
func (r *reading) files(ctx context.Context, folders []*content) {
	for i := range r.k.files {
		f := &r.k.files[i]
		p := &firmware.Part{Name: f.name, Role: firmware.Data, Announced: f.size, Unpacked: true, Source: block.Bytes(nil)}
		var c *content
		if f.folder < len(folders) {
			c = folders[f.folder]
		}
		why := "it goes on in another cabinet"
		if c != nil {
			why = c.why
		}
		switch {
		case c != nil && c.source != nil && f.off+f.size <= c.source.Size():
			p.Size, p.Source = f.size, block.Section(c.source, block.Extent{Offset: f.off, Length: f.size})
		default:
			state := firmware.Cannot
			p.Checks = append(p.Checks, firmware.Check{What: "content", Method: "size", State: state, Expected: fmt.Sprintf("%d bytes", f.size), Why: why})
		}
		r.parts = append(r.parts, p)
		r.part.Children = append(r.part.Children, p)
	}
	r.describe(ctx)
	for i, p := range r.parts {
		if p.Role == firmware.Data && p.Size > 0 {
			r.o.Inner(ctx, p)
		}
		if !r.named[base(p.Name)] {
			r.k.unused.Add(r.k.files[i].nameAt)
		}
	}
	r.part.Unused = r.k.unused
}

func base(name string) string { return path.Base(strings.ReplaceAll(name, `\`, "/")) }

// find returns the part of a file, nil for none that was unpacked.
func (r *reading) find(name string) *firmware.Part {
	r.named[name] = true
	for _, p := range r.parts {
		if base(p.Name) == name {
			return p
		}
	}
	return nil
}

// small reads a small file.
func small(p *firmware.Part) ([]byte, error) {
	return cursor.Read(p.Source, p.Name, 0, p.Size, maxText)
}

// describe reads descriptions and signatures.
func (r *reading) describe(ctx context.Context) {
	var guids []string
	for _, p := range r.parts {
		name := base(p.Name)
		if !strings.HasSuffix(name, ".metainfo.xml") || p.Size == 0 {
			continue
		}
		p.Role, p.Title = firmware.Metadata, "description for fwupd"
		r.part.Title = "fwupd package"
		b, err := small(p)
		if err == nil {
			var m *metainfo
			if m, err = parseMetainfo(b); err == nil {
				r.says(ctx, m)
				guids = append(guids, m.guids()...)
			}
		}
		if err != nil {
			p.Checks = append(p.Checks, firmware.Check{What: "description", Method: "structure", State: firmware.Failed, Extent: block.Extent{Length: p.Size}, Expected: "a description of firmware", Found: err.Error()})
		}
	}
	if len(guids) > 0 {
		slices.Sort(guids)
		r.part.Claims = append(r.part.Claims, firmware.Claim{Kind: firmware.GUID, Values: slices.Compact(guids)})
	}
	for _, p := range r.parts {
		if !strings.HasSuffix(base(p.Name), ".jcat") || p.Size == 0 {
			continue
		}
		p.Role, p.Title = firmware.Signed, "sums and signatures"
		b, err := small(p)
		var j *jcat
		if err == nil {
			j, err = parseJcat(b)
		}
		if err != nil {
			p.Checks = append(p.Checks, firmware.Check{What: "signatures", Method: "structure", State: firmware.Failed, Extent: block.Extent{Length: p.Size}, Expected: "a list of signatures", Found: err.Error()})
			continue
		}
		for i := range j.Items {
			for _, q := range r.parts {
				if name := base(q.Name); q.Size > 0 && j.Items[i].names(name) {
					r.named[name] = true
					j.Items[i].apply(ctx, q, r.o)
				}
			}
		}
	}
}

var contentSums = map[string]crypto.Hash{"sha1": crypto.SHA1, "sha256": crypto.SHA256, "sha384": crypto.SHA384, "sha512": crypto.SHA512, "md5": crypto.MD5}

// says takes down what a description says, and checks what it says of the payload. The first
// release is the one that is installed.
func (r *reading) says(ctx context.Context, m *metainfo) {
	first := &m.Releases[0]
	if r.part.Name == "" {
		r.part.Name = m.title()
	}
	version := m.version(first)
	if r.part.Version == "" {
		r.part.Version = version
	}
	p := r.holds(ctx, first)
	for i := range m.Releases[1:] {
		r.holds(ctx, &m.Releases[i+1])
	}
	if p != nil {
		p.Version = version
		loader := slices.ContainsFunc(m.Categories, func(c string) bool { return c == "X-System" || c == "X-BootloaderFirmware" })
		if loader || strings.Contains(m.custom("LVFS::UpdateProtocol"), "uefi.capsule") && len(m.Categories) == 0 {
			p.Installs = append(p.Installs, firmware.Install{Where: "firmware of the device", Loader: true})
		}
	}
	r.requires(m)
}

// holds checks what a release says of its payload, which it returns; nil for none.
func (r *reading) holds(ctx context.Context, x *release) *firmware.Part {
	sums, payload := x.sums()
	p := r.find(payload)
	if p == nil {
		r.part.Checks = append(r.part.Checks, firmware.Check{What: "payload", Method: "presence", State: firmware.Failed, Expected: "a file " + payload, Found: "none", Why: "the description names it"})
	}
	for _, s := range sums {
		q, h := r.find(s.file), contentSums[s.kind]
		if q == nil || q.Size == 0 || h == 0 {
			continue
		}
		q.Checks = append(q.Checks, digest(ctx, q, "content", h, fmt.Sprintf("%x", s.value)))
	}
	return p
}

// requires takes down what must be there first.
func (r *reading) requires(m *metainfo) {
	tell := func(text string) {
		r.part.Findings = append(r.part.Findings, requires.New(finding.Expected(nil, text)))
	}
	words := map[string]string{"ge": "at least", "gt": "later than", "le": "at most", "lt": "before", "eq": "exactly", "ne": "not", "glob": "like", "regex": "like"}
	for _, q := range m.Requires {
		what := strings.TrimSpace(q.What)
		switch {
		case what == "" && q.Compare == "ge":
			r.part.Claims = append(r.part.Claims, firmware.Claim{Kind: firmware.LeastVersion, Values: []string{q.Version}})
		case what == "" && q.Compare == "eq":
			r.part.Claims = append(r.part.Claims, firmware.Claim{Kind: firmware.ExactSource, Values: []string{q.Version}})
		case what == "bootloader" && q.Compare == "ge":
			r.part.Claims = append(r.part.Claims, firmware.Claim{Kind: firmware.LeastLoader, Values: []string{q.Version}})
		case what == "":
			tell(fmt.Sprintf("the installed version is %s %s", words[q.Compare], q.Version))
		default:
			tell(strings.TrimSpace(fmt.Sprintf("%s is %s %s", what, words[q.Compare], q.Version)))
		}
	}
	for _, q := range m.RequiresID {
		tell(fmt.Sprintf("%s is %s %s", strings.TrimSpace(q.What), words[q.Compare], q.Version))
	}
	for _, h := range m.Hardware {
		tell("the computer has the hardware ID " + strings.TrimSpace(h))
	}
	if s := m.custom("LVFS::UpdateMessage"); s != "" {
		r.part.Findings = append(r.part.Findings, message.New(finding.Expected(nil, s)))
	}
	if s := m.custom("LVFS::UpdateProtocol"); s != "" {
		r.part.Title = "fwupd package for " + s
	}
}

// cutIn names what a cut cabinet ends in.
func (r *reading) cutIn(folders []*content) string {
	for i, f := range r.k.files {
		if f.folder < len(folders) && (folders[f.folder].source == nil || f.off+f.size > folders[f.folder].source.Size()) {
			return fmt.Sprintf("file %q", r.k.files[i].name)
		}
	}
	return "list of folders and files"
}
