package bench

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"geomq/bench/events"
	"geomq/client"
)

const (
	// inFlight is how many events are published before one has to be acked.
	inFlight = 2000
	// topics and topic: what the origins capture and what is published to, with
	// the event's key as the last token, as an import does.
	topics = "orders.>"
	topic  = "orders.created."
	// patience is how long nothing may happen at all.
	patience = 30 * time.Second
	// lookEvery is how often a replica is asked where it stands.
	lookEvery = 5 * time.Millisecond
)

// producer publishes to one origin.
type producer struct {
	conn   *nats.Conn
	js     jetstream.JetStream
	stream string
	failed chan error
}

func newProducer(url, stream string) (*producer, error) {
	p := &producer{stream: stream, failed: make(chan error, 1)}
	var err error
	if p.conn, err = nats.Connect(url); err != nil {
		return nil, err
	}
	p.js, err = jetstream.New(p.conn, jetstream.WithPublishAsyncErrHandler(func(_ jetstream.JetStream, _ *nats.Msg, err error) {
		select {
		case p.failed <- err:
		default: // the first one tells enough
		}
	}))
	if err != nil {
		p.conn.Close()
		return nil, err
	}
	return p, nil
}

// settle waits until everything is acked.
func (p *producer) settle(ctx context.Context) error {
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case <-p.js.PublishAsyncComplete():
	case <-late.C:
		return fmt.Errorf("%s: no ack for %s", p.stream, patience)
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-p.failed:
		return fmt.Errorf("%s: %w", p.stream, err)
	default:
		return nil
	}
}

// load publishes the same events to the origins of all sides and returns their
// mean length.
func load(ctx context.Context, cfg *Config, sides []side) (meanBytes float64, err error) {
	var producers []*producer
	for _, s := range sides {
		p, err := newProducer(s.producers())
		if err != nil {
			return 0, fmt.Errorf("%s: %w", s.name(), err)
		}
		defer p.conn.Close()
		producers = append(producers, p)
	}
	cfg.say("publishing %d events to both origins", cfg.Events)
	var size, sent int
	for e, err := range events.From(cfg.Input, cfg.Events) {
		if err != nil {
			return 0, err
		}
		size += len(e.Body)
		sent++
		for _, p := range producers {
			if _, err := p.js.PublishAsync(topic+client.Token(e.Key), e.Body); err != nil {
				return 0, fmt.Errorf("%s: %w", p.stream, err)
			}
			if sent%inFlight == 0 {
				if err := p.settle(ctx); err != nil {
					return 0, err
				}
			}
		}
	}
	for _, p := range producers {
		if err := p.settle(ctx); err != nil {
			return 0, err
		}
		if _, err := await(ctx, p.conn.ConnectedUrl(), p.stream, uint64(sent)); err != nil {
			return 0, err
		}
	}
	return float64(size) / float64(sent), nil
}

// await returns when a stream, which may not exist yet, ends at last, and when it
// saw that. It must then hold every entry from 1 on. One that stands still is
// given up on.
func await(ctx context.Context, url, stream string, last uint64) (time.Time, error) {
	conn, err := nats.Connect(url)
	if err != nil {
		return time.Time{}, err
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		return time.Time{}, err
	}
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	var state jetstream.StreamState
	for moved := time.Now(); ; {
		before := state.LastSeq
		if s, err := js.Stream(ctx, stream); err == nil {
			state = s.CachedInfo().State
		}
		switch {
		case state.LastSeq >= last:
			return time.Now(), whole(&state, stream, last)
		case state.LastSeq != before:
			moved = time.Now()
		case time.Since(moved) > patience:
			return time.Time{}, fmt.Errorf("%w: %s has stood at %d of %d for %s", ErrStuck, stream, before, last, patience)
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return time.Time{}, ctx.Err()
		}
	}
}

func whole(state *jetstream.StreamState, stream string, last uint64) error {
	if state.FirstSeq != 1 || state.LastSeq != last || state.Msgs != last {
		return fmt.Errorf("%w: %s holds %d entries from %d to %d, should hold %d", ErrIncomplete, stream, state.Msgs, state.FirstSeq, state.LastSeq, last)
	}
	return nil
}
