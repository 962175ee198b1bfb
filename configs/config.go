package configs

import (
	"time"

	"geomq/geo"
)

// Config is the configuration of one node. Addresses are host:port.
type Config struct {
	// Region is where the node stands.
	Region geo.Region
	// Node is the node's name, unique in its region and written like a region's.
	Node string
	// Regions are all regions of the deployment, Region included. Every node
	// carries the same list.
	Regions []geo.Region
	// Data is the folder of everything the node keeps. A relative path counts
	// from the working directory of the process.
	Data string
	// Insecure allows listeners beyond loopback although nothing is encrypted.
	Insecure  bool
	Listen    Listen
	Advertise Advertise
	Gossip    Gossip
	Broker    Broker
	Link      Link
	Disk      Disk
	Scrub     Scrub
	Logs      []Log
}

// Listen says where the node accepts connections. Port 0 picks a free port.
type Listen struct {
	// NATS is for clients and for the links of other regions.
	NATS string
	// Cluster is for the other brokers of the region; unused by a sole broker.
	Cluster string
	// Gossip is for nodes of all regions, over TCP and UDP.
	Gossip string
	// Admin is for the HTTP API, metrics and health checks.
	Admin string
	// Gateway is for clients that are to be taken to whichever broker of the region
	// serves; empty starts no gateway.
	Gateway string
}

// Advertise says what others dial to reach the listener of the same name. An
// empty address stands for the one listened on, which is not known before the
// start where its port is 0.
type Advertise struct {
	NATS   string
	Gossip string
	Admin  string
}

// Gossip says how nodes find each other.
type Gossip struct {
	// Join names members of any region; one that answers is enough.
	Join []string
	// Key encrypts gossip; empty means none, which only loopback may do.
	Key GossipKey
	// KeyFile is where Load reads Key from. Load then empties it, so at most one
	// of the two is set.
	KeyFile string
}

// Broker describes the brokers of the node's region.
type Broker struct {
	// Routes are cluster addresses of other brokers in the region; empty for a
	// sole broker.
	Routes []string
	// Brokers is how many brokers the region has.
	Brokers int
	// MaxPayload is the largest message that clients may publish.
	MaxPayload Bytes
	// MaxStore bounds what the broker keeps on disk; 0 is as much as fits.
	MaxStore Bytes
	// OpenWait is how long a log whose newest entries this node may have lost
	// waits for the regions that could still have them, before it opens without.
	OpenWait time.Duration
}

// Disk says at how little free space, in percent of the data folder's file
// system, a node stops writing before the disk is full.
type Disk struct {
	// StopReplicas is where links stop pulling.
	StopReplicas int
	// FenceOrigins is where producers are refused.
	FenceOrigins int
}

// Scrub says how sealed entries are read again in the background.
type Scrub struct {
	// Rate is how many bytes a second are read at most; 0 turns it off.
	Rate Bytes
}

// Link holds the terms of the links by which this node pulls other regions' logs.
type Link struct {
	// Credit is what a link may hold in memory and on the way.
	Credit Bytes
	// Frame is how much one frame holds before compression.
	Frame Bytes
	// Compression is asked of the source.
	Compression Compression
	// Heartbeat is how often a link that carries nothing reports its head.
	Heartbeat time.Duration
	// Via is where links into a region are dialled instead of the addresses that
	// its nodes advertise: a tunnel or proxy between sites. It names other regions
	// of Config.Regions only; those it doesn't name are dialled as advertised.
	Via map[geo.Region]string
}

// Log is a named set of topics with one policy. Each of its Regions is an origin
// of its own CommitLog, NAME@REGION, and holds a replica of all the others.
type Log struct {
	Name geo.LogName
	// Topics overlap with no other topic of any log.
	Topics []geo.Topic
	// Regions have the log: a subset of Config.Regions.
	Regions   []geo.Region
	Mode      Mode
	Flush     Flush
	Retention Retention
	// DedupeWindow is how long a broker remembers Nats-Msg-Id values.
	DedupeWindow time.Duration
}

// Retention says when the oldest entries go; a zero field sets no limit.
type Retention struct {
	MaxAge     time.Duration
	MaxBytes   Bytes
	MaxEntries int64
}

// Mode is how many brokers of a region keep an entry before it is acknowledged.
type Mode string

const (
	// ModeSingle keeps it on one broker.
	ModeSingle Mode = "single"
	// ModeSync keeps it on a majority of 3 or 5 brokers, by Raft.
	ModeSync Mode = "sync"
)

// Flush says whether an entry reaches the disk before it is acknowledged.
type Flush string

const (
	// FlushAsync acknowledges from the page cache.
	FlushAsync Flush = "async"
	// FlushSync acknowledges after fsync.
	FlushSync Flush = "sync"
)

// Compression is how frames are packed.
type Compression string

const (
	CompressionZstd Compression = "zstd"
	CompressionS2   Compression = "s2"
	CompressionNone Compression = "none"
)
