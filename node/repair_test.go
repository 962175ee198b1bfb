package node_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"geomq/admin"
	"geomq/geo"
	"geomq/geo/entry"
	"geomq/geotest"
)

// forged makes a region's replica of us-east's log one that contradicts it: another
// entry at 700, and a tail that its origin never had.
func (w *world) forged(region geo.Region, tail ...entry.Entry) {
	w.t.Helper()
	err := w.nodes[region].Rest(w.t.Context(), orders, func() error {
		held := w.held(region)
		held[699].Body = []byte("another one")
		for i := range tail {
			tail[i].Offset, tail[i].Time = geo.Offset(len(held)+1), held[0].Time
			held = append(held, tail[i])
		}
		w.replace(region, orders, held)
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// ledger are the records of a region's ledger.
func (w *world) ledger(region geo.Region) []admin.LedgerRecord {
	w.t.Helper()
	page, err := w.nodes[region].Orders().LedgerEntries(w.t.Context(), admin.LedgerQuery{Limit: 100})
	if err != nil {
		w.t.Fatal(err)
	}
	return page.Records
}

var demanding = []byte("NATS/1.0\r\nb: 1\r\nNats-Expected-Last-Sequence: 7\r\nA: x\r\na:y\r\nA: z\r\n\r\n")

// TestRepair: a replica that contradicts its origin is made anew. What only it had
// is in its ledger, what was recorded beside it does not outlive it, and what the
// ledger has can be published again, once.
func TestRepair(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil, "us-east", "eu-west")
	js := w.client("us-east")
	w.publish(js, 1500)
	w.holds("eu-west", "ORDERS@us-east", 1500)
	w.forged("eu-west",
		entry.Entry{Subject: []byte("orders.only"), Header: demanding, Body: []byte("a")},
		entry.Entry{Subject: []byte("elsewhere.x"), Body: []byte("b")},
		entry.Entry{Subject: []byte("orders.only"), Body: []byte("c")})
	// Another life of the log had a deletion that this one does not know.
	if err := w.nodes["eu-west"].RecordDeletion(t.Context(), orders, geo.Deletion{Number: 1, Offsets: []geo.Offset{3}, Digests: [][16]byte{{1}}}); err != nil {
		t.Fatal(err)
	}
	w.link("eu-west", func(l admin.Link) bool { return l.State == admin.LinkHalted && l.Cause == "ahead" })
	eu, ctx := w.nodes["eu-west"].Orders(), t.Context()
	order := admin.RepairOrder{Log: orders.Stream(), Region: "eu-west"}
	dry := order
	dry.DryRun = true
	ordered(t, 4)(eu.Repair(ctx, dry, silent))
	if n := len(w.held("eu-west")); n != 1503 || len(w.ledger("eu-west")) != 0 {
		t.Fatalf("planning a repair leaves %d entries and a ledger of %d", n, len(w.ledger("eu-west")))
	}
	ordered(t, 4)(eu.Repair(ctx, order, silent))
	w.awaitEvent("eu-west", "eu-west", "entries of ORDERS@us-east (offsets 1501…1503) are in the ledger of eu-west")
	w.same("us-east", "eu-west")
	w.link("eu-west", streaming)
	w.holds("eu-west", "ORDERS@us-east", w.publish(js, 10))
	geotest.Await(t, startPatience, func(context.Context) error {
		if l := w.log("eu-west"); l.Deletions != 0 || l.Ledger == nil || l.Ledger.Open != 4 {
			return fmt.Errorf("the replica that was made anew is %+v, its ledger %+v", l, l.Ledger)
		}
		return nil
	})
	ordered(t, 0)(eu.Repair(ctx, order, silent))
	w.same("us-east", "eu-west")

	var ids []string
	for _, r := range w.ledger("eu-west") {
		ids = append(ids, r.ID)
	}
	if want := "ORDERS@us-east/1/700 ORDERS@us-east/1/1501 ORDERS@us-east/1/1502 ORDERS@us-east/1/1503"; strings.Join(ids, " ") != want {
		t.Fatalf("the ledger has %v", ids)
	}
	republished(t, w)
}

// republished publishes TestRepair's ledger again, in eu-west's own log.
func republished(t *testing.T, w *world) {
	eu, ctx := w.nodes["eu-west"], t.Context()
	dry := admin.RepublishOrder{Region: "eu-west", Log: orders.Stream(), DryRun: true}
	ordered(t, 4)(eu.Orders().Republish(ctx, dry, silent))
	// A crash between publishing and taking note of it.
	first, err := eu.PublishAgain(ctx, "ORDERS@us-east/1/1501")
	if err != nil || first.Duplicate || first.As != "ORDERS@eu-west/1/1" {
		t.Fatalf("published as %+v, %v", first, err)
	}
	outcome, err := eu.Orders().Republish(ctx, admin.RepublishOrder{Region: "eu-west", Log: orders.Stream()}, silent)
	if err == nil || errors.Is(err, admin.ErrRefused) || !strings.Contains(fmt.Sprint(err), "elsewhere.x") || len(outcome.Again) != 3 {
		t.Errorf("of four entries, one with a foreign subject: %+v, %v", outcome.Again, err)
	}
	if outcome, err = eu.Orders().Republish(ctx, admin.RepublishOrder{Region: "eu-west", Log: orders.Stream()}, silent); !errors.Is(err, admin.ErrRefused) || len(outcome.Again) != 0 {
		t.Errorf("of the one with a foreign subject: %+v, %v", outcome.Again, err)
	}
	for _, again := range outcome.Again {
		if again.ID == first.ID && (!again.Duplicate || again.As != first.As) {
			t.Errorf("the broker did not recognise the key: %+v", again)
		}
	}
	if n := w.ends("eu-west", "ORDERS@eu-west"); n != 3 {
		t.Errorf("three entries are published again, the log ends at %d", n)
	}
	e, err := eu.Orders().Entry(ctx, "ORDERS@eu-west", 1)
	want := "NATS/1.0\r\nNats-Msg-Id: ORDERS@us-east/1/1501\r\nb: 1\r\nA: x\r\na:y\r\nA: z\r\n\r\n"
	if err != nil || string(e.Header) != want || string(e.Body) != "a" || e.Subject != "orders.only" {
		t.Errorf("the entry is %s %q %q: %v", e.Subject, e.Header, e.Body, err)
	}
	left := 0
	for _, r := range w.ledger("eu-west") {
		if r.Again == nil {
			left++
		}
	}
	if left != 1 {
		t.Errorf("%d entries of the ledger are open", left)
	}
}

// TestAGapThatIsAccepted: retention has overtaken a replica that was away. It says
// so, and goes on without what nobody has when it is told to.
func TestAGapThatIsAccepted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil, "us-east", "eu-west")
	js := w.client("us-east")
	w.holds("eu-west", "ORDERS@us-east", w.publish(js, 20))
	ctx := t.Context()
	w.refusesGap("eu-west", "nothing to give up", geo.Ranges{{First: 21, Last: 50}}) // which are not there yet
	w.refusesGap("eu-west", "nothing to give up", nil)
	w.stops["eu-west"]()
	w.publish(js, 80)
	ordered(t, 50)(w.nodes["us-east"].Orders().Purge(ctx, admin.PurgeOrder{Log: orders.Stream(), Before: 51}, silent))
	w.start("eu-west")
	w.await("eu-west")
	w.link("eu-west", func(l admin.Link) bool {
		return l.State == admin.LinkHalted && l.Missing.Len() == 30 && l.Missing.Covers(geo.Range{First: 21, Last: 50})
	})
	eu := w.nodes["eu-west"].Orders()
	w.refusesGap("eu-west", "has come to offset 20", geo.Ranges{{First: 10, Last: 50}})
	w.refusesGap("eu-west", "us-east has entries of ORDERS@us-east at offsets 51…60", geo.Ranges{{First: 21, Last: 60}})
	w.refusesGap("eu-west", "has yet to be written", geo.Ranges{{First: 21, Last: 50}, {First: 101, Last: 120}})
	order := admin.AcceptGapOrder{Log: orders.Stream(), Region: "eu-west"}
	dry := order
	dry.DryRun = true
	ordered(t, 30)(eu.AcceptGap(ctx, dry, silent))
	if l := w.log("eu-west"); len(l.Gaps) != 0 || l.Last != 20 {
		t.Fatalf("planning it gives up %v", l.Gaps)
	}
	ordered(t, 30)(eu.AcceptGap(ctx, order, silent))
	w.holds("eu-west", "ORDERS@us-east", 100)
	w.wants(w.same("us-east", "eu-west"), upTo(100)[50:])
}

// refusesGap has a region give up what is not lacking.
func (w *world) refusesGap(region geo.Region, why string, ranges geo.Ranges) {
	w.t.Helper()
	_, err := w.nodes[region].Orders().AcceptGap(w.t.Context(), admin.AcceptGapOrder{Log: orders.Stream(), Region: region, Ranges: ranges}, silent)
	if !errors.Is(err, admin.ErrRefused) || !strings.Contains(err.Error(), why) {
		w.t.Errorf("giving up %v: %v, not because %s", ranges, err, why)
	}
	if l := w.log(region); len(l.Gaps) > 0 {
		w.t.Errorf("%s has given up %v", region, l.Gaps)
	}
}

// TestAGapIsNotServedOn: entries vanish from an origin without a record. One replica
// gives them up; another must not take its word for it.
func TestAGapIsNotServedOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil, "us-east", "eu-west", "ap-south")
	js := w.client("us-east")
	w.publish(js, 20)
	for _, region := range []geo.Region{"eu-west", "ap-south"} {
		w.holds(region, "ORDERS@us-east", 20)
		w.stops[region]()
	}
	w.publish(js, 80)
	ctx := t.Context()
	log, err := w.nodes["us-east"].Broker().Lookup(ctx, orders)
	if err != nil {
		t.Fatal(err)
	}
	if err := log.DeleteEntries(ctx, []geo.Offset{30, 31}); err != nil {
		t.Fatal(err)
	}
	lacking := func(l admin.Link) bool {
		return l.State == admin.LinkHalted && l.Applied <= 29 && l.Missing.Len() == 2 && l.Missing.Contains(30)
	}
	w.start("eu-west")
	w.await("eu-west")
	w.link("eu-west", lacking)
	outcome, err := w.nodes["eu-west"].Orders().AcceptGap(ctx, admin.AcceptGapOrder{Log: orders.Stream(), Region: "eu-west"}, silent)
	ordered(t, 2)(outcome, err)
	if !strings.Contains(outcome.Text, "us-east can't give them; ap-south did not answer") {
		t.Errorf("it says %q", outcome.Text)
	}
	w.holds("eu-west", "ORDERS@us-east", 100)
	w.wants(w.same("us-east", "eu-west"), upTo(100, 30, 31))
	if l := w.log("eu-west"); !l.Gaps.Covers(geo.Range{First: 30, Last: 31}) {
		t.Errorf("the gaps are %v", l.Gaps)
	}

	w.start("ap-south")
	w.await("ap-south")
	w.link("ap-south", lacking)
	w.stops["us-east"]()
	w.link("ap-south", func(l admin.Link) bool { return l.From == "eu-west" && lacking(l) })
}

// TestTwoRepairsFromEachOther: both regions are told to make their replica anew from
// the other. At most one does, and nothing that only one of them had is lost.
func TestTwoRepairsFromEachOther(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil, "us-east", "eu-west", "ap-south")
	w.publish(w.client("us-east"), 900)
	for _, region := range []geo.Region{"eu-west", "ap-south"} {
		w.holds(region, "ORDERS@us-east", 900)
	}
	w.stops["us-east"]()
	ctx := t.Context()
	from := map[geo.Region]geo.Region{"eu-west": "ap-south", "ap-south": "eu-west"}
	var mu sync.Mutex
	done := map[geo.Region]error{}
	var group sync.WaitGroup
	for region, from := range from {
		group.Go(func() {
			_, err := w.nodes[region].Orders().Repair(ctx, admin.RepairOrder{Log: orders.Stream(), Region: region, From: from}, silent)
			mu.Lock()
			defer mu.Unlock()
			done[region] = err
		})
	}
	group.Wait()
	made := 0
	for region, err := range done {
		switch {
		case err == nil:
			made++
		case !errors.Is(err, admin.ErrRefused) || !strings.Contains(err.Error(), "made anew itself"):
			t.Errorf("%s: %v", region, err)
		}
	}
	if made > 1 {
		t.Error("both were made anew from each other")
	}
	w.wants(w.same("eu-west", "ap-south"), upTo(900))
	w.start("us-east")
	w.await("us-east")
	w.wants(w.same("us-east", "eu-west")[:900], upTo(900))
}

// TestARepairWhoseOriginIsDown: another holder with everything stands in; where none
// has everything, a person names one.
func TestARepairWhoseOriginIsDown(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil, "us-east", "eu-west", "ap-south")
	w.publish(w.client("us-east"), 900)
	for _, region := range []geo.Region{"eu-west", "ap-south"} {
		w.holds(region, "ORDERS@us-east", 900)
	}
	w.free("ap-south", 8) // its links wait
	w.link("ap-south", func(l admin.Link) bool { return l.State == admin.LinkWaiting })
	w.forged("eu-west")
	w.stops["us-east"]()
	eu, ctx := w.nodes["eu-west"].Orders(), t.Context()
	order := admin.RepairOrder{Log: orders.Stream(), Region: "eu-west", DryRun: true}
	outcome, err := eu.Repair(ctx, order, silent)
	ordered(t, 1)(outcome, err)
	if !strings.Contains(outcome.Text, "from ap-south: 899 entries are the same there, 1 that only") {
		t.Errorf("it says %q", outcome.Text)
	}
	w.forged("eu-west", entry.Entry{Subject: []byte("orders.only"), Body: []byte("a")})
	if _, err = eu.Repair(ctx, order, silent); !errors.Is(err, admin.ErrRefused) || !strings.Contains(err.Error(), "--from, of ap-south (offsets 1…900)") {
		t.Errorf("nobody else has offset 901: %v", err)
	}
	order.From, order.DryRun = "ap-south", false
	ordered(t, 2)(eu.Repair(ctx, order, silent))
	w.wants(w.same("eu-west", "ap-south"), upTo(900))
	w.stops["ap-south"]()
	order.From = ""
	if _, err = eu.Repair(ctx, order, silent); !errors.Is(err, admin.ErrRefused) || !strings.Contains(err.Error(), "no other region serves") {
		t.Errorf("nobody is left: %v", err)
	}
}

// TestAnEntryThatCanNotBeRead is counted apart from those that go to the ledger.
func TestAnEntryThatCanNotBeRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil, "us-east", "eu-west")
	w.publish(w.client("us-east"), 900)
	w.holds("eu-west", "ORDERS@us-east", 900)
	w.forged("eu-west")
	w.stops["eu-west"]()
	w.garble("eu-west", "message 799")
	w.start("eu-west")
	w.await("eu-west")
	eu, ctx := w.nodes["eu-west"].Orders(), t.Context()
	order := admin.RepairOrder{Log: orders.Stream(), Region: "eu-west", DryRun: true}
	for _, order.DryRun = range []bool{true, false} {
		outcome, err := eu.Repair(ctx, order, silent)
		ordered(t, 1)(outcome, err)
		if !strings.Contains(outcome.Text, "898 entries are the same there, 1 that only") || !strings.Contains(outcome.Text, "1 can't be read here: what other holders have at offsets 800") {
			t.Errorf("it says %q", outcome.Text)
		}
	}
	w.wants(w.same("us-east", "eu-west"), upTo(900))
}

// garble changes a byte of the first block of a region's replica.
func (w *world) garble(region geo.Region, body string) {
	w.t.Helper()
	path := filepath.Join(w.cfgs[region].Data, "jetstream", "APP", "streams", orders.Stream(), "msgs", "1.blk")
	block, err := os.ReadFile(path)
	at := bytes.Index(block, []byte(body))
	if err != nil || at < 0 {
		w.t.Fatalf("%s holds no %q: %v", path, body, err)
	}
	block[at] ^= 1
	if err := os.WriteFile(path, block, 0o600); err != nil {
		w.t.Fatal(err)
	}
}
