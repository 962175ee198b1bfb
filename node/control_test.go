package node_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"geomq/admin"
	"geomq/broker"
	"geomq/geo"
	"geomq/geo/control"
	"geomq/geo/entry"
	"geomq/geotest"
	"geomq/node/marks"
)

// events are what a region knows of another one's control log, behind a cursor.
func (w *world) events(at, of geo.Region, after admin.EventCursor) (found []admin.Event, next admin.EventCursor) {
	w.t.Helper()
	for more := true; more; after = next {
		page, err := w.nodes[at].Orders().Events(w.t.Context(), after, 3)
		if err != nil {
			w.t.Fatal(err)
		}
		found = append(found, page.Events...)
		next, more = page.Next, page.More
	}
	return slices.DeleteFunc(found, func(e admin.Event) bool { return e.Region != of }), next
}

// awaitEvent waits until a region shows a text of another one's control log.
func (w *world) awaitEvent(at, of geo.Region, text string) {
	w.t.Helper()
	geotest.Await(w.t, startPatience, func(context.Context) error {
		found, _ := w.events(at, of, nil)
		if !slices.ContainsFunc(found, func(e admin.Event) bool { return strings.Contains(e.Text, text) }) {
			return fmt.Errorf("%s does not show %q, but %v", at, text, found)
		}
		return nil
	})
}

func note(key, text string) control.Record {
	return control.Record{Kind: control.DiskState, Key: key, Text: text}
}

// TestAnEventWaitsForTheEntriesThatItNames, and what comes behind it waits, too: a
// cursor that has passed an offset never comes back to it.
func TestAnEventWaitsForTheEntriesThatItNames(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil, "us-east", "eu-west")
	js := w.client("us-east")
	w.holds("eu-west", "ORDERS@us-east", w.publish(js, 10))
	w.awaitEvent("eu-west", "us-east", "is open")
	w.awaitEvent("us-east", "us-east", "is open")
	_, cursor := w.events("us-east", "us-east", nil) // one node's cursor means the same at another
	w.free("eu-west", 8)
	w.link("eu-west", func(l admin.Link) bool { return l.State == admin.LinkWaiting })
	w.publish(js, 10)
	w.nodes["us-east"].Event(control.Record{Kind: control.LogEpoch, Key: "named", Log: "ORDERS@us-east", Epoch: 1, Offset: 20, Text: "it names offset 20"})
	w.nodes["us-east"].Event(note("later", "it comes later"))
	w.awaitEvent("us-east", "us-east", "it comes later")
	w.holds("eu-west", "GEOMQ@us-east", w.ends("us-east", "GEOMQ@us-east"))
	<-time.After(1500 * time.Millisecond) // held records are looked at every second
	if found, _ := w.events("eu-west", "us-east", cursor); len(found) > 0 {
		t.Errorf("eu-west shows %v before it holds what they name", found)
	}
	w.free("eu-west", 50)
	w.awaitEvent("eu-west", "us-east", "it comes later")
	found, _ := w.events("eu-west", "us-east", cursor)
	if len(found) != 2 || found[0].Key != "named" || found[1].Key != "later" {
		t.Errorf("behind the cursor eu-west shows %v", found)
	}
}

// ends is where a log ends in a region.
func (w *world) ends(region geo.Region, stream string) uint64 {
	w.t.Helper()
	s, err := w.client(region).Stream(w.t.Context(), stream)
	if err != nil {
		w.t.Fatal(err)
	}
	return s.CachedInfo().State.LastSeq
}

// TestOfEachKeyTheLastRecordStays, over a restart too, and a replica that is made
// later agrees.
func TestOfEachKeyTheLastRecordStays(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil, "us-east", "eu-west")
	for i := range 30 {
		w.nodes["us-east"].Event(note(fmt.Sprint("key ", i%3), fmt.Sprint("text ", i)))
	}
	w.awaitEvent("eu-west", "us-east", "text 29")
	w.stops["us-east"]()
	w.start("us-east")
	w.await("us-east")
	w.nodes["us-east"].Event(note("key 0", "the last of all"))
	w.awaitEvent("us-east", "us-east", "the last of all")
	keys, err := w.nodes["us-east"].Learn(t.Context(), "us-east")
	if err != nil || keys < 3 {
		t.Fatalf("it has %d keys: %v", keys, err)
	}
	geotest.Await(t, startPatience, func(ctx context.Context) error {
		if n, err := w.records(ctx, "us-east"); err != nil || n != keys {
			return fmt.Errorf("%d keys have %d records: %v", keys, n, err)
		}
		return nil
	})
	_, err = w.nodes["eu-west"].Orders().Repair(t.Context(), admin.RepairOrder{Log: "GEOMQ@us-east", Region: "eu-west"}, func(admin.Step) {})
	if err != nil {
		t.Fatal(err)
	}
	w.holds("eu-west", "GEOMQ@us-east", w.ends("us-east", "GEOMQ@us-east"))
	if n, err := w.records(t.Context(), "eu-west"); err != nil || n != keys {
		t.Errorf("the replica that was made anew holds %d records for %d keys: %v", n, keys, err)
	}
}

// records is how many records of us-east's control log a region holds.
func (w *world) records(ctx context.Context, region geo.Region) (int, error) {
	s, err := w.client(region).Stream(ctx, "GEOMQ@us-east")
	if err != nil {
		return 0, err
	}
	return int(s.CachedInfo().State.Msgs), nil
}

// TestAControlLogThatIsShorterThanWhatWasRead is read again from its beginning.
func TestAControlLogThatIsShorterThanWhatWasRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil, "us-east", "eu-west")
	w.nodes["us-east"].Event(note("a", "before"))
	w.awaitEvent("eu-west", "us-east", "before")
	id := geo.ControlLog("us-east")
	err := w.nodes["eu-west"].Rest(t.Context(), id, func() error {
		w.replace("eu-west", id, []entry.Entry{record(t, note("a", "another world"))})
		w.awaitEvent("eu-west", "us-east", "another world")
		if found, _ := w.events("eu-west", "us-east", nil); len(found) != 1 {
			return fmt.Errorf("it shows %v", found)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func record(t *testing.T, r control.Record) entry.Entry {
	r.Region, r.At = "us-east", time.Now()
	body, err := r.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return entry.Entry{Offset: 1, Time: time.Now().UnixNano(), Subject: []byte(r.Subject()), Body: body}
}

// replace makes a replica anew that holds these entries.
func (w *world) replace(region geo.Region, id geo.CommitLog, held []entry.Entry) *broker.CommitLog {
	w.t.Helper()
	b, ctx := w.nodes[region].Broker(), w.t.Context()
	first := held[0].Offset
	if err := b.Remove(ctx, id); err != nil {
		w.t.Fatal(err)
	}
	log, err := b.OpenReplica(ctx, broker.ReplicaConfig{ID: id, First: first})
	if err != nil {
		w.t.Fatal(err)
	}
	w.forge(log, held)
	return log
}

// forge writes entries into a replica that its origin never had.
func (w *world) forge(log *broker.CommitLog, forged []entry.Entry) {
	w.t.Helper()
	a, err := log.Appender(w.t.Context(), broker.AppendConfig{Last: forged[0].Offset - 1})
	if err != nil {
		w.t.Fatal(err)
	}
	defer a.Close()
	if err := errors.Join(a.Append(w.t.Context(), forged, false), a.Settle(w.t.Context())); err != nil {
		w.t.Fatal(err)
	}
}

// TestAControlLogWithManyHoles is read in no time: it holds few records.
func TestAControlLogWithManyHoles(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil, "us-east")
	b := w.nodes["us-east"].Broker()
	id := geo.ControlLog("elsewhere")
	log, err := b.OpenReplica(t.Context(), broker.ReplicaConfig{ID: id, First: 1})
	if err != nil {
		t.Fatal(err)
	}
	w.forge(log, []entry.Entry{record(t, note("a", "first"))})
	holes := geo.Offset(300_000)
	if raced {
		holes = 10_000
	}
	a, err := log.Appender(t.Context(), broker.AppendConfig{Last: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	last := record(t, note("b", "last"))
	last.Offset = holes + 2
	if err := errors.Join(a.Skip(t.Context(), holes+1), a.Append(t.Context(), []entry.Entry{last}, false), a.Settle(t.Context())); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	keys, err := w.nodes["us-east"].Learn(t.Context(), "elsewhere")
	if took := time.Since(began); err != nil || keys != 2 || took > 2*time.Second {
		t.Errorf("it took %v to find %d keys: %v", took, keys, err)
	}
}

// TestANodeTellsThatItStartsAndStops, and how the run before it ended.
func TestANodeTellsThatItStartsAndStops(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil, "us-east", "eu-west")
	name := w.nodes["us-east"].Name()
	w.awaitEvent("eu-west", "us-east", "node "+name+" is started, version test, in a new data folder")
	w.stops["us-east"]()
	w.start("us-east")
	w.await("us-east")
	w.awaitEvent("eu-west", "us-east", "node "+name+" is started, version test")
	w.awaitEvent("us-east", "us-east", "node "+name+" is stopped")
	w.stops["us-east"]()
	running, err := marks.Open(w.cfgs["us-east"].Data) // as a process that died leaves it
	if err != nil {
		t.Fatal(err)
	}
	if err := running.MarkRunning(); err != nil {
		t.Fatal(err)
	}
	w.start("us-east")
	w.await("us-east")
	w.awaitEvent("us-east", "us-east", "it was not stopped before: its process died")
	found, _ := w.events("us-east", "us-east", nil)
	for _, kind := range []control.Kind{control.NodeStarted, control.NodeStopped} {
		if !slices.ContainsFunc(found, func(e admin.Event) bool { return e.Kind == string(kind) }) {
			t.Errorf("there is no %s among %v", kind, found)
		}
	}
}

// TestAHaltedLinkThatGoesOnBehindARestart: the record that it is halted does not stay.
func TestAHaltedLinkThatGoesOnBehindARestart(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil, "us-east", "eu-west")
	w.holds("eu-west", "ORDERS@us-east", w.publish(w.client("us-east"), 10))
	key := "link.halted/ORDERS@us-east/eu-west"
	w.nodes["eu-west"].Event(control.Record{Kind: control.LinkHalted, Key: key, Log: "ORDERS@us-east", Text: "it is halted"})
	w.awaitEvent("eu-west", "eu-west", "it is halted")
	w.stops["eu-west"]()
	w.start("eu-west")
	w.await("eu-west")
	w.link("eu-west", streaming)
	w.awaitEvent("us-east", "eu-west", "the link of ORDERS@us-east into eu-west goes on")
	w.stops["eu-west"]()
	w.start("eu-west")
	w.await("eu-west")
	found, _ := w.events("us-east", "eu-west", nil)
	last := ""
	for _, e := range found {
		if e.Key == key {
			last = e.Kind
		}
	}
	if last != string(control.LinkStreaming) {
		t.Errorf("the last record of the link is %q", last)
	}
}

// TestAControlLogThatIsMadeAnew leaves nothing in the ledger: what it lacked, and what
// it had, are records that others have replaced.
func TestAControlLogThatIsMadeAnew(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil, "us-east", "eu-west")
	w.awaitEvent("eu-west", "us-east", "is open")
	id := geo.ControlLog("us-east")
	err := w.nodes["eu-west"].Rest(t.Context(), id, func() error {
		w.replace("eu-west", id, []entry.Entry{record(t, note("a", "another world"))})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	ordered(t, 0)(w.nodes["eu-west"].Orders().Repair(t.Context(), admin.RepairOrder{Log: id.Stream(), Region: "eu-west"}, silent))
	w.awaitEvent("eu-west", "us-east", "is open")
	if found := w.ledger("eu-west"); len(found) > 0 {
		t.Errorf("the ledger has %v", found)
	}
}
