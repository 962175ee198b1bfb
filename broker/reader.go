package broker

import (
	"context"
	"crypto/rand"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"geomq/broker/wire"
	"geomq/geo"
	"geomq/geo/entry"
)

// Reader delivers a CommitLog's entries in order, in canonical form whichever
// role the log has here. One goroutine calls Next and TryNext; Close may come
// from any.
//
// However far behind it is, a Reader has at most its window of bytes under way
// and in memory, unless a single message is larger.
type Reader struct {
	log      *CommitLog
	conn     *wire.Conn
	consumer string
	next     string // subject to ask for more
	window   int    // bytes
	segment  int    // bytes after which a segment is full
	watchdog *time.Timer
	wake     chan struct{} // capacity 1
	closing  sync.Once

	lent *segment // what Next returned last; of its caller's goroutine
	form form     // of that goroutine too

	mu          sync.Mutex // guards what follows
	pulls       [pulls]pull
	quota       int        // bytes of one request
	full        []*segment // oldest first
	filling     *segment
	free        []*segment
	buffered    int    // bytes in full, filling and lent
	consumerSeq uint64 // of the last delivery
	streamSeq   uint64
	pending     uint64 // entries the server still had behind the last delivery
	signs       uint64 // of life from the server
	lastSigns   uint64 // at the watchdog's last look
	missed      int    // heartbeats
	waiting     bool   // Next wants to be woken
	err         error  // why nothing more is coming
}

// Read opens a Reader that begins at from, or at the first offset behind it that
// is kept. An offset behind the next one to be written is refused with
// ErrBeyondEnd. window is in bytes.
func (l *CommitLog) Read(ctx context.Context, from geo.Offset, window int) (*Reader, error) {
	have, err := l.Extent(ctx)
	if err != nil {
		return nil, err
	}
	if from == 0 || from > have.Last+1 {
		return nil, fmt.Errorf("read %s from %d: %w: it ends at %d", l.id, from, ErrBeyondEnd, have.Last)
	}
	r, err := l.newReader(ctx, from, window)
	if err != nil {
		return nil, fmt.Errorf("read %s from %d: %w", l.id, from, err)
	}
	return r, nil
}

func (l *CommitLog) newReader(ctx context.Context, from geo.Offset, window int) (*Reader, error) {
	consumer, pending, err := l.createConsumer(ctx, from)
	if err != nil {
		return nil, err
	}
	conn, err := l.broker.dial(ctx, "geomq reader "+l.id.Stream())
	if err != nil {
		return nil, err
	}
	r := &Reader{
		log: l, conn: conn, consumer: consumer, window: window, segment: max(window/(2*pulls), 1),
		next:      "$JS.API.CONSUMER.MSG.NEXT." + l.id.Stream() + "." + consumer,
		quota:     max(window/pulls, int(l.broker.cfg.MaxPayload)+overhead),
		wake:      make(chan struct{}, 1),
		filling:   &segment{},
		streamSeq: uint64(from) - 1,
		pending:   pending,
		form:      form{log: l},
	}
	if err = r.form.learn(ctx); err == nil {
		err = r.begin()
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return r, nil
}

func (l *CommitLog) createConsumer(ctx context.Context, from geo.Offset) (name string, pending uint64, err error) {
	stream := l.id.Stream()
	request := server.CreateConsumerRequest{Stream: stream, Config: server.ConsumerConfig{
		DeliverPolicy: server.DeliverByStartSequence, OptStartSeq: uint64(from),
		AckPolicy: server.AckNone, ReplayPolicy: server.ReplayInstant,
		Replicas: 1, MemoryStorage: true, InactiveThreshold: consumerExpires,
	}}
	var response server.JSApiConsumerCreateResponse
	if err := l.broker.api.call(ctx, "CONSUMER.CREATE."+stream, request, &response); err != nil {
		return "", 0, err
	}
	return response.ConsumerInfo.Name, response.ConsumerInfo.NumPending, nil
}

func (r *Reader) begin() error {
	inbox := newInbox()
	for i := range r.pulls {
		p := &r.pulls[i]
		p.reader, p.inbox = r, inbox+"."+strconv.Itoa(i)
		if _, err := r.conn.Subscribe(p.inbox, p.on); err != nil {
			return err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.watchdog = time.AfterFunc(heartbeat, r.watch)
	r.ask()
	return r.err
}

// newInbox is a subject for replies that no client can know or listen to.
func newInbox() string { return inboxPrefix + "." + rand.Text() }

// Next waits for entries and returns those that have arrived, at most an eighth
// of the window at once. They stay valid until the following Next, TryNext or
// Close. After an error (ErrReadGap, ErrSilent, ErrReader, entry.ErrStored,
// ErrClosed, or ctx's, which alone doesn't end the Reader) the caller opens
// another Reader behind the last entry it got.
func (r *Reader) Next(ctx context.Context) ([]entry.Entry, error) {
	for {
		entries, err := r.TryNext()
		if len(entries) > 0 || err != nil {
			return entries, err
		}
		select {
		case <-r.wake:
		case <-r.conn.Done():
			r.lost()
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// TryNext is Next without waiting: it returns nothing if nothing has arrived.
// Where an origin's newest entries may have been pulled back, it asks the server.
func (r *Reader) TryNext() ([]entry.Entry, error) {
	got, err := r.swap()
	if got == nil {
		return nil, err
	}
	entries, err := got.canonical(&r.form)
	if err == nil {
		return entries, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fail(err)
	if len(entries) == 0 {
		return nil, r.err
	}
	return entries, nil
}

// Pending is the number of entries that the stream held behind the last one that
// arrived, at the time when it was sent; at first, those to be read when the
// Reader was opened.
func (r *Reader) Pending() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.pending
}

// fail ends the Reader behind what has arrived. Needs the lock.
func (r *Reader) fail(err error) {
	if r.err == nil {
		r.err = fmt.Errorf("read %s: %w", r.log.id, err)
	}
	r.ring()
}

func (r *Reader) lost() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fail(fmt.Errorf("%w: %w", ErrReader, r.conn.Err()))
}

// watch looks every heartbeat whether the server has said anything while it owes
// something.
func (r *Reader) watch() {
	r.mu.Lock()
	defer r.mu.Unlock()
	owes := false
	for i := range r.pulls {
		owes = owes || r.pulls[i].open
	}
	if r.missed++; r.signs != r.lastSigns || !owes {
		r.lastSigns, r.missed = r.signs, 0
	}
	if r.missed > patience {
		r.fail(fmt.Errorf("%w: %d heartbeats of %v are missing", ErrSilent, patience, heartbeat))
	}
	if r.err == nil {
		r.watchdog.Reset(heartbeat)
	}
}

// Close ends the Reader and takes its consumer away. A Next that waits returns
// ErrClosed, once it has returned what arrived before.
func (r *Reader) Close() error {
	r.closing.Do(func() {
		r.mu.Lock()
		r.fail(ErrClosed)
		r.watchdog.Stop()
		// Best effort: a consumer that stays behind expires by itself.
		_ = r.conn.Publish("$JS.API.CONSUMER.DELETE."+r.log.id.Stream()+"."+r.consumer, "", nil, nil)
		r.mu.Unlock()
		r.conn.Close()
	})
	return nil
}
