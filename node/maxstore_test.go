package node_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"geomq/admin"
	"geomq/configs"
	"geomq/geo"
	"geomq/geotest"
)

// fill publishes until the log's region keeps about so many bytes.
func (w *world) fill(js jetstream.JetStream, bytes uint64) (last uint64) {
	w.t.Helper()
	body := make([]byte, 60<<10)
	for {
		info, err := js.AccountInfo(w.t.Context())
		if err != nil {
			w.t.Fatal(err)
		}
		if info.Store >= bytes {
			return last
		}
		ack, err := js.Publish(w.t.Context(), "orders.x", body)
		if err != nil {
			w.t.Fatal(err)
		}
		last = ack.Sequence
	}
}

// TestABrokerThatMayKeepNoMore fills a store up to what broker.max_store allows:
// replicas stop first, then producers are refused, before JetStream itself gives
// them errors, and the messages name the setting. With room both go on.
func TestABrokerThatMayKeepNoMore(t *testing.T) {
	t.Parallel()
	const limit = 16 << 20
	w := newWorld(t, func(c *configs.Config) {
		if c.Region == "us-east" {
			c.Broker.MaxStore = limit
		}
	}, "us-east", "eu-west")
	js := w.client("us-east")
	w.fill(js, limit*91/100)
	geotest.Await(t, startPatience, func(context.Context) error {
		for _, l := range w.nodes["us-east"].Links() {
			if l.Origin == "eu-west" && !l.Control() && l.State == admin.LinkWaiting && strings.Contains(l.Reason, "broker.max_store (16MiB)") {
				return nil
			}
		}
		return fmt.Errorf("%+v", w.nodes["us-east"].Links())
	})
	last := w.fill(js, limit*96/100)
	last = max(last, w.refused(js))
	geotest.Await(t, startPatience, func(context.Context) error {
		l := w.log("us-east")
		if l.State != admin.LogFenced || !strings.Contains(l.Fenced, "raise broker.max_store") || l.Last != geo.Offset(last) {
			return fmt.Errorf("the log is %s (%s) and ends at %d, not %d", l.State, l.Fenced, l.Last, last)
		}
		return nil
	})

	held, err := w.nodes["us-east"].Broker().Lookup(t.Context(), orders)
	if err == nil {
		err = held.Trim(t.Context(), geo.Offset(last/2))
	}
	if err != nil {
		t.Fatal(err)
	}
	if next := w.taken(js); next != last+1 {
		t.Errorf("the log goes on at %d behind %d", next, last)
	}
	geotest.Await(t, startPatience, func(context.Context) error {
		for _, l := range w.nodes["us-east"].Links() {
			if !streaming(l) {
				return fmt.Errorf("%+v", l)
			}
		}
		return nil
	})
}
