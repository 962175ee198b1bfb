package main

import (
	"context"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"geomq/admin"
	"geomq/cmd/geomq/internal/term"
	"geomq/geo"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares text with testdata/NAME.txt.
func golden(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join("testdata", name+".txt")
	if *update {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if text != string(want) {
		t.Errorf("%s differs; look at the diff, then run with -update\ngot:\n%s\nwant:\n%s", path, text, want)
	}
}

// troubled is a status with a bit of everything: a region that does not answer,
// one that nobody configured, a halted link, one without a fresh head, a log in
// conflict, several queues, and a name that tries to steer the terminal.
func troubled() *admin.Status {
	at := func(ago time.Duration) time.Time { return noon.Add(-ago) }
	node := func(region geo.Region, answering bool) admin.Node {
		return admin.Node{
			Region: region, Name: string(region) + "-1", Version: "1.2.3", Started: at(26 * time.Hour), Answering: answering,
			NATS: "nats://" + string(region) + ".example:4222", Admin: "http://" + string(region) + ".example:8300",
		}
	}
	st := &admin.Status{
		API: "v1", At: noon, Region: "us-east", Node: "us-east-1",
		Regions: []admin.Region{
			{Name: "us-east", Configured: true, State: admin.RegionUp, Nodes: []admin.Node{node("us-east", true)}},
			{Name: "eu-west", Configured: true, State: admin.RegionUnreachable, Nodes: []admin.Node{node("eu-west", false)}},
			{Name: "ap-south", Configured: true, State: admin.RegionUnknown},
			{Name: "guest", State: admin.RegionUp, Nodes: []admin.Node{node("guest", true)}},
		},
		Logs: []admin.Log{
			{Log: "ORDERS", Queue: "0", Origin: "us-east", Region: "eu-west", Role: admin.RoleReplica, Stream: "ORDERS@us-east",
				First: 1, Last: 38_832, Entries: 38_832, Bytes: 16_931_840, LastTime: at(800 * time.Millisecond), Epoch: 1,
				SealedTo: 37_888, Mode: "single", Flush: "async", State: admin.LogOpen,
				Epochs: geo.Epochs{{Number: 1, First: 1}, {Number: 2, PrevEnd: 20_000, First: 31_001}}, Holes: 11_003, Deletions: 2,
				Damaged: geo.Ranges{{First: 1_025, Last: 2_048}}, Gaps: geo.Ranges{{First: 5, Last: 9}},
				Scrub:  &admin.Scrub{Blocks: 37, Failures: 2, Repaired: 1, Round: at(time.Hour)},
				Ledger: &admin.LedgerCount{Entries: 3, Open: 1}},
			{Log: "ORDERS", Queue: "0", Origin: "us-east", Region: "us-east", Role: admin.RoleOrigin, Stream: "ORDERS@us-east",
				First: 1, Last: 39_244, Entries: 39_244, Bytes: 17_110_384, LastTime: at(2 * time.Millisecond), Epoch: 1,
				SealedTo: 38_912, Mode: "single", Flush: "async", State: admin.LogOpening, Topics: []geo.Topic{"orders.>"}, Regions: threeRegions,
				Opening: &admin.Opening{State: "waiting", Text: "ORDERS@us-east is closed: its newest entries may be lost. It waits for ap-south.", Since: at(12 * time.Second),
					Silent: []geo.Region{"ap-south"}, Until: noon.Add(18 * time.Second), From: "eu-west", Pulled: 39_244, Through: 39_300}},
			{Log: "BILLS", Queue: "1", Origin: "us-east", Region: "us-east", Role: admin.RoleOrigin, Stream: "BILLS-1@us-east",
				Mode: "sync", Flush: "sync", State: admin.LogConflict,
				Problem: "a stream of that name has max_age 1h where 7d is configured; rename or delete it\x1b[2J"},
		},
		Links: []admin.Link{
			{Log: "ORDERS", Queue: "0", Origin: "us-east", From: "us-east", To: "eu-west", Node: "eu-west-1", State: admin.LinkStreaming,
				Since: at(time.Hour), Applied: 38_832, Head: 39_244, LagEntries: ptr(uint64(412)), LagBytes: ptr(uint64(179_632)), LagSeconds: ptr(0.8),
				Entries: 38_832, WireBytes: 2_951_232, RawBytes: 16_931_840, Reconnects: 2, RTTSeconds: ptr(0.081), Refused: map[string]uint64{"lost": 2, "damaged": 1}},
			{Log: "ORDERS", Queue: "0", Origin: "us-east", From: "eu-west", To: "guest", Node: "guest-1", State: admin.LinkStreaming,
				Since: at(time.Minute), Applied: 38_832, Head: 38_832, LagEntries: ptr(uint64(0)), LagBytes: ptr(uint64(0)), LagSeconds: ptr(0.0),
				NotOrigin: "us-east does not answer since 11:58:00", Switches: 1, Holders: []admin.LinkHolder{
					{Region: "us-east", Asked: at(time.Second), Problem: "no answer", Avoided: noon.Add(7 * time.Second)},
					{Region: "eu-west", Last: 38_832, Asked: at(time.Second), RTTSeconds: ptr(0.03)}, {Region: "ap-south", Last: 12}}},
			{Log: "ORDERS", Queue: "0", Origin: "us-east", From: "us-east", To: "ap-south", Node: "ap-south-1", State: admin.LinkWaiting,
				Since: at(12 * time.Second), Applied: 12, Reason: "no node of region us-east answers; trying again in 4 s"},
			{Log: "BILLS", Queue: "1", Origin: "us-east", From: "us-east", To: "eu-west", State: admin.LinkHalted, Since: at(3 * time.Minute),
				Cause: "trimmed", Reason: "retention removed offsets 1 to 6 at us-east", Missing: geo.Ranges{{First: 1, Last: 6}}},
		},
		Disks:    []admin.Disk{{Region: "guest", Node: "guest-1", State: admin.DiskLow, Free: 8, Total: 100, StopReplicas: 10, FenceOrigins: 5}},
		Problems: []string{"eu-west: no answer from http://eu-west.example:8300"},
	}
	st.Verdict = admin.Judge(*st)
	return st
}

func rendered(lines []string) string { return strings.Join(lines, "\n") + "\n" }

func TestTablesOfAStatusFullOfTrouble(t *testing.T) {
	pipe := term.Output{Writer: &strings.Builder{}}
	regions, logs, links := view{lines: func(out term.Output, st *admin.Status) []string { return regionTable(st).Lines(out) }},
		view{lines: func(out term.Output, st *admin.Status) []string {
			return append(logTable(st).Lines(out), logNotes(out, st)...)
		}},
		view{lines: func(out term.Output, st *admin.Status) []string {
			return append(linkTable(st).Lines(out), linkNotes(out, st)...)
		}}
	logShow, err := logView("ORDERS@us-east")
	if err != nil {
		t.Fatal(err)
	}
	linkShow, err := linkView("ORDERS", "")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		view view
		out  term.Output
	}{
		{"status", view{lines: statusLines}, pipe},
		{"status-colour", view{lines: statusLines}, term.Fixed(nil, 200, 50, true)},
		{"status-narrow", view{lines: statusLines}, term.Fixed(nil, 60, 50, false)},
		{"region-ls", regions, pipe},
		{"log-ls", logs, pipe},
		{"log-ls-narrow", logs, term.Fixed(nil, 72, 50, false)},
		{"link-ls", links, pipe},
		{"link-ls-narrow", links, term.Fixed(nil, 80, 50, false)},
		{"log-show", logShow, pipe},
		{"link-show", linkShow, pipe},
	} {
		text := rendered(c.view.lines(c.out, troubled()))
		golden(t, c.name, text)
		if !c.out.Colour && strings.Contains(text, "\x1b") {
			t.Errorf("%s: an escape sequence reaches an output without colour", c.name)
		}
	}
}

func TestStatusExitCodes(t *testing.T) {
	d := newDeployment(t, 5)
	r := runAgainst(t, d, "status")
	if r.code != exitOK || r.err != "" {
		t.Errorf("everything is everywhere: exit code %d, stderr %q", r.code, r.err)
	}
	contains(t, r.out, "SAFE to lose us-east: yes", "ORDERS@us-east", "nats://eu-west.example:4222")

	for _, name := range []geo.Region{"eu-west", "ap-south"} {
		d.regions[name].last = 3
	}
	r = runAgainst(t, d, "status")
	if r.code != exitNotSafe {
		t.Errorf("two entries are nowhere else: exit code %d", r.code)
	}
	contains(t, r.out, "SAFE to lose us-east: no")

	if r = newCLI(nil).run(t.Context(), "status", "--admin", "http://127.0.0.1:1"); r.code != exitFailed {
		t.Errorf("nobody answers: exit code %d", r.code)
	}
}

func TestARegionThatDoesNotAnswerIsNamed(t *testing.T) {
	d := newDeployment(t, 5)
	d.regions["ap-south"].stop()
	r := runAgainst(t, d, "region", "ls")
	if r.code != exitOK {
		t.Errorf("exit code %d", r.code)
	}
	contains(t, r.out, "ap-south  unreachable", "! ")
}

func TestJSONHasTheFieldsOfTheAPI(t *testing.T) {
	d := newDeployment(t, 5)
	for args, field := range map[string]string{"status": "verdict", "region ls": "regions", "log ls": "logs", "link ls": "links"} {
		r := runAgainst(t, d, append(strings.Fields(args), "--json")...)
		var document map[string]json.RawMessage
		if err := json.Unmarshal([]byte(r.out), &document); err != nil {
			t.Errorf("geomq %s --json: %v", args, err)
		}
		if len(document[field]) == 0 {
			t.Errorf("geomq %s --json has no %q:\n%s", args, field, r.out)
		}
	}
}

// A person watches; the region's node dies; the watching goes on and says so,
// and the node's return is seen.
func TestWatchOutlivesTheNode(t *testing.T) {
	d := newDeployment(t, 5)
	c := newCLI(nil)
	c.tick = time.Millisecond
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan int, 1)
	go func() {
		done <- run(ctx, c.app, []string{"log", "ls", "--watch", "--json", "--admin", d.url("us-east")})
	}()

	c.outBuffer.await(t, "\n{\"logs\"")
	d.regions["us-east"].stop()
	c.errBuffer.await(t, "nothing answers at")
	cancel()
	if code := <-done; code != exitOK {
		t.Errorf("Ctrl-C ends watching with exit code %d", code)
	}
	for line := range strings.SplitSeq(strings.TrimSpace(c.outBuffer.String()), "\n") {
		if !json.Valid([]byte(line)) {
			t.Fatalf("not one document a line: %s", line)
		}
	}
}

func TestWatchOnATerminalRedrawsAndGivesItBack(t *testing.T) {
	d := newDeployment(t, 5)
	c := newCLI(nil)
	c.tick = time.Millisecond
	c.out = term.Fixed(c.outBuffer, 100, 12, false)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan int, 1)
	go func() { done <- run(ctx, c.app, []string{"status", "--watch", "--admin", d.url("us-east")}) }()
	c.outBuffer.await(t, "lines below")
	d.regions["us-east"].stop()
	c.outBuffer.await(t, "what is below is older: nothing answers")
	cancel()
	if code := <-done; code != exitOK {
		t.Errorf("exit code %d", code)
	}
	_, after, ok := strings.Cut(c.outBuffer.String(), "\x1b[?1049l")
	if !ok {
		t.Fatal("the terminal was not given back")
	}
	contains(t, after, "what is below is older", "SAFE to lose us-east: ", "us-east-1")
}
