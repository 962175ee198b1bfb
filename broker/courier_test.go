package broker

import (
	"encoding/json"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// TestJetStreamCarriesNoOrders asks JetStream, as a plain client, for stored
// messages and statuses, and names endpoints that change something as the reply
// subject. JetStream publishes there as itself; nothing may come of it.
func TestJetStreamCarriesNoOrders(t *testing.T) {
	b, origin, replica := region(t)
	nc, _ := plainClient(t, b)
	js, err := nc.JetStream()
	if err != nil {
		t.Fatal(err)
	}
	// Orders lie in the log as bodies, to be delivered where they do harm.
	evil, err := json.Marshal(server.StreamConfig{Name: "EVIL", Subjects: []string{"evil"}, Storage: server.FileStorage, Replicas: 1})
	if err != nil {
		t.Fatal(err)
	}
	for subject, body := range map[string]string{"orders.nothing": "", "orders.empty": "{}", "orders.config": string(evil), "orders.pause": `{"pause_until":"2999-01-01T00:00:00Z"}`} {
		if _, err := js.Publish(subject, []byte(body)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := js.AddConsumer("ORDERS@us-east", &nats.ConsumerConfig{Durable: "mine", AckPolicy: nats.AckExplicitPolicy}); err != nil {
		t.Fatal(err)
	}
	before, err := origin.Extent(deadline(t))
	if err != nil {
		t.Fatal(err)
	}
	ask := func(subject, reply, body string) {
		t.Helper()
		if err := nc.PublishRequest(subject, reply, []byte(body)); err != nil {
			t.Fatal(err)
		}
	}
	for _, victim := range []string{"ORDERS@us-east", "ORDERS@eu-west", "GEOMQ-SEALS-ORDERS@us-east"} {
		for _, order := range []string{"STREAM.PURGE." + victim, "STREAM.DELETE." + victim, "STREAM.MSG.DELETE." + victim, "STREAM.UPDATE." + victim,
			"STREAM.CREATE.EVIL", "STREAM.RESTORE.EVIL", "CONSUMER.PAUSE." + victim + ".mine", "STREAM.LEADER.STEPDOWN." + victim} {
			for _, prefix := range []string{"$JS.API.", "$JS.us-east.API.", "geomq.raw.", "geomq.refused."} {
				reply := prefix + order
				for _, stored := range []string{"orders.nothing", "orders.empty", "orders.config", "orders.pause"} {
					ask("$JS.API.DIRECT.GET.ORDERS@us-east."+stored, reply, "")
				}
				ask("$JS.API.DIRECT.GET.ORDERS@us-east", reply, `{"multi_last":["orders.>"]}`)
				ask("$JS.API.DIRECT.GET.ORDERS@us-east", reply, `{"seq":999999}`)
				ask("$JS.API.CONSUMER.MSG.NEXT.ORDERS@us-east.mine", reply, `{"batch":20,"no_wait":true}`)
				ask("$JS.API.STREAM.MSG.GET.ORDERS@us-east", reply, `{"seq":11}`)
				ask("$JS.API.STREAM.INFO.ORDERS@us-east", reply, "")
			}
		}
	}
	// What was asked for is answered in order: a last question tells when all is
	// done, on the client's connection and in the API's queue behind it.
	if _, err := js.GetMsg("ORDERS@us-east", 1); err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	if _, err := js.StreamInfo("ORDERS@us-east"); err != nil {
		t.Fatal(err)
	}
	if after, err := origin.Extent(deadline(t)); err != nil || after.Range() != before.Range() || after.Entries != before.Entries {
		t.Errorf("the origin was %v with %d entries, and is %v with %d (%v)", before.Range(), before.Entries, after.Range(), after.Entries, err)
	}
	if after, err := replica.Extent(deadline(t)); err != nil || after.Last != 10 || after.Entries != 10 {
		t.Errorf("the replica is %v with %d entries (%v)", after.Range(), after.Entries, err)
	}
	if _, _, err := origin.SealedTo(deadline(t)); err != nil {
		t.Errorf("the seals: %v", err)
	}
	if _, err := b.api.streamInfo(deadline(t), "EVIL"); !hasCode(err, codeStreamNotFound) {
		t.Errorf("a stream was created: %v", err)
	}
	var mine server.JSApiConsumerInfoResponse
	if err := b.api.call(deadline(t), "CONSUMER.INFO.ORDERS@us-east.mine", nil, &mine); err != nil || mine.Paused {
		t.Errorf("the consumer is paused: %v", err)
	}
}
