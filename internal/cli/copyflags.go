package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"salvor/imaging"
)

// copyFlags are the options of copy that GNU ddrescue has too, under its names, as they were given.
type copyFlags struct {
	minReadRate, sectorSize, clusterSize, skipSize, maxErrorRate, maxReadRate       string
	inputPosition, outputPosition, size, timeout, passes, pauseOnError, pauseOnPass string
	domainMapfile, testMode, logReads, mapfileInterval, maxBadAreas                 string
	retryPasses, maxReadErrors, maxSlowReads                                        int
	tryAgain, completeOnly, direct, force, retrim, noScrape, noTrim, preallocate    bool
	reverse, sparse, truncate, unidirectional, synchronous, loose                   bool
	verifySize, verifyOnError, reopenOnError, compare, generate, ignoreWrites       bool
	extend, fill, split                                                             string
}

func (f *copyFlags) add(cmd *cobra.Command) {
	s := cmd.Flags()
	s.StringVarP(&f.minReadRate, "min-read-rate", "a", "", "least read rate of good areas in `BYTES` a second; 0 is a tenth of the average, -1 calls nothing slow")
	s.BoolVarP(&f.tryAgain, "try-again", "A", false, "mark non-trimmed and non-scraped blocks as non-tried")
	s.StringVarP(&f.sectorSize, "sector-size", "b", "", "sector size of the source in `BYTES`")
	s.StringVarP(&f.clusterSize, "cluster-size", "c", "", "`SECTORS` to copy at a time; without it the size follows how far errors are apart")
	s.BoolVarP(&f.completeOnly, "complete-only", "C", false, "read nothing beyond what the map has")
	s.BoolVarP(&f.direct, "idirect", "d", false, "read past the system's cache (always so for devices)")
	s.StringVarP(&f.maxBadAreas, "max-bad-areas", "e", "", "stop when there are more than `N` new bad areas")
	s.StringVarP(&f.maxErrorRate, "max-error-rate", "E", "", "stop when more `BYTES` fail in a second")
	s.BoolVarP(&f.force, "force", "f", false, "write over an image that no map speaks of")
	s.StringVarP(&f.testMode, "test-mode", "H", "", "give errors where the map `FILE` does not say finished")
	s.StringVarP(&f.fill, "fill-mode", "F", "", "write SOURCE over and over into the blocks of IMAGE that its MAP calls one of `TYPES` (some of ? * / - +; l for their places), and read nothing else")
	s.BoolVarP(&f.generate, "generate-mode", "G", false, "make a map of an image that has none: what holds only zeros was not copied; nothing is copied")
	s.StringVarP(&f.inputPosition, "input-position", "i", "0", "where to begin in the source, in `BYTES`")
	s.BoolVarP(&f.verifySize, "verify-input-size", "I", false, "refuse a map that is not as large as the source")
	s.BoolVarP(&f.verifyOnError, "verify-on-error", "J", false, "read the last good sector again after every error, and wait for the source when it is not the same")
	s.StringVarP(&f.skipSize, "skip-size", "K", "", "`INITIAL[,MAX]` bytes to skip on a read error; 0 skips nothing")
	s.BoolVarP(&f.loose, "loose-domain", "L", false, "accept a domain map that is not in order and has gaps")
	s.StringVarP(&f.domainMapfile, "domain-mapfile", "m", "", "copy only what the map `FILE` calls finished")
	s.BoolVarP(&f.retrim, "retrim", "M", false, "mark all failed blocks as non-trimmed")
	s.BoolVarP(&f.noScrape, "no-scrape", "n", false, "skip the scraping")
	s.BoolVarP(&f.noTrim, "no-trim", "N", false, "skip the trimming")
	s.StringVarP(&f.outputPosition, "output-position", "o", "", "where the copied part begins in an image, in `BYTES`; without it at its own place")
	s.BoolVarP(&f.reopenOnError, "reopen-on-error", "O", false, "open the source anew after every error")
	s.BoolVarP(&f.preallocate, "preallocate", "p", false, "take the space for an image now")
	s.IntVarP(&f.retryPasses, "retry-passes", "r", 0, "try bad sectors `N` more times; -1 for ever")
	s.BoolVarP(&f.reverse, "reverse", "R", false, "reverse the direction of all passes")
	s.StringVarP(&f.size, "size", "s", "-1", "most `BYTES` to copy")
	s.BoolVarP(&f.sparse, "sparse", "S", false, "leave out blocks of zeros (always so for a case)")
	s.BoolVarP(&f.truncate, "truncate", "t", false, "empty an image that is there already")
	s.StringVarP(&f.timeout, "timeout", "T", "", "stop when nothing could be read for that `TIME`")
	s.BoolVarP(&f.unidirectional, "unidirectional", "u", false, "run all passes in one direction")
	s.BoolVarP(&f.ignoreWrites, "ignore-write-errors", "w", false, "with --fill-mode, go on where a block cannot be written")
	s.BoolVarP(&f.compare, "compare-before-write", "W", false, "write only what the image does not hold already")
	s.StringVarP(&f.extend, "extend-outfile", "x", "", "make the image at least that many `BYTES` long")
	s.IntVarP(&f.maxReadErrors, "max-read-errors", "X", -1, "stop after more than `N` read errors")
	s.BoolVarP(&f.synchronous, "synchronous", "y", false, "write each block to the disk at once")
	s.StringVarP(&f.maxReadRate, "max-read-rate", "Z", "", "read at most that many `BYTES` a second")
	s.StringVar(&f.split, "split", "", "write the image in parts of that `SIZE` (IMAGE.001, IMAGE.002, ...), or the segments of an .E01")
	s.StringVar(&f.passes, "cpass", "", "which `PASSES` of the copying phase to run, as in 1,3-5")
	s.StringVar(&f.logReads, "log-reads", "", "write every read to `FILE`, as GNU ddrescue does")
	s.StringVar(&f.mapfileInterval, "mapfile-interval", "", "write the map every `TIME`; without it every 30 seconds to 5 minutes, by its size")
	s.IntVar(&f.maxSlowReads, "max-slow-reads", -1, "stop after more than `N` slow reads (with --min-read-rate)")
	s.StringVar(&f.pauseOnError, "pause-on-error", "", "wait for that `TIME` after each read error")
	s.StringVar(&f.pauseOnPass, "pause-on-pass", "", "wait for that `TIME` between passes")
}

// copyPlan is what the options mean.
type copyPlan struct {
	imaging.Plan
	sector                 int64
	position, size, output int64
	extend, split          int64
	domain, test           *imaging.Map
	interval               time.Duration
}

// sizes reads values in turn and keeps the first error.
type sizes struct {
	sector int64
	err    error
}

func (s *sizes) of(option, text string) int64 {
	if text == "" || s.err != nil {
		return 0
	}
	n, err := imaging.ParseSize(text, s.sector)
	if err != nil {
		s.err = usageError{fmt.Errorf("--%s: %w", option, err)}
	}
	return n
}

func (s *sizes) time(option, text string) time.Duration {
	if text == "" || s.err != nil {
		return 0
	}
	d, err := imaging.ParseInterval(text)
	if err != nil {
		s.err = usageError{fmt.Errorf("--%s: %w", option, err)}
	}
	return d
}

// bound turns a limit whose 0 allows nothing into one whose 0 is no limit.
func bound(n int) int {
	switch {
	case n < 0:
		return 0
	case n == 0:
		return -1
	}
	return n
}

func (f *copyFlags) plan() (copyPlan, error) {
	v := &sizes{sector: 512}
	if f.sectorSize != "" {
		v.sector = v.of("sector-size", f.sectorSize)
	}
	p := copyPlan{Plan: imaging.Plan{
		Reverse: f.reverse, Unidirectional: f.unidirectional, NoTrim: f.noTrim, NoScrape: f.noScrape, TryAgain: f.tryAgain,
		Retrim: f.retrim, RetryPasses: f.retryPasses, MaxReadErrors: bound(f.maxReadErrors), MaxSlowReads: bound(f.maxSlowReads),
		MinReadRate: v.of("min-read-rate", f.minReadRate), MaxReadRate: v.of("max-read-rate", f.maxReadRate),
		MaxErrorRate: v.of("max-error-rate", f.maxErrorRate), Timeout: v.time("timeout", f.timeout),
		PauseOnError: v.time("pause-on-error", f.pauseOnError), PauseOnPass: v.time("pause-on-pass", f.pauseOnPass),
	}, output: -1, size: v.of("size", f.size), position: v.of("input-position", f.inputPosition)}
	if f.sectorSize != "" {
		p.sector = v.sector
	}
	if f.outputPosition != "" {
		p.output = v.of("output-position", f.outputPosition)
	}
	if f.clusterSize != "" {
		p.Cluster = v.of("cluster-size", f.clusterSize) * v.sector
	}
	if f.skipSize != "" {
		first, most, _ := strings.Cut(f.skipSize, ",")
		p.SkipSize, p.MaxSkipSize = v.of("skip-size", first), v.of("skip-size", most)
		p.NoSkip = first != "" && p.SkipSize == 0
	}
	p.extend, p.split = v.of("extend-outfile", f.extend), v.of("split", f.split)
	if f.mapfileInterval != "" {
		first, _, _ := strings.Cut(f.mapfileInterval, ",")
		if first != "-1" {
			p.interval = max(v.time("mapfile-interval", first), time.Millisecond)
		}
	}
	if f.maxBadAreas != "" {
		n, err := strconv.Atoi(strings.TrimPrefix(f.maxBadAreas, "+"))
		if err != nil {
			return p, usageError{fmt.Errorf("--max-bad-areas: %q is no number", f.maxBadAreas)}
		}
		p.MaxBadAreas, p.AllBadAreas = bound(n), !strings.HasPrefix(f.maxBadAreas, "+")
	}
	if f.passes != "" && v.err == nil {
		n, err := imaging.ParsePasses(f.passes)
		if err != nil {
			return p, usageError{fmt.Errorf("--cpass: %w", err)}
		}
		p.CopyPasses = n
	}
	switch {
	case v.err != nil:
		return p, v.err
	case v.sector < 1 || v.sector > 64<<10 || v.sector&(v.sector-1) != 0:
		return p, usageError{fmt.Errorf("--sector-size: %d, expected a power of two up to 65536", v.sector)}
	case p.Cluster < 0 || p.Cluster > imaging.ChunkSize || p.Cluster&(p.Cluster-1) != 0:
		return p, usageError{fmt.Errorf("--cluster-size: %d bytes, expected a power of two up to %d", p.Cluster, imaging.ChunkSize)}
	case f.split != "" && (p.split < 1<<20 || p.split%(1<<20) != 0):
		return p, usageError{fmt.Errorf("--split: %d bytes, expected a multiple of 1 MiB", p.split)}
	case strings.Trim(f.fill, "?*/-+l") != "":
		return p, usageError{fmt.Errorf("--fill-mode: %q, expected some of ? * / - + and l", f.fill)}
	case f.ignoreWrites && f.fill == "":
		return p, usageError{errors.New("--ignore-write-errors belongs to --fill-mode: a copy never goes on where it was not written")}
	case p.position < 0:
		return p, usageError{fmt.Errorf("--input-position: %d", p.position)}
	}
	var err error
	if p.domain, err = readMapFile(f.domainMapfile, f.loose); err != nil {
		return p, err
	}
	p.test, err = readMapFile(f.testMode, f.loose)
	return p, err
}

// readMapFile reads the map at path, - for the standard input; nil when path is empty.
func readMapFile(path string, loose bool) (*imaging.Map, error) {
	if path == "" {
		return nil, nil
	}
	var r io.Reader = os.Stdin
	if path != "-" {
		file, err := os.Open(path)
		if err != nil {
			return nil, usageError{err}
		}
		defer file.Close()
		r = file
	}
	read := imaging.ReadMap
	if loose {
		read = imaging.ReadLooseMap
	}
	m, err := read(r)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return m, nil
}

// readLog writes reads to a file as GNU ddrescue does.
func (f *copyFlags) readLog() (log func(imaging.Read), done func() error, err error) {
	if f.logReads == "" {
		return nil, func() error { return nil }, nil
	}
	file, err := os.Create(f.logReads)
	if err != nil {
		return nil, nil, usageError{err}
	}
	fmt.Fprintf(file, "# Reads Logfile. Created by %s\n#  Ipos       Size  Copied_size  Error_size\n", program())
	var phase imaging.Status
	pass := 0
	begun := time.Now()
	var failed error
	log = func(r imaging.Read) {
		if phase != r.Phase || pass != r.Pass {
			phase, pass = r.Phase, r.Pass
			_, failed = fmt.Fprintf(file, "# %ds  %v, pass %d\n", int(time.Since(begun).Seconds()), phase, pass)
		}
		if _, err := fmt.Fprintf(file, "0x%08X\t%d\t%d\t%d\n", r.Offset, r.Length, r.Good, r.Length-r.Good); err != nil {
			failed = err
		}
	}
	return log, func() error {
		if err := file.Close(); failed == nil {
			failed = err
		}
		return failed
	}, nil
}
