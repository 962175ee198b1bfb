package geotest

import (
	"os"
	"testing"

	"geomq/bench/events"
)

// EventsVariable names a file of NDJSON events, compressed with gzip or not, for
// tests that want real ones.
const EventsVariable = "GEOMQ_EVENTS"

// Event is one event and the key by which its producer orders it.
type Event = events.Event

// Events returns n events: those of the file that GEOMQ_EVENTS names, again with
// other times, users and amounts where it holds fewer, or made-up edits of an
// encyclopedia of about the same size and variety where it names none.
func Events(t testing.TB, n int) []Event {
	t.Helper()
	all := make([]Event, 0, n)
	for e, err := range events.From(os.Getenv(EventsVariable), n) {
		if err != nil {
			t.Fatalf("%s: %v", EventsVariable, err)
		}
		all = append(all, e)
	}
	return all
}
