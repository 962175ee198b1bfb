package node

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"geomq/admin"
	"geomq/geo"
	"geomq/mirror"
)

const (
	// mendPause is the first pause between two tries to make a replica anew that
	// lacks offsets; they grow to mendPauseMost, and to mendPauseIdle once the link
	// runs without it.
	mendPause     = 500 * time.Millisecond
	mendPauseMost = 5 * time.Second
	mendPauseIdle = 30 * time.Second
	// mendHold is for how long the link is kept from adding to such a replica.
	mendHold = time.Minute
)

var (
	// errWhole says that what seemed lacking has a reason after all.
	errWhole = errors.New("nothing is lacking without a reason")
	// errLeave says that making a replica anew would not help, or that a person has to
	// decide: its link goes on as it can.
	errLeave = errors.New("the replica is left as it is")
	// errUntold says that the origin did not tell where its log begins.
	errUntold = errors.New("the origin does not tell where its log begins")
)

// mend makes a replica anew that a power cut has left with a hole in its middle. It
// looks once after each start at which the marks of the node put the replica's files
// in doubt. One goroutine runs it.
type mend struct {
	duty  *duty
	doubt string        // why there may be a hole
	may   chan struct{} // closed when the link may run
	began time.Time
	said  string // what the node's log was told last
}

func (d *duty) newMend() *mend {
	m := &mend{duty: d, may: make(chan struct{}), began: time.Now()}
	safe, doubt := d.node.tails.mark.TailSafe(d.id.Stream())
	if m.doubt = doubt; safe || d.id.Control() {
		m.letLink()
	}
	return m
}

// letLink lets the log's link run from now on.
func (m *mend) letLink() {
	if !m.lets() {
		close(m.may)
	}
}

// lets tells whether the link may run.
func (m *mend) lets() bool {
	select {
	case <-m.may:
		return true
	default:
		return false
	}
}

// await waits until the link may run; it is false where an order or ctx's end
// came first.
func (m *mend) await(ctx context.Context, asked <-chan struct{}) bool {
	select {
	case <-m.may:
		return true
	case <-asked:
	case <-ctx.Done():
	}
	return false
}

// run returns when nothing is lacking any more, or ctx has ended.
func (m *mend) run(ctx context.Context) {
	defer m.duty.showMend("", false)
	if m.lets() {
		return
	}
	for pause := mendPause; !m.done(ctx); pause = min(2*pause, m.longest()) {
		if time.Since(m.began) > mendHold {
			m.letLink()
		}
		// Two regions whose replicas lack something must not keep each other from it
		// for ever, by asking at the same moment.
		if !sleep(ctx, pause/2+rand.N(pause)) {
			return
		}
	}
	m.letLink()
	if err := m.duty.node.tails.settleReplica(ctx, m.duty.id); err != nil {
		m.duty.logger.Warn("could not write down that the replica is whole; the next start looks again", "error", err)
	}
}

func (m *mend) longest() time.Duration {
	if m.lets() {
		return mendPauseIdle
	}
	return mendPauseMost
}

// done tries once and tells whether that is all there is to do.
func (m *mend) done(ctx context.Context) bool {
	held, lacking, err := m.look(ctx)
	switch {
	case errors.Is(err, errUntold):
		m.letLink() // which adds nothing that would not be copied again
		return false
	case err != nil:
		m.tell("can't be looked at", fmt.Sprintf("what it lacks can't be found out: %v", err))
		return false
	case len(lacking) == 0:
		return true
	}
	switch err = m.fromAnybody(ctx, held, lacking); {
	case err == nil, errors.Is(err, errWhole):
		return true
	case ctx.Err() != nil:
	case errors.Is(err, errLeave):
		m.letLink()
		m.say("left", lacking, err)
	default:
		m.say("waits", lacking, fmt.Errorf("it is made anew as soon as another region can be used: %w", err))
	}
	return false
}

// look finds what the replica lacks. One that is not there lacks nothing, and of a
// stream that is none the link says so. The error is errUntold where nothing is
// lacking but maybe in front.
func (m *mend) look(ctx context.Context) (heldLog, geo.Ranges, error) {
	held, err := m.duty.node.cluster().open(ctx, m.duty.id)
	if errors.Is(err, mirror.ErrNoLog) || errors.Is(err, mirror.ErrStream) {
		return held, nil, nil
	}
	if err != nil {
		return held, nil, err
	}
	lacking, err := held.lacking(ctx)
	if err == nil && len(lacking) == 0 {
		lacking, err = m.front(ctx, held)
	}
	return held, lacking, err
}

// front are the offsets that the replica lacks in front of its first one: where the
// file of its oldest block came to the disk empty, it looks as if they had been
// trimmed. Only the origin knows, for it trims first.
func (m *mend) front(ctx context.Context, held heldLog) (geo.Ranges, error) {
	own, err := held.Extent(ctx)
	if err != nil || own.First <= 1 {
		return nil, err
	}
	origin := m.duty.id.Origin
	told, _ := m.duty.askAll(ctx, []geo.Region{origin})
	if !told[origin].Ready {
		return nil, errUntold
	}
	first := max(told[origin].Extent.First, 1)
	if first >= own.First {
		return nil, nil
	}
	explained, err := held.explained(ctx, own.Epochs)
	return explained.Without(geo.Range{First: first, Last: own.First - 1}), err
}

// say shows what is the matter with the replica.
func (m *mend) say(state string, lacking geo.Ranges, err error) {
	m.tell(state, fmt.Sprintf("%s; %v", m.what("lacks", lacking), err))
}

func (m *mend) what(lacks string, lacking geo.Ranges) string {
	return fmt.Sprintf("the replica %s offsets %s, and nothing says why (%s)", lacks, someListed(lacking), m.doubt)
}

// tell shows a text in the status, and in the node's log where state is news: the
// text may change with each try.
func (m *mend) tell(state, text string) {
	m.duty.showMend(text, !m.lets())
	if state != m.said {
		m.said = state
		m.duty.logger.Warn("a replica may have to be made anew", "what", text)
	}
}

// mending is what is being done about a replica that lacks offsets.
type mending struct {
	text  string // nothing: it lacks none
	holds bool   // the link does not run meanwhile
	since time.Time
}

// showMend keeps what is being done for the admin API, and nothing when it is over.
func (d *duty) showMend(text string, holds bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	since := d.mending.since
	if d.mending.text == "" {
		since = time.Now()
	}
	d.mending = mending{text, holds, since}
}

// someListed names the first of many ranges.
func someListed(ranges geo.Ranges) string {
	const some = 5
	text := listed(ranges[:min(len(ranges), some)])
	if len(ranges) > some {
		text += fmt.Sprintf(" and more (%d in all)", ranges.Len())
	}
	return text
}

// steps of a repair that nobody ordered: they show in the status.
func (m *mend) steps(lacking geo.Ranges, from geo.Region) steps {
	return steps{report: func(s admin.Step) {
		if s.State == admin.StepPlanned || s.State == admin.StepRunning {
			m.say("mending", lacking, fmt.Errorf("it is made anew from %s by itself: %s", from, s.Name))
		}
	}}
}
