//go:build slow

package gateway_test

import (
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// burst is how many publishes a round of throughput has, singles how many of
// latency.
const (
	burst   = 12_000
	singles = 300
)

// What the way through a gateway costs, against a direct connection to the same
// server: throughput with acks of one client that keeps many publishes under way,
// and the round trip of single publishes. Many short rounds take turns, in turned
// order, and the medians over pairs count. On a busy machine single pairs differ by
// a factor; so the interval is shown in which the median lies with 95 %, and the
// test fails where all of it misses the bound. Where the interval holds the bound,
// the run has decided nothing.
func TestSlowAGatewayCostsLittle(t *testing.T) {
	const pairs, least, latest = 120, 0.95, 200 * time.Microsecond
	s := startProcess(t, "")
	addStream(t, s.address)
	gateway, through := launch(t, gatewayEnv+"="+s.address)
	sides := [2]jetstream.JetStream{streamAt(t, s.address), streamAt(t, through)}
	for _, js := range sides {
		throughput(t, js) // to warm up
	}
	var ratios, extra []float64
	work := func() [2]time.Duration {
		return [2]time.Duration{processor(t, gateway.Process.Pid), processor(t, s.cmd.Process.Pid) + processor(t, os.Getpid())}
	}
	var gatewayWork, restWork time.Duration // in bursts through the gateway
	for pair := range pairs {
		var rate [2]float64
		var trip [2]time.Duration
		for i := range sides {
			side := (i + pair) % 2
			before := work()
			rate[side] = throughput(t, sides[side])
			if after := work(); side == 1 {
				gatewayWork += after[0] - before[0]
				restWork += after[1] - before[1]
			}
			trip[side] = roundTrip(t, sides[side])
		}
		ratios = append(ratios, rate[1]/rate[0])
		extra = append(extra, float64(trip[1]-trip[0]))
	}
	low, ratio, high := interval(ratios)
	fast, added, slow := interval(extra)
	t.Logf("throughput %.1f %% of direct (%.1f to %.1f)", 100*ratio, 100*low, 100*high)
	t.Logf("p50 %s more than direct (%s to %s)", time.Duration(added), time.Duration(fast), time.Duration(slow))
	t.Logf("processor in bursts through the gateway: %s for it, %s for client and server: %.1f %%",
		gatewayWork, restWork, 100*float64(gatewayWork)/float64(restWork))
	if high < least {
		t.Errorf("the gateway costs at least %.1f %% of the throughput", 100*(1-high))
	}
	if time.Duration(fast) > latest {
		t.Errorf("the gateway adds at least %s", time.Duration(fast))
	}
}

func streamAt(t *testing.T, address string) jetstream.JetStream {
	t.Helper()
	js, err := jetstream.New(connect(t, address), jetstream.WithPublishAsyncMaxPending(4000))
	if err != nil {
		t.Fatal(err)
	}
	return js
}

// throughput is acks per second.
func throughput(t *testing.T, js jetstream.JetStream) float64 {
	t.Helper()
	body := make([]byte, 256)
	began := time.Now()
	for range burst {
		if _, err := js.PublishAsync("orders.created", body, jetstream.WithStallWait(time.Minute)); err != nil {
			t.Fatal(err)
		}
	}
	select {
	case <-js.PublishAsyncComplete():
	case <-time.After(time.Minute):
		t.Fatal("acks are missing after a minute")
	}
	return burst / time.Since(began).Seconds()
}

// roundTrip is the median of single publishes.
func roundTrip(t *testing.T, js jetstream.JetStream) time.Duration {
	t.Helper()
	trips := make([]time.Duration, singles)
	for i := range trips {
		began := time.Now()
		if _, err := js.Publish(t.Context(), "orders.created", fmt.Append(nil, i)); err != nil {
			t.Fatal(err)
		}
		trips[i] = time.Since(began)
	}
	slices.Sort(trips)
	return trips[len(trips)/2]
}

// interval is the median of all, and between what it lies with 95 %.
func interval(all []float64) (low, middle, high float64) {
	slices.Sort(all)
	n := len(all)
	reach := int(math.Ceil(0.98 * math.Sqrt(float64(n))))
	return all[n/2-reach], all[n/2], all[n/2+reach]
}

// processor is the time that a process has used, 0 where the system doesn't tell.
func processor(t *testing.T, pid int) time.Duration {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	var user, system int64
	if _, err := fmt.Sscan(fields[11]+" "+fields[12], &user, &system); err != nil {
		t.Fatal(err)
	}
	return time.Duration(user+system) * 10 * time.Millisecond
}
