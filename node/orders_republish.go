package node

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"geomq/admin"
	"geomq/broker/wire"
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
		var refused []error
		for i, id := range ids {
			again, err := b.republish(ctx, id)
			switch {
			case errors.Is(err, admin.ErrRefused): // the others need not wait for it
				refused = append(refused, fmt.Errorf("%s: %w", id, err))
				continue
			case err != nil:
				return fmt.Errorf("%s: %w", id, err)
			}
			outcome.Again = append(outcome.Again, again)
			done(uint64(i) + 1)
		}
		return notAll(refused, len(ids))
	})
	return outcome, err
}

// notAll says that some entries could not be published again. Where others could, the
// order counts as one that failed on the way.
func notAll(refused []error, of int) error {
	if len(refused) == 0 {
		return nil
	}
	err := fmt.Errorf("%d of %d entries can't be published again, the first of them: %w", len(refused), of, refused[0])
	if len(refused) < of {
		return errors.New(err.Error())
	}
	return err
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

// publish is an ordinary publish, byte for byte, so that the broker recognises
// the key.
func (b backend) publish(ctx context.Context, d *duty, record *ledger.Record) (admin.Republished, error) {
	again := admin.Republished{ID: record.ID, At: time.Now()}
	subject := string(record.Entry.Subject)
	if !slices.ContainsFunc(d.log.Topics, func(t geo.Topic) bool { return t.Matches(subject) }) {
		return again, fmt.Errorf("%w: %s takes no subject %s: its topics have been changed", admin.ErrRefused, d.id, subject)
	}
	ctx, cancel := context.WithTimeout(ctx, publishPatience)
	defer cancel()
	conn, err := wire.Dial(ctx, wire.Config{URL: b.node.broker.LocalURL(), Name: "geomq republish", Log: b.node.log})
	if err != nil {
		return again, err
	}
	defer conn.Close()
	reply, err := conn.Request(ctx, subject, republishedHeader(record), record.Entry.Body)
	if errors.Is(err, wire.ErrNoResponders) {
		return again, fmt.Errorf("%w: %s takes nothing from producers now: %s", admin.ErrNotReady, d.id, d.problem())
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
	if err := json.Unmarshal(reply.Body, &ack); err != nil {
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

const headerStart = "NATS/1.0\r\n"

// republishedHeader is the entry's own header block with its key in it, and
// without what it demanded of the stream in which it stood.
func republishedHeader(record *ledger.Record) []byte {
	block := []byte(headerStart + "\r\n")
	if record.Entry.Header != nil {
		block = record.Entry.Header
	}
	var header []byte
	for line := range bytes.SplitAfterSeq(block, []byte("\n")) {
		if !bytes.HasPrefix(line, []byte("Nats-Expected-")) {
			header = append(header, line...)
		}
	}
	if len(entry.Value(header, entry.MessageID)) > 0 {
		return header
	}
	first := bytes.IndexByte(header, '\n') + 1
	return slices.Insert(header, first, fmt.Appendf(nil, "%s: %s\r\n", entry.MessageID, record.Key())...)
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
