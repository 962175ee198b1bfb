package gateway_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"geomq/geo/gateway"
)

// In a cluster every server tells clients of the others, in its first INFO and
// again after the first PING: neither may reach a client of the gateway.
func TestClientsAreNotLedAroundTheGateway(t *testing.T) {
	t.Parallel()
	a, b := twoOfACluster(t)
	direct := connect(t, a.Addr().String())
	await(t, 10*time.Second, func() error {
		if len(direct.DiscoveredServers()) == 0 {
			return fmt.Errorf("the servers tell of nobody: the test would prove nothing")
		}
		return nil
	})
	g := startGateway(t, gateway.Config{}, backendOf("a", a), backendOf("b", b))
	nc := connect(t, g.Addr())
	if err := nc.Flush(); err != nil { // the answer comes behind the INFO that the first PING brings
		t.Fatal(err)
	}
	own := strings.Replace(g.Addr(), "127.0.0.1", "localhost", 1)
	if found := nc.DiscoveredServers(); len(found) != 1 || !strings.HasSuffix(found[0], own) {
		t.Errorf("the client knows of %v", found)
	}
	third := startServer(t, clusterConf("c", a.ClusterAddr()))
	await(t, 10*time.Second, func() error {
		if third.NumRoutes() == 0 || len(direct.DiscoveredServers()) < 2 {
			return fmt.Errorf("the change of the cluster has not been told")
		}
		return nil
	})
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	if found := nc.DiscoveredServers(); len(found) != 1 {
		t.Errorf("after the cluster changed the client knows of %v", found)
	}
}

func clusterConf(name string, to net.Addr) string {
	routes := ""
	if to != nil {
		routes = fmt.Sprintf("routes: [\"nats-route://%s\"]", to)
	}
	return fmt.Sprintf("server_name: %s\ncluster {name: east, host: 127.0.0.1, port: -1, %s}\n", name, routes)
}

func twoOfACluster(t *testing.T) (a, b *server.Server) {
	t.Helper()
	a = startServer(t, clusterConf("a", nil))
	b = startServer(t, clusterConf("b", a.ClusterAddr()))
	return a, b
}

func TestWhatClientsNeedPassesUnchanged(t *testing.T) {
	t.Parallel()
	s := startServer(t, "jetstream {store_dir: "+fmt.Sprintf("%q", t.TempDir())+"}\nauthorization {user: u, password: p}\n")
	b := backendOf("a", s)
	b.User, b.Password = "u", "p"
	g := startGateway(t, gateway.Config{}, b)
	nc := connect(t, g.Addr(), nats.UserInfo("u", "p"))
	sub, err := nc.SubscribeSync("echo.>")
	if err != nil {
		t.Fatal(err)
	}
	body := strings.Repeat("0123456789abcdef", 60_000)
	want := &nats.Msg{Subject: "echo.one", Header: nats.Header{"Key": {"a", "b"}}, Data: []byte(body)}
	if err := nc.PublishMsg(want); err != nil {
		t.Fatal(err)
	}
	got, err := sub.NextMsg(10 * time.Second)
	if err != nil || string(got.Data) != body || len(got.Header["Key"]) != 2 {
		t.Errorf("%v, %d bytes back", err, len(body))
	}
	if !nc.HeadersSupported() || nc.MaxPayload() != 1<<20 {
		t.Errorf("the client learned headers %v, payload %d", nc.HeadersSupported(), nc.MaxPayload())
	}
	if _, err := nats.Connect("nats://"+g.Addr(), nats.UserInfo("u", "wrong")); err == nil {
		t.Error("a wrong password was good enough")
	}
	await(t, 5*time.Second, func() error {
		if row := g.row("a"); row.Received < int64(len(body)) || row.Sent < int64(len(body)) {
			return fmt.Errorf("counted are %d and %d bytes", row.Received, row.Sent)
		}
		return nil
	})
}

func TestABackendThatWantsCredentialsTheGatewayHasNotIsProbedByItsGreeting(t *testing.T) {
	t.Parallel()
	s := startServer(t, "authorization {user: u, password: p}\n")
	g := startGateway(t, gateway.Config{}, backendOf("a", s))
	connect(t, g.Addr(), nats.UserInfo("u", "p"))
	s.Shutdown()
	await(t, 5*time.Second, func() error { return g.are(gateway.StateDead, "a") })
}

// hung accepts connections and says nothing, as a stopped process does.
func hung(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.Addr().String()
}

func TestABackendThatSaysNothingIsPassedOverBeforeTheClientSeesAnything(t *testing.T) {
	t.Parallel()
	s := startServer(t, "")
	silent := gateway.Backend{Name: "silent", Region: "us-east", NATS: hung(t)}
	good := backendOf("good", s)
	good.Preference = 1
	g := startGateway(t, gateway.Config{Directory: gateway.Static{silent, good}, DialTimeout: 300 * time.Millisecond})
	nc := connect(t, g.Addr()) // its own patience is 2 s
	if serverOf(nc) != s.Name() {
		t.Errorf("the client is at %s", serverOf(nc))
	}
	await(t, 5*time.Second, func() error { return g.are(gateway.StateDead, "silent") })
}

func TestStrangersAreTurnedAway(t *testing.T) {
	t.Parallel()
	s := startServer(t, "")
	g := startGateway(t, gateway.Config{HandshakeTimeout: 300 * time.Millisecond}, backendOf("a", s))
	for name, sent := range map[string]string{
		"a browser":       "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
		"a huge line":     "CONNECT {" + strings.Repeat("x", 1<<20),
		"noise":           "\x00\xff\x00\xff\r\n",
		"a slow client":   "CONNECT {",
		"a silent client": "",
	} {
		t.Run(name, func(t *testing.T) {
			conn, r := talk(t, g.Addr())
			line(t, r)
			_, _ = io.WriteString(conn, sent) // it may be cut off half way
			ended(t, r)
		})
	}
	await(t, 5*time.Second, func() error {
		row := g.row("a")
		if row.Closed[gateway.CauseStranger] != 5 || row.Connections != 0 {
			return fmt.Errorf("counted are %v, %d are open", row.Closed, row.Connections)
		}
		return nil
	})
	connect(t, g.Addr())
}

func TestAClientThatOnlyFinishesSendingStillGetsItsAnswer(t *testing.T) {
	t.Parallel()
	s := startServer(t, "")
	g := startGateway(t, gateway.Config{}, backendOf("a", s))
	conn, r := talk(t, g.Addr())
	line(t, r)
	if _, err := io.WriteString(conn, "CONNECT {\"verbose\":true}\r\n"); err != nil {
		t.Fatal(err)
	}
	if got := line(t, r); got != "+OK" {
		t.Fatalf("got %s", got)
	}
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	ended(t, r)
	await(t, 5*time.Second, func() error {
		if g.row("a").Closed[gateway.CauseClient] != 1 {
			return fmt.Errorf("%v", g.row("a").Closed)
		}
		return nil
	})
}

func TestMoreConnectionsThanMayBeAreTurnedAway(t *testing.T) {
	t.Parallel()
	s := startServer(t, "")
	g := startGateway(t, gateway.Config{MaxConnections: 2}, backendOf("a", s))
	connect(t, g.Addr())
	second := connect(t, g.Addr())
	_, r := talk(t, g.Addr())
	ended(t, r)
	if g.Status().Closed[gateway.CauseLimit] != 1 {
		t.Errorf("%+v", g.Status())
	}
	second.Close()
	await(t, 5*time.Second, func() error {
		nc, err := nats.Connect("nats://" + g.Addr())
		if err == nil {
			nc.Close()
		}
		return err
	})
}

// Connections that rest cost two goroutines and no buffer, and all of that is gone
// in the end.
func TestThousandsOfIdleConnectionsCostLittleAndLeaveNothing(t *testing.T) {
	s := startServer(t, "")
	before := runtime.NumGoroutine()
	patient := gateway.Config{DialTimeout: 20 * time.Second, Patience: 20 * time.Second} // of a busy machine
	g := startGateway(t, patient, backendOf("a", s))
	clients := 2000
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err == nil {
		clients = min(clients, int(limit.Cur/6)) // each has four ends in this process
	}
	connections := make([]net.Conn, clients)
	for i := range connections {
		conn, err := net.Dial("tcp", g.Addr())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		connections[i] = conn
		if _, err := io.WriteString(conn, "CONNECT {\"verbose\":false}\r\nPING\r\n"); err != nil {
			t.Fatal(err)
		}
	}
	await(t, 20*time.Second, func() error {
		if n := g.row("a").Connections; n != clients || s.NumClients() < clients {
			return fmt.Errorf("%d of %d are through", n, clients)
		}
		return nil
	})
	connect(t, g.Addr())
	for _, conn := range connections {
		conn.Close()
	}
	await(t, 20*time.Second, func() error {
		if n := g.row("a").Connections; n > 1 {
			return fmt.Errorf("%d connections of clients that left are open", n)
		}
		return nil
	})
	g.stop()
	await(t, 20*time.Second, func() error {
		if n := runtime.NumGoroutine(); n > before+20 {
			return fmt.Errorf("%d goroutines, %d before", n, before)
		}
		return nil
	})
}

// A client that stops reading without leaving, or whose machine has forgotten it,
// is given up, however much waits for it.
func TestAClientThatReadsNothingAnyMoreIsGivenUp(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("other systems decide themselves how long they resend")
	}
	s := startServer(t, "")
	g := startGateway(t, gateway.Config{Unacknowledged: time.Second}, backendOf("a", s))
	conn, r := talk(t, g.Addr())
	line(t, r)
	if _, err := io.WriteString(conn, "CONNECT {\"verbose\":false}\r\nSUB flood 1\r\nPING\r\n"); err != nil {
		t.Fatal(err)
	}
	for line(t, r) != "PONG" {
	}
	nc := connect(t, s.Addr().String())
	for range 30 {
		if err := nc.Publish("flood", make([]byte, 1<<20)); err != nil {
			t.Fatal(err)
		}
	}
	await(t, 9*time.Second, func() error { // the server itself would wait for 10 s
		if row := g.row("a"); row.Connections > 0 {
			return fmt.Errorf("it is still there: %+v", row)
		}
		return nil
	})
}

// directory is a Directory that tests write.
type directory chan []gateway.Entry

func (d directory) Watch(ctx context.Context, tell func([]gateway.Entry)) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case entries := <-d:
			tell(entries)
		}
	}
}

func TestAFencedBackendIsLeftAtOnce(t *testing.T) {
	t.Parallel()
	a, b := startServer(t, ""), startServer(t, "")
	d := make(directory)
	g := startGateway(t, gateway.Config{Directory: d})
	d <- []gateway.Entry{{Backend: backendOf("a", a)}}
	await(t, 5*time.Second, func() error { return g.are(gateway.StateUp, "a") })
	nc := connect(t, g.Addr())
	d <- []gateway.Entry{{Backend: backendOf("a", a), Standing: gateway.Fenced, Why: "it lost its lease"}, {Backend: backendOf("b", b)}}
	await(t, 5*time.Second, func() error {
		if !nc.IsConnected() || serverOf(nc) != b.Name() {
			return fmt.Errorf("the client is at %s", serverOf(nc))
		}
		return nil
	})
	if g.row("a").Closed[gateway.CauseFenced] != 1 {
		t.Errorf("%+v", g.row("a"))
	}
}
