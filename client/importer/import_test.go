package importer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"geomq/client"
	"geomq/geo"
)

// setup starts a broker with a log, and gives a Config that imports into it.
func setup(t *testing.T, window time.Duration) (*testBroker, jetstream.JetStream, Config) {
	t.Helper()
	b := newBroker(t)
	js := b.connect()
	b.log(js, window)
	return b, js, Config{URL: b.url(), Topic: testTopic, Key: "page"}
}

func imported(t *testing.T, cfg Config) Result {
	t.Helper()
	result, err := Run(t.Context(), cfg)
	if err != nil {
		t.Fatalf("import: %v (%+v)", err, result)
	}
	return result
}

func TestEveryFormOfAFileGivesTheSameEntries(t *testing.T) {
	lines := edits(1, 3000)
	plain := joined(lines)
	half := bytes.IndexByte(plain[len(plain)/2:], '\n') + len(plain)/2
	forms := map[string]io.Reader{
		"plain":           bytes.NewReader(plain),
		"no last newline": bytes.NewReader(plain[:len(plain)-1]),
		"crlf":            strings.NewReader(strings.Join(lines, "\r\n") + "\r\n"),
		"byte order mark": io.MultiReader(bytes.NewReader(byteOrderMark), bytes.NewReader(plain)),
		"gzip":            bytes.NewReader(zipped(t, plain)),
		"gzip members":    bytes.NewReader(zipped(t, plain[:half-7], plain[half-7:])),
		"pipe":            pipe(plain),
		"zipped pipe":     pipe(zipped(t, plain)),
	}
	for name, form := range forms {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, js, cfg := setup(t, time.Minute)
			cfg.Input = form
			result := imported(t, cfg)
			if result.Published != len(lines) || result.Lines != len(lines) || result.NextLine != len(lines)+1 {
				t.Fatalf("result %+v", result)
			}
			if result.FirstOffset != 1 || result.LastOffset != geo.Offset(len(lines)) || result.Stream != testStream {
				t.Fatalf("offsets %d to %d of %s", result.FirstOffset, result.LastOffset, result.Stream)
			}
			expectOnce(t, contents(t, js), lines)
		})
	}
}

// pipe is an input that can't be read twice and whose size nobody knows.
func pipe(content []byte) io.Reader {
	r, w := io.Pipe()
	go func() {
		w.Write(content)
		w.Close()
	}()
	return r
}

func TestWithoutAKeyTheTopicIsTheSubject(t *testing.T) {
	_, js, cfg := setup(t, time.Minute)
	cfg.Key, cfg.Input = "", strings.NewReader("{\"a\":1}\n\n  \r\n {\"b\":2} ")
	if result := imported(t, cfg); result.Published != 2 || result.Blank != 2 || result.Lines != 4 {
		t.Fatalf("result %+v", result)
	}
	got := contents(t, js)
	if len(got) != 2 || got[0].subject != testTopic || got[1].body != ` {"b":2} ` {
		t.Fatalf("the log holds %+v", got)
	}
}

// malformed is a file with one line of each kind of malformation, in lines 2, 4,
// 5 and 6.
func malformed() string {
	return strings.Join([]string{
		`{"page":"one"}`,
		`["page"]`,
		`{"page":"two"}`,
		`{"page":null}`,
		`{"user":"x"}`,
		`{"page":"` + strings.Repeat("x", 5000) + `"}`,
		`{"page":"three"}`,
	}, "\n")
}

func TestSkipReportsMalformedLinesAndGoesOn(t *testing.T) {
	_, js, cfg := setup(t, time.Minute)
	cfg.Input, cfg.MaxLine, cfg.MaxReports = strings.NewReader(malformed()), 1000, 3
	result := imported(t, cfg)
	if result.Published != 3 || result.Lines != 7 || result.SkippedLines() != 4 {
		t.Fatalf("result %+v", result)
	}
	if result.Skipped[NotAnObject] != 1 || result.Skipped[NoKey] != 2 || result.Skipped[TooLong] != 1 {
		t.Fatalf("skipped %v", result.Skipped)
	}
	var told []string
	for _, f := range result.Faults {
		told = append(told, f.String())
	}
	want := []string{
		`line 2: not a JSON object: "[\"page\"]"`,
		`line 4: no key: field page is null; a key is a string, a number or a boolean`,
		`line 5: no key: field page is missing`,
	}
	if fmt.Sprint(told) != fmt.Sprint(want) {
		t.Fatalf("reported %q, want %q", told, want)
	}
	if got := contents(t, js); len(got) != 3 || got[2].subject != testTopic+".three" {
		t.Fatalf("the log holds %+v", got)
	}
}

func TestStopPublishesNothingBehindAMalformedLine(t *testing.T) {
	_, js, cfg := setup(t, time.Minute)
	lines := edits(2, 2000)
	content := append(append(joined(lines[:1500]), "{broken\n"...), joined(lines[1500:])...)
	cfg.Input, cfg.OnError = bytes.NewReader(content), Stop
	result, err := Run(t.Context(), cfg)
	var stopped *Stopped
	if !errors.As(err, &stopped) || !errors.Is(err, ErrLine) || stopped.NextLine != 1501 || stopped.Acknowledged != 1500 {
		t.Fatalf("error %v, result %+v", err, result)
	}
	expectOnce(t, contents(t, js), lines[:1500])
}

func TestATruncatedGzipIsReportedWhereItBreaksOff(t *testing.T) {
	lines := edits(3, 2000)
	whole := zipped(t, joined(lines))
	for _, policy := range []Policy{Skip, Stop} {
		_, js, cfg := setup(t, time.Minute)
		cfg.Input, cfg.OnError = bytes.NewReader(whole[:len(whole)*2/3]), policy
		result, err := Run(t.Context(), cfg)
		if (policy == Stop) != errors.Is(err, ErrLine) {
			t.Fatalf("policy %d: %v", policy, err)
		}
		if len(result.Faults) != 1 || result.Faults[0].Cause != Damaged {
			t.Fatalf("faults %v", result.Faults)
		}
		broken := result.Faults[0].Line
		if broken < 2 || broken > len(lines) || result.Published != broken-1 {
			t.Fatalf("broken at line %d, published %d", broken, result.Published)
		}
		expectOnce(t, contents(t, js), lines[:broken-1])
	}
}

func TestDamagedGzipOfOtherKinds(t *testing.T) {
	flipped := zipped(t, joined(edits(4, 200)))
	flipped[len(flipped)-6] ^= 1 // in the checksum
	for name, content := range map[string][]byte{
		"only the magic": {0x1f, 0x8b},
		"bad header":     {0x1f, 0x8b, 0xff, 0, 0, 0, 0, 0, 0, 0, 0},
		"bad checksum":   flipped,
		"trailing bytes": append(zipped(t, []byte(`{"page":"a"}`)), "garbage"...),
	} {
		_, _, cfg := setup(t, time.Minute)
		cfg.Input = bytes.NewReader(content)
		if result := imported(t, cfg); result.Skipped[Damaged] != 1 {
			t.Errorf("%s: %+v", name, result)
		}
	}
}

func TestAnInputThatFailsIsAnError(t *testing.T) {
	_, js, cfg := setup(t, time.Minute)
	lines := edits(5, 300)
	broken := errors.New("the disk is on fire")
	cfg.Input = io.MultiReader(bytes.NewReader(joined(lines)), failing{broken})
	result, err := Run(t.Context(), cfg)
	if !errors.Is(err, ErrInput) || !errors.Is(err, broken) || result.NextLine != 301 {
		t.Fatalf("error %v, result %+v", err, result)
	}
	expectOnce(t, contents(t, js), lines)
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func TestASecondRunOfTheSameFileAddsNothing(t *testing.T) {
	_, js, cfg := setup(t, 100*time.Millisecond)
	cfg.Dedupe = true
	lines := edits(6, 3000)
	content := joined(lines)
	path := filepath.Join(t.TempDir(), "edits.json")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	cfg.Input = file
	if result := imported(t, cfg); result.Published != len(lines) {
		t.Fatalf("first run: %+v", result)
	}
	for name, again := range map[string]io.Reader{
		"plain": bytes.NewReader(content), "gzip": bytes.NewReader(zipped(t, content)), "pipe": pipe(content),
	} {
		forgotten(t, js)
		cfg.Input = again
		result := imported(t, cfg)
		if result.Published != 0 || result.AlreadyThere != len(lines) {
			t.Fatalf("%s: %+v", name, result)
		}
	}
	expectOnce(t, contents(t, js), lines)
}

func TestWithoutDedupeASecondRunAddsEverything(t *testing.T) {
	_, js, cfg := setup(t, time.Minute)
	for range 2 {
		cfg.Input = bytes.NewReader(joined(edits(7, 100)))
		if result := imported(t, cfg); result.Published != 100 {
			t.Fatalf("%+v", result)
		}
	}
	if got := contents(t, js); len(got) != 200 {
		t.Fatalf("the log holds %d entries", len(got))
	}
}

func TestARunThatWasCancelledIsCompletedByTheNext(t *testing.T) {
	_, js, cfg := setup(t, 100*time.Millisecond)
	lines := edits(8, 4000)
	ctx, cancel := context.WithCancel(t.Context())
	cfg.Dedupe, cfg.Input, cfg.Window = true, bytes.NewReader(joined(lines)), 100
	var logged bytes.Buffer
	cfg.AckLog = &logged
	acked := 0
	cfg.OnAck = func(line int, _ geo.Offset, _ bool) {
		if acked++; line == 1234 {
			cancel()
		}
	}
	first, err := Run(ctx, cfg)
	var stopped *Stopped
	if !errors.Is(err, context.Canceled) || !errors.As(err, &stopped) {
		t.Fatalf("error %v", err)
	}
	if first.Published != acked || stopped.NextLine <= 1234 || stopped.NextLine > 1334 || stopped.Acknowledged != acked {
		t.Fatalf("%d acknowledged, %+v, %v", acked, first, err)
	}
	if n := strings.Count(logged.String(), "\n"); n != acked {
		t.Fatalf("%d lines in the list of %d", n, acked)
	}
	forgotten(t, js)
	cfg.Input, cfg.OnAck, cfg.Window = bytes.NewReader(joined(lines)), nil, 0
	second := imported(t, cfg)
	if second.AlreadyThere < acked || second.AlreadyThere+second.Published != len(lines) {
		t.Fatalf("second run: %+v", second)
	}
	expectOnce(t, contents(t, js), lines)
}

func TestGoingOnFromALine(t *testing.T) {
	_, js, cfg := setup(t, time.Minute)
	lines := edits(9, 500)
	cfg.Input, cfg.FromLine = bytes.NewReader(joined(lines)), 401
	if result := imported(t, cfg); result.Published != 100 || result.Lines != 100 || result.NextLine != 501 {
		t.Fatalf("%+v", result)
	}
	expectOnce(t, contents(t, js), lines[400:])
}

func TestTheListOfAcknowledgedLinesIsWhatTheLogHolds(t *testing.T) {
	_, js, cfg := setup(t, time.Minute)
	var logged bytes.Buffer
	lines := edits(10, 2500)
	cfg.Input, cfg.AckLog = bytes.NewReader(joined(lines)), &logged
	imported(t, cfg)
	at := map[geo.Offset]string{}
	for _, h := range contents(t, js) {
		at[h.offset] = h.body
	}
	var line int
	var offset geo.Offset
	for n := 0; ; n++ {
		if _, err := fmt.Fscanln(&logged, &line, &offset); err != nil {
			if n != len(lines) {
				t.Fatalf("%d lines are listed: %v", n, err)
			}
			return
		}
		if at[offset] != lines[line-1] {
			t.Fatalf("line %d is not at offset %d", line, offset)
		}
	}
}

func TestProgressIsReportedInOrderAndAtTheEnd(t *testing.T) {
	_, _, cfg := setup(t, time.Minute)
	content := joined(edits(11, 2000))
	var last Progress
	var times []time.Time
	cfg.Input, cfg.Dedupe = bytes.NewReader(content), true
	cfg.Progress = func(p Progress) {
		if p.Phase == last.Phase && p.Done < last.Done {
			t.Errorf("progress went back from %+v to %+v", last, p)
		}
		last = p
		times = append(times, time.Now())
	}
	imported(t, cfg)
	if last.Phase != Publishing || last.Done != int64(len(content)) || last.Total != last.Done || last.Lines != 2000 || last.Rate <= 0 {
		t.Fatalf("ended with %+v", last)
	}
	for i := 1; i < len(times)-1; i++ {
		if gap := times[i].Sub(times[i-1]); gap < reportEvery/2 {
			t.Fatalf("two reports within %s", gap)
		}
	}
}

func TestWhatIsWrongBeforeTheFirstLine(t *testing.T) {
	_, js, good := setup(t, time.Minute)
	good.Input = strings.NewReader(`{"page":"a"}`)
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "OTHER@us-east", Subjects: []string{"other.>"}}); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(*Config)
		want   error
	}{
		"no input":          {func(c *Config) { c.Input = nil }, ErrConfig},
		"wildcard":          {func(c *Config) { c.Topic = "orders.*" }, ErrConfig},
		"topic of NATS":     {func(c *Config) { c.Topic = "$JS.API" }, client.ErrSubject},
		"no log":            {func(c *Config) { c.Topic = "invoices" }, client.ErrNoLog},
		"no such stream":    {func(c *Config) { c.Stream = "NONE@us-east" }, client.ErrNoLog},
		"another's stream":  {func(c *Config) { c.Stream = "OTHER@us-east" }, ErrLog},
		"nobody is there":   {func(c *Config) { c.URL = "nats://127.0.0.1:1" }, client.ErrUnreachable},
		"a negative window": {func(c *Config) { c.Window = -1 }, ErrConfig},
	} {
		cfg := good
		c.change(&cfg)
		if _, err := Run(t.Context(), cfg); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	if got := contents(t, js); len(got) != 0 {
		t.Fatalf("the log holds %+v", got)
	}
}
