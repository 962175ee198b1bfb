package client

import (
	"fmt"
	"strings"

	"geomq/geo"
)

// Subject is what a message with an ordering key is published to: the topic and,
// as its last token, the key. The error wraps ErrSubject for a topic that holds
// wildcards or can't be published to.
func Subject(topic, key string) (string, error) {
	if err := CheckTopic(topic); err != nil {
		return "", err
	}
	return topic + "." + Token(key), nil
}

// checkFilter says why filter is no subject to read by, wildcards allowed; the
// error wraps ErrSubject.
func checkFilter(filter string) error {
	if strings.ContainsAny(filter, " \t\r\n") {
		return fmt.Errorf("%w: filter %q holds white space", ErrSubject, filter)
	}
	tokens := strings.Split(filter, ".")
	for i, token := range tokens {
		if filter != "" && token == "" || token == ">" && i < len(tokens)-1 {
			return fmt.Errorf("%w: filter %q has an empty token, or '>' in front of another", ErrSubject, filter)
		}
	}
	return nil
}

// CheckTopic says why nothing can be published to topic; the error wraps
// ErrSubject.
func CheckTopic(topic string) error {
	if _, err := geo.ParseTopic(topic); err != nil {
		return fmt.Errorf("%w: %w", ErrSubject, err)
	}
	for token := range strings.SplitSeq(topic, ".") {
		if token == "*" || token == ">" {
			return fmt.Errorf("%w: %q holds the wildcard %q", ErrSubject, topic, token)
		}
	}
	return nil
}
