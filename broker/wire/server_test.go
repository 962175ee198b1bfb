package wire_test

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
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
