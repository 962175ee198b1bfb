package admin

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"geomq/geo"
)

func record(region geo.Region, offset geo.Offset, again bool) LedgerRecord {
	r := LedgerRecord{ID: fmt.Sprintf("ORDERS@us-east/1/%d", offset), Region: region, Log: "ORDERS@us-east", Epoch: 1, Offset: offset, Reason: "lost tail"}
	if again {
		r.Again = &Republished{ID: r.ID, As: "ORDERS@" + string(region) + "/1/99"}
	}
	return r
}

// TestALedgerIsReadPageByPageFromAnywhere reads eu-west's ledger by us-east.
func TestALedgerIsReadPageByPageFromAnywhere(t *testing.T) {
	all := operators("us-east", "eu-west")
	for o := geo.Offset(1); o <= 25; o++ {
		all["eu-west"].ledger = append(all["eu-west"].ledger, record("eu-west", o, o%5 == 0))
	}
	c := dial(t, join(t, all)["us-east"].URL())
	var read []geo.Offset
	pages := 0
	for q := (LedgerQuery{Open: true, Limit: 7}); pages == 0 || q.After != ""; pages++ {
		page, err := c.Ledger(t.Context(), "eu-west", q)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range page.Records {
			read = append(read, r.Offset)
		}
		q.After = page.Next
	}
	if len(read) != 20 || pages != 3 || read[0] != 1 || read[19] != 24 {
		t.Errorf("%d pages: %v", pages, read)
	}
	if page, err := c.Ledger(t.Context(), "us-east", LedgerQuery{}); err != nil || len(page.Records) > 0 {
		t.Errorf("its own: %v %+v", err, page)
	}
	if page, err := c.Ledger(t.Context(), "eu-west", LedgerQuery{Stream: "BILLS@us-east"}); err != nil || len(page.Records) > 0 {
		t.Errorf("another log: %v %+v", err, page)
	}
	if _, err := c.Ledger(t.Context(), "eu-west", LedgerQuery{After: "x"}); !errors.Is(err, ErrBadRequest) {
		t.Errorf("a cursor that is none: %v", err)
	}
	e, err := c.LedgerEntry(t.Context(), "eu-west", "ORDERS@us-east/1/7")
	if err != nil || e.Offset != 7 || e.Entry.Body[1] != 255 || e.Reason != "lost tail" {
		t.Errorf("%v %+v", err, e)
	}
	if _, err := c.LedgerEntry(t.Context(), "eu-west", "ORDERS@us-east/1/77"); !errors.Is(err, ErrNotFound) {
		t.Errorf("%v", err)
	}
	if _, err := c.Ledger(t.Context(), "sa-west", LedgerQuery{}); !errors.Is(err, ErrBadRequest) || !strings.Contains(err.Error(), "no region sa-west") {
		t.Errorf("%v", err)
	}
}

func TestQuestionsForTheArchiveAreChecked(t *testing.T) {
	s := serve(t, operators("us-east")["us-east"])
	for _, path := range []string{
		"ledger?limit=0", "ledger?limit=1001", "ledger?open=maybe", "ledger/entry",
		"events?after=us-east", "events?after=US:1", "events?after=us-east:-1", "events?wait=1h", "events?wait=-1s", "events?wait=soon", "events?limit=x",
	} {
		if code, body := fetch(t, s, "GET", "/api/v1/"+path, ""); code != 400 {
			t.Errorf("%s: %d %s", path, code, body)
		}
	}
	for path, want := range map[string]string{"ledger": `{"records":[]}`, "events": `{"events":[],"next":{},"more":false}`} {
		if _, body := fetch(t, s, "GET", "/api/v1/"+path, ""); strings.TrimSpace(body) != want {
			t.Errorf("%s: %s", path, body)
		}
	}
}

func event(region geo.Region, offset geo.Offset, kind, log string) Event {
	return Event{Region: region, Offset: offset, Kind: kind, Log: log, Text: kind}
}

func TestEventsAreFilteredAndNoneIsReadTwice(t *testing.T) {
	b := operators("us-east")["us-east"]
	for o := geo.Offset(1); o <= 50; o++ {
		b.happen(event("us-east", o, "fence", "BILLS@us-east"), event("eu-west", o, "log.epoch", "ORDERS@eu-west"))
	}
	c := dial(t, serve(t, b).URL())
	for name, x := range map[string]struct {
		q    EventQuery
		want int
	}{
		"all": {EventQuery{}, 100}, "by kind": {EventQuery{Kinds: []string{"log.epoch", "other"}}, 50}, "by its first word": {EventQuery{Kinds: []string{"log"}}, 50}, "by a part of a word": {EventQuery{Kinds: []string{"lo", "log.ep"}}, 0}, "by log": {EventQuery{Log: "ORDERS"}, 50},
		"by CommitLog": {EventQuery{Log: "ORDERS@us-east"}, 0}, "by region": {EventQuery{Region: "us-east"}, 50},
		"from a place on": {EventQuery{After: EventCursor{"us-east": 40, "eu-west": 50}}, 10},
	} {
		seen := map[string]bool{}
		x.q.Limit = 7
		for {
			page, err := c.Events(t.Context(), x.q)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range page.Events {
				seen[fmt.Sprint(e.Region, e.Offset)] = true
			}
			x.q.After = page.Next
			if !page.More {
				break
			}
		}
		if len(seen) != x.want {
			t.Errorf("%s: %d events, want %d", name, len(seen), x.want)
		}
	}
}

// TestAQuestionForEventsWaits: it comes back with the first that passes, and with
// none when its time is over.
func TestAQuestionForEventsWaits(t *testing.T) {
	b := operators("us-east")["us-east"]
	c := dial(t, serve(t, b).URL())
	b.happen(event("us-east", 1, "fence", ""))
	answers := make(chan EventPage, 1)
	go func() {
		page, err := c.Events(context.Background(), EventQuery{Kinds: []string{"epoch"}, Wait: 20 * time.Second})
		if err != nil {
			t.Errorf("%v", err)
		}
		answers <- page
	}()
	b.happen(event("us-east", 2, "fence", ""), event("us-east", 3, "epoch", ""))
	select {
	case page := <-answers:
		if len(page.Events) != 1 || page.Events[0].Offset != 3 || page.Next["us-east"] != 3 {
			t.Errorf("%+v", page)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("it does not come back")
	}
	page, err := c.Events(t.Context(), EventQuery{After: EventCursor{"us-east": 3}, Wait: time.Millisecond})
	if err != nil || len(page.Events) != 0 || page.Next["us-east"] != 3 {
		t.Errorf("%v %+v", err, page)
	}
}

// TestANodeThatStopsAnswersWhoeverWaits: an answer without words would pass for one of
// another program.
func TestANodeThatStopsAnswersWhoeverWaits(t *testing.T) {
	b := operators("us-east")["us-east"]
	s := serve(t, b)
	c, ended := dial(t, s.URL()), make(chan error, 1)
	asked := b.asked()
	go func() {
		_, err := c.Events(context.Background(), EventQuery{Wait: maxWait})
		ended <- err
	}()
	<-asked
	s.Close()
	select {
	case err := <-ended:
		if !errors.Is(err, ErrNotReady) && !errors.Is(err, ErrNoAnswer) {
			t.Errorf("%v", err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("it does not come back")
	}
}

func FuzzEventCursor(f *testing.F) {
	f.Add("us-east:17,eu-west:3")
	f.Add("")
	f.Add("us-east:17,us-east:18,")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := ParseEventCursor(text)
		if err != nil {
			return
		}
		again, err := ParseEventCursor(c.String())
		if err != nil || again.String() != c.String() {
			t.Errorf("%q is read as %q and that as %q, %v", text, c, again, err)
		}
	})
}

// TestASilentOrderShowsThatItLives: a node that works for long without news writes
// something, or the one who waits would give it up.
func TestASilentOrderShowsThatItLives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &lines{}
		out := newOrderStream(w, purge)
		s := &Server{}
		s.carryOut(t.Context(), out, func(context.Context, Report) (Outcome, error) {
			time.Sleep(9 * time.Second)
			return Outcome{}, nil
		})
		if w.written != "{}\n{}\n{}\n{}\n" {
			t.Errorf("%q", w.written)
		}
	})
}
