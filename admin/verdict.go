package admin

import "geomq/geo"

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
