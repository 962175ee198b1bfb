package configs

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// decoder gathers what goes wrong while values read their nodes. Its walk follows
// the field tables, so its depth is that of a Config however deep the file nests.
type decoder struct {
	problems Problems
	lines    map[string]int // path → line of every field and item met
	// failed are the paths whose values could not be read; what Validate would say
	// about them follows from that.
	failed map[string]bool
}

func newDecoder() *decoder {
	return &decoder{lines: map[string]int{}, failed: map[string]bool{}}
}

// read gives the node at path to v. The line is that of the field's key.
func (d *decoder) read(path string, line int, n *yaml.Node, v value) {
	d.lines[path] = line
	switch {
	case n.Kind == yaml.AliasNode:
		d.fail(path, "is an alias (*%s); write the value out", clip(n.Value))
	case n.ShortTag() == "!!null":
		d.fail(path, "has no value; give it one or leave the field out")
	default:
		v.decode(d, path, n)
	}
}

// fail records that the value at path can't be read.
func (d *decoder) fail(path, format string, args ...any) {
	d.failed[path] = true
	d.report(path, d.lines[path], format, args...)
}

func (d *decoder) report(path string, line int, format string, args ...any) {
	d.problems = append(d.problems, Problem{Path: path, Line: line, Text: fmt.Sprintf(format, args...)})
}

// judge adds what Validate found, with lines, and without what only follows from
// values that could not be read.
func (d *decoder) judge(found Problems) {
	for _, p := range found {
		if d.underFailure(p.Path) {
			continue
		}
		p.Line = d.lineOf(p.Path)
		d.problems = append(d.problems, p)
	}
}

func (d *decoder) underFailure(path string) bool {
	for ; path != ""; path = parentOf(path) {
		if d.failed[path] {
			return true
		}
	}
	return false
}

// lineOf is the line of path, or of the nearest thing around it that has one.
func (d *decoder) lineOf(path string) int {
	for ; path != ""; path = parentOf(path) {
		if line, ok := d.lines[path]; ok {
			return line
		}
	}
	return 0
}

// sorted are the problems in the order of the file, those without a line first.
func (d *decoder) sorted() Problems {
	slices.SortStableFunc(d.problems, func(a, b Problem) int { return a.Line - b.Line })
	return d.problems
}

// decode reads a mapping: each known field once, everything else is a problem.
func (s section) decode(d *decoder, path string, n *yaml.Node) {
	if n.Kind != yaml.MappingNode || n.ShortTag() != "!!map" {
		d.fail(path, "is %s, not a mapping of fields", kindOf(n))
		return
	}
	first := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, item := n.Content[i], n.Content[i+1]
		at := join(path, keyOf(key))
		line, twice := first[keyOf(key)]
		known := slices.IndexFunc(s, func(f field) bool { return key.Kind == yaml.ScalarNode && f.key == key.Value })
		switch {
		case twice:
			d.report(at, key.Line, "stands here a second time, first in line %d; keep one", line)
			continue
		case known < 0:
			d.report(at, key.Line, "unknown field; %s", s.suggest(key))
		default:
			d.read(at, key.Line, item, s[known].value)
		}
		first[keyOf(key)] = key.Line
	}
}

func keyOf(n *yaml.Node) string {
	if n.Kind != yaml.ScalarNode {
		return "?"
	}
	return keyText(n.Value)
}

// keyText is a key as paths have it.
func keyText(key string) string {
	if strings.Trim(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == "" && key != "" {
		return clip(key)
	}
	return quote(key)
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func index(path string, i int) string { return fmt.Sprintf("%s[%d]", path, i) }

func parentOf(path string) string { return path[:max(strings.LastIndexAny(path, ".["), 0)] }

// suggest names the field that was probably meant, or all that there are.
func (s section) suggest(key *yaml.Node) string {
	const farthest = 64 // longer keys are no typing mistakes
	if key.Kind == yaml.ScalarNode && key.Value == "<<" {
		return "merge keys are not supported, write the fields out"
	}
	best, least := "", farthest
	if key.Kind == yaml.ScalarNode && len(key.Value) < farthest {
		word := strings.ReplaceAll(strings.ToLower(key.Value), "-", "_")
		least = max(1, len(word)/3) + 1
		for name, last := range s.names {
			if far := distance(word, last); far < least {
				best, least = name, far
			}
		}
	}
	if best != "" {
		return fmt.Sprintf("did you mean %s?", best)
	}
	keys := make([]string, len(s))
	for i, f := range s {
		keys[i] = f.key
	}
	return "known here are " + strings.Join(keys, ", ")
}

// names yields the section's keys with themselves, then those of the sections in
// it: "retention.max_age" with "max_age".
func (s section) names(yield func(name, last string) bool) {
	for _, f := range s {
		if !yield(f.key, f.key) {
			return
		}
	}
	for _, f := range s {
		inner, _ := f.value.(section)
		for _, g := range inner {
			if !yield(f.key+"."+g.key, g.key) {
				return
			}
		}
	}
}

// kindOf says in words what a node is.
func kindOf(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "a mapping"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	}
	switch n.ShortTag() {
	case "!!str":
		return "text"
	case "!!bool":
		return "true or false"
	case "!!int", "!!float":
		return "a number"
	case "!!timestamp":
		return "a date"
	}
	return "of the kind " + quote(n.ShortTag())
}
