package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"geomq/admin"
	"geomq/dedupe/ledger"
	"geomq/geo"
	"geomq/geo/entry"
)

// publishPatience bounds one publish of an entry of the ledger.
const publishPatience = 5 * time.Second

// Republish implements admin.Operator: entries of this region's ledger go into
// this region's own log of the same name, each under its key.
func (b backend) Republish(ctx context.Context, order admin.RepublishOrder, report admin.Report) (admin.Outcome, error) {
	if len(order.Elsewhere) > 0 {
		return b.markElsewhere(ctx, order, steps{report, order.DryRun})
	}
	ids, err := b.pending(ctx, order)
	if err != nil {
		return admin.Outcome{}, err
	}
	s := steps{report, order.DryRun}
	outcome := admin.Outcome{Entries: uint64(len(ids)), Text: fmt.Sprintf("%d entries are published again in %s", len(ids), b.node.cfg.Region)}
	if s.dry {
		outcome.Text = fmt.Sprintf("%d entries would be published again in %s", len(ids), b.node.cfg.Region)
	}
	err = s.do(ctx, "publish again", uint64(len(ids)), "", func(ctx context.Context, done func(uint64)) error {
		for i, id := range ids {
			again, err := b.republish(ctx, id)
			if err != nil {
				return fmt.Errorf("%s: %w", id, err)
			}
			outcome.Again = append(outcome.Again, again)
			done(uint64(i) + 1)
		}
		return nil
	})
	return outcome, err
}

// pending are the ids that an order means, without those published before.
func (b backend) pending(ctx context.Context, order admin.RepublishOrder) ([]string, error) {
	l := b.node.records.ledger
	var ids []string
	for _, id := range order.IDs {
		record, err := l.Show(ctx, id)
		if errors.Is(err, ledger.ErrUnknown) {
			return nil, fmt.Errorf("%w: %w", admin.ErrNotFound, err)
		}
		if err != nil {
			return nil, err
		}
		if !record.Republished() {
			ids = append(ids, id)
		}
	}
	if order.Log == "" {
		return ids, nil
	}
	id, err := geo.ParseCommitLog(order.Log)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", admin.ErrBadRequest, err)
	}
	err = l.Each(ctx, ledger.Filter{Log: id, Pending: true}, func(r ledger.Record) error {
		ids = append(ids, r.ID)
		return nil
	})
	return ids, err
}

func (b backend) republish(ctx context.Context, id string) (admin.Republished, error) {
	record, err := b.node.records.ledger.Show(ctx, id)
	if err != nil {
		return admin.Republished{}, err
	}
	own := geo.CommitLog{Log: record.Log.Log, Queue: record.Log.Queue, Origin: b.node.cfg.Region}
	d, err := b.own(own.Stream())
	if err != nil {
		return admin.Republished{}, err
	}
	again, err := b.publish(ctx, d, &record)
	if err != nil {
		return again, err
	}
	return again, b.node.records.ledger.MarkRepublished(ctx, id, again.As, again.At)
}

// publish is an ordinary publish, so that the broker recognises the key.
func (b backend) publish(ctx context.Context, d *duty, record *ledger.Record) (admin.Republished, error) {
	again := admin.Republished{ID: record.ID, At: time.Now()}
	m := nats.NewMsg(string(record.Entry.Subject))
	m.Data = record.Entry.Body
	if record.Entry.Header != nil {
		header, err := nats.DecodeHeadersMsg(record.Entry.Header)
		if err != nil {
			return again, fmt.Errorf("%w: its header block can't be published by NATS' client: %w", admin.ErrRefused, err)
		}
		m.Header = header
	}
	m.Header.Set(entry.MessageID, record.Key())
	ctx, cancel := context.WithTimeout(ctx, publishPatience)
	defer cancel()
	reply, err := b.node.broker.Conn().RequestMsgWithContext(ctx, m)
	if errors.Is(err, nats.ErrNoResponders) {
		return again, fmt.Errorf("%w: no log of region %s takes subject %s", admin.ErrRefused, b.node.cfg.Region, m.Subject)
	}
	if err != nil {
		return again, err
	}
	var ack struct {
		Stream    string
		Seq       uint64
		Duplicate bool
		Error     *struct{ Description string }
	}
	if err := json.Unmarshal(reply.Data, &ack); err != nil {
		return again, err
	}
	if ack.Error != nil {
		return again, fmt.Errorf("%w: the broker says: %s", admin.ErrRefused, ack.Error.Description)
	}
	extent, err := d.heldLog().Extent(ctx)
	if err != nil {
		return again, err
	}
	again.As = fmt.Sprintf("%s/%d/%d", ack.Stream, extent.Epochs.At(geo.Offset(ack.Seq)), ack.Seq)
	again.Duplicate = ack.Duplicate
	return again, nil
}

// markElsewhere takes note of entries that another region has published again.
func (b backend) markElsewhere(ctx context.Context, order admin.RepublishOrder, s steps) (admin.Outcome, error) {
	n := uint64(len(order.Elsewhere))
	outcome := admin.Outcome{Entries: n, Text: fmt.Sprintf("%d entries were published again elsewhere", n)}
	err := s.do(ctx, "take note", n, "", func(ctx context.Context, done func(uint64)) error {
		for i, again := range order.Elsewhere {
			err := b.node.records.ledger.MarkRepublished(ctx, again.ID, again.As, again.At)
			if errors.Is(err, ledger.ErrUnknown) {
				return fmt.Errorf("%w: %w", admin.ErrNotFound, err)
			}
			if err != nil {
				return err
			}
			done(uint64(i) + 1)
		}
		return nil
	})
	return outcome, err
}
