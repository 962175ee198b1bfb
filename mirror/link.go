package mirror

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"geomq/geo"
)

// Pauses between a link's sessions.
const (
	firstPause = 50 * time.Millisecond
	longPause  = 500 * time.Millisecond
	haltPause  = 5 * time.Second
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
	// Holders are the regions to pull from, the first being the log's origin.
	Holders   []geo.Region
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

// Link pulls one CommitLog from one holder into one local replica, in sessions
// that follow each other until Run's context ends. Each session begins from the
// replica's own end, so that nothing has to be remembered in between.
type Link struct {
	cfg   LinkConfig
	stats stats

	unanswered int  // tries in a row without a Welcome; used by Run alone
	slow       bool // the last Welcome took long; used by Run alone
	quick      bool // the last Welcome did not; used by Run alone

	mu     sync.Mutex // guards what follows
	status LinkStatus
}

// NewLink returns a Link for Run. A heartbeat outside of 50 ms to 30 s is brought
// to the nearer end.
func NewLink(cfg LinkConfig) *Link {
	cfg.Heartbeat = min(max(cfg.Heartbeat, minHeartbeat), maxHeartbeat)
	l := &Link{cfg: cfg}
	l.status = LinkStatus{Log: cfg.Log, From: cfg.Holders[0], To: cfg.To, State: StateConnecting, Since: time.Now(), Codec: cfg.Codec, Credit: cfg.Credit}
	return l
}

// Run pulls until ctx ends and returns nil then. One goroutine calls it.
func (l *Link) Run(ctx context.Context) error {
	defer l.note(StateClosed, "", "")
	logger := l.cfg.Logger.With("log", l.cfg.Log.Stream(), "from", l.cfg.Holders[0])
	pause, told, halted := firstPause, Cause(""), false
	for ctx.Err() == nil {
		if !halted { // a try of a halted link is no news until it succeeds
			l.note(StateConnecting, "", "")
		}
		began := time.Now()
		end := l.session(ctx, logger)
		if ctx.Err() != nil {
			return nil
		}
		l.stats.refuse(end.Cause)
		if time.Since(began) > 10*longPause {
			pause, told = firstPause, ""
		}
		if end.Cause != told { // once per cause, not once per try
			told = end.Cause
			logger.Warn("link ended, opening it again", "cause", end.Cause, "reason", end.Text)
		}
		// What a try has waited for an answer counts as pause.
		wait := max(pause/2+rand.N(pause/2+1)-time.Since(began), rand.N(firstPause))
		state := StateWaiting
		if halted = end.Cause.Halts(); halted {
			wait, state = haltPause, StateHalted
		}
		l.note(state, end.Cause, end.Text)
		pause = min(2*pause, longPause)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
	}
	return nil
}

// session runs one session to its end.
func (l *Link) session(ctx context.Context, logger *slog.Logger) End {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	replica, stand, err := l.stand(ctx)
	if err != nil {
		return End{localCause(err), err.Error()}
	}
	open := func(ctx context.Context, hello []byte) (Conn, error) {
		return l.cfg.Dialer.Dial(ctx, l.cfg.Holders[0], hello)
	}
	s := &sinkSession{link: l, log: logger, replica: replica, open: open, machine: NewSink(SinkConfig{
		Session: Session(rand.Uint64()), Log: l.cfg.Log, To: l.cfg.To, MaxEntry: l.cfg.MaxEntry, Credit: l.cfg.Credit,
		Frame: l.cfg.Frame, Codecs: []string{l.cfg.Codec.String()}, Heartbeat: l.cfg.Heartbeat,
		Answer: l.answerPatience(),
	})}
	end := s.run(ctx, stand)
	l.answered(s.welcome)
	return end
}

// answerPatience is how long this try waits for a Welcome.
func (l *Link) answerPatience() time.Duration {
	full := patience(l.cfg.Heartbeat)
	every := patientTry
	if l.quick {
		every = rareTry
	}
	if l.slow || l.unanswered%every == every-1 {
		return full
	}
	return min(quickAnswer, full)
}

// answered takes note of how long the Welcome took, 0 if none came.
func (l *Link) answered(took time.Duration) {
	if took == 0 {
		l.unanswered++
		return
	}
	l.unanswered, l.slow = 0, took > quickAnswer/2
	l.quick = !l.slow
}

// stand finds out where the replica stands, and opens it if there is one.
func (l *Link) stand(ctx context.Context) (Replica, Stand, error) {
	replica, err := l.cfg.Replicas.Open(ctx, l.cfg.Log)
	if errors.Is(err, ErrNoLog) {
		return nil, Stand{}, nil
	}
	if err != nil {
		return nil, Stand{}, err
	}
	extent, err := replica.Extent(ctx)
	if err != nil {
		return nil, Stand{}, err
	}
	stand := Stand{Exists: true, Last: extent.Last, Epochs: extent.Epochs}
	if stand.Unsealed, err = replica.Unsealed(ctx); err != nil {
		return nil, stand, err
	}
	stand.Unsealed = max(stand.Unsealed, geo.BlockOf(max(extent.First, 1)))
	if extent.Range().Len() > 0 {
		stand.Digest, err = digestAt(ctx, replica, extent.Last)
	}
	return replica, stand, err
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
