package client

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go/jetstream"

	"geomq/geo"
	"geomq/geo/entry"
)

func TestPublishTellsWhereTheMessageLies(t *testing.T) {
	b := newBroker(t)
	r := b.region()
	r.origin("ORDERS@us-east", "orders.>")
	key := "A.B"
	cfg := PublishConfig{
		URL: b.url(), Subject: "orders.created", Key: &key, Body: []byte(`{"n":1}`),
		Header: map[string][]string{"Trace": {"a", "b"}}, Count: 3, Interval: time.Millisecond,
	}
	var acks []Ack
	err := Publish(t.Context(), cfg, func(a Ack) error { acks = append(acks, a); return nil })
	if err != nil || len(acks) != 3 {
		t.Fatalf("%v, %+v", err, acks)
	}
	ids := map[string]bool{}
	for i, a := range acks {
		id, err := uuid.Parse(a.MsgID)
		if err != nil || id.Version() != 7 {
			t.Errorf("id %q: %v", a.MsgID, err)
		}
		ids[a.MsgID] = true
		if a.Stream != "ORDERS@us-east" || a.Offset != geo.Offset(i+1) || a.Duplicate || a.RTT <= 0 || a.Subject != "orders.created.A%2EB" {
			t.Errorf("ack %+v", a)
		}
	}
	if len(ids) != 3 {
		t.Errorf("messages share ids: %v", ids)
	}
	stream, _ := r.js.Stream(t.Context(), "ORDERS@us-east")
	msg, err := stream.GetMsg(t.Context(), 2)
	if err != nil || string(msg.Data) != `{"n":1}` || msg.Header.Get(entry.MessageID) != acks[1].MsgID || len(msg.Header["Trace"]) != 2 {
		t.Fatalf("%v, %+v", err, msg)
	}
}

func TestPublishingAgainWithTheSameIDIsRecognised(t *testing.T) {
	b := newBroker(t)
	b.region().origin("ORDERS@us-east", "orders.>")
	cfg := PublishConfig{URL: b.url(), Subject: "orders.x", Header: map[string][]string{entry.MessageID: {"mine"}}, Count: 2}
	var acks []Ack
	if err := Publish(t.Context(), cfg, func(a Ack) error { acks = append(acks, a); return nil }); err != nil {
		t.Fatal(err)
	}
	if acks[0].Duplicate || !acks[1].Duplicate || acks[1].Offset != 1 || acks[1].MsgID != "mine" {
		t.Fatalf("%+v", acks)
	}
}

func TestWhatIsWrongWithPublishing(t *testing.T) {
	b := newBroker(t)
	r := b.region()
	if _, err := r.js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "SMALL@us-east", Subjects: []string{"small.>"}, MaxMsgSize: 10}); err != nil {
		t.Fatal(err)
	}
	deaf, err := r.nc.SubscribeSync("deaf.>") // takes messages and never answers
	if err != nil {
		t.Fatal(err)
	}
	defer deaf.Unsubscribe()
	if err := r.nc.Flush(); err != nil {
		t.Fatal(err)
	}
	never := func(Ack) error { t.Error("acknowledged"); return nil }
	for name, c := range map[string]struct {
		cfg  PublishConfig
		want error
	}{
		"no log":      {PublishConfig{URL: b.url(), Subject: "nobody.cares"}, ErrNoLog},
		"no answer":   {PublishConfig{URL: b.url(), Subject: "deaf.x", AckTimeout: 50 * time.Millisecond}, ErrNoAck},
		"a wildcard":  {PublishConfig{URL: b.url(), Subject: "small.*"}, ErrSubject},
		"nobody":      {PublishConfig{URL: "nats://127.0.0.1:1", Subject: "small.x"}, ErrUnreachable},
		"too big":     {PublishConfig{URL: b.url(), Subject: "small.x", Body: make([]byte, 100)}, &jetstream.APIError{}},
		"not waiting": {PublishConfig{URL: b.url(), Subject: "deaf.x"}, context.Canceled},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		if name == "not waiting" {
			cancel()
		}
		err := Publish(ctx, c.cfg, never)
		cancel()
		var api *jetstream.APIError
		if !errors.Is(err, c.want) && !(name == "too big" && errors.As(err, &api)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
