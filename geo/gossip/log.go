package gossip

import (
	"context"
	"log"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"
)

// logBridge takes memberlist's log lines into slog: its errors and warnings as
// warnings, each cause at a limited rate, and everything else for debugging.
// It implements io.Writer.
type logBridge struct {
	log    *slog.Logger
	limit  *limiter
	silent atomic.Bool // after Close memberlist still winds down; nobody listens
}

func newLogBridge(log *slog.Logger) *logBridge {
	return &logBridge{log: log, limit: newLimiter()}
}

func (b *logBridge) logger() *log.Logger { return log.New(b, "", 0) }

// Write takes one line, e.g. "[ERR] memberlist: Decrypt packet failed: …
// from=192.0.2.1:7946".
func (b *logBridge) Write(line []byte) (int, error) {
	if !b.silent.Load() {
		b.take(strings.TrimSpace(string(line)))
	}
	return len(line), nil
}

func (b *logBridge) take(line string) {
	level, text := splitLevel(line)
	what := recognise(text)
	if level == slog.LevelDebug || what.expected {
		b.log.Debug("gossip", "detail", text)
		return
	}
	detail, from, _ := strings.Cut(text, " from=")
	b.warn(what.cause, what.message, "detail", detail, "from", from)
}

// warn logs a cause unless it was logged within the last minute.
func (b *logBridge) warn(cause, message string, attrs ...any) {
	ok, withheld := b.limit.pass(cause, time.Now())
	if !ok {
		return
	}
	if withheld > 0 {
		attrs = append(attrs, "withheld", withheld)
	}
	b.log.Log(context.Background(), slog.LevelWarn, message, attrs...)
}

// splitLevel takes the level and the speaker off a line.
func splitLevel(line string) (slog.Level, string) {
	level := slog.LevelWarn
	if rest, ok := strings.CutPrefix(line, "["); ok {
		word, rest, _ := strings.Cut(rest, "]")
		line = strings.TrimSpace(rest)
		if word == "DEBUG" || word == "INFO" {
			level = slog.LevelDebug
		}
	}
	return level, strings.TrimSpace(strings.TrimPrefix(line, "memberlist:"))
}

// finding is what a line of memberlist means to an operator.
type finding struct {
	cause, message string
	expected       bool // happens whenever a node dies or returns; the view tells
}

const (
	otherKey     = "gossip refused: it is not encrypted with our key; give all nodes of all regions the same key, and close the port to strangers"
	otherSpeaker = "gossip refused: the sender is no geomq node"
)

// findings are the lines we know, by a part of theirs.
var findings = []struct {
	part string
	finding
}{
	{"Decrypt packet failed", finding{cause: "key", message: otherKey}},
	{"keys could decrypt", finding{cause: "key", message: otherKey}},
	{"is configured but remote state is not encrypted", finding{cause: "key", message: otherKey}},
	{"is encrypted and encryption is not configured", finding{cause: "key", message: otherKey}},
	{"unacceptable label", finding{cause: "label", message: otherSpeaker}},
	{"Got ping for unexpected node", finding{expected: true}},
	{"Push/Pull with", finding{expected: true}},
	{"Failed fallback TCP ping", finding{expected: true}},
	{"Failed to send", finding{expected: true}},
	{"Failed to forward", finding{expected: true}},
}

// recognise says what a line means. An unknown one is its own cause by the words
// it begins with, which are the constant part of memberlist's formats.
func recognise(text string) finding {
	for _, known := range findings {
		if strings.Contains(text, known.part) {
			return known.finding
		}
	}
	words := strings.Fields(text)
	return finding{cause: strings.Join(words[:min(3, len(words))], " "), message: "gossip disturbed"}
}
