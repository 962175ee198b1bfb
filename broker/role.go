package broker

import (
	"time"

	"geomq/geo"
)

// Role says which side of a CommitLog a cluster holds.
type Role string

const (
	// Origin is where producers write.
	Origin Role = "origin"
	// Replica is a copy at the same offsets, written by an Appender only.
	Replica Role = "replica"
)

// LogConfig describes a CommitLog at its origin.
type LogConfig struct {
	ID     geo.CommitLog
	Topics []geo.Topic
	// Retention; zero is without limit.
	MaxAge     time.Duration
	MaxBytes   int64
	MaxEntries int64
	// Replicas is the number of copies inside the cluster; default 1.
	Replicas int
	// DedupeWindow is how long a repeated message id is recognised; default 2
	// minutes, never more than MaxAge.
	DedupeWindow time.Duration
	// MaxMsgSize bounds an entry, headers and body together; default and most:
	// the server's max_payload minus Reserve.
	MaxMsgSize int32
}

// ReplicaConfig describes a replica of a CommitLog of another region.
type ReplicaConfig struct {
	ID geo.CommitLog
	// Replicas is the number of copies inside the cluster; default 1.
	Replicas int
	// First is the first offset the replica is going to hold, default 1. It
	// counts only where the replica doesn't exist yet.
	First geo.Offset
	// Epochs is the origin's epoch table; default geo.FirstEpochs. It counts only
	// where the replica doesn't exist yet, see CommitLog.SetEpochs.
	Epochs geo.Epochs
}

// Keys in a stream's metadata.
const (
	metaRole    = "geomq.role"
	metaForm    = "geomq.form"
	metaEpochs  = "geomq.epochs"
	metaVersion = "geomq.version"
	// metaFenced says that an origin is fenced, and which limits it had.
	metaFenced = "geomq.fenced"
	// metaEscaped are the ranges of an origin that were pulled back from other
	// holders and stand there as in a replica.
	metaEscaped = "geomq.escaped"
	// metaGaps are the ranges that an operator accepted as lacking here.
	metaGaps = "geomq.gaps"
)

const (
	formRaw     = "raw"     // entries as producers sent them
	formEscaped = "escaped" // entries as entry.Entry.Stored makes them
	formVersion = "1"

	defaultDedupeWindow = 2 * time.Minute
	leastDedupeWindow   = 100 * time.Millisecond
)
