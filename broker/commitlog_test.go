package broker

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"geomq/geo"
)

func TestReplicaMayBeginAnywhere(t *testing.T) {
	for name, w := range writers {
		t.Run(name, func(t *testing.T) {
			cfg := testConfig(t, "eu-west")
			b := openBroker(t, cfg)
			l := openReplica(t, b, 1_000_001).as(w)
			if e := extentOf(t, l); e.First != 1_000_001 || e.Last != 1_000_000 || e.Entries != 0 {
				t.Fatalf("new replica holds %+v", e)
			}
			want := made(1_000_001, 1_000_500)
			appendAll(t, l, AppendConfig{Last: 1_000_000, Plain: w == single}, want)
			sameEntries(t, readTo(t, l, 1_000_001, 1_000_500), want)
			// The first offset counts at creation only.
			again := openReplica(t, b, 2_000_000)
			if e := extentOf(t, again); e.First != 1_000_001 || e.Last != 1_000_500 {
				t.Fatalf("opened again, it holds %+v", e)
			}
			b.Close()
			again = openReplica(t, openBroker(t, cfg), 3_000_000)
			sameEntries(t, readTo(t, again, 1_000_001, 1_000_500), want)
		})
	}
}

func TestTrimRemovesFromTheFront(t *testing.T) {
	l := openReplica(t, openBroker(t, testConfig(t, "eu-west")), 1)
	appendAll(t, l, AppendConfig{}, made(1, 100))
	for _, step := range []struct{ trim, first geo.Offset }{{1, 1}, {41, 41}, {20, 41}, {101, 101}} {
		if err := l.Trim(deadline(t), step.trim); err != nil {
			t.Fatal(err)
		}
		if e := extentOf(t, l); e.First != step.first || e.Last != 100 {
			t.Fatalf("trimmed to %d it holds %+v", step.trim, e)
		}
	}
	if err := l.Trim(deadline(t), 102); !errors.Is(err, ErrBeyondEnd) {
		t.Fatalf("got %v", err)
	}
	appendAll(t, l, AppendConfig{Last: 100}, made(101, 110))
	sameEntries(t, readTo(t, l, 101, 110), made(101, 110))
}

// TestAnOriginIsTrimmedWhileItIsWritten: an operator's purge must not make a live
// log skip offsets.
func TestAnOriginIsTrimmedWhileItIsWritten(t *testing.T) {
	b := openBroker(t, testConfig(t, "us-east"))
	origin := openOrigin(t, b)
	publish := func() {
		t.Helper()
		if _, err := b.Conn().Request("orders.created", []byte("x"), time.Second); err != nil {
			t.Fatal(err)
		}
	}
	for range 10 {
		publish()
	}
	if err := origin.Trim(deadline(t), 11); err != nil {
		t.Fatal(err)
	}
	publish()
	if e := extentOf(t, origin); e.First != 11 || e.Last != 11 {
		t.Fatalf("trimmed to 11 and written once more it holds %+v", e)
	}
	if err := origin.Trim(deadline(t), 13); !errors.Is(err, ErrBeyondEnd) {
		t.Fatalf("got %v", err)
	}
}

func TestRestartKeepsEverything(t *testing.T) {
	for name, sync := range map[string]bool{"lazy": false, "sync always": true} {
		t.Run(name, func(t *testing.T) {
			cfg := testConfig(t, "eu-west")
			cfg.SyncAlways = sync
			b := openBroker(t, cfg)
			l := openReplica(t, b, 1)
			appendAll(t, l, AppendConfig{}, made(1, 700))
			epochs := geo.Epochs{{Number: 1, First: 1}, {Number: 2, PrevEnd: 700, First: 10_701}}
			if err := l.SetEpochs(deadline(t), epochs); err != nil {
				t.Fatal(err)
			}
			id := b.ServerID()
			if err := errors.Join(b.Close(), b.Close()); err != nil {
				t.Fatal(err)
			}
			b = openBroker(t, cfg)
			if b.ServerID() == id {
				t.Fatal("a restart shows another server id")
			}
			l, err := b.Lookup(deadline(t), orders)
			if err != nil || l.Role() != Replica {
				t.Fatalf("got %v, %v", l, err)
			}
			if e := extentOf(t, l); e.Last != 700 || e.Entries != 700 || e.Epochs.String() != epochs.String() {
				t.Fatalf("the log holds %+v", e)
			}
			appendAll(t, l, AppendConfig{Last: 700}, made(701, 710))
			sameEntries(t, readTo(t, l, 1, 710), made(1, 710))
		})
	}
}

func TestEpochsAreOnlyAdded(t *testing.T) {
	l := openReplica(t, openBroker(t, testConfig(t, "eu-west")), 1)
	if err := l.SetEpochs(deadline(t), geo.FirstEpochs()); err != nil {
		t.Fatal(err)
	}
	for _, epochs := range []geo.Epochs{nil, {{Number: 2, PrevEnd: 5, First: 10}}} {
		if err := l.SetEpochs(deadline(t), epochs); !errors.Is(err, geo.ErrEpochs) {
			t.Errorf("%v: got %v", epochs, err)
		}
	}
}

func TestLookupAndList(t *testing.T) {
	b := openBroker(t, testConfig(t, "us-east"))
	if _, err := b.Lookup(deadline(t), orders); !errors.Is(err, ErrNoLog) {
		t.Fatalf("got %v", err)
	}
	openOrigin(t, b)
	other := geo.CommitLog{Log: "ORDERS", Queue: 3, Origin: "ap-south"}
	replica, err := b.OpenReplica(deadline(t), ReplicaConfig{ID: other})
	if err != nil {
		t.Fatal(err)
	}
	appendAll(t, replica, AppendConfig{}, made(1, 5))
	held, err := b.CommitLogs(deadline(t))
	if err != nil || len(held) != 2 {
		t.Fatalf("got %+v, %v", held, err)
	}
	if h := held[0]; h.ID != other || h.Role != Replica || h.Extent.Last != 5 || h.Leader != "us-east-1" {
		t.Errorf("got %+v", h)
	}
	if h := held[1]; h.ID != orders || h.Role != Origin || h.Extent.Epochs.Latest().Number != 1 {
		t.Errorf("got %+v", h)
	}
	if _, err := held, replica.SetEpochs(deadline(t), geo.FirstEpochs()); err != nil {
		t.Fatal(err)
	}
}

func TestManyMayOpenALogAtOnce(t *testing.T) {
	b := openBroker(t, testConfig(t, "us-east"))
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if _, err := b.OpenOrigin(deadline(t), LogConfig{ID: orders, Topics: []geo.Topic{"orders.>"}}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if held, err := b.CommitLogs(deadline(t)); err != nil || len(held) != 1 {
		t.Fatalf("got %+v, %v", held, err)
	}
}

func TestWhatMayChangeIsChanged(t *testing.T) {
	b := openBroker(t, testConfig(t, "us-east"))
	openOrigin(t, b)
	cfg := LogConfig{ID: orders, Topics: []geo.Topic{"orders.>", "refunds.*"}, MaxAge: time.Hour, MaxBytes: 1 << 20,
		MaxEntries: 1000, DedupeWindow: time.Minute, MaxMsgSize: 1000}
	if _, err := b.OpenOrigin(deadline(t), cfg); err != nil {
		t.Fatal(err)
	}
	info, err := b.api.streamInfo(deadline(t), orders.Stream())
	if err != nil {
		t.Fatal(err)
	}
	if c := info.Config; len(c.Subjects) != 2 || c.MaxAge != time.Hour || c.MaxBytes != 1<<20 || c.MaxMsgs != 1000 ||
		c.Duplicates != time.Minute || c.MaxMsgSize != 1000 {
		t.Fatalf("the stream is %+v", c)
	}
	cfg.MaxAge = 10 * time.Second // shorter than the window
	if _, err := b.OpenOrigin(deadline(t), cfg); err != nil {
		t.Fatal(err)
	}
}

// TestForeignStreamsAreAdoptedOrRefused creates streams as others might have.
func TestForeignStreamsAreAdoptedOrRefused(t *testing.T) {
	plain := func() server.StreamConfig {
		return server.StreamConfig{Name: orders.Stream(), Subjects: []string{"orders.>"}, Storage: server.FileStorage, Replicas: 1,
			MaxMsgs: -1, MaxBytes: -1, MaxMsgsPer: -1, MaxMsgSize: -1, MaxConsumers: -1}
	}
	for name, c := range map[string]struct {
		change func(*server.StreamConfig)
		reason []string // empty: adopted
	}{
		"an ordinary stream": {func(*server.StreamConfig) {}, nil},
		"other topics":       {func(s *server.StreamConfig) { s.Subjects = []string{"other"} }, nil},
		"memory":             {func(s *server.StreamConfig) { s.Storage = server.MemoryStorage }, []string{"memory"}},
		"work queue":         {func(s *server.StreamConfig) { s.Retention = server.WorkQueuePolicy }, []string{"work-queue"}},
		"interest":           {func(s *server.StreamConfig) { s.Retention = server.InterestPolicy }, []string{"interest"}},
		"discard new":        {func(s *server.StreamConfig) { s.Discard = server.DiscardNew }, []string{"discard: old"}},
		"per subject":        {func(s *server.StreamConfig) { s.MaxMsgsPer = 1 }, []string{"per subject"}},
		"time to live":       {func(s *server.StreamConfig) { s.AllowMsgTTL = true }, []string{"time to live"}},
		"roll-up":            {func(s *server.StreamConfig) { s.AllowRollup = true }, []string{"roll-up"}},
		"counter":            {func(s *server.StreamConfig) { s.AllowMsgCounter = true }, []string{"counter"}},
		"schedules":          {func(s *server.StreamConfig) { s.AllowMsgSchedules = true }, []string{"scheduled", "roll-up"}},
		"mirror": {func(s *server.StreamConfig) { s.Subjects, s.Mirror = nil, &server.StreamSource{Name: "X"} },
			[]string{"mirror"}},
		"sources":   {func(s *server.StreamConfig) { s.Sources = []*server.StreamSource{{Name: "X"}} }, []string{"other streams"}},
		"republish": {func(s *server.StreamConfig) { s.RePublish = &server.RePublish{Source: ">", Destination: "x.>"} }, []string{"republish"}},
		"no acks":   {func(s *server.StreamConfig) { s.NoAck = true }, []string{"acknowledges nothing"}},
		"no purge":  {func(s *server.StreamConfig) { s.DenyPurge = true }, []string{"trimmed"}},
		"async": {func(s *server.StreamConfig) { s.AllowBatchPublish, s.PersistMode = false, server.AsyncPersistMode },
			[]string{"persist_mode"}},
		"transform": {func(s *server.StreamConfig) {
			s.SubjectTransform = &server.SubjectTransformConfig{Source: "orders.>", Destination: "x.>"}
		}, []string{"subject_transform"}},
		"a replica":   {func(s *server.StreamConfig) { s.Metadata = map[string]string{metaRole: "replica"} }, []string{`"replica", not "origin"`}},
		"two at once": {func(s *server.StreamConfig) { s.Storage, s.AllowRollup = server.MemoryStorage, true }, []string{"memory", "roll-up"}},
	} {
		t.Run(name, func(t *testing.T) {
			b := openBroker(t, testConfig(t, "us-east"))
			s := plain()
			c.change(&s)
			if err := b.api.createStream(deadline(t), s); err != nil {
				t.Fatal(err)
			}
			_, err := b.OpenOrigin(deadline(t), LogConfig{ID: orders, Topics: []geo.Topic{"orders.>"}})
			if len(c.reason) == 0 {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			refusedFor(t, err, c.reason)
		})
	}
}

func refusedFor(t *testing.T, err error, reasons []string) {
	t.Helper()
	var conflict *ConflictError
	if !errors.As(err, &conflict) || conflict.Stream != orders.Stream() || len(conflict.Differences) != len(reasons) {
		t.Fatalf("got %v", err)
	}
	for _, reason := range reasons {
		if !strings.Contains(err.Error(), reason) {
			t.Errorf("%q doesn't name %q", err, reason)
		}
	}
}

func TestReplicasAreNotAdopted(t *testing.T) {
	b := openBroker(t, testConfig(t, "us-east"))
	openOrigin(t, b)
	_, err := b.OpenReplica(deadline(t), ReplicaConfig{ID: orders})
	var conflict *ConflictError
	if !errors.As(err, &conflict) || !strings.Contains(err.Error(), `"origin", not "replica"`) {
		t.Fatalf("got %v", err)
	}
	overlap := geo.CommitLog{Log: "OTHER", Queue: geo.SoleQueue, Origin: "us-east"}
	_, err = b.OpenOrigin(deadline(t), LogConfig{ID: overlap, Topics: []geo.Topic{"orders.created"}})
	if !errors.As(err, &conflict) || !strings.Contains(err.Error(), "orders.created") {
		t.Fatalf("got %v", err)
	}
}
