package configs

import (
	"fmt"
	"math"
	"strings"

	"geomq/geo"
)

// maxTopics bounds the topics of all logs together: comparing them takes time
// that grows with their square where many hold wildcards.
const maxTopics = 10_000

// validateTopics judges each topic and finds those that some subject belongs to
// twice, in one log or in two.
func validateTopics(ps *Problems, logs []Log) {
	var count int
	for i := range logs {
		count += len(logs[i].Topics)
	}
	if count > maxTopics {
		ps.add("logs", "hold %d topics, at most %d fit", count, maxTopics)
		return
	}
	var seen []place
	tree := newTopicTree()
	for i := range logs {
		at := index("logs", i) + ".topics"
		if len(logs[i].Topics) == 0 {
			ps.add(at, "is required; name the subjects that the log takes, e.g. [orders.>]")
		}
		for j, topic := range logs[i].Topics {
			here := place{log: i, topic: topic, path: index(at, j)}
			if bad := badName(string(topic), geo.ParseTopic); bad != "" {
				ps.add(here.path, "%s", bad)
				continue
			}
			if first := tree.add(topic, len(seen)); first != none {
				ps.add(here.path, "%s", here.overlap(seen[first], logs))
			}
			seen = append(seen, here)
		}
	}
}

// place is where a topic stands.
type place struct {
	log   int
	topic geo.Topic
	path  string
}

func (p place) overlap(first place, logs []Log) string {
	if p.log == first.log {
		return fmt.Sprintf("%s overlaps %s of the same log; keep the wider one", quote(string(p.topic)), quote(string(first.topic)))
	}
	return fmt.Sprintf("%s overlaps %s of log %s (%s); a subject belongs to one log",
		quote(string(p.topic)), quote(string(first.topic)), clip(string(logs[first.log].Name)), first.path)
}

// topicTree holds topics by their tokens, so that a topic meets only those that
// begin like it. It answers what geo.Topic.Overlaps would, for all at once.
type topicTree struct {
	next map[string]*topicTree
	// here is the number of the topic that ends at this node, least the smallest
	// of those that end below it; none where there is no such topic.
	here, least int
}

const none = math.MaxInt

func newTopicTree() *topicTree {
	return &topicTree{next: map[string]*topicTree{}, here: none, least: none}
}

// add puts topic in under its number, which must be larger than those before, and
// returns the smallest number of an overlapping topic that is in already.
func (t *topicTree) add(topic geo.Topic, number int) (overlapping int) {
	tokens := strings.Split(string(topic), ".")
	overlapping = t.find(tokens)
	for _, token := range tokens {
		t.least = min(t.least, number)
		if t.next[token] == nil {
			t.next[token] = newTopicTree()
		}
		t = t.next[token]
	}
	t.here = min(t.here, number)
	return overlapping
}

// find is the smallest number of a topic that overlaps with tokens.
func (t *topicTree) find(tokens []string) int {
	if len(tokens) == 0 {
		return t.here
	}
	if tokens[0] == ">" {
		return t.least
	}
	least := none
	if rest := t.next[">"]; rest != nil {
		least = rest.here
	}
	if tokens[0] == "*" {
		for token, child := range t.next {
			if token != ">" {
				least = min(least, child.find(tokens[1:]))
			}
		}
		return least
	}
	for _, token := range []string{tokens[0], "*"} {
		if child := t.next[token]; child != nil {
			least = min(least, child.find(tokens[1:]))
		}
	}
	return least
}
