package node_test

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"geomq/admin"
	"geomq/geo"
	"geomq/geotest"
)

// flip makes a region's replica of us-east's log one with a flipped bit in the entry
// at offset, seals included.
func (w *world) flip(region geo.Region, offset geo.Offset) {
	w.t.Helper()
	ctx := w.t.Context()
	err := w.nodes[region].Rest(ctx, orders, func() error {
		log, err := w.nodes[region].Broker().Lookup(ctx, orders)
		if err != nil {
			return err
		}
		seals, err := log.Seals(ctx, 0, 100)
		if err != nil {
			return err
		}
		held := w.held(region)
		held[offset-1].Body[0] ^= 1
		log = w.replace(region, orders, held)
		for _, seal := range seals {
			if err := log.PutSeal(ctx, seal); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// TestADamagedBlock is found by reading it again, fetched from another holder, told
// of, and never served as it is stored; a repair leaves nothing of it.
func TestADamagedBlock(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil, "us-east", "eu-west", "ap-south")
	w.free("ap-south", 8) // its links wait
	w.publish(w.client("us-east"), 2100)
	w.holds("eu-west", "ORDERS@us-east", 2100)
	geotest.Await(t, startPatience, func(context.Context) error {
		if l := w.log("eu-west"); l.SealedTo != 2048 {
			return fmt.Errorf("it is sealed to %d", l.SealedTo)
		}
		return nil
	})
	right := w.held("us-east")
	w.flip("eu-west", 700)
	damaged := func(of int) func(context.Context) error {
		return func(context.Context) error {
			l := w.log("eu-west")
			if l.Scrub == nil || l.Damaged.Len() != uint64(of) {
				return fmt.Errorf("%v is damaged, the scrubber has found %+v", l.Damaged, l.Scrub)
			}
			return nil
		}
	}
	geotest.Await(t, startPatience, damaged(1024))
	w.awaitEvent("eu-west", "eu-west", "the entries of us-east are served in its place")
	if stored := w.held("eu-west"); reflect.DeepEqual(stored, right) {
		t.Fatal("the stream itself is not damaged")
	}
	w.stops["us-east"]()
	w.free("ap-south", 50)
	w.holds("ap-south", "ORDERS@us-east", 2100)
	if got := w.held("ap-south"); !reflect.DeepEqual(got, right) {
		t.Error("a replica got what is damaged")
	}

	order := admin.RepairOrder{Log: orders.Stream(), Region: "eu-west", From: "ap-south"}
	ordered(t, 1)(w.nodes["eu-west"].Orders().Repair(t.Context(), order, silent))
	w.holds("eu-west", "ORDERS@us-east", 2100)
	geotest.Await(t, startPatience, damaged(0))
	if got := w.held("eu-west"); !reflect.DeepEqual(got, right) {
		t.Error("the replica that was made anew is not right")
	}
	if !slices.ContainsFunc(w.ledger("eu-west"), func(r admin.LedgerRecord) bool { return strings.HasSuffix(r.ID, "/1/700") }) {
		t.Error("what only eu-west had is not in its ledger")
	}
}
