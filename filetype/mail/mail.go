package mail

import (
	"errors"
	"io"
	"regexp"
	"strings"
	"time"

	"salvor/block"
	"salvor/block/probe"
	"salvor/cursor"
	"salvor/filetype"
	"salvor/filetype/internal/exam"
	"salvor/finding"
)

const sector = 512

var (
	mailKind = exam.Kind{Format: "mail", Walk: walkMail}
	boxKind  = exam.Kind{Format: "mailbox", Walk: walkBox}
	cardKind = exam.Kind{Format: "address card", Walk: walkCards}
	dateKind = exam.Kind{Format: "calendar", Walk: walkCalendar}
)

// Formats returns the rows of this package.
func Formats() []filetype.Format {
	row := func(name string, class filetype.Class, kind exam.Kind, extensions ...string) filetype.Format {
		return filetype.Format{Name: name, Class: class, Extensions: extensions, Ceiling: filetype.Consistent,
			Examine: kind.Examine, Preview: kind.Preview}
	}
	card := row("vcf", filetype.Document, cardKind, "vcf", "vcard")
	card.Signatures = []probe.Probe{{ID: "vcf.begin", Bytes: []byte("BEGIN:VCARD"), Align: sector}}
	card.Carve = true
	calendar := row("ics", filetype.Document, dateKind, "ics", "ical")
	calendar.Signatures = []probe.Probe{{ID: "ics.begin", Bytes: []byte("BEGIN:VCALENDAR"), Align: sector}}
	calendar.Carve = true
	box := row("mbox", filetype.Document, boxKind, "mbox", "mbx")
	box.Signatures = []probe.Probe{{ID: "mbox.from", Bytes: []byte("From "), Align: sector}}
	return []filetype.Format{card, calendar, box, row("eml", filetype.Document, mailKind, "eml", "emlx")}
}

// known are headers of which a mail has several.
var known = map[string]bool{"received": true, "from": true, "to": true, "subject": true, "date": true, "message-id": true,
	"return-path": true, "mime-version": true, "content-type": true, "delivered-to": true, "x-mailer": true, "user-agent": true,
	"reply-to": true, "cc": true, "in-reply-to": true, "references": true, "dkim-signature": true, "content-transfer-encoding": true}

var field = regexp.MustCompile(`^([!-9;-~]{2,64}):`)

// head is what the headers of a mail say.
type head struct {
	fields map[string]string
	known  int
}

// readHead reads headers up to the blank line.
func readHead(l *lines) (h head, err error) {
	h.fields = map[string]string{}
	name, n := "", 0
	for {
		p, err := l.next()
		if err != nil {
			return h, l.lost("the end of the headers", err)
		}
		line := trim(p)
		if line == "" {
			break
		}
		if n++; n > 2000 {
			return h, filetype.ErrNot
		}
		if line[0] == ' ' || line[0] == '\t' {
			if v := h.fields[name]; name != "" && len(v) < 4096 {
				h.fields[name] = v + " " + line[:min(len(line), 4096)]
			}
			if name == "" {
				return h, filetype.ErrNot
			}
			continue
		}
		m := field.FindStringSubmatch(line[:min(len(line), 80)])
		if m == nil {
			if h.known >= 3 {
				return h, l.wrong("headers", p, "a header")
			}
			return h, filetype.ErrNot
		}
		name = strings.ToLower(m[1])
		if known[name] {
			h.known++
		} else if h.known == 0 && n > 20 {
			return h, filetype.ErrNot
		}
		if _, twice := h.fields[name]; !twice && known[name] {
			value := line[len(m[0]):]
			h.fields[name] = value[:min(len(value), 4096)]
		} else {
			name = "-" // what follows belongs to a header that is not kept
		}
	}
	return h, nil
}

// describe names a mail.
func (h *head) describe(e *exam.Exam) {
	e.R.Hints.Title, e.R.Hints.Author = decode(h.fields["subject"]), decode(h.fields["from"])
	e.R.Hints.Taken = date(h.fields["date"])
	e.Fact("Subject", e.R.Hints.Title)
	e.Fact("From", e.R.Hints.Author)
	e.Fact("To", decode(h.fields["to"]))
	e.Fact("Date", h.fields["date"])
}

func walkMail(e *exam.Exam) error {
	p, err := e.Head(512)
	if err != nil {
		return err
	}
	first, _, _ := strings.Cut(string(p), "\n")
	m := field.FindStringSubmatch(strings.TrimRight(first, "\r"))
	if m == nil || !known[strings.ToLower(m[1])] && !strings.HasPrefix(m[1], "X-") && !strings.HasPrefix(m[1], "ARC-") && !strings.HasPrefix(m[1], "Authentication-") {
		return filetype.ErrNot
	}
	l := newLines(e)
	h, err := readHead(l)
	if err == nil && (h.known < 3 || h.fields["from"] == "" && h.fields["date"] == "") {
		return filetype.ErrNot
	}
	if err != nil {
		if h.known < 3 && e.Context().Err() == nil {
			return filetype.ErrNot
		}
		h.describe(e)
		return err
	}
	h.describe(e)
	e.R.GoodUntil = l.s.Offset()
	body := newParts(&h)
	single := body.closed()
	for {
		p, err := l.next()
		if err == io.EOF && single {
			return e.Whole(filetype.Consistent, l.s.Offset(), filetype.NoProof.New(finding.Arg("format", "mail")))
		}
		if err != nil {
			return l.lost("the line that closes the parts", err)
		}
		if expected := body.line(p); expected != "" && !l.last {
			return l.wrong("parts", p, expected)
		}
		e.R.GoodUntil = l.s.Offset()
		if e.Listing {
			if len(e.P.Text) < filetype.MaxPreviewText/2 {
				e.P.Text += strings.ToValidUTF8(string(p[:min(len(p), 1000)]), "\uFFFD")
			} else {
				return nil
			}
		}
		if single || !body.closed() {
			continue
		}
		// Blank lines may follow.
		end := l.s.Offset()
		if q, _ := l.s.Peek(2); len(q) > 0 && q[0] == '\n' {
			end++
		} else if string(q) == "\r\n" {
			end += 2
		}
		if e.Context().Err() != nil {
			return e.Context().Err()
		}
		return e.Whole(filetype.Consistent, end)
	}
}

// fromLine begins a mail in a mailbox.
var fromLine = regexp.MustCompile(`^From \S* ?.*\b(Mon|Tue|Wed|Thu|Fri|Sat|Sun) (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) .*\d\d:\d\d.*\d{4}`)

func walkBox(e *exam.Exam) error {
	p, err := e.Head(256)
	if err != nil {
		return err
	}
	first, _, _ := strings.Cut(string(p), "\n")
	if !fromLine.MatchString(first) && !strings.HasPrefix(first, "From - ") {
		return filetype.ErrNot
	}
	l := newLines(e)
	if _, err := l.next(); err != nil {
		return l.lost("a mail", err)
	}
	h, err := readHead(l)
	if h.known < 2 && e.Context().Err() == nil {
		return filetype.ErrNot
	}
	h.describe(e)
	if err != nil {
		return err
	}
	mails := int64(1)
	e.Member(e.R.Hints.Title, -1, e.R.Hints.Author)
	body := newParts(&h)
	begun := int64(0) // the mail under way
	for blank := true; ; {
		e.R.GoodUntil = l.s.Offset()
		e.Units(mails-1, 0, "mails")
		p, err := l.next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return l.lost("the rest of the mailbox", err)
		}
		line := p[:min(len(p), 256)]
		if blank && strings.HasPrefix(string(line[:min(5, len(line))]), "From ") && (fromLine.Match(line) || strings.HasPrefix(string(line), "From - ")) {
			if !body.closed() {
				// Somewhere in this mail another one goes on.
				e.R.GoodUntil = begun
				return l.wrong("parts", p, "the line that closes the parts")
			}
			begun = l.s.Offset() - int64(len(p))
			h, err := readHead(l)
			if err != nil {
				if errors.Is(err, filetype.ErrNot) {
					err = l.wrong("mails", p, "the headers of a mail")
				}
				return err
			}
			mails++
			body = newParts(&h)
			e.Member(decode(h.fields["subject"]), -1, decode(h.fields["from"]))
			blank = true
			continue
		}
		if expected := body.line(p); expected != "" && !l.last {
			return l.wrong("parts", p, expected)
		}
		blank = len(trim(p)) == 0
	}
	if !body.closed() {
		return l.lost("the line that closes the parts", io.EOF)
	}
	e.R.Class = filetype.Document
	return e.Whole(filetype.Consistent, l.s.Offset(), filetype.NoProof.New(finding.Arg("format", "mailbox")))
}

// component is the name of a part that begins or ends with this line, "" for other lines.
func component(line, word string) string {
	if len(line) < 64 && len(line) > len(word) && strings.EqualFold(line[:len(word)], word) {
		return strings.ToUpper(strings.TrimSpace(line[len(word):]))
	}
	return ""
}

// value returns the value of a property in a line, when it is that property.
func value(line, name string) (string, bool) {
	if len(line) <= len(name) || !strings.EqualFold(line[:len(name)], name) || line[len(name)] != ':' && line[len(name)] != ';' {
		return "", false
	}
	_, v, _ := strings.Cut(line, ":")
	return strings.NewReplacer(`\,`, ",", `\;`, ";", `\n`, " ", `\\`, `\`).Replace(v), true
}

// nested reads components that begin with first, up to the end of the last of those that follow each other. see is
// given each line of them.
func nested(e *exam.Exam, first, unit string, see func(line string, open []string)) error {
	l := newLines(e)
	var open []string
	done := int64(0)
	version := false
	for {
		p, err := l.next()
		if err != nil {
			return l.lost("END:"+first, err)
		}
		line := trim(p)
		if name := component(line, "BEGIN:"); name != "" {
			if len(open) == 0 && name != first || len(open) > 16 {
				return l.wrong("parts", p, "BEGIN:"+first)
			}
			open = append(open, name)
		} else if name := component(line, "END:"); name != "" {
			if len(open) == 0 || open[len(open)-1] != name {
				return l.wrong("parts", p, "the end of "+strings.Join(open, " in "))
			}
			open = open[:len(open)-1]
		} else if len(open) == 0 {
			return l.wrong("parts", p, "BEGIN:"+first)
		}
		if _, ok := value(line, "VERSION"); ok {
			version = true
		}
		see(line, open)
		e.R.GoodUntil = l.s.Offset()
		if len(open) > 0 {
			continue
		}
		if !version {
			return cursor.Corrupt("parts", l.s.Offset(), "a version", "none")
		}
		done++
		e.Units(done, 0, unit)
		q, err := l.s.Peek(len("BEGIN:") + len(first))
		if e.Context().Err() != nil {
			return e.Context().Err()
		}
		if component(string(q), "BEGIN:") == first {
			continue
		}
		if _, unread := block.IsUnreadable(err); unread && l.s.Offset() < e.Size() && strings.HasPrefix("BEGIN:"+first, string(q)) {
			return l.lost("the end or another part", err)
		}
		return e.Whole(filetype.Consistent, e.R.GoodUntil)
	}
}

func walkCards(e *exam.Exam) error {
	if p, err := e.Head(12); err != nil || !strings.HasPrefix(string(p), "BEGIN:VCARD") {
		return orNot(err)
	}
	name := ""
	return nested(e, "VCARD", "cards", func(line string, open []string) {
		v, ok := value(line, "FN")
		if !ok || len(open) == 0 {
			return
		}
		name = decode(v)
		if e.R.Hints.Title == "" {
			e.R.Hints.Title = name
		}
		e.Member(name, -1, "")
	})
}

func walkCalendar(e *exam.Exam) error {
	if p, err := e.Head(16); err != nil || !strings.HasPrefix(string(p), "BEGIN:VCALENDAR") {
		return orNot(err)
	}
	return nested(e, "VCALENDAR", "calendars", func(line string, open []string) {
		if v, ok := value(line, "X-WR-CALNAME"); ok && len(open) == 1 {
			e.R.Hints.Title = decode(v)
		}
		if v, ok := value(line, "SUMMARY"); ok && len(open) == 2 {
			if e.R.Hints.Title == "" {
				e.R.Hints.Title = decode(v)
			}
			e.Member(decode(v), -1, strings.ToLower(strings.TrimPrefix(open[1], "V")))
		}
		if v, ok := value(line, "DTSTART"); ok && len(open) == 2 && e.R.Hints.Taken.IsZero() {
			for _, layout := range []string{"20060102T150405Z", "20060102T150405", "20060102"} {
				if t, err := time.Parse(layout, v); err == nil {
					e.R.Hints.Taken = t
					break
				}
			}
		}
	})
}

func orNot(err error) error {
	if err != nil {
		return err
	}
	return filetype.ErrNot
}
