package node

import (
	"testing"

	"geomq/broker"
	"geomq/configs"
	"geomq/geo"
)

func TestWhatABrokerSaysItKeeps(t *testing.T) {
	if got, err := decodeStored([]byte(`{"type":"io.nats.jetstream.api.v1.account_info_response","memory":1,"storage":42}`)); got != 42 || err != nil {
		t.Errorf("%d, %v", got, err)
	}
	for _, answer := range []string{"", "{}", `{"error":{"code":503},"storage":0}`} {
		if got, err := decodeStored([]byte(answer)); err == nil {
			t.Errorf("%q means %d", answer, got)
		}
	}
}

// TestTheShareOfABroker: a log with one copy counts where it lies, one that a
// majority keeps counts at each by its part.
func TestTheShareOfABroker(t *testing.T) {
	cfg := configs.Defaults()
	cfg.Node, cfg.Broker.Brokers = "n1", 4
	cfg.Logs = []configs.Log{{Name: "SAFE", Mode: configs.ModeSync}, {Name: "FAST", Mode: configs.ModeSingle}}
	n := &Node{cfg: &cfg}
	held := func(name geo.LogName, leader string) broker.Held {
		id := geo.CommitLog{Log: name, Queue: geo.SoleQueue, Origin: "us-east"}
		return broker.Held{ID: id, Leader: leader, Extent: geo.Extent{Bytes: 400}}
	}
	control := broker.Held{ID: geo.ControlLog("us-east"), Leader: "n2", Extent: geo.Extent{Bytes: 4}}
	if got := n.share([]broker.Held{held("SAFE", "n2"), held("FAST", "n1"), held("FAST", "n2"), control}); got != 300+400+3 {
		t.Errorf("%d bytes", got)
	}
}

func FuzzStored(f *testing.F) {
	f.Add([]byte(`{"storage":42}`))
	f.Add([]byte(`{"storage":-1}`))
	f.Fuzz(func(_ *testing.T, data []byte) { _, _ = decodeStored(data) })
}
