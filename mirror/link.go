package mirror

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"geomq/geo"
	"geomq/mirror/holders"
)

// A link that gets no answer asks again soon, so that it is back within a second
// of a path that heals. Paths may be slow, so every few tries one waits as long
// as a silent peer may, and so do all once that was needed. Where the path was
// quick before, it is the rarer: a path that heals during a patient try is found
// only by the next.
const (
	quickAnswer = 800 * time.Millisecond
	patientTry  = 4
	rareTry     = 16
)

// LinkConfig says what a Link pulls and how.
type LinkConfig struct {
	Log geo.CommitLog
	// Holders are the regions to pull from. The first is the log's origin, which
	// is preferred; the others are used while it can't be pulled from.
	Holders []geo.Region
	// NoOrigin says that the origin is not among Holders: all are equal.
	NoOrigin bool
	// Asker carries the asks that choose a holder; without it only the first
	// holder is used.
	Asker Asker
	// Until ends Run once the replica has reached it; 0 is never.
	Until     geo.Offset
	To        geo.Region // our own
	Dialer    Dialer
	Replicas  Replicas
	MaxEntry  int64  // bytes of header and body that the replica can hold; 0: unknown
	Credit    uint64 // uncompressed bytes under way at most
	Frame     int    // uncompressed bytes per frame
	Codec     Codec
	Heartbeat time.Duration
	Logger    *slog.Logger
}

// Link pulls one CommitLog from one holder at a time into one local replica, in
// sessions that follow each other until Run's context ends. Each session begins
// from the replica's own end, so that nothing has to be remembered in between,
// and it makes no difference whether the next one is with the same holder.
type Link struct {
	cfg   LinkConfig
	stats stats
	tries map[geo.Region]*tries // used by one session after the other

	mu     sync.Mutex // guards what follows
	broken *geo.Seal  // that the replica's block is not equal to
	status LinkStatus
	choice choice
}

// NewLink returns a Link for Run. A heartbeat outside of 50 ms to 30 s is brought
// to the nearer end.
func NewLink(cfg LinkConfig) *Link {
	cfg.Heartbeat = min(max(cfg.Heartbeat, minHeartbeat), maxHeartbeat)
	l := &Link{cfg: cfg, tries: make(map[geo.Region]*tries)}
	l.status = LinkStatus{Log: cfg.Log, From: cfg.Holders[0], Origin: !cfg.NoOrigin, To: cfg.To, State: StateConnecting, Since: time.Now(), Codec: cfg.Codec, Credit: cfg.Credit}
	return l
}

// Run pulls until ctx ends or the replica has reached LinkConfig.Until, and
// returns nil then. It may be called again, by one goroutine at a time.
func (l *Link) Run(ctx context.Context) error {
	defer l.note(StateClosed, "", "")
	newLinkRun(l).loop(ctx)
	return nil
}

// session runs one session to its end. stood hears where the replica stands.
func (l *Link) session(ctx context.Context, path *path, stood func(Stand)) End {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	replica, stand, err := l.stand(ctx)
	if err != nil {
		return End{Cause: localCause(err), Text: err.Error()}
	}
	stood(stand)
	if end := l.stillBroken(ctx, replica); end != nil {
		return *end
	}
	tries := l.triesOf(path.holder)
	s := &sinkSession{link: l, log: path.log, replica: replica, open: path.open, machine: NewSink(SinkConfig{
		Session: Session(rand.Uint64()), Log: l.cfg.Log, To: l.cfg.To, MaxEntry: l.cfg.MaxEntry, Credit: l.cfg.Credit,
		Frame: l.cfg.Frame, Codecs: []string{l.cfg.Codec.String()}, Heartbeat: l.cfg.Heartbeat,
		Answer: tries.patience(patience(l.cfg.Heartbeat)),
	})}
	end := s.run(ctx, stand)
	tries.answered(s.welcome)
	return end
}

// stillBroken ends a session before it begins if the replica has a block that was
// found not to be what its origin sealed: while it has, nothing is added to it.
func (l *Link) stillBroken(ctx context.Context, replica Replica) *End {
	l.mu.Lock()
	seal := l.broken
	l.mu.Unlock()
	if seal == nil || replica == nil {
		return nil
	}
	if _, failed := l.prove(ctx, replica, *seal); failed != nil && failed.Cause.Contradicts() {
		return &End{Cause: failed.Cause, Text: failed.Text}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.broken = nil
	return nil
}

// prove compares a block of the replica with its seal, and says what is wrong.
// proved is false, too, for a block that says nothing: begun, trimmed or given up
// inside of it.
func (l *Link) prove(ctx context.Context, replica Replica, seal geo.Seal) (proved bool, failed *Failed) {
	gaps, err := replica.Gaps(ctx)
	if err != nil {
		return false, &Failed{CauseLocal, err.Error()}
	}
	check := blockCheck{Log: l.cfg.Log, At: l.cfg.To, Held: replica, Gaps: gaps}
	err = check.check(ctx, seal)
	if err == nil || errors.Is(err, errUnprovable) {
		return err == nil, nil
	}
	failed = unproved(err)
	if failed.Cause.Contradicts() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.broken = &seal
	}
	return false, failed
}

// What an earlier session has on its way to the broker may come in late: a replica
// that seems to hold too much is looked at again, up to lateLooks times.
const (
	lateLooks = 5
	latePause = 200 * time.Millisecond
)

// stand finds out where the replica stands, and opens it if there is one.
func (l *Link) stand(ctx context.Context) (replica Replica, stand Stand, err error) {
	for look := 0; ; look++ {
		last := stand.Last
		replica, stand, err = l.look(ctx)
		if err != nil || !stand.Surplus || look > 0 && stand.Last == last || look == lateLooks {
			return replica, stand, err
		}
		select {
		case <-time.After(latePause):
		case <-ctx.Done():
			return nil, Stand{}, ctx.Err()
		}
	}
}

// look opens the replica, which removes what a session has left half made.
func (l *Link) look(ctx context.Context) (Replica, Stand, error) {
	replica, err := l.cfg.Replicas.Open(ctx, l.cfg.Log)
	if errors.Is(err, ErrNoLog) {
		return nil, Stand{}, nil
	}
	if err != nil {
		return nil, Stand{}, err
	}
	stand, err := standOf(ctx, l.cfg.Log, replica)
	return replica, stand, err
}

// tries remember how a holder answered the sessions before.
type tries struct {
	unanswered int  // in a row without a Welcome
	slow       bool // the last Welcome took long
	quick      bool // the last Welcome did not
}

func (l *Link) triesOf(holder geo.Region) *tries {
	if l.tries[holder] == nil {
		l.tries[holder] = new(tries)
	}
	return l.tries[holder]
}

// patience is how long this try waits for a Welcome; full is how long a peer may
// be silent.
func (t *tries) patience(full time.Duration) time.Duration {
	every := patientTry
	if t.quick {
		every = rareTry
	}
	if t.slow || t.unanswered%every == every-1 {
		return full
	}
	return min(quickAnswer, full)
}

// answered takes note of how long the Welcome took, 0 if none came.
func (t *tries) answered(took time.Duration) {
	if took == 0 {
		t.unanswered++
		return
	}
	t.unanswered, t.slow = 0, took > quickAnswer/2
	t.quick = !t.slow
}

// localCause is the cause of an error of this cluster's own broker.
func localCause(err error) Cause {
	switch {
	case errors.Is(err, ErrFenced):
		return CauseFenced
	case errors.Is(err, ErrStream):
		return CauseRefused
	case errors.Is(err, ErrSealed):
		return CauseConflict
	}
	return CauseLocal
}

// classOf says what the end of a session for c means for the choice of a holder.
func classOf(c Cause) holders.Class {
	switch c {
	case CauseLocal, CauseFenced:
		return holders.Own
	case CauseGap, CauseTrimmed:
		return holders.Lacks
	case CauseRefused:
		return holders.Unfit
	}
	if c.Halts() {
		return holders.Contradicts
	}
	return holders.Failed
}
