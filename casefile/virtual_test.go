package casefile

import (
	"reflect"
	"strings"
	"testing"

	"salvor/host"
)

func TestVirtual(t *testing.T) {
	dir := t.TempDir() + "/case"
	c, err := Open(dir, Writer, Options{Program: "test"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	id := func(path string, size int64) host.Identity {
		return host.Identity{Path: path, Size: size, First: path, Last: path}
	}
	for i, path := range []string{"/a", "/b"} {
		s, err := c.AddSource(id(path, 1000), true)
		if err != nil || s.Number != i+1 {
			t.Fatalf("%+v, %v", s, err)
		}
	}
	set := Virtual{Key: "md/1", Reader: "md", Kind: "md", Label: "nas:0", Set: "1", Size: 900, Members: []VirtualMember{{Source: 1, Size: 950, ID: "x"}}}
	v, err := c.PutVirtual(set)
	if err != nil || v.Number != 3 || v.Added.IsZero() {
		t.Fatalf("%+v, %v", v, err)
	}
	// A disk that comes later is behind the volume, and what is known of the volume by then is another.
	if s, err := c.AddSource(id("/c", 1000), true); err != nil || s.Number != 4 {
		t.Fatalf("%+v, %v", s, err)
	}
	if s, ok := c.Record().Source(4); !ok || s.Path != "/c" {
		t.Errorf("source 4 is %+v", s)
	}
	s, _ := c.Record().Source(4)
	s.Path = "/d"
	if err := c.UpdateSource(s); err != nil {
		t.Error(err)
	}
	set.Members = append(set.Members, VirtualMember{Source: 4, Size: 950, ID: "y"})
	again, err := c.PutVirtual(set)
	if err != nil || again.Number != 3 || !again.Added.Equal(v.Added) || len(again.Members) != 2 {
		t.Errorf("%+v, %v", again, err)
	}
	before, _ := c.VerifyJournal()
	if _, err := c.PutVirtual(set); err != nil {
		t.Error(err)
	}
	if after, _ := c.VerifyJournal(); after.Acts != before.Acts {
		t.Error("the same volume is told twice")
	}
	inner := Virtual{Key: "lvm/2/3", Reader: "lvm", Kind: "lv", Size: 800, Members: []VirtualMember{{Source: 3, Size: 900}}}
	if v, err = c.PutVirtual(inner); err != nil || v.Number != 5 {
		t.Errorf("%+v, %v", v, err)
	}
	// What stands on disk is the same.
	r, err := Open(dir, Reader, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if !reflect.DeepEqual(r.Record(), c.Record()) {
		t.Errorf("read %+v\nwritten %+v", r.Record(), c.Record())
	}
	if s, ok := r.Record().Source(4); !ok || s.Path != "/d" {
		t.Errorf("source 4 is %+v", s)
	}
	if v, ok := r.Record().Volume(5); !ok || v.Key != "lvm/2/3" {
		t.Errorf("volume 5 is %+v", v)
	}
}

func TestHostileVirtual(t *testing.T) {
	record := func(virtual string) []byte {
		return []byte(`{"v":1,"type":"case","sources":[{"number":1,"path":"/a","size":10}],"virtual":[` + virtual + `]}`)
	}
	good := `{"number":2,"key":"md/1","size":5,"members":[{"source":1,"offset":0,"size":5,"header":0}]}`
	if _, err := parseRecord(record(good)); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string][2]string{
		"its own member":         {`"source":1`, `"source":2`},
		"a member elsewhere":     {`"source":1`, `"source":9`},
		"the number of a source": {`"number":2`, `"number":1`},
		"a number far away":      {`"number":2`, `"number":2000000000`},
		"no key":                 {`"md/1"`, `""`},
		"no size":                {`"size":5,"members"`, `"size":0,"members"`},
		"a negative place":       {`"offset":0`, `"offset":-1`},
	} {
		if _, err := parseRecord(record(strings.Replace(good, change[0], change[1], 1))); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	if _, err := parseRecord(record(good + "," + good)); err == nil {
		t.Error("two volumes with one number are taken")
	}
}
