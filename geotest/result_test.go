package geotest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// result is what one run of a mix has brought: a line of a campaign's file.
type result struct {
	Mix     string    `json:"mix"`
	Seed    uint64    `json:"seed"`
	Seconds float64   `json:"seconds"` // asked for
	Began   time.Time `json:"began"`
	Took    float64   `json:"took"` // seconds
	OK      bool      `json:"ok"`
	// Failures are what was broken; a run that couldn't go on may have told more in
	// its output.
	Failures []string `json:"failures,omitempty"`

	// Operations are acknowledged publishes, Watched the offsets that readers saw.
	Operations int            `json:"operations"`
	Watched    int            `json:"watched"`
	Faults     map[string]int `json:"faults"`
	// Ledger and Nowhere are entries that were acknowledged and are not in their
	// log because disks were harmed.
	Ledger  int    `json:"ledger"`
	Nowhere uint64 `json:"nowhere"`
	// Recovery is the longest time, in seconds, from a heal until every replica
	// had caught up.
	Recovery float64 `json:"recovery"`
}

func newResult(mix string, seed uint64, duration time.Duration) *result {
	return &result{Mix: mix, Seed: seed, Seconds: duration.Seconds(), Began: time.Now().UTC().Round(time.Second), Faults: map[string]int{}}
}

func (r *result) recovered(took time.Duration) { r.Recovery = max(r.Recovery, took.Seconds()) }

func (r *result) account(load *Workload, a Account) {
	r.Operations, r.Watched, r.Ledger, r.Nowhere = a.Acked, load.SeenCount(), a.Ledger, a.Nowhere.Len()
}

// end closes the books when the test is over, and tells the figures of one that
// went well.
func (r *result) end(t *testing.T) {
	r.Took, r.OK = time.Since(r.Began).Truncate(time.Second).Seconds(), !t.Failed()
	if !r.OK {
		return
	}
	t.Logf("%s: %d operations acknowledged and %d offsets watched; faults: %s; lost 0, duplicates 0, longest recovery %.1f s; taken by disks: %d kept in ledgers, %d nowhere",
		r.Mix, r.Operations, r.Watched, r.told(), r.Recovery, r.Ledger, r.Nowhere)
}

// told names the faults.
func (r *result) told() string {
	var texts []string
	for name, n := range r.Faults {
		texts = append(texts, fmt.Sprintf("%d × %s", n, name))
	}
	slices.Sort(texts)
	return strings.Join(texts, ", ")
}
