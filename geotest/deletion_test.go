package geotest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"geomq/geo"
)

// Entries are deleted on purpose while a replica is away, the origin dies right
// after, and the replica comes back: the holes are the same everywhere, and each of
// them was ordered.
func TestDeletedEntriesAreGoneEverywhere(t *testing.T) {
	r := StartRegions(t, Options{})
	publish(t, r, "us-east", 3000)
	h := NewHistory()
	for _, region := range r.All() {
		holds(t, r, h, region.Name, 3000)
	}
	r.Kill(t, "ap-south")
	order(t, r, "log", "delete", stream("us-east"), "5,7-9,2000", "--reason", "asked to forget them")
	r.Kill(t, "us-east")
	r.Restart(t, "us-east")
	r.Restart(t, "ap-south")
	holes := geo.Ranges{{First: 5, Last: 5}, {First: 7, Last: 9}, {First: 2000, Last: 2000}}
	for _, region := range r.All() {
		Await(t, 30*time.Second, func(ctx context.Context) error {
			ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
			defer cancel()
			holding, err := h.Hold(ctx, region, stream("us-east"))
			if err == nil && len(holding.Entries) != 3000-int(holes.Len()) {
				err = fmt.Errorf("%s holds %d entries", region.Name, len(holding.Entries))
			}
			if err == nil {
				_, err = NewHistory().Judge([]Holding{holding}, Terms{Holes: holes})
			}
			return err
		})
	}
	verified(t, r)
}
