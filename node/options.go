package node

import (
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"net"
	"net/url"

	"geomq/broker"
	"geomq/configs"
	"geomq/geo"
	"geomq/geo/gossip"
)

// Options are what a process brings to its node beside the configuration.
type Options struct {
	// Version is that of the software, shown to people.
	Version string
	// Log gets what happens; nil discards it.
	Log *slog.Logger
	// Broker, if set, gets the broker's own lines instead of Log.
	BrokerLog *slog.Logger
	// Timing of gossip; zero is gossip.WAN().
	Timing gossip.Timing
}

// secret is what all passwords of the deployment are derived from. Without a
// gossip key, which the configuration allows on loopback alone, it protects
// against mistakes, not against people.
func secret(cfg *configs.Config) ([]byte, error) {
	key, err := cfg.Gossip.Key.Bytes()
	if err != nil {
		return nil, fmt.Errorf("gossip.key: %w", err)
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("geomq deployment"))
	return mac.Sum(nil), nil
}

// brokerConfig is the part of cfg that concerns the broker. JetStream's sync
// policy is one per server: a single log with flush sync makes all of them so.
func brokerConfig(cfg *configs.Config, secret []byte, shut []geo.Topic, log *slog.Logger) broker.Config {
	sync := false
	for _, l := range cfg.Logs {
		sync = sync || l.Flush == configs.FlushSync
	}
	return broker.Config{
		Name: cfg.Node, Cluster: string(cfg.Region), Data: cfg.Data,
		Listen: cfg.Listen.NATS, ClientAdvertise: cfg.Advertise.NATS,
		Brokers: cfg.Broker.Brokers, ClusterListen: cfg.Listen.Cluster, Routes: cfg.Broker.Routes,
		MaxPayload: int64(cfg.Broker.MaxPayload), MaxStore: int64(cfg.Broker.MaxStore),
		SyncAlways: sync, Secret: secret, Shut: shut, Log: log,
	}
}

// natsURL is where clients and links of other regions reach the broker.
func natsURL(cfg *configs.Config, b *broker.Broker) string {
	if cfg.Advertise.NATS != "" {
		return "nats://" + cfg.Advertise.NATS
	}
	return b.URL()
}

// adminURL is where others reach the admin API that listens on address.
func adminURL(cfg *configs.Config, address string) string {
	if cfg.Advertise.Admin != "" {
		return "http://" + cfg.Advertise.Admin
	}
	return (&url.URL{Scheme: "http", Host: address}).String()
}

// hostNames is the host of an advertised address, by which people reach it.
func hostNames(address string) []string {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil
	}
	return []string{host}
}

// onLoopback tells whether all of the deployment is on this machine, where
// gossip can afford to be quick.
func onLoopback(cfg *configs.Config) bool {
	for _, address := range []string{cfg.Listen.Gossip, cfg.Advertise.Gossip} {
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			continue
		}
		if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			return false
		}
	}
	return true
}
