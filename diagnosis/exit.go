package diagnosis

import (
	"bytes"
	"regexp"
	"strconv"

	"salvor/diagnosis/logs"
	"salvor/diagnosis/match"
)

// exitAsked is how a person asks a shell for the exit status of the last command.
const exitAsked = `(?:^|[#$%>] ?)echo "?\$\?"?[ \t]*$`

const (
	maxCommand  = 64 << 10 // bytes before the question in which the command is looked for
	commandText = 300      // bytes of a command that rules see
)

// viewers are commands whose exit status says nothing of an update: they show what others did.
var viewers = regexp.MustCompile(`^(?:sudo |busybox |LC_ALL=\S+ |LANG=\S+ )*(?:\S*/)?(?:cat|tail|head|less|more|z?grep|egrep|dmesg|journalctl|logread|systemctl|sed|awk|[xz]cat|ls|df|du|free|ps|top|uname|date|uptime|fw_printenv|echo|cd|sleep|mount|umount|lsblk|blkid|find|hexdump|xxd|strings|id|which|test|true|false|logcat|adb logcat|rauc status|fdisk|ubinfo|mtdinfo|smartctl|tail)\b|[|;&]`)

// exit tells the exit status of a command that stands behind the question for it. Rules see it as a line "exit status
// 7 of curl -O http://...", in the place of the question and the answer.
func (w *worker) exit(name string, b *logs.Block, l *match.Line, at int) {
	rest := b.Text[min(l.End+1, len(b.Text)):]
	if l.End < len(b.Text) && b.Text[l.End] == '\r' {
		rest = bytes.TrimPrefix(rest, []byte{'\n'})
	}
	answer, _, _ := bytes.Cut(rest[:min(len(rest), 80)], []byte{'\n'})
	status, err := strconv.ParseUint(string(bytes.TrimSpace(message(answer))), 10, 8)
	if err != nil || !l.Begin {
		return
	}
	question := message(b.Text[l.Start:l.End])
	prompt, _, _ := bytes.Cut(question, []byte("echo"))
	command, begin := lastCommand(b.Text[max(0, l.Start-maxCommand):l.Start], bytes.TrimSpace(prompt))
	if command == nil || viewers.Match(command) {
		return
	}
	if w.aside == nil {
		w.aside = w.engine.newWorker(newShared(w.engine.set.Len()))
	}
	line := append([]byte("exit status "+strconv.FormatUint(status, 10)+" of "), command[:min(len(command), commandText)]...)
	said := logs.Block{Text: line, To: len(line), Line: 1}
	offset, length, number := b.Place(l.Start, l.End)
	_, _, since := b.Place(max(0, l.Start-maxCommand)+begin, max(0, l.Start-maxCommand)+begin)
	end := l.End + 1 + len(answer)
	if o, n, _ := b.Place(end-1, end); end <= len(b.Text) && o+n > offset {
		length = o + n - offset
	}
	quote := logs.Printable(question, maxQuote) + " " + strconv.FormatUint(status, 10)
	for _, h := range w.aside.block(name, &said) {
		if h.rule == nil {
			continue
		}
		h.place = Place{Input: name, Offset: offset, Length: length, Line: number, Unpacked: b.Unpacked, Since: -1}
		h.quote, h.start, h.since, h.program, h.foreign = quote, l.Start, since, "", false
		h.command = string(command[:min(len(command), commandText)])
		w.hits = append(w.hits, h)
	}
}

// message returns a line without a capture program's time before it.
func message(line []byte) []byte {
	h := logs.ParseHeader(line)
	return line[min(h.AfterTime, len(line)):]
}

// lastCommand returns the command that was typed last behind a prompt like this one, and where its line begins.
// Without a prompt it returns nil.
func lastCommand(text, prompt []byte) (command []byte, begin int) {
	if len(prompt) == 0 {
		return nil, 0
	}
	sign := prompt[len(prompt)-1]
	host, _, _ := bytes.Cut(prompt, []byte{':'}) // the folder behind it may have changed
	for len(text) > 0 {
		text = bytes.TrimRight(text, "\r\n")
		begin = bytes.LastIndexByte(text, '\n') + 1
		line := message(text[begin:])
		if bytes.HasPrefix(line, host) {
			if i := bytes.IndexByte(line, sign); i >= 0 && i < len(prompt)+64 && (i+1 == len(line) || line[i+1] == ' ') {
				if command = bytes.TrimSpace(line[i+1:]); len(command) > 0 {
					return command, begin
				}
			}
		}
		text = text[:begin]
	}
	return nil, 0
}
