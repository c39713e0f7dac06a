package text

import (
	"regexp"
	"strings"
)

// language is one language that programs are written in, with what its lines look like. A line counts once.
type language struct {
	extension string
	lines     *regexp.Regexp
	// sure are lines that no other language has; without one of them the text is not called by this name.
	sure *regexp.Regexp
}

// languages are told by the beginnings and ends of their lines.
var languages = []language{
	{"go", regexp.MustCompile(`^(package \w+$|import (\(|")|func (\(\w+ \*?\w+\) )?\w+\(|type \w+ (struct|interface|func)|var \w+|return\b|\w+(, \w+)* := |defer |if err != nil \{)`),
		regexp.MustCompile(`^(package \w+$|func (\(\w+ \*?[\w.]+\) )?\w+\(.*\{$)`)},
	{"py", regexp.MustCompile(`^(import \w+(\.\w+)*( as \w+)?$|from [\w.]+ import |def \w+\(.*\)( -> .*)?:$|class \w+(\(.*\))?:$|if .*:$|elif .*:$|else:$|for .* in .*:$|try:$|except.*:$|with .*:$|return\b|print\(|self\.)`),
		regexp.MustCompile(`^(def \w+\(.*\)( -> .*)?:|from [\w.]+ import |class \w+(\(.*\))?:$|import \w+(\.\w+)*( as \w+)?$)`)},
	{"c", regexp.MustCompile(`^(#\s*(include|define|ifdef|ifndef|if|endif|else|pragma|undef)\b|(static |const |unsigned |extern |inline )*(int|void|char|long|double|float|struct \w+|size_t|u?int\d+_t) \*?\w+|return\b.*;$|\}$|if \(.*\{?$|for \(.*;.*;|typedef )`),
		regexp.MustCompile(`^#\s*(include\s*[<"]|ifndef \w+|define \w+)`)},
	{"cpp", regexp.MustCompile(`^(#\s*include|using namespace \w+;|template\s*<|class \w+.*\{?$|std::|namespace \w*\s*\{?$|public:|private:|protected:|\w.*::\w+\(|virtual )`),
		regexp.MustCompile(`^(using namespace \w+;|template\s*<\w+|namespace \w+\s*\{?$|(public|private|protected):$|#include <(iostream|string|vector|map|memory|algorithm)>)`)},
	{"java", regexp.MustCompile(`^(package [\w.]+;|import (static )?[\w.]+(\.\*)?;|(public|private|protected) .*[{;]$|@Override|class \w+|return\b.*;$|\}$)`),
		regexp.MustCompile(`^(import (static )?(java|javax|org|com|android)\.[\w.]+(\.\*)?;|public (final |abstract )*(class|interface|enum) \w+)`)},
	{"cs", regexp.MustCompile(`^(using [\w.]+;|namespace [\w.]+|(public|private|protected|internal) .*[{;)]?$|\{$|\}$)`), regexp.MustCompile(`^(using System(\.[\w.]+)?;|namespace [\w.]+(\s*\{)?;?$)`)},
	{"js", regexp.MustCompile(`^((const|let|var) \w+ = |(async )?function\s*\w*\(|import .* from ['"]|export (default |const |function |class )|module\.exports|require\(|\}\);?$|document\.|console\.log\(|.*=> \{$|return\b)`),
		regexp.MustCompile(`^((const|let|var) \{?[\w, ]+\}? = require\(|import .* from ['"]|export (default|const|function|class)\b|module\.exports|(async )?function\s*\w*\(.*\)\s*\{|document\.|(const|let) \w+ = |window\.|\$\()`)},
	{"php", regexp.MustCompile(`^(<\?php|\$\w+\s*=|function \w+\(|echo |return\b.*;$|\}$|if \(|foreach \(|use [\w\\]+;|namespace [\w\\]+;)`), regexp.MustCompile(`^<\?php`)},
	{"rs", regexp.MustCompile(`^(use [\w:]+(::\{.*\})?.*;|(pub(\(\w+\))? )?(fn|struct|enum|impl|mod|trait)\b|let (mut )?\w+|#\[|match .*\{$|\}$)`), regexp.MustCompile(`^((pub(\(\w+\))? )?fn \w+(<.*>)?\(.*|use (std|crate|super)::|#\[derive\(|impl(<.*>)? )`)},
	{"rb", regexp.MustCompile(`^(require(_relative)? ['"]|def \w+|class \w+( < [\w:]+)?$|module \w+$|end$|attr_\w+ |puts |\w+\.each do)`), regexp.MustCompile(`^(require(_relative)? ['"]|end$|def \w+[?!]?(\(.*\))?$)`)},
	{"pl", regexp.MustCompile(`^(use (strict|warnings|[\w:]+).*;|my [\$@%]\w+|sub \w+ \{|\$\w+|print |foreach |return\b.*;$|\}$)`), regexp.MustCompile(`^(use (strict|warnings);|my [\$@%(]|sub \w+)`)},
	{"lua", regexp.MustCompile(`^(local \w+|function [\w.:]+\(|end\)?$|return\b|if .* then$|for .* do$|require)`), regexp.MustCompile(`^(local (function )?\w+|function [\w.:]+\(.*\)$|.* then$)`)},
	{"sql", regexp.MustCompile(`(?i)^(select |insert into |create (table|index|view|database) |update \w+ set |delete from |drop |alter table |begin|commit|values|\);?$|primary key)`),
		regexp.MustCompile(`(?i)^(insert into [\w"\x60.]+|create (table|index|view) |alter table |drop table )`)},
	{"css", regexp.MustCompile(`^([.#]?[\w\-.#:, >\[\]="*]+\s*\{$|[\w-]+\s*:\s*[^{};]+;$|\}$|@(media|import|font-face|keyframes)\b|/\*)`), regexp.MustCompile(`^([.#@][\w\-.#:, >()]+\s*\{$|(color|margin|padding|font-size|display|background|width|border)\b[\w-]*\s*:\s*[^{};]+;$)`)},
	{"dts", regexp.MustCompile(`^(/dts-v1/;|/include/|#include|[\w,-]+(@[\w,]+)? \{$|\};$|[\w,#-]+ = .*;$|[\w-]+;$)`), regexp.MustCompile(`^/dts-v1/;`)},
}

// interpreters are what scripts name in their first line, with the extension of their language.
var interpreters = []struct{ name, extension string }{{"python", "py"}, {"perl", "pl"}, {"ruby", "rb"}, {"node", "js"}, {"lua", "lua"}, {"php", "php"}, {"awk", "awk"}, {"make", "mk"}}

// comment reports whether a line is one in most languages: licences at the beginning say nothing of the language.
func comment(line string) bool {
	for _, mark := range []string{"//", "/*", "*", "--", "# ", "##", ";;"} {
		if strings.HasPrefix(line, mark) {
			return true
		}
	}
	return line == "#"
}

// maxLines is how many lines are looked at: matching them is most of the work for a small text.
const maxLines = 80

// source returns the extension of the language that a text is written in, "" for none: at least three lines of which
// one is only in that language, and a third of all lines that hold something.
func source(head string) string {
	if first, _, _ := strings.Cut(head, "\n"); strings.HasPrefix(first, "#!") {
		for _, i := range interpreters {
			if strings.Contains(first, i.name) {
				return i.extension
			}
		}
		return "sh"
	}
	var hits, sure [32]int
	lines := 0
	for line := range strings.Lines(head) {
		line = strings.TrimSpace(line)
		if line == "" || len(line) > 400 || comment(line) {
			continue
		}
		if lines++; lines > maxLines {
			break
		}
		for i := range languages {
			l := &languages[i]
			s := l.sure.MatchString(line)
			if s {
				sure[i]++
			}
			if s || l.lines.MatchString(line) {
				hits[i]++
			}
		}
	}
	best := -1
	for i := range languages {
		if sure[i] == 0 || hits[i] < 3 || hits[i]*3 < lines {
			continue
		}
		if best < 0 || hits[i]+2*sure[i] > hits[best]+2*sure[best] {
			best = i
		}
	}
	if best < 0 {
		return ""
	}
	return languages[best].extension
}
