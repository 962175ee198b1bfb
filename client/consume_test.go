package client

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"geomq/geo"
	"geomq/geo/entry"
)

var (
	east  = geo.CommitLog{Log: "ORDERS", Queue: geo.SoleQueue, Origin: "us-east"}
	west  = geo.CommitLog{Log: "ORDERS", Queue: geo.SoleQueue, Origin: "eu-west"}
	south = geo.CommitLog{Log: "ORDERS", Queue: geo.SoleQueue, Origin: "ap-south"}
)

// longAgo is an origin's time that no clock of a test can be mistaken for.
var longAgo = time.Date(2020, 1, 2, 3, 4, 5, 678, time.UTC)

func westEntry(offset geo.Offset, header string) entry.Entry {
	e := entry.Entry{
		Offset: offset, Time: longAgo.Add(time.Duration(offset) * time.Hour).UnixNano(),
		Subject: fmt.Appendf(nil, "orders.west.%d", offset), Body: fmt.Appendf(nil, "west %d", offset),
	}
	if header != "" {
		e.Header = []byte("NATS/1.0\r\n" + header + "\r\n")
	}
	return e
}

// twoOrigins is a region us-east with its own log and a replica of eu-west's.
func twoOrigins(t *testing.T) (*testBroker, *region) {
	b := newBroker(t)
	r := b.region()
	r.origin(east.Stream(), "orders.>")
	r.replica(west)
	for n := 1; n <= 5; n++ {
		r.publish(fmt.Sprintf("orders.east.%d", n), fmt.Sprintf("east %d", n))
		r.apply(west, westEntry(geo.Offset(n), "Nats-Msg-Id: id\r\nTrace: a\r\nTrace: b\r\ngq-nats-x: odd\r\n"))
	}
	return b, r
}

// follow collects what Follow delivers.
func follow(t *testing.T, cfg FollowConfig) map[geo.Region][]Received {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	got := map[geo.Region][]Received{}
	err := Follow(ctx, cfg, func(r Received) error {
		got[r.Origin] = append(got[r.Origin], r)
		return nil
	})
	if err != nil {
		t.Fatalf("%v after %v", err, got)
	}
	return got
}

func TestFollowReadsEveryOriginInItsOrder(t *testing.T) {
	b, _ := twoOrigins(t)
	got := follow(t, FollowConfig{URL: b.url(), Log: "ORDERS", Max: 10})
	for origin, word := range map[geo.Region]string{"us-east": "east", "eu-west": "west"} {
		if len(got[origin]) != 5 {
			t.Fatalf("%d entries of %s", len(got[origin]), origin)
		}
		for i, r := range got[origin] {
			want := fmt.Sprintf("%s %d", word, i+1)
			if r.Offset != geo.Offset(i+1) || string(r.Body) != want || r.Subject != fmt.Sprintf("orders.%s.%d", word, i+1) || r.Damage != nil {
				t.Fatalf("%+v, want %s", r, want)
			}
		}
	}
	r := got["eu-west"][1]
	if !r.Replica || r.Stream != west.Stream() || !r.Time.Equal(longAgo.Add(2*time.Hour)) || r.Age() < 24*time.Hour {
		t.Errorf("replica %+v", r)
	}
	if r.MsgID != "id" || len(r.Header) != 3 || len(r.Header["Trace"]) != 2 || r.Header["gq-nats-x"][0] != "odd" {
		t.Errorf("header %v", r.Header)
	}
	if own := got["us-east"][0]; own.Replica || own.Age() < 0 || own.Age() > deadline {
		t.Errorf("own %+v", own)
	}
}

func TestFollowFromElsewhereThanTheBeginning(t *testing.T) {
	b, _ := twoOrigins(t)
	for name, c := range map[string]struct {
		cfg  FollowConfig
		want string
	}{
		"an offset":     {FollowConfig{From: FromOffset(4), Max: 4}, "us4 us5 eu4 eu5 "},
		"a time":        {FollowConfig{From: FromTime(longAgo.Add(4 * time.Hour)), Max: 7}, "us1 us2 us3 us4 us5 eu4 eu5 "},
		"origins":       {FollowConfig{Origins: []geo.Region{"eu-west"}, Max: 5}, "eu1 eu2 eu3 eu4 eu5 "},
		"a filter":      {FollowConfig{Filter: "orders.*.3", Max: 2}, "us3 eu3 "},
		"streams alone": {FollowConfig{Origins: []geo.Region{"none"}, Streams: []string{east.Stream()}, Max: 5}, "us1 us2 us3 us4 us5 "},
	} {
		c.cfg.URL, c.cfg.Log = b.url(), "ORDERS"
		got := follow(t, c.cfg)
		text := ""
		for _, r := range append(got["us-east"], got["eu-west"]...) {
			text += fmt.Sprintf("%s%d ", r.Origin[:2], r.Offset)
		}
		if text != c.want {
			t.Errorf("%s: %s, want %s", name, text, c.want)
		}
	}
}

func TestFollowFindsALogThatAppearsLater(t *testing.T) {
	b, r := twoOrigins(t)
	cfg := FollowConfig{URL: b.url(), Log: "ORDERS", From: FromOffset(5), Max: 4, Rediscover: 20 * time.Millisecond}
	var got []Received
	err := Follow(t.Context(), cfg, func(next Received) error {
		if got = append(got, next); len(got) == 2 {
			r.replica(south)
			for n := range 2 {
				r.apply(south, entry.Entry{Offset: geo.Offset(n + 1), Time: longAgo.UnixNano(), Subject: []byte("orders.s")})
			}
		}
		return nil
	})
	if err != nil || got[2].Origin != "ap-south" || got[2].Offset != 1 || got[3].Offset != 2 {
		t.Fatalf("%v, %+v", err, got)
	}
}

func TestFollowGoesOnAfterARestartOfTheBroker(t *testing.T) {
	b, r := twoOrigins(t)
	var offsets []geo.Offset
	cfg := FollowConfig{URL: b.url(), Log: "ORDERS", Origins: []geo.Region{"us-east"}, Max: 8}
	err := Follow(t.Context(), cfg, func(next Received) error {
		if offsets = append(offsets, next.Offset); len(offsets) == 3 {
			b.stop()
			b.start()
			for n := 6; n <= 8; n++ {
				r.publish("orders.east", fmt.Sprint("after the restart ", n))
			}
		}
		return nil
	})
	if err != nil || fmt.Sprint(offsets) != "[1 2 3 4 5 6 7 8]" {
		t.Fatalf("%v, %v", err, offsets)
	}
}

// What comes while a reader that has seen nothing yet is cut off is new too.
func TestFollowNewSurvivesARestartBeforeTheFirstEntry(t *testing.T) {
	b, r := twoOrigins(t)
	got := make(chan Received, 2)
	ended := make(chan error)
	go func() {
		cfg := FollowConfig{URL: b.url(), Log: "ORDERS", From: FromNew(), Max: 2}
		ended <- Follow(context.Background(), cfg, func(next Received) error { got <- next; return nil })
	}()
	until(t, "a reader on each log", func() bool { return consumers(r, east) == 1 && consumers(r, west) == 1 })
	b.stop()
	b.start()
	r.publish("orders.new", "own")
	r.apply(west, westEntry(6, ""))
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if one, two := <-got, <-got; one.Offset != 6 || two.Offset != 6 || one.Origin == two.Origin {
		t.Fatalf("%+v, %+v", one, two)
	}
}

func consumers(r *region, c geo.CommitLog) int {
	stream, err := r.js.Stream(r.t.Context(), c.Stream())
	if err != nil {
		return 0
	}
	return stream.CachedInfo().State.Consumers
}

func until(t *testing.T, what string, met func() bool) {
	t.Helper()
	for end := time.Now().Add(deadline); !met(); runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

func TestEntriesThatAReplicaKeepsInOtherForms(t *testing.T) {
	b := newBroker(t)
	r := b.region()
	r.replica(west)
	// Escaping so many lines would take too much room: the header travels in
	// front of the body.
	wide := strings.Repeat("Nats-A: 1\r\n", 1000)
	r.apply(west, westEntry(1, wide))
	r.apply(west, westEntry(2, ""))
	odd := westEntry(3, "")
	odd.Header = []byte("no header block at all")
	r.apply(west, odd)
	r.js.Publish(t.Context(), ingestOf(west)+"orders.forged", []byte("not by a link"))
	r.js.Publish(t.Context(), ingestOf(west)+"geomq.hole.0", nil)
	r.apply(west, westEntry(6, "Geomq-Time: 5\r\n"))

	got := follow(t, FollowConfig{URL: b.url(), Log: "ORDERS", Max: 5})["eu-west"]
	if len(got[0].Header["Nats-A"]) != 1000 || string(got[0].Body) != "west 1" || got[0].Damage != nil {
		t.Errorf("a wide header: %d lines, body %q, %v", len(got[0].Header["Nats-A"]), got[0].Body, got[0].Damage)
	}
	if got[1].Header != nil || string(got[1].Body) != "west 2" {
		t.Errorf("no header: %+v", got[1])
	}
	if string(got[2].HeaderBlock) != string(odd.Header) || got[2].Header != nil || string(got[2].Body) != "west 3" {
		t.Errorf("an odd header: %+v", got[2])
	}
	if !errors.Is(got[3].Damage, entry.ErrStored) || string(got[3].Body) != "not by a link" {
		t.Errorf("a forged entry: %+v", got[3])
	}
	if got[4].Offset != 6 || got[4].Header.Get("Geomq-Time") != "5" || got[4].Damage != nil {
		t.Errorf("a producer's own header of that name: %+v", got[4])
	}
}

func TestWhatEndsAFollow(t *testing.T) {
	b, _ := twoOrigins(t)
	ctx, cancel := context.WithCancel(t.Context())
	own := errors.New("enough")
	for name, c := range map[string]struct {
		cfg  FollowConfig
		each func(Received) error
		want error
	}{
		"no such log":      {FollowConfig{URL: b.url(), Log: "INVOICES"}, nil, ErrNoLog},
		"no broker":        {FollowConfig{URL: "nats://127.0.0.1:1", Log: "ORDERS"}, nil, ErrUnreachable},
		"the caller":       {FollowConfig{URL: b.url(), Log: "ORDERS"}, func(Received) error { return own }, own},
		"the context":      {FollowConfig{URL: b.url(), Log: "ORDERS"}, func(Received) error { cancel(); return nil }, context.Canceled},
		"a wrong filter":   {FollowConfig{URL: b.url(), Log: "ORDERS", Filter: "a..b"}, nil, ErrSubject},
		"no such stream":   {FollowConfig{URL: b.url(), Streams: []string{"ORDERS@mars"}}, nil, ErrNoLog},
		"nothing to go by": {FollowConfig{URL: b.url()}, nil, ErrNoLog},
	} {
		if err := Follow(ctx, c.cfg, c.each); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
		if name == "the context" {
			ctx, cancel = context.WithCancel(t.Context())
		}
	}
	cancel()
}

// A broker that is gone must not hold up the end.
func TestAFollowEndsWhileTheBrokerIsAway(t *testing.T) {
	b, _ := twoOrigins(t)
	ctx, cancel := context.WithCancel(t.Context())
	n := 0
	begin := time.Now()
	err := Follow(ctx, FollowConfig{URL: b.url(), Log: "ORDERS"}, func(Received) error {
		if n++; n == 10 {
			b.stop()
			cancel()
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) || time.Since(begin) > 5*time.Second {
		t.Fatalf("%v after %s", err, time.Since(begin))
	}
	b.start()
}
