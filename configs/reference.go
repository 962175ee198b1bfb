package configs

import "go.yaml.in/yaml/v3"

// Field describes one field for `geomq config reference`.
type Field struct {
	// Path is written like a problem's, with "[]" for any item: logs[].topics.
	Path string `json:"path"`
	// Default is the value of an absent field, or words for one that follows from
	// other fields. "required" means that there is none.
	Default string `json:"default"`
	// Text says in one line what the field is for and what it may hold.
	Text string `json:"text"`
}

// Reference lists every field in the order of the documentation.
func Reference() []Field {
	c := Defaults()
	return c.fields().reference("")
}

func (s section) reference(path string) []Field {
	var all []Field
	for _, f := range s {
		at := join(path, f.key)
		switch v := f.value.(type) {
		case section:
			all = append(all, v.reference(at)...)
		case logs:
			all = append(all, new(Log).fields().reference(at+"[]")...)
		default:
			all = append(all, Field{Path: at, Default: f.fallback(), Text: f.text})
		}
	}
	return all
}

// fallback is what an absent field means.
func (f field) fallback() string {
	if f.derived != "" {
		return f.derived
	}
	var text string
	if n := f.value.encode(); n != nil && n.Kind == yaml.ScalarNode {
		text = n.Value
	}
	return text
}
