package client

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"geomq/client/internal/form"
	"geomq/client/internal/ordered"
	"geomq/geo"
)

const (
	// rediscover is how often Follow looks for new CommitLogs by default.
	rediscover = 2 * time.Second
	// clockMargin is how far apart the clocks of two regions may be for a
	// start by time to miss nothing: a replica is searched by its own broker's
	// time, then filtered by the origin's.
	clockMargin = time.Minute
	followBatch = 256
)

// FollowConfig says what to follow.
type FollowConfig struct {
	URL string
	// Log is followed with every origin's CommitLog that the region holds, or
	// those of Origins alone where that is set.
	Log     geo.LogName
	Origins []geo.Region
	// Streams are followed besides, or alone where Log is empty, by their exact
	// names.
	Streams []string
	From    Start
	// Filter is a subject, wildcards allowed; empty means every subject.
	Filter string
	// Max ends the following after so many entries; 0 never does.
	Max int
	// Rediscover is how often to look for new CommitLogs, 2 s if 0.
	Rediscover time.Duration
	Logger     *slog.Logger
	// Options are added to the connection's.
	Options []nats.Option
}

// source is one stream that is followed.
type source struct {
	stream  string
	origin  geo.Region
	replica bool
	form    *form.Stream
	last    geo.Offset
}

// follower holds what the goroutines of one Follow share.
type follower struct {
	cfg      FollowConfig
	js       jetstream.JetStream
	received chan Received
	// failed is why a reader can't go on.
	failed  chan error
	readers sync.WaitGroup

	mu       sync.Mutex
	followed map[string]bool // streams that have a reader
}

// Follow hands each entry to each, in the order of offsets within a CommitLog,
// and goes on as entries come, through outages of the broker. CommitLogs that
// appear later are followed from their beginning. It returns nil after Max
// entries, the error of each as it is, ctx's error when ctx ends, or one that
// wraps ErrSubject (for the filter), ErrUnreachable or ErrNoLog.
func Follow(ctx context.Context, cfg FollowConfig, each func(Received) error) error {
	if err := checkFilter(cfg.Filter); err != nil {
		return err
	}
	nc, err := Connect(cfg.URL, "geomq sub", cfg.Options...)
	if err != nil {
		return err
	}
	js, err := jetstream.New(nc)
	if err != nil {
		nc.Close()
		return fmt.Errorf("follow %s: %w", cfg.Log, err)
	}
	inner, cancel := context.WithCancel(ctx)
	f := newFollower(cfg, js)
	defer f.readers.Wait()
	// Closing the connection ends requests that would outlive the context.
	defer context.AfterFunc(inner, nc.Close)()
	defer nc.Close()
	defer cancel()

	sources, err := f.discover(inner)
	if err != nil {
		return err
	}
	if len(sources) == 0 {
		return f.nothingHere(inner)
	}
	for _, s := range sources {
		f.read(inner, s, cfg.From)
	}
	f.readers.Go(func() { f.rediscover(inner) })
	return f.deliver(ctx, each)
}

func newFollower(cfg FollowConfig, js jetstream.JetStream) *follower {
	if cfg.Rediscover <= 0 {
		cfg.Rediscover = rediscover
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &follower{cfg: cfg, js: js, received: make(chan Received, followBatch), failed: make(chan error, 1), followed: map[string]bool{}}
}

// deliver calls each on the goroutine that called Follow.
func (f *follower) deliver(ctx context.Context, each func(Received) error) error {
	for n := 1; ; n++ {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-f.failed:
			return err
		case r := <-f.received:
			if err := each(r); err != nil {
				return err
			}
			if n == f.cfg.Max {
				return nil
			}
		}
	}
}

// rediscover looks for CommitLogs that have appeared, until ctx ends.
func (f *follower) rediscover(ctx context.Context) {
	ticker := time.NewTicker(f.cfg.Rediscover)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		sources, err := f.discover(ctx)
		if err != nil {
			f.cfg.Logger.Debug("looking for new logs failed", "log", f.cfg.Log, "error", err)
			continue
		}
		for _, s := range sources {
			f.read(ctx, s, FromBeginning())
		}
	}
}

// read starts a reader for s unless it has one.
func (f *follower) read(ctx context.Context, s source, from Start) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.followed[s.stream] {
		return
	}
	f.followed[s.stream] = true
	f.readers.Go(func() {
		err := ordered.Read(ctx, f.js, readConfig(s, from, f.cfg.Filter), func(m ordered.Message) error {
			return f.hand(ctx, s, from, m)
		})
		f.ended(ctx, s, err)
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.followed, s.stream)
	})
}

// ended deals with a reader that came to its end before the following did.
func (f *follower) ended(ctx context.Context, s source, err error) {
	switch {
	case ctx.Err() != nil:
	case errors.Is(err, ordered.ErrGone):
		f.cfg.Logger.Warn("a log is gone", "log", s.stream)
	default:
		select {
		case f.failed <- err:
		default: // another one has said so
		}
	}
}

// readConfig settles where the reading of s begins. "New" becomes an offset,
// because a reader that has to begin anew would otherwise lose what came in
// between.
func readConfig(s source, from Start, filter string) ordered.Config {
	cfg := ordered.Config{Stream: s.stream, Start: from.offset, Filter: filter, Batch: followBatch}
	switch {
	case from.new:
		cfg.Start = s.last + 1
	case !from.since.IsZero() && s.replica:
		cfg.Since = from.since.Add(-clockMargin)
	default:
		cfg.Since = from.since
	}
	return cfg
}

func (f *follower) hand(ctx context.Context, s source, from Start, m ordered.Message) error {
	if form.IsFiller(m.Subject()) {
		return nil
	}
	r, err := receive(ctx, s, m, time.Now())
	if err != nil {
		return err
	}
	if r.Time.Before(from.since) {
		return nil
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case f.received <- r:
		return nil
	}
}
