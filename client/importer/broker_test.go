package importer

import (
	"context"
	"net"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"geomq/client/internal/ordered"
	"geomq/geo"
	"geomq/geo/entry"
)

const (
	testStream = "ORDERS@us-east"
	testTopic  = "orders.created"
	deadline   = 30 * time.Second
)

// testBroker is a NATS server with JetStream that can be stopped and started
// again on the same port and store.
type testBroker struct {
	t      *testing.T
	dir    string
	port   int
	server *server.Server
	// users are those who may connect, everybody if there are none.
	users []*server.User
	// own are the test's own connections, outside of what is tested.
	own []*nats.Conn
}

func newBroker(t *testing.T, users ...*server.User) *testBroker {
	t.Helper()
	b := &testBroker{t: t, dir: filepath.Join(t.TempDir(), "store"), port: -1, users: users}
	b.start()
	t.Cleanup(b.stop)
	return b
}

func (b *testBroker) start() {
	b.t.Helper()
	s, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: b.port, JetStream: true, StoreDir: b.dir, NoLog: true, NoSigs: true, Users: b.users,
	})
	if err != nil {
		b.t.Fatal(err)
	}
	s.Start()
	if !s.ReadyForConnections(deadline) {
		b.t.Fatal("the broker does not start")
	}
	b.server, b.port = s, s.Addr().(*net.TCPAddr).Port
	for _, nc := range b.own {
		for end := time.Now().Add(deadline); nc.ConnectedServerId() != s.ID(); runtime.Gosched() {
			if time.Now().After(end) {
				b.t.Fatal("the test's own connection does not come back")
			}
		}
	}
}

func (b *testBroker) stop() {
	b.server.Shutdown()
	b.server.WaitForShutdown()
}

func (b *testBroker) restart() {
	b.t.Helper()
	b.stop()
	b.start()
}

func (b *testBroker) url() string { return b.server.ClientURL() }

// connect returns a connection of the test's own, outside of what is tested.
func (b *testBroker) connect(options ...nats.Option) jetstream.JetStream {
	b.t.Helper()
	nc, err := nats.Connect(b.url(), append(options, nats.MaxReconnects(-1), nats.ReconnectWait(20*time.Millisecond))...)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(nc.Close)
	b.own = append(b.own, nc)
	js, err := jetstream.New(nc)
	if err != nil {
		b.t.Fatal(err)
	}
	return js
}

// log creates the log that the tests import into.
func (b *testBroker) log(js jetstream.JetStream, window time.Duration) {
	b.t.Helper()
	_, err := js.CreateStream(context.Background(), jetstream.StreamConfig{
		Name: testStream, Subjects: []string{"orders.>"}, Duplicates: window,
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

// held is one entry as the log has it.
type held struct {
	offset  geo.Offset
	subject string
	id      string
	body    string
}

// contents reads the whole log.
func contents(t *testing.T, js jetstream.JetStream) []held {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	stream, err := js.Stream(ctx, testStream)
	if err != nil {
		t.Fatal(err)
	}
	last := geo.Offset(stream.CachedInfo().State.LastSeq)
	if last == 0 {
		return nil
	}
	var all []held
	err = ordered.Read(ctx, js, ordered.Config{Stream: testStream, Until: last}, func(m ordered.Message) error {
		all = append(all, held{m.Offset, m.Subject(), m.Headers().Get(entry.MessageID), string(m.Data())})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// forgotten waits until the log recognises no id any more that it has now.
func forgotten(t *testing.T, js jetstream.JetStream) {
	t.Helper()
	const probe = "forgotten-probe"
	deadline := time.Now().Add(deadline)
	for n := 0; ; n++ {
		ack, err := js.Publish(context.Background(), "orders.probe", nil, jetstream.WithMsgID(probe))
		if err != nil {
			t.Fatal(err)
		}
		if n > 0 && !ack.Duplicate {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the log never forgets an id")
		}
	}
}
