package scrub

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"geomq/geo"
	"geomq/mirror"
)

const (
	// retryPause is how long what failed is left alone.
	retryPause = time.Minute
	// unreadableSeals is how many seals in a row can't be read before it is taken
	// for the broker's fault.
	unreadableSeals = 3
	// leastCharge is what a block costs at least, in bytes.
	leastCharge = 16 << 10

	defaultEvery  = 10 * time.Minute
	defaultRecent = 4 * time.Minute
)

// Config says what a Scrubber reads.
type Config struct {
	Log    geo.CommitLog
	Region geo.Region // our own
	// Held is the log as it is stored here, without patches.
	Held  mirror.SealedLog
	Shelf *Shelf // of this log
	// Others are the regions to fetch from now, the best first.
	Others  func() []geo.Region
	Fetcher Fetcher
	Pace    *Pace
	// Every is how far apart rounds begin at least; 0: 10 minutes.
	Every time.Duration
	// Recent is how much of the log a start reads first, counted in the origin's
	// time back from the newest seal: twice the broker's sync interval, in which a
	// power cut does its damage. 0: 4 minutes.
	Recent time.Duration
	Logger *slog.Logger
}

// Scrubber reads one log's sealed blocks again and again.
type Scrubber struct {
	cfg    Config
	reader *mirror.BlockReader // of what is stored
	served *mirror.BlockReader // with patches

	// Used by Run's goroutine alone.
	rounds   rounds
	digests  mirror.BlockDigests // of the block read last
	recalled bool                // the Shelf's patches are in book
	retried  time.Time

	book book

	mu     sync.Mutex // guards what follows
	status Status
}

// New returns a Scrubber for Run.
func New(cfg Config) *Scrubber {
	if cfg.Every <= 0 {
		cfg.Every = defaultEvery
	}
	if cfg.Recent <= 0 {
		cfg.Recent = defaultRecent
	}
	stored := mirror.ProveConfig{Log: cfg.Log, At: cfg.Region, Held: cfg.Held}
	served := stored
	served.Held = cfg.Shelf.Serve(cfg.Held)
	return &Scrubber{
		cfg: cfg, reader: mirror.NewBlockReader(stored), served: mirror.NewBlockReader(served),
		rounds: rounds{every: cfg.Every},
	}
}

// Run scrubs until ctx ends and returns nil then. One goroutine calls it, once.
func (s *Scrubber) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		wait, err := s.turn(ctx)
		if ctx.Err() != nil {
			break
		}
		if s.note(err); err != nil {
			wait = retryPause
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
	}
	return nil
}

// turn reads a few blocks and says how long to wait before the next turn.
func (s *Scrubber) turn(ctx context.Context) (wait time.Duration, err error) {
	if err := s.cfg.Pace.begin(ctx); err != nil {
		return 0, err
	}
	defer s.cfg.Pace.end()
	defer s.reader.Close() // a log that waits for its turn costs nothing
	defer s.served.Close()
	extent, err := s.cfg.Held.Extent(ctx)
	if err != nil {
		return 0, fmt.Errorf("ask where %s ends: %w", s.cfg.Log, err)
	}
	if err := s.recall(ctx, extent.First); err != nil {
		return 0, err
	}
	sealed, err := s.cfg.Held.Unsealed(ctx)
	if err != nil {
		return 0, fmt.Errorf("find the last seal of %s: %w", s.cfg.Log, err)
	}
	if err := s.retry(ctx); err != nil {
		return 0, err
	}
	oldest := geo.Block((max(extent.First, 1) + geo.BlockSize - 2) / geo.BlockSize)
	first, end, wait, err := s.rounds.plan(time.Now(), oldest, sealed, func() (geo.Block, error) { return s.recent(ctx, oldest, sealed) })
	if err == nil && first < end {
		err = s.stretch(ctx, first, end)
	}
	s.tell()
	return min(wait, retryPause), err
}

// stretch reads the blocks from first to before end. A block that can't be read
// is tried again with the next turn, but not for ever.
func (s *Scrubber) stretch(ctx context.Context, first, end geo.Block) error {
	seals, err := s.seals(ctx, first, end)
	for _, seal := range seals {
		if err := s.block(ctx, seal); err != nil {
			s.rounds.failed(seal.Block)
			return err
		}
		s.rounds.read(seal.Block + 1)
	}
	s.rounds.read(end)
	return err
}

// seals looks the seals up together, or one by one where one of them can't be
// read; then it returns the others and the error.
func (s *Scrubber) seals(ctx context.Context, first, end geo.Block) ([]geo.Seal, error) {
	seals, err := s.cfg.Held.Seals(ctx, first, end-1)
	if err == nil {
		return seals, nil
	}
	for block, inRow := first, 0; block < end && inRow < unreadableSeals && ctx.Err() == nil; block++ {
		one, failed := s.cfg.Held.Seals(ctx, block, block)
		if failed != nil {
			inRow++
			err = fmt.Errorf("read the seal of block %d of %s: %w", block, s.cfg.Log, failed)
			continue
		}
		seals, inRow = append(seals, one...), 0
	}
	return seals, err
}

// block reads one block, and does what is to be done about it.
func (s *Scrubber) block(ctx context.Context, seal geo.Seal) error {
	bytes, whole, err := s.reader.Check(ctx, seal, &s.digests)
	var broken *mirror.BlockError
	switch {
	case errors.As(err, &broken):
		err = s.broken(ctx, seal, broken)
	case err == nil && whole:
		err = s.well(ctx, seal.Block)
	}
	if err != nil {
		return err
	}
	if whole {
		s.count(func(status *Status) { status.Blocks++ })
	}
	return s.cfg.Pace.spend(ctx, max(bytes, leastCharge))
}

// well forgets what was wrong with a block.
func (s *Scrubber) well(ctx context.Context, block geo.Block) error {
	if !s.book.has(block) {
		return nil
	}
	if err := s.cfg.Shelf.drop(ctx, block); err != nil {
		return err
	}
	s.book.forget(block)
	s.cfg.Logger.Info("a damaged block is well again", "log", s.cfg.Log.Stream(), "block", block)
	return nil
}

// broken sees to it that a block that is not well is served from a patch.
func (s *Scrubber) broken(ctx context.Context, seal geo.Seal, broken *mirror.BlockError) error {
	if s.book.fail(broken, time.Now()) {
		s.count(func(status *Status) { status.Failures++ })
		s.cfg.Logger.Error("a block is not what its origin sealed", "log", s.cfg.Log.Stream(), "block", seal.Block, "error", broken)
	}
	var served mirror.BlockDigests
	switch _, _, err := s.served.Check(ctx, seal, &served); {
	case ctx.Err() != nil:
		return ctx.Err()
	case err == nil && s.book.patched(seal.Block):
		return nil
	case err == nil: // it can be read now
		return s.well(ctx, seal.Block)
	}
	patch, problem := s.fetch(ctx, seal, broken)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if problem != nil {
		s.book.explain(seal.Block, "", problem.Error())
		return nil // the retry is in a minute
	}
	patch.Found = s.book.since(seal.Block)
	if err := s.cfg.Shelf.put(ctx, *patch); err != nil {
		s.book.explain(seal.Block, "", err.Error())
		return err
	}
	s.book.explain(seal.Block, patch.From, "")
	s.count(func(status *Status) { status.Repaired++ })
	s.cfg.Logger.Warn("a damaged block is served with another holder's entries", "log", s.cfg.Log.Stream(), "block", seal.Block, "from", patch.From)
	return nil
}

// retry reads the blocks again that failed, once a minute.
func (s *Scrubber) retry(ctx context.Context) error {
	if time.Since(s.retried) < retryPause {
		return nil
	}
	s.retried = time.Now()
	for _, failure := range s.book.list() {
		seals, err := s.cfg.Held.Seals(ctx, failure.Block, failure.Block)
		if err != nil {
			return fmt.Errorf("read the seal of block %d of %s: %w", failure.Block, s.cfg.Log, err)
		}
		for _, seal := range seals {
			if err := s.block(ctx, seal); err != nil {
				return err
			}
		}
	}
	return nil
}

// recall fills the book from the Shelf once, and forgets blocks that retention
// has cut into since.
func (s *Scrubber) recall(ctx context.Context, first geo.Offset) error {
	for _, block := range s.cfg.Shelf.Blocks() {
		if block.Range().First < first {
			if err := s.cfg.Shelf.drop(ctx, block); err != nil {
				return err
			}
			continue
		}
		if s.recalled {
			continue
		}
		patch, err := s.cfg.Shelf.patch(ctx, block)
		switch {
		case errors.Is(err, ErrPatch):
			s.cfg.Logger.Warn("a patch is damaged and will be made again", "log", s.cfg.Log.Stream(), "block", block, "error", err)
			if err := s.cfg.Shelf.drop(ctx, block); err != nil {
				return err
			}
		case err != nil:
			return err
		case patch != nil:
			s.book.recall(s.cfg.Log, s.cfg.Region, patch)
		}
	}
	s.recalled = true
	s.book.trim(first)
	return nil
}
