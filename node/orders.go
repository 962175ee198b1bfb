package node

import (
	"context"
	"fmt"

	"geomq/admin"
	"geomq/geo"
)

var _ admin.Operator = backend{}

// own finds the duty for a log of this region that is open and led here.
func (b backend) own(stream string) (*duty, error) {
	d, err := b.duty(stream)
	switch {
	case err != nil:
		return nil, err
	case !d.isOrigin() || d.id.Control():
		return nil, fmt.Errorf("%w: %s is not a log whose producers are in region %s", admin.ErrBadRequest, stream, b.node.cfg.Region)
	case !d.opened():
		return nil, fmt.Errorf("%w: %s is not open yet: %s", admin.ErrRefused, stream, d.problem())
	}
	return d, nil
}

// replica finds the duty for another region's log that is led here.
func (b backend) replica(stream string) (*duty, error) {
	d, err := b.duty(stream)
	if err == nil && d.isOrigin() {
		return nil, fmt.Errorf("%w: region %s is the origin of %s and holds no replica of it", admin.ErrBadRequest, b.node.cfg.Region, stream)
	}
	return d, err
}

func (b backend) duty(stream string) (*duty, error) {
	id, err := geo.ParseCommitLog(stream)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", admin.ErrBadRequest, err)
	}
	for _, d := range b.node.duties {
		if d.id != id {
			continue
		}
		if b.node.clustered() && !d.leads() {
			return nil, fmt.Errorf("%w: this node does not lead %s", admin.ErrElsewhere, stream)
		}
		return d, nil
	}
	return nil, fmt.Errorf("%w: region %s holds no %s", admin.ErrNotFound, b.node.cfg.Region, stream)
}

// steps reports the steps of an order, each from planned to done.
type steps struct {
	report admin.Report
	dry    bool
}

// plan tells what is going to be done to how much.
func (s steps) plan(name string, total uint64, note string) {
	s.report(admin.Step{Name: name, State: admin.StepPlanned, Total: total, Note: note})
}

// do carries a step out, unless the order is only planned.
func (s steps) do(ctx context.Context, name string, total uint64, note string, work func(ctx context.Context, done func(uint64)) error) error {
	s.plan(name, total, note)
	if s.dry {
		return nil
	}
	at := func(done uint64) {
		s.report(admin.Step{Name: name, State: admin.StepRunning, Done: done, Total: total, Note: note})
	}
	at(0)
	if err := work(ctx, at); err != nil {
		s.report(admin.Step{Name: name, State: admin.StepFailed, Total: total, Note: err.Error()})
		return fmt.Errorf("%s: %w", name, err)
	}
	s.report(admin.Step{Name: name, State: admin.StepDone, Done: total, Total: total, Note: note})
	return nil
}
