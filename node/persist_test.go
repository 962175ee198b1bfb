package node

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"

	"geomq/geo"
	"geomq/geo/opening"
)

// TestAStepThatFailsIsCarriedOutAgain: a broker that is slow while a new epoch's
// holes are made must not cost the log a second epoch, and a third.
func TestAStepThatFailsIsCarriedOutAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &opener{duty: &duty{logger: slog.New(slog.DiscardHandler)}}
		tries, slow := 0, errors.New("no ack for 5s")
		event, err := o.persist(t.Context(), func() (opening.Event, error) {
			if tries++; tries < 5 {
				return nil, slow
			}
			return opening.Made{}, nil
		})
		if _, made := event.(opening.Made); !made || err != nil || tries != 5 {
			t.Errorf("after %d tries: %v, %v", tries, event, err)
		}
		if _, err := o.persist(t.Context(), func() (opening.Event, error) { return nil, slow }); !errors.Is(err, slow) {
			t.Errorf("what never succeeds ends with %v", err)
		}
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		tries = 0
		_, _ = o.persist(gone, func() (opening.Event, error) { tries++; return nil, slow })
		if tries != 1 {
			t.Errorf("%d tries for nobody", tries)
		}
	})
}

// TestWhatWasToldIsWrittenDownFirst: an opening that is broken off while it carries a
// decision out begins anew behind what it knew, even if whoever told is silent then.
func TestWhatWasToldIsWrittenDownFirst(t *testing.T) {
	folder := t.TempDir()
	open := func() *tails {
		tails, err := openTails(folder, false)
		if err != nil {
			t.Fatal(err)
		}
		return tails
	}
	id := geo.CommitLog{Log: "ORDERS", Queue: geo.SoleQueue, Origin: "us-east"}
	facts := opening.Facts{Log: id, Own: geo.Extent{First: 1, Last: 100, Epochs: geo.FirstEpochs()}, Others: []geo.Region{"eu-west"}, OpenWait: 1}
	o := &opener{duty: &duty{id: id, node: &Node{tails: open()}}}
	o.duty.node.tails.facts(&facts)
	o.machine = opening.New(facts)
	first, ok := o.machine.Step(opening.Told{Region: "eu-west", Exists: true, Extent: geo.Extent{
		First: 1, Last: 700_000, Epochs: append(geo.FirstEpochs(), geo.Epoch{Number: 5, PrevEnd: 1, First: 2}),
	}}).(opening.NewEpoch)
	if !ok || first.Epoch.First < 700_000 {
		t.Fatalf("it decides %s", o.machine.Decision())
	}
	if err := o.doubtful(); err != nil {
		t.Fatal(err)
	}
	open().facts(&facts) // the process has died
	again := opening.New(facts)
	again.Step(opening.Silent{Region: "eu-west"})
	second, ok := again.Step(opening.Tick{Elapsed: 2}).(opening.NewEpoch)
	if !ok || second.Epoch.First < first.Epoch.First {
		t.Errorf("begun anew it decides: %s", again.Decision())
	}
	if second.Lost.Known {
		t.Errorf("it claims to know what is lost: %s", second)
	}
}
