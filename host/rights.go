package host

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
)

// Rights opens devices that only an administrator may read: a program of the system (sudo, pkexec) asks a person for the
// password, and runs this program again to do nothing but open that one device, read-only. This process, and whatever parses
// what is read, keeps the rights that it has. One permission serves all that opens the device within its time.
//
// It is handed on by the context, see [WithRights].
type Rights struct {
	o RightsOptions

	asking chan struct{} // holds one while a person is asked

	mu     sync.Mutex
	grants map[string]*grant // by the number of the device
	denied map[string]error  // what came of asking, so that no one is asked twice
}

// RightsOptions say who is asked, and when.
type RightsOptions struct {
	// Ask asks whenever a device is opened that needs it. Without it only [Rights.Acquire] asks.
	Ask bool
	// Terminal says that the person is at the terminal of this process, not in front of a page.
	Terminal bool
	// Never asks nobody, whoever wants it.
	Never bool
	// Tell is given one sentence before a person is asked; nil tells nobody.
	Tell func(string)
}

// NewRights returns rights that were not given yet. The caller closes them.
func NewRights(o RightsOptions) *Rights {
	return &Rights{o: o, asking: make(chan struct{}, 1), grants: map[string]*grant{}, denied: map[string]error{}}
}

type rightsKey struct{}

// WithRights lets whatever is opened with this context use r.
func WithRights(ctx context.Context, r *Rights) context.Context {
	return context.WithValue(ctx, rightsKey{}, r)
}

// rightsOf returns the rights of a context, nil when it has none.
func rightsOf(ctx context.Context) *Rights {
	r, _ := ctx.Value(rightsKey{}).(*Rights)
	return r
}

// CodePermission is the code of the refusal of a device that this user may not read.
const CodePermission = "host.source.permission"

// The codes of what came of asking.
const (
	rightsCodes   = "host.rights."
	CodeNoAsker   = rightsCodes + "missing" // nothing is there that can ask
	CodeNotGiven  = rightsCodes + "refused" // it asked, and the rights were not given
	codeRightsEnd = rightsCodes + "failed"
)

// RightsWay is the program that asks for an administrator's password.
type RightsWay string

// The ways to ask.
const (
	ByNothing RightsWay = ""
	BySudo    RightsWay = "sudo"   // in the terminal of this process
	ByPkexec  RightsWay = "pkexec" // in a window of the desktop
)

// Way says how a person would be asked now.
func (r *Rights) Way() RightsWay {
	for _, a := range r.elevators() {
		if !a.silent {
			return a.way
		}
	}
	return ByNothing
}

// elevator is one way to start this program with the rights of an administrator.
type elevator struct {
	way      RightsWay
	program  string
	options  []string
	silent   bool // it asks nobody: it can, or it cannot
	terminal bool // it asks in the terminal of this process
}

// elevators returns the ways that there are, those to be tried first before the others.
func (r *Rights) elevators() []elevator {
	if !canElevate || r.o.Never {
		return nil
	}
	var out []elevator
	sudo, noSudo := exec.LookPath("sudo")
	pkexec, noPkexec := exec.LookPath("pkexec")
	if noSudo == nil {
		out = append(out, elevator{way: BySudo, program: sudo, options: []string{"-n", "--"}, silent: true})
	}
	terminal, desktop := hasTerminal(), hasDesktop()
	bySudo := elevator{way: BySudo, program: sudo, options: []string{"--"}, terminal: true}
	byPkexec := elevator{way: ByPkexec, program: pkexec, terminal: !desktop}
	if !r.o.Terminal {
		byPkexec.options = []string{"--disable-internal-agent"}
	}
	switch {
	case r.o.Terminal && terminal && noSudo == nil:
		out = append(out, bySudo)
	case noPkexec == nil && (desktop || r.o.Terminal && terminal):
		out = append(out, byPkexec)
	case noSudo == nil && terminal:
		out = append(out, bySudo)
	}
	return out
}

// hasDesktop reports whether this process belongs to a session with windows.
func hasDesktop() bool { return os.Getenv("WAYLAND_DISPLAY") != "" || os.Getenv("DISPLAY") != "" }

// words says what will happen.
func (a elevator) words(path string) string {
	how := "sudo"
	switch {
	case a.silent:
	case a.way == BySudo:
		how = "sudo, which may ask for your password here,"
	case a.way == ByPkexec:
		how = "pkexec, which asks for an administrator's password,"
	}
	return fmt.Sprintf("Only an administrator may read %s: %s opens it read-only. No other part of this program gets these rights.", path, how)
}

// Needs reports whether path is a device that this process may not read, or not protect from being written to meanwhile, and for which
// no permission was given yet.
func (r *Rights) Needs(path string) bool {
	real := realPath(path)
	if !canElevate || !IsDevice(real) || mayUse(real) {
		return false
	}
	number, err := deviceNumber(real)
	if err != nil {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	g := r.grants[number]
	return g == nil || !g.fits()
}

// AdministratorCommand is what a person types in a terminal, so that this program does with all rights what args say.
func AdministratorCommand(args ...string) string {
	program, err := os.Executable() // sudo looks for names in folders of its own
	if err != nil {
		program = "salvor"
	}
	words := []string{"sudo", quote(program)}
	for _, a := range args {
		words = append(words, quote(a))
	}
	return strings.Join(words, " ")
}

// OwnCommand is what a person types in a terminal, so that a folder which an administrator made is their own.
func OwnCommand(dir string) string {
	return fmt.Sprintf("sudo chown -R %d:%d %s", os.Getuid(), os.Getgid(), quote(dir))
}

// Acquire asks for the right to read the device at path, unless it was given already. It comes back when the person has
// decided, or ctx ends. A [*RefusedError] says why it was not given.
func (r *Rights) Acquire(ctx context.Context, path string) error {
	real := realPath(path)
	if number, err := deviceNumber(real); err == nil {
		r.mu.Lock()
		delete(r.denied, number) // who asks again wants to be asked again
		r.mu.Unlock()
	}
	g, err := r.take(ctx, real, true)
	if err != nil {
		return err
	}
	g.release()
	return nil
}

// open returns a descriptor of the device at real and the permission that it comes from. denied is what the system said to this process.
func (r *Rights) open(ctx context.Context, real string, denied error) (*os.File, *grant, error) {
	if r == nil || !canElevate {
		return nil, nil, denied
	}
	g, err := r.take(ctx, real, r.o.Ask)
	if err != nil {
		return nil, nil, err
	}
	if g == nil {
		return nil, nil, denied
	}
	f, err := g.descriptor()
	if err != nil {
		g.release()
		return nil, nil, err
	}
	return f, g, nil
}

// take returns a permission for the device, which the caller releases; nil when there is none and no one is to be asked.
func (r *Rights) take(ctx context.Context, real string, ask bool) (*grant, error) {
	number, err := deviceNumber(real)
	if err != nil {
		return nil, openError(real, err)
	}
	if g, err := r.have(number); g != nil || err != nil || !ask {
		return g, err
	}
	select {
	case r.asking <- struct{}{}:
		defer func() { <-r.asking }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if g, err := r.have(number); g != nil || err != nil { // it was given while this waited
		return g, err
	}
	// What stands against it is said before a person gives a password for nothing.
	if err := CheckSafe(real); err != nil {
		return nil, err
	}
	g, err := r.ask(ctx, real)
	if ctx.Err() != nil {
		if g != nil {
			g.drop()
		}
		return nil, ctx.Err()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		r.denied[number] = err
		return nil, err
	}
	g.retain()
	r.grants[number] = g
	return g, nil
}

// have returns the permission that was given for a device, or what came of asking for one; neither when no one was asked.
func (r *Rights) have(number string) (*grant, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	g := r.grants[number]
	if g == nil {
		return nil, r.denied[number]
	}
	if g.fits() && g.retain() {
		return g, nil
	}
	delete(r.grants, number)
	g.drop()
	return nil, nil
}

// ask goes through the ways, and returns what the first gave that came to an answer.
func (r *Rights) ask(ctx context.Context, real string) (*grant, error) {
	asked := ByNothing
	said, told := "", false
	for _, a := range r.elevators() {
		if r.o.Tell != nil && !a.silent && !told {
			r.o.Tell(a.words(real))
			told = true
		}
		if !a.silent {
			asked = a.way
		}
		g, out, err := startOpener(ctx, a, real)
		if g != nil || err != nil {
			if g != nil && !told && r.o.Tell != nil {
				r.o.Tell(a.words(real))
			}
			return g, err
		}
		said = out
	}
	if said != "" {
		said = " (" + said + ")"
	}
	if asked == ByNothing {
		return nil, &RefusedError{Exit: ExitError, Code: CodeNoAsker,
			Why:  fmt.Sprintf("Only an administrator may read %s, and nothing here can ask for an administrator's password: neither sudo in a terminal nor pkexec on a desktop%s.", real, said),
			Next: permissionNext}
	}
	return nil, &RefusedError{Exit: ExitError, Code: CodeNotGiven,
		Why:  fmt.Sprintf("%s was not opened: %s was not given an administrator's password, or does not let you do this%s.", real, asked, said),
		Next: "Try again, or run the same command as an administrator."}
}

// Close gives the rights back. What is open stays open, and can be read to its end.
func (r *Rights) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for number, g := range r.grants {
		delete(r.grants, number)
		g.drop()
	}
	return nil
}

// lastLines makes one line of the end of what a program said.
func lastLines(text string) string {
	var lines []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(strings.ToValidUTF8(line, "\uFFFD")); line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines[max(0, len(lines)-3):], "; ")
}
