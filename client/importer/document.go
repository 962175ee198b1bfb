package importer

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode/utf8"
)

// isObject tells whether text is one whole JSON object.
func isObject(text []byte) bool {
	trimmed := bytes.TrimLeft(text, jsonSpace)
	return len(trimmed) > 0 && trimmed[0] == '{' && json.Valid(text)
}

// keyOf returns the value of the field that path names in a valid JSON object:
// a field of that very name, or the one that its dots lead to. Strings are
// decoded, numbers and booleans taken as they are written. A detail tells why
// there is none.
func keyOf(object []byte, path string) (key, detail string) {
	raw, ok := find(object, path)
	switch {
	case !ok:
		return "", "field " + path + " is missing"
	case raw[0] == '"':
		if err := json.Unmarshal(raw, &key); err != nil {
			return "", "field " + path + ": " + err.Error()
		}
		return key, ""
	case raw[0] == '{', raw[0] == '[', raw[0] == 'n':
		return "", "field " + path + " is " + kindOf(raw[0]) + "; a key is a string, a number or a boolean"
	}
	return string(raw), ""
}

func kindOf(first byte) string {
	switch first {
	case '{':
		return "an object"
	case '[':
		return "an array"
	}
	return "null"
}

// find follows path into object.
func find(object []byte, path string) ([]byte, bool) {
	if raw, ok := field(object, path); ok {
		return raw, true
	}
	head, rest, dotted := strings.Cut(path, ".")
	if !dotted {
		return nil, false
	}
	raw, ok := field(object, head)
	if !ok || raw[0] != '{' {
		return nil, false
	}
	return find(raw, rest)
}

const jsonSpace = " \t\r\n"

// field returns the raw value of the last field of that name in object, which
// must be valid JSON: being sure of that, it gets by with skipping.
func field(object []byte, name string) (value []byte, found bool) {
	rest := skipSpace(bytes.TrimLeft(object, jsonSpace)[1:])
	for rest[0] != '}' {
		label := rest[:stringEnd(rest)]
		rest = skipSpace(skipSpace(rest[len(label):])[1:])
		raw := rest[:valueEnd(rest)]
		if named(label, name) {
			value, found = raw, true
		}
		rest = skipSpace(rest[len(raw):])
		if rest[0] == ',' {
			rest = skipSpace(rest[1:])
		}
	}
	return value, found
}

func skipSpace(b []byte) []byte { return bytes.TrimLeft(b, jsonSpace) }

// named tells whether a label, quotes included, spells name.
func named(label []byte, name string) bool {
	if bytes.IndexByte(label, '\\') < 0 && utf8.Valid(label) {
		return string(label[1:len(label)-1]) == name
	}
	var text string
	return json.Unmarshal(label, &text) == nil && text == name
}

// stringEnd is the length of the string that b begins with.
func stringEnd(b []byte) int {
	for i := 1; ; i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
}

// valueEnd is the length of the value that b begins with.
func valueEnd(b []byte) int {
	switch b[0] {
	case '"':
		return stringEnd(b)
	case '{', '[':
		return nestedEnd(b)
	}
	if end := bytes.IndexAny(b, ",}]"+jsonSpace); end >= 0 {
		return end
	}
	return len(b)
}

// nestedEnd is the length of the object or array that b begins with.
func nestedEnd(b []byte) int {
	depth := 0
	for i := 0; ; i++ {
		switch b[i] {
		case '"':
			i += stringEnd(b[i:]) - 1
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
}
