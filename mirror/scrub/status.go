package scrub

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
	"time"

	"geomq/geo"
	"geomq/mirror"
)

// Status is how far a Scrubber is. Counters count from New on.
type Status struct {
	// Blocks have been read and compared, Failures of them were found not to be
	// what their seal says, Repaired of those got a patch.
	Blocks, Failures, Repaired uint64
	// Round is when the last whole round ended, Took how long it took; zero
	// before the first.
	Round time.Time
	Took  time.Duration
	// Broken are the blocks that are not well now, patched or not, ascending.
	Broken []Failure
	// Problem is why nothing can be read at the moment; empty if something can.
	Problem string
}

// Offsets are those of the blocks that are not well.
func (s *Status) Offsets() (broken geo.Ranges) {
	for _, f := range s.Broken {
		broken = broken.Add(f.Block.Range())
	}
	return broken
}

// Failure is a block whose local copy is not what its seal says.
type Failure struct {
	Log    geo.CommitLog
	Region geo.Region
	Block  geo.Block
	Kind   mirror.Damage
	// Missing is what a lacking block lacks.
	Missing geo.Ranges
	Since   time.Time
	// From is the holder whose entries are served in place of the damaged ones;
	// empty where there are none yet, and Problem says why.
	From    geo.Region
	Problem string
}

// String says what happened and what to do.
func (f Failure) String() string {
	served := fmt.Sprintf("the entries of %s are served in its place", f.From)
	if f.From == "" {
		served = "it is not served to other regions, and could not be fetched"
		if f.Problem != "" {
			served += " (" + f.Problem + ")"
		}
	}
	mend := fmt.Sprintf("to mend it run `geomq log repair %s --region %s`", f.Log, f.Region)
	if f.Region == f.Log.Origin {
		mend = "an origin's own copy is mended by having the node fetch all of it back: see damage at an origin in docs/operating.md"
	}
	return fmt.Sprintf("block %d (offsets %s) of %s is %s in %s since %s: %s; %s",
		f.Block, f.Block.Range(), f.Log, f.Kind, f.Region, f.Since.UTC().Format(time.RFC3339), served, mend)
}

// Status tells how far the Scrubber is.
func (s *Scrubber) Status() Status {
	s.mu.Lock()
	status := s.status
	s.mu.Unlock()
	status.Broken = s.book.list()
	return status
}

func (s *Scrubber) count(f func(*Status)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(&s.status)
}

// tell shows what the rounds have come to.
func (s *Scrubber) tell() {
	s.count(func(status *Status) { status.Round, status.Took = s.rounds.ended, s.rounds.took })
}

// note tells a problem once.
func (s *Scrubber) note(err error) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	s.mu.Lock()
	before := s.status.Problem
	s.status.Problem = text
	s.mu.Unlock()
	if text != "" && text != before {
		s.cfg.Logger.Warn("could not scrub", "log", s.cfg.Log.Stream(), "error", err)
	}
}

// book is what is known of blocks that are not well. It is safe for concurrent
// use.
type book struct {
	mu       sync.Mutex
	failures map[geo.Block]Failure
}

// fail enters a block; first tells whether it was well before.
func (b *book) fail(broken *mirror.BlockError, now time.Time) (first bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f, known := b.failures[broken.Block]
	if !known {
		f = Failure{Log: broken.Log, Region: broken.At, Block: broken.Block, Since: now}
	}
	f.Kind, f.Missing = broken.Kind, broken.Missing
	b.set(f)
	return !known
}

// recall enters a block that has a patch from before.
func (b *book) recall(log geo.CommitLog, region geo.Region, p *Patch) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.set(Failure{Log: log, Region: region, Block: p.Block, Kind: p.Kind, Since: p.Found, From: p.From})
}

// explain says from where the block is served, or why it is not.
func (b *book) explain(block geo.Block, from geo.Region, problem string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f := b.failures[block]
	f.From, f.Problem = from, problem
	b.set(f)
}

// set needs the lock.
func (b *book) set(f Failure) {
	if b.failures == nil {
		b.failures = make(map[geo.Block]Failure)
	}
	b.failures[f.Block] = f
}

func (b *book) has(block geo.Block) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	_, ok := b.failures[block]
	return ok
}

func (b *book) patched(block geo.Block) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.failures[block].From != ""
}

func (b *book) since(block geo.Block) time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.failures[block].Since
}

func (b *book) forget(block geo.Block) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.failures, block)
}

// trim forgets the blocks that begin before first.
func (b *book) trim(first geo.Offset) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for block := range b.failures {
		if block.Range().First < first {
			delete(b.failures, block)
		}
	}
}

func (b *book) list() []Failure {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := make([]Failure, 0, len(b.failures))
	for _, f := range b.failures {
		list = append(list, f)
	}
	slices.SortFunc(list, func(a, b Failure) int { return cmp.Compare(a.Block, b.Block) })
	return list
}
