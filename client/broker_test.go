package client

import (
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"geomq/geo"
	"geomq/geo/entry"
)

const deadline = 30 * time.Second

// testBroker is a NATS server with JetStream that can be stopped and started
// again on the same port and store.
type testBroker struct {
	t      *testing.T
	dir    string
	port   int
	server *server.Server
	// own are the test's own connections, outside of what is tested.
	own []*nats.Conn
}

func newBroker(t *testing.T) *testBroker {
	t.Helper()
	b := &testBroker{t: t, dir: filepath.Join(t.TempDir(), "store"), port: -1}
	b.start()
	t.Cleanup(b.stop)
	return b
}

func (b *testBroker) start() {
	b.t.Helper()
	s, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: b.port, JetStream: true, StoreDir: b.dir, NoLog: true, NoSigs: true,
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
		until(b.t, "the test's own connection", func() bool { return nc.ConnectedServerId() == s.ID() })
	}
}

func (b *testBroker) stop() {
	b.server.Shutdown()
	b.server.WaitForShutdown()
}

func (b *testBroker) url() string { return b.server.ClientURL() }

// region is what a test sees of a broker's streams.
type region struct {
	t  *testing.T
	nc *nats.Conn
	js jetstream.JetStream
}

func (b *testBroker) region() *region {
	b.t.Helper()
	nc, err := nats.Connect(b.url(), nats.MaxReconnects(-1), nats.ReconnectWait(20*time.Millisecond))
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(nc.Close)
	b.own = append(b.own, nc)
	js, err := jetstream.New(nc)
	if err != nil {
		b.t.Fatal(err)
	}
	return &region{b.t, nc, js}
}

// origin creates a log as the region's own.
func (r *region) origin(name string, subjects ...string) {
	r.t.Helper()
	_, err := r.js.CreateStream(r.t.Context(), jetstream.StreamConfig{Name: name, Subjects: subjects})
	if err != nil {
		r.t.Fatal(err)
	}
}

// replica creates a stream that holds another region's entries.
func (r *region) replica(c geo.CommitLog) {
	r.t.Helper()
	ingest := ingestOf(c)
	_, err := r.js.CreateStream(r.t.Context(), jetstream.StreamConfig{
		Name: c.Stream(), Subjects: []string{ingest + ">"},
		SubjectTransform: &jetstream.SubjectTransformConfig{Source: ingest + ">", Destination: ">"},
	})
	if err != nil {
		r.t.Fatal(err)
	}
}

func ingestOf(c geo.CommitLog) string {
	return "geomq.r.secret." + string(c.Origin) + "." + c.Queue.Label() + "."
}

// apply stores an entry in a replica the way a link does.
func (r *region) apply(c geo.CommitLog, e entry.Entry) {
	r.t.Helper()
	_, block, body := e.Stored(nil)
	header, err := nats.DecodeHeadersMsg(block)
	if err != nil {
		r.t.Fatal(err)
	}
	ack, err := r.js.PublishMsg(r.t.Context(), &nats.Msg{Subject: ingestOf(c) + string(e.Subject), Header: header, Data: body})
	if err != nil {
		r.t.Fatal(err)
	}
	if geo.Offset(ack.Sequence) != e.Offset {
		r.t.Fatalf("entry %d was stored at %d", e.Offset, ack.Sequence)
	}
}

// publish stores a message as a producer does.
func (r *region) publish(subject, body string) {
	r.t.Helper()
	if _, err := r.js.Publish(r.t.Context(), subject, []byte(body)); err != nil {
		r.t.Fatal(err)
	}
}
