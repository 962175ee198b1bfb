package events

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"geomq/geo"
	"geomq/geo/control"
)

func event(origin geo.Region, offset geo.Offset) Event {
	return Event{Record: control.Record{Kind: control.LogOpened, Text: fmt.Sprintf("%s %d", origin, offset)}, Origin: origin, Offset: offset}
}

func all(Event) bool { return true }

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
	got, cursor := one.After(nil, 3, all)
	if fmt.Sprint(texts(got)) != "[us-east 1 eu-west 1 us-east 2]" {
		t.Fatalf("the first three are %v", texts(got))
	}
	again, err := ParseCursor(cursor.String())
	if err != nil {
		t.Fatal(err)
	}
	got, _ = two.After(again, 100, all)
	if fmt.Sprint(texts(got)) != "[eu-west 2 eu-west 3 eu-west 4 us-east 3 us-east 4]" {
		t.Errorf("the other node goes on with %v", texts(got))
	}
}

func TestWhatIsFilteredOutDoesNotComeBack(t *testing.T) {
	b := NewBook(100)
	b.Add(event("us-east", 1))
	b.Add(event("eu-west", 1))
	got, cursor := b.After(nil, 10, func(e Event) bool { return e.Origin == "eu-west" })
	if len(got) != 1 || cursor["us-east"] != 1 {
		t.Errorf("got %v and a cursor at %s", texts(got), cursor)
	}
	if got, _ := b.Newest(1, all); len(got) != 1 || got[0].Text != "eu-west 1" {
		t.Errorf("the newest is %v", texts(got))
	}
}

func TestAFollowerIsWokenAndAFullBookForgetsTheOldest(t *testing.T) {
	b := NewBook(10)
	woken := make(chan []Event, 1)
	go func() {
		got, _ := b.Wait(t.Context(), nil, 10, all)
		woken <- got
	}()
	b.Add(event("us-east", 1))
	select {
	case got := <-woken:
		if len(got) != 1 {
			t.Errorf("woken with %v", texts(got))
		}
	case <-time.After(5 * time.Second):
		t.Fatal("nobody woke the follower")
	}
	for o := geo.Offset(2); o <= 50; o++ {
		b.Add(event("us-east", o))
	}
	got, _ := b.After(nil, -1, all)
	if len(got) > 10 || got[len(got)-1].Offset != 50 {
		t.Errorf("%d events, the last is %v", len(got), got[len(got)-1])
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if got, _ := b.Wait(ended, Cursor{"us-east": 50}, 10, all); len(got) > 0 {
		t.Errorf("behind the last event there is %v", texts(got))
	}
}

func FuzzParseCursor(f *testing.F) {
	for _, text := range []string{"", "us-east:1", "eu-west:12,us-east:40", "x", ":", "us-east:-1"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := ParseCursor(text)
		if err != nil {
			if !errors.Is(err, ErrCursor) {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		if again, err := ParseCursor(c.String()); err != nil || again.String() != c.String() {
			t.Errorf("%q is read as %q, then as %q", text, c, again)
		}
	})
}
