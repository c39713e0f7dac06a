package diagnosis

import "time"

// Role says what a rule's line does in the story of an update.
type Role string

// The roles.
const (
	RoleCause   Role = "cause"   // evidence of a cause
	RoleSymptom Role = "symptom" // a consequence; a cause earlier in the same boot explains it
	RoleSummary Role = "summary" // says only that something failed; weighs nothing
	RoleSuccess Role = "success" // the update, the retry or the boot ended well; ends earlier failures of its ecosystem
	RoleBegin   Role = "begin"   // an update begins
	RoleWriting Role = "writing" // an update writes
	RoleReboot  Role = "reboot"  // a new boot begins
	RoleRetry   Role = "retry"   // the same is tried again: ends what failed of its ecosystem before it in the same boot, unless it fails again
	RoleEvent   Role = "event"   // something that sequences ask for; weighs nothing
	RoleNormal  Role = "normal"  // a usual warning of a healthy system; no other rule takes such a line
)

// Roles returns all roles.
func Roles() []Role {
	return []Role{RoleCause, RoleSymptom, RoleSummary, RoleSuccess, RoleBegin, RoleWriting, RoleReboot, RoleRetry, RoleEvent, RoleNormal}
}

// Weigh reports whether a line of this role weighs for a cause.
func (r Role) Weigh() bool { return r == RoleCause || r == RoleSymptom }

// Kind says what a rule looks at.
type Kind uint8

// The kinds of rules.
const (
	KindLine  Kind = iota // one line of a log
	KindSaid              // text that a person typed
	KindFact              // a fact of a package, a storage, a device
	KindOrder             // events, one after the other
	KindCode              // a row of a table of codes
)

// Weight is how often, from 1 to 100 of 100 times, a cause is true when a rule's evidence is all there is.
type Weight struct {
	Cause    Cause
	Strength int
}

// Rule is one row of the knowledge base.
type Rule struct {
	ID        string // begins with the ecosystem and a dot
	Ecosystem string
	Kind      Kind
	Role      Role

	Pattern string    // KindLine, KindSaid: RE2
	Fact    FactTest  // KindFact
	Order   []Step    // KindOrder
	Within  Within    // KindOrder: how far the last may stand from the first
	Code    CodeTable // KindCode

	// Weights are the causes, the main one first; empty unless Role.Weigh.
	Weights []Weight

	Means   string   // one sentence for a person, with {group} placeholders
	Source  string   // the document or source file that the fact comes from
	Against []string // rules whose presence contradicts this one
	Decide  string   // the question or measurement that would decide; may be empty
	Match   []string // examples that the rule takes
	Miss    []string // near misses that it does not take

	// FirstBootNormal says that the line is usual on a first boot: it is masked where no update, and no
	// earlier boot, was seen before it.
	FirstBootNormal bool
	// Passing says that the fault goes away by itself, as an empty battery does.
	Passing bool
	// NeverRetry says that trying again can destroy the device.
	NeverRetry bool
}

// Cause returns the main cause, "" when the rule weighs nothing.
func (r *Rule) Cause() Cause {
	if len(r.Weights) == 0 {
		return ""
	}
	return r.Weights[0].Cause
}

// Strength returns what the rule says for cause c, from 0 to 100.
func (r *Rule) Strength(c Cause) int {
	for _, w := range r.Weights {
		if w.Cause == c {
			return w.Strength
		}
	}
	return 0
}

// FactTest is true for a fact of this name whose value passes. Of the tests one is set.
type FactTest struct {
	Name    string   // of a fact, or several with spaces between
	Is      string   // equal, letters of either case
	Not     string   // there, and not equal
	Matches string   // RE2
	Above   *float64 // a number, which may have a unit: B, KiB, MiB, GiB, KB, MB, GB or %
	Below   *float64
}

// Step is one of a sequence of events.
type Step struct {
	Event string // a rule's ID, a pattern of IDs ("rauc.write*"), or "role:" and a role
	Not   bool   // no such event stands between the ones beside it, or after the last
}

// Within bounds a sequence; zero is no bound.
type Within struct {
	Lines int64
	Time  time.Duration
}

// CodeTable is a row of a table of codes, known by its number, its name, or both.
type CodeTable struct {
	In     string // the table's name, of the ecosystem's Codes
	Number *int64 // the code, when it is a number
	Name   string // the code, when it is a word
}

// Codes is how a program prints codes of one table.
type Codes struct {
	Name     string
	Patterns []string // RE2, each with a group "code"
	Mask     int64    // bits of a number that count; 0 is all
}

// Ecosystem is one program or family of programs.
type Ecosystem struct {
	Name   string
	Title  string
	Speaks []string // RE2: lines that show that this program speaks here
	// Names are RE2 of words by which it, its files and its devices are called. Where none of them stands in a log, a sentence
	// like one of its own is somebody else's; without any, that is not asked.
	Names []string
	// Anywhere says that its messages stand in the lines of other programs, as those of libraries do.
	Anywhere bool
	// Bystander says that it has no part in updates: what its lines tell of networks, servers, logins and settings is about
	// its own work. What they tell of storage, room and power is about the device all the same.
	Bystander bool
	// Library says that its words do not tell that anybody updates or fetches something: those of libraries, of the kernel and
	// of tools that everybody calls. What is wrong with a network or a server makes no update fail that nobody tried.
	Library bool
	Logs    string // where it keeps its log and how to get it
	Codes   []Codes
	Rules   []*Rule
	File    string // where it was read
}
