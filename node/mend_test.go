package node_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"geomq/admin"
	"geomq/configs"
	"geomq/geo"
	"geomq/geotest"
	"geomq/node/marks"
)

// hole takes entries out of a region's replica of us-east's log as a power cut does:
// nothing tells why they are gone. The region is stopped then, as by a power cut or
// by the death of its process alone.
func (w *world) hole(region geo.Region, powerCut bool, offsets ...geo.Range) {
	w.t.Helper()
	log, err := w.nodes[region].Broker().Lookup(w.t.Context(), orders)
	if err != nil {
		w.t.Fatal(err)
	}
	var all []geo.Offset
	for _, r := range offsets {
		for o := r.First; o <= r.Last; o++ {
			all = append(all, o)
		}
	}
	if err := log.DeleteEntries(w.t.Context(), all); err != nil {
		w.t.Fatal(err)
	}
	w.stops[region]()
	w.crashed(region, powerCut)
}

// crashed lets the mark of a region that was stopped say that it was not, and where
// powerCut says so that its replica of us-east's log is in doubt. Its own logs are
// not: new epochs take their time.
func (w *world) crashed(region geo.Region, powerCut bool) {
	w.t.Helper()
	mark, err := marks.Open(w.cfgs[region].Data)
	if err == nil {
		err = mark.MarkRunning()
	}
	if err == nil && powerCut {
		err = mark.Doubt(orders.Stream(), "the host was started anew, as after a power cut")
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// troubled waits until a region's status says something about its replica, or
// nothing.
func (w *world) troubled(region geo.Region, text string) {
	w.t.Helper()
	geotest.Await(w.t, startPatience, func(context.Context) error {
		if got := w.log(region).Problem; text == "" && got != "" || !strings.Contains(got, text) {
			return fmt.Errorf("%s says %q, not %q; links: %+v", region, got, text, w.nodes[region].Links())
		}
		return nil
	})
}

// repaired tells whether a region has recorded that it made its replica anew.
func (w *world) repaired(region geo.Region) bool {
	found, _ := w.events(region, region, nil)
	for _, e := range found {
		if strings.Contains(e.Text, "made anew") {
			return true
		}
	}
	return false
}

func (w *world) up(region geo.Region) {
	w.t.Helper()
	w.start(region)
	w.await(region)
}

// newFilled is a world of three regions that have 900 entries of us-east's log.
func newFilled(t *testing.T) *world {
	var gossip []string // each finds those before it, whoever of them is down
	w := newWorld(t, func(c *configs.Config) {
		if c.Region != "us-east" {
			c.Listen.Gossip = freePort(t)
		}
		gossip = append(gossip, c.Listen.Gossip)
		c.Broker.OpenWait = time.Second
		c.Gossip.Join = slices.Clone(gossip)
	}, "us-east", "eu-west", "ap-south")
	w.publish(w.client("us-east"), 900)
	for _, region := range []geo.Region{"eu-west", "ap-south"} {
		w.holds(region, "ORDERS@us-east", 900)
		w.settled(region)
	}
	return w
}

// settled waits until it is written down that a region's replica was looked at.
func (w *world) settled(region geo.Region) {
	w.t.Helper()
	geotest.Await(w.t, startPatience, func(context.Context) error {
		if safe, why := w.nodes[region].Whole(orders); !safe {
			return fmt.Errorf("the replica in %s is in doubt: %s", region, why)
		}
		return nil
	})
}

// TestAReplicaWithAHoleMakesItselfAnew: after a power cut a replica lacks offsets in
// its middle. It is the same as its origin again without a person, and only where a
// power cut can be the reason.
func TestAReplicaWithAHoleMakesItselfAnew(t *testing.T) {
	t.Parallel()
	w := newFilled(t)
	js := w.client("us-east")

	w.hole("eu-west", true, geo.Range{First: 300, Last: 420}, one(500))
	w.publish(js, 10)
	w.up("eu-west")
	w.awaitEvent("eu-west", "eu-west", "lacked offsets 300…420, 500, and nothing says why (the host was started anew, as after a power cut)")
	w.wants(w.same("us-east", "eu-west"), upTo(910))
	w.settled("eu-west")
	w.troubled("eu-west", "")
	if n := len(w.ledger("eu-west")); n > 0 {
		t.Errorf("nothing was lost, the ledger has %d", n)
	}
	w.link("eu-west", streaming)

	// The process that was killed has lost nothing: what is missing now is another
	// matter, and another one's.
	w.hole("ap-south", false, geo.Range{First: 300, Last: 420})
	w.up("ap-south")
	w.publish(js, 10)
	w.holds("ap-south", "ORDERS@us-east", 920)
	if n := len(w.held("ap-south")); n != 920-121 || w.repaired("ap-south") {
		t.Errorf("without a power cut the replica was made anew, it has %d entries", n)
	}
}

// TestAHoleWhileTheOriginIsDown: another region with all entries stands in for it,
// but not one that lacks something itself, though it is asked at the same moment.
func TestAHoleWhileTheOriginIsDown(t *testing.T) {
	t.Parallel()
	w := newFilled(t)
	w.stops["us-east"]()
	w.hole("eu-west", true, geo.Range{First: 300, Last: 420})
	w.up("eu-west")
	w.wants(w.same("ap-south", "eu-west"), upTo(900))
	w.awaitEvent("eu-west", "eu-west", "made anew from ap-south")
	w.settled("eu-west")

	w.hole("eu-west", true, geo.Range{First: 300, Last: 420})
	w.hole("ap-south", true, geo.Range{First: 600, Last: 620})
	w.start("eu-west")
	w.up("ap-south")
	w.await("eu-west")
	w.troubled("eu-west", "ap-south has not what is here at offsets 600…620")
	w.troubled("ap-south", "eu-west has not what is here at offsets 300…420")
	if here, there := len(w.held("eu-west")), len(w.held("ap-south")); here != 900-121 || there != 900-21 {
		t.Fatalf("eu-west holds %d entries and ap-south %d", here, there)
	}
	w.up("us-east")
	for _, region := range []geo.Region{"eu-west", "ap-south"} {
		w.wants(w.same("us-east", region)[:900], upTo(900))
		w.settled(region)
		w.troubled(region, "")
	}
}

// TestAHoleWhileNobodyElseIsUp: nothing is removed, the status says what it waits
// for, and when a region is back the replica is made anew. A crash in the middle of
// that, with the records beside the replica gone, changes nothing.
func TestAHoleWhileNobodyElseIsUp(t *testing.T) {
	t.Parallel()
	w := newFilled(t)
	geotest.Await(t, startPatience, func(context.Context) error { // a new log asks all regions first
		_, err := w.delete(one(7), one(100))
		return err
	})
	w.knows("eu-west", 1)
	w.knows("ap-south", 1)
	w.stops["us-east"]()
	w.stops["ap-south"]()
	w.hole("eu-west", true, geo.Range{First: 300, Last: 420})
	w.up("eu-west")
	w.troubled("eu-west", "lacks offsets 300…420")
	w.troubled("eu-west", "it is made anew as soon as another region can be used")
	w.link("eu-west", func(l admin.Link) bool {
		return l.State == admin.LinkWaiting && strings.Contains(l.Reason, "lacks offsets")
	})
	if n := len(w.held("eu-west")); n != 898-121 {
		t.Fatalf("of 777 entries %d are left", n)
	}
	if err := w.nodes["eu-west"].Forget(t.Context(), orders); err != nil {
		t.Fatal(err)
	}
	w.stops["eu-west"]()
	w.crashed("eu-west", false) // the doubt of the start before lasts
	w.up("eu-west")
	w.troubled("eu-west", "lacks offsets 7, 100, 300…420")
	w.up("ap-south")
	w.wants(w.same("ap-south", "eu-west"), upTo(900, 7, 100))
	w.awaitEvent("eu-west", "eu-west", "lacked offsets 300…420, and")
	w.settled("eu-west")
	w.troubled("eu-west", "")
	w.up("us-east")
	w.streams("eu-west")
	w.knows("eu-west", 1)
}

// TestAHoleWithAReason: a power cut came between a deletion and its record, so the
// replica can't say why it lacks the entry. Whoever it would be made from can.
func TestAHoleWithAReason(t *testing.T) {
	t.Parallel()
	w := newFilled(t)
	geotest.Await(t, startPatience, func(context.Context) error { // a new log asks all regions first
		_, err := w.delete(one(7))
		return err
	})
	w.knows("eu-west", 1)
	w.hole("eu-west", true, one(300), one(301))
	ordered(t, 2)(w.delete(one(300), one(301)))
	w.up("eu-west")
	w.knows("eu-west", 2)
	w.settled("eu-west")
	w.wants(w.same("us-east", "eu-west"), upTo(900, 7, 300, 301))
	if w.repaired("eu-west") {
		t.Error("the replica was made anew for a deletion")
	}
}

// TestAHoleThatAllHave: to make the replica anew would not help. It goes on as it is,
// and says so.
func TestAHoleThatAllHave(t *testing.T) {
	t.Parallel()
	w := newFilled(t)
	for _, region := range []geo.Region{"us-east", "ap-south"} {
		log, err := w.nodes[region].Broker().Lookup(t.Context(), orders)
		if err == nil {
			err = log.DeleteEntries(t.Context(), []geo.Offset{300})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	w.hole("eu-west", true, one(300))
	w.up("eu-west")
	w.troubled("eu-west", "us-east: the replica is left as it is, for it lacks them, too")
	w.holds("eu-west", "ORDERS@us-east", w.publish(w.client("us-east"), 10))
	if n := len(w.held("eu-west")); n != 909 || w.repaired("eu-west") {
		t.Errorf("the replica was made anew in vain, it has %d entries", n)
	}
}

// TestAHoleAndAContradiction: the replica has another entry than its origin, too. No
// machine decides which is right: nothing is removed, and the link says what it is.
func TestAHoleAndAContradiction(t *testing.T) {
	t.Parallel()
	w := newFilled(t)
	w.forged("eu-west")
	w.hole("eu-west", true, one(300))
	w.up("eu-west")
	w.troubled("eu-west", "us-east has not what is here at offsets 700")
	if n := len(w.held("eu-west")); n != 899 || w.repaired("eu-west") {
		t.Errorf("the replica was made anew, it has %d entries", n)
	}
}

// TestAHoleInFront: the file of the oldest block came to the disk empty, which looks
// as if the log's beginning had been trimmed. The origin knows that it was not, or
// that it was.
func TestAHoleInFront(t *testing.T) {
	t.Parallel()
	w := newFilled(t)
	ctx := t.Context()
	ordered(t, 50)(w.nodes["us-east"].Orders().Purge(ctx, admin.PurgeOrder{Log: orders.Stream(), Before: 51}, silent))
	for _, region := range []geo.Region{"eu-west", "ap-south"} {
		geotest.Await(t, startPatience, func(context.Context) error {
			if first := w.log(region).First; first != 51 {
				return fmt.Errorf("%s begins at %d", region, first)
			}
			return nil
		})
	}
	w.stops["us-east"]()
	w.hole("eu-west", true, geo.Range{First: 51, Last: 200})
	w.stops["ap-south"]()
	w.crashed("ap-south", true)
	w.start("ap-south")
	w.up("eu-west")
	w.await("ap-south")
	w.link("eu-west", func(l admin.Link) bool { return l.From == "ap-south" && streaming(l) })
	if n := len(w.held("eu-west")); n != 700 {
		t.Fatalf("eu-west holds %d entries", n)
	}
	w.up("us-east")
	w.wants(w.same("us-east", "eu-west"), upTo(900)[50:])
	for _, region := range []geo.Region{"eu-west", "ap-south"} {
		w.settled(region)
		w.troubled(region, "")
	}
	w.awaitEvent("eu-west", "eu-west", "lacked offsets 51…200")
	if w.repaired("ap-south") {
		t.Error("ap-south was made anew, which lacks nothing")
	}
}
