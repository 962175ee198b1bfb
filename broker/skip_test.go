package broker

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"geomq/geo"
)

// holes opens an Appender behind last and skips.
func skip(t testing.TB, l *CommitLog, last, through geo.Offset) {
	t.Helper()
	var told []geo.Offset
	a, err := l.Appender(deadline(t), AppendConfig{Last: last, OnApplied: func(o geo.Offset) { told = append(told, o) }})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if err := a.Skip(deadline(t), through); err != nil {
		t.Fatal(err)
	}
	if len(told) != 1 || told[0] != through || a.Applied() != through {
		t.Fatalf("applied %v, want %d", told, through)
	}
	if err := a.Skip(deadline(t), through); err != nil || len(told) != 1 {
		t.Fatalf("skipped to where it is: %v, told %v", err, told)
	}
}

func sameExtent(t testing.TB, l *CommitLog, first, last geo.Offset, entries uint64) {
	t.Helper()
	if e := extentOf(t, l); e.First != first || e.Last != last || e.Entries != entries {
		t.Fatalf("the log holds %v with %d entries, want %d…%d with %d", e.Range(), e.Entries, first, last, entries)
	}
}

// TestSkippedOffsetsHoldNothing: entries, a hole, entries; then a reader, and a
// restart after which neither more nor less may be there.
func TestSkippedOffsetsHoldNothing(t *testing.T) {
	for name, w := range writers {
		t.Run(name, func(t *testing.T) {
			cfg := testConfig(t, "eu-west")
			b := openBroker(t, cfg)
			l := openReplica(t, b, 1).as(w)
			a, err := l.Appender(deadline(t), AppendConfig{Plain: w == single})
			if err != nil {
				t.Fatal(err)
			}
			defer a.Close()
			steps := []error{
				a.Append(deadline(t), made(1, 100), true), a.Skip(deadline(t), 10_100), a.Append(deadline(t), made(10_101, 10_110), false),
				a.Skip(deadline(t), 10_111), a.Append(deadline(t), made(10_112, 10_120), true), a.Settle(deadline(t)),
			}
			if err := errors.Join(steps...); err != nil {
				t.Fatal(err)
			}
			want := append(append(made(1, 100), made(10_101, 10_110)...), made(10_112, 10_120)...)
			sameExtent(t, l, 1, 10_120, uint64(len(want)))
			sameEntries(t, readTo(t, l, 1, 10_120), want)
			b.Close()
			l = openReplica(t, openBroker(t, cfg), 1)
			sameExtent(t, l, 1, 10_120, uint64(len(want)))
			sameEntries(t, readTo(t, l, 1, 10_120), want)
		})
	}
}

// TestAReaderPassesOverFillers: a reader that is quicker than the purge.
func TestAReaderPassesOverFillers(t *testing.T) {
	l := openReplica(t, openBroker(t, testConfig(t, "eu-west")), 1)
	leaveFillers(t, l, 0, 500)
	r, err := l.Read(deadline(t), 1, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	await(t, func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.streamSeq == 500
	})
	if entries, err := r.TryNext(); len(entries) > 0 || err != nil {
		t.Fatalf("fillers were read as %d entries, %v", len(entries), err)
	}
	appendAll(t, l, AppendConfig{Last: 500}, made(501, 502))
	entries, err := r.Next(deadline(t))
	if err != nil || entries[0].Offset != 501 {
		t.Fatalf("got %d entries, %v", len(entries), err)
	}
}

// leaveFillers writes fillers and dies before the purge.
func leaveFillers(t *testing.T, l *CommitLog, last, through geo.Offset) {
	t.Helper()
	a, err := l.Appender(deadline(t), AppendConfig{Last: last})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if err := errors.Join(a.sendFillers(deadline(t), through), a.Settle(deadline(t))); err != nil {
		t.Fatal(err)
	}
}

// TestFillersThatACrashLeftBecomeHoles: whoever opens the log next removes them,
// and skipping goes on from there.
func TestFillersThatACrashLeftBecomeHoles(t *testing.T) {
	b := openBroker(t, testConfig(t, "eu-west"))
	l := openReplica(t, b, 1)
	appendAll(t, l, AppendConfig{}, made(1, 10))
	leaveFillers(t, l, 10, 300)
	sameExtent(t, l, 1, 300, 300)
	skip(t, l, 300, 1000)
	sameExtent(t, l, 1, 1000, 10)
	leaveFillers(t, l, 1000, 1200)
	l = openReplica(t, b, 1)
	sameExtent(t, l, 1, 1200, 10)
}

// TestSkippingIsFenced: a log that ends elsewhere than thought gets no hole.
func TestSkippingIsFenced(t *testing.T) {
	l := openReplica(t, openBroker(t, testConfig(t, "eu-west")), 1)
	late, err := l.Appender(deadline(t), AppendConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer late.Close()
	appendAll(t, l, AppendConfig{}, made(1, 10))
	if err := late.Skip(deadline(t), 5000); !errors.Is(err, ErrFenced) {
		t.Fatalf("got %v", err)
	}
	if end, err := l.Fence(deadline(t)); err != nil || end != 10 {
		t.Fatalf("the log ends at %d, %v", end, err)
	}
	stopped, err := l.Appender(deadline(t), AppendConfig{Last: 10})
	if err != nil {
		t.Fatal(err)
	}
	defer stopped.Close()
	ctx, cancel := context.WithCancel(deadline(t))
	cancel()
	if err := stopped.Skip(ctx, 5000); !errors.Is(err, context.Canceled) || stopped.Err() == nil {
		t.Fatalf("got %v, %v", err, stopped.Err())
	}
}

// killedData is where the test's own process keeps a broker that is killed.
const killedData = "GEOMQ_TEST_KILLED_DATA"

// TestMain is also the program that TestAHoleSurvivesAKill runs and kills.
func TestMain(m *testing.M) {
	if data := os.Getenv(killedData); data != "" {
		skipAndHang(data)
	}
	os.Exit(m.Run())
}

// killedSteps is what happened to each log before the kill.
var killedSteps = map[geo.LogName]struct{ entries, through geo.Offset }{
	"EMPTY": {0, 10_000}, "SOME": {10, 10_010}, "BLOCKS": {10, 150_000}, "TWICE": {10, 100_000},
}

func killedConfig(data string) Config {
	return Config{Name: "eu-west-1", Cluster: "eu-west", Data: data, Listen: "127.0.0.1:0", Secret: secret}
}

// skipAndHang makes holes and waits to be killed.
func skipAndHang(data string) {
	ctx := context.Background()
	b, err := Open(ctx, killedConfig(data))
	for name, c := range killedSteps {
		var l *CommitLog
		var a *Appender
		if err == nil {
			l, err = b.OpenReplica(ctx, ReplicaConfig{ID: geo.CommitLog{Log: name, Queue: geo.SoleQueue, Origin: "us-east"}})
		}
		if err == nil {
			a, err = l.Appender(ctx, AppendConfig{})
		}
		if err == nil {
			err = errors.Join(a.Append(ctx, made(1, c.entries), true), skipTwice(ctx, a, name, c.through))
		}
	}
	if err != nil {
		println(err.Error())
		os.Exit(1)
	}
	println("ready")
	<-ctx.Done()
}

// skipTwice purges twice in the log TWICE: the server then forgets the second
// purge when it is killed.
func skipTwice(ctx context.Context, a *Appender, name geo.LogName, through geo.Offset) error {
	if name != "TWICE" {
		return a.Skip(ctx, through)
	}
	return errors.Join(a.Skip(ctx, through/2), a.Skip(ctx, through))
}

// TestAHoleSurvivesAKill kills a broker's process the moment the holes are made,
// and then also takes its index away: the end must not fall back.
func TestAHoleSurvivesAKill(t *testing.T) {
	data := t.TempDir()
	program := exec.CommandContext(deadline(t), os.Args[0])
	program.Env = append(os.Environ(), killedData+"="+data)
	output, err := program.StderrPipe()
	if err == nil {
		err = program.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	word := make([]byte, 6)
	if _, err := output.Read(word); err != nil || string(word) != "ready\n" {
		t.Fatalf("the program said %q, %v", word, err)
	}
	if err := program.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = program.Wait() // killed
	for _, without := range []string{"nothing", "index.db"} {
		b, err := Open(deadline(t), killedConfig(data))
		if err != nil {
			t.Fatal(err)
		}
		for name, c := range killedSteps {
			id := geo.CommitLog{Log: name, Queue: geo.SoleQueue, Origin: "us-east"}
			l, err := b.Lookup(deadline(t), id)
			if err != nil {
				t.Fatal(err)
			}
			if e := extentOf(t, l); e.Last != c.through {
				t.Errorf("without %s, %s holds %+v, want the end %d", without, name, e, c.through)
			}
			if l, err = b.OpenReplica(deadline(t), ReplicaConfig{ID: id}); err != nil {
				t.Fatal(err)
			}
			if e := extentOf(t, l); e.Last != c.through || e.Entries != uint64(c.entries) {
				t.Errorf("without %s, %s holds %+v once opened, want %d entries and the end %d", without, name, e, c.entries, c.through)
			}
		}
		b.Close()
		indexes, err := filepath.Glob(filepath.Join(data, "jetstream", accountApp, "streams", "*", "msgs", "index.db"))
		if err != nil || len(indexes) == 0 {
			t.Fatalf("%v, %v", indexes, err)
		}
		for _, index := range indexes {
			if err := os.Remove(index); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func BenchmarkSkip(b *testing.B) {
	for name, n := range map[string]geo.Offset{"10,000": 10_000, "1,000,000": 1_000_000} {
		b.Run(name, func(b *testing.B) {
			for range b.N {
				l := openReplica(b, openBroker(b, testConfig(b, "eu-west")), 1)
				appendAll(b, l, AppendConfig{}, made(1, 10))
				begin := time.Now()
				skip(b, l, 10, 10+n)
				b.ReportMetric(time.Since(begin).Seconds(), "s/skip")
			}
		})
	}
}

// TestFillersThatNoPurgeFindsGoOneByOne, and entries among them stay.
func TestFillersThatNoPurgeFindsGoOneByOne(t *testing.T) {
	l := openReplica(t, openBroker(t, testConfig(t, "eu-west")), 1)
	a, err := l.Appender(deadline(t), AppendConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if err := errors.Join(a.Append(deadline(t), made(1, 10), false), a.Settle(deadline(t))); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(a.sendFillers(deadline(t), 50), a.Settle(deadline(t))); err != nil {
		t.Fatal(err)
	}
	if e := extentOf(t, l); e.Entries != 50 {
		t.Fatalf("%d messages", e.Entries)
	}
	if err := l.RemoveStrays(deadline(t), geo.Ranges{{First: 5, Last: 50}}); err != nil {
		t.Fatal(err)
	}
	if e := extentOf(t, l); e.Entries != 10 || e.Last != 50 {
		t.Errorf("%d entries up to %d", e.Entries, e.Last)
	}
	sameEntries(t, readTo(t, l, 1, 10), made(1, 10))
}
