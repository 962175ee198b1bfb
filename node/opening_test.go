package node_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"geomq/geo"
	"geomq/geotest"
)

// TestAnOriginWithAnOldDisk: its data folder is put back to what it was 100 entries
// ago. Whatever its host makes of that, nobody gets in until the replica has told,
// what it has comes back, and the log goes on where no offset was ever given.
func TestAnOriginWithAnOldDisk(t *testing.T) {
	t.Parallel()
	w := newWorld(t, waits(t), "us-east", "eu-west")
	w.publish(w.client("us-east"), 100)
	w.holds("eu-west", "ORDERS@us-east", 100)
	w.stops["us-east"]()
	data := w.cfgs["us-east"].Data
	if err := os.CopyFS(data+"-old", os.DirFS(data)); err != nil {
		t.Fatal(err)
	}
	w.start("us-east")
	w.await("us-east")
	w.publish(w.client("us-east"), 100)
	w.holds("eu-west", "ORDERS@us-east", 200)
	w.stops["us-east"]()
	w.stops["eu-west"]()
	w.cfgs["us-east"].Data = data + "-old"
	w.start("us-east")
	w.opening("us-east")
	js := w.client("us-east")
	w.refused(js)
	if s, err := js.Stream(t.Context(), orders.Stream()); err != nil || slices.Contains(s.CachedInfo().Config.Subjects, "orders.>") {
		t.Errorf("in doubt the stream is not fenced: %v, %v", s.CachedInfo().Config.Subjects, err)
	}
	w.start("eu-west")
	w.await("us-east")
	l := w.log("us-east")
	if len(l.Epochs) != 2 || l.Epochs[1].PrevEnd != 200 || l.Last < 10_200 || l.Entries != 200 {
		t.Errorf("the log has epochs %s, ends at %d and holds %d entries", l.Epochs, l.Last, l.Entries)
	}
	next := w.taken(js)
	if next != uint64(l.Last)+1 {
		t.Errorf("the log goes on at %d behind %d", next, l.Last)
	}
	w.wants(w.same("us-east", "eu-west"), append(upTo(200), geo.Offset(next)))
}

// TestAClosedLogIsNotServed while it is being opened: what it holds may change.
func TestAClosedLogIsNotServed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, waits(t), "us-east", "eu-west", "ap-south")
	w.publish(w.client("us-east"), 10)
	w.holds("eu-west", "ORDERS@us-east", 10)
	w.stops["us-east"]()
	if err := os.RemoveAll(w.cfgs["us-east"].Data); err != nil {
		t.Fatal(err)
	}
	w.stops["ap-south"]()
	w.start("us-east") // it knows from eu-west that there is such a log, and waits for ap-south
	w.opening("us-east")
	geotest.Await(t, startPatience, func(context.Context) error {
		for _, l := range w.nodes["eu-west"].Links() {
			if l.Log == "ORDERS" && l.Origin == "us-east" {
				if l.Applied < 10 {
					t.Fatalf("the replica went back to %d", l.Applied)
				}
				if l.Refused["local"]+l.Refused["no_log"]+l.Refused["unanswered"] > 0 {
					return nil
				}
				return fmt.Errorf("the link is %+v", l)
			}
		}
		return nil
	})
	w.start("ap-south")
	w.await("us-east")
	if _, err := w.client("us-east").Publish(t.Context(), "orders.x", nil, jetstream.WithRetryAttempts(0)); err != nil {
		t.Fatal(err)
	}
	offsets := w.same("us-east", "eu-west")
	if !slices.Equal(offsets[:10], upTo(10)) || len(offsets) != 11 || offsets[10] <= 10 {
		t.Errorf("the log holds %v", offsets)
	}
}

// TestAFirstOpeningThatIsTriedAgain: what the node wrote down of a brand-new log, in
// a try that failed at that, is no trace of an earlier life of the log.
func TestAFirstOpeningThatIsTriedAgain(t *testing.T) {
	t.Parallel()
	for name, file := range map[string]string{"the mark": "running", "the note": "notes/ORDERS@us-east.note"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, waits(t), "us-east", "eu-west")
			w.stops["us-east"]()
			w.stops["eu-west"]()
			for _, region := range []geo.Region{"us-east", "eu-west"} {
				w.cfgs[region].Data += "-new"
			}
			w.start("us-east")
			w.opening("us-east")
			path := filepath.Join(w.cfgs["us-east"].Data, file)
			if err := os.RemoveAll(path); err != nil {
				t.Fatal(err)
			}
			if err := os.MkdirAll(filepath.Join(path, "in the way"), 0o700); err != nil {
				t.Fatal(err)
			}
			w.start("eu-west")
			geotest.Await(t, startPatience, func(context.Context) error {
				if l := w.log("us-east"); !strings.Contains(l.Problem, "write down") {
					return fmt.Errorf("it says %q", l.Problem)
				}
				return nil
			})
			if err := os.RemoveAll(path); err != nil {
				t.Fatal(err)
			}
			w.await("us-east")
			if l := w.log("us-east"); len(l.Epochs) != 1 || l.Last != 0 {
				t.Errorf("a log that never had an entry begins with epochs %s and ends at %d", l.Epochs, l.Last)
			}
			if next := w.publish(w.client("us-east"), 1); next != 1 {
				t.Errorf("its first entry has offset %d", next)
			}
		})
	}
}
