package importer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"geomq/client/internal/form"
	"geomq/client/internal/ordered"
	"geomq/geo"
	"geomq/geo/entry"
)

const (
	lookupBatch = 5000
	// lookupSilence ends a search during a run that gets nothing from the
	// broker; recovery counts the time and has it repeated.
	lookupSilence = 10 * time.Second
)

// lookup searches a log for the lines of a run or a file.
type lookup struct {
	js     jetstream.JetStream
	stream string
	id     identity
	// from is the first offset to look at.
	from geo.Offset
	// silence ends a search that gets nothing from the broker for so long.
	silence time.Duration
	// found is called for each line, at told after every so many offsets.
	found func(line int, at geo.Offset)
	told  func(at, end geo.Offset)
}

// run searches up to what is the log's end when it begins. It reads the headers
// alone.
func (l *lookup) run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	silence := time.AfterFunc(l.silence, func() { cancel(errSilent) })
	defer silence.Stop()

	stream, err := l.js.Stream(ctx, l.stream)
	if err != nil {
		return l.explain(ctx, err)
	}
	end := geo.Offset(stream.CachedInfo().State.LastSeq)
	if end == 0 {
		return nil
	}
	forms := form.Of(l.js, stream.CachedInfo())
	cfg := ordered.Config{Stream: l.stream, Start: max(l.from, 1), Until: end, HeadersOnly: true, Batch: lookupBatch}
	err = ordered.Read(ctx, l.js, cfg, func(m ordered.Message) error {
		key, err := messageID(ctx, forms, m)
		if err != nil {
			return err
		}
		if line, ok := l.id.line(key); ok {
			l.found(line, m.Offset)
		}
		if m.Offset%1024 == 0 {
			silence.Reset(l.silence)
			l.told(m.Offset, end)
		}
		return nil
	})
	return l.explain(ctx, err)
}

// messageID is the key of an entry, also of one that was pulled back into the log
// from another region.
func messageID(ctx context.Context, forms *form.Stream, m ordered.Message) (string, error) {
	e, escaped, err := forms.Entry(ctx, m)
	if err != nil && !errors.Is(err, entry.ErrStored) {
		return "", err
	}
	if escaped && err == nil {
		return string(entry.Value(e.Header, entry.MessageID)), nil
	}
	return m.Headers().Get(entry.MessageID), nil
}

func (l *lookup) explain(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		err = cause
	}
	return fmt.Errorf("search %s for lines that it has: %w", l.stream, err)
}
