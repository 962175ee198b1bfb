package broker

import (
	"fmt"
	"log/slog"
	"strings"
	"sync"
)

// serverLog hands the server's lines to slog and remembers the last complaint:
// with a logger of ours the server's Fatalf doesn't exit, so that complaint is
// all one learns about a start that failed.
type serverLog struct {
	log *slog.Logger

	mu    sync.Mutex // guards what follows
	last  string     // complaint
	fatal bool       // the server has given up
}

func (l *serverLog) Noticef(format string, args ...any) { l.log.Debug(fmt.Sprintf(format, args...)) }
func (l *serverLog) Debugf(format string, args ...any)  {}
func (l *serverLog) Tracef(format string, args ...any)  {}

func (l *serverLog) Warnf(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if strings.Contains(text, "Plaintext passwords detected") {
		return // they are derived, and only in a file that nobody else can read
	}
	l.log.Warn(text)
}

func (l *serverLog) Errorf(format string, args ...any) {
	l.log.Error(l.remember(fmt.Sprintf(format, args...)))
}

func (l *serverLog) Fatalf(format string, args ...any) {
	l.log.Error(l.remember(fmt.Sprintf(format, args...)), "fatal", true)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fatal = true
}

func (l *serverLog) gaveUp() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.fatal
}

func (l *serverLog) remember(text string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.fatal {
		l.last = text
	}
	return text
}

// complaint is the last error the server logged.
func (l *serverLog) complaint() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.last == "" {
		return "it gave no reason"
	}
	return l.last
}
