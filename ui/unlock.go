package ui

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"salvor/block"
	"salvor/internal/wire"
	"salvor/rescue"
	"salvor/volume"
)

// How much is read of what holds a secret, in bytes.
const (
	maxPhrase  = 64 << 10
	maxKeyFile = 8 << 20
	maxHeader  = 64 << 20
)

// tried is what came of a secret: one of the words right, wrong, later, none.
type tried struct {
	Answer string
	Opened []lock
	Why    string // for technicians
}

// unlockForm is what the fields for secrets show.
type unlockForm struct {
	Locks   []lock
	Fields  map[string][]string // hidden, that say what the secret is for
	Tried   *tried
	Running *seen
	Again   bool // it was given once, and is not known any more
	KeyFile string
	KeyName string
	Header  string
	HdrName string
	PickKey string // where a file is chosen
	PickHdr string
	Page    string // that shows it, where it has one of its own
}

// Closed reports whether there is something that a secret could open.
func (f *unlockForm) Closed() bool { return f != nil && (f.Again || closed(f.Locks) > 0) }

// unlockFiles takes up the files that were chosen for a form on this page.
func (s *Server) unlockFiles(f *unlockForm, r *http.Request, back string) bool {
	q := r.URL.Query()
	keep := func(without string) string {
		u := url.Values{}
		for _, name := range []string{"keyfile", "header"} {
			if t := q.Get(name); t != "" && name != without {
				u.Set(name, t)
			}
		}
		to := back
		if len(u) > 0 {
			to = withQuery(to, u)
		}
		return "/pick/" + without + "?then=" + url.QueryEscape(to)
	}
	f.PickKey, f.PickHdr = keep("keyfile"), keep("header")
	for name, at := range map[string]*[2]*string{"keyfile": {&f.KeyFile, &f.KeyName}, "header": {&f.Header, &f.HdrName}} {
		t := q.Get(name)
		if t == "" {
			continue
		}
		path, ok := s.seal.place(name, t)
		if !ok {
			return false
		}
		*at[0], *at[1] = t, filepath.Base(path)
	}
	return true
}

// withQuery adds fields to an address.
func withQuery(address string, fields url.Values) string {
	if strings.Contains(address, "?") {
		return address + "&" + fields.Encode()
	}
	return address + "?" + fields.Encode()
}

// unlock tries a secret on what is locked, as a job.
func (s *Server) unlock(w http.ResponseWriter, r *http.Request) {
	paths, ok := s.sources(r)
	var k knownCase
	back := ""
	if key := r.PostFormValue("case"); key != "" {
		if k, ok = s.known.get(key); !ok || k.Source == "" {
			s.refuse(w, r, http.StatusNotFound, "refused.case")
			return
		}
		paths, back = k.Sources(), "/case/"+key+"/unlock"
	} else if ok {
		back = "/look?" + s.sourceQuery(paths)
	}
	if !ok {
		s.refuse(w, r, http.StatusForbidden, "refused.ticket")
		return
	}
	keys, word := s.givenKeys(r)
	if word != "" {
		s.refuse(w, r, http.StatusBadRequest, word)
		return
	}
	key := s.unlockKey(paths, k)
	if s.busy("unlock", key) {
		keys.Forget()
	} else {
		s.jobs.add(&job{kind: "unlock", key: key, work: func(ctx context.Context, e rescue.Events) (wire.Result, error) {
			defer keys.Forget() // those that open something are the server's by then
			t, err := s.try(ctx, paths, k, keys, e)
			if err != nil {
				return wire.Result{}, err
			}
			s.tries.put(key, t)
			return wire.NewResult(rescue.ExitDone, t.Answer, "it was only read", ""), nil
		}})
	}
	http.Redirect(w, r, back, http.StatusSeeOther)
}

// unlockKey names the trying of secrets on sources, or on a case of them.
func (s *Server) unlockKey(paths []string, k knownCase) string {
	return s.seal.mark("unlock", placesKey(paths), k.Dir)
}

// try says what a secret opens. One that opens something is kept, and so is one that cannot be tried yet.
func (s *Server) try(ctx context.Context, paths []string, k knownCase, given *rescue.Keys, e rescue.Events) (tried, error) {
	kept := s.secrets.of(paths)
	before, after, err := s.tryOn(ctx, paths, k, kept, rings{kept, given}, e)
	if err != nil {
		return tried{}, err
	}
	t := tried{Answer: "wrong", Opened: opened(before, after)}
	switch {
	case len(t.Opened) > 0:
		t.Answer = "right"
	case len(after) == 0 && k.Dir != "":
		t.Answer = "later"
	case closed(after) == 0:
		t.Answer = "none"
	default:
		for _, l := range after {
			if !l.Open && l.Why != "" {
				t.Why = l.Why
			}
		}
	}
	if t.Answer == "right" || t.Answer == "later" {
		kept.Take(given)
		if k.Dir != "" {
			return t, s.known.locked(k.Key())
		}
	}
	return t, nil
}

// tryOn returns what is locked on a source or on the copy in a case, without the keys that were given and with them.
func (s *Server) tryOn(ctx context.Context, paths []string, k knownCase, kept *rescue.Keys, all rings, e rescue.Events) (before, after []lock, err error) {
	if k.Dir != "" {
		if before, err = s.caseLocks(ctx, k, kept); err == nil {
			after, err = s.caseLocks(ctx, k, all)
		}
		return before, after, err
	}
	key := s.lookKey(paths)
	earlier := s.looks.get(key)
	if earlier != nil {
		before = locksOf(earlier.Trees)
	}
	found, err := rescue.Look(ctx, paths, rescue.LookOptions{Keys: all, Earlier: earlier, Progress: lookProgress(e)})
	if err != nil {
		return nil, nil, err
	}
	after = locksOf(found.Trees)
	if len(opened(before, after)) > 0 {
		s.looks.put(key, found)
	}
	return before, after, nil
}

// caseLocks returns what is locked on the copies of a case. The sources themselves are not read.
func (s *Server) caseLocks(ctx context.Context, k knownCase, keys volume.Keyring) ([]lock, error) {
	c, err := rescue.OpenCase(k.Dir, s.o.Program)
	if err != nil {
		return nil, err
	}
	c.Keys = keys
	trees, err := c.Trees(ctx)
	return locksOf(trees), errors.Join(err, c.Close())
}

// rings are secrets of several kinds of keeping, tried one after the other.
type rings []*rescue.Keys

// Header returns the first header that was given.
func (rs rings) Header() block.Source {
	for _, k := range slices.Backward(rs) {
		if h := k.Header(); h != nil {
			return h
		}
	}
	return nil
}

// Secrets returns those of all.
func (rs rings) Secrets(ctx context.Context, l volume.Locked) iter.Seq[volume.Secret] {
	return func(yield func(volume.Secret) bool) {
		for _, k := range rs {
			for s := range k.Secrets(ctx, l) {
				if !yield(s) {
					return
				}
			}
		}
	}
}

// givenKeys takes the secrets out of a form. What is wrong with it is the name of a refusal.
func (s *Server) givenKeys(r *http.Request) (*rescue.Keys, string) {
	typed := []byte(r.PostFormValue("secret"))
	delete(r.PostForm, "secret")
	delete(r.Form, "secret")
	keys := &rescue.Keys{}
	both := func(b []byte) {
		keys.Add(volume.Secret{Kind: volume.Passphrase, Bytes: b}, volume.Secret{Kind: volume.RecoveryKey, Bytes: bytes.Clone(b)})
	}
	switch {
	case len(typed) > maxPhrase:
		return nil, "refused.secret"
	case len(typed) > 0:
		both(typed)
	}
	if path, ok := s.seal.place("keyfile", r.PostFormValue("keyfile")); ok {
		skip, size, ok := keyPart(r)
		if !ok {
			return nil, "refused.keypart"
		}
		part, err := readSecret(path, skip, size, maxKeyFile)
		if err != nil {
			return nil, "refused.keyfile"
		}
		keys.Add(volume.Secret{Kind: volume.KeyFile, Bytes: part})
		if len(part) <= maxPhrase {
			keys.Add(volume.Secret{Kind: volume.StartupKey, Bytes: bytes.Clone(part)})
			if line, err := rescue.OneLine(bytes.Clone(part)); err == nil {
				both(line)
			}
		}
	}
	if path, ok := s.seal.place("header", r.PostFormValue("header")); ok {
		b, err := readSecret(path, 0, 0, maxHeader)
		if err != nil {
			return nil, "refused.keyfile"
		}
		keys.AddHeader(block.Bytes(b))
	}
	if keys.Empty() {
		return nil, "refused.secret"
	}
	return keys, ""
}

// keyPart is which part of a key file is the key: what is skipped, and how much is used, 0 for all.
func keyPart(r *http.Request) (skip, size int64, ok bool) {
	ok = true
	number := func(name string, limit int64) int64 {
		text := r.PostFormValue(name)
		if text == "" {
			return 0
		}
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 0 || n > limit {
			ok = false
		}
		return n
	}
	return number("skip", 1<<30), number("use", maxKeyFile), ok
}

// readSecret reads the part of a file that is a secret: of size bytes, or all behind what is skipped. Its error names nothing
// that stands in it.
func readSecret(path string, skip, size, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	rest := info.Size() - skip
	if size == 0 {
		size = rest
	}
	if !info.Mode().IsRegular() || size <= 0 || size > rest || size > limit {
		return nil, fmt.Errorf("%s is no file with a part of at most %d bytes at byte %d", path, limit, skip)
	}
	b := make([]byte, size)
	if _, err := io.ReadFull(io.NewSectionReader(f, skip, size), b); err != nil {
		clear(b)
		return nil, err
	}
	return b, nil
}

// unlockPage shows what is locked in a case, and takes secrets for it.
func (s *Server) unlockPage(w http.ResponseWriter, r *http.Request) {
	k, ok := s.known.get(r.PathValue("key"))
	if !ok {
		s.refuse(w, r, http.StatusNotFound, "refused.case")
		return
	}
	f := s.unlockOfCase(r, k)
	if f == nil {
		http.Redirect(w, r, "/case/"+k.Key(), http.StatusSeeOther)
		return
	}
	if !s.unlockFiles(f, r, "/case/"+k.Key()+"/unlock") {
		s.refuse(w, r, http.StatusForbidden, "refused.ticket")
		return
	}
	v := view{Here: "cases"}
	if f.Running != nil {
		v.Refresh = 1
	}
	data := map[string]any{"Key": k.Key(), "Name": k.Name(), "Unlock": f, "Working": s.busy("rescue", k.Key())}
	if j := s.jobs.of("rescue", k.Key()); j != nil {
		data["Job"] = j.id
	}
	s.show(w, r, http.StatusOK, "unlock", v, data)
}

// unlockOfCase returns the fields for the secrets of a case; nil where nothing is locked that is known.
func (s *Server) unlockOfCase(r *http.Request, k knownCase) *unlockForm {
	if k.Source == "" {
		return nil
	}
	f := &unlockForm{Fields: map[string][]string{"case": {k.Key()}}, Page: "/case/" + k.Key() + "/unlock"}
	f.Again = k.Locked && s.secrets.of(k.Sources()).Empty()
	s.unlockState(f, s.unlockKey(k.Sources(), k))
	c, err := rescue.OpenCase(k.Dir, s.o.Program)
	if err == nil {
		defer c.Close()
		if rows, err := c.Catalog.Layers(r.Context()); err == nil {
			for _, row := range rows {
				if l := wire.FromRow(row); l.State == "locked" && !l.Rival && len(f.Locks) < maxLocks {
					f.Locks = append(f.Locks, lock{ID: l.ID, Kind: l.Kind, Label: plain(l.Label)})
				}
			}
		}
	}
	if !f.Again && len(f.Locks) == 0 && f.Tried == nil && f.Running == nil {
		return nil
	}
	return f
}

// unlockState takes up what became of the last secret.
func (s *Server) unlockState(f *unlockForm, key string) {
	if j := s.jobs.of("unlock", key); j != nil {
		if now, _ := j.see(); now.Running {
			f.Running = &now
			return
		} else if now.Result != nil && now.Result.Exit != rescue.ExitDone {
			f.Tried = &tried{Answer: "failed", Why: plain(now.Result.State)}
			return
		}
	}
	if t, ok := s.tries.find(key); ok {
		f.Tried = &t
	}
}
