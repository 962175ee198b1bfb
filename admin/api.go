package admin

import (
	"context"
	"time"

	"geomq/geo"
	"geomq/geo/entry"
	"geomq/mirror/verify"
)

// APIVersion is the version of the JSON API that this package speaks. It is a
// part of every path, and stands in every Status.
const APIVersion = "v1"

// Scope says how far a question reaches.
type Scope string

const (
	// ScopeLocal asks one node for its own view.
	ScopeLocal Scope = "local"
	// ScopeAll has that node ask every other node of every region.
	ScopeAll Scope = "all"
)

// Status is what is known of a deployment at one moment.
type Status struct {
	// API is APIVersion.
	API string    `json:"api"`
	At  time.Time `json:"at"`
	// Region and Node name the node that answered.
	Region geo.Region `json:"region"`
	Node   string     `json:"node"`
	// Scope tells whether only that node spoke or all that answered.
	Scope Scope `json:"scope"`

	Regions []Region `json:"regions"`
	Logs    []Log    `json:"logs"`
	Links   []Link   `json:"links"`
	// Disks are those of the nodes that spoke.
	Disks   []Disk  `json:"disks,omitempty"`
	Verdict Verdict `json:"verdict"`
	// Problems says what is missing from this answer, e.g. regions that did
	// not answer, as sentences for people.
	Problems []string `json:"problems,omitempty"`
}

// RegionState says whether a region was heard of.
type RegionState string

const (
	// RegionUp means that at least one of the region's nodes answers.
	RegionUp RegionState = "up"
	// RegionUnreachable means that its nodes are known and none answers.
	RegionUnreachable RegionState = "unreachable"
	// RegionUnknown means that no node of it has been seen.
	RegionUnknown RegionState = "unknown"
)

// Region is one region with the nodes that gossip knows there.
type Region struct {
	Name geo.Region `json:"name"`
	// Configured tells whether the configuration names the region; a region
	// that is merely seen is not.
	Configured bool        `json:"configured"`
	Nodes      []Node      `json:"nodes"`
	State      RegionState `json:"state"`
}

// Node is one process with a broker.
type Node struct {
	Region geo.Region `json:"region"`
	// Name is unique within the region.
	Name string `json:"name"`
	// Boot changes with every start of the process.
	Boot    string    `json:"boot"`
	Version string    `json:"version"`
	Started time.Time `json:"started,omitzero"`
	// NATS is the URL for clients, e.g. "nats://127.0.0.1:4222".
	NATS string `json:"nats"`
	// Admin is the URL of the node's admin API, e.g. "http://127.0.0.1:8300".
	Admin string `json:"admin"`
	// Self marks the node that wrote the Status.
	Self bool `json:"self"`
	// Answering tells whether the node answers: by gossip's judgement in a
	// local Status, by its own answer in one of all nodes.
	Answering bool `json:"answering"`
}

// Role says in what way a region holds a CommitLog.
type Role string

const (
	// RoleOrigin is that of the region whose producers write the log.
	RoleOrigin Role = "origin"
	// RoleReplica is that of every other region that holds it.
	RoleReplica Role = "replica"
)

// LogState says what a holder's copy of a CommitLog is doing.
type LogState string

const (
	// LogOpen takes entries: from producers at the origin, from a link elsewhere.
	LogOpen LogState = "open"
	// LogWaiting is not ready yet, e.g. its broker has not answered.
	LogWaiting LogState = "waiting"
	// LogOpening is an origin that takes nothing from producers until it knows
	// what its holders have; Opening says how far it is.
	LogOpening LogState = "opening"
	// LogFenced is an origin that was closed to producers; Fenced says why.
	LogFenced LogState = "fenced"
	// LogHalted takes nothing until an operator acts on its Problem.
	LogHalted LogState = "halted"
	// LogConflict is a stream of that name that is not ours, or is set up in
	// another way; its contents say nothing about the log.
	LogConflict LogState = "conflict"
)

// Log is one CommitLog as one region holds it.
type Log struct {
	Log geo.LogName `json:"log"`
	// Queue is geo.Queue.Label.
	Queue  string     `json:"queue"`
	Origin geo.Region `json:"origin"`
	// Region is the holder.
	Region geo.Region `json:"region"`
	Role   Role       `json:"role"`
	// Stream is geo.CommitLog.Stream.
	Stream string      `json:"stream"`
	Topics []geo.Topic `json:"topics"`
	// Regions are those the log is kept in by configuration, the origin
	// included; empty where the holder does not know.
	Regions []geo.Region `json:"regions,omitempty"`

	First    geo.Offset `json:"first"`
	Last     geo.Offset `json:"last"`
	Entries  uint64     `json:"entries"`
	Bytes    uint64     `json:"bytes"`
	LastTime time.Time  `json:"last_time,omitzero"`
	// Epoch is the number of the newest epoch, Epochs the whole table.
	Epoch  uint64     `json:"epoch"`
	Epochs geo.Epochs `json:"epochs,omitempty"`
	// SealedTo is the last offset that a seal of this holder covers.
	SealedTo geo.Offset `json:"sealed_to"`
	Mode     string     `json:"mode"`
	Flush    string     `json:"flush"`
	// Replicas is how many brokers of the region keep a copy.
	Replicas int      `json:"replicas"`
	State    LogState `json:"state"`
	// Problem says what keeps the log from being open, and what to do.
	Problem string `json:"problem,omitempty"`
	// Fenced says why producers are refused; empty where they are not.
	Fenced string `json:"fenced,omitempty"`
	// Opening is how far the origin is with opening the log; nil once it has.
	Opening *Opening `json:"opening,omitempty"`

	// Holes counts the offsets between First and Last that hold no entry for a
	// recorded reason; Deletions is the number of the newest deletion record.
	Holes     uint64 `json:"holes,omitempty"`
	Deletions uint64 `json:"deletions,omitempty"`
	// Lacking are offsets without an entry and without a reason, Damaged blocks
	// that are not what their seal says; neither is served on. Gaps are offsets
	// that an operator gave up for this holder.
	Lacking geo.Ranges `json:"lacking,omitempty"`
	Damaged geo.Ranges `json:"damaged,omitempty"`
	Gaps    geo.Ranges `json:"gaps,omitempty"`
	// Scrub is how far reading again in the background is; nil where it is off.
	Scrub *Scrub `json:"scrub,omitempty"`
	// Ledger counts what the region's ledger holds of the log; nil is unknown.
	Ledger *LedgerCount `json:"ledger,omitempty"`
}

// Control tells whether l is a region's control log.
func (l *Log) Control() bool { return l.Log == geo.ControlLog(l.Origin).Log }

// DigestQuery asks a holder for the digests of a stretch of one stream.
type DigestQuery struct {
	Stream string
	// Range has a First of at least 1 and is not empty.
	Range geo.Range
	// Step is 1024 or 1: how many offsets one verify.Stretch covers at most.
	Step uint64
}

// EntryView is one canonical entry with its digest. Header and body are base64
// in JSON; Header is null where the message had none.
type EntryView struct {
	Stream  string     `json:"stream"`
	Offset  geo.Offset `json:"offset"`
	Time    time.Time  `json:"time"`
	Subject string     `json:"subject"`
	Header  []byte     `json:"header"`
	Body    []byte     `json:"body"`
	// Digest is hexadecimal.
	Digest string `json:"digest"`
}

// ViewEntry is the EntryView of e, which is an entry of stream. Header and Body
// share e's memory.
func ViewEntry(stream string, e *entry.Entry) EntryView {
	var h entry.Hasher
	return EntryView{
		Stream: stream, Offset: e.Offset, Time: e.When().UTC(), Subject: string(e.Subject),
		Header: e.Header, Body: e.Body, Digest: verify.FormatDigest(h.Entry(e)),
	}
}

// Backend is what a node gives to its admin server. All methods may be called
// from many goroutines at once.
type Backend interface {
	// Local is this node's own view: the logs its region holds, the links this
	// node runs, the regions with the nodes gossip sees. It answers from what
	// is known and does not wait for the network. The server fills in API,
	// Scope and Verdict.
	Local() Status
	// Peers lists the nodes of all regions as gossip sees them, this one
	// included and marked Self.
	Peers() []Node
	// Ready is nil while every configured local log is open and gossip runs;
	// else it says for people what is missing.
	Ready() error
	// Digests gives the stretches of q in order to yield, computed from the
	// entries that this region stores; a missing entry counts as a zero digest.
	// It ends with yield's error where there is one, and wraps ErrNotFound
	// where this region has no such stream.
	Digests(ctx context.Context, q DigestQuery, yield func(verify.Stretch) error) error
	// Entry reads one entry. It wraps ErrNotFound where this region has no such
	// stream or nothing at the offset.
	Entry(ctx context.Context, stream string, offset geo.Offset) (EntryView, error)
}
