package node_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"reflect"
	"strings"
	"testing"
	"time"

	"geomq/admin"
	"geomq/broker/wire"
	"geomq/configs"
	"geomq/geo"
	"geomq/geotest"
)

// message is what a producer sends, byte for byte.
type message struct {
	subject string
	header  []byte
	body    []byte
}

func headers(lines ...string) []byte {
	return []byte("NATS/1.0\r\n" + strings.Join(lines, "\r\n") + "\r\n\r\n")
}

// messages are of every kind that a producer might send: JetStream refuses some
// of them at the origin, and must not act on any of the others in a replica.
func messages(limit int) []message {
	rng := rand.NewChaCha8([32]byte{1})
	binary := make([]byte, 100_000)
	rng.Read(binary)
	full := make([]byte, limit)
	rng.Read(full)
	all := []message{
		{"orders.empty", nil, nil},
		{"orders.binary", nil, binary},
		{"orders.full", nil, full},
		{"orders.full.text", headers("A: b"), bytes.Repeat([]byte("x"), limit-64)},
		{"orders.crlf", nil, []byte("\r\nPUB x 1\r\n\r\n\x00")},
		{"orders.unicode.héé→世界", nil, []byte("x")},
		{"orders." + strings.Repeat("long.", 400) + "x", nil, []byte("x")},
		{"orders.multi", headers("A: 1", "B: 2", "A: 3", "a: 4", "A:5", "Empty:", "Empty: "), []byte("x")},
		{"orders.odd.status", []byte("NATS/1.0 503 No Responders\r\n\r\n"), []byte("x")},
		{"orders.odd.blank", []byte("NATS/1.0\r\n\r\n"), []byte("x")},
		{"orders.odd.inner", headers("A: 1", "", "Nats-Msg-Id: hidden", "B"), []byte("x")},
		{"orders.odd.newline", headers("A: 1\nNats-TTL: 1s\nB: 2"), []byte("x")},
		{"orders.large.header", headers("A: " + strings.Repeat("v", 62<<10)), []byte("x")},
		{"orders.many.headers", headers(strings.Split(strings.Repeat("nats-x: y,", 2000)+"z: 1", ",")...), []byte("x")},
		{"orders.ours", headers("Geomq-Time: 5", "Geomq-Form: enveloped", "Gq-Nats-Msg-Id: 1", "gq-gq-geomq-x: 2"), []byte("x")},
	}
	for i, name := range []string{
		"Nats-Msg-Id", "Nats-TTL", "Nats-Rollup", "Nats-Incr", "Nats-Schedule", "Nats-Schedule-Next", "Nats-Scheduler", "Nats-Schedule-Target",
		"Nats-Stream-Source", "Nats-Batch-Id", "Nats-Batch-Sequence", "Nats-Batch-Commit", "Nats-Expected-Stream", "Nats-Expected-Last-Sequence",
		"Nats-Expected-Last-Msg-Id", "Nats-Expected-Last-Subject-Sequence", "Nats-Required-Api-Level", "Nats-Trace-Dest", "Nats-Trace-Only",
		"Nats-Marker-Reason", "Nats-Time-Stamp", "Nats-Subject", "Nats-Sequence", "Nats-Last-Sequence", "Nats-Num-Pending",
	} {
		for _, value := range []string{"1", "all", "sub", "5s", "ORDERS@us-east", ""} {
			body := fmt.Appendf(nil, "%d %s", i, value)
			all = append(all,
				message{"orders.acted", headers(name + ": " + value), body},
				message{"orders.acted.lower", headers(strings.ToLower(name) + ":" + value), body})
		}
	}
	// The same key again at once, and again when the origin has forgotten it.
	return append(all, message{"orders.key", headers("Nats-Msg-Id: twice"), []byte("a")}, message{"orders.key", headers("Nats-Msg-Id: twice"), []byte("b")})
}

func TestEveryKindOfMessageIsTheSameEntryInTheReplica(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *configs.Config) { c.Logs[0].DedupeWindow = 100 * time.Millisecond }, "us-east", "eu-west")
	conn, err := wire.Dial(t.Context(), wire.Config{URL: w.nodes["us-east"].NATS()})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	var last uint64
	stored := 0
	publish := func(m message) {
		t.Helper()
		reply, err := conn.Request(t.Context(), m.subject, m.header, m.body)
		if err != nil {
			t.Fatalf("%s: %v", m.subject, err)
		}
		var ack struct {
			Seq   uint64
			Error *struct{ Description string }
		}
		if err := json.Unmarshal(reply.Body, &ack); err != nil {
			t.Fatal(err)
		}
		if ack.Error == nil {
			stored++
			last = max(last, ack.Seq)
		}
	}
	all := messages(1<<20 - 4<<10)
	for _, m := range all {
		publish(m)
	}
	<-time.After(300 * time.Millisecond) // the duplicate window of the origin
	publish(message{"orders.key", headers("Nats-Msg-Id: twice"), []byte("c")})
	t.Logf("%d messages sent, %d of them taken by the origin, up to offset %d", len(all)+1, stored, last)
	w.holds("eu-west", "ORDERS@us-east", last)
	compare(t, w, "ORDERS@us-east", last)
}

// compare asks both regions for every entry and wants the same answer.
func compare(t *testing.T, w *world, stream string, last uint64) {
	t.Helper()
	clients := map[geo.Region]*admin.Client{}
	for region, n := range w.nodes {
		c, err := admin.NewClient(n.Admin())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		clients[region] = c
	}
	for offset := geo.Offset(1); offset <= geo.Offset(last); offset++ {
		a, err := clients["us-east"].Entry(t.Context(), stream, offset)
		if err != nil {
			t.Fatal(err)
		}
		b, err := clients["eu-west"].Entry(t.Context(), stream, offset)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(a, b) {
			t.Errorf("offset %d (%s): the origin has\n%.300q\n%.300q, the replica\n%.300q\n%.300q", offset, a.Subject, a.Header, a.Body, b.Header, b.Body)
		}
	}
	geotest.Await(t, startPatience, func(context.Context) error {
		for _, l := range w.nodes["eu-west"].Links() {
			if l.State != admin.LinkStreaming || l.LagEntries == nil || *l.LagEntries != 0 {
				return fmt.Errorf("link %+v", l)
			}
		}
		return nil
	})
}

// TestSubjectsThatNoClientLibrarySends publishes under subjects that nats-server
// takes from a raw connection, and stores.
func TestSubjectsThatNoClientLibrarySends(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil, "us-east", "eu-west")
	conn, err := net.Dial("tcp", strings.TrimPrefix(w.nodes["us-east"].NATS(), "nats://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	subjects := []string{"orders.*", "orders.>", "orders.*.x", "orders.\x01", "orders.a\x00b", "orders.\x7f", "orders.\xff\xfe", "orders.%2a", "orders.fine"}
	var script strings.Builder
	script.WriteString("CONNECT {\"verbose\":false,\"headers\":true}\r\n")
	for _, s := range subjects {
		fmt.Fprintf(&script, "PUB %s 4\r\nbody\r\n", s)
		h := headers("Nats-Msg-Id: " + s)
		fmt.Fprintf(&script, "HPUB %s %d %d\r\n%sbody\r\n", s, len(h), len(h)+4, h)
	}
	if _, err := conn.Write([]byte(script.String())); err != nil {
		t.Fatal(err)
	}
	js := w.client("us-east")
	var last uint64
	geotest.Await(t, startPatience, func(ctx context.Context) error {
		s, err := js.Stream(ctx, "ORDERS@us-east")
		if err != nil {
			return err
		}
		before := last
		if last = s.CachedInfo().State.LastSeq; last < uint64(len(subjects)) || last != before {
			return fmt.Errorf("the origin has taken %d", last)
		}
		return nil
	})
	t.Logf("the origin has taken %d of %d", last, 2*len(subjects))
	w.holds("eu-west", "ORDERS@us-east", last)
	compare(t, w, "ORDERS@us-east", last)
	stream, err := w.client("eu-west").Stream(t.Context(), "ORDERS@us-east")
	if err != nil {
		t.Fatal(err)
	}
	for offset := range last {
		m, err := stream.GetMsg(t.Context(), offset+1)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(m.Subject, "geomq") {
			t.Errorf("the replica shows the subject %q at offset %d", m.Subject, offset+1)
		}
	}
}
