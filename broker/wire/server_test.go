package wire_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"geomq/broker/wire"
)

// patience bounds what must happen on the wall clock.
const patience = 10 * time.Second

// startServer runs a real server on an ephemeral loopback port.
func startServer(t testing.TB, change func(*server.Options)) *server.Server {
	t.Helper()
	opts := &server.Options{ServerName: "tested", Host: "127.0.0.1", Port: -1, NoLog: true, NoSigs: true}
	if change != nil {
		change(opts)
	}
	s, err := server.NewServer(opts)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	if !s.ReadyForConnections(patience) {
		t.Fatal("server doesn't accept connections")
	}
	return s
}

func dial(t testing.TB, s *server.Server, cfg wire.Config) *wire.Conn {
	t.Helper()
	cfg.URL = s.ClientURL()
	c, err := wire.Dial(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// collect subscribes and gives copies of what arrives.
func collect(t testing.TB, c *wire.Conn, subject string) <-chan *wire.Msg {
	t.Helper()
	got := make(chan *wire.Msg, 10_000)
	if _, err := c.Subscribe(subject, func(m *wire.Msg) { got <- m.Clone() }); err != nil {
		t.Fatal(err)
	}
	ping(t, c)
	return got
}

func ping(t testing.TB, c *wire.Conn) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := c.Ping(ctx); err != nil {
		t.Fatal(err)
	}
}

func await[T any](t testing.TB, what string, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		t.Fatalf("waited %v for %s", patience, what)
		panic("unreachable")
	}
}

func TestMessagesPassByteForByte(t *testing.T) {
	s := startServer(t, nil)
	from, to := dial(t, s, wire.Config{}), dial(t, s, wire.Config{})
	got := collect(t, to, "orders.>")
	binary := make([]byte, 1<<20-1024)
	for i := range binary {
		binary[i] = byte(i * 7)
	}
	for name, m := range map[string]wire.Pub{
		"nothing but a subject":    {},
		"a reply":                  {Reply: []byte("_INBOX.x.1"), Body: []byte("b")},
		"the largest body":         {Body: make([]byte, 1<<20)},
		"binary body and header":   {Header: []byte("NATS/1.0\r\na: b\r\n\r\n"), Body: binary},
		"a body of commands":       {Body: []byte("\r\nPING\r\n-ERR 'x'\r\nMSG a 1 0\r\n\r\n")},
		"header, empty body":       {Header: []byte("NATS/1.0\r\n\r\n")},
		"duplicates in order":      {Header: []byte("NATS/1.0\r\nz: 1\r\na: 2\r\nz: 3\r\na: 2\r\n\r\n")},
		"cases of the same name":   {Header: []byte("NATS/1.0\r\nkey: 1\r\nKEY: 2\r\nKey: 3\r\n\r\n")},
		"no space after the colon": {Header: []byte("NATS/1.0\r\na:1\r\nb:  2  \r\nc:\t3\r\n\r\n")},
		"blank values":             {Header: []byte("NATS/1.0\r\na:\r\nb: \r\n\r\n")},
		"not even header syntax":   {Header: []byte("\x00\xffwhat is this\n\n"), Body: []byte("b")},
		"60 KiB of header": {
			Header: []byte("NATS/1.0\r\n" + strings.Repeat("Key: some value\r\n", 60<<10/17) + "\r\n"), Body: []byte("b"),
		},
	} {
		t.Run(name, func(t *testing.T) {
			m.Subject = []byte("orders.created")
			if err := from.PublishParts(m); err != nil {
				t.Fatal(err)
			}
			if err := from.Publish(string(m.Subject), string(m.Reply), m.Header, m.Body); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				assertSame(t, m, await(t, "the message", got))
			}
		})
	}
}

func assertSame(t *testing.T, want wire.Pub, got *wire.Msg) {
	t.Helper()
	for _, part := range []struct {
		name      string
		want, got []byte
	}{
		{"subject", want.Subject, got.Subject}, {"reply", want.Reply, got.Reply},
		{"header", want.Header, got.Header}, {"body", want.Body, got.Body},
	} {
		if string(part.want) != string(part.got) {
			t.Errorf("%s: got %d bytes %.60q, want %d bytes %.60q", part.name, len(part.got), part.got, len(part.want), part.want)
		}
	}
	if (want.Header == nil) != (got.Header == nil) || (want.Reply == nil) != (got.Reply == nil) {
		t.Errorf("absent and empty confused: header %v, reply %v", got.Header, got.Reply)
	}
}

func TestTheInProcessConnectionIsAConnectionToo(t *testing.T) {
	s := startServer(t, func(o *server.Options) { o.DontListen = true })
	c, err := wire.Dial(t.Context(), wire.Config{
		Dial: func(context.Context) (net.Conn, error) { return s.InProcessConn() },
		Name: "link ORDERS@us-east",
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if c.ServerID() != s.ID() || c.ServerName() != "tested" || c.MaxPayload() != 1<<20 {
		t.Errorf("id %q, name %q, max payload %d", c.ServerID(), c.ServerName(), c.MaxPayload())
	}
	shown, err := s.Connz(nil)
	if err != nil || len(shown.Conns) != 1 || shown.Conns[0].Name != "link ORDERS@us-east" {
		t.Errorf("the server shows %+v, %v", shown, err)
	}
	got := collect(t, c, "a.*")
	for i := range 1000 {
		if err := c.Publish("a.b", "", nil, fmt.Append(nil, i)); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 1000 {
		if m := await(t, "a message", got); string(m.Body) != fmt.Sprint(i) {
			t.Fatalf("message %d says %q", i, m.Body)
		}
	}
}

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

func TestRequestsGetTheirOwnReplies(t *testing.T) {
	s := startServer(t, nil)
	answering, asking := dial(t, s, wire.Config{}), dial(t, s, wire.Config{})
	if _, err := answering.Subscribe("double", func(m *wire.Msg) {
		answer := append(append([]byte(nil), m.Body...), m.Body...)
		if err := answering.PublishParts(wire.Pub{Subject: m.Reply, Header: m.Header, Body: answer}); err != nil {
			t.Error(err)
		}
	}); err != nil {
		t.Fatal(err)
	}
	ping(t, answering)
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() {
			header, body := []byte("NATS/1.0\r\nx:y\r\n\r\n"), fmt.Sprint("q", i, ".")
			m, err := asking.Request(t.Context(), "double", header, []byte(body))
			if err != nil || string(m.Body) != body+body || string(m.Header) != string(header) {
				t.Errorf("request %d: %+v, %v", i, m, err)
			}
		})
	}
	all.Wait()
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

func TestInboxesAreUnique(t *testing.T) {
	s := startServer(t, nil)
	seen := map[string]bool{}
	for range 2 {
		c := dial(t, s, wire.Config{})
		for range 100 {
			inbox := c.NewInbox()
			if seen[inbox] || !strings.HasPrefix(inbox, "_INBOX.") {
				t.Errorf("%q", inbox)
			}
			seen[inbox] = true
		}
	}
}

func TestConcurrentPublishersKeepTheirOrder(t *testing.T) {
	const publishers, each = 8, 1000
	s := startServer(t, nil)
	from, to := dial(t, s, wire.Config{WriteBuffer: 8 << 10}), dial(t, s, wire.Config{})
	var next [publishers]int
	complete := make(chan struct{})
	total := 0
	if _, err := to.Subscribe("p.*", func(m *wire.Msg) {
		who := m.Subject[2] - '0'
		if want := fmt.Sprint(next[who]); string(m.Body) != want {
			t.Errorf("publisher %d: got %s, want %s", who, m.Body, want)
		}
		next[who]++
		if total++; total == publishers*each {
			close(complete)
		}
	}); err != nil {
		t.Fatal(err)
	}
	ping(t, to)
	for who := range publishers {
		go func() {
			for i := range each {
				if err := from.Publish(fmt.Sprint("p.", who), "", []byte("NATS/1.0\r\n\r\n"), fmt.Append(nil, i)); err != nil {
					t.Error(err)
				}
			}
		}()
	}
	await(t, "all messages", complete)
}

func TestAServerThatStopsEndsTheConnection(t *testing.T) {
	s := startServer(t, nil)
	c := dial(t, s, wire.Config{})
	s.Shutdown()
	await(t, "the end", c.Done())
	if c.Err() == nil || errors.Is(c.Err(), wire.ErrClosed) {
		t.Errorf("reason: %v", c.Err())
	}
}

func TestABlackHoleOnTCPEndsTheConnection(t *testing.T) {
	s := startServer(t, nil)
	p := startProxy(t, s.Addr().String())
	c, err := wire.Dial(t.Context(), wire.Config{URL: "nats://" + p.address(), PingInterval: 100 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ping(t, c)
	p.swallow.Store(true)
	start := time.Now()
	await(t, "the end", c.Done())
	if took := time.Since(start); took > 5*time.Second || !errors.Is(c.Err(), wire.ErrSilent) {
		t.Errorf("after %v: %v", took, c.Err())
	}
}

// proxy forwards until it is told to swallow: then it takes bytes and passes
// none on, and closes nothing.
type proxy struct {
	listener net.Listener
	swallow  atomic.Bool
}

func startProxy(t *testing.T, target string) *proxy {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{listener: l}
	t.Cleanup(func() { l.Close() })
	go func() {
		client, err := l.Accept()
		if err != nil {
			return
		}
		upstream, err := net.Dial("tcp", target)
		if err != nil {
			t.Error(err)
			return
		}
		t.Cleanup(func() { client.Close(); upstream.Close() })
		go io.Copy(p.through(upstream), client)
		go io.Copy(p.through(client), upstream)
	}()
	return p
}

func (p *proxy) address() string { return p.listener.Addr().String() }

func (p *proxy) through(w io.Writer) io.Writer {
	return writerFunc(func(b []byte) (int, error) {
		if p.swallow.Load() {
			return len(b), nil
		}
		return w.Write(b)
	})
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

func TestNoGoroutineOutlivesClose(t *testing.T) {
	s := startServer(t, nil)
	for range 20 {
		c := dial(t, s, wire.Config{})
		collect(t, c, "a")
		if _, err := c.Request(t.Context(), "nobody", nil, nil); !errors.Is(err, wire.ErrNoResponders) {
			t.Fatal(err)
		}
		var closers sync.WaitGroup
		for range 3 {
			closers.Go(func() {
				if err := c.Close(); err != nil {
					t.Error(err)
				}
			})
		}
		closers.Wait()
	}
	stacks := make([]byte, 1<<20)
	if text := string(stacks[:runtime.Stack(stacks, true)]); strings.Contains(text, "wire.(*Conn)") {
		t.Errorf("still running:\n%s", text)
	}
}
