package imaging

import (
	"math"
	"slices"

	"salvor/block"
	"salvor/finding"
)

// Findings are the kinds of finding that this package raises: what a pattern of errors means, and what to do.
var Findings = []*finding.Def{onePlace, oneEdge, oneHead, growing, everywhere, slowZones, fast, constant, wraps}

var (
	onePlace = &finding.Def{Code: "imaging.pattern.place", Severity: finding.Warning,
		Text: "All errors stand in one place of {size} at {at}: the rest of the medium reads well. Save the files first, then try this place again with --retry-passes=3, also with --reverse."}
	oneEdge = &finding.Def{Code: "imaging.pattern.edge", Severity: finding.Warning,
		Text: "Nearly all errors stand at the {edge} of the medium, from {at} on. A card that gives errors only behind a certain place may be smaller than it says, and a disk is often damaged at one edge; copy the rest first (--input-position, --size), then come to it with --reverse."}
	oneHead = &finding.Def{Code: "imaging.pattern.head", Severity: finding.Warning,
		Text: "Errors come back every {size}: so fails one head or one surface of a disk, or one chip of a card. Do not go on long: each pass may make it worse. Copy with --no-scrape first; if the files matter, leave the rest to a laboratory that can change heads."}
	growing = &finding.Def{Code: "imaging.pattern.growing", Severity: finding.Error,
		Text: "There are more errors than before: {expected} became {found} at places that could be read. The medium is dying while it is read. Take what matters most first (--first used --pick), let it cool between runs, and do not let it run idle."}
	everywhere = &finding.Def{Code: "imaging.pattern.everywhere", Severity: finding.Warning,
		Text: "Single errors stand all over the medium, in {ranges} places. Try another cable, another port and another reader before anything else, and copy again with --retry-passes=3: where the errors were theirs, they go away."}
	slowZones = &finding.Def{Code: "imaging.pattern.slow", Severity: finding.Warning,
		Text: "{ranges} stretches were read far slower than the rest, the first at {at}. Such places fail next: make a second copy of what matters now."}
	fast = &finding.Def{Code: "imaging.pattern.rate", Severity: finding.Warning,
		Text: "Large reads failed where the same sectors could be read one by one, in {ranges} of {of} places: that is more often the reader, the cable or the power than the medium. Use another cable or reader, or read slower with --max-read-rate and --cluster-size=8."}
	constant = &finding.Def{Code: "imaging.pattern.constant", Severity: finding.Warning,
		Text: "{size} in {ranges} long stretches hold nothing but {found}, beside data that ends in the middle of it, from {at} on. Some media give such bytes instead of errors: what stands there may be lost without a word. Compare with a second copy by another reader (salvor map merge)."}
	wraps = &finding.Def{Code: "imaging.pattern.wraps", Severity: finding.Error,
		Text: "What stands at {at} stands at the start of the medium too, and so do other places at the same distance: the medium is most likely {size} large, and says it is {of}. Such fake cards write over their first part when they are full; only the first {size} can hold files."}
)

// edgePart is the part of a medium, as one of so many, that is an edge.
const edgePart = 20

// ReadPattern says what the errors of a map mean, as far as their places show it. before is the map of an earlier time,
// or nil.
func ReadPattern(m, before *Map) []finding.Finding {
	var out []finding.Finding
	if f, ok := worse(m, before); ok {
		out = append(out, f)
	}
	clusters := m.Clusters(max(m.Size()/2000, 32<<10))
	if len(clusters) == 0 {
		return out
	}
	first, last := clusters[0], clusters[len(clusters)-1]
	span := block.Between(first.Offset, last.End())
	if period, ok := period(clusters, m.Size()); ok {
		return append(out, oneHead.New(finding.Arg("size", size(period)), finding.At(first.Offset, 0)))
	}
	edge := m.Size() / edgePart
	switch {
	case len(clusters) >= 3 && inside(clusters, block.Extent{Length: edge}):
		out = append(out, oneEdge.New(finding.Arg("edge", "beginning"), finding.Arg("at", place(first.Offset)), finding.At(first.Offset, span.Length)))
	case len(clusters) >= 3 && inside(clusters, block.Between(m.Size()-edge, m.Size())), last.End() == m.Size() && last.Bad >= m.Size()/100 && last.Offset >= m.Size()/10:
		at := last.Offset
		if len(clusters) >= 3 && inside(clusters, block.Between(m.Size()-edge, m.Size())) {
			at = firstIn(clusters, m.Size()-edge)
		}
		out = append(out, oneEdge.New(finding.Arg("edge", "end"), finding.Arg("at", place(at)), finding.At(at, m.Size()-at)))
	case span.Length <= m.Size()/edgePart || len(clusters) == 1 && span.Length <= m.Size()/4:
		out = append(out, onePlace.New(finding.Arg("size", size(span.Length)), finding.Arg("at", place(span.Offset)), finding.At(span.Offset, span.Length)))
	case len(clusters) >= 8 && spread(clusters, m.Size()):
		out = append(out, everywhere.New(finding.Arg("ranges", len(clusters)), finding.At(first.Offset, span.Length)))
	}
	return out
}

// inside reports whether nine of ten clusters stand in e.
func inside(clusters []Cluster, e block.Extent) bool {
	n := 0
	for _, c := range clusters {
		if e.Overlaps(c.Extent) {
			n++
		}
	}
	return n*10 >= len(clusters)*9
}

func firstIn(clusters []Cluster, from int64) int64 {
	i := slices.IndexFunc(clusters, func(c Cluster) bool { return c.End() > from })
	return clusters[max(i, 0)].Offset
}

// spread reports whether most clusters are small and in every part of the medium.
func spread(clusters []Cluster, size int64) bool {
	var parts [8]bool
	small := 0
	for _, c := range clusters {
		parts[min(int(float64(c.Offset)/float64(size)*8), 7)] = true
		if c.Bad <= 64<<10 {
			small++
		}
	}
	n := 0
	for _, p := range parts {
		if p {
			n++
		}
	}
	return n >= 6 && small*10 >= len(clusters)*8
}

// period returns the distance at which errors come back: nearly all distances between neighbours are multiples of one
// that is large against the clusters themselves, in a place where chance would not put them.
func period(clusters []Cluster, size int64) (int64, bool) {
	if len(clusters) < 8 {
		return 0, false
	}
	var gaps []int64
	for i := 1; i < len(clusters); i++ {
		gaps = append(gaps, clusters[i].Offset-clusters[i-1].Offset)
	}
	shortest := slices.Min(gaps)
	best, bestScore := int64(0), 0.0
	for n := int64(1); n <= 8; n++ {
		p := shortest / n
		if p < 64<<10 || p > size/8 {
			continue
		}
		// Refined by all gaps, each as so many periods.
		refined := float64(p)
		for range 3 {
			sum, count := 0.0, 0.0
			for _, g := range gaps {
				k := math.Round(float64(g) / refined)
				sum, count = sum+float64(g), count+max(k, 1)
			}
			refined = sum / count
		}
		near := 0
		for _, g := range gaps {
			k := float64(g) / refined
			if math.Abs(k-math.Round(k)) < 0.08 {
				near++
			}
		}
		// A shorter period fits more by chance.
		if score := float64(near) / float64(len(gaps)); score > bestScore+0.02 {
			best, bestScore = int64(refined), score
		}
	}
	return best, bestScore >= 0.85
}

// worse tells of places that were read and fail now.
func worse(m, before *Map) (finding.Finding, bool) {
	if before == nil {
		return finding.Finding{}, false
	}
	was, is := before.Of(NonTrimmed, NonScraped, BadSector), m.Of(NonTrimmed, NonScraped, BadSector)
	if is.Bytes() <= was.Bytes() || !before.Of(NonTried).Empty() {
		return finding.Finding{}, false
	}
	return growing.New(finding.Expected(size(was.Bytes()), size(is.Bytes()))), true
}

// Grown tells of places that could be read in an earlier run and fail when they are read again: the errors grow.
func Grown(v Verification) []finding.Finding {
	if v.Unreadable.Empty() {
		return nil
	}
	first := v.Unreadable.Extents()[0]
	return []finding.Finding{growing.New(finding.Expected("nothing", size(v.Unreadable.Bytes())), finding.At(first.Offset, first.Length))}
}

func size(n int64) string {
	for _, u := range []struct {
		unit int64
		name string
	}{{1 << 40, "TiB"}, {1 << 30, "GiB"}, {1 << 20, "MiB"}, {1 << 10, "KiB"}} {
		if n >= u.unit {
			return number1(float64(n)/float64(u.unit)) + " " + u.name
		}
	}
	return number1(float64(n)) + " bytes"
}
