package importer

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"

	"geomq/client"
	"geomq/geo"
)

// Policy says what to do about a malformed line.
type Policy int

const (
	// Skip reports the line and goes on.
	Skip Policy = iota
	// Stop publishes nothing of what comes behind the line.
	Stop
)

// ParsePolicy reads "skip" or "stop". The error wraps ErrConfig.
func ParsePolicy(text string) (Policy, error) {
	switch text {
	case "skip":
		return Skip, nil
	case "stop":
		return Stop, nil
	}
	return Skip, fmt.Errorf("%w: %q is neither skip nor stop", ErrConfig, text)
}

const (
	defaultPatience    = time.Minute
	defaultWindow      = 4096
	defaultWindowBytes = 16 << 20
	defaultReports     = 20
	defaultAckWait     = 5 * time.Second
)

// Config says what to import, into what, and how. URL, Input and Topic must be
// set.
type Config struct {
	URL string
	// Input is NDJSON, compressed with gzip or not. A file is read twice for
	// Dedupe; what can't be read twice is kept in a temporary file meanwhile.
	Input io.Reader
	// Topic is what to publish to. With Key, the value of that field becomes
	// the subject's last token (see client.Token). Key is a field's name, or
	// the path to it with dots, "user.id".
	Topic string
	Key   string
	// Stream is the log's stream, e.g. "ORDERS@us-east"; empty looks for the
	// one that captures Topic.
	Stream  string
	OnError Policy
	Dedupe  bool
	// FromLine skips the lines before it; 0 and 1 begin with the first.
	FromLine int
	// MaxLine is the longest line in bytes, its end not counted. The broker's
	// and the log's limit hold besides; 0 leaves it at those.
	MaxLine int
	// Window and WindowBytes limit what is sent and not acknowledged: 4,096
	// lines and 16 MiB if 0.
	Window      int
	WindowBytes int
	// Patience is how long to wait for a broker that makes no progress, 60 s if
	// 0. AckWait is how long no acknowledgement at all may come before
	// something is held to be wrong, 5 s if 0.
	Patience time.Duration
	AckWait  time.Duration
	// MaxReports is how many malformed lines Result names one by one, 20 if 0.
	MaxReports int
	// Progress is called at most every 100 ms, and once at the end.
	Progress func(Progress)
	// OnAck is called for every line that is acknowledged, not for those that
	// Dedupe found before they were sent. duplicate says that the log had the
	// line already.
	OnAck func(line int, offset geo.Offset, duplicate bool)
	// AckLog is given a line "<line> <offset>\n" wherever OnAck is called. After
	// a kill of the process its last line may be cut.
	AckLog io.Writer
	Logger *slog.Logger
	// Options are added to the connection's.
	Options []nats.Option
}

// complete checks c and fills in the defaults.
func (c *Config) complete() error {
	if c.Input == nil {
		return fmt.Errorf("%w: there is no input", ErrConfig)
	}
	if err := client.CheckTopic(c.Topic); err != nil {
		return fmt.Errorf("%w: %w", ErrConfig, err)
	}
	if c.FromLine < 0 || c.MaxLine < 0 || c.Window < 0 || c.WindowBytes < 0 {
		return fmt.Errorf("%w: a number is negative", ErrConfig)
	}
	setDefault(&c.FromLine, 1)
	setDefault(&c.Window, defaultWindow)
	setDefault(&c.WindowBytes, defaultWindowBytes)
	setDefault(&c.MaxReports, defaultReports)
	setDefault(&c.Patience, defaultPatience)
	setDefault(&c.AckWait, defaultAckWait)
	if c.Progress == nil {
		c.Progress = func(Progress) {}
	}
	if c.OnAck == nil {
		c.OnAck = func(int, geo.Offset, bool) {}
	}
	if c.AckLog == nil {
		c.AckLog = io.Discard
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return nil
}

func setDefault[T int | time.Duration](value *T, standard T) {
	if *value == 0 {
		*value = standard
	}
}

// IsUsage tells whether err is about how the import was called, and not about
// the file or the broker.
func IsUsage(err error) bool { return errors.Is(err, ErrConfig) }
