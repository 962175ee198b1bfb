//go:build slow

package node_test

import (
	"fmt"
	"testing"
	"time"

	"geomq/configs"
	"geomq/geo"
)

func init() { startPatience = 5 * time.Minute } // two nodes with 400 streams on one machine

// TestAStatusOfManyLogsIsQuick: 200 logs, each of which takes several questions to
// the broker.
func TestAStatusOfManyLogsIsQuick(t *testing.T) {
	w := newWorld(t, func(c *configs.Config) {
		c.Logs = nil
		for i := range 100 {
			c.Logs = append(c.Logs, configs.Log{Name: geo.LogName(fmt.Sprintf("L%d", i)), Topics: []geo.Topic{geo.Topic(fmt.Sprintf("l%d.>", i))}})
		}
	}, "us-east", "eu-west")
	for range 5 {
		began := time.Now()
		s := w.nodes["us-east"].Orders().Local()
		if took := time.Since(began); took > time.Second || len(s.Logs) != 202 || len(s.Problems) > 0 {
			t.Errorf("a status of %d logs took %v: %v", len(s.Logs), took, s.Problems)
		}
		<-time.After(1100 * time.Millisecond) // what was seen may be shown for a second
	}
}
