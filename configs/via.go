package configs

import (
	"maps"
	"slices"

	"geomq/geo"
	"go.yaml.in/yaml/v3"
)

// detours is a mapping of regions to addresses.
type detours struct{ at *map[geo.Region]string }

func detoursOf(at *map[geo.Region]string) value { return detours{at} }

func (v detours) decode(d *decoder, path string, n *yaml.Node) {
	if n.Kind != yaml.MappingNode || n.ShortTag() != "!!map" {
		d.fail(path, "is %s, not a mapping; write e.g. {eu-west: \"10.0.0.9:4222\"}", kindOf(n))
		return
	}
	if len(n.Content)/2 > maxRegions {
		d.fail(path, "names %d regions, at most %d fit", len(n.Content)/2, maxRegions)
		return
	}
	*v.at = make(map[geo.Region]string, len(n.Content)/2)
	first := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, item := n.Content[i], n.Content[i+1]
		at := join(path, keyOf(key))
		line, twice := first[key.Value]
		switch {
		case key.Kind != yaml.ScalarNode || key.ShortTag() != "!!str":
			d.report(at, key.Line, "the region is %s, not text; put it in quotes if it is meant as written", kindOfKey(key))
			continue
		case twice:
			d.report(at, key.Line, "stands here a second time, first in line %d; keep one", line)
			continue
		}
		first[key.Value] = key.Line
		var address string
		d.read(at, key.Line, item, textOf(&address))
		(*v.at)[geo.Region(key.Value)] = address
	}
}

// kindOfKey is kindOf for a place where an alias can stand too.
func kindOfKey(n *yaml.Node) string {
	if n.Kind == yaml.AliasNode {
		return "an alias"
	}
	return kindOf(n)
}

func (v detours) encode() *yaml.Node {
	if *v.at == nil {
		return nil
	}
	n := &yaml.Node{Kind: yaml.MappingNode, Style: yaml.FlowStyle}
	for _, r := range slices.Sorted(maps.Keys(*v.at)) {
		n.Content = append(n.Content, textNode(string(r)), textNode((*v.at)[r]))
	}
	return n
}

func (c *Config) validateVia(ps *Problems) {
	for _, r := range slices.Sorted(maps.Keys(c.Link.Via)) {
		at := join("link.via", keyText(string(r)))
		switch {
		case r == c.Region:
			ps.add(at, "is this node's own region, to which it has no link; take it out")
		case !slices.Contains(c.Regions, r):
			ps.add(at, "%s is none of the deployment's regions (%s)", quote(string(r)), list(c.Regions))
		default:
			checkDialled(ps, at, c.Link.Via[r])
		}
	}
}
