package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"geomq/broker"
	"geomq/broker/disk"
)

const (
	// storePatience bounds a question how much the broker's store holds.
	storePatience = time.Second
	// clusterStorePause parts two of them in a cluster, where all brokers answer.
	clusterStorePause = 5 * time.Second
)

// storeRoom measures the disk, and the broker's own store where that has a limit.
// One goroutine uses it.
type storeRoom struct {
	node *Node
	used uint64 // as the broker has told last
	at   time.Time
}

func (r *storeRoom) measure() (disk.Usage, error) {
	usage, err := measureDisk(r.node.cfg.Data)
	limit := r.node.cfg.Broker.MaxStore
	if err != nil || limit <= 0 {
		return usage, err
	}
	if !r.node.clustered() || time.Since(r.at) >= clusterStorePause {
		ctx, cancel := context.WithTimeout(context.Background(), storePatience)
		defer cancel()
		// A broker that does not answer takes nothing either.
		if used, err := r.node.stored(ctx); err == nil {
			r.used, r.at = used, time.Now()
		}
	}
	usage.Used, usage.Limit = r.used, uint64(limit)
	return usage, nil
}

// stored is how many bytes this node's broker keeps of its max_store.
func (n *Node) stored(ctx context.Context) (uint64, error) {
	if n.clustered() {
		held, err := n.broker.CommitLogs(ctx)
		return n.share(held), err
	}
	answer, err := n.broker.Conn().RequestWithContext(ctx, "$JS.API.INFO", nil)
	if err != nil {
		return 0, err
	}
	return decodeStored(answer.Data)
}

func decodeStored(data []byte) (uint64, error) {
	var response struct {
		Storage *uint64         `json:"storage"`
		Error   json.RawMessage `json:"error"`
	}
	if err := json.Unmarshal(data, &response); err != nil {
		return 0, err
	}
	if response.Storage == nil || response.Error != nil {
		return 0, errors.New("the broker does not say how much it keeps")
	}
	return *response.Storage, nil
}

// share is what this broker of a cluster keeps of its region's logs: a copy that is
// the only one lies where it is led, of others each broker has its part.
func (n *Node) share(held []broker.Held) (bytes uint64) {
	brokers := uint64(n.cfg.Broker.Brokers)
	for _, h := range held {
		copies := uint64(n.replicas(h.ID.Log))
		if h.ID.Control() {
			copies = uint64(n.copies())
		}
		switch {
		case copies > 1:
			bytes += h.Extent.Bytes * min(copies, brokers) / brokers
		case h.Leader == n.cfg.Node:
			bytes += h.Extent.Bytes
		}
	}
	return bytes
}

// scarce is what there is too little of, and what to do about it, for people.
type scarce struct {
	what, cure string
}

var scarceDisk = scarce{what: "the disk of node %s", cure: "make room"}

// scarceStore says that the limit is one of the configuration.
func (n *Node) scarceStore() scarce {
	return scarce{
		what: fmt.Sprintf("the store of node %%s, broker.max_store (%s),", n.cfg.Broker.MaxStore),
		cure: "raise broker.max_store and start the node again, or keep less of its logs",
	}
}

func (s scarce) of(node string) string { return fmt.Sprintf(s.what, node) }
