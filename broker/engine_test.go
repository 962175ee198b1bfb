package broker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"geomq/geo"
)

// fullDisk lets no file of this process grow beyond size bytes, which to the
// server is a disk without room: a write stores a part and fails. The result makes
// room again.
func fullDisk(t *testing.T, size uint64) (free func()) {
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

// TestAFullDiskIsNoticedAndARestartGoesOn: JetStream gives producers no answer
// once a write has failed, for good, whatever room there is.
func TestAFullDiskIsNoticedAndARestartGoesOn(t *testing.T) {
	b := openBroker(t, testConfig(t, "us-east"))
	l := openOrigin(t, b)
	js, err := connect(t, b, nats.MaxReconnects(-1), nats.ReconnectWait(10*time.Millisecond)).JetStream(nats.MaxWait(500 * time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Failing(); err != nil {
		t.Fatal("before anything is wrong:", err)
	}
	free := fullDisk(t, 1<<20)
	large, acked := make([]byte, 100<<10), geo.Offset(0)
	for err = nil; err == nil && acked < 100; {
		if _, err = js.Publish("orders.a", large); err == nil {
			acked++
		}
	}
	if err == nil || acked == 0 {
		t.Fatalf("%d messages were stored, then %v", acked, err)
	}
	why := b.Failing()
	if !errors.Is(why, ErrEngine) || !strings.Contains(why.Error(), "file too large") || !strings.Contains(why.Error(), orders.Stream()) {
		t.Fatalf("the failure is reported as %v", why)
	}
	free()
	if _, err := js.Publish("orders.a", nil); err == nil {
		t.Fatal("the engine recovered by itself: then no restart is needed any more")
	}
	server, url := b.ServerID(), b.LocalURL()
	if err := b.Restart(deadline(t)); err != nil {
		t.Fatal(err)
	}
	if err := b.Failing(); err != nil || b.ServerID() == server || b.LocalURL() != url {
		t.Fatalf("after the restart: %v, server %s, %s", err, b.ServerID(), b.LocalURL())
	}
	await(t, func() bool { _, err = js.Publish("orders.a", []byte("after")); return err == nil })
	if e := extentOf(t, l); e.Last < acked+1 || e.First != 1 || e.Entries != uint64(e.Last) {
		t.Fatalf("%d messages were acknowledged, the log holds %+v", acked+1, e)
	}
}

// TestAJournalTellsWhyItDoesNotWrite: who waits for an ack learns of the disk.
func TestAJournalTellsWhyItDoesNotWrite(t *testing.T) {
	b := openBroker(t, testConfig(t, "us-east"))
	j := openJournal(t, b, JournalConfig{})
	free := fullDisk(t, 1<<20)
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	large := make([]byte, 100<<10)
	var err error
	for i := 0; err == nil && i < 100; i++ {
		_, err = j.Put(ctx, fmt.Sprint(i), large)
	}
	if !errors.Is(err, ErrEngine) || !strings.Contains(err.Error(), "file too large") {
		t.Fatalf("got %v", err)
	}
	free()
	if err := b.Restart(deadline(t)); err != nil {
		t.Fatal(err)
	}
	put(t, j, "after", "x")
}

// TestReadersAndAppendersEndAndGoOn: a restart in the middle of a link's work
// leaves neither a gap nor a double.
func TestReadersAndAppendersEndAndGoOn(t *testing.T) {
	b := openBroker(t, testConfig(t, "eu-west"))
	l := openReplica(t, b, 1)
	a, err := l.Appender(deadline(t), AppendConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if err := errors.Join(a.Append(deadline(t), made(1, 1000), true), a.Settle(deadline(t))); err != nil {
		t.Fatal(err)
	}
	r, err := l.Read(deadline(t), 1001, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := b.Restart(deadline(t)); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Next(deadline(t)); !errors.Is(err, ErrReader) {
		t.Errorf("the reader ends with %v", err)
	}
	<-a.Done()
	if err := a.Append(deadline(t), made(1001, 1001), false); err == nil {
		t.Error("the appender goes on")
	}
	if e := extentOf(t, l); e.Last != 1000 || e.Entries != 1000 {
		t.Fatalf("the replica holds %+v", e)
	}
	appendAll(t, l, AppendConfig{Last: 1000}, made(1001, 2000))
	sameEntries(t, readTo(t, l, 1, 2000), made(1, 2000))
}

// TestARestartUnderAJournalsWriters: no record gets lost or stands twice.
func TestARestartUnderAJournalsWriters(t *testing.T) {
	b := openBroker(t, testConfig(t, "us-east"))
	j := openJournal(t, b, JournalConfig{})
	const many = 3000
	restarted := make(chan error, 1)
	err := j.PutAll(deadline(t), func(yield func(string, []byte) bool) {
		for i := 0; i < many && yield(fmt.Sprint(i), fmt.Append(nil, i)); i++ {
			if i == 1000 {
				go func() { restarted <- b.Restart(deadline(t)) }()
			}
			if i == 2000 {
				if err := <-restarted; err != nil {
					t.Error(err)
				}
			}
		}
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	err = j.Each(deadline(t), 0, func(r Record) error {
		if seen[r.Key] || string(r.Data) != r.Key {
			return fmt.Errorf("record %d is %s: %s, seen %t", r.Seq, r.Key, r.Data, seen[r.Key])
		}
		seen[r.Key] = true
		return nil
	})
	if err != nil || len(seen) != many {
		t.Fatalf("%d records, %v", len(seen), err)
	}
}

// TestClientsAreServedAfterARestart: the agent answers for the server, with a
// subscription that has to come back.
func TestClientsAreServedAfterARestart(t *testing.T) {
	b := openBroker(t, testConfig(t, "us-east"))
	openOrigin(t, b)
	for range 3 {
		if err := b.Restart(deadline(t)); err != nil {
			t.Fatal(err)
		}
		js, err := connect(t, b).JetStream()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := js.StreamInfo(orders.Stream()); err != nil {
			t.Fatal(err)
		}
		if _, err := js.Publish("orders.a", nil); err != nil {
			t.Fatal(err)
		}
	}
}

// TestAServerThatDoesNotComeBack: the next Restart tries again, Close ends one.
func TestAServerThatDoesNotComeBack(t *testing.T) {
	cfg := testConfig(t, "us-east")
	b := openBroker(t, cfg)
	store := filepath.Join(cfg.Data, "jetstream")
	if err := os.Rename(store, store+".away"); err != nil {
		t.Fatal(err)
	}
	b.server().Shutdown()
	b.server().WaitForShutdown()
	if err := os.RemoveAll(store); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(store, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := b.Restart(deadline(t)); !errors.Is(err, ErrStart) {
		t.Fatalf("got %v", err)
	}
	if err := b.Failing(); !errors.Is(err, ErrEngine) {
		t.Fatalf("without a server: %v", err)
	}
	if err := errors.Join(os.Remove(store), os.Rename(store+".away", store), b.Restart(deadline(t)), b.Failing()); err != nil {
		t.Fatal(err)
	}
	b.Close()
	if err := b.Restart(deadline(t)); !errors.Is(err, ErrClosed) {
		t.Fatalf("after Close: %v", err)
	}
}
