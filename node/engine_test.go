package node_test

import (
	"os/signal"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"geomq/admin"
	"geomq/geo"
)

// smallFiles lets no file of this process grow beyond size bytes: to the servers,
// a disk that fails a write. The result takes that back.
func smallFiles(t *testing.T, size uint64) (free func()) {
	t.Helper()
	signal.Ignore(syscall.SIGXFSZ)
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
		t.Fatal(err)
	}
	free = func() {
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
			t.Error(err)
		}
		signal.Reset(syscall.SIGXFSZ)
	}
	t.Cleanup(free)
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: size, Max: before.Max}); err != nil {
		t.Fatal(err)
	}
	return free
}

// TestAnEngineThatRefusesWritesIsStartedAgain: its duties end and begin anew,
// producers get in again, offsets go on behind what was acknowledged, and the
// links of both sides go on.
func TestAnEngineThatRefusesWritesIsStartedAgain(t *testing.T) {
	w := newWorld(t, nil, "us-east", "eu-west")
	nc, err := nats.Connect(w.nodes["us-east"].NATS(), nats.MaxReconnects(-1), nats.ReconnectWait(50*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc, jetstream.WithDefaultTimeout(500*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	server := w.nodes["us-east"].Broker().ServerID()
	free := smallFiles(t, 1<<20)
	acked := uint64(0)
	for acked < 100 {
		ack, err := js.Publish(t.Context(), "orders.large", make([]byte, 100<<10), jetstream.WithRetryAttempts(0))
		if err != nil {
			break
		}
		acked = ack.Sequence
	}
	free()
	if acked == 0 || acked == 100 {
		t.Fatalf("the disk failed behind %d messages", acked)
	}
	next := w.taken(js)
	if next <= acked || w.nodes["us-east"].Broker().ServerID() == server {
		t.Fatalf("%d messages were acknowledged, the next one is at %d", acked, next)
	}
	w.holds("eu-west", "ORDERS@us-east", next)
	compare(t, w, "ORDERS@us-east", next)
	if err := w.nodes["us-east"].Orders().Ready(); err != nil {
		t.Errorf("the node is not ready: %v", err)
	}
	if l := w.log("us-east"); l.State != admin.LogOpen || l.Entries != uint64(l.Last) {
		t.Errorf("the log is %+v", l)
	}
}

// TestAnInterruptedFirstOpeningIsNoLostTail: a log that was never open has nothing
// to lose. Its first opening, broken off while it waited for a region that was
// down, must not look like a log whose tail is lost.
func TestAnInterruptedFirstOpeningIsNoLostTail(t *testing.T) {
	t.Parallel()
	w := newWorld(t, waits(t), "us-east", "eu-west")
	w.stops["us-east"]()
	w.stops["eu-west"]()
	for _, region := range []geo.Region{"us-east", "eu-west"} {
		w.cfgs[region].Data += "-new"
	}
	w.start("us-east") // waits for eu-west
	first := w.nodes["us-east"]
	w.opening("us-east")
	<-time.After(600 * time.Millisecond) // two looks at the logs' ends
	w.stops["us-east"]()
	select {
	case <-first.Ready():
		t.Fatal("it did not wait")
	default:
	}
	w.start("us-east")
	w.start("eu-west")
	w.await("us-east")
	if l := w.log("us-east"); len(l.Epochs) != 1 || l.Last != 0 {
		t.Errorf("a log that never had an entry begins with epochs %s and ends at %d", l.Epochs, l.Last)
	}
}
