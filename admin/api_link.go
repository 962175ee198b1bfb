package admin

import (
	"time"

	"geomq/geo"
)

// LinkState says what a link is doing.
type LinkState string

// The states of a link, in the order in which a healthy one passes them.
const (
	LinkConnecting LinkState = "connecting"
	LinkHandshake  LinkState = "handshake"
	LinkStreaming  LinkState = "streaming"
	// LinkWaiting tries again by itself; Reason says after what.
	LinkWaiting LinkState = "waiting"
	// LinkHalted waits for an operator; Reason says why.
	LinkHalted LinkState = "halted"
	LinkClosed LinkState = "closed"
)

// Link is one directed pull of a CommitLog into a region's replica. Counters
// are totals since the node that runs the link was started.
type Link struct {
	Log    geo.LogName `json:"log"`
	Queue  string      `json:"queue"`
	Origin geo.Region  `json:"origin"`
	// From is the holder that serves, To the region of the replica.
	From geo.Region `json:"from"`
	To   geo.Region `json:"to"`
	// Node runs the link; it is one of To's.
	Node  string    `json:"node"`
	State LinkState `json:"state"`
	// Cause is one word for why the link waits or is halted, Reason a sentence.
	Cause  string `json:"cause,omitempty"`
	Reason string `json:"reason,omitempty"`
	// Since is when the link entered State.
	Since time.Time `json:"since,omitzero"`

	// Applied is the replica's end, Head the newest end heard of at From.
	Applied geo.Offset `json:"applied"`
	Head    geo.Offset `json:"head"`
	// The three lags are nil where there is no fresh head.
	LagEntries *uint64  `json:"lag_entries,omitempty"`
	LagBytes   *uint64  `json:"lag_bytes,omitempty"`
	LagSeconds *float64 `json:"lag_seconds,omitempty"`

	Compression string `json:"compression"`
	// Credit is how many bytes the sink lets be under way, CreditUsed how many are.
	Credit     uint64 `json:"credit"`
	CreditUsed uint64 `json:"credit_used"`

	Entries   uint64 `json:"entries"`
	Frames    uint64 `json:"frames"`
	WireBytes uint64 `json:"wire_bytes"`
	RawBytes  uint64 `json:"raw_bytes"`
	// Resent counts entries that came again at their offset, Repeated those whose
	// key stands at another offset too, since a producer sent them again late.
	Resent     uint64 `json:"resent"`
	Repeated   uint64 `json:"repeated"`
	Seals      uint64 `json:"seals"`
	Reconnects uint64 `json:"reconnects"`
	// Refused counts refused frames and entries by cause.
	Refused map[string]uint64 `json:"refused,omitempty"`

	LastHeartbeat time.Time `json:"last_heartbeat,omitzero"`
	RTTSeconds    *float64  `json:"rtt_seconds,omitempty"`

	// NotOrigin says why From is not the origin; empty where it is.
	NotOrigin string `json:"not_origin,omitempty"`
	// Holders are all that the link may pull from, the origin first, as each
	// answered when it was last asked.
	Holders []LinkHolder `json:"holders,omitempty"`
	// Switches counts how often the link went to another holder.
	Switches uint64 `json:"holder_switches"`
	// Missing are the offsets that a link halted by "trimmed" or "gap" can't get.
	Missing geo.Ranges `json:"missing,omitempty"`
}

// Control tells whether l pulls a region's control log.
func (l *Link) Control() bool { return l.Log == geo.ControlLog(l.Origin).Log }
