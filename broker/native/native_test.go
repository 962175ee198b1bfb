package native_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"geomq/broker/native"
)

func connect(t *testing.T, s *native.Server) jetstream.JetStream {
	t.Helper()
	nc, err := nats.Connect(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	return js
}

func TestAMirrorThatIsAttachedLaterHasEverything(t *testing.T) {
	const n = 500
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	hub, err := native.OpenHub(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer hub.Close()
	if err := hub.CreateOrigin(ctx, "EVENTS", "orders.>"); err != nil {
		t.Fatal(err)
	}
	origin := connect(t, hub)
	for i := range n {
		if _, err := origin.Publish(ctx, "orders.created", fmt.Appendf(nil, "%d", i)); err != nil {
			t.Fatal(err)
		}
	}
	leaf, err := native.OpenLeaf(t.TempDir(), hub.LeafAddr())
	if err != nil {
		t.Fatal(err)
	}
	defer leaf.Close()
	if err := leaf.AwaitHub(ctx); err != nil {
		t.Fatal(err)
	}
	if err := leaf.CreateMirror(ctx, "EVENTS"); err != nil {
		t.Fatal(err)
	}
	mirror := connect(t, leaf)
	for {
		s, err := mirror.Stream(ctx, "EVENTS")
		if err != nil {
			t.Fatal(err)
		}
		if s.CachedInfo().State.LastSeq == n {
			break
		}
	}
	s, err := mirror.Stream(ctx, "EVENTS")
	if err != nil {
		t.Fatal(err)
	}
	m, err := s.GetMsg(ctx, n)
	if err != nil || string(m.Data) != fmt.Sprint(n-1) {
		t.Errorf("the last entry of the mirror is %+v: %v", m, err)
	}
}

func TestALeafWithoutItsHubSaysSo(t *testing.T) {
	hub, err := native.OpenHub(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	address := hub.LeafAddr()
	hub.Close()
	leaf, err := native.OpenLeaf(t.TempDir(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer leaf.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := leaf.AwaitHub(ctx); err == nil {
		t.Error("it reaches a hub that is gone")
	}
}
