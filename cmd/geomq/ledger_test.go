package main

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"geomq/admin"
	"geomq/geo"
)

func withCancel(t *testing.T) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	return ctx, cancel
}

// bereaved is a deployment in which us-east lost the offsets 6 to 8 of its log,
// which the other two had, each as far as it had come.
func bereaved(t *testing.T) *fakeDeployment {
	d := newDeployment(t, 5)
	d.regions["eu-west"].ledger = []admin.LedgerRecord{lost("eu-west", 6, "a"), lost("eu-west", 7, "b"), lost("eu-west", 8, "c")}
	d.regions["ap-south"].ledger = []admin.LedgerRecord{lost("ap-south", 6, "a"), lost("ap-south", 7, "b")}
	return d
}

func TestTheLedgersAreListed(t *testing.T) {
	d := bereaved(t)
	r := runAgainst(t, d, "ledger", "ls")
	if r.code != exitOK || strings.Count(r.out, "ORDERS@us-east/1/") != 5 {
		t.Errorf("exit code %d\n%s", r.code, r.out)
	}
	contains(t, r.out, "LEDGER OF", "ORDERS@us-east/1/8", "eu-west", "orders.created", "K8", "the origin lost its tail")
	d.regions["eu-west"].mark(admin.Republished{ID: "ORDERS@us-east/1/8", As: "ORDERS@eu-west/1/100"})
	for args, want := range map[string]int{
		"": 5, "--open": 4, "--region ap-south": 2, "ORDERS@us-east": 5, "ORDERS@eu-west": 0, "--limit 1": 2, "--region eu-west --open": 2,
	} {
		r := runAgainst(t, d, append([]string{"ledger", "ls", "--json"}, strings.Fields(args)...)...)
		var all ledgers
		if err := json.Unmarshal([]byte(r.out), &all); err != nil || all.Records == nil || len(all.Records) != want || (len(all.Problems) > 0) != (args == "--limit 1") {
			t.Errorf("%q: %v, %d records, want %d; problems %q", args, err, len(all.Records), want, all.Problems)
		}
	}
	contains(t, runAgainst(t, d, "ledger", "ls", "ORDERS@ap-south").out, "the ledger is empty")
	d.regions["ap-south"].stop()
	contains(t, runAgainst(t, d, "ledger", "ls").out, "ORDERS@us-east/1/8", "! the ledger of ap-south is not shown")
	if r := runAgainst(t, d, "ledger", "ls", "--region", "ap-south"); r.code != exitFailed {
		t.Errorf("the only region asked for is silent: exit code %d", r.code)
	}
}

func TestOneEntryOfTheLedger(t *testing.T) {
	d := bereaved(t)
	r := runAgainst(t, d, "ledger", "show", "ORDERS@us-east/1/8")
	contains(t, r.out, "ORDERS@us-east/1/8 in the ledger of eu-west", "offset 8 of ORDERS@us-east, epoch 1", "NATS/1.0", `"total":"12.50"`,
		"no; do it with: geomq ledger republish ORDERS@us-east/1/8")
	var e admin.LedgerEntry
	if err := json.Unmarshal([]byte(runAgainst(t, d, "ledger", "show", "ORDERS@us-east/1/6", "--json").out), &e); err != nil || e.Entry.Offset != 6 {
		t.Errorf("%v %+v", err, e)
	}
	r = runAgainst(t, d, "ledger", "show", "ORDERS@us-east/1/9")
	if r.code != exitFailed {
		t.Errorf("exit code %d", r.code)
	}
	contains(t, r.err, "ORDERS@us-east/1/9 is in no ledger")
}

// TestAnEntryInTwoLedgersIsPublishedOnce and both ledgers know of it.
func TestAnEntryInTwoLedgersIsPublishedOnce(t *testing.T) {
	d := bereaved(t)
	r := runAgainst(t, d, "ledger", "republish", "--log", "ORDERS@us-east", "--yes")
	if r.code != exitOK {
		t.Fatalf("exit code %d\n%s", r.code, r.err)
	}
	published := map[string]int{}
	for _, region := range threeRegions {
		for _, o := range d.regions[region].changed() {
			for _, id := range o.(admin.RepublishOrder).IDs {
				published[id]++
			}
		}
		for _, record := range d.regions[region].ledger {
			if record.Again == nil {
				t.Errorf("the ledger of %s does not know that %s was published again", region, record.ID)
			}
		}
	}
	if len(published) != 3 || published["ORDERS@us-east/1/6"] != 1 || published["ORDERS@us-east/1/8"] != 1 {
		t.Errorf("%v", published)
	}
	contains(t, runAgainst(t, d, "ledger", "republish", "--log", "ORDERS@us-east", "--yes").out, "nothing to do")
}

func TestRepublishPlansAndChanges(t *testing.T) {
	d := bereaved(t)
	r := runAgainst(t, d, "ledger", "republish", "ORDERS@us-east/1/7", "--dry-run")
	contains(t, r.out, "ledger republish in ap-south, planned; nothing is changed yet")
	r = runAgainst(t, d, "ledger", "republish", "ORDERS@us-east/1/7", "ORDERS@us-east/1/77", "--yes")
	if r.code != exitFailed {
		t.Errorf("exit code %d", r.code)
	}
	contains(t, r.err, "ORDERS@us-east/1/77 is in no ledger")
	for _, region := range threeRegions {
		if n := len(d.regions[region].changed()); n > 0 {
			t.Errorf("%s carried out %d orders", region, n)
		}
	}
}

func TestWhoPublishesWhat(t *testing.T) {
	again := lost("eu-west", 6, "a")
	again.Again = &admin.Republished{ID: again.ID, As: "ORDERS@eu-west/1/100"}
	twin := lost("ap-south", 6, "a")
	twin.ID += "/0011223344556677"
	for name, c := range map[string]struct {
		records []admin.LedgerRecord
		ids     []string
		from    map[geo.Region]int
		notes   map[geo.Region]string
	}{
		"the first region by name":               {[]admin.LedgerRecord{lost("eu-west", 6, "a"), lost("ap-south", 6, "a")}, nil, map[geo.Region]int{"ap-south": 1}, nil},
		"the origin before others":               {[]admin.LedgerRecord{lost("ap-south", 6, "a"), lost("us-east", 6, "a")}, nil, map[geo.Region]int{"us-east": 1}, nil},
		"two entries of one place are two":       {[]admin.LedgerRecord{lost("eu-west", 6, "a"), lost("ap-south", 6, "x")}, nil, map[geo.Region]int{"ap-south": 1, "eu-west": 1}, nil},
		"what was published again is noted":      {[]admin.LedgerRecord{again, lost("ap-south", 6, "a")}, nil, nil, map[geo.Region]string{"ap-south": "ORDERS@us-east/1/6"}},
		"under another id, too":                  {[]admin.LedgerRecord{again, twin}, nil, nil, map[geo.Region]string{"ap-south": twin.ID}},
		"only what was named":                    {[]admin.LedgerRecord{lost("eu-west", 6, "a"), lost("eu-west", 7, "b")}, []string{"ORDERS@us-east/1/7"}, map[geo.Region]int{"eu-west": 1}, nil},
		"named by the id of either ledger's own": {[]admin.LedgerRecord{lost("eu-west", 6, "a"), twin}, []string{twin.ID}, map[geo.Region]int{"ap-south": 1}, nil},
	} {
		got := choose(c.records, c.ids)
		for _, region := range threeRegions {
			if len(got.from[region]) != c.from[region] {
				t.Errorf("%s: %s publishes %v", name, region, got.from[region])
			}
			if ids := got.notes[region]; (c.notes[region] != "") != (len(ids) == 1) || len(ids) == 1 && ids[0].ID != c.notes[region] {
				t.Errorf("%s: %s is told of %+v", name, region, ids)
			}
		}
	}
}

func event(region geo.Region, offset geo.Offset, text string) admin.Event {
	return admin.Event{Region: region, Offset: offset, Time: noon, Kind: "log.epoch", Key: "log.epoch/ORDERS", Log: "ORDERS@" + string(region), Text: text}
}

func TestEventsAreListed(t *testing.T) {
	d := newDeployment(t, 5)
	d.regions["us-east"].happen(event("us-east", 1, "epoch 2 begins"), event("eu-west", 4, "epoch 3 begins\x1b[2J"), event("us-east", 2, "epoch 4 begins"))
	r := runAgainst(t, d, "events")
	contains(t, r.out, "2026-03-01T12:00:00Z  us-east  log.epoch  ORDERS@us-east  epoch 2 begins", "epoch 3 begins·[2J")
	lines := func(args ...string) []string {
		return strings.Split(strings.TrimSpace(runAgainst(t, d, append([]string{"events", "--json"}, args...)...).out), "\n")
	}
	var last shownEvent
	if all := lines(); len(all) != 3 || json.Unmarshal([]byte(all[1]), &last) != nil || last.Cursor != "eu-west:4,us-east:1" {
		t.Errorf("%q", all)
	}
	for args, want := range map[string]int{"--tail 1": 1, "--region us-east": 2, "--log ORDERS@eu-west": 1, "--kind log.epoch": 3, "--kind log": 3, "--after eu-west:4,us-east:1": 1} {
		if got := lines(strings.Fields(args)...); len(got) != want || got[0] == "" {
			t.Errorf("%s: %q", args, got)
		}
	}
	if got := lines("--kind", "log.fenced,disk"); len(got) != 1 || got[0] != "" {
		t.Errorf("%q", got)
	}
	for _, kind := range []string{"nonsense", "", "log.", "epoch"} {
		r := runAgainst(t, d, "events", "--kind=log.epoch,"+kind)
		if r.code != exitUsage {
			t.Errorf("--kind %q: exit code %d", kind, r.code)
		}
		contains(t, r.err, "no event is of that kind", "node.started", "log.epoch", "ledger.added")
	}
}

// TestFollowingOutlivesTheNode: the one that is asked dies; another one goes on where
// it was, and nothing is shown twice.
func TestFollowingOutlivesTheNode(t *testing.T) {
	d, c := newDeployment(t, 5), newCLI(nil)
	first := event("us-east", 1, "one")
	d.regions["us-east"].happen(first)
	d.regions["eu-west"].happen(first)
	ctx, cancel := withCancel(t)
	done := make(chan int, 1)
	go func() {
		done <- run(ctx, c.app, []string{"events", "--follow", "--admin", d.url("us-east") + "," + d.url("eu-west")})
	}()
	c.outBuffer.await(t, "one\n")
	d.regions["us-east"].stop()
	c.errBuffer.await(t, "geomq: ")
	d.regions["eu-west"].happen(event("us-east", 2, "two"))
	c.outBuffer.await(t, "two\n")
	cancel()
	if code := <-done; code != exitOK || strings.Count(c.outBuffer.String(), "one\n") != 1 {
		t.Errorf("exit code %d:\n%s", code, c.outBuffer.String())
	}
}

// TestControlLogsStayInTheBackground until something is wrong with them.
func TestControlLogsStayInTheBackground(t *testing.T) {
	d := newDeployment(t, 5)
	state := admin.LinkStreaming
	d.regions["ap-south"].change = func(st *admin.Status) {
		l, k := st.Logs[0], st.Links[0]
		l.Log, l.Stream, k.Log, k.State = "GEOMQ", "GEOMQ@us-east", "GEOMQ", state
		st.Logs, st.Links = append(st.Logs, l), append(st.Links, k)
	}
	for _, line := range []string{"status", "log ls", "link ls", "verify"} {
		if r := runAgainst(t, d, strings.Fields(line)...); r.code != exitOK || strings.Contains(r.out, "GEOMQ") {
			t.Errorf("geomq %s: exit code %d\n%s", line, r.code, r.out)
		}
	}
	for _, line := range []string{"log ls --json", "link ls --json", "log show GEOMQ@us-east", "link show GEOMQ@us-east"} {
		contains(t, runAgainst(t, d, strings.Fields(line)...).out, "GEOMQ")
	}
	state = admin.LinkHalted
	if r := runAgainst(t, d, "status"); r.code != exitTrouble || strings.Count(r.out, "GEOMQ@us-east") < 2 {
		t.Errorf("exit code %d\n%s", r.code, r.out)
	}
}

func TestStatusFailsWhereAReplicaHasStopped(t *testing.T) {
	d := newDeployment(t, 5)
	d.regions["ap-south"].change = func(st *admin.Status) {
		st.Links[0].State, st.Links[0].Cause, st.Links[0].Missing = admin.LinkHalted, "trimmed", geo.Ranges{{First: 1, Last: 3}}
		st.Logs[0].State = admin.LogHalted
	}
	r := runAgainst(t, d, "status")
	if r.code != exitTrouble {
		t.Errorf("exit code %d\n%s", r.code, r.out)
	}
	contains(t, r.out, "SAFE to lose us-east: yes", "! the replica of ORDERS@us-east in ap-south has stopped", "geomq link accept-gap ORDERS@us-east --region ap-south")
	contains(t, runAgainst(t, d, "link", "ls").out, "MISSING", "1…3")
	contains(t, runAgainst(t, d, "link", "show", "ORDERS", "--region", "ap-south").out, "missing", "1…3 (3 offsets)")
	if r := runAgainst(t, d, "link", "show", "ORDERS", "--region", "us-east"); r.code != exitFailed || !strings.Contains(r.err, "no link pulls") {
		t.Errorf("exit code %d: %s", r.code, r.err)
	}
	if r := runAgainst(t, d, "log", "show", "BILLS"); r.code != exitFailed || !strings.Contains(r.err, "there are ORDERS, ORDERS@us-east") {
		t.Errorf("exit code %d: %s", r.code, r.err)
	}
	if got := runAgainst(t, d, "log", "show", "ORDERS@us-east", "--json").out; strings.Count(got, `"region"`) != 3 {
		t.Errorf("%s", got)
	}
	if !slices.Contains(streamNames(&admin.Status{Logs: d.regions["us-east"].Local().Logs}), "ORDERS@us-east") {
		t.Error("the shell is not offered the log's name")
	}
}
