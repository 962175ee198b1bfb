package broker

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/nats-io/nats.go"

	"geomq/geo"
)

const (
	// bulkRecords and bulkBytes bound what PutAll has under way.
	bulkRecords = 512
	bulkBytes   = 8 << 20
	// bulkRefused is how many of them are looked at at once.
	bulkRefused = 64
)

// PutAll puts many records without waiting for each. They get their sequences in
// the order given, unless some have to be sent twice, and are flushed together at
// the end. It ends with the first error, one of Put's; any of the records may then
// be written or not, and the same PutAll again is always right. The bytes that
// records yields must stay as they are until PutAll returns.
//
// Where a key has another record, taken is called with that and with the bytes
// that were to be put; what it returns ends PutAll unless it is nil. It may use
// the journal. Without taken that is ErrTaken.
func (j *Journal) PutAll(ctx context.Context, records iter.Seq2[string, []byte], taken func(there Record, data []byte) error) error {
	err := j.putAll(ctx, records, taken)
	if err != nil {
		return fmt.Errorf("write into journal %s: %w", j.Name(), err)
	}
	return nil
}

func (j *Journal) putAll(ctx context.Context, records iter.Seq2[string, []byte], taken func(there Record, data []byte) error) error {
	inbox := newInbox()
	acks, err := j.broker.conn.SubscribeSync(inbox + ".*")
	if err != nil {
		return err
	}
	defer acks.Unsubscribe()
	p := &bulk{journal: j, inbox: inbox, acks: acks, taken: taken, waiting: map[uint64]bulkRecord{}}
	for key, data := range records {
		if err := p.add(ctx, key, data); err != nil {
			return err
		}
	}
	if err := p.settleAll(ctx); err != nil || p.number == 0 {
		return err
	}
	return j.flushed(p.last)
}

// bulk is one PutAll.
type bulk struct {
	journal *Journal
	inbox   string
	acks    *nats.Subscription
	taken   func(there Record, data []byte) error
	number  uint64 // of the record sent last
	waiting map[uint64]bulkRecord
	bytes   int      // in waiting
	refused []uint64 // of those that wait: not sent, or not taken at first
	last    uint64   // newest sequence known
}

type bulkRecord struct {
	key  string
	data []byte
}

func (p *bulk) add(ctx context.Context, key string, data []byte) error {
	m, err := p.journal.message(key, data)
	if err != nil {
		return fmt.Errorf("%.100q: %w", key, err)
	}
	for len(p.refused) >= bulkRefused || len(p.waiting) >= bulkRecords || len(p.waiting) > 0 && p.bytes+len(data) > bulkBytes {
		if err := p.settle(ctx); err != nil {
			return err
		}
	}
	p.number++
	m.Reply = p.inbox + "." + strconv.FormatUint(p.number, 10)
	p.waiting[p.number] = bulkRecord{key, data}
	p.bytes += len(data)
	if err := p.journal.broker.conn.PublishMsg(m); err != nil {
		if !temporary(err) {
			return err
		}
		p.refused = append(p.refused, p.number)
	}
	return nil
}

func (p *bulk) settleAll(ctx context.Context) error {
	for len(p.waiting) > 0 {
		if err := p.settle(ctx); err != nil {
			return err
		}
	}
	return nil
}

// settle takes one ack. Records that were refused, or that nobody speaks of, get
// the treatment of Put, many at once.
func (p *bulk) settle(ctx context.Context) error {
	if len(p.refused) >= bulkRefused || len(p.refused) == len(p.waiting) {
		return p.again(ctx, p.refused)
	}
	patience, cancel := context.WithTimeout(ctx, ackWait)
	defer cancel()
	m, err := p.acks.NextMsgWithContext(patience)
	if err != nil {
		return p.again(ctx, slices.Sorted(maps.Keys(p.waiting)))
	}
	number, err := strconv.ParseUint(strings.TrimPrefix(m.Subject, p.inbox+"."), 10, 64)
	if _, expected := p.waiting[number]; err != nil || !expected {
		return nil
	}
	if seq, err := sequenceOf(m.Data); err == nil {
		p.done(number, seq)
	} else if !slices.Contains(p.refused, number) {
		p.refused = append(p.refused, number)
	}
	return nil
}

// again puts records one by one, but all at a time, and judges the outcome in
// their order.
func (p *bulk) again(ctx context.Context, numbers []uint64) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	type outcome struct {
		seq uint64
		err error
	}
	outcomes := make([]outcome, len(numbers))
	var all sync.WaitGroup
	for i, number := range numbers {
		record := p.waiting[number]
		all.Go(func() {
			o := &outcomes[i]
			o.seq, o.err = p.journal.put(ctx, record.key, record.data)
		})
	}
	all.Wait()
	p.refused = nil
	for i, number := range numbers {
		if err := p.judge(number, outcomes[i].seq, outcomes[i].err); err != nil {
			return err
		}
	}
	return nil
}

func (p *bulk) judge(number, seq uint64, err error) error {
	record := p.waiting[number]
	if taken := (*takenError)(nil); p.taken != nil && errors.As(err, &taken) {
		seq, err = taken.there.Seq, p.taken(taken.there, record.data)
	}
	if err != nil {
		return fmt.Errorf("%.100q: %w", record.key, err)
	}
	p.done(number, seq)
	return nil
}

func (p *bulk) done(number, seq uint64) {
	p.bytes -= len(p.waiting[number].data)
	delete(p.waiting, number)
	p.last = max(p.last, seq)
}

func offsetOf(seq uint64) geo.Offset { return geo.Offset(seq) }
