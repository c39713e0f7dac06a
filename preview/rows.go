package preview

import (
	"context"
	"errors"

	"salvor/block"
	"salvor/filetype"
	"salvor/finding"
	"salvor/guard"
)

// RowsOf returns rows of a table in the file src: see [filetype.Rower]. Findings say what stood in the way. The only error
// is that of ctx.
func RowsOf(ctx context.Context, format *filetype.Format, src block.Source, member, skip int) (rows filetype.Rows, found []finding.Finding, err error) {
	if format == nil || format.Rows == nil {
		return rows, nil, ctx.Err()
	}
	err = guard.Do(ctx, Time, src, func(ctx context.Context, src block.Source) (err error) {
		rows, err = format.Rows(ctx, src, member, skip)
		return err
	})
	if cause := ctx.Err(); cause != nil {
		return rows, nil, cause
	}
	if err != nil && !errors.Is(err, filetype.ErrNot) {
		f, ok := guard.Finding(format.Name, Time, err)
		if !ok {
			f = failed.New(finding.Expected(nil, err))
		}
		found = append(found, f)
	}
	rows.Values = rows.Values[:min(len(rows.Values), filetype.MaxRows)]
	rows.Columns = rows.Columns[:min(len(rows.Columns), filetype.MaxColumns)]
	return rows, found, nil
}
