package mirror

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"geomq/geo"
	"geomq/geo/entry"
)

var ordersLog = geo.CommitLog{Log: "ORDERS", Queue: geo.SoleQueue, Origin: "us-east"}

// memLog is a CommitLog in memory, an origin's or a replica's, and deliberately
// dumb: a map of entries. Like JetStream it takes nothing but the next offset.
type memLog struct {
	faults memFaults

	mu      sync.Mutex
	first   geo.Offset
	last    geo.Offset
	entries map[geo.Offset]entry.Entry
	seals   map[geo.Block]geo.Seal
	epochs  geo.Epochs
	changed chan struct{}               // closed and replaced at every change
	shown   map[geo.Offset]entry.Digest // every offset ever shown
	trims   []geo.Offset
	reads   int // how often reading began
	broken  string

	deletions []geo.Deletion
	retired   []entry.Entry              // what Retire took out, as it stands in the ledger
	gone      map[geo.Offset]entry.Entry // what was taken out
	gaps      geo.Ranges
}

// memFaults are what a broker may do to a replica's writer.
type memFaults struct {
	apply, ack time.Duration // delays per batch
	refuse     func() bool   // an append is refused
	step       func() bool   // a step of taking something out fails half way
	deaf       int           // how many readers bring one entry and then nothing
}

var errStep = errors.New("the node died")

// half tells whether the step that is being made ends half way.
func (l *memLog) half() bool { return l.faults.step != nil && l.faults.step() }

func newMemLog(first geo.Offset) *memLog {
	return &memLog{first: first, last: first - 1, entries: map[geo.Offset]entry.Entry{}, seals: map[geo.Block]geo.Seal{},
		epochs: geo.FirstEpochs(), changed: make(chan struct{}), shown: map[geo.Offset]entry.Digest{}}
}

// change runs f under the lock and wakes all readers.
func (l *memLog) change(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f()
	close(l.changed)
	l.changed = make(chan struct{})
}

// end is 0 of a log that is not there yet.
func (l *memLog) end() geo.Offset {
	if l == nil {
		return 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.last
}

// start is the first offset, began how often reading has begun.
func (l *memLog) start() geo.Offset { l.mu.Lock(); defer l.mu.Unlock(); return l.first }
func (l *memLog) began() int        { l.mu.Lock(); defer l.mu.Unlock(); return l.reads }

func (l *memLog) at(o geo.Offset) entry.Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.entries[o]
}

// publish appends n entries as producers would.
func (l *memLog) publish(r *rand.Rand, n int) {
	l.change(func() {
		for range n {
			l.last++
			e := randomEntry(r, l.last)
			e.Time = time.Now().UnixNano()
			l.entries[l.last] = e
		}
	})
}

// store takes e as a replica's stream does: by the stored form, next offset only.
func (l *memLog) store(e *entry.Entry) error {
	subject, header, body := e.Stored(nil)
	kept, err := entry.FromStored(e.Offset, subject, header, body)
	if err != nil {
		return err
	}
	kept = kept.Clone()
	var h entry.Hasher
	digest := h.Entry(&kept)
	l.mu.Lock()
	defer l.mu.Unlock()
	if e.Offset != l.last+1 {
		return fmt.Errorf("%w: offset %d behind %d", ErrFenced, e.Offset, l.last)
	}
	if old, ok := l.shown[e.Offset]; ok && old != digest {
		l.broken = fmt.Sprintf("offset %d was shown as two entries", e.Offset)
	}
	l.shown[e.Offset] = digest
	l.entries[e.Offset], l.last = kept, e.Offset
	return nil
}

// cut removes what lies before first, as retention does.
func (l *memLog) cut(first geo.Offset) {
	l.change(func() {
		for ; l.first < first; l.first++ {
			delete(l.entries, l.first)
		}
		l.last = max(l.last, l.first-1)
	})
}

func (l *memLog) Extent(context.Context) (geo.Extent, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := geo.Extent{First: l.first, Last: l.last, Entries: uint64(len(l.entries)), Bytes: 100 * uint64(len(l.entries)), Epochs: l.epochs}
	if newest, ok := l.entries[l.last]; ok {
		e.LastTime = newest.When()
	}
	return e, nil
}

func (l *memLog) Read(_ context.Context, from geo.Offset) (Reader, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.reads++
	return &memReader{log: l, next: from, deaf: l.reads <= l.faults.deaf}, nil
}

type memReader struct {
	log  *memLog
	next geo.Offset
	deaf bool
	gave bool
}

func (r *memReader) Next(ctx context.Context) ([]entry.Entry, error) {
	for {
		found, changed := r.some()
		if len(found) > 0 {
			return found, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (r *memReader) some() (found []entry.Entry, changed chan struct{}) {
	r.log.mu.Lock()
	defer r.log.mu.Unlock()
	if r.deaf {
		if e, ok := r.log.entries[r.next]; ok && !r.gave {
			r.gave, found = true, []entry.Entry{e}
		}
		return found, r.log.changed
	}
	for r.next = max(r.next, r.log.first); r.next <= r.log.last && len(found) < 100; r.next++ {
		if e, ok := r.log.entries[r.next]; ok {
			found = append(found, e)
		}
	}
	return found, r.log.changed
}

func (r *memReader) Close() error { return nil }

func (l *memLog) Seals(_ context.Context, first, last geo.Block) (seals []geo.Seal, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for block := first; block <= last; block++ {
		if seal, ok := l.seals[block]; ok {
			seals = append(seals, seal)
		}
	}
	return seals, nil
}

func (l *memLog) Unsealed(context.Context) (geo.Block, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	next := geo.Block(0)
	for block := range l.seals {
		next = max(next, block+1)
	}
	return next, nil
}

func (l *memLog) PutSeal(_ context.Context, seal geo.Seal) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if old, ok := l.seals[seal.Block]; ok && old.Digest != seal.Digest {
		return fmt.Errorf("%w: block %d has another one", ErrSealed, seal.Block)
	}
	l.seals[seal.Block] = seal
	return nil
}

func (l *memLog) DropSeals(_ context.Context, last geo.Offset) error {
	if l.half() {
		return errStep
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	maps.DeleteFunc(l.seals, func(b geo.Block, _ geo.Seal) bool { return b.Range().Last > last })
	return nil
}

func (l *memLog) TrimSeals(_ context.Context, first geo.Offset) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	maps.DeleteFunc(l.seals, func(b geo.Block, _ geo.Seal) bool { return b.Range().Last < first })
	return nil
}

func (l *memLog) Trim(_ context.Context, first geo.Offset) error {
	l.cut(first)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.trims = append(l.trims, first)
	return nil
}

func (l *memLog) Append(_ context.Context, last geo.Offset, applied func(geo.Offset)) (Appender, error) {
	if end := l.end(); end != last {
		return nil, fmt.Errorf("%w: it ends at %d, not at %d", ErrFenced, end, last)
	}
	a := &memAppender{log: l, applied: applied, batches: make(chan []entry.Entry, 2), skips: make(chan memSkip), done: make(chan struct{}), stop: make(chan struct{})}
	a.group.Go(a.run)
	return a, nil
}

type memAppender struct {
	log     *memLog
	applied func(geo.Offset)
	batches chan []entry.Entry
	skips   chan memSkip
	done    chan struct{}
	err     error
	stop    chan struct{}
	once    sync.Once
	group   sync.WaitGroup
}

var errRefused = errors.New("the broker refused an append")

func (a *memAppender) run() {
	defer close(a.done)
	for {
		select {
		case <-a.stop:
			return
		case batch := <-a.batches:
			if a.err = a.write(batch); a.err != nil {
				return
			}
		case s := <-a.skips:
			for len(a.batches) > 0 {
				if a.err = a.write(<-a.batches); a.err != nil {
					return
				}
			}
			if a.skip(s); a.err != nil {
				return
			}
		}
	}
}

func (a *memAppender) write(batch []entry.Entry) error {
	faults := a.log.faults
	time.Sleep(faults.apply)
	if faults.refuse != nil && faults.refuse() {
		return errRefused
	}
	for i := range batch {
		if err := a.log.store(&batch[i]); err != nil {
			return err
		}
	}
	a.log.change(func() {})
	time.Sleep(faults.ack)
	a.applied(batch[len(batch)-1].Offset)
	return nil
}

func (a *memAppender) Append(ctx context.Context, entries []entry.Entry, _ bool) error {
	batch := slices.Clone(entries)
	for i := range batch {
		batch[i] = batch[i].Clone()
	}
	select {
	case a.batches <- batch:
		return nil
	case <-a.done:
		return a.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (a *memAppender) Done() <-chan struct{} { return a.done }
func (a *memAppender) Err() error            { <-a.done; return a.err }
func (a *memAppender) Close() error {
	a.once.Do(func() { close(a.stop) })
	a.group.Wait()
	return nil
}

// memCluster holds at most one log: it is a Holder and Replicas.
type memCluster struct {
	faults memFaults
	opened func(*memLog) // after each Open, if set
	mu     sync.Mutex
	log    *memLog
}

func (c *memCluster) held() *memLog {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.log
}

func (c *memCluster) Held(context.Context, geo.CommitLog) (HeldLog, error) {
	if log := c.held(); log != nil {
		return log, nil
	}
	return nil, ErrNoLog
}

func (c *memCluster) Open(context.Context, geo.CommitLog) (Replica, error) {
	if log := c.held(); log != nil {
		log.removeFillers()
		if c.opened != nil {
			c.opened(log)
		}
		return log, nil
	}
	return nil, ErrNoLog
}

func (c *memCluster) Create(_ context.Context, _ geo.CommitLog, first geo.Offset, epochs geo.Epochs) (Replica, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.log != nil {
		return nil, fmt.Errorf("%w: it exists", ErrStream)
	}
	c.log = newMemLog(first)
	c.log.epochs, c.log.faults = epochs, c.faults
	return c.log, nil
}

// remove takes the entries at offsets out, as a delete of JetStream does.
func (l *memLog) remove(offsets ...geo.Offset) {
	l.change(func() {
		for _, o := range offsets {
			l.take(o)
		}
	})
}

// take removes the entry at o, if there is one. The caller holds the lock.
func (l *memLog) take(o geo.Offset) (entry.Entry, bool) {
	e, ok := l.entries[o]
	if !ok {
		return e, false
	}
	if l.gone == nil {
		l.gone = map[geo.Offset]entry.Entry{}
	}
	l.gone[o] = e
	delete(l.entries, o)
	return e, true
}

// powerCut loses the last n offsets, but not the seals of their blocks, and
// brings back some of what was taken out.
func (l *memLog) powerCut(r *rand.Rand, n int) {
	l.change(func() {
		for range min(n, int(l.last-l.first+1)) {
			delete(l.entries, l.last)
			l.last--
		}
		for o, e := range l.gone {
			if o >= l.first && o <= l.last && r.IntN(3) == 0 {
				l.entries[o] = e
			}
		}
	})
}

func (l *memLog) Deletions(_ context.Context, after uint64) ([]geo.Deletion, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	rest := l.deletions[min(after, uint64(len(l.deletions))):]
	return slices.Clone(rest[:min(len(rest), 256)]), nil
}

func (l *memLog) Delete(_ context.Context, d geo.Deletion) error {
	if l.half() {
		l.remove(d.Offsets[:len(d.Offsets)/2]...)
		return errStep
	}
	l.remove(d.Offsets...)
	if l.half() {
		return errStep
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	switch next := uint64(len(l.deletions)) + 1; {
	case d.Number > next:
		return fmt.Errorf("deletion %d came where %d was due", d.Number, next)
	case d.Number == next:
		l.deletions = append(l.deletions, d)
	case !slices.Equal(l.deletions[d.Number-1].Offsets, d.Offsets):
		return fmt.Errorf("deletion %d came as another one", d.Number)
	}
	return nil
}

func (l *memLog) SetEpochs(_ context.Context, epochs geo.Epochs) error {
	if l.half() {
		return errStep
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if !epochs.Extends(l.epochs) {
		return fmt.Errorf("%w: %v does not extend %v", geo.ErrEpochs, epochs, l.epochs)
	}
	for _, r := range epochs[len(l.epochs):].Skipped() {
		for o := r.First; o <= min(r.Last, l.last); o++ {
			if _, ok := l.entries[o]; ok {
				l.broken = fmt.Sprintf("the table %s came while offset %d had an entry", epochs, o)
			}
		}
	}
	l.epochs = epochs
	return nil
}

func (l *memLog) Retire(_ context.Context, r geo.Range, _ string) error {
	half := l.half()
	l.mu.Lock()
	defer l.mu.Unlock()
	for o := r.First; o <= min(r.Last, l.last); o++ {
		if half && o > (r.First+r.Last)/2 {
			return errStep
		}
		if e, ok := l.take(o); ok {
			l.keep(e)
		}
	}
	return nil
}

// keep puts e into the ledger, once.
func (l *memLog) keep(e entry.Entry) {
	for i := range l.retired {
		if sameEntry(&l.retired[i], &e) {
			return
		}
	}
	l.retired = append(l.retired, e)
}

func (l *memLog) Gaps(context.Context) (geo.Ranges, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.gaps, nil
}

// filler is what a broker keeps at an offset until it is a hole.
var filler = entry.Entry{Subject: []byte("geomq.hole")}

func (l *memLog) removeFillers() {
	l.mu.Lock()
	defer l.mu.Unlock()
	maps.DeleteFunc(l.entries, func(_ geo.Offset, e entry.Entry) bool { return string(e.Subject) == string(filler.Subject) })
}

// Skip waits for what was handed over before, as a broker's appender does.
func (a *memAppender) Skip(ctx context.Context, through geo.Offset) error {
	made := make(chan struct{})
	select {
	case a.skips <- memSkip{through, made}:
	case <-a.done:
		return a.err
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-made:
		return nil
	case <-a.done:
		return a.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

type memSkip struct {
	through geo.Offset
	made    chan struct{}
}

func (a *memAppender) skip(s memSkip) {
	if faults := a.log.faults; faults.refuse != nil && faults.refuse() {
		a.err = errRefused
		return
	}
	a.log.change(func() { a.log.last = max(a.log.last, s.through) })
	a.applied(s.through)
	close(s.made)
}

// withdraw deletes the entries at offsets of one block as an origin does: it
// records the deletion first, and removes them when removed says so.
func (l *memLog) withdraw(removed bool, offsets ...geo.Offset) {
	l.mu.Lock()
	d := geo.Deletion{Number: uint64(len(l.deletions)) + 1, Block: geo.BlockOf(offsets[0]), Reason: "asked for"}
	var h entry.Hasher
	for _, o := range offsets {
		if e, ok := l.entries[o]; ok {
			d.Offsets, d.Digests = append(d.Offsets, o), append(d.Digests, [16]byte(h.Entry(&e)))
		}
	}
	if len(d.Offsets) > 0 {
		l.deletions = append(l.deletions, d)
	}
	l.mu.Unlock()
	if removed {
		l.remove(d.Offsets...)
	}
}

// reopen is what an origin does that has lost what lies behind end: it opens a
// new epoch at first, and the offsets between are holes.
func (l *memLog) reopen(end, first geo.Offset) {
	l.DropSeals(context.Background(), end)
	l.change(func() {
		for o := end + 1; o <= l.last; o++ {
			delete(l.entries, o)
		}
		l.epochs = append(slices.Clone(l.epochs), geo.Epoch{Number: l.epochs.Latest().Number + 1, PrevEnd: end, First: first})
		l.last = first - 1
	})
}
