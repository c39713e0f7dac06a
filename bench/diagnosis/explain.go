package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"salvor/diagnosis"
)

// explain writes the answers to cases of the training half, with what they stand on.
func explain(w io.Writer, corpus, name string) error {
	e, err := engine()
	if err != nil {
		return err
	}
	cases, err := readCorpus(os.DirFS(corpus), "train")
	if err != nil {
		return err
	}
	for _, c := range cases {
		if !strings.Contains(c.Name, name) {
			continue
		}
		a, err := e.Diagnose(context.Background(), c.input())
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "%s: is %s %v, answered %s (%s)\n", c.Name, c.Cause, c.Also, a.Cause, a.Grade)
		for _, conclusion := range a.Conclusions {
			fmt.Fprintf(w, "  %.2f %s\n", conclusion.Score, conclusion.Cause)
			evidence(w, "+", conclusion.For)
			evidence(w, "-", conclusion.Against)
		}
		evidence(w, "ended", a.Ended)
		evidence(w, "summary", a.Summaries)
	}
	return nil
}

func evidence(w io.Writer, sign string, list []diagnosis.Evidence) {
	for _, ev := range list {
		fmt.Fprintf(w, "    %s %d %s, line %d, boot %d %s: %.110s\n", sign, ev.Strength, ev.Rule, ev.Place.Line, ev.Boot, ev.Why, ev.Quote)
	}
}
