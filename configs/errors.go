package configs

import (
	"errors"
	"fmt"
	"strings"
)

// Errors that the Parse functions of single values wrap. A caller shows them to
// the person who wrote the value; there is nothing to retry.
var (
	// ErrBytes goes to callers of ParseBytes: the text is no size.
	ErrBytes = errors.New("not a size")
	// ErrDuration goes to callers of ParseDuration: the text is no duration.
	ErrDuration = errors.New("not a duration")
	// ErrGossipKey goes to callers of GossipKey.Bytes: the key can't be used.
	ErrGossipKey = errors.New("not a gossip key")
)

// Problem is one mistake in a configuration.
type Problem struct {
	// Path names the field, e.g. "logs[1].topics[0]"; empty for the whole file.
	Path string `json:"path"`
	// Line counts from 1. It is the line of the field, or of what should hold a
	// missing field; 0 where no line is known.
	Line int `json:"line,omitempty"`
	// Text says what is wrong and what to write instead.
	Text string `json:"text"`
}

// String writes p as "listen.nats (line 7): …".
func (p Problem) String() string {
	switch {
	case p.Path == "" && p.Line == 0:
		return p.Text
	case p.Path == "":
		return fmt.Sprintf("line %d: %s", p.Line, p.Text)
	case p.Line == 0:
		return p.Path + ": " + p.Text
	}
	return fmt.Sprintf("%s (line %d): %s", p.Path, p.Line, p.Text)
}

// Problems is every mistake in a configuration, in the order of the file. It is
// the error of Parse, Load and Marshal; find it with errors.As.
type Problems []Problem

// Error writes one problem per line.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// Err is ps as an error, nil where there is no problem.
func (ps Problems) Err() error {
	if len(ps) == 0 {
		return nil
	}
	return ps
}

func (ps *Problems) add(path, format string, args ...any) {
	*ps = append(*ps, Problem{Path: path, Text: fmt.Sprintf(format, args...)})
}
