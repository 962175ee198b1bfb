// Package form tells what a message in a stream means: an entry as its producer
// sent it, or one that geomq stored in escaped form, in a replica or in ranges of
// an origin that were pulled back from another region.
//
// A message alone can't tell, because a producer may have written the same bytes.
// The stream's metadata does; it is asked for whenever a message that could be of
// either kind lies behind what was known. A Stream belongs to one goroutine. To
// test against it, give it a stream with metadata.
package form

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"geomq/client/internal/ordered"
	"geomq/geo"
	"geomq/geo/entry"
)

const (
	metaRole    = "geomq.role"
	metaEscaped = "geomq.escaped"

	retryWait = 200 * time.Millisecond
)

// ErrMetadata goes to readers of a stream whose metadata nobody can read: it was
// written by somebody else. Its entries can't be told apart.
var ErrMetadata = errors.New("unreadable metadata of a stream")

// Stream knows the forms of one stream's entries.
type Stream struct {
	js      jetstream.JetStream
	name    string
	replica bool
	// escaped are the offsets in escaped form, as they were recorded when the
	// stream ended at known.
	escaped geo.Ranges
	known   geo.Offset
}

// Of is the Stream that info describes.
func Of(js jetstream.JetStream, info *jetstream.StreamInfo) *Stream {
	return &Stream{js: js, name: info.Config.Name, replica: IsReplica(&info.Config)}
}

// IsReplica tells whether a stream is another region's. One without geomq's
// metadata is known by its subjects: an origin captures topics, a replica a
// subject of geomq's own.
func IsReplica(c *jetstream.StreamConfig) bool {
	if role := c.Metadata[metaRole]; role != "" {
		return role == "replica"
	}
	return slices.ContainsFunc(c.Subjects, func(s string) bool { return strings.HasPrefix(s, "geomq.r.") })
}

// IsFiller tells whether a message only keeps an offset free until it is purged.
func IsFiller(subject string) bool { return strings.HasPrefix(subject, "geomq.hole.") }

// Entry gives back the entry that m is, if it is in escaped form; else it is
// what m says, and escaped is false. An error that wraps entry.ErrStored says
// that m is not what geomq wrote into a replica. Others are ErrMetadata,
// ordered.ErrGone, and ctx's: until that ends, a broker that is away is waited
// for.
func (s *Stream) Entry(ctx context.Context, m ordered.Message) (e entry.Entry, escaped bool, err error) {
	header := m.Headers()
	if !s.replica && header[ownLines[0]] == nil {
		return e, false, nil
	}
	e, err = entry.FromStored(m.Offset, []byte(m.Subject()), block(header), m.Data())
	if s.replica {
		return e, true, err
	}
	if err != nil {
		return e, false, nil // nothing that geomq has written
	}
	escaped, err = s.isEscaped(ctx, m.Offset)
	return e, escaped, err
}

func (s *Stream) isEscaped(ctx context.Context, offset geo.Offset) (bool, error) {
	for offset > s.known {
		err := s.learn(ctx)
		switch {
		case errors.Is(err, ErrMetadata):
			return false, err
		case errors.Is(err, jetstream.ErrStreamNotFound):
			return false, fmt.Errorf("%w: %s", ordered.ErrGone, s.name)
		case err == nil:
			continue
		}
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-time.After(retryWait):
		}
	}
	return s.escaped.Contains(offset), nil
}

// learn asks for the end before it asks for the record: in one answer, the end
// may be newer.
func (s *Stream) learn(ctx context.Context) error {
	before, err := s.js.Stream(ctx, s.name)
	if err != nil {
		return err
	}
	after, err := s.js.Stream(ctx, s.name)
	if err != nil {
		return err
	}
	escaped, err := parseRanges(after.CachedInfo().Config.Metadata[metaEscaped])
	if err != nil {
		return fmt.Errorf("read %s: %w", s.name, err)
	}
	s.escaped, s.known = escaped, geo.Offset(before.CachedInfo().State.LastSeq)
	return nil
}
