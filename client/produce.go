package client

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"geomq/geo"
	"geomq/geo/entry"
)

// ackTimeout is how long Publish waits for an acknowledgement by default.
const ackTimeout = 5 * time.Second

// PublishConfig says what to publish.
type PublishConfig struct {
	URL string
	// Subject is the topic; with Key the message goes to Subject.Token(Key).
	Subject string
	Key     *string
	Body    []byte
	// Header holds further headers. A Nats-Msg-Id among them is kept, which
	// makes sense for one message only.
	Header map[string][]string
	// Count is how many messages to publish, 1 if 0; Interval is the time from
	// the beginning of one to the beginning of the next.
	Count    int
	Interval time.Duration
	// AckTimeout is how long to wait for each acknowledgement, 5 s if 0.
	AckTimeout time.Duration
	// Options are added to the connection's.
	Options []nats.Option
}

// Ack is a log's word that it holds a message.
type Ack struct {
	Stream  string
	Offset  geo.Offset
	Subject string
	MsgID   string
	// Duplicate says that the log already held a message with this id; Offset
	// is that one's.
	Duplicate bool
	// RTT is the time from sending to the acknowledgement.
	RTT time.Duration
}

// Publish publishes one message, or Count of them one after the other, and hands
// each acknowledgement to each, whose error ends it. Errors wrap ErrSubject,
// ErrUnreachable, ErrNoLog (no log captures the subject) or ErrNoAck (nobody
// knows whether the log has the message; sending it again with the id that the
// error names is safe), or are the log's refusal.
func Publish(ctx context.Context, cfg PublishConfig, each func(Ack) error) error {
	subject, err := cfg.subject()
	if err != nil {
		return err
	}
	nc, err := Connect(cfg.URL, "geomq pub", cfg.Options...)
	if err != nil {
		return err
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		return fmt.Errorf("publish to %s: %w", subject, err)
	}
	beat := newBeat(cfg.Interval)
	defer beat.stop()
	for n := range max(cfg.Count, 1) {
		if n > 0 && !beat.wait(ctx) {
			return ctx.Err()
		}
		ack, err := publishOne(ctx, js, subject, &cfg)
		if err != nil {
			return err
		}
		if err := each(ack); err != nil {
			return err
		}
	}
	return nil
}

func (c *PublishConfig) subject() (string, error) {
	if c.Key != nil {
		return Subject(c.Subject, *c.Key)
	}
	return c.Subject, CheckTopic(c.Subject)
}

func publishOne(ctx context.Context, js jetstream.JetStream, subject string, cfg *PublishConfig) (Ack, error) {
	msg, err := newMessage(subject, cfg)
	if err != nil {
		return Ack{}, err
	}
	timeout := cfg.AckTimeout
	if timeout <= 0 {
		timeout = ackTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	ack := Ack{Subject: subject, MsgID: msg.Header.Get(entry.MessageID)}
	begin := time.Now()
	got, err := js.PublishMsg(ctx, msg)
	if err != nil {
		return ack, explainPublish(err, ack)
	}
	ack.RTT = time.Since(begin)
	ack.Stream, ack.Offset, ack.Duplicate = got.Stream, geo.Offset(got.Sequence), got.Duplicate
	return ack, nil
}

// newMessage gives every message headers of its own, since nats.go writes into
// them.
func newMessage(subject string, cfg *PublishConfig) (*nats.Msg, error) {
	msg := nats.NewMsg(subject)
	msg.Data = cfg.Body
	for name, values := range cfg.Header {
		msg.Header[name] = append([]string(nil), values...)
	}
	if msg.Header.Get(entry.MessageID) == "" {
		id, err := uuid.NewV7()
		if err != nil {
			return nil, fmt.Errorf("make a message id: %w", err)
		}
		msg.Header.Set(entry.MessageID, id.String())
	}
	return msg, nil
}

func explainPublish(err error, ack Ack) error {
	switch {
	case errors.Is(err, jetstream.ErrNoStreamResponse), errors.Is(err, nats.ErrNoResponders):
		return NoLogFor(ack.Subject)
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("publish to %s: %w; message %s may be in the log", ack.Subject, err, ack.MsgID)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, nats.ErrTimeout), errors.Is(err, nats.ErrConnectionClosed):
		return fmt.Errorf("%w for a message to %s: it may be in the log; sending it again with Nats-Msg-Id %s is safe within the log's duplicate window", ErrNoAck, ack.Subject, ack.MsgID)
	}
	return fmt.Errorf("publish to %s: %w", ack.Subject, err)
}

// NoLogFor is the error for a subject that nothing captures; it wraps ErrNoLog.
func NoLogFor(subject string) error {
	return fmt.Errorf("%w captures subject %q, or the log that does is closed to producers for now; see topics and states with: geomq log ls", ErrNoLog, subject)
}

// beat keeps the time between messages.
type beat struct{ ticker *time.Ticker }

func newBeat(interval time.Duration) *beat {
	if interval <= 0 {
		return &beat{}
	}
	return &beat{ticker: time.NewTicker(interval)}
}

// wait returns false when ctx ends first.
func (b *beat) wait(ctx context.Context) bool {
	if b.ticker == nil {
		return ctx.Err() == nil
	}
	select {
	case <-ctx.Done():
		return false
	case <-b.ticker.C:
		return true
	}
}

func (b *beat) stop() {
	if b.ticker != nil {
		b.ticker.Stop()
	}
}
