package node

import (
	"context"
	"fmt"
	"time"

	"geomq/geo"
	"geomq/geo/control"
	"geomq/geo/opening"
	"geomq/mirror"
)

const (
	// restoreSlack is how far behind what a holder told a restore is announced:
	// the holder may have got more from another one since.
	restoreSlack = 1_000_000
	// pullPatience is how long a holder that is pulled from may bring nothing.
	pullPatience = 10 * time.Second
	// pullLook is how often a pull is looked at.
	pullLook = 100 * time.Millisecond
)

// doubtful takes back, before anything is done about it, that the log's tail is
// safe: a process that dies half way must not find it so. And it promises what the
// other regions told: they may be silent when the next one begins anew.
func (o *opener) doubtful() error {
	doubt, stream := o.machine.Doubt(), o.duty.id.Stream()
	if doubt == "" {
		return nil
	}
	if o.remade {
		doubt = remaking
	}
	if err := o.duty.node.tails.mark.Doubt(stream, doubt); err != nil {
		return err
	}
	return o.duty.node.tails.notes.Promise(stream, o.machine.Floor())
}

// setEpochs returns when the table is on the disk, since what follows counts on it.
func (o *opener) setEpochs(ctx context.Context, table geo.Epochs) error {
	if err := o.held.SetEpochs(ctx, table); err != nil {
		return err
	}
	return o.held.Flush(ctx)
}

// pullBack fetches into the log what a holder has of it and this region lost.
func (o *opener) pullBack(ctx context.Context, step opening.PullBack) (opening.Event, error) {
	if err := o.doubtful(); err != nil {
		return nil, err
	}
	last, err := o.held.Fence(ctx)
	if err != nil {
		return nil, err
	}
	// Seals behind the end are those of entries that were lost.
	if err := o.held.DropSeals(ctx, last); err != nil {
		return nil, err
	}
	if err := o.held.BeginRestore(ctx, step.Through+restoreSlack); err != nil {
		return nil, err
	}
	if step.Table != nil {
		if err := o.jump(ctx, last, step); err != nil {
			return nil, err
		}
	}
	failed, err := o.pullPast(ctx, step)
	if err != nil {
		return nil, err
	}
	if err := o.held.EndRestore(ctx); err != nil {
		return nil, err
	}
	own, err := o.held.Extent(ctx)
	if err != nil {
		return nil, err
	}
	if failed != nil && own.Last < step.Through {
		failed.Own = own
		return *failed, nil
	}
	return opening.PulledBack{Own: own}, nil
}

// jump empties the log and goes on where the holders begin: retention had removed
// at the origin all that is before. Broken off anywhere, it is decided anew.
func (o *opener) jump(ctx context.Context, last geo.Offset, step opening.PullBack) error {
	if err := o.held.Trim(ctx, last+1); err != nil {
		return err
	}
	if err := o.setEpochs(ctx, step.Table); err != nil {
		return err
	}
	return o.skipTo(ctx, last, step.First-1)
}

// pull runs a link from the holders into the log until it has come through, and
// says what went wrong if it doesn't.
func (o *opener) pull(ctx context.Context, step opening.PullBack) *opening.PullFailed {
	n := o.duty.node
	cfg := n.linkConfig(o.duty.id, step.From)
	cfg.NoOrigin, cfg.Until = true, step.Through
	link := mirror.NewLink(cfg)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		link.Run(ctx)
	}()
	defer func() { <-done }()
	defer cancel()
	ticker := time.NewTicker(pullLook)
	defer ticker.Stop()
	for applied, since := geo.Offset(0), time.Now(); ; {
		select {
		case <-done:
			return nil
		case <-ticker.C:
		}
		s := link.Status()
		o.duty.showPulled(s.From, s.Applied)
		if s.Applied > applied {
			applied, since = s.Applied, time.Now()
		}
		halted := s.State == mirror.StateHalted
		if halted || time.Since(since) > pullPatience {
			return &opening.PullFailed{Region: s.From, Contradicts: halted && s.Cause.Contradicts(), Reason: s.Reason}
		}
	}
}

// newEpoch begins the epoch that the decision names. The table is recorded
// before the holes are made, so that a crash leaves a table to go by.
func (o *opener) newEpoch(ctx context.Context, step opening.NewEpoch) (opening.Event, error) {
	if err := o.doubtful(); err != nil {
		return nil, err
	}
	last, err := o.held.Fence(ctx)
	if err != nil {
		return nil, err
	}
	for _, r := range step.Retire {
		if err := o.held.Retire(ctx, r, step.Why); err != nil {
			return nil, err
		}
	}
	if err := o.held.DropSeals(ctx, last); err != nil {
		return nil, err
	}
	if err := o.setEpochs(ctx, step.Table); err != nil {
		return nil, err
	}
	d := o.duty
	d.node.event(control.Record{
		Kind: control.LogEpoch, Key: fmt.Sprintf("%s/%d", d.key(control.LogEpoch), step.Epoch.Number),
		Log: d.id.Stream(), Epoch: step.Epoch.Number, Offset: step.Epoch.First - 1, Text: step.String(),
	})
	return o.skip(ctx, step.Epoch.First-1)
}

// skip makes holes of everything behind the log's end up to through.
func (o *opener) skip(ctx context.Context, through geo.Offset) (opening.Event, error) {
	last, err := o.held.Fence(ctx)
	if err != nil {
		return nil, err
	}
	if err := o.skipTo(ctx, last, through); err != nil {
		return nil, err
	}
	own, err := o.held.Extent(ctx)
	return opening.Made{Own: own}, err
}

func (o *opener) skipTo(ctx context.Context, last, through geo.Offset) error {
	appender, err := o.held.Append(ctx, last, func(geo.Offset) {})
	if err != nil {
		return err
	}
	defer appender.Close()
	return appender.Skip(ctx, through)
}

// admit lets producers in.
func (o *opener) admit(ctx context.Context) error {
	d := o.duty
	own, err := o.held.Extent(ctx)
	if err != nil {
		return err
	}
	if err := o.knowDeletions(ctx); err != nil {
		return err
	}
	o.settled = true // it may be, from here on
	if err := d.node.tails.settle(d.id, own.Last); err != nil {
		return fmt.Errorf("write down that %s is open: %w", d.id, err)
	}
	if err := o.leave(); err != nil {
		return err
	}
	if d.id.Control() {
		return d.keepFenced(ctx, o.held)
	}
	if err := d.letIn(ctx, o.held); err != nil {
		return err
	}
	d.node.event(control.Record{
		Kind: control.LogOpened, Key: d.key(control.LogOpening), Log: d.id.Stream(),
		Epoch: own.Epochs.Latest().Number, Offset: own.Last, Text: fmt.Sprintf("%s is open in %s at offset %d", d.id, d.node.cfg.Region, own.Last+1),
	})
	return nil
}
