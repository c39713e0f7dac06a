package cli_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// schemas are the definitions of docs/schema.json.
type schemas struct{ byName map[string]*jsonschema.Schema }

// compile reads docs/schema.json.
func compile(t *testing.T) *schemas {
	t.Helper()
	const path = "../../docs/schema.json"
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	s := &schemas{byName: map[string]*jsonschema.Schema{}}
	for _, name := range []string{"line", "report", "case", "act", "layer", "file", "block", "patch", "part", "comparison", "trace", "boot", "comparing", "cause", "step", "diagnosis", "answering", "suit", "bundle", "check", "device", "link", "way", "image", "table", "entry", "preview", "findingLine", "progress", "result"} {
		compiled, err := c.Compile(path + "#/$defs/" + name)
		if err != nil {
			t.Fatal(err)
		}
		s.byName[name] = compiled
	}
	return s
}

func (s *schemas) check(definition string, text []byte) error {
	schema, ok := s.byName[definition]
	if !ok {
		return fmt.Errorf("the schema has no %s", definition)
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return err
	}
	return schema.Validate(v)
}

// lines says what is wrong with what a verb printed with --json, "" when nothing is: each line fits the schema,
// the last one and no other is the result, and it says the exit code that the process had.
func (s *schemas) lines(out []byte, exit int) string {
	if len(out) == 0 || out[len(out)-1] != '\n' {
		return fmt.Sprintf("standard output does not end with a line: %q", out)
	}
	lines := bytes.Split(out[:len(out)-1], []byte("\n"))
	for i, l := range lines {
		var head struct {
			V                       int
			Type, State, Safe, Next string
			Exit                    *int
		}
		if err := json.Unmarshal(l, &head); err != nil {
			return fmt.Sprintf("line %d: %v: %s", i+1, err, l)
		}
		// The definition of its type says more of what does not fit than the choice of all.
		definition := head.Type
		if definition == "finding" {
			definition = "findingLine"
		}
		if err := s.check(definition, l); err != nil {
			return fmt.Sprintf("line %d: %v\n%s", i+1, err, l)
		}
		if i < 3 || i == len(lines)-1 {
			if err := s.check("line", l); err != nil {
				return fmt.Sprintf("line %d: %v\n%s", i+1, err, l)
			}
		}
		last := i == len(lines)-1
		switch {
		case head.V != 1:
			return fmt.Sprintf("line %d is of version %d", i+1, head.V)
		case last != (head.Type == "result"):
			return fmt.Sprintf("line %d of %d is of type %s", i+1, len(lines), head.Type)
		case last && (head.Exit == nil || *head.Exit != exit):
			return fmt.Sprintf("the result says another exit code than %d: %s", exit, l)
		case last && (head.State == "" || head.Safe == "" || head.Next == ""):
			return fmt.Sprintf("the result leaves something out: %s", l)
		}
	}
	return ""
}

// The check itself finds what is wrong.
func TestSchemaChecks(t *testing.T) {
	s := compile(t)
	good := `{"v":1,"type":"result","exit":0,"state":"a","safe":"b","next":"c"}` + "\n"
	progress := `{"v":1,"type":"progress","step":"read","done":1,"total":2,"unit":"bytes","rate":0,"safe_files":0,"safe_bytes":0,"words":""}` + "\n"
	if problem := s.lines([]byte(progress+good), 0); problem != "" {
		t.Error(problem)
	}
	for _, c := range []struct {
		name, out string
		exit      int
	}{
		{"nothing", "", 0},
		{"no line break", good[:len(good)-1], 0},
		{"another exit code", good, 10},
		{"no result", progress, 0},
		{"something after the result", good + progress, 0},
		{"text", "hello\n" + good, 0},
		{"an unknown type", `{"v":1,"type":"poem"}` + "\n" + good, 0},
		{"an unknown field", `{"v":1,"type":"result","exit":0,"state":"a","safe":"b","next":"c","more":1}` + "\n", 0},
		{"nothing said", `{"v":1,"type":"result","exit":0,"state":"a","safe":"","next":"c"}` + "\n", 0},
		{"another version", `{"v":2,"type":"result","exit":0,"state":"a","safe":"b","next":"c"}` + "\n", 0},
		{"an exit code that is not in the table", `{"v":1,"type":"result","exit":7,"state":"a","safe":"b","next":"c"}` + "\n", 7},
	} {
		if s.lines([]byte(c.out), c.exit) == "" {
			t.Errorf("%s passed", c.name)
		}
	}
}
