package geotest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// JetStream writes a stream's configuration and its checksum one after the other.
// A kill between the two leaves a stream that isn't loaded any more, most likely
// one that was just being created. Whichever stream of a log it is, and on which
// side: the log goes on, and the next life too.
func TestAKillWhileAStreamIsCreated(t *testing.T) {
	for _, torn := range []struct{ region, stream string }{
		{"us-east", "ORDERS@us-east"},
		{"us-east", "GEOMQ-SEALS-ORDERS@us-east"},
		{"eu-west", "ORDERS@us-east"},
		{"eu-west", "GEOMQ-SEALS-ORDERS@us-east"},
	} {
		t.Run(torn.stream+" in "+torn.region, func(t *testing.T) {
			r := StartRegions(t, Options{Regions: []string{"us-east", "eu-west"}})
			h := NewHistory()
			holds := func(n int) {
				t.Helper()
				for _, region := range r.All() {
					Await(t, 20*time.Second, func(ctx context.Context) error {
						ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
						defer cancel()
						holding, err := h.Hold(ctx, region, stream("us-east"))
						if err == nil && len(holding.Entries) != n {
							err = fmt.Errorf("%s holds %d of %d", region.Name, len(holding.Entries), n)
						}
						if err == nil {
							err = h.Check([]Holding{holding}, nil)
						}
						return err
					})
				}
			}
			publish(t, r, "us-east", 1000)
			holds(1000)
			r.Kill(t, torn.region)
			sum := filepath.Join(r.site(t, torn.region).data, "jetstream", "APP", "streams", torn.stream, "meta.sum")
			if err := os.Remove(sum); err != nil {
				t.Fatal(err)
			}
			r.Restart(t, torn.region)
			publish(t, r, "us-east", 1000)
			holds(2000)
			r.Kill(t, torn.region)
			r.Restart(t, torn.region)
			publish(t, r, "us-east", 1000)
			holds(3000)
			verified(t, r)
		})
	}
}
