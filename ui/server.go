package ui

import (
	"context"
	"crypto/tls"
	"embed"
	"errors"
	"html/template"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"time"

	"salvor/finding/translation"
	"salvor/host"
	"salvor/rescue"
)

//go:embed pages static words
var embedded embed.FS

// Options say how the pages are served.
type Options struct {
	Port    int    // 0 takes any that is free
	Case    string // opened first; "" for none
	Program string // name and version
	// NoElevate never asks for an administrator's rights.
	NoElevate bool
	State     string // the folder in which the list of known cases is kept
	Uploads   string // the folder for files that browsers send; "" takes none
	Log       *slog.Logger
	Remote    *Remote // how other computers reach the pages; nil for this one alone
}

// Server serves the pages.
type Server struct {
	o                           Options
	port, pageHost, contentHost string
	away                        *away // nil on the loopback addresses
	listeners                   []net.Listener
	http                        *http.Server
	seal                        *seal
	words                       map[string]catalogue
	pages                       map[string]*template.Template
	tables                      *rescue.Tables
	jobs                        *jobs
	rights                      *host.Rights
	known                       *known
	savings                     *savings
	looks                       memo[*rescue.Looked]
	tries                       memo[tried] // of secrets
	secrets                     secrets
	tokens                      tokens
	turn                        turn
	listings                    listings
	listing                     chan struct{}      // a place for the one that is made now
	take                        rescue.TakeOptions // how sources are read
	answers                     answers
	drafts                      drafts
	picks                       picks
	asides                      *asides
	asker                       *asker
	needs                       *needs
	uploads                     *uploads
	questions                   *questions
	others                      map[string]*sentences // by language, for what is said in English
	findings                    map[string]translation.Catalogue
	decoding                    chan struct{} // a place for each small picture that is made now
	stranger                    time.Duration // that one who was not let in may take to send a request
	ctx                         context.Context
	stop                        context.CancelFunc
}

// Listen begins to listen, on the loopback addresses where no Remote is asked for. The caller calls Serve.
func Listen(o Options) (*Server, error) {
	s := &Server{o: o, seal: newSeal(), stranger: strangerTime, decoding: make(chan struct{}, 2), listing: make(chan struct{}, 1), take: rescue.TakeOptions{Interval: writtenEvery}, uploads: newUploads(o.Uploads), questions: newQuestions(), others: map[string]*sentences{}, asides: newAsides(), asker: newAsker(), needs: newNeeds()}
	var err error
	if s.words, err = loadWords(); err != nil {
		return nil, err
	}
	if s.findings, err = loadFindings(); err != nil {
		return nil, err
	}
	if s.tables, err = rescue.NewTables(); err != nil {
		return nil, err
	}
	if s.known, err = openKnown(o.State); err != nil {
		return nil, err
	}
	for _, l := range languages[1:] {
		if s.others[l], err = loadSentences(l); err != nil {
			return nil, err
		}
	}
	s.savings = newSavings(o.State)
	if err := s.uploads.clean(); err != nil {
		o.Log.Warn("what a former run left of uploads", "error", err)
	}
	if s.pages, err = s.loadPages(); err != nil {
		return nil, err
	}
	if o.Remote != nil {
		err = s.listenAway(*o.Remote)
	} else {
		err = s.listenHere(o.Port)
	}
	if err != nil {
		return nil, err
	}
	s.rights = host.NewRights(host.RightsOptions{Never: o.NoElevate})
	s.ctx, s.stop = context.WithCancel(host.WithRights(context.Background(), s.rights))
	s.jobs = newJobs(s)
	s.http = &http.Server{
		Handler:           s.Handler(),
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    64 << 10,
		BaseContext:       func(net.Listener) context.Context { return s.ctx },
		ErrorLog:          slog.NewLogLogger(o.Log.Handler(), slog.LevelDebug),
	}
	if s.away != nil {
		s.http.TLSConfig = &tls.Config{Certificates: []tls.Certificate{s.away.Certificate}, MinVersion: tls.VersionTLS13}
	}
	return s, nil
}

// listenHere opens the loopback addresses.
func (s *Server) listenHere(port int) error {
	l, err := net.Listen("tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return err
	}
	_, s.port, _ = net.SplitHostPort(l.Addr().String())
	s.listeners = append(s.listeners, l)
	// A browser may look for localhost on the other family first; a computer without it does without.
	if six, err := net.Listen("tcp6", net.JoinHostPort("::1", s.port)); err == nil {
		s.listeners = append(s.listeners, six)
	}
	s.pageHost, s.contentHost = "127.0.0.1:"+s.port, "localhost:"+s.port
	return nil
}

// listenAway opens addresses that others can reach.
func (s *Server) listenAway(r Remote) error {
	err := r.check()
	if err != nil {
		return err
	}
	s.away = &away{Remote: r, throttle: newThrottle(), sessions: newSessions(), open: newCounted()}
	if s.listeners, s.port, err = s.away.listen(); err != nil {
		return err
	}
	s.pageHost = authority(r.Host, s.port)
	s.contentHost = s.pageHost
	if r.ContentHost != "" {
		s.contentHost = authority(r.ContentHost, s.port)
	}
	return nil
}

// Handler returns what answers all requests.
func (s *Server) Handler() http.Handler {
	return s.split(s.guarded(s.routes()), s.contents())
}

func (s *Server) scheme() string {
	if s.away != nil {
		return "https://"
	}
	return "http://"
}

// pageOrigin and contentOrigin are those of the pages and of what was recovered. They are one where others reach the pages
// by one name only.
func (s *Server) pageOrigin() string    { return s.scheme() + s.pageHost }
func (s *Server) contentOrigin() string { return s.scheme() + s.contentHost }

// Link returns the address that lets a browser in: on the loopback addresses by itself, else to where the password is asked for.
func (s *Server) Link() string {
	if s.away != nil {
		return s.pageOrigin() + "/"
	}
	return s.pageOrigin() + "/enter?token=" + s.seal.mark("link")
}

// LinkOnce returns an address that lets one browser in, once and soon: for the command that starts the browser, which every user
// of this computer can read.
func (s *Server) LinkOnce() string {
	if s.away != nil {
		return s.Link()
	}
	return s.pageOrigin() + "/enter?token=" + s.tokens.add()
}

// Serve answers until ctx ends, and then ends the jobs, which go on when the program is started again.
func (s *Server) Serve(ctx context.Context) error {
	if s.o.Case != "" {
		if err := s.known.add(knownCase{Dir: s.o.Case}); err != nil {
			return errors.Join(err, s.Close())
		}
	}
	var err error
	if s.turn, err = takeTurn(s.o.State); err != nil {
		s.o.Log.Warn("what was not ended does not go on by itself", "error", err)
	}
	if s.turn.ours {
		s.jobs.resume()
		s.resumeSavings()
	}
	go s.tidyAsides()
	ended := make(chan error, len(s.listeners))
	for _, l := range s.listeners {
		go func() { ended <- s.serveOn(l) }()
	}
	err = nil
	left := len(s.listeners)
	select {
	case <-ctx.Done():
	case err = <-ended:
		left--
	}
	s.stop() // ends streams of progress and jobs
	s.jobs.wait()
	err = errors.Join(err, s.turn.end(), s.rights.Close())
	s.secrets.forget()
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if s.http.Shutdown(ending) != nil {
		err = errors.Join(err, s.http.Close())
	}
	for range left {
		<-ended
	}
	uerr := s.uploads.end()
	s.needs.close()
	s.asides.close()
	if errors.Is(err, http.ErrServerClosed) {
		err = nil
	}
	return errors.Join(err, uerr, s.listings.close())
}

func (s *Server) serveOn(l net.Listener) error {
	if s.away != nil {
		return s.http.ServeTLS(&crowd{l, s.away.open}, "", "") // the certificate stands in the configuration
	}
	return s.http.Serve(l)
}

// Close gives up a server that does not serve.
func (s *Server) Close() (err error) {
	s.stop()
	for _, l := range s.listeners {
		err = errors.Join(err, l.Close())
	}
	s.needs.close()
	s.asides.close()
	return errors.Join(err, s.uploads.end(), s.listings.close())
}

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	static, err := fs.Sub(embedded, "static")
	if err != nil {
		return http.NotFoundHandler() // the name stands in this package
	}
	mux.Handle("GET /static/", http.StripPrefix("/static/", http.FileServerFS(static)))
	mux.HandleFunc("GET /{$}", s.start)
	mux.HandleFunc("GET /start/disks", s.startDisks)
	mux.HandleFunc("GET /dropped", s.dropped)
	mux.HandleFunc("POST /settings", s.settings)
	mux.HandleFunc("POST /logout", s.logout)
	mux.HandleFunc("GET /pick/{purpose}", s.pick)
	mux.HandleFunc("POST /upload", s.upload)
	mux.HandleFunc("GET /look", s.look)
	mux.HandleFunc("GET /elevate", s.elevate)
	mux.HandleFunc("POST /elevate", s.elevateAsk)
	mux.HandleFunc("POST /unlock", s.unlock)
	mux.HandleFunc("GET /case/{key}/unlock", s.unlockPage)
	mux.HandleFunc("GET /case/{key}/browse", s.browse)
	mux.HandleFunc("POST /case/{key}/browse", s.browseStart)
	mux.HandleFunc("GET /copy", s.copyForm)
	mux.HandleFunc("POST /copy", s.copyStart)
	mux.HandleFunc("GET /cases", s.cases)
	mux.HandleFunc("POST /cases", s.caseOpen)
	mux.HandleFunc("GET /case/{key}", s.caseHome)
	mux.HandleFunc("GET /case/{key}/journal", s.journal)
	mux.HandleFunc("POST /case/{key}/verify", s.verify)
	mux.HandleFunc("POST /case/{key}/forget", s.caseForget)
	mux.HandleFunc("POST /case/{key}/resume", s.resumeCase)
	mux.HandleFunc("GET /case/{key}/files", s.files)
	mux.HandleFunc("POST /case/{key}/choose", s.choose)
	mux.HandleFunc("GET /case/{key}/file", s.file)
	mux.HandleFunc("GET /case/{key}/thumb", s.thumb)
	mux.HandleFunc("GET /case/{key}/save", s.saveForm)
	mux.HandleFunc("POST /case/{key}/save", s.saveStart)
	mux.HandleFunc("GET /case/{key}/report", s.report)
	mux.HandleFunc("GET /job/{id}", s.jobPage)
	mux.HandleFunc("GET /job/{id}/events", s.jobEvents)
	mux.HandleFunc("POST /job/{id}/pause", s.jobPause)
	mux.HandleFunc("POST /job/{id}/resume", s.jobResume)
	mux.HandleFunc("GET /firmware", s.firmware)
	mux.HandleFunc("POST /firmware", s.firmwareSend)
	mux.HandleFunc("GET /firmware/check/{id}", s.firmwareAnswer)
	mux.HandleFunc("POST /firmware/check/{id}/stop", s.firmwareStop)
	mux.HandleFunc("GET /why", s.why)
	mux.HandleFunc("POST /why", s.whyAsk)
	mux.HandleFunc("GET /why/{id}", s.whyAnswer)
	mux.HandleFunc("GET /case/{key}/why", s.caseWhy)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { s.refuse(w, r, http.StatusNotFound, "refused.page") })
	return mux
}
