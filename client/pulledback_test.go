package client

import (
	"context"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"geomq/geo"
	"geomq/geo/entry"
)

// fence makes east's stream take nothing but what is pulled back, and announces
// what that is; unfence gives its topics back.
func (r *region) fence(escaped string) {
	r.t.Helper()
	ingest := ingestOf(east)
	r.update(jetstream.StreamConfig{
		Subjects:         []string{ingest + ">"},
		SubjectTransform: &jetstream.SubjectTransformConfig{Source: ingest + ">", Destination: ">"},
		Metadata:         map[string]string{"geomq.role": "origin", "geomq.escaped": escaped},
	})
}

func (r *region) unfence(escaped string) {
	r.t.Helper()
	r.update(jetstream.StreamConfig{
		Subjects: []string{"orders.>"}, Metadata: map[string]string{"geomq.role": "origin", "geomq.escaped": escaped},
	})
}

func (r *region) update(cfg jetstream.StreamConfig) {
	r.t.Helper()
	cfg.Name = east.Stream()
	if _, err := r.js.UpdateStream(r.t.Context(), cfg); err != nil {
		r.t.Fatal(err)
	}
}

func pulledBack(offset geo.Offset) entry.Entry {
	e := westEntry(offset, "Nats-Msg-Id: id\r\n")
	e.Subject = []byte("orders.back")
	return e
}

// imitate publishes as a producer who knows how entries are escaped.
func (r *region) imitate(e entry.Entry) {
	r.t.Helper()
	_, block, body := e.Stored(nil)
	header, err := nats.DecodeHeadersMsg(block)
	if err != nil {
		r.t.Fatal(err)
	}
	if _, err := r.js.PublishMsg(r.t.Context(), &nats.Msg{Subject: string(e.Subject), Header: header, Data: body}); err != nil {
		r.t.Fatal(err)
	}
}

// TestAnOriginThatPulledBackItsTail is read by somebody who has been there all the
// time and by somebody who comes later: what was pulled back reads as it was sent,
// a producer's imitation as just that, and fillers not at all.
func TestAnOriginThatPulledBackItsTail(t *testing.T) {
	b := newBroker(t)
	r := b.region()
	r.origin(east.Stream(), "orders.>")
	r.unfence("")
	r.publish("orders.raw", "raw")
	r.imitate(pulledBack(2))

	check := func(got Received) {
		t.Helper()
		sent := pulledBack(got.Offset)
		switch escaped := got.Offset == 3 || got.Offset == 4; {
		case got.Damage != nil || got.Replica || got.Origin != "us-east":
			t.Errorf("%+v", got)
		case escaped && (got.MsgID != "id" || len(got.Header) != 1 || got.Subject != "orders.back" || !got.Time.Equal(sent.When())):
			t.Errorf("pulled back, and not as it was sent: %+v", got)
		case !escaped && (got.MsgID != "" || got.Time.Year() < 2024):
			t.Errorf("a producer's entry was unescaped: %+v", got)
		case (got.Offset == 2 || got.Offset == 7) && got.Header.Get("Geomq-Time") == "":
			t.Errorf("an imitation lost its headers: %+v", got)
		}
	}
	var offsets []geo.Offset
	err := Follow(t.Context(), FollowConfig{URL: b.url(), Log: "ORDERS", Max: 6}, func(next Received) error {
		check(next)
		offsets = append(offsets, next.Offset)
		switch next.Offset {
		case 2:
			r.fence("3-50")
			r.apply(east, pulledBack(3))
			r.apply(east, pulledBack(4))
		case 4:
			r.js.Publish(t.Context(), ingestOf(east)+"geomq.hole.0", nil)
			r.unfence("3-4")
			r.publish("orders.raw", "raw")
			r.imitate(pulledBack(7))
		}
		return nil
	})
	if err != nil || len(offsets) != 6 || offsets[5] != 7 {
		t.Fatalf("%v, %v", err, offsets)
	}
	later := follow(t, FollowConfig{URL: b.url(), Log: "ORDERS", Max: 6})["us-east"]
	for _, got := range later {
		check(got)
	}
	r.fence("3-4,8-90")
	r.apply(east, pulledBack(8))
	if got := follow(t, FollowConfig{URL: b.url(), Log: "ORDERS", From: FromOffset(8), Max: 1})["us-east"]; got[0].Replica || got[0].MsgID != "id" {
		t.Errorf("a fenced origin was taken for a replica: %+v", got[0])
	}
}

// TestMetadataThatNobodyCanRead ends the following: nothing is guessed.
func TestMetadataThatNobodyCanRead(t *testing.T) {
	b := newBroker(t)
	r := b.region()
	r.origin(east.Stream(), "orders.>")
	r.unfence("from 3 to 4")
	r.imitate(pulledBack(1))
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	err := Follow(ctx, FollowConfig{URL: b.url(), Log: "ORDERS", Max: 1}, func(Received) error { return nil })
	if err == nil || ctx.Err() != nil {
		t.Fatalf("got %v", err)
	}
}
