package admin

import (
	"context"
	"fmt"
	"net/http"
	"sync"

	"geomq/geo"
)

// operator is a node that takes orders, and keeps a ledger and events.
type operator struct {
	*node
	do func(context.Context, Order, Report) (Outcome, error)

	mu     sync.Mutex
	orders []Order
	ledger []LedgerRecord
	events []Event
	// looked is closed when the events are read next.
	looked chan struct{}
}

// asked is closed when somebody asks for events.
func (o *operator) asked() <-chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.looked = make(chan struct{})
	return o.looked
}

func (o *operator) note(ctx context.Context, order Order, report Report) (Outcome, error) {
	o.mu.Lock()
	o.orders = append(o.orders, order)
	do := o.do
	o.mu.Unlock()
	if do == nil {
		return Outcome{Text: "done"}, nil
	}
	return do(ctx, order, report)
}

func (o *operator) took() []Order { o.mu.Lock(); defer o.mu.Unlock(); return o.orders }

func (o *operator) Purge(ctx context.Context, order PurgeOrder, report Report) (Outcome, error) {
	return o.note(ctx, order, report)
}

func (o *operator) Delete(ctx context.Context, order DeleteOrder, report Report) (Outcome, error) {
	return o.note(ctx, order, report)
}

func (o *operator) Repair(ctx context.Context, order RepairOrder, report Report) (Outcome, error) {
	return o.note(ctx, order, report)
}

func (o *operator) AcceptGap(ctx context.Context, order AcceptGapOrder, report Report) (Outcome, error) {
	return o.note(ctx, order, report)
}

func (o *operator) Republish(ctx context.Context, order RepublishOrder, report Report) (Outcome, error) {
	return o.note(ctx, order, report)
}

// LedgerEntries has a cursor that is the number of records before the page.
func (o *operator) LedgerEntries(_ context.Context, q LedgerQuery) (LedgerPage, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	at := 0
	if q.After != "" {
		if _, err := fmt.Sscan(q.After, &at); err != nil {
			return LedgerPage{}, fmt.Errorf("%w: after %q", ErrBadRequest, q.After)
		}
	}
	var page LedgerPage
	for ; at < len(o.ledger); at++ {
		r := o.ledger[at]
		if q.Stream != "" && r.Log != q.Stream || q.Open && r.Again != nil {
			continue
		}
		if len(page.Records) == q.Limit {
			page.Next = fmt.Sprint(at)
			break
		}
		page.Records = append(page.Records, r)
	}
	return page, nil
}

func (o *operator) LedgerEntry(_ context.Context, id string) (LedgerEntry, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, r := range o.ledger {
		if r.ID == id {
			return LedgerEntry{LedgerRecord: r, Entry: EntryView{Stream: r.Log, Offset: r.Offset, Body: []byte{0, 255}}}, nil
		}
	}
	return LedgerEntry{}, fmt.Errorf("%w: no %s in the ledger of %s", ErrNotFound, id, o.status.Region)
}

func (o *operator) Events(_ context.Context, after EventCursor, limit int) (EventPage, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.looked != nil {
		close(o.looked)
		o.looked = nil
	}
	page := EventPage{Next: EventCursor{}}
	for region, offset := range after {
		page.Next[region] = offset
	}
	for _, e := range o.events {
		if e.Offset <= page.Next[e.Region] {
			continue
		}
		if page.More = len(page.Events) == limit; page.More {
			break
		}
		page.Events, page.Next[e.Region] = append(page.Events, e), e.Offset
	}
	return page, nil
}

func (o *operator) happen(events ...Event) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.events = append(o.events, events...)
}

// operators are nodes of two regions that know each other.
func operators(regions ...geo.Region) map[geo.Region]*operator {
	all := map[geo.Region]*operator{}
	for _, region := range regions {
		all[region] = &operator{node: orders(region, 5)}
	}
	return all
}

// lines is a ResponseWriter that keeps what is written.
type lines struct {
	header  http.Header
	written string
}

func (l *lines) Header() http.Header {
	if l.header == nil {
		l.header = http.Header{}
	}
	return l.header
}

func (l *lines) Write(p []byte) (int, error) { l.written += string(p); return len(p), nil }
func (l *lines) WriteHeader(int)             {}
