package mirror

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"geomq/geo"
	"geomq/geo/entry"
)

// lookPatience bounds how long finding out where a log stands may take.
const lookPatience = 2 * time.Second

// Sources answers the sinks of other regions. It keeps nothing between
// sessions and is safe for concurrent use.
type Sources struct {
	Region geo.Region
	Holder Holder
	// MaxEntry is the largest entry that this region's producers may write, in
	// bytes; 0 leaves it to the sinks' brokers to refuse what is too large.
	MaxEntry int64
	// Ready tells whether a log that is here may be served; nil: it may. An
	// origin is not ready before it has opened its log.
	Ready func(geo.CommitLog) bool
	Log   *slog.Logger
}

func (s *Sources) ready(log geo.CommitLog) bool { return s.Ready == nil || s.Ready(log) }

// Serve runs one session over conn, whose first message was hello, until it
// ends. It closes conn. What ended the session has been told to the sink and
// logged.
func (s *Sources) Serve(ctx context.Context, conn Conn, hello []byte) {
	defer conn.Close()
	first, err := Decode(hello)
	h, ok := first.(*Hello)
	if err != nil || !ok {
		s.Log.Warn("refused to open a link: its first message is no hello", "cause", CauseDamaged, "error", err)
		return
	}
	session := &sourceSession{machine: NewSource(), conn: conn, log: s.Log.With("log", h.Log, "to", h.To)}
	defer session.wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	held, err := s.held(ctx, h, session)
	if err != nil {
		held = Held{Region: s.Region, Problem: err.Error()}
	}
	session.run(ctx, Opened{Hello: h, Held: held})
}

// held finds what this region has of the log, and the entry by which sink and
// source make sure that they speak of the same one.
func (s *Sources) held(ctx context.Context, h *Hello, session *sourceSession) (Held, error) {
	ctx, cancel := context.WithTimeout(ctx, lookPatience)
	defer cancel()
	held := Held{Region: s.Region, MaxEntry: s.MaxEntry}
	id, err := geo.ParseCommitLog(h.Log)
	if err != nil {
		return held, nil // whatever that names, it is not here
	}
	log, err := s.Holder.Held(ctx, id)
	if errors.Is(err, ErrNoLog) {
		return held, nil
	}
	if err != nil {
		return held, err
	}
	if !s.ready(id) {
		return held, errors.New("it is still being opened there")
	}
	session.held = log
	session.proof = ProveConfig{Log: id, At: s.Region, Held: log, Gaps: h.Gaps}
	if held.Extent, err = log.Extent(ctx); err != nil {
		return held, err
	}
	held.Exists = true
	known := holes{compacted: id.Control(), skipped: held.Extent.Epochs.Skipped()}
	err = eachDeletion(ctx, log, 0, func(d *geo.Deletion) {
		known.add(d)
		held.LastDeletion = d.Number
		if d.Number == h.Deletions {
			held.DeletionSum = deletionSum(d)
		}
		if d.Number > h.Deletions && len(held.Deletions) < deletionsAtOnce {
			held.Deletions = append(held.Deletions, *d)
		}
	})
	held.Deleted = known.deleted
	if before := h.From - 1; err == nil && h.Last != nil && held.Extent.Range().Contains(before) {
		held.Digest, err = known.digestAt(ctx, log, before)
	}
	return held, err
}

// digestAt is the digest of the entry at offset, nil if there is none. It fails
// where there is no entry at offset or behind it.
func digestAt(ctx context.Context, log HeldLog, offset geo.Offset) (*entry.Digest, error) {
	ctx, cancel := context.WithTimeout(ctx, lookPatience)
	defer cancel()
	reader, err := log.Read(ctx, offset)
	if err != nil {
		return nil, fmt.Errorf("read offset %d: %w", offset, err)
	}
	defer reader.Close()
	entries, err := reader.Next(ctx)
	if err != nil {
		return nil, fmt.Errorf("read offset %d: %w", offset, err)
	}
	if len(entries) == 0 || entries[0].Offset != offset {
		return nil, nil
	}
	var h entry.Hasher
	digest := h.Entry(&entries[0])
	return &digest, nil
}
