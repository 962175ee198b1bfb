package broker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"geomq/geo"
)

const (
	// impossible is an expected sequence that no stream reaches.
	impossible = 1 << 62
	// probePause parts the two probes that must agree. A server's goroutine that
	// had found the stream before the fence came down may hand over its message
	// a moment after.
	probePause = 5 * time.Millisecond
)

// Fence takes an origin's topics away from its stream, so that nothing enters it
// but what an Appender writes, and returns the log's exact end: behind everything
// that the server had let in. While it is fenced, retention by size and number
// rests. The fence outlives restarts and OpenOrigin; only Unfence lifts it.
//
// Of a replica, which nobody but an Appender writes, it returns the exact end.
func (l *CommitLog) Fence(ctx context.Context) (geo.Offset, error) {
	if l.role == Origin {
		err := l.change(ctx, func(info *server.StreamInfo) (server.StreamConfig, error) {
			if isFenced(&info.Config) && slices.Equal(info.Config.Subjects, []string{l.ingest + ">"}) {
				return info.Config, nil
			}
			return fencedStream(info.Config, l.ingest), nil
		})
		if err != nil {
			return 0, fmt.Errorf("fence %s: %w", l.id, err)
		}
	}
	ingest, err := l.wayIn(ctx)
	if err != nil {
		return 0, fmt.Errorf("fence %s: %w", l.id, err)
	}
	end, err := l.settledEnd(ctx, ingest)
	if err != nil {
		return 0, fmt.Errorf("fence %s: %w", l.id, err)
	}
	return end, nil
}

// Unfence gives the stream its topics back, and retention its limits. Ranges
// that were announced by BeginRestore end where the log ends now.
func (l *CommitLog) Unfence(ctx context.Context, topics []geo.Topic) error {
	if l.role != Origin {
		return fmt.Errorf("unfence %s: %w: a replica has no topics", l.id, ErrRole)
	}
	fenced, err := l.Fenced(ctx)
	if err == nil && fenced {
		err = l.EndRestore(ctx)
	}
	if err != nil {
		return err
	}
	err = l.change(ctx, func(info *server.StreamInfo) (server.StreamConfig, error) {
		next := unfencedStream(info.Config)
		next.Subjects = nil
		for _, topic := range topics {
			next.Subjects = append(next.Subjects, string(topic))
		}
		return next, nil
	})
	if hasCode(err, codeSubjectOverlap) {
		err = overlap(l.id.Stream(), topics)
	}
	if err != nil {
		return fmt.Errorf("unfence %s: %w", l.id, err)
	}
	return nil
}

// Fenced tells whether nobody but an Appender can write the stream, as is always
// so for a replica.
func (l *CommitLog) Fenced(ctx context.Context) (bool, error) {
	if l.role == Replica {
		return true, nil
	}
	info, err := l.broker.info(ctx, l.id)
	if err != nil {
		return false, err
	}
	return isFenced(&info.Config), nil
}

// settledEnd probes until two answers agree and the stream shows them.
func (l *CommitLog) settledEnd(ctx context.Context, ingest string) (geo.Offset, error) {
	pause := time.NewTicker(probePause)
	defer pause.Stop()
	for before, probed := geo.Offset(0), false; ; probed = true {
		end, err := l.probe(ctx, ingest)
		if err != nil {
			return 0, err
		}
		if have, err := l.Extent(ctx); err != nil {
			return 0, err
		} else if probed && end == before && end == have.Last {
			return end, nil
		}
		before = end
		select {
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		case <-pause.C:
		}
	}
}

// probe publishes what can't enter: the refusal stands behind everything that
// was queued and names the stream's end.
func (l *CommitLog) probe(ctx context.Context, ingest string) (geo.Offset, error) {
	m := nats.NewMsg(ingest + "probe")
	m.Header.Set(server.JSExpectedLastSeq, strconv.Itoa(impossible))
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	var said answer
	err := retry(ctx, func() error {
		// It waits behind all that is queued, which may take longer than this;
		// the next attempt's wait is the shorter for it.
		attempt, done := context.WithTimeout(ctx, apiTimeout)
		defer done()
		reply, err := l.broker.conn.RequestMsgWithContext(attempt, m)
		if err != nil {
			return err
		}
		said = answer{}
		if err := json.Unmarshal(reply.Data, &said); err != nil {
			return err
		}
		if said.Error == nil {
			return fmt.Errorf("%w: a probe was stored at %d", ErrRefused, said.Seq)
		}
		if said.Error.ErrCode != codeWrongLast {
			return said.Error
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("probe the end: %w", err)
	}
	var fenced *FencedError
	if !errors.As(refusal(l.id.Stream(), impossible+1, said.Error), &fenced) {
		return 0, fmt.Errorf("%w: the probe was answered %q", ErrRefused, said.Error.Description)
	}
	return fenced.Last, nil
}

func overlap(stream string, subjects any) error {
	return &ConflictError{Stream: stream, Differences: []string{
		fmt.Sprintf("another stream captures some of its topics %q already", subjects)}}
}
