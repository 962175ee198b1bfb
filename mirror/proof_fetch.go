package mirror

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"geomq/geo"
	"geomq/geo/entry"
)

// fetchCredit is how many uncompressed bytes of a fetch are under way at most.
const fetchCredit = 1 << 20

// FetchConfig says what Fetch gets from whom.
type FetchConfig struct {
	Log geo.CommitLog
	// Held is the log as it is here: it says which epochs and deletions are known.
	Held HeldLog
	// Holder is the region to fetch from, To our own.
	Holder, To geo.Region
	Dialer     Dialer
	// Range is what to fetch. Offsets of it that are known to be holes are left out.
	Range     geo.Range
	Codec     Codec
	Heartbeat time.Duration
}

// FetchError says that a session that was to fetch entries ended before it had.
type FetchError struct {
	Log    geo.CommitLog
	Holder geo.Region
	Cause  Cause
	Text   string
}

func (e *FetchError) Error() string {
	return fmt.Sprintf("fetch entries of %s from %s: %s (%s)", e.Log, e.Holder, e.Text, e.Cause)
}

// Fetch reads a range of a log from another region's holder, in one session of
// the link protocol that changes nothing here, and gives the entries to each in
// ascending order. They are valid during the call only, and are what that holder
// says: whoever keeps any compares them with a seal first. A session that fails
// gives a *FetchError; an error of each ends Fetch and is returned as it is.
func Fetch(ctx context.Context, cfg FetchConfig, each func([]entry.Entry) error) error {
	cfg.Heartbeat = min(max(cfg.Heartbeat, minHeartbeat), maxHeartbeat)
	stand, err := fetchStand(ctx, cfg)
	if err != nil {
		return fmt.Errorf("fetch entries of %s: %w", cfg.Log, err)
	}
	f := &fetch{cfg: cfg, each: each, start: time.Now(), machine: NewSink(SinkConfig{
		Session: Session(rand.Uint64()), Log: cfg.Log, To: cfg.To, Credit: fetchCredit, Frame: maxFrame / 4,
		Codecs: []string{cfg.Codec.String()}, Heartbeat: cfg.Heartbeat, Answer: patience(cfg.Heartbeat),
	})}
	return f.run(ctx, stand)
}

// fetchStand is where a replica would stand that ends before the range.
func fetchStand(ctx context.Context, cfg FetchConfig) (Stand, error) {
	extent, err := cfg.Held.Extent(ctx)
	if err != nil {
		return Stand{}, err
	}
	stand := Stand{Exists: true, Last: cfg.Range.First - 1, Epochs: extent.Epochs, Unsealed: maxBlock}
	var known holes
	err = eachDeletion(ctx, cfg.Held, 0, func(d *geo.Deletion) { known.add(d); stand.Deletions = d.Number })
	stand.Deleted = known.deleted
	return stand, err
}

// fetch drives the Sink of one session; run's goroutine alone uses it.
type fetch struct {
	cfg     FetchConfig
	each    func([]entry.Entry) error
	machine *Sink
	conn    Conn
	start   time.Time

	unpacker Unpacker
	entries  []entry.Entry
	stands   Applied // what a replica would have by now
	done     bool
	err      error // why it ended before it was done
}

func (f *fetch) run(ctx context.Context, stand Stand) error {
	in := make(chan received, 4)
	f.stands = Applied{Last: stand.Last, Deletions: stand.Deletions}
	f.step(ctx, Start{stand})
	if f.conn == nil {
		return f.err
	}
	ctx, cancel := context.WithCancel(ctx)
	received := make(chan struct{})
	go func() { defer close(received); receiveAll(ctx, f.conn, in) }()
	defer func() { cancel(); f.conn.Close(); <-received }()
	ticker := time.NewTicker(f.cfg.Heartbeat)
	defer ticker.Stop()
	for f.err == nil && !f.done {
		select {
		case <-ctx.Done():
			f.err = ctx.Err()
		case r := <-in:
			f.step(ctx, r.event())
		case <-ticker.C:
			f.step(ctx, Tick{time.Since(f.start)})
		}
	}
	if f.err == nil || ctx.Err() != nil {
		f.bye(ctx)
	}
	return f.err
}

// bye tells the holder that no more is wanted.
func (f *fetch) bye(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewell)
	defer cancel()
	// Whether it arrives changes nothing: the session is over.
	_ = f.conn.Send(ctx, Encode(nil, &Bye{Session: f.machine.cfg.Session, Cause: CauseDone}))
}

// step gives the machine an event and does what it says.
func (f *fetch) step(ctx context.Context, ev Event) {
	before := f.stands
	for _, action := range f.machine.Step(ev) {
		if f.do(ctx, action); f.done || f.err != nil {
			return
		}
	}
	if f.stands != before {
		f.step(ctx, f.stands)
	}
}

func (f *fetch) do(ctx context.Context, action Action) {
	switch a := action.(type) {
	case Send:
		f.send(ctx, a.Message)
	case Adopt:
		if head, _ := f.machine.Head(); head.Last < f.cfg.Range.Last {
			f.err = f.failed(CauseAhead, fmt.Sprintf("it ends at offset %d there, %s are wanted", head.Last, f.cfg.Range))
		}
	case Apply:
		f.apply(a.Frame)
	case Leave:
		f.reach(a.Last)
	case Delete:
		f.stands.Deletions = a.Deletion.Number
	case End:
		f.err = f.failed(a.Cause, a.Text)
	}
}

func (f *fetch) failed(cause Cause, text string) error {
	return &FetchError{Log: f.cfg.Log, Holder: f.cfg.Holder, Cause: cause, Text: text}
}

func (f *fetch) send(ctx context.Context, m Message) {
	ctx, cancel := context.WithTimeout(ctx, patience(f.cfg.Heartbeat))
	defer cancel()
	var err error
	if f.conn == nil {
		f.conn, err = f.cfg.Dialer.Dial(ctx, f.cfg.Holder, Encode(nil, m))
	} else if m.Kind() == KindBye {
		f.bye(ctx)
	} else {
		// What the holder said last, say why it refuses, may still have to be
		// received; if nothing is, that ends the session.
		_ = f.conn.Send(ctx, Encode(nil, m))
	}
	switch {
	case errors.Is(err, ErrNoSource):
		f.err = f.failed(CauseAnswering, err.Error())
	case err != nil:
		f.err = f.failed(CauseLost, err.Error())
	}
}

// apply gives out what frame has of the range.
func (f *fetch) apply(frame *Frame) {
	var err error
	if f.entries, err = f.unpacker.Unpack(f.entries[:0], frame); err != nil {
		f.err = f.failed(CauseDamaged, err.Error())
		return
	}
	wanted := f.entries
	for len(wanted) > 0 && wanted[0].Offset < f.cfg.Range.First {
		wanted = wanted[1:]
	}
	for len(wanted) > 0 && wanted[len(wanted)-1].Offset > f.cfg.Range.Last {
		wanted = wanted[:len(wanted)-1]
	}
	if len(wanted) > 0 {
		if f.err = f.each(wanted); f.err != nil {
			return
		}
	}
	f.reach(frame.Last())
}

func (f *fetch) reach(last geo.Offset) {
	f.stands.Last = max(f.stands.Last, last)
	f.done = f.stands.Last >= f.cfg.Range.Last
}
