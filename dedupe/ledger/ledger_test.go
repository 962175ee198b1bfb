package ledger

import (
	"errors"
	"fmt"
	"iter"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"geomq/geo"
	"geomq/geo/entry"
)

var (
	orders = geo.CommitLog{Log: "ORDERS", Queue: geo.SoleQueue, Origin: "us-east"}
	events = geo.CommitLog{Log: "EVENTS", Queue: 3, Origin: "eu-west"}
	noon   = time.Unix(1_700_000_000, 123)
)

func lost(log geo.CommitLog, epoch uint64, offset geo.Offset, body string) Record {
	return Record{
		Log: log, Epoch: epoch, Found: "ap-south", Reason: "epoch 2 began at 20000", At: noon,
		Entry: entry.Entry{Offset: offset, Time: 42, Subject: []byte("orders.created"), Body: []byte(body)},
	}
}

func tail(log geo.CommitLog, epoch uint64, first, last geo.Offset) (all []Record) {
	for o := first; o <= last; o++ {
		all = append(all, lost(log, epoch, o, fmt.Sprint("entry ", o)))
	}
	return all
}

func keep(t testing.TB, l *Ledger, records ...Record) {
	t.Helper()
	if err := l.PutAll(t.Context(), slices.Values(records)); err != nil {
		t.Fatal(err)
	}
}

func ids(records []Record) (all []string) {
	for _, r := range records {
		all = append(all, r.ID)
	}
	return all
}

func list(t testing.TB, l *Ledger, f Filter) []string {
	t.Helper()
	records, err := l.List(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	return ids(records)
}

func same(t testing.TB, what string, got any, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s: got %+v, want %+v", what, got, want)
	}
}

// TestAnEntryIsKeptAsItWas, with everything that can be odd about one.
func TestAnEntryIsKeptAsItWas(t *testing.T) {
	for name, change := range map[string]func(*Record){
		"plain":             func(*Record) {},
		"no header":         func(r *Record) { r.Entry.Header = nil },
		"empty header":      func(r *Record) { r.Entry.Header = []byte{} },
		"headers":           func(r *Record) { r.Entry.Header = []byte("NATS/1.0\r\nNats-Msg-Id: a\r\n\r\n") },
		"no epoch":          func(r *Record) { r.Epoch = 0 },
		"no region, reason": func(r *Record) { r.Found, r.Reason = "", "" },
		"no time":           func(r *Record) { r.At = time.Time{} },
		"a time before":     func(r *Record) { r.Entry.Time = -1 },
		"control log":       func(r *Record) { r.Log = geo.ControlLog("us-east") },
		"last offset":       func(r *Record) { r.Entry.Offset = ^geo.Offset(0) },
	} {
		l, want := New(newMemory()), lost(orders, 1, 7, "body")
		change(&want)
		keep(t, l, want)
		want = want.ready()
		got, err := l.Show(t.Context(), want.ID)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, %v, want %+v", name, got, err, want)
		}
	}
}

func TestIDsAndKeys(t *testing.T) {
	r := lost(events, 3, 17, "x").ready()
	same(t, "ID", r.ID, "EVENTS-3@eu-west/3/17")
	same(t, "key without the producer's", r.Key(), r.ID)
	r.Entry.Header = []byte("NATS/1.0\r\nNats-Msg-Id: order-4711\r\n\r\n")
	same(t, "the producer's key", r.Key(), "order-4711")
}

// TestARetirementMadeAgain: the first attempt was killed, and the second one
// gives another reason at another time. No entry may be missing or doubled.
func TestARetirementMadeAgain(t *testing.T) {
	store := newMemory()
	l, records := New(store), tail(orders, 1, 101, 150)
	store.crashAfter = 20
	if err := l.PutAll(t.Context(), slices.Values(records)); !errors.Is(err, errCrash) {
		t.Fatalf("got %v", err)
	}
	store.crashAfter = -1
	for i := range records {
		records[i].Reason, records[i].At = "repair", noon.Add(time.Hour)
	}
	keep(t, l, records...)
	got, err := l.List(t.Context(), Filter{Limit: 1000})
	if err != nil || len(got) != 50 || len(store.records) != 50 {
		t.Fatalf("%d records of %d, %v", len(got), len(store.records), err)
	}
	if got[0].Reason != "epoch 2 began at 20000" || got[49].Reason != "repair" {
		t.Errorf("reasons %q and %q: the first record should stay", got[0].Reason, got[49].Reason)
	}
}

// TestTwoEntriesOfOnePlace: rule 2 was broken, and both sides' entries end here.
func TestTwoEntriesOfOnePlace(t *testing.T) {
	l := New(newMemory())
	ours, theirs := lost(orders, 1, 7, "ours"), lost(orders, 1, 7, "theirs")
	for range 3 {
		keep(t, l, ours, theirs)
	}
	all := list(t, l, Filter{})
	if len(all) != 2 || all[0] != "ORDERS@us-east/1/7" || !strings.HasPrefix(all[1], "ORDERS@us-east/1/7/") {
		t.Fatalf("got %q", all)
	}
	if err := l.MarkRepublished(t.Context(), all[1], "ORDERS@us-east/2/30000", noon); err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"ours", "theirs"} {
		r, err := l.Show(t.Context(), all[i])
		if err != nil || string(r.Entry.Body) != want || r.Republished() != (i == 1) {
			t.Errorf("%s is %q, republished %t, %v", all[i], r.Entry.Body, r.Republished(), err)
		}
	}
}

func TestWhatWasPublishedAgainIsKnown(t *testing.T) {
	l := New(newMemory())
	keep(t, l, tail(orders, 1, 1, 3)...)
	for _, as := range []string{"ORDERS@us-east/2/20000", "ORDERS@us-east/2/99999"} { // the first mark stays
		if err := l.MarkRepublished(t.Context(), "ORDERS@us-east/1/2", as, noon.Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
	}
	keep(t, l, tail(orders, 1, 1, 4)...) // retired again: the mark stays too
	got, err := l.Show(t.Context(), "ORDERS@us-east/1/2")
	if err != nil || got.RepublishedAs != "ORDERS@us-east/2/20000" || !got.RepublishedAt.Equal(noon.Add(time.Minute)) {
		t.Errorf("got %+v, %v", got, err)
	}
	same(t, "all", list(t, l, Filter{}), []string{"ORDERS@us-east/1/1", "ORDERS@us-east/1/2", "ORDERS@us-east/1/3", "ORDERS@us-east/1/4"})
	same(t, "pending", list(t, l, Filter{Pending: true}), []string{"ORDERS@us-east/1/1", "ORDERS@us-east/1/3", "ORDERS@us-east/1/4"})
	for _, id := range []string{"ORDERS@us-east/1/9", "", "ORDERS@us-east/1/2/republished"} {
		if err := l.MarkRepublished(t.Context(), id, "", noon); !errors.Is(err, ErrUnknown) {
			t.Errorf("%q: %v", id, err)
		}
	}
}

func TestListsAreCutAndGoOn(t *testing.T) {
	l := New(newMemory())
	keep(t, l, slices.Concat(tail(orders, 1, 1, 5), tail(events, 2, 9, 9), tail(orders, 2, 20, 21))...)
	same(t, "first page", list(t, l, Filter{Log: orders, Limit: 3}), []string{"ORDERS@us-east/1/1", "ORDERS@us-east/1/2", "ORDERS@us-east/1/3"})
	same(t, "second page", list(t, l, Filter{Log: orders, Limit: 3, After: "ORDERS@us-east/1/3"}), []string{"ORDERS@us-east/1/4", "ORDERS@us-east/1/5", "ORDERS@us-east/2/20"})
	same(t, "last page", list(t, l, Filter{Log: orders, Limit: 3, After: "ORDERS@us-east/2/20"}), []string{"ORDERS@us-east/2/21"})
	same(t, "behind it", list(t, l, Filter{After: "ORDERS@us-east/2/21"}), []string(nil))
	same(t, "another log", list(t, l, Filter{Log: events}), []string{"EVENTS-3@eu-west/2/9"})
	if _, err := l.List(t.Context(), Filter{After: "nothing"}); !errors.Is(err, ErrUnknown) {
		t.Errorf("got %v", err)
	}
	stop := errors.New("stop")
	if err := l.Each(t.Context(), Filter{}, func(Record) error { return stop }); err != stop {
		t.Errorf("got %v", err)
	}
}

func TestSummary(t *testing.T) {
	l := New(newMemory())
	if sums, err := l.Summary(t.Context()); len(sums) > 0 || err != nil {
		t.Errorf("of nothing: %+v, %v", sums, err)
	}
	keep(t, l, slices.Concat(tail(orders, 3, 200, 201), tail(events, 1, 9, 9), tail(orders, 1, 10, 12))...)
	if err := l.MarkRepublished(t.Context(), "ORDERS@us-east/1/11", "x", noon); err != nil {
		t.Fatal(err)
	}
	sums, err := l.Summary(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i := range sums {
		if !sums[i].Newest.Equal(noon) {
			t.Errorf("newest is %v", sums[i].Newest)
		}
		sums[i].Newest = time.Time{}
	}
	same(t, "sums", sums, []Sum{
		{Log: events, Entries: 1, First: 9, Last: 9, Epochs: []uint64{1}, Bytes: 21},
		{Log: orders, Entries: 5, Republished: 1, First: 10, Last: 201, Epochs: []uint64{1, 3}, Bytes: 3*22 + 2*23},
	})
}

// TestADamagedRecordHidesNoOther: it is told, never returned, and its entry can
// be kept again.
func TestADamagedRecordHidesNoOther(t *testing.T) {
	store := newMemory()
	l := New(store)
	keep(t, l, tail(orders, 1, 1, 3)...)
	store.damage("ORDERS@us-east/1/2")
	got, err := l.List(t.Context(), Filter{})
	if !errors.Is(err, ErrRecord) || len(got) != 2 {
		t.Errorf("%q, %v", ids(got), err)
	}
	if _, err := l.Show(t.Context(), "ORDERS@us-east/1/2"); !errors.Is(err, ErrRecord) {
		t.Errorf("got %v", err)
	}
	keep(t, l, tail(orders, 1, 1, 3)...)
	if got, _ := l.List(t.Context(), Filter{}); len(got) != 3 || string(got[2].Entry.Body) != "entry 2" {
		t.Errorf("kept again: %q", ids(got))
	}
}

// TestARecordUnderAnothersKey: bytes that were copied by hand.
func TestARecordUnderAnothersKey(t *testing.T) {
	store := newMemory()
	r := lost(orders, 1, 7, "x").ready()
	err := store.PutAll(t.Context(), func(yield func(string, []byte) bool) { yield("ORDERS@us-east/1/8", encode(&r)) }, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := New(store).Show(t.Context(), "ORDERS@us-east/1/8"); !errors.Is(err, ErrRecord) {
		t.Errorf("got %v", err)
	}
}

// TestBuffersMayBeUsedAgain: entries come from a Reader that reuses its memory.
func TestBuffersMayBeUsedAgain(t *testing.T) {
	l, buffer := New(newMemory()), make([]byte, 8)
	var records iter.Seq[Record] = func(yield func(Record) bool) {
		for o := geo.Offset(1); o <= 3; o++ {
			r := lost(orders, 1, o, "")
			r.Entry.Body = fmt.Appendf(buffer[:0], "body %d", o)
			if !yield(r) {
				return
			}
		}
	}
	if err := l.PutAll(t.Context(), records); err != nil {
		t.Fatal(err)
	}
	if r, err := l.Show(t.Context(), "ORDERS@us-east/1/2"); err != nil || string(r.Entry.Body) != "body 2" {
		t.Errorf("%q, %v", r.Entry.Body, err)
	}
}

func TestALongReasonIsCut(t *testing.T) {
	l, r := New(newMemory()), lost(orders, 1, 7, "x")
	r.Reason = strings.Repeat("ä", MaxReason)
	r.Log.Log = geo.LogName(strings.Repeat("L", 64))
	r.Log.Origin = geo.Region(strings.Repeat("r", 63))
	r.Epoch, r.Entry.Offset = ^uint64(0), ^geo.Offset(0)
	keep(t, l, r)
	other := r
	other.Entry.Body = []byte("y")
	keep(t, l, other)
	all := list(t, l, Filter{})
	if len(all) != 2 {
		t.Fatalf("got %q", all)
	}
	if err := l.MarkRepublished(t.Context(), all[1], "", noon); err != nil {
		t.Errorf("the longest key doesn't fit: %v", err)
	}
	if got, err := l.Show(t.Context(), all[0]); err != nil || got.Reason != strings.Repeat("ä", MaxReason/2) {
		t.Errorf("%d bytes, %v", len(got.Reason), err)
	}
}
