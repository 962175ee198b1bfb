package scrub

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"geomq/geo"
	"geomq/geo/entry"
	"geomq/mirror"
)

var orders = geo.CommitLog{Log: "ORDERS", Queue: geo.SoleQueue, Origin: "us-east"}

// memory is a log in memory: a map of entries.
type memory struct {
	mu        sync.Mutex
	first     geo.Offset
	last      geo.Offset
	entries   map[geo.Offset]entry.Entry
	broken    map[geo.Offset]bool // can't be decoded
	seals     map[geo.Block]geo.Seal
	lostSeals map[geo.Block]bool // can't be read
	deletions []geo.Deletion
	batch     func() int
	read      []geo.Offset // where reading began
	down      error        // of the broker
}

// list is n entries, one a second.
func list(n int, size int) []entry.Entry {
	r := rand.New(rand.NewPCG(7, 7))
	entries := make([]entry.Entry, n)
	for i := range entries {
		body := make([]byte, size)
		for j := range body {
			body[j] = byte(r.Uint32())
		}
		entries[i] = entry.Entry{Offset: geo.Offset(i) + 1, Time: int64(i) * int64(time.Second), Subject: []byte("orders.new"), Body: body}
	}
	return entries
}

// logOf is a log with these entries, its whole blocks sealed.
func logOf(entries []entry.Entry) *memory {
	m := &memory{first: 1, last: geo.Offset(len(entries)), entries: map[geo.Offset]entry.Entry{}, broken: map[geo.Offset]bool{},
		seals: map[geo.Block]geo.Seal{}, lostSeals: map[geo.Block]bool{}}
	var h entry.Hasher
	var digests []entry.Digest
	for i := range entries {
		e := &entries[i]
		m.entries[e.Offset] = e.Clone()
		if digests = append(digests, h.Entry(e)); len(digests) == geo.BlockSize {
			block := geo.BlockOf(e.Offset)
			m.seals[block] = geo.Seal{Block: block, Digest: entry.Combine(digests)}
			digests = digests[:0]
		}
	}
	return m
}

func (m *memory) change(f func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f()
}

func (m *memory) flip(offsets ...geo.Offset) {
	m.change(func() {
		for _, o := range offsets {
			e := m.entries[o]
			e = e.Clone()
			e.Subject[0] ^= 1
			m.entries[o] = e
		}
	})
}

func (m *memory) lose(r geo.Range) {
	m.change(func() {
		for o := r.First; o <= r.Last; o++ {
			delete(m.entries, o)
		}
	})
}

func (m *memory) mend(entries []entry.Entry) {
	m.change(func() {
		clear(m.broken)
		for i := range entries {
			m.entries[entries[i].Offset] = entries[i].Clone()
		}
	})
}

func (m *memory) Extent(context.Context) (geo.Extent, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return geo.Extent{First: m.first, Last: m.last, Entries: uint64(len(m.entries)), Epochs: geo.FirstEpochs()}, m.down
}

func (m *memory) Seals(_ context.Context, first, last geo.Block) (seals []geo.Seal, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for block := first; block <= last; block++ {
		if m.lostSeals[block] {
			return nil, fmt.Errorf("the seal of block %d is damaged", block)
		}
		if seal, ok := m.seals[block]; ok {
			seals = append(seals, seal)
		}
	}
	return seals, m.down
}

func (m *memory) Unsealed(context.Context) (geo.Block, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	next := geo.Block(0)
	for block := range m.seals {
		next = max(next, block+1)
	}
	return next, nil
}

func (m *memory) PutSeal(context.Context, geo.Seal) error {
	return errors.New("scrubbing writes no seals")
}

func (m *memory) Deletions(_ context.Context, after uint64) ([]geo.Deletion, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.deletions[min(after, uint64(len(m.deletions))):], nil
}

func (m *memory) Read(_ context.Context, from geo.Offset) (mirror.Reader, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.read = append(m.read, from)
	return &memoryReader{log: m, next: max(from, m.first)}, m.down
}

type memoryReader struct {
	log  *memory
	next geo.Offset
	lent []entry.Entry
}

func (r *memoryReader) Next(ctx context.Context) ([]entry.Entry, error) {
	for i := range r.lent { // what was lent is invalid now
		r.lent[i].Body, r.lent[i].Subject = nil, []byte("invalid")
	}
	r.log.mu.Lock()
	size := 100
	if r.log.batch != nil {
		size = r.log.batch()
	}
	r.lent = r.lent[:0]
	for ; r.next <= r.log.last && len(r.lent) < size; r.next++ {
		if r.log.broken[r.next] {
			break
		}
		if e, ok := r.log.entries[r.next]; ok {
			r.lent = append(r.lent, e)
		}
	}
	stuck := r.log.broken[r.next]
	r.log.mu.Unlock()
	switch {
	case len(r.lent) > 0:
		return r.lent, nil
	case stuck:
		return nil, fmt.Errorf("%w: offset %d", entry.ErrStored, r.next)
	}
	<-ctx.Done()
	return nil, ctx.Err()
}

func (r *memoryReader) Close() error { return nil }

// memoryPatches keeps patches as a store does: in parts, as bytes.
type memoryPatches struct {
	mu    sync.Mutex
	parts map[geo.Block][][]byte
}

func (p *memoryPatches) Put(_ context.Context, patch Patch) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.parts == nil {
		p.parts = map[geo.Block][][]byte{}
	}
	p.parts[patch.Block] = patch.Parts(10_000)
	return nil
}

func (p *memoryPatches) Get(_ context.Context, block geo.Block) (Patch, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	parts, ok := p.parts[block]
	if !ok {
		return Patch{}, ErrNoPatch
	}
	return ParsePatch(parts)
}

func (p *memoryPatches) Blocks(context.Context) ([]geo.Block, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Collect(maps.Keys(p.parts)), nil
}

func (p *memoryPatches) Drop(_ context.Context, block geo.Block) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.parts, block)
	return nil
}

// others fetch from logs in memory, by region.
type others map[geo.Region]*memory

var errCut = errors.New("the connection was cut")

func (o others) Fetch(ctx context.Context, holder geo.Region, r geo.Range, each func([]entry.Entry) error) error {
	log := o[holder]
	if log == nil {
		return errCut
	}
	reader, _ := log.Read(ctx, r.First)
	for next := r.First; next <= r.Last; {
		short, cancel := context.WithTimeout(ctx, time.Second)
		entries, err := reader.Next(short)
		cancel()
		if err != nil {
			return err
		}
		next = entries[len(entries)-1].Offset + 1
		for len(entries) > 0 && entries[len(entries)-1].Offset > r.Last {
			entries = entries[:len(entries)-1]
		}
		if len(entries) > 0 {
			if err := each(entries); err != nil {
				return err
			}
		}
	}
	return nil
}

// setting is a log in eu-west, what others hold, and its Scrubber.
type setting struct {
	t       *testing.T
	entries []entry.Entry
	log     *memory
	others  others
	patches *memoryPatches
	shelf   *Shelf
	cfg     Config
	*Scrubber
}

func newSetting(t *testing.T, n int) *setting {
	t.Helper()
	s := &setting{t: t, entries: list(n, 50), patches: &memoryPatches{}}
	s.log = logOf(s.entries)
	s.others = others{"us-east": logOf(s.entries), "ap-south": logOf(s.entries)}
	s.cfg = Config{Log: orders, Region: "eu-west", Held: s.log, Fetcher: s.others, Pace: NewPace(0),
		Others: func() []geo.Region { return []geo.Region{"us-east", "ap-south"} }, Logger: slog.New(slog.DiscardHandler)}
	s.restart()
	return s
}

// restart is what a restart of the node is to a Scrubber.
func (s *setting) restart() {
	s.t.Helper()
	shelf, err := OpenShelf(s.t.Context(), s.patches)
	if err != nil {
		s.t.Fatal(err)
	}
	s.shelf = shelf
	s.cfg.Shelf = shelf
	s.Scrubber = New(s.cfg)
}

// run lets the Scrubber run for a while.
func (s *setting) run(d time.Duration) Status {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), d)
	defer cancel()
	if err := s.Run(ctx); err != nil {
		s.t.Error(err)
	}
	return s.Status()
}

// served reads the log as a source does, with proof, and compares it with what
// was once written.
func (s *setting) served(from geo.Offset) error {
	s.t.Helper()
	reader, err := mirror.Prove(s.t.Context(), mirror.ProveConfig{Log: orders, At: "eu-west", Held: s.shelf.Serve(s.log)}, from)
	if err != nil {
		return err
	}
	defer reader.Close()
	var h entry.Hasher
	for next := from; next <= s.log.last; {
		ctx, cancel := context.WithTimeout(s.t.Context(), 10*time.Second)
		entries, err := reader.Next(ctx)
		cancel()
		if err != nil {
			return err
		}
		for i := range entries {
			if entries[i].Offset != next {
				return fmt.Errorf("offset %d came where %d was due", entries[i].Offset, next)
			}
			if h.Entry(&entries[i]) != h.Entry(&s.entries[next-1]) {
				return fmt.Errorf("offset %d is another entry", next)
			}
			next++
		}
	}
	return nil
}
