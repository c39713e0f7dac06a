package ui

import (
	"net/http"
	"net/url"
	"slices"
)

// maxSources bounds how many disks belong to one case.
const maxSources = 64

// sources returns the places that a request names in its fields "source", each a ticket, in the order in which they
// stand there and each once: disks that belong together (RAID, NAS) are several. It reports false for none, for too
// many, and when one of them is no ticket of this server.
func (s *Server) sources(r *http.Request) ([]string, bool) {
	tickets := r.URL.Query()["source"]
	if r.Method == http.MethodPost {
		_ = r.FormValue("") // the form is read; one that cannot be read has no fields
		tickets = r.PostForm["source"]
	}
	if len(tickets) == 0 || len(tickets) > maxSources {
		return nil, false
	}
	var out []string
	for _, t := range tickets {
		path, ok := s.seal.place("source", t)
		if !ok {
			return nil, false
		}
		if !slices.Contains(out, path) {
			out = append(out, path)
		}
	}
	return out, true
}

// sourceTickets are the tickets of sources, for the fields of a form.
func (s *Server) sourceTickets(paths []string) []string {
	var out []string
	for _, p := range paths {
		out = append(out, s.seal.ticket("source", p))
	}
	return out
}

// sourceQuery names sources in an address: "source=…&source=…".
func (s *Server) sourceQuery(paths []string) string {
	return url.Values{"source": s.sourceTickets(paths)}.Encode()
}
