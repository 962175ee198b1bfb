package broker

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"geomq/geo"
)

// TestClientsCantWriteBehindAFence: what they may ask, listen to and have
// JetStream publish while a log is fenced, pulled back and given holes; and what
// they know of its subjects.
func TestClientsCantWriteBehindAFence(t *testing.T) {
	b, origin, _ := region(t)
	c, errs := plainClient(t, b)
	secret := ingestToken(secret, orders.Stream())
	heard, err := c.SubscribeSync(">")
	if err = errors.Join(err, c.Flush()); err != nil {
		t.Fatal(err)
	}
	if _, err := origin.Fence(deadline(t)); err != nil {
		t.Fatal(err)
	}
	if err := origin.BeginRestore(deadline(t), 20); err != nil {
		t.Fatal(err)
	}
	appendAll(t, origin, AppendConfig{Last: 10}, made(11, 20))
	skip(t, origin, 20, 600)

	js, err := c.JetStream()
	if err != nil {
		t.Fatal(err)
	}
	info, err := js.StreamInfo(orders.Stream())
	if err != nil || len(info.Config.Subjects) != 1 || !strings.Contains(info.Config.Subjects[0], ".hidden.") {
		t.Fatalf("the info is %+v, %v", info, err)
	}
	shown, err := json.Marshal(info)
	if err != nil || strings.Contains(string(shown), secret) {
		t.Fatalf("the token is in %s, %v", shown, err)
	}
	hidden := strings.TrimSuffix(info.Config.Subjects[0], ">")
	for _, target := range []string{origin.ingest + "x", origin.ingest + origin.fillers(), origin.fillers(), origin.ingest + "probe"} {
		if err := c.Publish(target, nil); err != nil {
			t.Fatal(err)
		}
		refused(t, "publishing to "+target, errs)
	}
	// Whoever doesn't know the token can have JetStream publish where they like.
	for _, target := range []string{hidden + "x", hidden + origin.fillers(), origin.fillers(), "orders.x"} {
		for _, question := range []string{"$JS.API.DIRECT.GET.ORDERS@us-east.orders.a", "$JS.API.STREAM.INFO.ORDERS@us-east"} {
			if err := c.PublishRequest(question, target, nil); err != nil {
				t.Fatal(err)
			}
		}
		if err := c.PublishRequest("$JS.API.STREAM.MSG.GET.ORDERS@us-east", target, []byte(`{"seq":1}`)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := js.StreamInfo(orders.Stream()); err != nil {
		t.Fatal(err)
	}
	if end, err := origin.Fence(deadline(t)); err != nil || end != 600 {
		t.Fatalf("somebody wrote behind the fence: it ends at %d, %v", end, err)
	}
	sameExtent(t, origin, 1, 600, 20)
	for m, err := heard.NextMsg(0); err == nil; m, err = heard.NextMsg(0) {
		if all, _ := json.Marshal(m.Header); strings.Contains(m.Subject+m.Reply+string(all)+string(m.Data), secret) {
			t.Errorf("the token was heard in %s %s", m.Subject, m.Data)
		}
	}
}

// TestOnlyAFenceKeepsJetStreamOut: JetStream answers a request that names a topic
// as the reply by publishing there, past the gate. A fenced log takes nothing of
// that.
func TestOnlyAFenceKeepsJetStreamOut(t *testing.T) {
	b := openBroker(t, testConfig(t, "us-east"))
	origin := openOrigin(t, b)
	other := geo.CommitLog{Log: "OTHER", Queue: geo.SoleQueue, Origin: "us-east"}
	if _, err := b.OpenOrigin(deadline(t), LogConfig{ID: other, Topics: []geo.Topic{"other.>"}}); err != nil {
		t.Fatal(err)
	}
	c := connect(t, b)
	if err := publishes(c, "other.a"); err != nil {
		t.Fatal(err)
	}
	js, err := c.JetStream()
	if err != nil {
		t.Fatal(err)
	}
	ask := func() {
		t.Helper()
		if err := c.PublishRequest("$JS.API.DIRECT.GET.OTHER@us-east.other.a", "orders.courier", nil); err != nil {
			t.Fatal(err)
		}
		// Answered in order, so the one before has been published.
		if _, err := js.GetMsg(other.Stream(), 1, nats.DirectGet()); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Shut([]geo.Topic{"orders.>"}); err != nil {
		t.Fatal(err)
	}
	ask()
	await(t, func() bool { return extentOf(t, origin).Last == 1 }) // else nothing is tested
	if end, err := origin.Fence(deadline(t)); err != nil || end != 1 {
		t.Fatalf("got %d, %v", end, err)
	}
	ask()
	if end, err := origin.Fence(deadline(t)); err != nil || end != 1 {
		t.Fatalf("the fenced log ends at %d, %v", end, err)
	}
}

// TestEpochsOfAnOriginSurviveEverything: they are set while it is fenced, and
// kept by opening it, by unfencing it, and by the next start.
func TestEpochsOfAnOriginSurviveEverything(t *testing.T) {
	cfg := testConfig(t, "us-east")
	b := openBroker(t, cfg)
	l := openOrigin(t, b)
	produce(t, l, unkeyed(1, 5))
	want := geo.Epochs{{Number: 1, First: 1}, {Number: 2, PrevEnd: 5, First: 1001}}
	check := func(when string) {
		t.Helper()
		if e := extentOf(t, l); e.Epochs.String() != want.String() {
			t.Fatalf("%s the epochs are %v", when, e.Epochs)
		}
	}
	if _, err := l.Fence(deadline(t)); err != nil {
		t.Fatal(err)
	}
	if err := l.SetEpochs(deadline(t), want); err != nil {
		t.Fatal(err)
	}
	b.Close()
	b = openBroker(t, cfg)
	l = openOrigin(t, b)
	check("after a restart")
	skip(t, l, 5, 1000)
	if err := l.Unfence(deadline(t), []geo.Topic{"orders.>"}); err != nil {
		t.Fatal(err)
	}
	check("unfenced")
	l = openOrigin(t, b)
	check("opened again")
	produce(t, l, unkeyed(1001, 1001))
	sameExtent(t, l, 1, 1001, 6)
}
