package suit

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"

	"salvor/diagnosis"
)

// decode reads one item of CBOR: maps become lists of keys and values.
func decode(t *testing.T, b []byte) (any, []byte) {
	t.Helper()
	if len(b) == 0 {
		t.Fatal("CBOR ends early")
	}
	major, info, b := b[0]>>5, b[0]&31, b[1:]
	if major == 7 {
		if info != 21 {
			t.Fatalf("simple value %d", info)
		}
		return true, b
	}
	n := uint64(info)
	switch info {
	case 24:
		n, b = uint64(b[0]), b[1:]
		if n < 24 {
			t.Fatal("a length that is not the shortest")
		}
	case 25:
		n, b = uint64(binary.BigEndian.Uint16(b)), b[2:]
	case 26:
		n, b = uint64(binary.BigEndian.Uint32(b)), b[4:]
	}
	switch major {
	case 0:
		return int(n), b
	case 1:
		return -1 - int(n), b
	case 2, 3:
		return string(b[:n]), b[n:]
	}
	if major == 5 {
		n *= 2
	}
	list := []any{}
	for range n {
		var v any
		v, b = decode(t, b)
		list = append(list, v)
	}
	return list, b
}

// value returns what a key of a map leads to.
func value(m any, key any) any {
	list := m.([]any)
	for i := 0; i+1 < len(list); i += 2 {
		if list[i] == key {
			return list[i+1]
		}
	}
	return nil
}

// Each cause has a reason and a section of the draft, and its report decodes.
func TestEveryCause(t *testing.T) {
	used := map[Reason]bool{}
	for _, c := range append(diagnosis.Causes(), diagnosis.CannotTell) {
		r := New(&diagnosis.Answer{Cause: c, Grade: diagnosis.Likely})
		if r.Section == "" || r.Reason == "" || r.reason == OK || r.Success {
			t.Errorf("%s: %+v", c, r)
		}
		if _, ok := steps[c.Class()]; !ok && c != diagnosis.CannotTell {
			t.Errorf("%s: its class has no step", c)
		}
		used[r.reason] = true
		m, rest := decode(t, r.CBOR())
		if len(rest) > 0 {
			t.Fatalf("%s: %d bytes behind the report", c, len(rest))
		}
		result := value(m, keyResult)
		record := value(result, keyRecord).([]any)
		if value(result, keyReason) != int(r.reason) || value(result, keyCode) != -1 || len(record) != 5 || record[1] != int(r.section) {
			t.Errorf("%s: result %v", c, result)
		}
		if ref := value(m, keyReference).([]any); len(ref) != 2 || value(m, keyRecords) == nil {
			t.Errorf("%s: %v", c, m)
		}
		if words := value(m, "salvor").([]any); words[0].([]any)[0] != string(c) {
			t.Errorf("%s: %v", c, words)
		}
		text := r.Diagnostic()
		if !strings.Contains(text, fmt.Sprintf("suit-report-result-reason: %s", r.Reason)) || strings.Count(text, "{") != strings.Count(text, "}") || strings.Count(text, "[") != strings.Count(text, "]") {
			t.Errorf("%s: %s", c, text)
		}
	}
	for _, r := range []Reason{ConditionFailed, OperationFailed, Unauthorized, ParameterUnsupported} {
		if !used[r] {
			t.Errorf("no cause is %s", r)
		}
	}
}

func TestSuccess(t *testing.T) {
	r := New(&diagnosis.Answer{Cause: diagnosis.None})
	m, rest := decode(t, r.CBOR())
	if value(m, keyResult) != true || len(rest) > 0 || !strings.Contains(r.Diagnostic(), "4: true") {
		t.Errorf("%v, %s", m, r.Diagnostic())
	}
}

func TestOthers(t *testing.T) {
	a := &diagnosis.Answer{Cause: "genuine.rollback", Grade: diagnosis.VeryLikely, Conclusions: []diagnosis.Conclusion{
		{Cause: "genuine.rollback", Grade: diagnosis.VeryLikely}, {Cause: "clock.wrong", Grade: diagnosis.Possible, Words: "a \"clock\" \xff" + strings.Repeat("x", 300)}}}
	r := New(a)
	if r.Command != "suit-condition-version" || len(r.Words) != 2 {
		t.Errorf("%+v", r)
	}
	m, _ := decode(t, r.CBOR())
	words := value(m, "salvor").([]any)
	if len(words) != 2 || !strings.HasPrefix(words[1].([]any)[2].(string), "a \"clock\" \uFFFD") {
		t.Errorf("%v", words)
	}
	if !strings.Contains(r.Diagnostic(), `"a \"clock\"`) {
		t.Error(r.Diagnostic())
	}
	if slices.Contains(reasonText[:], "") || InvokePending.String() != "suit-report-reason-invoke-pending" || int(InvokePending) != 12 {
		t.Error("the reasons are not those of the draft")
	}
}
