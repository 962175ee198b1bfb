package admin

import (
	"time"

	"geomq/geo"
)

// Opening is how far an origin is with opening a log after a start.
type Opening struct {
	// State is one word: asking, pulling, waiting or skipping.
	State string `json:"state"`
	// Text says in whole sentences, the log's name in front, what is going on and
	// what it waits for.
	Text  string    `json:"text"`
	Since time.Time `json:"since,omitzero"`
	// Silent are the regions that have not told yet; Until is when the log opens
	// without them, zero where it does not.
	Silent []geo.Region `json:"silent,omitempty"`
	Until  time.Time    `json:"until,omitzero"`
	// Pulled of Through offsets have come back from From, a holder that is ahead.
	From    geo.Region `json:"from,omitempty"`
	Pulled  geo.Offset `json:"pulled,omitempty"`
	Through geo.Offset `json:"through,omitempty"`
}

// Scrub is what reading sealed blocks again in the background has found since
// the node was started.
type Scrub struct {
	Blocks uint64 `json:"blocks"`
	// Failures are blocks that were not what their seal says, Repaired those of
	// them that were fetched again.
	Failures uint64 `json:"failures"`
	Repaired uint64 `json:"repaired"`
	// Round is when the last whole round ended.
	Round time.Time `json:"round,omitzero"`
}

// LedgerCount says how many entries of a log are in one region's ledger.
type LedgerCount struct {
	Entries uint64 `json:"entries"`
	// Open are those that have not been published again.
	Open uint64 `json:"open"`
}

// LinkHolder is one region that a link may pull from.
type LinkHolder struct {
	Region geo.Region `json:"region"`
	// Last is its end when it was asked at Asked; zero where it has not answered.
	Last  geo.Offset `json:"last"`
	Asked time.Time  `json:"asked,omitzero"`
	// RTTSeconds is how long the question and its answer took; nil if unknown.
	RTTSeconds *float64 `json:"rtt_seconds,omitempty"`
	// Problem says why the link does not want it; Avoided is until when.
	Problem string    `json:"problem,omitempty"`
	Avoided time.Time `json:"avoided,omitzero"`
}

// DiskState says what a node's disk lets the node do.
type DiskState string

const (
	// DiskOK has room.
	DiskOK DiskState = "ok"
	// DiskLow has so little room that links into the node's replicas have stopped.
	DiskLow DiskState = "low"
	// DiskFull has so little room that producers are refused, too.
	DiskFull DiskState = "full"
	// DiskFailing is one whose broker refuses writes after an error.
	DiskFailing DiskState = "failing"
)

// diskStates are all of them, for the metric.
var diskStates = []DiskState{DiskOK, DiskLow, DiskFull, DiskFailing}

// Disk is the file system of a node's data folder.
type Disk struct {
	Region geo.Region `json:"region"`
	Node   string     `json:"node"`
	State  DiskState  `json:"state"`
	Free   uint64     `json:"free_bytes"`
	Total  uint64     `json:"total_bytes"`
	// StopReplicas and FenceOrigins are the configured thresholds in percent.
	StopReplicas int       `json:"stop_replicas"`
	FenceOrigins int       `json:"fence_origins"`
	Since        time.Time `json:"since,omitzero"`
	// Problem is why the broker refuses writes, where it does.
	Problem string `json:"problem,omitempty"`
}

// Ratio is how much of the disk is free, from 0 to 1; ok is false where that is
// not known.
func (d Disk) Ratio() (ratio float64, ok bool) {
	if d.Total == 0 {
		return 0, false
	}
	return float64(d.Free) / float64(d.Total), true
}
