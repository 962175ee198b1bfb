package importer

import (
	"bytes"
	"encoding/json"
	"testing"
)

func TestKeys(t *testing.T) {
	for _, c := range []struct{ object, path, key, detail string }{
		{`{"page":"Foo"}`, "page", "Foo", ""},
		{` {"a":1 , "page" : "x\u00e9\n" }`, "page", "xé\n", ""},
		{`{"page":""}`, "page", "", ""},
		{`{"n":1.50}`, "n", "1.50", ""},
		{`{"n":12345678901234567890}`, "n", "12345678901234567890", ""},
		{`{"b":true}`, "b", "true", ""},
		{`{"a":{"b":{"c":"deep"}}}`, "a.b.c", "deep", ""},
		{`{"a.b":"flat","a":{"b":"deep"}}`, "a.b", "flat", ""},
		{`{"x":1,"x":2}`, "x", "2", ""},
		{`{"\u0070age":"escaped name"}`, "page", "escaped name", ""},
		{`{"s":"}{\"page\":1","page":"real"}`, "page", "real", ""},
		{`{"o":{"page":"inner"}}`, "page", "", "field page is missing"},
		{`{"a":[{"b":1}]}`, "a.b", "", "field a.b is missing"},
		{`{"page":null}`, "page", "", "field page is null; a key is a string, a number or a boolean"},
		{`{"page":[]}`, "page", "", "field page is an array; a key is a string, a number or a boolean"},
		{`{"page":{}}`, "page", "", "field page is an object; a key is a string, a number or a boolean"},
		{`{}`, "page", "", "field page is missing"},
	} {
		key, detail := keyOf([]byte(c.object), c.path)
		if key != c.key || detail != c.detail {
			t.Errorf("%s in %s is %q, %q", c.path, c.object, key, detail)
		}
	}
}

// Lines come from anywhere. Whatever passes for an object is taken apart as
// encoding/json does it, and nothing panics.
func FuzzFieldAgreesWithEncodingJSON(f *testing.F) {
	for _, seed := range []string{
		`{"page":"Foo","n":[1,{"page":2}]}`, `{"a":{"b":"}"},"page":"\"\\"}`, ` {} `, `{"page":1e9,"page":-0}`,
		`[]`, `{`, `{"page"`, `"{`, "\xff", `{"p\u0061ge":null}`, `{"page":"\ud800"}`,
	} {
		f.Add([]byte(seed), "page")
	}
	f.Fuzz(func(t *testing.T, text []byte, name string) {
		var want map[string]json.RawMessage
		err := json.Unmarshal(text, &want)
		if isObject(text) != (err == nil && want != nil) {
			t.Fatalf("%q is an object: %v; encoding/json says %v", text, isObject(text), err)
		}
		if err != nil || want == nil {
			return
		}
		got, found := field(text, name)
		raw, has := want[name]
		if found != has || found && !bytes.Equal(got, raw) {
			t.Fatalf("%q of %q is %q, want %q", name, text, got, raw)
		}
		keyOf(text, name)
	})
}
