// Command diagnosis measures how often the cause of a failed update is told rightly: it answers all cases of the
// corpus in diagnosis/testdata and prints, for each half, what was right, wrong and abstained, by origin, cause
// and grade.
//
//	go run ./bench/diagnosis                  both halves, as tables
//	go run ./bench/diagnosis -half train -misses    with the cases that went wrong, of the training half
//	go run ./bench/diagnosis -explain rauc/killed    the answers to some of these, with their evidence
//	go run ./bench/diagnosis -write diagnosis/measured.json    the hit rates that the program tells
//	go run ./bench/diagnosis -noise DIR       which rules take lines of texts in which no update failed
//	go run ./bench/diagnosis -speed           how fast 1 GB of log is read
//
// The held-out half is for measuring only: its cases are named only with -held-names, which nobody who writes
// rules or the engine gives.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime/pprof"

	"salvor/diagnosis"
	"salvor/diagnosis/knowledge"
)

func main() {
	half := flag.String("half", "", "train or held; both by default")
	corpus := flag.String("corpus", "diagnosis/testdata", "the folder of the corpus")
	named := flag.Bool("misses", false, "name the cases of the training half that went wrong")
	heldNamed := flag.Bool("held-names", false, "name those of the held-out half too")
	why := flag.String("explain", "", "show the answers to the cases of the training half whose names contain this")
	write := flag.String("write", "", "write the hit rates of the held-out half to this file")
	fast := flag.Bool("speed", false, "measure how fast a log is read")
	size := flag.Int64("size", 1<<30, "bytes of log for -speed")
	kind := flag.String("kind", "", "of -speed, only the logs whose kinds contain this")
	quiet := flag.String("noise", "", "read this folder of texts in which no update failed, and write which rules take lines of them")
	piece := flag.Int("piece", 64<<10, "bytes of the pieces that -noise answers one by one, 0 for whole files")
	profile := flag.String("cpuprofile", "", "write where the time goes to this file")
	flag.Parse()
	var err error
	if *profile != "" {
		f, err := os.Create(*profile)
		if err != nil {
			fmt.Fprintln(os.Stderr, "bench/diagnosis:", err)
			os.Exit(1)
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			fmt.Fprintln(os.Stderr, "bench/diagnosis:", err)
			os.Exit(1)
		}
		defer pprof.StopCPUProfile()
	}
	switch {
	case *fast:
		err = speed(os.Stdout, *size, *kind)
	case *quiet != "":
		err = noise(os.Stdout, *quiet, *piece)
	case *why != "":
		err = explain(os.Stdout, *corpus, *why)
	default:
		err = bench(*corpus, *half, *named, *heldNamed, *write)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench/diagnosis:", err)
		os.Exit(1)
	}
}

func engine() (*diagnosis.Engine, error) {
	base, err := base()
	if err != nil {
		return nil, err
	}
	return diagnosis.New(base)
}

func base() (*diagnosis.Base, error) { return knowledge.Embedded() }

func bench(corpus, only string, named, heldNamed bool, write string) error {
	e, err := engine()
	if err != nil {
		return err
	}
	for _, half := range []string{"train", "held"} {
		if only != "" && only != half {
			continue
		}
		cases, err := readCorpus(os.DirFS(corpus), half)
		if err != nil && half == "train" {
			return err
		} else if err != nil {
			return fmt.Errorf("the held-out half cannot be read") // its errors name cases
		}
		list, err := run(context.Background(), e, cases)
		if err != nil {
			return err
		}
		report(os.Stdout, half, list)
		if half == "train" && named || half == "held" && heldNamed {
			misses(os.Stdout, list)
		}
		if half == "held" && write != "" {
			b, err := json.MarshalIndent(grades(list), "", "  ")
			if err != nil {
				return err
			}
			if err := os.WriteFile(write, append(b, '\n'), 0o644); err != nil {
				return err
			}
		}
	}
	return nil
}
