package wire_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"geomq/broker/wire"
)

func TestAMessageAboveMaxPayloadIsRefusedAndTheConnectionLives(t *testing.T) {
	s := startServer(t, func(o *server.Options) { o.MaxPayload = 1000 })
	c := dial(t, s, wire.Config{})
	err := c.Publish("orders.big", "", make([]byte, 500), make([]byte, 501))
	if !errors.Is(err, wire.ErrMaxPayload) || !strings.Contains(err.Error(), "orders.big") {
		t.Errorf("got %v", err)
	}
	ping(t, c)
}

func TestMaxPayloadLoweredBehindOurBackEndsTheConnection(t *testing.T) {
	opts := &server.Options{Host: "127.0.0.1", Port: -1, NoLog: true, NoSigs: true, MaxPayload: 1000}
	s := startServer(t, func(o *server.Options) { *o = *opts })
	c := dial(t, s, wire.Config{})
	lower := opts.Clone()
	lower.MaxPayload = 100
	if err := s.ReloadOptions(lower); err != nil {
		t.Fatal(err)
	}
	if err := c.Publish("orders.big", "", nil, make([]byte, 500)); err != nil {
		t.Fatalf("the server did not announce the new limit, yet: %v", err)
	}
	await(t, "the end", c.Done())
	if !errors.Is(c.Err(), wire.ErrMaxPayload) {
		t.Errorf("reason: %v", c.Err())
	}
}

func TestRefusedCredentialsAreNamed(t *testing.T) {
	s := startServer(t, func(o *server.Options) { o.Username, o.Password = "ann", "secret" })
	for name, c := range map[string]struct {
		cfg wire.Config
		ok  bool
	}{
		"right":        {wire.Config{User: "ann", Password: "secret"}, true},
		"wrong":        {wire.Config{User: "ann", Password: "guess"}, false},
		"none":         {wire.Config{}, false},
		"only a token": {wire.Config{Token: "secret"}, false},
	} {
		c.cfg.URL = s.ClientURL()
		conn, err := wire.Dial(t.Context(), c.cfg)
		if c.ok != (err == nil) || (!c.ok && !errors.Is(err, wire.ErrAuth)) {
			t.Errorf("%s: %v", name, err)
		}
		if conn != nil {
			conn.Close()
		}
	}
	inURL, err := wire.Dial(t.Context(), wire.Config{URL: strings.Replace(s.ClientURL(), "//", "//ann:secret@", 1)})
	if err != nil {
		t.Fatalf("credentials in the URL: %v", err)
	}
	inURL.Close()
}

func TestATokenIsSent(t *testing.T) {
	s := startServer(t, func(o *server.Options) { o.Authorization = "token" })
	dial(t, s, wire.Config{Token: "token"})
}

func TestAMissingPermissionIsToldAndTheConnectionLives(t *testing.T) {
	only := &server.SubjectPermission{Allow: []string{"may.>"}}
	s := startServer(t, func(o *server.Options) {
		o.Users = []*server.User{{Username: "ann", Password: "p", Permissions: &server.Permissions{Publish: only, Subscribe: only}}}
	})
	told := make(chan error, 2)
	var logged lines
	c := dial(t, s, wire.Config{
		User: "ann", Password: "p",
		OnError: func(err error) { told <- err },
		Log:     slog.New(slog.NewTextHandler(&logged, nil)),
	})
	if err := c.Publish("not.this", "", nil, nil); err != nil {
		t.Fatal(err)
	}
	if err := await(t, "the violation", told); !errors.Is(err, wire.ErrPermission) || !strings.Contains(err.Error(), "not.this") {
		t.Errorf("publish: %v", err)
	}
	if _, err := c.Subscribe("nor.this", func(*wire.Msg) {}); err != nil {
		t.Fatal(err)
	}
	if err := await(t, "the violation", told); !errors.Is(err, wire.ErrPermission) || !strings.Contains(err.Error(), "nor.this") {
		t.Errorf("subscribe: %v", err)
	}
	got := collect(t, c, "may.>")
	if err := c.Publish("may.do", "", nil, nil); err != nil {
		t.Fatal(err)
	}
	await(t, "an allowed message", got)
	if text := logged.String(); strings.Count(text, "Permissions Violation") != 2 || !strings.Contains(text, "server=tested") {
		t.Errorf("log: %s", text)
	}
}

// lines is a log to read from another goroutine.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func TestARequestNobodyAnswers(t *testing.T) {
	s := startServer(t, nil)
	c := dial(t, s, wire.Config{})
	bounded, stop := context.WithTimeout(t.Context(), patience)
	defer stop()
	if _, err := c.Request(bounded, "nobody.here", nil, nil); !errors.Is(err, wire.ErrNoResponders) {
		t.Errorf("without a subscriber: %v", err)
	}
	collect(t, c, "silent.one")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := c.Request(ctx, "silent.one", nil, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("with a silent subscriber: %v", err)
	}
}

func TestForeignTextInASubjectDoesNotBecomeACommand(t *testing.T) {
	s := startServer(t, nil)
	c := dial(t, s, wire.Config{})
	for _, bad := range []string{"", "a b", "a\r\nPUB b 0\r\n", "a\tb", "a\x00"} {
		if err := c.Publish(bad, "", nil, nil); !errors.Is(err, wire.ErrSubject) {
			t.Errorf("publish to %q: %v", bad, err)
		}
		if _, err := c.Subscribe(bad, nil); !errors.Is(err, wire.ErrSubject) {
			t.Errorf("subscribe to %q: %v", bad, err)
		}
		if err := c.PublishParts(wire.Pub{Subject: []byte("a"), Reply: []byte(bad)}); bad != "" && !errors.Is(err, wire.ErrSubject) {
			t.Errorf("reply %q: %v", bad, err)
		}
	}
	ping(t, c)
}
