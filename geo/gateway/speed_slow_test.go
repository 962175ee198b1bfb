//go:build slow

package gateway_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// What the way through a gateway costs, against a direct connection to the same
// server: throughput with acks of one client that keeps many publishes under way,
// and the round trip of single publishes. Sides take turns, a pair of rounds at a
// time, in turned order; the medians over the pairs count.
func TestSlowAGatewayCostsLittle(t *testing.T) {
	const rounds, most, latest = 15, 0.05, 200 * time.Microsecond
	s := startProcess(t, "")
	addStream(t, s.address)
	_, through := launch(t, gatewayEnv+"="+s.address)
	sides := [2]jetstream.JetStream{streamAt(t, s.address), streamAt(t, through)}
	var ratios []float64
	var differences, medians []time.Duration
	for round := range rounds + 1 {
		var rate [2]float64
		var trip [2]time.Duration
		for i := range sides {
			side := (i + round) % 2
			rate[side] = throughput(t, sides[side])
			trip[side] = roundTrip(t, sides[side])
		}
		if round == 0 {
			continue // to warm up
		}
		t.Logf("round %d: direct %.0f/s and %s, through the gateway %.0f/s and %s", round, rate[0], trip[0], rate[1], trip[1])
		ratios = append(ratios, rate[1]/rate[0])
		differences = append(differences, trip[1]-trip[0])
		medians = append(medians, trip[0])
	}
	ratio, difference := median(ratios), median(differences)
	t.Logf("throughput %.1f %% of direct; p50 %s more than %s", 100*ratio, difference, median(medians))
	if ratio < 1-most {
		t.Errorf("the gateway costs %.1f %% of the throughput", 100*(1-ratio))
	}
	if difference > latest {
		t.Errorf("the gateway adds %s", difference)
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
	const messages = 60_000
	body := make([]byte, 256)
	began := time.Now()
	for range messages {
		if _, err := js.PublishAsync("orders.created", body, jetstream.WithStallWait(time.Minute)); err != nil {
			t.Fatal(err)
		}
	}
	select {
	case <-js.PublishAsyncComplete():
	case <-time.After(time.Minute):
		t.Fatal("acks are missing after a minute")
	}
	return messages / time.Since(began).Seconds()
}

// roundTrip is the median of single publishes.
func roundTrip(t *testing.T, js jetstream.JetStream) time.Duration {
	t.Helper()
	trips := make([]time.Duration, 2000)
	for i := range trips {
		began := time.Now()
		if _, err := js.Publish(t.Context(), "orders.created", fmt.Append(nil, i)); err != nil {
			t.Fatal(err)
		}
		trips[i] = time.Since(began)
	}
	return median(trips)
}

func median[T float64 | time.Duration](all []T) T {
	slices.Sort(all)
	return all[len(all)/2]
}
