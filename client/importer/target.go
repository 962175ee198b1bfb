package importer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"geomq/client"
	"geomq/geo"
)

// target is the log that is imported into.
type target struct {
	stream string
	// window is how long the log recognises an id.
	window time.Duration
	// limit is the longest body in bytes.
	limit int
	// end is the last offset when the run began.
	end geo.Offset
}

// findTarget looks the log up. The error wraps client.ErrNoLog or ErrLog.
func findTarget(ctx context.Context, nc *nats.Conn, js jetstream.JetStream, cfg *Config) (target, error) {
	subject := cfg.Topic
	if cfg.Key != "" {
		subject += ".*"
	}
	name := cfg.Stream
	if name == "" {
		var err error
		if name, err = js.StreamNameBySubject(ctx, subject); err != nil {
			return target{}, explain(err, subject)
		}
	}
	stream, err := js.Stream(ctx, name)
	if err != nil {
		return target{}, explain(err, name)
	}
	info := stream.CachedInfo()
	if !captures(info.Config.Subjects, subject) {
		return target{}, fmt.Errorf("%w: %s does not capture %s here; a log is written in its own region", ErrLog, name, subject)
	}
	t := target{stream: name, window: info.Config.Duplicates, end: geo.Offset(info.State.LastSeq)}
	t.limit = lineLimit(int(nc.MaxPayload()), int(info.Config.MaxMsgSize), cfg.MaxLine)
	return t, nil
}

func explain(err error, what string) error {
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return client.NoLogFor(what)
	}
	return fmt.Errorf("%w: look %s up: %w", ErrLog, what, err)
}

func captures(subjects []string, subject string) bool {
	return slices.ContainsFunc(subjects, func(s string) bool { return geo.Topic(s).Overlaps(geo.Topic(subject)) })
}

// lineLimit is the longest body that the broker and the log take next to our
// header, and that the caller wants; limits of 0 and less are none.
func lineLimit(payload, message, line int) int {
	limit := payload
	if message > 0 {
		limit = min(limit, message)
	}
	limit = max(limit-headerSize(), 0)
	if line > 0 {
		limit = min(limit, line)
	}
	return limit
}
