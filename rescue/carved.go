package rescue

import (
	"context"
	"maps"

	"salvor/carve"
	"salvor/finding"
	"salvor/host"
)

var (
	carveFailed = &finding.Def{Code: "rescue.carve", Severity: finding.Warning,
		Text: "{count} places that look like the beginning of a file could not be examined to their end"}
	textLeftOut = &finding.Def{Code: "rescue.carve.text-left-out", Severity: finding.Info,
		Text: "{count} stretches of text were left out: they are too short to be told from pieces of other files, or of no kind that is known"}
	carveRead = &finding.Def{Code: CarveRead, Severity: finding.Info,
		Text: "{total} were read and decoded to judge what looks like a file by its content"}
)

// CarveRead is the code of the finding that says how many bytes were read and decoded while carving. Its arguments are the names
// of formats, beside "total".
const CarveRead = "rescue.carve.read"

// carveFindings are what is told of the carving of a source beside its files.
func carveFindings(whole carve.Stats, joined carve.JoinStats, text carve.Stats) (list []finding.Finding) {
	if n := whole.Failed + text.Failed; n > 0 {
		list = append(list, carveFailed.New(finding.Arg("count", n)))
	}
	if text.Chance > 0 {
		list = append(list, textLeftOut.New(finding.Arg("count", text.Chance)))
	}
	read, total := maps.Clone(whole.Read), int64(0)
	if read == nil {
		read = map[string]int64{}
	}
	for name, n := range joined.Read {
		read[name] += n
	}
	options := []finding.Option{}
	for name, n := range read {
		options = append(options, finding.Arg(name, n))
		total += n
	}
	if total > 0 {
		list = append(list, carveRead.New(append(options, finding.Arg("total", host.Bytes(total)))...))
	}
	return list
}

// tellCarved tells what was found out in a step of carving, in this run or an earlier one.
func (j *job) tellCarved(ctx context.Context, step string) error {
	list, err := j.cat.Findings(ctx, step)
	if err != nil {
		return err
	}
	for _, f := range list {
		w := wireFinding(f)
		w.Source = j.number
		j.tell(w)
	}
	return nil
}
