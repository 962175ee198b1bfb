package geo

import (
	"fmt"
	"strconv"
	"strings"
)

// LogName names a set of topics with one policy, e.g. "ORDERS". One log per
// name and region exists; each of its queues is a CommitLog.
type LogName string

const (
	maxLogName = 64
	// reservedPrefix begins the names of geomq's own streams.
	reservedPrefix = "GEOMQ"
	controlLog     = LogName("GEOMQ")
)

// ParseLogName returns text as a LogName, or an error wrapping ErrLogName. A
// log name becomes part of a stream name: it holds letters, digits, '_' and
// '-', does not begin with "GEOMQ", and does not end in "-<digits>", which is
// how the stream of a queue ends.
func ParseLogName(text string) (LogName, error) {
	switch {
	case text == "":
		return "", fmt.Errorf("%w: it is empty", ErrLogName)
	case len(text) > maxLogName:
		return "", fmt.Errorf("%w: %q has %d characters, at most %d fit", ErrLogName, text, len(text), maxLogName)
	case strings.HasPrefix(strings.ToUpper(text), reservedPrefix):
		return "", fmt.Errorf("%w: %q begins with %s, which is kept for geomq's own streams", ErrLogName, text, reservedPrefix)
	}
	for i := range len(text) {
		if c := text[i]; !isLower(c) && !isUpper(c) && !isDigit(c) && c != '_' && c != '-' {
			return "", fmt.Errorf("%w: %q holds %q; allowed are letters, digits, '_' and '-'", ErrLogName, text, c)
		}
	}
	if _, _, numbered := cutQueue(text); numbered {
		return "", fmt.Errorf("%w: %q ends like a queue's stream (-<digits>)", ErrLogName, text)
	}
	return LogName(text), nil
}

// Queue is the number of a queue within its log, or SoleQueue.
type Queue int

// SoleQueue is the queue of a log that has just one; its stream carries no
// number.
const SoleQueue Queue = -1

// Label is the queue's number in subjects and in metric labels; a sole queue
// counts as number 0.
func (q Queue) Label() string {
	if q == SoleQueue {
		return "0"
	}
	return strconv.Itoa(int(q))
}

// CommitLog identifies one queue of a log as one origin wrote it: a sequence of
// entries at offsets 1, 2, 3, … that is held by one JetStream stream of the same
// name in every region.
type CommitLog struct {
	Log    LogName
	Queue  Queue
	Origin Region
}

// Stream is the name of the JetStream stream that holds the CommitLog, e.g.
// "ORDERS@us-east", or "ORDERS-0@us-east" where the log has several queues.
func (c CommitLog) Stream() string {
	if c.Queue == SoleQueue {
		return string(c.Log) + "@" + string(c.Origin)
	}
	return string(c.Log) + "-" + c.Queue.Label() + "@" + string(c.Origin)
}

// ControlLog is the log in which a region records what it decides, for all other
// regions to read.
func ControlLog(region Region) CommitLog {
	return CommitLog{Log: controlLog, Queue: SoleQueue, Origin: region}
}

// Control tells whether c is a region's control log. It keeps the last record of
// each key, so that an offset without an entry means nothing there.
func (c CommitLog) Control() bool { return c.Log == controlLog }

// String is the stream's name.
func (c CommitLog) String() string { return c.Stream() }

// ParseCommitLog takes a stream's name apart. The error wraps ErrCommitLog for
// a stream that is not a CommitLog's.
func ParseCommitLog(stream string) (CommitLog, error) {
	name, region, ok := strings.Cut(stream, "@")
	if !ok {
		return CommitLog{}, fmt.Errorf("%w: %q has no @REGION", ErrCommitLog, stream)
	}
	origin, err := ParseRegion(region)
	if err != nil {
		return CommitLog{}, fmt.Errorf("%w: %q: %w", ErrCommitLog, stream, err)
	}
	if stream == ControlLog(origin).Stream() {
		return ControlLog(origin), nil
	}
	queue := SoleQueue
	if base, number, numbered := cutQueue(name); numbered {
		name, queue = base, number
	}
	log, err := ParseLogName(name)
	if err != nil {
		return CommitLog{}, fmt.Errorf("%w: %q: %w", ErrCommitLog, stream, err)
	}
	c := CommitLog{Log: log, Queue: queue, Origin: origin}
	if c.Stream() != stream {
		return CommitLog{}, fmt.Errorf("%w: %q is not written as %q", ErrCommitLog, stream, c.Stream())
	}
	return c, nil
}

// cutQueue splits "NAME-12" into NAME and 12.
func cutQueue(name string) (base string, queue Queue, numbered bool) {
	at := strings.LastIndexByte(name, '-')
	if at < 0 || at == len(name)-1 {
		return name, SoleQueue, false
	}
	for i := at + 1; i < len(name); i++ {
		if !isDigit(name[i]) {
			return name, SoleQueue, false
		}
	}
	number, err := strconv.Atoi(name[at+1:])
	if err != nil {
		return name, SoleQueue, true // digits beyond any int: still numbered
	}
	return name[:at], Queue(number), true
}
