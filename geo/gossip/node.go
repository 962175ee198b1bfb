package gossip

import (
	"cmp"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"geomq/geo"
)

// maxWord is the longest node name and boot.
const maxWord = 64

// Node is what a geomq node tells all others about itself.
type Node struct {
	Region geo.Region
	// Name is unique within the region and stays over restarts, e.g.
	// "us-east-1". It holds letters, digits, '.', '_' and '-', at most 64.
	Name string
	// Boot identifies this life of the node's process, e.g. a UUID. Same
	// characters as Name.
	Boot string
	// Started is when this life began by the node's own clock.
	Started time.Time
	// NATS is where links connect, a nats URL or host:port.
	NATS string
	// Admin is the URL of the admin API.
	Admin string
	// Protocol is the link protocol's version.
	Protocol int
	// Version is that of the software.
	Version string
}

// key is what stays of a node over its lives.
type key struct {
	region geo.Region
	name   string
}

func (n Node) key() key { return key{n.Region, n.Name} }

// member is the node's name in memberlist; it differs from life to life.
func (n Node) member() string { return string(n.Region) + "/" + n.Name + "/" + n.Boot }

// olderThan tells whether n is an earlier life than other of the same node. The
// clock is read on the node itself both times; boots break a tie, so that of two
// lives just one considers itself the later.
func (n Node) olderThan(other Node) bool {
	if n.Started.Equal(other.Started) {
		return n.Boot < other.Boot
	}
	return n.Started.Before(other.Started)
}

func byRegionAndName(a, b Node) int {
	return cmp.Or(cmp.Compare(a.Region, b.Region), cmp.Compare(a.Name, b.Name))
}

// parseMember splits a memberlist name into region, name and boot.
func parseMember(member string) (Node, error) {
	parts := strings.Split(member, "/")
	if len(parts) != 3 {
		return Node{}, fmt.Errorf("%w: the name is not region/name/boot", errMeta)
	}
	region, err := geo.ParseRegion(parts[0])
	if err != nil {
		return Node{}, fmt.Errorf("%w: %w", errMeta, err)
	}
	for _, word := range parts[1:] {
		if err := checkWord(word); err != nil {
			return Node{}, fmt.Errorf("%w: %w", errMeta, err)
		}
	}
	return Node{Region: region, Name: parts[1], Boot: parts[2]}, nil
}

// checkWord says what keeps text from being a node's name or a boot.
func checkWord(text string) error {
	if text == "" {
		return fmt.Errorf("it is empty")
	}
	if len(text) > maxWord {
		return fmt.Errorf("it has %d characters, at most %d fit", len(text), maxWord)
	}
	for i := range len(text) {
		if !isWordByte(text[i]) {
			return fmt.Errorf("%q holds %q; allowed are letters, digits, '.', '_' and '-'", text, text[i])
		}
	}
	return nil
}

func isWordByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' ||
		c == '.' || c == '_' || c == '-'
}

// checkText says what keeps text from being shown to people: it may come from
// foreign bytes and go to terminals and logs.
func checkText(text string) error {
	if !utf8.ValidString(text) {
		return fmt.Errorf("%q is not UTF-8", text)
	}
	if i := strings.IndexFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }); i >= 0 {
		return fmt.Errorf("%q holds an unprintable character at %d", text, i)
	}
	return nil
}
