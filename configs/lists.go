package configs

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

// texts is a list of strings.
type texts[T ~string] struct{ at *[]T }

func textsOf[T ~string](at *[]T) value { return texts[T]{at} }

func (v texts[T]) decode(d *decoder, path string, n *yaml.Node) {
	if n.Kind != yaml.SequenceNode {
		d.fail(path, "is %s, not a list; write e.g. [a, b]", kindOf(n))
		return
	}
	*v.at = make([]T, len(n.Content))
	for i, item := range n.Content {
		d.read(index(path, i), item.Line, item, text[T]{&(*v.at)[i]})
	}
}

func (v texts[T]) encode() *yaml.Node {
	if *v.at == nil {
		return nil
	}
	n := &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}
	for _, t := range *v.at {
		n.Content = append(n.Content, textNode(string(t)))
	}
	return n
}

// logs is the list of logs.
type logs struct{ at *[]Log }

func logsOf(at *[]Log) value { return logs{at} }

func (v logs) decode(d *decoder, path string, n *yaml.Node) {
	if n.Kind != yaml.SequenceNode {
		d.fail(path, "is %s, not a list of logs; begin each with \"- name: NAME\"", kindOf(n))
		return
	}
	if len(n.Content) > maxLogs {
		d.fail(path, "%s", tooManyLogs(len(n.Content)))
		return
	}
	*v.at = make([]Log, len(n.Content))
	for i, item := range n.Content {
		d.read(index(path, i), item.Line, item, (*v.at)[i].fields())
	}
}

func (v logs) encode() *yaml.Node {
	if *v.at == nil {
		return nil
	}
	n := &yaml.Node{Kind: yaml.SequenceNode}
	if len(*v.at) == 0 {
		n.Style = yaml.FlowStyle
	}
	for i := range *v.at {
		n.Content = append(n.Content, (*v.at)[i].fields().encode())
	}
	return n
}

// encode writes the fields that have something to write, in the table's order.
func (s section) encode() *yaml.Node {
	n := &yaml.Node{Kind: yaml.MappingNode}
	for _, f := range s {
		if item := f.value.encode(); item != nil {
			n.Content = append(n.Content, scalar("!!str", f.key), item)
		}
	}
	if len(n.Content) == 0 {
		return nil
	}
	return n
}

// textNode writes plain what reads back as the same text for sure, and all else
// in double quotes, where every character can be escaped.
func textNode(value string) *yaml.Node {
	n := scalar("!!str", value)
	if strings.Trim(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./") != "" {
		n.Style = yaml.DoubleQuotedStyle
	}
	return n
}
