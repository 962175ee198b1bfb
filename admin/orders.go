package admin

import (
	"context"

	"geomq/geo"
)

// PurgeOrder removes entries of a log for good, in every region. It is carried
// out in the origin's region. Exactly one of Before, Keep and Subject is given.
type PurgeOrder struct {
	// Log is the CommitLog's stream, e.g. "ORDERS@us-east".
	Log string `json:"log"`
	// Before is the offset that will be the first one.
	Before geo.Offset `json:"before,omitempty"`
	// Keep is how many of the newest entries stay.
	Keep *uint64 `json:"keep,omitempty"`
	// Subject is a filter with NATS wildcards.
	Subject string `json:"subject,omitempty"`
	Reason  string `json:"reason,omitempty"`
	DryRun  bool   `json:"dry_run,omitempty"`
}

// DeleteOrder removes single entries of a log for good, in every region. It is
// carried out in the origin's region.
type DeleteOrder struct {
	Log     string     `json:"log"`
	Offsets geo.Ranges `json:"offsets"`
	Reason  string     `json:"reason,omitempty"`
	DryRun  bool       `json:"dry_run,omitempty"`
}

// RepairOrder makes what Region holds of a log equal to what it should be, from
// another holder: damaged blocks, lacking entries, a replica that contradicts its
// origin. What only Region holds goes to its ledger first.
type RepairOrder struct {
	Log    string     `json:"log"`
	Region geo.Region `json:"region"`
	// From is the holder to fetch from; empty lets the node choose.
	From   geo.Region `json:"from,omitempty"`
	DryRun bool       `json:"dry_run,omitempty"`
}

// AcceptGapOrder lets Region's replica go on without offsets that nobody has.
type AcceptGapOrder struct {
	Log    string     `json:"log"`
	Region geo.Region `json:"region"`
	// Ranges are given up; empty stands for what the halted link says is missing.
	Ranges geo.Ranges `json:"ranges,omitempty"`
	Reason string     `json:"reason,omitempty"`
	DryRun bool       `json:"dry_run,omitempty"`
}

// RepublishOrder publishes entries of Region's ledger again, each under its key,
// into the log of the same name whose origin is Region. Exactly one of IDs, Log
// and Elsewhere is given.
type RepublishOrder struct {
	Region geo.Region `json:"region"`
	IDs    []string   `json:"ids,omitempty"`
	// Log stands for all entries of that CommitLog that are still open.
	Log string `json:"log,omitempty"`
	// Elsewhere are entries that another region's ledger held, too, and that were
	// published again there: Region's records take note of it, nothing is published.
	Elsewhere []Republished `json:"elsewhere,omitempty"`
	DryRun    bool          `json:"dry_run,omitempty"`
}

// StepState says how far a step is.
type StepState string

const (
	// StepPlanned will be done; the only state of a dry run.
	StepPlanned StepState = "planned"
	// StepRunning is being done.
	StepRunning StepState = "running"
	// StepDone is done, or had been before.
	StepDone StepState = "done"
	// StepFailed ended with the order's error.
	StepFailed StepState = "failed"
)

// Step is one thing that an order does.
type Step struct {
	// Name says what, e.g. "record the deletions"; it is unique in its order.
	Name  string    `json:"name"`
	State StepState `json:"state"`
	// Done of Total are through, where they can be counted.
	Done  uint64 `json:"done,omitempty"`
	Total uint64 `json:"total,omitempty"`
	// Note is what there is to know about it besides.
	Note string `json:"note,omitempty"`
}

// Report takes news of a step. It may be called as often as there are news, from
// one goroutine at a time, and does not block for long.
type Report func(Step)

// Outcome is what an order came to, or would come to.
type Outcome struct {
	// Verb, Region, Node, DryRun and Steps are filled in by the Server: what was
	// asked for, who did it, and the last word on each step.
	Verb   string     `json:"verb"`
	Region geo.Region `json:"region"`
	Node   string     `json:"node"`
	DryRun bool       `json:"dry_run"`
	Steps  []Step     `json:"steps"`
	// Entries is how many entries were concerned.
	Entries uint64 `json:"entries"`
	// Text is the outcome as a sentence.
	Text string `json:"text"`
	// Again are the places of entries that were published again.
	Again []Republished `json:"again,omitempty"`
}

// Operator is what a Backend also is where its node can change things. Its
// methods may be called from many goroutines at once. They report each step as it
// is planned, under way and done; with DryRun they plan only and change nothing.
// Doing again what was done, or cut off in the middle, finishes it. Errors wrap
// ErrNotFound, ErrBadRequest, ErrNotReady, ErrRefused where things are such that
// the order can't be carried out, and ErrElsewhere where another node of this
// region has to do it.
type Operator interface {
	Purge(ctx context.Context, order PurgeOrder, report Report) (Outcome, error)
	Delete(ctx context.Context, order DeleteOrder, report Report) (Outcome, error)
	Repair(ctx context.Context, order RepairOrder, report Report) (Outcome, error)
	AcceptGap(ctx context.Context, order AcceptGapOrder, report Report) (Outcome, error)
	Republish(ctx context.Context, order RepublishOrder, report Report) (Outcome, error)
}
