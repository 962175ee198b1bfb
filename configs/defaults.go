package configs

import (
	"cmp"
	"slices"
	"time"

	"geomq/geo"
)

const (
	defaultDedupeWindow = 2 * time.Minute
	// syncBrokers is the smallest Raft group of mode sync.
	syncBrokers = 3
)

// Defaults is a Config with everything that has the same default everywhere. It
// lacks Region, Data and Logs. A caller sets these, and whatever else, and then
// calls FillDefaults.
func Defaults() Config {
	return Config{
		Listen: Listen{
			NATS:    "127.0.0.1:4222",
			Cluster: "127.0.0.1:6222",
			Gossip:  "127.0.0.1:7946",
			Admin:   "127.0.0.1:8300",
		},
		Broker: Broker{Brokers: 1, MaxPayload: mib, OpenWait: 30 * time.Second},
		Link: Link{
			Credit:      16 * mib,
			Frame:       256 * kib,
			Compression: CompressionZstd,
			Heartbeat:   time.Second,
		},
		Disk:  Disk{StopReplicas: 10, FenceOrigins: 5},
		Scrub: Scrub{Rate: 8 * mib},
	}
}

// FillDefaults gives a value to the fields whose default follows from others:
// Node is REGION-1, Regions is Region alone, Advertise is Listen where that names
// a port and a host that can be dialled, and every log is completed:
//
//   - Regions: all of Config.Regions;
//   - Mode: sync where the region has 3 brokers or more, else single;
//   - Flush: async;
//   - DedupeWindow: 2 minutes, or Retention.MaxAge where that is less, since the
//     broker refuses to remember keys longer than entries.
//
// Fields that are set stay. Calling it twice changes nothing more.
func (c *Config) FillDefaults() {
	if c.Region != "" {
		c.Node = cmp.Or(c.Node, defaultNode(c.Region))
		if c.Regions == nil {
			c.Regions = []geo.Region{c.Region}
		}
	}
	c.Advertise.NATS = cmp.Or(c.Advertise.NATS, dialable(c.Listen.NATS))
	c.Advertise.Gossip = cmp.Or(c.Advertise.Gossip, dialable(c.Listen.Gossip))
	c.Advertise.Admin = cmp.Or(c.Advertise.Admin, dialable(c.Listen.Admin))
	for i := range c.Logs {
		c.fillLog(&c.Logs[i])
	}
}

func defaultNode(r geo.Region) string { return string(r) + "-1" }

func (c *Config) fillLog(l *Log) {
	if l.Regions == nil && len(c.Regions) <= maxRegions { // more are refused, a copy for each log of a hostile file would be large
		l.Regions = slices.Clone(c.Regions)
	}
	mode := ModeSingle
	if c.Broker.Brokers >= syncBrokers {
		mode = ModeSync
	}
	window := defaultDedupeWindow
	if age := l.Retention.MaxAge; age >= minMaxAge {
		window = min(window, age)
	}
	l.Mode = cmp.Or(l.Mode, mode)
	l.Flush = cmp.Or(l.Flush, FlushAsync)
	l.DedupeWindow = cmp.Or(l.DedupeWindow, window)
}

// dialable is the address that others dial for one listened on; empty where it
// has to be told, or where the port is picked at the start.
func dialable(listen string) string {
	a, err := parseAddress(listen)
	if err != nil || a.unspecified() || a.port == 0 {
		return ""
	}
	return listen
}
