package broker

import (
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"geomq/broker/wire"
	"geomq/geo"
)

// region is a broker with an origin of its own and a replica, both filled.
func region(t *testing.T) (b *Broker, origin, replica *CommitLog) {
	t.Helper()
	b = openBroker(t, testConfig(t, "us-east"))
	origin = openOrigin(t, b)
	replica, err := b.OpenReplica(deadline(t), ReplicaConfig{ID: foreign})
	if err != nil {
		t.Fatal(err)
	}
	appendAll(t, replica, AppendConfig{}, made(1, 10))
	js, err := connect(t, b).JetStream()
	if err != nil {
		t.Fatal(err)
	}
	for range 10 {
		if _, err := js.Publish("orders.a", nil); err != nil {
			t.Fatal(err)
		}
	}
	return b, origin, replica
}

var foreign = geo.CommitLog{Log: "ORDERS", Queue: geo.SoleQueue, Origin: "eu-west"}

// plainClient connects without credentials; its errors come through the channel.
func plainClient(t *testing.T, b *Broker) (*nats.Conn, chan error) {
	t.Helper()
	errs := make(chan error, 100)
	return connect(t, b, nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { errs <- err })), errs
}

// refused waits for the refusal of what was just sent.
func refused(t *testing.T, what string, errs chan error) {
	t.Helper()
	select {
	case err := <-errs:
		if !errors.Is(err, nats.ErrPermissionViolation) {
			t.Errorf("%s: %v", what, err)
		}
	case <-time.After(2 * time.Second):
		t.Errorf("%s is allowed", what)
	}
}

func TestClientsMayNotChangeStreams(t *testing.T) {
	b, origin, replica := region(t)
	c, errs := plainClient(t, b)
	for _, prefix := range []string{"$JS.API.", "$JS.us-east.API."} {
		for _, endpoint := range []string{
			"STREAM.CREATE.NEW", "STREAM.UPDATE.ORDERS@us-east", "STREAM.DELETE.ORDERS@us-east", "STREAM.PURGE.ORDERS@us-east",
			"STREAM.MSG.DELETE.ORDERS@us-east", "STREAM.SNAPSHOT.ORDERS@us-east", "STREAM.RESTORE.NEW",
			"STREAM.PEER.REMOVE.ORDERS@us-east", "STREAM.PEER.EVACUATE.ORDERS@us-east", "STREAM.LEADER.STEPDOWN.ORDERS@us-east",
			"STREAM.CANCEL_MOVE.ORDERS@us-east", "CONSUMER.LEADER.STEPDOWN.ORDERS@us-east.C", "CONSUMER.PEER.REMOVE.ORDERS@us-east.C",
			"META.LEADER.STEPDOWN", "META.RESCUE", "SERVER.REMOVE", "SERVER.EVACUATE", "ACCOUNT.PURGE.APP", "ACCOUNT.STREAM.MOVE.APP.S",
		} {
			if err := c.Publish(prefix+endpoint, nil); err != nil {
				t.Fatal(err)
			}
			refused(t, prefix+endpoint, errs)
		}
	}
	for _, subject := range []string{
		replica.ingest + "x", replica.sealSubject(1), "geomq.inbox.x", rawAPI + "STREAM.LIST", rawAPI + "STREAM.INFO.ORDERS@eu-west",
		"$SYS.REQ.ACCOUNT.PING.SUBSZ", "$SYS.REQ.SERVER.PING.JSZ", "$JS.SNAPSHOT.ACK.S.x",
	} {
		if err := c.Publish(subject, nil); err != nil {
			t.Fatal(err)
		}
		refused(t, "publishing to "+subject, errs)
	}
	for _, subject := range []string{"geomq.>", "geomq.inbox.>", "$JS.API.>", "GEOMQ.API.>", "$JS.EVENT.ADVISORY.API"} {
		if _, err := c.SubscribeSync(subject); err != nil {
			t.Fatal(err)
		}
		refused(t, "subscribing to "+subject, errs)
	}
	if o, r := extentOf(t, origin), extentOf(t, replica); o.Entries != 10 || r.Entries != 10 {
		t.Fatalf("something changed: origin %+v, replica %+v", o, r)
	}
}

func TestOrdinaryClientsReadEverything(t *testing.T) {
	b, _, _ := region(t)
	c, errs := plainClient(t, b)
	js, err := c.JetStream()
	if err != nil {
		t.Fatal(err)
	}
	for _, stream := range []string{"ORDERS@us-east", "ORDERS@eu-west"} {
		if info, err := js.StreamInfo(stream); err != nil || info.State.Msgs != 10 {
			t.Errorf("info of %s: %+v, %v", stream, info, err)
		}
		if _, err := js.GetMsg(stream, 5); err != nil {
			t.Error(err)
		}
		if _, err := js.GetMsg(stream, 5, nats.DirectGet()); err != nil {
			t.Error(err)
		}
		pull, err := js.PullSubscribe("orders.>", "worker", nats.BindStream(stream))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := pull.Fetch(10, nats.MaxWait(5*time.Second)); err != nil || len(got) != 10 || got[0].AckSync() != nil {
			t.Errorf("%d messages, %v", len(got), err)
		}
		ordered, err := js.SubscribeSync("orders.>", nats.BindStream(stream), nats.OrderedConsumer())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ordered.NextMsg(5 * time.Second); err != nil {
			t.Error(err)
		}
	}
	names := 0
	for range js.StreamNames() {
		names++
	}
	lists := 0
	for range js.Streams() {
		lists++
	}
	if names != 4 || lists != 4 {
		t.Errorf("%d names and %d infos of streams, want 4", names, lists)
	}
	if _, err := js.StreamInfo("NONE"); !errors.Is(err, nats.ErrStreamNotFound) {
		t.Errorf("got %v", err)
	}
	if len(errs) > 0 {
		t.Error(<-errs)
	}
}

// TestClientsNeverLearnATokens looks at everything a client may ask for or
// listen to while the agent works.
func TestClientsNeverLearnTokens(t *testing.T) {
	b := openBroker(t, testConfig(t, "us-east"))
	c, _ := plainClient(t, b)
	secrets := []string{ingestToken(secret, foreign.Stream()), ingestToken(secret, sealsStream(foreign)), ingestToken(secret, sealsStream(orders))}
	var mu sync.Mutex
	heard := 0
	look := func(m *nats.Msg) {
		mu.Lock()
		defer mu.Unlock()
		heard++
		all, _ := json.Marshal(m.Header)
		for _, s := range secrets {
			if strings.Contains(m.Subject+m.Reply+string(all)+string(m.Data), s) {
				t.Errorf("a token is in %s %s %s %s", m.Subject, m.Reply, all, m.Data)
			}
		}
	}
	for _, subject := range []string{">", "$JS.>", "$SYS.>", "_INBOX.>", "$JS.EVENT.>"} {
		if _, err := c.Subscribe(subject, look); err != nil {
			t.Fatal(err)
		}
	}
	openOrigin(t, b)
	replica, err := b.OpenReplica(deadline(t), ReplicaConfig{ID: foreign})
	if err != nil {
		t.Fatal(err)
	}
	appendAll(t, replica, AppendConfig{}, made(1, 1500))
	readTo(t, replica, 1, 1500)
	if err := errors.Join(replica.PutSeal(deadline(t), sealOf(0)), replica.Trim(deadline(t), 3)); err != nil {
		t.Fatal(err)
	}
	for _, stream := range []string{foreign.Stream(), sealsStream(foreign)} {
		for subject, body := range map[string]string{
			"$JS.API.STREAM.INFO." + stream: `{"subjects_filter":">","deleted_details":true}`, "$JS.us-east.API.STREAM.INFO." + stream: "",
			"$JS.API.STREAM.LIST": "", "$JS.API.STREAM.NAMES": `{"subject":"geomq.>"}`, "$JS.API.INFO": "",
			"$JS.API.STREAM.MSG.GET." + stream: `{"last_by_subj":">"}`, "$JS.API.DIRECT.GET." + stream: `{"seq":1,"next_by_subj":">"}`,
			"$JS.API.CONSUMER.CREATE." + stream: `{"stream_name":"` + stream + `","config":{"ack_policy":"none"}}`,
			"$JS.API.CONSUMER.LIST." + stream:   "",
		} {
			if answer, err := c.Request(subject, []byte(body), 5*time.Second); err != nil {
				t.Errorf("%s: %v", subject, err)
			} else {
				look(answer)
			}
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if heard < 20 {
		t.Fatalf("only %d messages were looked at", heard)
	}
}

// TestJetStreamIsNobodysCourier: JetStream publishes for a client without asking
// for its permissions, but it never calls its own API so.
func TestJetStreamIsNobodysCourier(t *testing.T) {
	b, origin, _ := region(t)
	c, _ := plainClient(t, b)
	target := "$JS.API.STREAM.PURGE." + orders.Stream()
	consumer := func(name, deliver string) {
		body := `{"stream_name":"ORDERS@us-east","config":{"durable_name":"` + name + `","ack_policy":"none","deliver_policy":"all"` + deliver + `}}`
		if m, err := c.Request("$JS.API.CONSUMER.DURABLE.CREATE.ORDERS@us-east."+name, []byte(body), 5*time.Second); err != nil || strings.Contains(string(m.Data), `"error"`) {
			t.Fatalf("%v %s", err, m.Data)
		}
	}
	consumer("push", `,"deliver_subject":"`+target+`"`)
	consumer("pull", "")
	for _, subject := range []string{"$JS.API.INFO", "orders.a", "$JS.API.CONSUMER.MSG.NEXT.ORDERS@us-east.pull"} {
		if err := c.PublishRequest(subject, target, nil); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.Request("$JS.API.INFO", nil, 5*time.Second); err != nil {
		t.Fatal(err)
	}
	await(t, func() bool { return extentOf(t, origin).Last == 11 })
	if e := extentOf(t, origin); e.First != 1 || e.Entries != 11 {
		t.Fatalf("the log was purged: %+v", e)
	}
}

func TestLinksAndClientsDontMeet(t *testing.T) {
	b, _, _ := region(t)
	c, _ := plainClient(t, b)
	seen, err := c.SubscribeSync(">")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := nats.Connect(b.URL(), nats.UserInfo(LinkUser, "wrong")); !errors.Is(err, nats.ErrAuthorization) {
		t.Fatalf("a wrong password gave %v", err)
	}
	conn, err := wire.Dial(deadline(t), wire.Config{URL: b.URL(), User: LinkUser, Password: LinkPassword(secret)})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if m, err := conn.Request(deadline(t), "$JS.API.INFO", nil, nil); err == nil && !strings.Contains(string(m.Body), `"error"`) {
		t.Errorf("a link reaches JetStream: %s", m.Body)
	}
	if err := errors.Join(conn.Publish("orders.a", "", nil, nil), conn.Publish("geomq.link", "", nil, nil), conn.Ping(deadline(t))); err != nil {
		t.Fatal(err)
	}
	if err := c.Publish("mine", nil); err != nil {
		t.Fatal(err)
	}
	if m, err := seen.NextMsg(5 * time.Second); err != nil || m.Subject != "mine" {
		t.Fatalf("the client saw %+v, %v", m, err)
	}
}
