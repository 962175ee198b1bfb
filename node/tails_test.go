package node_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"geomq/geo"
	"geomq/geotest"
)

// TestABurstDoesNotOutrunItsNote has a log at rest take entries as fast as they
// come. Whenever one is acknowledged, the offsets that are promised not to be
// given again if the power goes must reach beyond it.
func TestABurstDoesNotOutrunItsNote(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil, "us-east")
	const n = 120_000
	orders := geo.CommitLog{Log: "ORDERS", Queue: geo.SoleQueue, Origin: "us-east"}
	js := w.client("us-east")
	w.holds("us-east", "ORDERS@us-east", 0)
	acks := make([]jetstream.PubAckFuture, 0, 1000)
	for i := range n {
		ack, err := js.PublishAsync("orders.created", []byte(fmt.Sprint(i)))
		if err != nil {
			t.Fatal(err)
		}
		if acks = append(acks, ack); len(acks) < cap(acks) {
			continue
		}
		for _, ack := range acks {
			select {
			case a := <-ack.Ok():
				if promised := w.nodes["us-east"].Promised(orders); promised <= geo.Offset(a.Sequence) {
					t.Fatalf("offset %d is acknowledged, those from %d on would be given again", a.Sequence, promised)
				}
			case err := <-ack.Err():
				t.Fatal(err)
			case <-time.After(startPatience):
				t.Fatal("no acknowledgement")
			}
		}
		acks = acks[:0]
	}
	geotest.Await(t, startPatience, func(context.Context) error {
		if promised := w.nodes["us-east"].Promised(orders); promised < n+75_000 {
			return fmt.Errorf("the log ends at %d, and what is promised at %d", n, promised)
		}
		return nil
	})
}
