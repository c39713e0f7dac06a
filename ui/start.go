package ui

import (
	"bytes"
	"net/http"
	"net/url"

	"salvor/host"
	"salvor/rescue"
)

// diskCard is a disk of this computer on the first page.
type diskCard struct {
	Disk   host.Disk
	Ticket string // "" for one that cannot be chosen
	Why    string // name of the reason
	Notes  []string
	Health []string
	Worn   bool
	Held   []string
	InUse  bool // something may write to it
}

// disks are those of this computer, each with what a person is told of it.
func (s *Server) disks(r *http.Request, lang catalogue) ([]diskCard, error) {
	var cards []diskCard
	disks, err := host.Disks(r.Context())
	for _, d := range disks {
		cards = append(cards, s.diskCard(d, lang))
	}
	return cards, err
}

func (s *Server) diskCard(d host.Disk, lang catalogue) diskCard {
	c := diskCard{Disk: d, Health: healthWords(lang, d.Health), Worn: d.Health.Worn()}
	switch {
	case d.System:
		c.Why = "start.disk.system"
	case d.Size == 0:
		c.Why = "start.disk.empty"
	default:
		c.Ticket = s.seal.ticket("source", d.Path)
	}
	if !d.Virtual {
		c.Notes = append(c.Notes, lang.say("start.disk.removable."+yesNo(d.Removable)))
	}
	if name := "start.disk.by." + d.Transport; lang.has(name) {
		c.Notes = append(c.Notes, lang.say(name))
	}
	if d.Virtual {
		c.Notes = append(c.Notes, lang.say("start.disk.virtual"))
	}
	if d.ReadOnly {
		c.Notes = append(c.Notes, lang.say("start.disk.readonly"))
	}
	for _, h := range d.Holders {
		c.Held = append(c.Held, holderWords(lang, h))
		c.InUse = c.InUse || h.CanWrite
	}
	return c
}

func yesNo(is bool) string {
	if is {
		return "yes"
	}
	return "no"
}

// holderWords say what uses a disk.
func holderWords(lang catalogue, h host.Holder) string {
	name := "start.held." + string(h.Kind)
	if h.Kind == host.HeldByMount && h.ReadOnly {
		name += ".readonly"
	}
	return lang.say(name, isolated(h.Device), isolated(h.Name))
}

// isolated is hostile text for the middle of a sentence: it cannot move what stands around it.
func isolated(text string) string { return "\u2068" + plain(text) + "\u2069" }

// healthWords say what a disk tells of itself.
func healthWords(lang catalogue, h host.Health) []string {
	if !h.Known {
		return nil
	}
	var out []string
	add := func(is bool, name string, args ...any) {
		if is {
			out = append(out, lang.say("start.health."+name, args...))
		}
	}
	add(h.Failing, "failing")
	add(h.Locked, "locked")
	add(h.Used > 100, "worn")
	add(h.Used > 0 && h.Used <= 100, "used", h.Used)
	add(h.Reserve == "warning" || h.Reserve == "urgent", "reserve")
	add(h.Pending > 0, "pending", h.Pending)
	add(h.Uncorrected > 0, "uncorrected", h.Uncorrected)
	add(h.Reallocated > 0, "reallocated", h.Reallocated)
	add(h.LinkErrors > 0, "link", h.LinkErrors)
	add(h.Hot, "hot", h.Celsius)
	add(len(out) == 0, "good")
	return out
}

// dropMost bounds what is taken when it is dropped on the first page, in bytes: a larger file is most likely an image,
// and taking it would write all of it to this computer's disk once more.
const dropMost = 1 << 30

// AtMost is the place to drop files at that takes none which is larger; 0 changes nothing.
func (d *dropPart) AtMost(most int64) *dropPart {
	if most > 0 {
		d.Most = min(d.Most, most)
	}
	return d
}

func (s *Server) start(w http.ResponseWriter, r *http.Request) {
	disks, err := s.disks(r, s.words[languageOf(r)])
	s.show(w, r, http.StatusOK, "start", view{Here: "start"}, map[string]any{"Disks": disks, "Failed": err, "Known": len(s.known.all()), "DropMost": int64(dropMost)})
}

// startDisks answers with the list of disks alone, for the script that looks whether a card was plugged in.
func (s *Server) startDisks(w http.ResponseWriter, r *http.Request) {
	lang := languageOf(r)
	disks, err := s.disks(r, s.words[lang])
	v := view{Lang: lang, words: s.words[lang], D: map[string]any{"Disks": disks, "Failed": err}}
	var b bytes.Buffer
	if err := s.pages["start"].ExecuteTemplate(&b, "disks", &v); err != nil {
		s.o.Log.Error("the list of disks could not be made", "error", err)
		http.Error(w, "this list could not be made", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Write(b.Bytes()) // a browser that went away needs no answer
}

// dropped leads a file that was dropped on the first page to the page that it is for. Where that cannot be told, the
// person is asked.
func (s *Server) dropped(w http.ResponseWriter, r *http.Request) {
	path, ok := s.seal.place("dropped", r.URL.Query().Get("dropped"))
	if !ok {
		s.refuse(w, r, http.StatusForbidden, "refused.ticket")
		return
	}
	kind, err := rescue.KindOf(r.Context(), path)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	to := func(page, purpose string) string {
		return page + "?" + url.Values{purpose: {s.seal.ticket(purpose, path)}}.Encode()
	}
	choices := map[rescue.FileKind]string{rescue.LogFile: to("/why", "log"), rescue.PackageFile: to("/firmware", "package"), rescue.ImageFile: to("/look", "source")}
	if address, ok := choices[kind]; ok {
		http.Redirect(w, r, address, http.StatusSeeOther)
		return
	}
	s.show(w, r, http.StatusOK, "dropped", view{Here: "start"}, map[string]any{"Path": path, "Size": host.FileSize(path),
		"Look": choices[rescue.ImageFile], "Firmware": choices[rescue.PackageFile], "Why": choices[rescue.LogFile]})
}
