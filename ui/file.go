package ui

import (
	"net/http"
	"net/url"
	"strings"

	"salvor/filetype"
	"salvor/preview"
	"salvor/recovery"
	"salvor/rescue"
)

// thumbnailSize is the longer side of a small picture, in pixels.
const thumbnailSize = 240

// How much of a file a page shows.
const (
	shownText    = 64 << 10 // bytes
	shownMembers = 500
	shownRuns    = 200
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

// fact is a name and a value; Word is set where the name is one of the catalogue.
type fact struct{ Word, Name, Value string }

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
	facts := []fact{{Word: "file.state", Value: rescue.StateWords(e)}}
	add := func(word, value string) {
		if value != "" {
			facts = append(facts, fact{Word: word, Value: plain(value)})
		}
	}
	add("file.path", e.Path)
	add("file.volume", shown.Volume)
	add("file.format", e.Format)
	add("file.modified", when(e.Times.Modified))
	add("file.created", when(e.Times.Created))
	add("file.taken", when(e.Hints.Taken))
	add("file.camera", e.Hints.Camera)
	add("file.title.hint", e.Hints.Title)
	add("file.author", e.Hints.Author)
	for _, f := range shown.Preview.Facts {
		facts = append(facts, fact{Name: plain(f.Name), Value: plain(f.Value)})
	}
	var reasons, notes []string
	for _, f := range e.Findings {
		reasons = append(reasons, plain(f.String()))
	}
	for _, f := range shown.Preview.Findings {
		notes = append(notes, plain(f.String()))
	}
	text := shown.Preview.Text
	if len(text) > shownText {
		text = strings.ToValidUTF8(text[:shownText], "")
	}
	var hex []string
	for _, l := range shown.Bytes {
		hex = append(hex, l.String())
	}
	runs := e.Runs
	if e.Encoding != "" {
		runs = e.Stored
	}
	members := shown.Preview.Members
	data := map[string]any{"Key": k.Key(), "CaseName": k.Name(), "Entry": e, "Name": plain(nameOf(e)), "Facts": facts, "Verdict": e.Verdict.String(), "Regular": e.Mode.IsRegular(),
		"Reasons": reasons, "Notes": notes, "Text": visible(text), "Encoding": shown.Preview.Encoding, "Hex": hex, "Members": members[:min(len(members), shownMembers)],
		"MoreMembers": max(len(members)-shownMembers, 0) + shown.Preview.More, "Runs": runs[:min(len(runs), shownRuns)], "MoreRuns": max(len(runs)-shownRuns, 0),
		"Save": "/case/" + k.Key() + "/save?id=" + url.QueryEscape(e.ID), "SHA256": e.SHA256, "SavedAs": plain(e.SavedAs), "Missing": e.Missing.Bytes()}
	if f, ok := s.tables.Files.ByName(e.Format); ok && f.Thumbnail != nil {
		data["Thumb"] = "/case/" + k.Key() + "/thumb?id=" + url.QueryEscape(e.ID)
	}
	if e.Mode.IsRegular() {
		address := s.contentAddress(k.Key(), e)
		data["Content"] = address
		if media := plainMedium(e.Format); media != "" && e.Verdict != filetype.Encrypted {
			data["Medium"], _, _ = strings.Cut(media, "/")
		}
	}
	s.show(w, r, http.StatusOK, "file", view{Here: "cases", Title: plain(nameOf(e))}, data)
}

// visible shows the hidden characters of a text, but for the breaks of its lines.
func visible(text string) string {
	var b strings.Builder
	for line := range strings.Lines(strings.ReplaceAll(text, "\r\n", "\n")) {
		body, end := strings.CutSuffix(line, "\n")
		b.WriteString(plain(strings.ReplaceAll(body, "\t", "    ")))
		if end {
			b.WriteByte('\n')
		}
	}
	return b.String()
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
	picture, err := preview.Thumbnail(r.Context(), format, src, thumbnailSize)
	if err != nil || len(picture) == 0 {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "image/jpeg")
	w.Header().Set("Cache-Control", "private, max-age=3600")
	w.Write(picture) // a browser that went away needs no picture
}
