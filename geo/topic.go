package geo

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Topic is a NATS subject filter that a log captures, e.g. "orders.>".
type Topic string

// ParseTopic returns text as a Topic, or an error wrapping ErrTopic. Subjects
// of NATS ("$…", "_INBOX…") and of geomq ("geomq…") can't be captured, nor can
// everything (">", "*").
func ParseTopic(text string) (Topic, error) {
	if text == "" {
		return "", fmt.Errorf("%w: it is empty", ErrTopic)
	}
	if !utf8.ValidString(text) || strings.ContainsFunc(text, isSpaceOrControl) {
		return "", fmt.Errorf("%w: %q holds white space or control characters", ErrTopic, text)
	}
	tokens := strings.Split(text, ".")
	for i, token := range tokens {
		switch {
		case token == "":
			return "", fmt.Errorf("%w: %q has an empty token", ErrTopic, text)
		case token == ">" && i < len(tokens)-1:
			return "", fmt.Errorf("%w: in %q '>' is not the last token", ErrTopic, text)
		}
	}
	switch first := tokens[0]; {
	case first == ">" || first == "*":
		return "", fmt.Errorf("%w: %q would capture NATS' own subjects; begin with a word", ErrTopic, text)
	case strings.HasPrefix(first, "$") || strings.HasPrefix(first, "_INBOX"):
		return "", fmt.Errorf("%w: %q belongs to NATS", ErrTopic, text)
	case strings.EqualFold(first, "geomq"):
		return "", fmt.Errorf("%w: %q belongs to geomq", ErrTopic, text)
	}
	return Topic(text), nil
}

func isSpaceOrControl(r rune) bool { return r <= ' ' || r == 0x7f }

// Overlaps tells whether some subject is captured by both t and u.
func (t Topic) Overlaps(u Topic) bool {
	a, b := strings.Split(string(t), "."), strings.Split(string(u), ".")
	for i := 0; ; i++ {
		switch {
		case i == len(a) || i == len(b):
			return len(a) == len(b)
		case a[i] == ">" || b[i] == ">":
			return true
		case a[i] != b[i] && a[i] != "*" && b[i] != "*":
			return false
		}
	}
}

// Matches tells whether t captures subject, which holds no wildcards.
func (t Topic) Matches(subject string) bool { return t.Overlaps(Topic(subject)) }
