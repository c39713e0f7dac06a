package filetypetest

import (
	"testing"

	"salvor/block"
	"salvor/filetype"
)

// Row returns the row of that name, of a family that may have several.
func Row(t testing.TB, rows []filetype.Format, name string) filetype.Format {
	t.Helper()
	for _, f := range rows {
		if f.Name == name {
			return f
		}
	}
	t.Fatalf("no row %s", name)
	return filetype.Format{}
}

// RunAll runs the suite on each fixture that expected names, with the row that the sample tells, or the first one.
// Where no verdict is told, Consistent is expected.
func RunAll(t *testing.T, rows []filetype.Format, fixtures map[string][]byte, expected map[string]Sample) {
	t.Helper()
	for name, s := range expected {
		s.Name, s.Data = name, fixtures[name]
		if s.Data == nil {
			t.Fatalf("no fixture %s", name)
		}
		if s.Verdict == filetype.Unknown {
			s.Verdict = filetype.Consistent
		}
		row := rows[0]
		if s.Row != "" {
			row = Row(t, rows, s.Row)
		}
		Run(t, row, []Sample{s})
	}
}

// Examine returns what format says of data, and its error. What it says is held to the rules of reports.
func Examine(t testing.TB, format filetype.Format, data []byte) (filetype.Report, error) {
	t.Helper()
	r, err := format.Examine(t.Context(), block.Bytes(data))
	if err == nil {
		if err := Check(format, block.Bytes(data), r); err != nil {
			t.Errorf("%v: %+v", err, r)
		}
	}
	return r, err
}

// Accepted is Examine for data that format must take for its own.
func Accepted(t testing.TB, format filetype.Format, data []byte) filetype.Report {
	t.Helper()
	r, err := Examine(t, format, data)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// FuzzAll is a whole fuzz target: every row, and its preview, on data that grows out of the fixtures of less than
// limit bytes.
func FuzzAll(f *testing.F, rows []filetype.Format, fixtures map[string][]byte, limit int) {
	f.Helper()
	for _, data := range fixtures {
		if len(data) < limit {
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, row := range rows {
			Fuzz(t, row, data)
			if row.Preview != nil {
				_, _ = row.Preview(t.Context(), block.Bytes(data)) // it may refuse, and may not panic
			}
		}
	})
}

// Benchmark measures how fast format goes through data.
func Benchmark(b *testing.B, format filetype.Format, data []byte) {
	b.Helper()
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if _, err := format.Examine(b.Context(), block.Bytes(data)); err != nil {
			b.Fatal(err)
		}
	}
}
