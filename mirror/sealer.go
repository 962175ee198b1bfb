package mirror

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"geomq/geo"
)

// sealPause is how long a Sealer waits between looks at its log.
const sealPause = time.Second

// Sealer writes the seals of a log at its origin: each aligned block once, when
// all of its offsets are taken. Two Sealers of one log do no harm, since a
// block's seal can be written only once and both would write the same.
type Sealer struct {
	ID     geo.CommitLog
	Log    OriginLog
	Logger *slog.Logger

	trimmed geo.Block // first block whose seal may be there; used by Run alone

	mu      sync.Mutex
	problem string
}

// Run seals until ctx ends and returns nil then.
func (s *Sealer) Run(ctx context.Context) error {
	ticker := time.NewTicker(sealPause)
	defer ticker.Stop()
	settled := false
	for {
		err := s.round(ctx, !settled)
		if ctx.Err() != nil {
			return nil
		}
		settled = settled || err == nil
		s.note(err)
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// round brings the seals into line with the log once. The first one also removes
// seals beyond the log's end: they are of entries that were lost, e.g. with the
// page cache, and would stand in the way of those to come.
func (s *Sealer) round(ctx context.Context, first bool) error {
	extent, err := s.Log.Extent(ctx)
	if err != nil {
		return fmt.Errorf("ask where %s ends: %w", s.ID, err)
	}
	if first {
		if err := s.Log.DropSeals(ctx, extent.Last); err != nil {
			return fmt.Errorf("remove seals behind the end of %s: %w", s.ID, err)
		}
	}
	if err := s.Seal(ctx); err != nil {
		return err
	}
	block := geo.BlockOf(max(extent.First, 1))
	if block <= s.trimmed {
		return nil
	}
	if err := s.Log.TrimSeals(ctx, extent.First); err != nil {
		return fmt.Errorf("trim the seals of %s: %w", s.ID, err)
	}
	s.trimmed = block
	return nil
}

// Problem says why the log can't be sealed on, or nothing.
func (s *Sealer) Problem() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.problem
}

func (s *Sealer) note(err error) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if text != "" && text != s.problem {
		s.Logger.Error("could not seal", "log", s.ID.Stream(), "error", err)
	}
	s.problem = text
}

// Seal seals every whole block that has none yet, but for those that lie between
// two epochs as a whole. It returns a *GapError at an offset that is missing for
// no known reason: sealing it would turn a damage into a fact. A control log
// drops records of its own accord, so it has no seals.
func (s *Sealer) Seal(ctx context.Context) error {
	if s.ID.Control() {
		return nil
	}
	for {
		extent, err := s.Log.Extent(ctx)
		if err != nil {
			return fmt.Errorf("ask where %s ends: %w", s.ID, err)
		}
		block, err := s.Log.Unsealed(ctx)
		if err != nil {
			return fmt.Errorf("find the last seal of %s: %w", s.ID, err)
		}
		// Retention may have cut into a block before it was sealed: it stays
		// without a seal for good.
		block = max(block, geo.Block((extent.First+geo.BlockSize-2)/geo.BlockSize))
		skipped := extent.Epochs.Skipped()
		end := geo.Block(extent.Last / geo.BlockSize)
		if block = unskipped(skipped, block); block >= end {
			return nil
		}
		missed := s.sealRun(ctx, geo.Range{First: block.Range().First, Last: (end - 1).Range().Last}, skipped)
		if missed == nil || ctx.Err() != nil {
			return missed
		}
		var gap *GapError
		if !errors.As(missed, &gap) && !errors.Is(missed, errLate) {
			return missed
		}
		if now, err := s.Log.Extent(ctx); err != nil || now.First <= extent.First {
			return errors.Join(missed, err)
		}
	}
}
