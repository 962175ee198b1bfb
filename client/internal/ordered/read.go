// Package ordered reads one stream in the order of its offsets, each entry once,
// through restarts of the broker.
//
// It drives the ordered consumer of nats.go and starts a new one behind the last
// offset it delivered whenever that one gives up, so ctx alone decides how long
// an outage is waited for. Read calls back on the goroutine that called it; any
// number of Reads may share a connection. To test against it, give it a stream.
package ordered

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"geomq/geo"
)

// ErrGone goes to the caller of Read: the stream does not exist (any more).
// Look for it again later, or stop.
var ErrGone = errors.New("the stream is gone")

// Config says what to read.
type Config struct {
	Stream string
	// Start is the first offset to deliver; 0 means the oldest one, or the
	// first one stored at Since or later where that is set.
	Start geo.Offset
	Since time.Time
	// Until ends the reading behind that offset, or at the end of the stream
	// where that comes first; 0 reads on as entries come.
	Until geo.Offset
	// Filter limits the reading to subjects; empty means all.
	Filter      string
	HeadersOnly bool
	// Batch is how many entries are asked for at a time, 500 if 0.
	Batch int
}

const (
	// retryWait is how long a Read waits before it asks again after a failure.
	retryWait = 200 * time.Millisecond
	// forgetAfter is when the broker removes the consumer of a reader that
	// went away.
	forgetAfter = 30 * time.Second
)

// errDone ends a reading that has come to its end.
var errDone = errors.New("read to the end")

// Message is one entry as it was delivered.
type Message struct {
	jetstream.Msg
	Offset geo.Offset
	// Stored is when this stream's broker stored the entry.
	Stored time.Time
}

// Read calls each for every entry. It returns nil once Until is reached, the
// error of each as it is, an error wrapping ErrGone where the stream does not
// exist, the broker's *jetstream.APIError where it finds fault with the question
// (a filter that is no subject), nats.ErrConnectionClosed once the connection is closed for good,
// and ctx's error when ctx ends. A request that waits for a broker's
// answer is not cut short by ctx; whoever can't wait for its ten seconds closes
// the connection.
func Read(ctx context.Context, js jetstream.JetStream, cfg Config, each func(Message) error) error {
	if cfg.Batch == 0 {
		cfg.Batch = jetstream.DefaultMaxMessages
	}
	if cfg.Until != 0 && cfg.Start > cfg.Until {
		return nil
	}
	for {
		err := attempt(ctx, js, &cfg, each)
		var own *callbackError
		switch {
		case errors.Is(err, errDone):
			return nil
		case errors.As(err, &own):
			return own.error
		case ctx.Err() != nil:
			return ctx.Err()
		case js.Conn().IsClosed():
			return fmt.Errorf("read %s: %w", cfg.Stream, nats.ErrConnectionClosed)
		case errors.Is(err, jetstream.ErrStreamNotFound):
			return fmt.Errorf("%w: %s", ErrGone, cfg.Stream)
		case refused(err):
			return fmt.Errorf("read %s: %w", cfg.Stream, err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(retryWait):
		}
	}
}

// refused tells whether asking again for the same can't help.
func refused(err error) bool {
	var api *jetstream.APIError
	return errors.As(err, &api) && api.Code == http.StatusBadRequest
}

// callbackError marks an error that came from the caller's function.
type callbackError struct{ error }

// attempt reads with one consumer until it fails, and moves cfg.Start on so that
// the next attempt begins where this one ended.
func attempt(ctx context.Context, js jetstream.JetStream, cfg *Config, each func(Message) error) error {
	consumer, err := js.OrderedConsumer(ctx, cfg.Stream, consumerConfig(cfg))
	if err != nil {
		return err
	}
	if cfg.Until != 0 && consumer.CachedInfo().NumPending == 0 {
		return errDone
	}
	messages, err := consumer.Messages(jetstream.PullMaxMessages(cfg.Batch))
	if err != nil {
		return err
	}
	defer messages.Stop()
	for {
		msg, err := messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			return err
		}
		if err := deliver(msg, cfg, each); err != nil {
			return err
		}
	}
}

func deliver(msg jetstream.Msg, cfg *Config, each func(Message) error) error {
	meta, err := msg.Metadata()
	if err != nil {
		return err
	}
	offset := geo.Offset(meta.Sequence.Stream)
	if cfg.Until != 0 && offset > cfg.Until {
		return errDone
	}
	if err := each(Message{Msg: msg, Offset: offset, Stored: meta.Timestamp}); err != nil {
		return &callbackError{err}
	}
	cfg.Start = offset + 1
	if cfg.Until != 0 && (offset == cfg.Until || meta.NumPending == 0) {
		return errDone
	}
	return nil
}

// consumerConfig allows one attempt per outage: nats.go's own retries can't be
// ended by a context.
func consumerConfig(cfg *Config) jetstream.OrderedConsumerConfig {
	c := jetstream.OrderedConsumerConfig{
		DeliverPolicy:     jetstream.DeliverAllPolicy,
		HeadersOnly:       cfg.HeadersOnly,
		MaxResetAttempts:  1,
		InactiveThreshold: forgetAfter,
	}
	if cfg.Filter != "" {
		c.FilterSubjects = []string{cfg.Filter}
	}
	switch {
	case cfg.Start > 0:
		c.DeliverPolicy = jetstream.DeliverByStartSequencePolicy
		c.OptStartSeq = uint64(cfg.Start)
	case !cfg.Since.IsZero():
		c.DeliverPolicy = jetstream.DeliverByStartTimePolicy
		c.OptStartTime = &cfg.Since
	}
	return c
}
