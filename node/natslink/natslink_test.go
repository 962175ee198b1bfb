package natslink

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"geomq/broker"
	"geomq/geo"
	"geomq/geotest"
	"geomq/mirror"
)

// region is a broker with an address book that leads to it.
func region(t *testing.T) (*broker.Broker, *Dialer) {
	t.Helper()
	secret := []byte("secret")
	b, err := broker.Open(t.Context(), broker.Config{Name: "us-east-1", Cluster: "us-east", Data: t.TempDir(), Listen: "127.0.0.1:0", Secret: secret})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b, &Dialer{Name: "eu-west-1", User: broker.LinkUser, Password: broker.LinkPassword(secret),
		Addresses: func(geo.Region) []string { return []string{b.URL()} }}
}

// listen serves every session with serve until the test ends.
func listen(t *testing.T, b *broker.Broker, d *Dialer, serve func(context.Context, mirror.Conn, []byte)) {
	t.Helper()
	l := &Listener{URL: b.URL(), User: d.User, Password: d.Password, Name: "us-east-1", Serve: serve, Answer: echo, Log: slog.New(slog.DiscardHandler)}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := l.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		cancel()
		running.Wait()
	})
}

// dial opens a session, asking again until somebody answers.
func dial(t *testing.T, d *Dialer, hello []byte) (mirror.Conn, []byte) {
	t.Helper()
	for ctx := deadline(t); ; {
		c, err := d.Dial(ctx, "us-east", hello)
		if err != nil {
			t.Fatal(err)
		}
		first, err := c.Receive(ctx)
		if err == nil {
			t.Cleanup(func() { c.Close() })
			return c, first
		}
		c.Close()
		if !errors.Is(err, mirror.ErrNoSource) {
			t.Fatal(err)
		}
	}
}

func deadline(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func TestARegionWithoutSourcesSaysSo(t *testing.T) {
	_, d := region(t)
	c, err := d.Dial(deadline(t), "us-east", []byte("hello"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Receive(deadline(t)); !errors.Is(err, mirror.ErrNoSource) {
		t.Errorf("%v, want ErrNoSource", err)
	}
}

func TestAnUnknownRegionIsNamed(t *testing.T) {
	_, d := region(t)
	d.Addresses = func(geo.Region) []string { return nil }
	if _, err := d.Dial(deadline(t), "mars", nil); err == nil || !bytes.Contains([]byte(err.Error()), []byte("mars")) {
		t.Errorf("%v", err)
	}
}

func TestMessagesCrossInOrderBothWays(t *testing.T) {
	b, d := region(t)
	listen(t, b, d, func(ctx context.Context, c mirror.Conn, hello []byte) {
		defer c.Close()
		for data := hello; ; {
			if err := c.Send(ctx, data); err != nil {
				return
			}
			var err error
			if data, err = c.Receive(ctx); err != nil {
				return
			}
		}
	})
	c, first := dial(t, d, []byte("hello"))
	if string(first) != "hello" {
		t.Fatalf("the hello came back as %q", first)
	}
	if trip := c.(mirror.RoundTripper).RoundTrip(); trip <= 0 || trip > time.Second {
		t.Errorf("a round trip of %s", trip)
	}
	large := bytes.Repeat([]byte("x"), 300_000)
	for i := range 200 {
		if err := c.Send(deadline(t), append(large[:1000*i:1000*i], byte(i))); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 200 {
		data, err := c.Receive(deadline(t))
		if err != nil || len(data) != 1000*i+1 || data[1000*i] != byte(i) {
			t.Fatalf("message %d came back with %d bytes: %v", i, len(data), err)
		}
	}
}

func TestASessionEndsWithItsConnection(t *testing.T) {
	b, d := region(t)
	listen(t, b, d, func(ctx context.Context, c mirror.Conn, hello []byte) {
		_ = c.Send(ctx, hello) // its error shows as a session that never answers
		<-ctx.Done()
		c.Close()
	})
	c, _ := dial(t, d, []byte("hello"))
	b.Close()
	if data, err := c.Receive(deadline(t)); err == nil {
		t.Errorf("received %q from a broker that is gone", data)
	}
}

func TestForeignReplySubjectsOpenNothing(t *testing.T) {
	for subject, want := range map[string]bool{
		"geomq.l.0f3c.k": true, "geomq.l..k": false, "geomq.l.a.b.k": false, "geomq.l.>.k": false,
		"geomq.l.0f3c.s": false, "_INBOX.abc": false, "": false, "geomq.l.*.k": false,
	} {
		if _, ok := session(subject); ok != want {
			t.Errorf("%q opens a session: %t", subject, ok)
		}
	}
}

func TestAPlainClientCannotOpenASession(t *testing.T) {
	b, d := region(t)
	served := make(chan struct{}, 1)
	listen(t, b, d, func(_ context.Context, c mirror.Conn, _ []byte) {
		c.Close()
		served <- struct{}{}
	})
	nc, err := nats.Connect(b.URL(), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	if err := nc.PublishRequest(openSubject, prefix+"x"+toSink, []byte("hello")); err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-served:
		t.Error("a client without credentials opened a session")
	case <-time.After(200 * time.Millisecond):
	}
}

// echo answers a question with itself.
func echo(_ context.Context, question []byte) []byte {
	return append([]byte("answer to "), question...)
}

func TestManyQuestionsShareOneConnection(t *testing.T) {
	b, d := region(t)
	listen(t, b, d, nil)
	defer d.Close()
	ask := func(question string) error {
		answer, err := d.Ask(deadline(t), "us-east", []byte(question))
		if err == nil && string(answer) != "answer to "+question {
			t.Errorf("%q was answered by %q", question, answer)
		}
		return err
	}
	for errors.Is(ask("anybody there?"), mirror.ErrNoSource) { // until the listener listens
	}
	before := d.asking("us-east").nc
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() {
			if err := ask(string(rune('a' + i%26))); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if d.asking("us-east").nc != before {
		t.Error("the connection was not kept")
	}
}

// TestASilentRegionIsDialledAnew: on a path that swallows everything the
// connection looks alive; the next question must not be lost in it too.
func TestASilentRegionIsDialledAnew(t *testing.T) {
	b, d := region(t)
	if _, err := d.Ask(deadline(t), "us-east", nil); !errors.Is(err, mirror.ErrNoSource) {
		t.Fatalf("nobody listens: %v", err)
	}
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	lead := d.Addresses
	d.Addresses = func(geo.Region) []string { return []string{silent.Addr().String()} }
	short, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := d.Ask(short, "us-east", nil); err == nil {
		t.Fatal("silence was an answer")
	}
	d.Addresses = lead
	listen(t, b, d, nil)
	for ctx := deadline(t); ; {
		if answer, err := d.Ask(ctx, "us-east", []byte("?")); err == nil {
			if string(answer) != "answer to ?" {
				t.Errorf("answered %q", answer)
			}
			return
		}
		if ctx.Err() != nil {
			t.Fatal("never asked again")
		}
	}
}

// TestASlowPathIsNoSilence: to connect takes longer than a question may. Questions
// that are given up meanwhile must not take the connection with them.
func TestASlowPathIsNoSilence(t *testing.T) {
	b, d := region(t)
	listen(t, b, d, func(context.Context, mirror.Conn, []byte) {})
	slow := geotest.StartProxy(t, strings.TrimPrefix(b.URL(), "nats://"))
	slow.Delay(100 * time.Millisecond)
	d.Addresses = func(geo.Region) []string { return []string{slow.Addr()} }
	defer d.Close()
	const limit = 400 * time.Millisecond // a round trip takes 200, to connect takes 300
	for overall := deadline(t); ; {
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		answer, err := d.Ask(ctx, "us-east", []byte("where"))
		cancel()
		if err == nil {
			if string(answer) != string(echo(ctx, []byte("where"))) {
				t.Errorf("the answer is %q", answer)
			}
			return
		}
		if overall.Err() != nil {
			t.Fatal("no question is ever answered:", err)
		}
	}
}
