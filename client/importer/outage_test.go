package importer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"geomq/client"
	"geomq/geo"
)

func TestRestartsOfTheBrokerLoseRepeatAndReorderNothing(t *testing.T) {
	b, js, cfg := setup(t, time.Minute)
	lines := edits(20, 8000)
	cfg.Input, cfg.Window = bytes.NewReader(joined(lines)), 500
	acked := map[int]geo.Offset{}
	cfg.OnAck = func(line int, offset geo.Offset, _ bool) {
		acked[line] = offset
		if n := len(acked); n == 1500 || n == 4000 || n == 6001 {
			b.restart() // with a window of lines on the way
		}
	}
	result := imported(t, cfg)
	if result.Published != len(lines) || result.AlreadyThere != 0 || result.Reordered != 0 {
		t.Fatalf("%+v", result)
	}
	if result.Resent == 0 {
		t.Fatal("no line was on its way at any of the restarts: the test tests nothing")
	}
	got := contents(t, js)
	expectOnce(t, got, lines)
	for _, h := range got {
		if line := lines[indexOf(lines, h.body)]; acked[indexOf(lines, line)+1] != h.offset {
			t.Fatalf("a line at offset %d was acknowledged at another", h.offset)
		}
	}
}

// indexOf reads a line's number from the field that edits gives it.
func indexOf(lines []string, body string) int {
	raw, _ := field([]byte(body), "n")
	n := 0
	fmt.Sscan(string(raw), &n)
	if n < 1 || n > len(lines) {
		return -1
	}
	return n - 1
}

func TestARestartDuringADedupeRunOfAHalfImportedFile(t *testing.T) {
	b, js, cfg := setup(t, 100*time.Millisecond)
	lines := edits(21, 4000)
	cfg.Dedupe, cfg.Input = true, bytes.NewReader(joined(lines))
	ctx, cancel := context.WithCancel(t.Context())
	n := 0
	cfg.OnAck = func(int, geo.Offset, bool) {
		if n++; n == 1000 {
			b.stop()
			cancel()
		}
	}
	if _, err := Run(ctx, cfg); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	b.start()
	forgotten(t, js)
	n = 0
	cfg.Input = bytes.NewReader(joined(lines))
	cfg.OnAck = func(int, geo.Offset, bool) {
		if n++; n == 500 {
			b.restart()
		}
	}
	if result := imported(t, cfg); result.AlreadyThere < 1000 || result.Acknowledged() != len(lines) {
		t.Fatalf("%+v", result)
	}
	expectOnce(t, contents(t, js), lines)
}

// The acknowledgements of a window get lost and the path is cut until the log
// has forgotten the ids: sending again would store each of the lines twice.
func TestAnOutageLongerThanTheDuplicateWindowStoresNothingTwice(t *testing.T) {
	b, js, cfg := setup(t, 100*time.Millisecond)
	lines := edits(22, 3000)
	proxy := newProxy(t, b.url())
	cfg.URL, cfg.Input, cfg.Window = proxy.url(), bytes.NewReader(joined(lines)), 400
	cut := make(chan struct{})
	var acked atomic.Uint64
	cfg.OnAck = func(int, geo.Offset, bool) {
		if acked.Add(1) == 1000 {
			proxy.deafen()
			close(cut)
		}
	}
	go func() {
		<-cut
		for endOf(js) < acked.Load()+100 { // until so many are in the log without an acknowledgement
			runtime.Gosched()
		}
		proxy.drop()
		forgotten(t, js)
		proxy.heal()
	}()
	result := imported(t, cfg)
	if result.Recognised == 0 || result.Reordered != 0 || result.Published != len(lines) {
		t.Fatalf("%+v", result)
	}
	expectOnce(t, contents(t, js), lines)
}

func endOf(js jetstream.JetStream) uint64 {
	stream, err := js.Stream(context.Background(), testStream)
	if err != nil {
		return 0
	}
	return stream.CachedInfo().State.LastSeq
}

func TestADeadPathIsGivenUpAndReplaced(t *testing.T) {
	b, js, cfg := setup(t, time.Minute)
	lines := edits(23, 2000)
	proxy := newProxy(t, b.url())
	cfg.URL, cfg.Input, cfg.Window = proxy.url(), bytes.NewReader(joined(lines)), 300
	cfg.AckWait = 300 * time.Millisecond
	n := 0
	cfg.OnAck = func(int, geo.Offset, bool) {
		if n++; n == 700 {
			proxy.deafen() // this connection alone: nobody closes it
		}
	}
	if result := imported(t, cfg); result.Recognised == 0 || result.Published != len(lines) {
		t.Fatalf("%+v", result)
	}
	expectOnce(t, contents(t, js), lines)
}

func TestPatienceEndsAndSaysWhereToGoOn(t *testing.T) {
	b, js, cfg := setup(t, time.Minute)
	lines := edits(24, 3000)
	cfg.Input, cfg.Window, cfg.Patience = bytes.NewReader(joined(lines)), 200, 400*time.Millisecond
	waited := false
	cfg.Progress = func(p Progress) { waited = waited || p.Waiting > 0 && p.Trouble != nil }
	n := 0
	cfg.OnAck = func(int, geo.Offset, bool) {
		if n++; n == 1000 {
			b.stop()
		}
	}
	result, err := Run(t.Context(), cfg)
	var stopped *Stopped
	if !errors.Is(err, ErrStalled) || !errors.As(err, &stopped) {
		t.Fatal(err)
	}
	if stopped.Acknowledged != result.Published || stopped.NextLine != result.Published+1 || !waited {
		t.Fatalf("%v, %+v, waited: %v", err, result, waited)
	}
	b.start()
	cfg.Input, cfg.FromLine, cfg.OnAck = bytes.NewReader(joined(lines)), stopped.NextLine, nil
	imported(t, cfg)
	have := map[string]bool{}
	for _, h := range contents(t, js) {
		have[h.body] = true
	}
	if len(have) != len(lines) {
		t.Fatalf("the log holds %d of %d lines", len(have), len(lines))
	}
}

func TestWhileTheLogIsMissingLinesWait(t *testing.T) {
	_, js, cfg := setup(t, time.Minute)
	cfg.Input, cfg.Patience = io.Reader(bytes.NewReader(joined(edits(25, 500)))), 300*time.Millisecond
	cfg.OnAck = func(line int, _ geo.Offset, _ bool) {
		if line == 1 {
			if err := js.DeleteStream(context.Background(), testStream); err != nil {
				t.Error(err)
			}
		}
	}
	cfg.Window = 10
	if _, err := Run(t.Context(), cfg); !errors.Is(err, ErrStalled) || !errors.Is(err, jetstream.ErrNoStreamResponse) {
		t.Fatal(err)
	}
}

func TestALogThatWillNotTakeALine(t *testing.T) {
	for _, policy := range []Policy{Skip, Stop} {
		_, js, cfg := setup(t, time.Minute)
		long := fmt.Sprintf(`{"page":"long","text":"%0900d"}`, 0)
		lines := append(append(edits(26, 100), long), `{"page":"after"}`)
		for i, line := range lines[:100] {
			lines[i] = fmt.Sprintf(`{"page":%q,"n":%d}`, pageOf(line), i)
		}
		cfg.Input, cfg.OnError, cfg.Window = bytes.NewReader(joined(lines)), policy, 1
		cfg.OnAck = func(line int, _ geo.Offset, _ bool) {
			if line == 50 {
				shrink(t, js)
			}
		}
		result, err := Run(t.Context(), cfg)
		if result.Skipped[Refused] != 1 || result.Faults[0].Line != 101 {
			t.Fatalf("policy %d: %v, %+v", policy, err, result)
		}
		if policy == Skip && (err != nil || result.Published != 101) {
			t.Fatalf("%v, %+v", err, result)
		}
		if policy == Stop && (!errors.Is(err, ErrLine) || result.Published != 100 || result.NextLine != 101) {
			t.Fatalf("%v, %+v", err, result)
		}
	}
}

// shrink makes the log take short messages only.
func shrink(t *testing.T, js jetstream.JetStream) {
	ctx := context.Background()
	stream, err := js.Stream(ctx, testStream)
	if err != nil {
		t.Error(err)
		return
	}
	cfg := stream.CachedInfo().Config
	cfg.MaxMsgSize = 800
	if _, err := js.UpdateStream(ctx, cfg); err != nil {
		t.Error(err)
	}
}

func TestATopicThatAnotherLogCapturesIsNoticed(t *testing.T) {
	_, js, cfg := setup(t, time.Minute)
	cfg.Input = bytes.NewReader(joined(edits(27, 200)))
	cfg.Window = 1
	cfg.OnAck = func(line int, _ geo.Offset, _ bool) {
		if line != 100 {
			return
		}
		if err := js.DeleteStream(context.Background(), testStream); err != nil {
			t.Error(err)
		}
		_, err := js.CreateStream(context.Background(), jetstream.StreamConfig{Name: "OTHER@us-east", Subjects: []string{"orders.>"}})
		if err != nil {
			t.Error(err)
		}
	}
	if _, err := Run(t.Context(), cfg); !errors.Is(err, ErrLog) || errors.Is(err, client.ErrNoLog) {
		t.Fatal(err)
	}
}

func TestAPublisherWithoutPermissionIsToldAtOnce(t *testing.T) {
	b := newBroker(t,
		&server.User{Username: "admin", Password: "a"},
		&server.User{Username: "reader", Password: "r", Permissions: &server.Permissions{
			Publish: &server.SubjectPermission{Deny: []string{"orders.>"}},
		}})
	b.log(b.connect(nats.UserInfo("admin", "a")), time.Minute)
	cfg := Config{URL: b.url(), Topic: testTopic, Key: "page", Options: []nats.Option{nats.UserInfo("reader", "r")}}
	cfg.Input = bytes.NewReader(joined(edits(28, 100)))
	result, err := Run(t.Context(), cfg)
	if !errors.Is(err, ErrLog) || !errors.Is(err, nats.ErrPermissionViolation) || result.NextLine != 1 {
		t.Fatalf("%v, %+v", err, result)
	}
}

func TestCancellingWhileTheInputBlocks(t *testing.T) {
	for _, dedupe := range []bool{false, true} {
		_, _, cfg := setup(t, time.Minute)
		r, w := io.Pipe()
		defer w.Close()
		cfg.Input, cfg.Dedupe = r, dedupe
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			w.Write([]byte("{\"page\":\"a\"}\n{\"pa"))
			if dedupe {
				cancel()
			}
		}()
		// The line in front of the unfinished one does not wait for it.
		cfg.OnAck = func(int, geo.Offset, bool) { cancel() }
		if _, err := Run(ctx, cfg); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
}
