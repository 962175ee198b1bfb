package configs

import (
	"strconv"
	"time"

	"go.yaml.in/yaml/v3"
)

// value is one place in a Config that reads and writes a YAML node. What can't be
// read leaves the place as it is, except in lists, where a zero item keeps the
// numbers of those behind it.
type value interface {
	decode(d *decoder, path string, n *yaml.Node)
	// encode returns nil where there is nothing to write.
	encode() *yaml.Node
}

// text is a string, never an empty one.
type text[T ~string] struct{ at *T }

func textOf[T ~string](at *T) value { return text[T]{at} }

func (v text[T]) decode(d *decoder, path string, n *yaml.Node) {
	switch {
	case n.Kind != yaml.ScalarNode:
		d.fail(path, "is %s, not text", kindOf(n))
	case n.ShortTag() != "!!str":
		d.fail(path, "is %s, not text; put it in quotes if it is meant as written", kindOf(n))
	case n.Value == "":
		d.fail(path, "is empty; give it a value or leave the field out")
	default:
		*v.at = T(n.Value)
	}
}

func (v text[T]) encode() *yaml.Node {
	if *v.at == "" {
		return nil
	}
	return textNode(string(*v.at))
}

// flag is true or false.
type flag struct{ at *bool }

func flagOf(at *bool) value { return flag{at} }

func (v flag) decode(d *decoder, path string, n *yaml.Node) {
	if n.ShortTag() != "!!bool" || n.Decode(v.at) != nil {
		d.fail(path, "is %s; write true or false", kindOf(n))
	}
}

func (v flag) encode() *yaml.Node { return scalar("!!bool", strconv.FormatBool(*v.at)) }

// whole is a whole number in decimal digits. The forms of YAML that mean another
// number to other readers (010, 0x10, 1_000) are refused.
type whole[T int | int64] struct{ at *T }

func wholeOf[T int | int64](at *T) value { return whole[T]{at} }

func (v whole[T]) decode(d *decoder, path string, n *yaml.Node) {
	number, err := strconv.ParseInt(n.Value, 10, 64)
	switch {
	case n.Kind != yaml.ScalarNode || n.ShortTag() != "!!int" && n.ShortTag() != "!!float":
		d.fail(path, "is %s, not a whole number", kindOf(n))
	case err != nil || n.Value != strconv.FormatInt(number, 10) || int64(T(number)) != number:
		d.fail(path, "%s is no whole number in plain digits", quote(n.Value))
	default:
		*v.at = T(number)
	}
}

func (v whole[T]) encode() *yaml.Node { return scalar("!!int", strconv.FormatInt(int64(*v.at), 10)) }

// size is a number of bytes, with a unit or without.
type size struct{ at *Bytes }

func sizeOf(at *Bytes) value { return size{at} }

func (v size) decode(d *decoder, path string, n *yaml.Node) {
	if !isNumberOrText(n) {
		d.fail(path, "is %s, not a size; write e.g. 16MiB", kindOf(n))
		return
	}
	b, err := ParseBytes(n.Value)
	if err != nil {
		d.fail(path, "%v", err)
		return
	}
	*v.at = b
}

func (v size) encode() *yaml.Node {
	text := v.at.String()
	if text == strconv.FormatInt(int64(*v.at), 10) {
		return scalar("!!int", text)
	}
	return textNode(text)
}

// span is a duration, always with a unit.
type span struct {
	at *time.Duration
	// positive refuses zero where it would be taken for an absent field.
	positive bool
}

func spanOf(at *time.Duration) value         { return span{at: at} }
func positiveSpanOf(at *time.Duration) value { return span{at: at, positive: true} }

func (v span) decode(d *decoder, path string, n *yaml.Node) {
	if !isNumberOrText(n) {
		d.fail(path, "is %s, not a duration; write e.g. 30s or 7d", kindOf(n))
		return
	}
	duration, err := ParseDuration(n.Value)
	switch {
	case err != nil:
		d.fail(path, "%v", err)
	case v.positive && duration == 0:
		d.fail(path, "%s is not allowed here; give it more or leave the field out", quote(n.Value))
	default:
		*v.at = time.Duration(duration)
	}
}

func (v span) encode() *yaml.Node {
	if v.positive && *v.at == 0 {
		return nil
	}
	return textNode(Duration(*v.at).String())
}

func isNumberOrText(n *yaml.Node) bool {
	switch n.ShortTag() {
	case "!!str", "!!int", "!!float":
		return n.Kind == yaml.ScalarNode
	}
	return false
}

func scalar(tag, value string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: tag, Value: value}
}
