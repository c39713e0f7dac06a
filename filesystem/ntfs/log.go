package ntfs

import (
	"context"

	"salvor/finding"
)

// older is an older state of a record.
type older struct {
	b  []byte
	at int64
}

func (v *volume) surveyLog(ctx context.Context, s *survey) []finding.Finding { return nil }

func (v *volume) surveyJournal(ctx context.Context, s *survey) {}

func (w *walker) older() {}
