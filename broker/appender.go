package broker

import (
	"context"
	"crypto/rand"
	"fmt"
	"sync"
	"time"

	"geomq/broker/wire"
	"geomq/geo"
	"geomq/geo/entry"
)

const (
	// ackPatience is how long an Appender waits for any sign of progress.
	ackPatience = 5 * time.Second
	// lingerFor is how long a batch stays open for entries that were promised.
	// The server forgets a batch after 10 s.
	lingerFor = 20 * time.Millisecond
	// beginPatience is how long an Appender may take from its first entry until
	// it can send it: a server that opens many at once does so one by one.
	beginPatience = 60 * time.Second
)

// AppendConfig describes an Appender.
type AppendConfig struct {
	// Last is the replica's end: the first entry gets Last + 1.
	Last geo.Offset
	// Window is how many bytes may be handed over and not applied; default 4 MiB,
	// at least four of the server's largest messages.
	Window int
	// OnApplied is told the newest applied offset, in order, from one goroutine
	// that reads the acks: it must not block, nor call the Appender.
	OnApplied func(geo.Offset)
	// Plain asks for the ack of every entry by itself, as is done for streams of
	// several copies that take no fast-ingest batches.
	Plain bool
}

// Appender writes a replica, or an origin behind its fence. Every entry carries the offset before it as a
// fence, so nothing but the next offset ever enters, whatever is lost, repeated
// or written by others.
type Appender struct {
	log    *CommitLog
	inbox  string
	id     string // makes batch ids unique in the stream
	way    way
	window int
	tell   func(geo.Offset)

	sending sync.Mutex // one Append or Settle sends at a time; guards what follows
	conn    *wire.Conn // nil before the first entry; set under mu, too
	ingest  string     // what stands in front of subjects
	next    geo.Offset
	through geo.Offset // behind it, entries would be of another form than announced
	open    *batch     // takes more entries; nil if the next entry starts one
	opened  uint64     // batches so far
	subject []byte     // scratch
	header  []byte
	reply   []byte
	linger  *time.Timer // ends an open batch

	mu       sync.Mutex // guards what follows, and all batches
	changed  sync.Cond  // applied, underWay or err changed
	batches  []*batch   // under way, oldest first
	underWay int        // their bytes
	applied  geo.Offset
	skipping bool        // what is applied are fillers, of which nobody is told
	blocked  bool        // a sender waits for the window, with nothing half sent
	reported [2]uint64   // batch and sequence of the server's last report
	progress time.Time   // last sign of it
	watchdog *time.Timer // runs while something is under way
	watching bool
	err      error
	done     chan struct{} // closed with err

	watcher sync.WaitGroup
	closing sync.Once
}

// Appender opens a writer for a replica, or for a fenced origin where
// BeginRestore has announced what it is going to write. The log ends at
// cfg.Last; a wrong Last is noticed with the first entry (ErrFenced), and an
// Appender of the same replica that is still open may end with that too. Fillers
// that a crash has left in the log become the holes they were written for. Until
// its first entry an Appender holds no connection.
func (l *CommitLog) Appender(ctx context.Context, cfg AppendConfig) (*Appender, error) {
	through, err := l.writable(ctx, cfg.Last)
	if err == nil {
		err = l.purgeFillers(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("append to %s: %w", l.id, err)
	}
	a := newAppender(l, cfg)
	a.through = through
	return a, nil
}

// begin connects and learns where to write. It waits for the first entry: most
// links have nothing to write most of the time, and taking over a way in writes
// to the disk. Needs sending.
func (a *Appender) begin(ctx context.Context) error {
	if err := a.Err(); a.conn != nil || err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, beginPatience)
	defer cancel()
	a.watcher.Go(func() { // Close does not wait for a server
		select {
		case <-a.done:
			cancel()
		case <-ctx.Done():
		}
	})
	conn, err := a.log.broker.dial(ctx, "geomq appender "+a.log.id.Stream())
	if err != nil {
		return err
	}
	if err = a.findWayIn(ctx); err == nil {
		_, err = conn.Subscribe(a.inbox+".>", a.onAnswer)
	}
	if err == nil {
		err = a.use(conn)
	}
	if err != nil {
		conn.Close()
	}
	return err
}

// use makes conn the Appender's unless that has ended. Needs sending.
func (a *Appender) use(conn *wire.Conn) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.err != nil {
		return a.err
	}
	a.conn = conn
	a.watcher.Go(func() {
		<-conn.Done()
		a.fail(fmt.Errorf("%w: connection lost: %w", ErrRefused, conn.Err()))
	})
	return nil
}

// findWayIn learns where the Appender writes. A chain's end must be known before
// it begins.
func (a *Appender) findWayIn(ctx context.Context) (err error) {
	if a.way != chained {
		a.ingest, err = a.log.wayIn(ctx)
	} else {
		var end geo.Offset
		if a.ingest, end, err = a.log.takeOver(ctx); err == nil && end != a.applied {
			err = &FencedError{Stream: a.log.id.Stream(), Offset: a.next, Last: end}
		}
	}
	a.subject = []byte(a.ingest)
	return err
}

// writable is how far an Appender may write behind last.
func (l *CommitLog) writable(ctx context.Context, last geo.Offset) (through geo.Offset, err error) {
	if l.role == Replica {
		return ^geo.Offset(0), nil
	}
	info, err := l.broker.info(ctx, l.id)
	if err != nil {
		return 0, err
	}
	if !isFenced(&info.Config) {
		return 0, fmt.Errorf("%w: producers write an origin that isn't fenced", ErrRole)
	}
	escaped, err := parseRanges(info.Config.Metadata[metaEscaped])
	if err != nil {
		return 0, err
	}
	if announced := escaped.Intersect(geo.Range{First: last + 1, Last: ^geo.Offset(0)}); len(announced) > 0 && announced[0].First == last+1 {
		return announced[0].Last, nil
	}
	return last, nil
}

func newAppender(l *CommitLog, cfg AppendConfig) *Appender {
	if cfg.Window <= 0 {
		cfg.Window = 4 << 20
	}
	if cfg.OnApplied == nil {
		cfg.OnApplied = func(geo.Offset) {}
	}
	a := &Appender{
		log: l, inbox: newInbox(), id: rand.Text(),
		way: l.way(cfg.Plain), tell: cfg.OnApplied,
		window: max(cfg.Window, batchShare*(int(l.broker.cfg.MaxPayload)+overhead)),
		next:   cfg.Last + 1, applied: cfg.Last,
		done: make(chan struct{}),
	}
	a.changed.L = &a.mu
	// Both timers are made here and only ever reset, so that nobody meets nil.
	a.linger = time.AfterFunc(time.Hour, a.endLingering)
	a.linger.Stop()
	a.watchdog = time.AfterFunc(time.Hour, a.watch)
	a.watchdog.Stop()
	return a
}

// Append hands entries over, which may be used again when it returns; it blocks
// while the window is full. Their offsets must follow each other and the last
// one handed over, else nothing is sent (*SequenceError); nor is, of a fenced
// origin, what was not announced (ErrRole). more says that another
// Append follows at once; without it the entries' acks are asked for now.
//
// Every other error ends the Appender, that of ctx included, and some entries
// may have been written: resynchronise from Extent.
func (a *Appender) Append(ctx context.Context, entries []entry.Entry, more bool) error {
	a.sending.Lock()
	defer a.sending.Unlock()
	for i := range entries {
		if want := a.next + geo.Offset(i); entries[i].Offset != want {
			return &SequenceError{Stream: a.log.id.Stream(), Want: want, Got: entries[i].Offset}
		}
	}
	if end := a.next + geo.Offset(len(entries)) - 1; len(entries) > 0 && end > a.through {
		return fmt.Errorf("append to %s: %w: offset %d was not announced by BeginRestore, only up to %d is", a.log.id, ErrRole, end, a.through)
	}
	stop := context.AfterFunc(ctx, func() { a.fail(context.Cause(ctx)) })
	defer stop()
	a.linger.Stop()
	if len(entries) > 0 {
		if err := a.begin(ctx); err != nil {
			return a.fail(err)
		}
	}
	for i := range entries {
		if err := a.send(&entries[i], !more && i == len(entries)-1); err != nil {
			return a.fail(err)
		}
	}
	if a.open != nil {
		a.linger.Reset(lingerFor)
	}
	return nil
}

// Applied is the newest offset that is known to be in the stream, so that a
// Reader finds it.
func (a *Appender) Applied() geo.Offset {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.applied
}

// Settle ends an open batch and waits until everything handed over is applied.
// The error of ctx leaves the Appender alive, all others end it.
func (a *Appender) Settle(ctx context.Context) error {
	if err := a.endBatch(); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.changed.Broadcast()
	})
	defer stop()
	a.mu.Lock()
	defer a.mu.Unlock()
	for a.err == nil && len(a.batches) > 0 && ctx.Err() == nil {
		a.changed.Wait()
	}
	if a.err == nil && len(a.batches) > 0 {
		return context.Cause(ctx)
	}
	return a.err
}

// Done is closed when the Appender has ended; Err tells why.
func (a *Appender) Done() <-chan struct{} { return a.done }

// Err is nil while the Appender lives.
func (a *Appender) Err() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.err
}

// Close ends the Appender at once and waits; what is under way may or may not be
// applied: Settle first. OnApplied isn't called after Close.
func (a *Appender) Close() error {
	a.closing.Do(func() {
		a.fail(ErrClosed)
		a.linger.Stop()
		a.disconnect()   // who sends is freed
		a.sending.Lock() // and who begins
		defer a.sending.Unlock()
		a.watcher.Wait()
	})
	return nil
}

func (a *Appender) disconnect() {
	a.mu.Lock()
	conn := a.conn
	a.mu.Unlock()
	if conn != nil {
		conn.Close()
	}
}

// fail ends the Appender with its first error and returns that.
func (a *Appender) fail(err error) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.err == nil {
		a.err = fmt.Errorf("append to %s: %w", a.log.id, err)
		a.watchdog.Stop()
		close(a.done)
		a.changed.Broadcast()
	}
	return a.err
}
