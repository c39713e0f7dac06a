package ui

import (
	"net/http"
	"net/url"
	"strconv"

	"salvor/filetype"
	"salvor/preview"
	"salvor/recovery"
	"salvor/rescue"
)

// The longer sides of small pictures, in pixels: in a list, and on the page of a file.
const (
	thumbnailSize = 240
	pictureSize   = 1024
)

// How much of a file a page shows.
const (
	shownMembers = 500
	shownRuns    = 200
	shownPlaces  = 50
)

// entry opens the case and finds the file that the address names.
func (s *Server) entry(w http.ResponseWriter, r *http.Request) (*rescue.Case, knownCase, *recovery.Entry, bool) {
	c, k, ok := s.open(w, r)
	if !ok {
		return nil, k, nil, false
	}
	e, err := c.Catalog.Get(r.Context(), r.URL.Query().Get("id"))
	if err != nil {
		c.Close()
		s.refuse(w, r, http.StatusNotFound, "refused.file")
		return nil, k, nil, false
	}
	return c, k, e, true
}

// fact is a name and a value; Word is set where the name is one of the catalogue, and Is where the value is.
type fact struct{ Word, Name, Value, Is string }

// file shows one file: what is known of it, what is in it, and where it stands.
func (s *Server) file(w http.ResponseWriter, r *http.Request) {
	c, k, e, ok := s.entry(w, r)
	if !ok {
		return
	}
	defer c.Close()
	shown, err := c.Show(r.Context(), s.tables, e)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	p := filePage{s: s, c: c, key: k.Key(), e: e, shown: shown, ask: r.URL.Query()}
	if err := p.read(r.Context()); err != nil {
		s.fail(w, r, err)
		return
	}
	places, err := p.places(r.Context())
	if err != nil {
		s.fail(w, r, err)
		return
	}
	picked := s.picks.now(s.session(r), k.Key())
	chosen, err := recovery.Query{Steps: picked.steps}.Decider()
	if err != nil {
		s.fail(w, r, err)
		return
	}
	data := map[string]any{"Key": k.Key(), "CaseName": k.Name(), "Entry": e, "Verdict": e.Verdict.String(), "Regular": e.Mode.IsRegular(), "Facts": p.facts(),
		"Reasons": e.Findings, "Notes": p.notes, "Members": p.members(), "MoreMembers": max(len(shown.Preview.Members)-shownMembers, 0) + shown.Preview.More,
		"Table": p.table, "Text": p.text, "Hex": p.hex, "Places": places, "Missing": e.Missing.Bytes(), "Save": "/case/" + k.Key() + "/save?id=" + url.QueryEscape(e.ID),
		"Chosen": len(picked.steps) > 0 && chosen(e), "Picked": picked.count.Files, "PickedBytes": picked.count.Bytes, "Open": p.ask.Has("hex")}
	if f, ok := s.tables.Files.ByName(e.Format); ok && f.Thumbnail != nil {
		data["Picture"] = "/case/" + k.Key() + "/thumb?size=large&id=" + url.QueryEscape(e.ID)
	}
	if e.Mode.IsRegular() {
		data["Content"], data["Medium"] = s.contentAddress(k.Key(), e), playable(e)
		if data["Medium"] != "" && e.Verdict != filetype.Proven && e.Verdict != filetype.Consistent {
			data["Breaks"] = true
		}
	}
	s.show(w, r, http.StatusOK, "file", view{Here: "cases", Title: plain(nameOf(e))}, data)
}

// thumb answers with a small picture that the program's own decoders made.
func (s *Server) thumb(w http.ResponseWriter, r *http.Request) {
	c, _, e, ok := s.entry(w, r)
	if !ok {
		return
	}
	defer c.Close()
	format, ok := s.tables.Files.ByName(e.Format)
	if !ok || format.Thumbnail == nil || !e.Mode.IsRegular() {
		http.NotFound(w, r)
		return
	}
	size := thumbnailSize
	if r.URL.Query().Get("size") == "large" {
		size = pictureSize
	}
	// Few at once: a page asks for a hundred, and each takes memory.
	select {
	case s.decoding <- struct{}{}:
		defer func() { <-s.decoding }()
	case <-r.Context().Done():
		return
	}
	src, done, err := c.Content(r.Context(), s.tables, e)
	if err != nil {
		http.NotFound(w, r)
		return
	}
	defer done()
	picture, err := preview.Thumbnail(r.Context(), format, src, size)
	if err != nil || len(picture) == 0 {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "image/jpeg")
	w.Header().Set("Cache-Control", "private, max-age=3600")
	w.Write(picture) // a browser that went away needs no picture
}

// number reads a number of an address, 0 for none and for what is none. It may be hexadecimal: 0x1f00.
func number(text string) int64 {
	n, err := strconv.ParseInt(text, 0, 64)
	if err != nil || n < 0 {
		return 0
	}
	return n
}
