package node

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"geomq/admin"
	"geomq/geo"
	"geomq/geo/control"
	"geomq/mirror"
	"geomq/mirror/scrub"
)

// damagePause is how often a scrubber is asked for news.
const damagePause = 5 * time.Second

// shelves are those of a cluster's logs, as far as they have been opened.
type shelves struct {
	mu  sync.Mutex
	all map[geo.CommitLog]*scrub.Shelf
}

// serve shows a log with its patches. Until its shelf is open it is shown as it
// is stored: mirror.Prove lets nothing out that is damaged.
func (s *shelves) serve(id geo.CommitLog, held mirror.HeldLog) mirror.HeldLog {
	s.mu.Lock()
	defer s.mu.Unlock()
	if shelf := s.all[id]; shelf != nil {
		return shelf.Serve(held)
	}
	return held
}

func (s *shelves) put(id geo.CommitLog, shelf *scrub.Shelf) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all == nil {
		s.all = map[geo.CommitLog]*scrub.Shelf{}
	}
	s.all[id] = shelf
}

// storedLog is a log that is looked up anew each time: it may be made after its
// scrubber, and be made anew by a repair. While it is not here it is empty.
type storedLog struct {
	cluster cluster
	id      geo.CommitLog
	end     *atomic.Uint64 // as Extent has seen it last
}

// Extent of a log of this region may be that of two seconds ago: there is less to
// scrub then than there could be.
func (l storedLog) Extent(ctx context.Context) (geo.Extent, error) {
	extent, err := l.extent(ctx)
	if err == nil {
		l.end.Store(uint64(extent.Last))
	}
	return extent, err
}

func (l storedLog) extent(ctx context.Context) (geo.Extent, error) {
	if tail := l.cluster.tail(l.id); tail != nil {
		if extent, ok := tail.seen(2 * tailRest); ok {
			return extent, nil
		}
	}
	held, err := l.cluster.open(ctx, l.id)
	if errors.Is(err, mirror.ErrNoLog) {
		return geo.Extent{First: 1}, nil
	}
	if err != nil {
		return geo.Extent{}, err
	}
	return held.Extent(ctx)
}

func (l storedLog) Read(ctx context.Context, from geo.Offset) (mirror.Reader, error) {
	held, err := l.cluster.open(ctx, l.id)
	if err != nil {
		return nil, err
	}
	return held.Read(ctx, from)
}

func (l storedLog) Seals(ctx context.Context, first, last geo.Block) ([]geo.Seal, error) {
	held, err := l.cluster.open(ctx, l.id)
	if err != nil {
		return nil, err
	}
	return held.Seals(ctx, first, last)
}

func (l storedLog) Deletions(ctx context.Context, after uint64) ([]geo.Deletion, error) {
	return l.cluster.records.deletions.after(ctx, l.id, after)
}

// Unsealed does not ask about logs that are too short to have a whole block.
func (l storedLog) Unsealed(ctx context.Context) (geo.Block, error) {
	if l.end.Load() < geo.BlockSize {
		return 0, nil
	}
	held, err := l.cluster.open(ctx, l.id)
	if errors.Is(err, mirror.ErrNoLog) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return held.Unsealed(ctx)
}

func (l storedLog) PutSeal(ctx context.Context, seal geo.Seal) error {
	held, err := l.cluster.open(ctx, l.id)
	if err != nil {
		return err
	}
	return held.PutSeal(ctx, seal)
}

// scrubs tells whether the log's blocks are read again.
func (d *duty) scrubs() bool { return d.node.pace != nil && !d.id.Control() }

// scrub reads the log's sealed blocks again until ctx ends. When the replica was
// made anew, nothing counts that was known of its blocks.
func (d *duty) scrub(ctx context.Context) {
	for d.scrubs() && ctx.Err() == nil {
		asked := d.restAsked()
		if !d.rest(ctx, ofScrubber) {
			d.untilRest(ctx, asked, d.scrubOne)
		}
	}
}

// scrubOne runs one Scrubber.
func (d *duty) scrubOne(ctx context.Context) {
	n := d.node
	var shelf *scrub.Shelf
	for {
		var err error
		if shelf, err = scrub.OpenShelf(ctx, patches{n.records.patches, d.id}); err == nil {
			break
		}
		if !sleep(ctx, damagePause) {
			return
		}
	}
	n.shelves.put(d.id, shelf)
	stored := storedLog{n.cluster(), d.id, new(atomic.Uint64)}
	codec, _ := mirror.ParseCodec(string(n.cfg.Link.Compression)) // validated
	scrubber := scrub.New(scrub.Config{
		Log: d.id, Region: n.cfg.Region, Held: stored, Shelf: shelf, Others: d.others, Pace: n.pace, Logger: d.logger,
		Fetcher: scrub.Links{Log: d.id, To: n.cfg.Region, Held: stored, Dialer: n.dialer, Codec: codec, Heartbeat: n.cfg.Link.Heartbeat},
	})
	d.mu.Lock()
	d.scrubber = scrubber
	d.mu.Unlock()
	var telling sync.WaitGroup
	telling.Go(func() { d.tellDamage(ctx, scrubber) })
	scrubber.Run(ctx)
	telling.Wait()
}

// others are the regions to fetch a block from, the origin first.
func (d *duty) others() []geo.Region {
	others := []geo.Region{d.id.Origin}
	others = append(others, slices.DeleteFunc(slices.Clone(d.log.Regions), func(r geo.Region) bool { return r == d.id.Origin })...)
	return slices.DeleteFunc(others, func(r geo.Region) bool { return r == d.node.cfg.Region })
}

// tellDamage records blocks that were found not to be what they should.
func (d *duty) tellDamage(ctx context.Context, scrubber *scrub.Scrubber) {
	told := map[geo.Block]string{}
	for sleep(ctx, damagePause) {
		status := scrubber.Status()
		for _, failure := range status.Broken {
			if text := failure.String(); told[failure.Block] != text {
				told[failure.Block] = text
				d.event(control.LogDamaged, text)
			}
		}
	}
}

// showScrub adds what the scrubber has found.
func (d *duty) showScrub(log *admin.Log) {
	d.mu.Lock()
	scrubber := d.scrubber
	d.mu.Unlock()
	if scrubber == nil {
		return
	}
	status := scrubber.Status()
	log.Scrub = &admin.Scrub{Blocks: status.Blocks, Failures: status.Failures, Repaired: status.Repaired, Round: status.Round}
	for _, failure := range status.Broken {
		if failure.Kind == mirror.Lacking {
			for _, r := range failure.Missing {
				log.Lacking = log.Lacking.Add(r)
			}
			continue
		}
		log.Damaged = log.Damaged.Add(failure.Block.Range())
	}
}
