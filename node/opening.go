package node

import (
	"context"
	"slices"
	"time"

	"geomq/geo"
	"geomq/geo/control"
	"geomq/geo/opening"
	"geomq/mirror"
)

const (
	// askLimit bounds one question where a log stands.
	askLimit = 800 * time.Millisecond
	// askWait is how long an opening with a safe tail waits for the others.
	askWait = time.Second
	// askPause parts two questions to the same region.
	askPause = 500 * time.Millisecond
	// newsAfter is how long an opening may wait before that is news.
	newsAfter = 2 * time.Second
	// carryPause is the pause before a step is done again that a broker refused.
	carryPause = 500 * time.Millisecond
)

// opener opens one log of this region: it asks the other regions and carries out
// what package opening decides. One goroutine runs it.
type opener struct {
	duty    *duty
	held    heldLog
	machine *opening.Machine
	start   time.Time
	answers chan answer
	asked   map[geo.Region]time.Time // when the last question to a region began; zero while one is under way
	said    string
}

// openLog returns when the log is open; the error is ctx's. fresh tells that its
// stream was not here before.
func (d *duty) openLog(ctx context.Context, fresh bool) error {
	for {
		o, err := d.newOpener(ctx, fresh)
		if err == nil {
			err = o.run(ctx)
		}
		if err == nil || ctx.Err() != nil {
			return ctx.Err()
		}
		d.fail(err)
		if !sleep(ctx, carryPause) {
			return ctx.Err()
		}
	}
}

func (d *duty) newOpener(ctx context.Context, fresh bool) (*opener, error) {
	held := d.heldLog()
	own, err := held.Extent(ctx)
	if err != nil {
		return nil, err
	}
	facts := opening.Facts{
		Log: d.id, Own: own,
		Others:  slices.DeleteFunc(slices.Clone(d.log.Regions), func(r geo.Region) bool { return r == d.id.Origin }),
		AskWait: askWait, OpenWait: max(d.node.cfg.Broker.OpenWait, askWait), Hint: uint64(time.Now().Unix()),
	}
	d.node.tails.facts(&facts)
	facts.Fresh = fresh || own.Last == 0 && !facts.Note.Known
	return &opener{
		duty: d, held: held, machine: opening.New(facts), start: time.Now(),
		answers: make(chan answer, len(d.log.Regions)), asked: map[geo.Region]time.Time{},
	}, nil
}

// run carries out one decision after the other. An error of the broker ends it:
// the next run begins with the facts as they are then.
func (o *opener) run(ctx context.Context) error {
	if o.machine.Doubt() != "" {
		// The gate keeps clients out, a fence whatever JetStream itself could be
		// made to deliver.
		if _, err := o.held.Fence(ctx); err != nil {
			return err
		}
	}
	for decision := o.machine.Decision(); ; {
		o.tell(decision)
		var event opening.Event
		var err error
		switch step := decision.(type) {
		case opening.Wait:
			event = o.wait(ctx, step)
		case opening.PullBack:
			event, err = o.pullBack(ctx, step)
		case opening.NewEpoch:
			event, err = o.newEpoch(ctx, step)
		case opening.Finish:
			event, err = o.skip(ctx, step.Through)
		case opening.Open:
			return o.admit(ctx)
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		decision = o.machine.Step(event)
	}
}

// tell shows what is going on, and records what is news.
func (o *opener) tell(decision opening.Decision) {
	text := decision.String()
	o.duty.showOpening(decision)
	if text == o.said || isWait(decision) && time.Since(o.start) < newsAfter {
		return
	}
	o.said = text
	o.duty.logger.Info("opening", "what", text)
	if isWait(decision) {
		o.duty.event(control.LogOpening, text)
	}
}

func isWait(decision opening.Decision) bool {
	_, waits := decision.(opening.Wait)
	return waits
}

// wait asks whoever has not told and returns what happens first.
func (o *opener) wait(ctx context.Context, step opening.Wait) opening.Event {
	for _, region := range step.For {
		if began, ok := o.asked[region]; !ok || !began.IsZero() && time.Since(began) >= askPause {
			o.ask(ctx, region)
		}
	}
	timer := time.NewTimer(askPause / 5)
	defer timer.Stop()
	select {
	case a := <-o.answers:
		o.asked[a.region] = a.began
		return a.event
	case <-timer.C:
	case <-ctx.Done():
	}
	return opening.Tick{Elapsed: time.Since(o.start)}
}

// ask puts the question to a region in the background. There is one at a time
// for each, and the channel has room for all of them.
func (o *opener) ask(ctx context.Context, region geo.Region) {
	began := time.Now()
	o.asked[region] = time.Time{}
	answers, node, id := o.answers, o.duty.node, o.duty.id
	node.group.Go(func() {
		ctx, cancel := context.WithTimeout(ctx, askLimit)
		defer cancel()
		standing, _, err := mirror.AskHolder(ctx, node.dialer, region, id, node.cfg.Region)
		a := answer{region: region, began: began}
		if err != nil {
			a.event = opening.Silent{Region: region, Reason: err.Error()}
		} else {
			a.event = opening.Told{Region: region, Exists: standing.Exists, Extent: standing.Extent, Problem: standing.Problem}
		}
		answers <- a
	})
}

// answer is what came of a question.
type answer struct {
	region geo.Region
	began  time.Time
	event  opening.Event
}
