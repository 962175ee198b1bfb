package events

import (
	"fmt"
	"testing"

	"geomq/admin"
	"geomq/geo"
	"geomq/geo/control"
)

func event(origin geo.Region, offset geo.Offset) Event {
	return Event{Record: control.Record{Kind: control.LogOpened, Text: fmt.Sprintf("%s %d", origin, offset)}, Origin: origin, Offset: offset}
}

func texts(events []Event) (all []string) {
	for _, e := range events {
		all = append(all, e.Text)
	}
	return all
}

// TestACursorGoesOnAtAnotherNode: two nodes learn of the same events in another
// order; who changes from one to the other misses none and gets none twice.
func TestACursorGoesOnAtAnotherNode(t *testing.T) {
	one, two := NewBook(100), NewBook(100)
	for o := geo.Offset(1); o <= 3; o++ {
		one.Add(event("us-east", o))
		one.Add(event("eu-west", o))
	}
	for _, region := range []geo.Region{"eu-west", "us-east"} {
		for o := geo.Offset(1); o <= 4; o++ {
			two.Add(event(region, o))
		}
	}
	got, cursor, more := one.After(nil, 3)
	if fmt.Sprint(texts(got)) != "[us-east 1 eu-west 1 us-east 2]" || !more {
		t.Fatalf("the first three are %v, more: %v", texts(got), more)
	}
	again, err := admin.ParseEventCursor(cursor.String())
	if err != nil {
		t.Fatal(err)
	}
	got, _, more = two.After(again, 5)
	if fmt.Sprint(texts(got)) != "[eu-west 2 eu-west 3 eu-west 4 us-east 3 us-east 4]" || more {
		t.Errorf("the other node goes on with %v, more: %v", texts(got), more)
	}
}

func TestAFullBookForgetsTheOldest(t *testing.T) {
	b := NewBook(10)
	for o := geo.Offset(1); o <= 50; o++ {
		b.Add(event("us-east", o))
	}
	got, _, _ := b.After(nil, 100)
	if len(got) > 10 || got[len(got)-1].Offset != 50 {
		t.Errorf("%d events, the last is %v", len(got), got[len(got)-1])
	}
}
