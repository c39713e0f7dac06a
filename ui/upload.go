package ui

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"salvor/host"
	"salvor/recovery"
)

// uploadLimits bound what browsers may leave here.
type uploadLimits struct {
	file    int64 // bytes of one
	request int   // files of one form
	run     int   // files of one run of the program
	reserve int64 // bytes that stay free on the disk
}

var usualLimits = uploadLimits{file: 32 << 30, request: 100, run: 1000, reserve: 512 << 20}

const (
	uploadBuffer  = 1 << 20  // bytes read at once
	uploadRecheck = 64 << 20 // bytes after which the free space is looked at again
	maxFields     = 64       // of one form, beside files
	maxCSRF       = 200      // bytes
	maxName       = 150      // bytes
	// What is still read of a form that was refused, so that a browser comes to read the answer.
	maxDrain        = 8 << 30
	maxForeignDrain = 64 << 20 // of one without the token
)

// The ways in which an upload fails. Each has words under refused.upload.
var (
	errUploadLarge = errors.New("large")
	errUploadRoom  = errors.New("room")
	errUploadMany  = errors.New("many")
	errUploadNone  = errors.New("none")
	errUploadPlace = errors.New("place")
	errUploadCut   = errors.New("cut")
	errUploadForm  = errors.New("form")
)

// uploads are the files that were dropped or chosen in a browser. They stand in a folder of this run alone, which is
// removed when the program ends, and after a kill when it is started again.
type uploads struct {
	parent string // "" takes none
	limits uploadLimits
	free   func(dir string) (int64, error) // bytes that may be filled

	mu     sync.Mutex
	folder *host.PrivateFolder // made for the first file
	taken  int
	ended  bool
}

func newUploads(parent string) *uploads {
	u := &uploads{parent: parent, limits: usualLimits}
	u.free = func(dir string) (int64, error) {
		t, err := host.InspectTarget(dir)
		switch {
		case err != nil:
			return 0, err
		case t.Free < 0:
			return u.limits.file, nil
		case t.Memory:
			return t.Free / 2, nil
		}
		return t.Free - u.limits.reserve, nil
	}
	return u
}

// clean removes what killed runs left.
func (u *uploads) clean() error {
	if u.parent == "" {
		return nil
	}
	return host.RemoveLeft(u.parent)
}

// end removes all files.
func (u *uploads) end() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.ended = true
	if u.folder == nil {
		return nil
	}
	err := u.folder.Remove()
	u.folder = nil
	return err
}

// most is how large a file may be now, 0 where none is taken.
func (u *uploads) most() int64 {
	if u.parent == "" {
		return 0
	}
	free, err := u.free(u.parent)
	if err != nil {
		return 0
	}
	return max(min(free, u.limits.file), 0)
}

// place makes the folder of one more file.
func (u *uploads) place() (string, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	switch {
	case u.parent == "" || u.ended:
		return "", errUploadPlace
	case u.taken >= u.limits.run:
		return "", errUploadMany
	case u.folder == nil:
		var err error
		if u.folder, err = host.NewPrivateFolder(u.parent); err != nil {
			return "", err
		}
	}
	u.taken++
	dir := filepath.Join(u.folder.Dir(), strconv.Itoa(u.taken))
	return dir, os.Mkdir(dir, 0o700)
}

// take writes one file, and returns its path. Of one that does not come to its end nothing stays.
func (u *uploads) take(ctx context.Context, name string, from io.Reader) (path string, err error) {
	dir, err := u.place()
	if err != nil {
		return "", err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(dir))
		}
	}()
	path = filepath.Join(dir, uploadName(name))
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", err
	}
	err = u.fill(ctx, f, dir, from)
	if err = errors.Join(err, f.Close()); host.IsFull(err) {
		err = errors.Join(errUploadRoom, err)
	}
	return path, err
}

func (u *uploads) fill(ctx context.Context, f *os.File, dir string, from io.Reader) error {
	buffer := make([]byte, uploadBuffer)
	written, room, checked := int64(0), int64(0), int64(-uploadRecheck)
	for {
		n, err := from.Read(buffer)
		if written+int64(n) > u.limits.file {
			return errUploadLarge
		}
		if n > 0 && written-checked >= uploadRecheck {
			free, ferr := u.free(dir)
			if ferr != nil {
				return ferr
			}
			room, checked = free, written
		}
		if room -= int64(n); room < 0 && n > 0 {
			return errUploadRoom
		}
		if _, werr := f.Write(buffer[:n]); werr != nil {
			return werr
		}
		written += int64(n)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.Is(err, errUploadLarge):
			return err
		case err != nil:
			return errors.Join(errUploadCut, err)
		case ctx.Err() != nil:
			return ctx.Err()
		}
	}
}

// drop removes files of a form that was refused in its middle.
func (u *uploads) drop(paths []string) error {
	var errs []error
	for _, p := range paths {
		errs = append(errs, os.RemoveAll(filepath.Dir(p)))
	}
	return errors.Join(errs...)
}

// hide returns the path of a file, and for one that was sent here its name alone.
func (u *uploads) hide(path string) string {
	if u.parent != "" && strings.HasPrefix(path, u.parent+string(filepath.Separator)) {
		return filepath.Base(path)
	}
	return path
}

// uploadName makes what a browser calls a file into one safe name that still shows what it is.
func uploadName(name string) string {
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	return recovery.SafeName(name, recovery.Target{WindowsNames: true}, maxName)
}

// takesFiles are the addresses that forms with files are sent to. All other forms are small.
var takesFiles = map[string]bool{"/upload": true, "/why": true}

// carriesFiles reports whether a request is a form with files.
func carriesFiles(r *http.Request) bool {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && kind == "multipart/form-data" && takesFiles[r.URL.Path]
}

// fileForm is a form with files whose token was checked, and of which nothing else was read yet.
type fileForm struct {
	parts *multipart.Reader
	most  int64 // bytes of one file, where that is less than for others; 0 elsewhere
}

// formKey is where a request carries its fileForm.
type formKey struct{}

// checkFiles reads the first field of a form with files, which has to be the token: nothing of the form is taken before it
// is known that it is one of this program's own.
func (s *Server) checkFiles(w http.ResponseWriter, r *http.Request, session string) (*http.Request, bool) {
	r.Body = http.MaxBytesReader(w, r.Body, s.uploads.limits.file*2)
	parts, err := r.MultipartReader()
	if err != nil {
		return r, false
	}
	first, err := parts.NextPart()
	if err != nil || first.FormName() != "csrf" || first.FileName() != "" {
		return r, false
	}
	token, err := io.ReadAll(io.LimitReader(first, maxCSRF+1))
	if err != nil || len(token) > maxCSRF || !s.seal.holds(string(token), "csrf", session) {
		return r, false
	}
	return r.WithContext(context.WithValue(r.Context(), formKey{}, &fileForm{parts: parts})), true
}

// received is a form with files that was taken in.
type received struct {
	fields url.Values
	files  []string // paths
}

// receive takes a form with files in. What stands before the files is shown to check first, which may refuse all of it. Of
// a form that is refused, or cut off, no file stays.
func (s *Server) receive(r *http.Request, check func(url.Values) bool) (_ *received, err error) {
	form, ok := r.Context().Value(formKey{}).(*fileForm)
	if !ok {
		return nil, errUploadForm
	}
	got := &received{fields: url.Values{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.uploads.drop(got.files))
		}
	}()
	room, count := int64(maxForm), 0
	for {
		part, err := form.parts.NextPart()
		if errors.Is(err, io.EOF) {
			return got, nil
		}
		if err != nil {
			return nil, errors.Join(errUploadCut, err)
		}
		if isFile := strings.Contains(part.Header.Get("Content-Disposition"), "filename"); !isFile {
			text, err := io.ReadAll(io.LimitReader(part, room+1))
			if err != nil {
				return nil, errors.Join(errUploadCut, err)
			}
			room -= int64(len(text) + len(part.FormName()))
			if count++; room < 0 || count > maxFields {
				return nil, errUploadForm
			}
			got.fields.Add(part.FormName(), string(text))
			continue
		}
		if part.FileName() == "" { // a field for files in which none was chosen
			if n, err := io.Copy(io.Discard, io.LimitReader(part, 1)); err != nil || n > 0 {
				return nil, errors.Join(errUploadForm, err)
			}
			continue
		}
		if len(got.files) == 0 && !check(got.fields) {
			return nil, errUploadForm
		}
		if len(got.files) == s.uploads.limits.request {
			return nil, errUploadMany
		}
		from := io.Reader(part)
		if form.most > 0 {
			if r.ContentLength > form.most+maxForm {
				return nil, errUploadLarge // before any of it is written
			}
			from = &atMost{part, form.most}
		}
		path, err := s.uploads.take(r.Context(), part.FileName(), from)
		if err != nil {
			return nil, err
		}
		got.files = append(got.files, path)
	}
}

// atMost ends with errUploadLarge behind a number of bytes.
type atMost struct {
	io.Reader
	left int64
}

func (a *atMost) Read(p []byte) (int, error) {
	n, err := a.Reader.Read(p)
	if a.left -= int64(n); a.left < 0 {
		return 0, errUploadLarge
	}
	return n, err
}

// drain reads the rest of a form, up to a bound: a browser shows no answer while it still sends.
func drain(r *http.Request, most int64) {
	io.CopyN(io.Discard, r.Body, most) // one that breaks off has no rest
}

// refuseUpload answers a form that was not taken.
func (s *Server) refuseUpload(w http.ResponseWriter, r *http.Request, err error) {
	s.o.Log.Info("an upload was refused", "error", err)
	if !errors.Is(err, errUploadCut) {
		drain(r, maxDrain)
	}
	for _, known := range []struct {
		err    error
		status int
	}{{errUploadLarge, http.StatusRequestEntityTooLarge}, {errUploadRoom, http.StatusInsufficientStorage}, {errUploadMany, http.StatusConflict},
		{errUploadNone, http.StatusBadRequest}, {errUploadPlace, http.StatusConflict}, {errUploadCut, http.StatusBadRequest}, {errUploadForm, http.StatusBadRequest}} {
		if errors.Is(err, known.err) {
			s.refuse(w, r, known.status, "refused.upload."+known.err.Error())
			return
		}
	}
	s.fail(w, r, err)
}

// upload takes files in, and goes on to the page that they are for, with a ticket for each, as the picker has it.
func (s *Server) upload(w http.ResponseWriter, r *http.Request) {
	got, err := s.receive(r, func(f url.Values) bool {
		p, ok := purposes[f.Get("purpose")]
		if form, is := r.Context().Value(formKey{}).(*fileForm); is {
			form.most = p.most
		}
		return ok && !p.folder
	})
	if err == nil && len(got.files) == 0 {
		err = errUploadNone
	}
	if err != nil {
		s.refuseUpload(w, r, err)
		return
	}
	purpose := got.fields.Get("purpose")
	then := purposes[purpose].then
	if t := got.fields.Get("then"); t != "" {
		then = local(t)
	}
	tickets := url.Values{}
	for _, path := range got.files {
		tickets.Add(purpose, s.seal.ticket(purpose, path))
	}
	sign := "?"
	if strings.Contains(then, "?") {
		sign = "&"
	}
	http.Redirect(w, r, then+sign+tickets.Encode(), http.StatusSeeOther)
}

// dropPart is what the template of a place to drop files at gets.
type dropPart struct {
	V       *view
	Purpose string // of the tickets
	Then    string // the page that takes them; "" for that of the purpose
	Many    bool
	Most    int64 // bytes of one file
}

// ID tells the fields of several such places on one page apart.
func (d *dropPart) ID() string { return fmt.Sprintf("drop-%s", d.Purpose) }

// Drop is a place to drop files at: nil where the program has no room for any.
func (v *view) Drop(purpose, then string, many bool) *dropPart {
	most := v.uploads.most()
	if most == 0 {
		return nil
	}
	return &dropPart{v, purpose, then, many, most}
}
