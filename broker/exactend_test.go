package broker

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"geomq/geo"
)

// flood publishes without waiting, on several connections, until stopped; what
// was acknowledged comes through acked when it ends.
func flood(t *testing.T, b *Broker) (stop func() (highest uint64)) {
	t.Helper()
	quit := make(chan struct{})
	highest := make(chan uint64)
	const publishers = 3
	for range publishers {
		c := connect(t, b)
		js, err := c.JetStream(nats.PublishAsyncMaxPending(4000))
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			var futures []nats.PubAckFuture
			for i := 0; ; i++ {
				select {
				case <-quit:
					highest <- newestAck(futures)
					return
				default:
				}
				if f, err := js.PublishAsync(fmt.Sprintf("orders.%d", i%10), []byte("a body of some length")); err == nil {
					futures = append(futures, f)
				}
			}
		}()
	}
	return func() (most uint64) {
		close(quit)
		for range publishers {
			most = max(most, <-highest)
		}
		return most
	}
}

// newestAck waits until the acks stop coming.
func newestAck(futures []nats.PubAckFuture) (most uint64) {
	quiet := time.After(time.Second)
	for _, f := range futures {
		select {
		case ack := <-f.Ok():
			most = max(most, ack.Sequence)
		case <-f.Err():
		case <-quiet:
			return most
		}
	}
	return most
}

// TestTheFencesEndIsExact fences under a flood: nothing may land behind the end
// it names, and nothing that was acknowledged may lie there.
func TestTheFencesEndIsExact(t *testing.T) {
	b := openBroker(t, testConfig(t, "us-east"))
	l := openOrigin(t, b)
	topics := []geo.Topic{"orders.>"}
	late := 0
	for round := range 3 {
		before := extentOf(t, l).Last
		stop := flood(t, b)
		await(t, func() bool { return extentOf(t, l).Last > before+3000 })
		told := extentOf(t, l).Last
		end, err := l.Fence(deadline(t))
		if err != nil {
			t.Fatal(err)
		}
		if end > told {
			late++
		}
		highest := stop()
		if e := extentOf(t, l); e.Last != end || geo.Offset(highest) > end {
			t.Fatalf("round %d: the fence says %d, the log ends at %d, acknowledged up to %d", round, end, e.Last, highest)
		}
		if err := publishes(connect(t, b), "orders.1"); !errors.Is(err, nats.ErrNoResponders) {
			t.Fatalf("a fenced log took a message: %v", err)
		}
		again, err := l.Fence(deadline(t))
		if err != nil || again != end {
			t.Fatalf("fenced again: %d, %v, want %d", again, err, end)
		}
		if err := l.Unfence(deadline(t), topics); err != nil {
			t.Fatal(err)
		}
		if err := publishes(connect(t, b), "orders.1"); err != nil {
			t.Fatal("an unfenced log takes nothing:", err)
		}
	}
	if late == 0 {
		t.Fatal("the log's end never moved between looking and fencing: nothing was tested")
	}
}

// TestAFenceOutlivesRestartsAndOpening: what an opening that was killed left
// fenced must not be opened by reading the configuration once more.
func TestAFenceOutlivesRestartsAndOpening(t *testing.T) {
	cfg := testConfig(t, "us-east")
	b := openBroker(t, cfg)
	want := LogConfig{ID: orders, Topics: []geo.Topic{"orders.>"}, MaxEntries: 100, MaxBytes: 1 << 20, MaxMsgSize: 5000}
	l, err := b.OpenOrigin(deadline(t), want)
	if err != nil {
		t.Fatal(err)
	}
	if fenced, err := l.Fenced(deadline(t)); fenced || err != nil {
		t.Fatalf("a new log is fenced: %t, %v", fenced, err)
	}
	if _, err := l.Fence(deadline(t)); err != nil {
		t.Fatal(err)
	}
	b.Close()
	cfg.Secret = []byte("another secret")
	b = openBroker(t, cfg)
	want.MaxAge, want.MaxEntries = time.Hour, 200
	if l, err = b.OpenOrigin(deadline(t), want); err != nil {
		t.Fatal(err)
	}
	if fenced, err := l.Fenced(deadline(t)); !fenced || err != nil {
		t.Fatalf("the fence is gone: %t, %v", fenced, err)
	}
	c := connect(t, b)
	if err := publishes(c, "orders.1"); !errors.Is(err, nats.ErrNoResponders) {
		t.Fatalf("got %v", err)
	}
	if end, err := l.Fence(deadline(t)); err != nil || end != 0 {
		t.Fatalf("got %d, %v", end, err)
	}
	info, err := b.api.streamInfo(deadline(t), orders.Stream())
	if err != nil {
		t.Fatal(err)
	}
	if c := info.Config; c.MaxMsgs != -1 || c.MaxBytes != -1 || c.MaxMsgSize != -1 || c.MaxAge != time.Hour {
		t.Fatalf("fenced, the stream is %+v", c)
	}
	if err := l.Unfence(deadline(t), want.Topics); err != nil {
		t.Fatal(err)
	}
	if info, err = b.api.streamInfo(deadline(t), orders.Stream()); err != nil {
		t.Fatal(err)
	}
	if c := info.Config; c.MaxMsgs != 200 || c.MaxBytes != 1<<20 || c.MaxMsgSize != 5000 || c.SubjectTransform != nil || len(c.Metadata[metaFenced]) > 0 {
		t.Fatalf("unfenced, the stream is %+v", c)
	}
	if err := publishes(c, "orders.1"); err != nil {
		t.Fatal(err)
	}
}

// TestOnlyOriginsHaveTopicsToTakeAway: a replica is asked for its exact end.
func TestOnlyOriginsHaveTopicsToTakeAway(t *testing.T) {
	b := openBroker(t, testConfig(t, "eu-west"))
	l := openReplica(t, b, 1)
	appendAll(t, l, AppendConfig{}, made(1, 77))
	fenced, err := l.Fenced(deadline(t))
	end, failed := l.Fence(deadline(t))
	if err != nil || failed != nil || !fenced || end != 77 {
		t.Fatalf("got %t, %d, %v, %v", fenced, end, err, failed)
	}
	for what, err := range map[string]error{
		"unfencing": l.Unfence(deadline(t), []geo.Topic{"orders.>"}),
		"restoring": l.BeginRestore(deadline(t), 100), "ending": l.EndRestore(deadline(t)),
	} {
		if !errors.Is(err, ErrRole) {
			t.Errorf("%s a replica: %v", what, err)
		}
	}
	appendAll(t, l, AppendConfig{Last: 77}, made(78, 80))
}

// TestUnfencingNeedsFreeTopics: meanwhile another stream has taken them.
func TestUnfencingNeedsFreeTopics(t *testing.T) {
	b := openBroker(t, testConfig(t, "us-east"))
	l := openOrigin(t, b)
	if _, err := l.Fence(deadline(t)); err != nil {
		t.Fatal(err)
	}
	other := geo.CommitLog{Log: "OTHER", Queue: geo.SoleQueue, Origin: "us-east"}
	if _, err := b.OpenOrigin(deadline(t), LogConfig{ID: other, Topics: []geo.Topic{"orders.created"}}); err != nil {
		t.Fatal(err)
	}
	err := l.Unfence(deadline(t), []geo.Topic{"orders.>"})
	if !errors.Is(err, ErrConflict) || !strings.Contains(err.Error(), "orders.>") {
		t.Fatalf("got %v", err)
	}
	if fenced, err := l.Fenced(deadline(t)); !fenced || err != nil {
		t.Fatalf("got %t, %v", fenced, err)
	}
}
