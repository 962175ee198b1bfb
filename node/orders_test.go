package node_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"geomq/admin"
	"geomq/geo"
	"geomq/geo/entry"
	"geomq/geotest"
)

// held are the entries that a region holds of us-east's log.
func (w *world) held(region geo.Region) []entry.Entry {
	w.t.Helper()
	all, err := w.nodes[region].Held(w.t.Context(), orders)
	if err != nil {
		w.t.Fatal(err)
	}
	return all
}

// same waits until two regions hold the same entries, and returns their offsets.
func (w *world) same(a, b geo.Region) (offsets []geo.Offset) {
	w.t.Helper()
	geotest.Await(w.t, time.Minute, func(ctx context.Context) error {
		there, err := w.nodes[a].Held(ctx, orders)
		if err != nil {
			return err
		}
		here, err := w.nodes[b].Held(ctx, orders)
		if err != nil {
			return err
		}
		if !reflect.DeepEqual(there, here) {
			return fmt.Errorf("%s holds %d entries and %s %d, or they differ; links: %+v", a, len(there), b, len(here), w.nodes[b].Links())
		}
		offsets = nil
		for i := range there {
			offsets = append(offsets, there[i].Offset)
		}
		return nil
	})
	return offsets
}

func upTo(n geo.Offset, without ...geo.Offset) (all []geo.Offset) {
	for o := geo.Offset(1); o <= n; o++ {
		if !slices.Contains(without, o) {
			all = append(all, o)
		}
	}
	return all
}

func (w *world) wants(got, want []geo.Offset) {
	w.t.Helper()
	if !slices.Equal(got, want) {
		w.t.Fatalf("what is left is %v, not %v", got, want)
	}
}

// ordered checks what an order did.
func ordered(t *testing.T, entries uint64) func(admin.Outcome, error) {
	return func(o admin.Outcome, err error) {
		t.Helper()
		if err != nil || o.Entries != entries {
			t.Fatalf("the order came to %+v (%v), not %d entries", o, err, entries)
		}
	}
}

func silent(admin.Step) {}

// TestPurge: what an order to purge leaves is the same everywhere, and what is kept
// of the newest entries is entries, not holes.
func TestPurge(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil, "us-east", "eu-west")
	w.publish(w.client("us-east"), 100) // subjects orders.created.0 to 6
	w.holds("eu-west", "ORDERS@us-east", 100)
	us, ctx := w.nodes["us-east"].Orders(), t.Context()

	ordered(t, 10)(us.Purge(ctx, admin.PurgeOrder{Log: orders.Stream(), Before: 11, DryRun: true}, silent))
	ordered(t, 15)(us.Purge(ctx, admin.PurgeOrder{Log: orders.Stream(), Subject: "orders.*.0", DryRun: true}, silent))
	w.wants(w.same("us-east", "eu-west"), upTo(100))
	if _, err := us.Purge(ctx, admin.PurgeOrder{Log: orders.Stream(), Before: 102}, silent); !errors.Is(err, admin.ErrRefused) {
		t.Errorf("purging what is not there yet: %v", err)
	}
	ordered(t, 10)(us.Purge(ctx, admin.PurgeOrder{Log: orders.Stream(), Before: 11}, silent))
	ordered(t, 0)(us.Purge(ctx, admin.PurgeOrder{Log: orders.Stream(), Before: 11}, silent))
	ordered(t, 13)(us.Purge(ctx, admin.PurgeOrder{Log: orders.Stream(), Subject: "orders.*.0"}, silent))
	ordered(t, 0)(us.Purge(ctx, admin.PurgeOrder{Log: orders.Stream(), Subject: "orders.*.0"}, silent))
	var left []geo.Offset
	for o := geo.Offset(11); o <= 100; o++ {
		if (o-1)%7 != 0 {
			left = append(left, o)
		}
	}
	geotest.Await(t, startPatience, func(context.Context) error {
		if l := w.log("eu-west"); l.First != 11 {
			return fmt.Errorf("the replica begins at %d", l.First)
		}
		return nil
	})
	w.wants(w.same("us-east", "eu-west"), left)

	ordered(t, 34)(us.Delete(ctx, admin.DeleteOrder{Log: orders.Stream(), Offsets: geo.Ranges{{First: 61, Last: 100}}}, silent))
	left = slices.DeleteFunc(left, func(o geo.Offset) bool { return o > 60 })
	keep := uint64(5)
	ordered(t, uint64(len(left))-keep)(us.Purge(ctx, admin.PurgeOrder{Log: orders.Stream(), Keep: &keep}, silent))
	w.wants(w.same("us-east", "eu-west"), left[len(left)-5:])
	keep = 0
	ordered(t, 5)(us.Purge(ctx, admin.PurgeOrder{Log: orders.Stream(), Keep: &keep}, silent))
	w.wants(w.same("us-east", "eu-west"), nil)
	if next := w.publish(w.client("us-east"), 1); next != 101 {
		t.Errorf("the log goes on at %d", next)
	}
	w.wants(w.same("us-east", "eu-west"), []geo.Offset{101})
}

// TestDelete: the first and the last entry, those that are not there, while the
// replica is behind, and twice.
func TestDelete(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil, "us-east", "eu-west")
	js := w.client("us-east")
	w.publish(js, 50)
	w.holds("eu-west", "ORDERS@us-east", 50)
	w.free("eu-west", 8)
	w.link("eu-west", func(l admin.Link) bool { return l.State == admin.LinkWaiting })
	w.publish(js, 50)
	us, ctx := w.nodes["us-east"].Orders(), t.Context()
	order := admin.DeleteOrder{Log: orders.Stream(), Offsets: geo.Ranges{{First: 1, Last: 1}, {First: 40, Last: 41}, {First: 60, Last: 61}, {First: 100, Last: 140}}}
	dry := order
	dry.DryRun = true
	ordered(t, 6)(us.Delete(ctx, dry, silent))
	if n := len(w.held("us-east")); n != 100 {
		t.Fatalf("planning a deletion leaves %d entries", n)
	}
	ordered(t, 6)(us.Delete(ctx, order, silent))
	ordered(t, 0)(us.Delete(ctx, order, silent))
	beyond := admin.DeleteOrder{Log: orders.Stream(), Offsets: geo.Ranges{{First: 101, Last: 140}}}
	if _, err := us.Delete(ctx, beyond, silent); !errors.Is(err, admin.ErrRefused) {
		t.Errorf("what is not there yet: %v", err)
	}
	w.free("eu-west", 50)
	w.wants(w.same("us-east", "eu-west"), upTo(100, 1, 40, 41, 60, 61, 100))
	if next := w.publish(js, 1); next != 101 {
		t.Errorf("behind a deleted last entry the log goes on at %d", next)
	}
	w.wants(w.same("us-east", "eu-west"), upTo(101, 1, 40, 41, 60, 61, 100))
	if l := w.log("eu-west"); l.Deletions != 1 {
		t.Errorf("the replica knows of %d deletions", l.Deletions)
	}
}

// TestADeletionThatWasRecordedIsCarriedOut, after a crash by the next opening, else
// by the next order.
func TestADeletionThatWasRecordedIsCarriedOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil, "us-east", "eu-west")
	w.publish(w.client("us-east"), 20)
	w.holds("eu-west", "ORDERS@us-east", 20)
	record := func(number uint64, offset geo.Offset) {
		var h entry.Hasher
		deletion := geo.Deletion{Number: number, Offsets: []geo.Offset{offset}, At: 1}
		deletion.Digests = append(deletion.Digests, h.Entry(&w.held("us-east")[offset-1]))
		if err := w.nodes["us-east"].RecordDeletion(t.Context(), orders, deletion); err != nil {
			t.Fatal(err)
		}
	}
	record(1, 20)
	w.stops["us-east"]()
	w.start("us-east")
	w.await("us-east")
	w.wants(w.same("us-east", "eu-west"), upTo(20, 20))
	record(2, 7)
	ordered(t, 1)(w.nodes["us-east"].Orders().Delete(t.Context(), admin.DeleteOrder{Log: orders.Stream(), Offsets: geo.Ranges{{First: 9, Last: 9}}}, silent))
	w.wants(w.same("us-east", "eu-west"), upTo(20, 7, 9, 20))
}

// TestTwoOrdersAtOnce: one of them is refused, or they follow each other; none gets
// lost in the other.
func TestTwoOrdersAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil, "us-east", "eu-west")
	w.publish(w.client("us-east"), 400)
	var group sync.WaitGroup
	for i := range geo.Offset(4) {
		group.Go(func() {
			order := admin.DeleteOrder{Log: orders.Stream(), Offsets: geo.Ranges{{First: 1 + 100*i, Last: 99 + 100*i}}}
			geotest.Await(t, startPatience, func(ctx context.Context) error {
				_, err := w.nodes["us-east"].Orders().Delete(ctx, order, silent)
				if err != nil && !errors.Is(err, admin.ErrRefused) {
					t.Errorf("the order fails: %v", err)
				}
				return err
			})
		})
	}
	group.Wait()
	w.wants(w.same("us-east", "eu-west"), []geo.Offset{100, 200, 300, 400})
}

// TestAnOrderWhoseGiverGoesAway leaves nothing half done: what is recorded is
// removed, as it is in the replicas.
func TestAnOrderWhoseGiverGoesAway(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil, "us-east", "eu-west")
	w.publish(w.client("us-east"), 100)
	ctx, cancel := context.WithCancel(t.Context())
	ordered(t, 50)(w.nodes["us-east"].Orders().Delete(ctx, admin.DeleteOrder{Log: orders.Stream(), Offsets: geo.Ranges{{First: 1, Last: 50}}}, func(s admin.Step) {
		if s.Name == "remove the entries" {
			cancel()
		}
	}))
	w.wants(w.same("us-east", "eu-west"), upTo(100)[50:])
}
