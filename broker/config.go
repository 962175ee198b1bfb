package broker

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"

	"geomq/geo"
)

// DefaultMaxPayload is the largest message of a Broker whose Config names none.
const DefaultMaxPayload = 1 << 20

// Reserve is what an origin keeps free of the server's max_payload, for the
// lines a replica adds to an entry.
const Reserve = 4 << 10

// Config describes one server of a region's cluster.
type Config struct {
	// Name is the server's, unique in the cluster, e.g. "us-east-1".
	Name string
	// Cluster is the region's name; cluster and JetStream domain are called so.
	Cluster string
	// Data is the folder for the JetStream store, the server's configuration and
	// a lock; it is created if missing.
	Data string
	// Listen is host:port for clients; port 0 takes a free one.
	Listen string
	// ClientAdvertise is the address told to clients, if it isn't Listen.
	ClientAdvertise string

	// Brokers is the number of servers in the cluster; 1 or 0 stands alone and
	// needs none of the other three. Routes are host:port of the others'
	// ClusterListen.
	Brokers          int
	ClusterListen    string
	ClusterAdvertise string
	Routes           []string

	// MaxPayload is the largest message, headers and body together, in bytes;
	// default DefaultMaxPayload.
	MaxPayload int64
	// MaxStore bounds the JetStream store, in bytes; 0 leaves it to the server.
	MaxStore int64
	// SyncAlways makes every acknowledged entry wait for the disk.
	SyncAlways bool
	// Shut are topics that clients can't publish to from the very start, until
	// Broker.Admit; see Broker.Shut.
	Shut []geo.Topic
	// Secret is what passwords and ingest subjects are derived from, the same in
	// every server and region.
	Secret []byte
	// Log gets the server's lines; default: discard.
	Log *slog.Logger
}

func (c Config) withDefaults() Config {
	if c.MaxPayload == 0 {
		c.MaxPayload = DefaultMaxPayload
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

func (c Config) clustered() bool { return c.Brokers > 1 }

// validate reports every problem at once; the error wraps ErrConfig.
func (c Config) validate() error {
	var all []error
	complain := func(format string, args ...any) { all = append(all, fmt.Errorf(format, args...)) }
	if c.Name == "" {
		complain("the server has no name")
	}
	if _, err := geo.ParseRegion(c.Cluster); err != nil {
		complain("cluster: %w", err)
	}
	if c.Data == "" {
		complain("there is no data folder")
	}
	if len(c.Secret) == 0 {
		complain("there is no secret to derive passwords from")
	}
	if c.MaxPayload <= Reserve {
		complain("max payload %d does not exceed the %d bytes kept free for replicas", c.MaxPayload, Reserve)
	}
	if _, _, err := hostPort(c.Listen); err != nil {
		complain("client address: %w", err)
	}
	if c.clustered() {
		if _, _, err := hostPort(c.ClusterListen); err != nil {
			complain("cluster address: %w", err)
		}
		if len(c.Routes) == 0 {
			complain("a cluster of %d brokers needs routes", c.Brokers)
		}
	}
	if len(all) > 0 {
		return fmt.Errorf("%w: %w", ErrConfig, errors.Join(all...))
	}
	return nil
}

// hostPort takes an address apart; port 0 becomes -1, the server's word for a
// free one.
func hostPort(address string) (host string, port int, err error) {
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0, err
	}
	port, err = strconv.Atoi(text)
	if err != nil || port < 0 || port > 65535 {
		return "", 0, fmt.Errorf("%q is not a port", text)
	}
	if port == 0 {
		port = -1
	}
	return host, port, nil
}
