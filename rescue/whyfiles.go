package rescue

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"salvor/block"
	"salvor/diagnosis"
	"salvor/diagnosis/logs"
	"salvor/host"
)

// add takes one thing that was named: a case, a log, or what may be a package or an image.
func (g *gathering) add(ctx context.Context, in WhyInput) error {
	if in.Reader != nil {
		g.inputs = append(g.inputs, diagnosis.Input{Name: in.Name, Reader: in.Reader})
		g.read(in.Name, "log", 0)
		return nil
	}
	if host.IsFolder(in.Name) {
		if g.image != "" {
			return &host.RefusedError{Exit: host.ExitUsage, Code: "rescue.why.cases", Why: fmt.Sprintf("%s and %s are both storage; one update is about one device.", g.image, in.Name),
				Next: "Name one CASE."}
		}
		g.image, g.why.Case, g.device.Case = in.Name, in.Name, in.Name
		return nil
	}
	// An empty package says something beside a log of its download. Alone an empty file is refused, as by every other verb.
	if host.FileSize(in.Name) == 0 && (len(g.o.Inputs) > 1 || g.o.Said != "") {
		kind := "log"
		if isPackageName(in.Name) {
			kind = "package"
			g.fact("check.truncated", "YES", in.Name+" is empty", diagnosis.Place{Input: in.Name})
		}
		g.read(in.Name, kind, 0)
		return nil
	}
	o, err := host.Open(ctx, in.Name, host.OpenOptions{Alone: true})
	if err != nil {
		return err
	}
	g.closers = append(g.closers, o.Close)
	head := make([]byte, min(whyHead, o.Size))
	if n, err := o.Source.ReadAt(head, 0); n < len(head) {
		return fmt.Errorf("rescue: %s: %w", in.Name, err)
	}
	switch what := sniff(in.Name, head); what {
	case "journal":
		return g.journal(ctx, in.Name, o.Source)
	case "log":
		g.inputs = append(g.inputs, diagnosis.Input{Name: in.Name, Reader: block.Reader(o.Source)})
		g.read(in.Name, what, o.Size)
	case "html", "json":
		g.fact("derived.text", what, fmt.Sprintf("%s is no firmware: it begins with %q", in.Name, clip(head)), diagnosis.Place{Input: in.Name, Length: int64(min(len(head), 64))})
		g.fact("check.whole", "NO", in.Name+" is no package", diagnosis.Place{Input: in.Name})
		g.inputs = append(g.inputs, diagnosis.Input{Name: in.Name, Reader: block.Reader(o.Source)})
		g.read(in.Name, "package", o.Size)
	default:
		g.files = append(g.files, in.Name)
	}
	return nil
}

// whyHead is how much of a file says what it is, in bytes.
const whyHead = 64 << 10

// packageNames end the names of firmware; of logs they do not.
var packageNames = []string{".bin", ".img", ".swu", ".raucb", ".mender", ".fw", ".rom", ".cab", ".ipk", ".deb", ".itb", ".ubi", ".uf2", ".hex", ".srec", ".s19", ".dfu", ".ota", ".apj", ".trx", ".chk", ".efi", ".cap", ".wic"}

// logNames end the names of logs, also of those that are mostly garbage.
var logNames = []string{".log", ".txt", ".out", ".cap", ".console"}

func isPackageName(name string) bool {
	return slices.Contains(packageNames, strings.ToLower(filepath.Ext(name)))
}

// isUpdateName tells an image that is installed from one that was read from a device.
func isUpdateName(name string) bool {
	return strings.ToLower(filepath.Ext(name)) == ".wic"
}

var (
	textImage = regexp.MustCompile(`^(?::[0-9A-Fa-f]{10}|S[0-9][0-9A-Fa-f]{6})`) // Intel HEX, S-records
	webPage   = regexp.MustCompile(`(?i)^\s*<(?:!doctype|html|head|body|\?xml|title)`)
	journal   = []byte("LPKSHHRH") // systemd's journal file
)

// sniff says what a file is by its first bytes: "log", "journal", "html", "json", or "" for what may be firmware.
func sniff(name string, head []byte) string {
	switch {
	case bytes.HasPrefix(head, journal):
		return "journal"
	case textImage.Match(head):
		return ""
	case isPackageName(name) && webPage.Match(head):
		return "html"
	case isPackageName(name) && bytes.HasPrefix(bytes.TrimSpace(head), []byte("{")) && readable(head):
		return "json"
	case readable(head), slices.Contains(logNames, strings.ToLower(filepath.Ext(name))):
		return "log"
	}
	if inner, ok := logs.Unpack(head, whyHead); ok && len(inner) > 0 && readable(inner) && !textImage.Match(inner) {
		return "log"
	}
	return ""
}

// readable reports whether bytes are a text, in any encoding that logs have, some serial garbage included.
func readable(head []byte) bool {
	if len(head) == 0 {
		return true
	}
	if bytes.HasPrefix(head, []byte{0xff, 0xfe}) || bytes.HasPrefix(head, []byte{0xfe, 0xff}) || wide(head) {
		return true
	}
	odd := 0
	for b := head; len(b) > 0; {
		r, n := utf8.DecodeRune(b)
		if r == utf8.RuneError && n == 1 || r < ' ' && r != '\n' && r != '\r' && r != '\t' && r != 0x1b && r != '\b' && r != 0x07 || r == 0x7f {
			odd++
		}
		b = b[n:]
	}
	return odd*8 <= len(head) && bytes.ContainsAny(head[:min(len(head), 4096)], "\n\r") || odd == 0
}

// wide reports whether head is UTF-16 without a mark: every second byte is zero, and the others are text.
func wide(head []byte) bool {
	if len(head) < 8 {
		return false
	}
	for first := range 2 {
		zeros, texts := 0, 0
		for i := first; i < len(head); i += 2 {
			if head[i] == 0 {
				zeros++
			}
		}
		for i := 1 - first; i < len(head); i += 2 {
			if c := head[i]; c >= ' ' && c < 0x7f || c == '\n' || c == '\r' || c == '\t' {
				texts++
			}
		}
		if zeros*10 >= len(head)/2*9 && texts*10 >= len(head)/2*9 {
			return true
		}
	}
	return false
}

func clip(b []byte) string { return string(bytes.ToValidUTF8(b[:min(len(b), 40)], []byte("?"))) }

// lazy opens a reader when it is first read, and closes it at its end.
type lazy struct {
	open func() (io.Reader, func() error, error)
	r    io.Reader
	done func() error
	err  error
}

func (l *lazy) Read(p []byte) (int, error) {
	if l.err != nil {
		return 0, l.err
	}
	if l.r == nil {
		if l.r, l.done, l.err = l.open(); l.err != nil {
			return 0, l.err
		}
	}
	n, err := l.r.Read(p)
	if err != nil {
		l.err = err
		if closeErr := l.done(); closeErr != nil && errors.Is(err, io.EOF) {
			l.err = closeErr
		}
	}
	return n, err
}
