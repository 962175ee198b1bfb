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
	// askLimit bounds one question where a log stands, askPatience one to a region
	// that leaves questions unanswered, as on a slow path: a connection alone takes
	// several round trips.
	askLimit    = 800 * time.Millisecond
	askPatience = 5 * time.Second
	// askWait is how long an opening with a safe tail waits for the others.
	askWait = time.Second
	// askPause parts two questions to the same region.
	askPause = 500 * time.Millisecond
	// newsAfter is how long an opening may wait before that is news.
	newsAfter = 2 * time.Second
	// carryPause is the pause before a step is done again that a broker refused, and
	// carryTries how often that is.
	carryPause = 500 * time.Millisecond
	carryTries = 20
)

// opener opens one log of this region: it asks the other regions and carries out
// what package opening decides. One goroutine runs it.
type opener struct {
	duty    *duty
	held    heldLog
	machine *opening.Machine
	start   time.Time
	answers chan answer
	asked   map[geo.Region]question // the last one to each region
	said    string
	// settled says that the log counts as open from now on: what was written down of
	// it since is no trace of an earlier life.
	settled bool
	// remade says that the log is being made anew, and kept which records of the
	// ledger belong back into it.
	remade bool
	kept   map[geo.Offset]string
}

// openLog returns when the log is open; the error is ctx's. fresh tells that its
// stream was not here before.
func (d *duty) openLog(ctx context.Context, fresh bool) error {
	for {
		o, err := d.newOpener(ctx, fresh)
		if err == nil {
			err = o.run(ctx)
			fresh = fresh && !o.settled
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
	if facts.Deletions, err = held.cluster.records.deletions.last(ctx, d.id); err != nil {
		return nil, err
	}
	d.node.tails.facts(&facts)
	remade := facts.Doubt == remaking
	facts.Fresh = fresh || own.Last == 0 && !facts.Note.Known
	return &opener{
		duty: d, held: held, machine: opening.New(facts), start: time.Now(),
		answers: make(chan answer, len(d.log.Regions)), asked: map[geo.Region]question{}, remade: remade,
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
		var event opening.Event
		var err error
		if o.machine.Unsurveyed() {
			if event, err = o.survey(ctx, ""); err != nil {
				return err
			}
			decision = o.machine.Step(event)
			continue
		}
		o.tell(decision)
		switch step := decision.(type) {
		case opening.Wait:
			event = o.wait(ctx, step)
		case opening.PullBack:
			event, err = o.pullBack(ctx, step)
		case opening.NewEpoch:
			event, err = o.persist(ctx, func() (opening.Event, error) { return o.newEpoch(ctx, step) })
		case opening.Finish:
			event, err = o.persist(ctx, func() (opening.Event, error) { return o.skip(ctx, step.Through) })
		case opening.WriteOff:
			event, err = o.writeOff(ctx, step)
		case opening.Anew:
			event, err = o.anew(ctx, step)
		case opening.PutBack:
			event, err = o.putBack(ctx, step)
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

// persist carries out again what the broker did not: decided anew, it would be
// another epoch behind the half of this one.
func (o *opener) persist(ctx context.Context, work func() (opening.Event, error)) (event opening.Event, err error) {
	for range carryTries {
		if event, err = work(); err == nil || ctx.Err() != nil {
			break
		}
		o.duty.fail(err)
		sleep(ctx, carryPause)
	}
	return event, err
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
		if q := o.asked[region]; !q.open && time.Since(q.began) >= askPause {
			o.ask(ctx, region)
		}
	}
	timer := time.NewTimer(askPause / 5)
	defer timer.Stop()
	select {
	case a := <-o.answers:
		q := o.asked[a.region]
		q.open = false
		if _, silent := a.event.(opening.Silent); silent && time.Since(q.began) >= q.limit() {
			q.silent++
		}
		o.asked[a.region] = q
		return a.event
	case <-timer.C:
	case <-ctx.Done():
	}
	return opening.Tick{Elapsed: time.Since(o.start)}
}

// ask puts the question to a region in the background. There is one at a time
// for each, and the channel has room for all of them.
func (o *opener) ask(ctx context.Context, region geo.Region) {
	q := o.asked[region]
	q.began, q.open = time.Now(), true
	o.asked[region] = q
	// Only where the tail may be lost is it worth the look.
	put := mirror.AskHolder
	if o.machine.Doubt() != "" {
		put = mirror.AskWhole
	}
	answers, node, id := o.answers, o.duty.node, o.duty.id
	node.group.Go(func() {
		ctx, cancel := context.WithTimeout(ctx, q.limit())
		defer cancel()
		standing, _, err := put(ctx, node.dialer, region, id, node.cfg.Region)
		a := answer{region: region, event: told(region, standing)}
		if err != nil {
			a.event = opening.Silent{Region: region, Reason: err.Error()}
		}
		answers <- a
	})
}

func told(region geo.Region, s mirror.Standing) opening.Told {
	return opening.Told{
		Region: region, Exists: s.Exists, Extent: s.Extent, Deletions: s.Deletions, Problem: s.Problem,
		Ready: s.Ready, Looked: s.Looked, Lacking: s.Lacking,
	}
}

// question is one that a region is asked.
type question struct {
	began  time.Time
	open   bool // it has not been answered, nor given up
	silent int  // how many were given up before
}

// limit is how long the question may take: every other time longer, up to
// askPatience. One that is quick in between finds a path soon that has healed.
func (q question) limit() time.Duration {
	if q.silent%2 == 0 {
		return askLimit
	}
	return min(askLimit<<min(q.silent/2+1, 4), askPatience)
}

// answer is what came of a question.
type answer struct {
	region geo.Region
	event  opening.Event
}
