package geotest

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"geomq/admin"
	"geomq/configs"
)

// Retention at the origin overtakes a replica that was away. Its link halts and
// says what is missing; the replica shows nothing behind the gap until an operator
// has given it up.
func TestRetentionOvertakesAReplicaThatWasAway(t *testing.T) {
	r := StartRegions(t, Options{Regions: []string{"us-east", "eu-west"}, Configure: func(c *configs.Config) {
		c.Logs[0].Retention.MaxEntries = 1000
	}})
	publish(t, r, "us-east", 500)
	h := NewHistory()
	ends := func(n uint64) {
		t.Helper()
		Await(t, 20*time.Second, func(ctx context.Context) error {
			holding, err := h.Hold(ctx, r.All()[1], stream("us-east"))
			if err == nil && lastOf(holding) != n {
				err = fmt.Errorf("eu-west ends at %d, not at %d", lastOf(holding), n)
			}
			return err
		})
	}
	ends(500)
	r.Kill(t, "eu-west")
	publish(t, r, "us-east", 3000)
	r.Restart(t, "eu-west")
	l := r.AwaitLink(t, 20*time.Second, "eu-west", "us-east", "halted", func(l admin.Link) bool { return l.State == admin.LinkHalted })
	if l.Cause != "trimmed" || !strings.Contains(l.Reason, "501") || !strings.Contains(l.Reason, "2500") {
		t.Errorf("the link halted by %s: %s; it lacks 501 to 2500", l.Cause, l.Reason)
	}
	ends(500)
	order(t, r, "link", "accept-gap", stream("us-east"), "--region", "eu-west")
	ends(3500)
	r.AwaitLink(t, 20*time.Second, "eu-west", "us-east", "streaming", func(l admin.Link) bool { return l.State == admin.LinkStreaming })
}
