package broker

import (
	"fmt"
	"strings"
	"sync"
)

// writeError is in every line with which the server says that it gave up writing
// a stream, a consumer, a Raft log or the cluster's own state. It keeps to that
// until it is started again, answers nobody, and tells by no other way that a
// program in the same process could look at for each of these.
const writeError = "critical write error"

// engineLog is the server's log that remembers write errors.
type engineLog struct {
	serverLog

	mu      sync.Mutex // guards what follows
	failure string     // the first line of that kind
}

// Errorf implements server.Logger.
func (l *engineLog) Errorf(format string, args ...any) {
	l.serverLog.Errorf(format, args...)
	if text := fmt.Sprintf(format, args...); strings.Contains(strings.ToLower(text), writeError) {
		l.note(text)
	}
}

func (l *engineLog) note(failure string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failure == "" {
		l.failure = failure
	}
}

// writeFailure is empty while the server writes.
func (l *engineLog) writeFailure() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.failure
}
