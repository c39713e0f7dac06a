package logs

import "strings"

// Severity is what a line says of its own weight.
type Severity uint8

// The severities that are told apart.
const (
	Untold  Severity = iota
	Debug            // debug, trace, verbose
	Info             // info, notice
	Warning          // warning, error and above
)

// levelWords are how programs mark their lines, in the order in which they are looked for.
var levelWords = []struct {
	words    []string
	severity Severity
}{
	{[]string{"[ERROR", "[WARN", "[FATAL", " ERROR ", " WARN ", "level=err", "level=warn", "severity=err", "severity=warn", "severity=fatal", "<err>", "<warn>", "<error>"}, Warning},
	{[]string{"[DEBUG", "[TRACE", "[VERBOSE", " DEBUG ", " TRACE ", "level=debug", "level=trace", "severity=debug", "severity=trace", "<debug>", "<trace>"}, Debug},
	{[]string{"[INFO", "[NOTICE", " INFO ", "level=info", "severity=info", "<info>"}, Info},
}

// Level returns the severity that a line tells in its first 200 bytes.
func Level(line string) Severity {
	line = line[:min(len(line), 200)]
	for _, l := range levelWords {
		for _, w := range l.words {
			if strings.Contains(line, w) {
				return l.severity
			}
		}
	}
	switch ParseHeader([]byte(line)).Level {
	case 'V', 'D':
		return Debug
	case 'E', 'W', 'F':
		return Warning
	}
	return Untold
}
