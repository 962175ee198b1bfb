package admin

import (
	"slices"

	"geomq/geo"
)

// Safety answers the question whether a region can be lost without loss.
type Safety string

const (
	// Safe: every entry that the region originated is in another region too,
	// up to what came in during the last heartbeat.
	Safe Safety = "yes"
	// Unsafe: some entries are nowhere else.
	Unsafe Safety = "no"
	// Uncertain: too little is known to tell.
	Uncertain Safety = "unknown"
)

// Verdict says for each region what would be lost with it.
type Verdict struct {
	// Code is 0 where all regions are safe to lose, 1 where one is not, and 2
	// where none is known to be unsafe but something is unknown. It is the exit
	// code of `geomq status`.
	Code    int             `json:"code"`
	Regions []RegionVerdict `json:"regions"`
	// Troubles are what a person should see to, the grave ones first.
	Troubles []Trouble `json:"troubles,omitempty"`
}

// Grave tells whether one of the troubles is.
func (v *Verdict) Grave() bool {
	return slices.ContainsFunc(v.Troubles, func(t Trouble) bool { return t.Grave })
}

// TroubleKind says in one word what a Trouble is about.
type TroubleKind string

// The kinds of trouble.
const (
	TroubleLog    TroubleKind = "log"    // a log that does not take entries
	TroubleLink   TroubleKind = "link"   // a link that waits for an operator
	TroubleDamage TroubleKind = "damage" // entries that are missing or damaged
	TroubleDisk   TroubleKind = "disk"
	TroubleLedger TroubleKind = "ledger" // acknowledged entries that are in no log
)

// Trouble is something that doesn't mend itself, or not soon.
type Trouble struct {
	Kind TroubleKind `json:"kind"`
	// Grave troubles keep something from working or from being trusted; others
	// wait until somebody has time.
	Grave  bool       `json:"grave"`
	Region geo.Region `json:"region"`
	// Log is the CommitLog's stream, Node the node; empty where it is about none.
	Log  string `json:"log,omitempty"`
	Node string `json:"node,omitempty"`
	// Text says what happened, and what to do now.
	Text string `json:"text"`
}

// RegionVerdict is the verdict on one region.
type RegionVerdict struct {
	Region geo.Region `json:"region"`
	Safe   Safety     `json:"safe"`
	// Entries is how many entries are at most nowhere else, as far as known.
	Entries uint64 `json:"entries"`
	// Seconds is the age of the oldest of them, nil where unknown.
	Seconds *float64 `json:"seconds,omitempty"`
	// Text is the verdict as a sentence, e.g. "SAFE to lose us-east: no, ≤ 412
	// entries (0.8 s) are nowhere else".
	Text string `json:"text"`
	// Logs lists the region's own CommitLogs that are not safe.
	Logs []LogVerdict `json:"logs,omitempty"`
}

// LogVerdict says what of one CommitLog is nowhere else.
type LogVerdict struct {
	Log     geo.LogName `json:"log"`
	Queue   string      `json:"queue"`
	Safe    Safety      `json:"safe"`
	Entries uint64      `json:"entries"`
	Seconds *float64    `json:"seconds,omitempty"`
	// Reason is "behind", "kept only here", "no replica reports" or "origin
	// does not answer".
	Reason string `json:"reason"`
}
