package mirror

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"geomq/geo"
	"geomq/geo/entry"
)

// fetching runs test with a log of n entries in us-east, whole blocks sealed,
// and the same log in eu-west, which fetches.
func fetching(t *testing.T, n int, test func(t *testing.T, net *memNet, origin *memLog, cfg FetchConfig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		logger := slog.New(slog.NewTextHandler(io.Discard, nil))
		origin, here := newMemLog(1), newMemLog(1)
		origin.publish(rand.New(rand.NewPCG(3, 4)), n)
		if err := (&Sealer{ID: ordersLog, Log: origin}).Seal(t.Context()); err != nil {
			t.Fatal(err)
		}
		here.last = origin.last
		ctx, cancel := context.WithCancel(context.Background())
		net := &memNet{ctx: ctx, sources: &Sources{Region: "us-east", Holder: &memCluster{log: origin}, Log: logger}}
		test(t, net, origin, FetchConfig{
			Log: ordersLog, Held: here, Holder: "us-east", To: "eu-west", Dialer: net,
			Range: geo.Block(1).Range(), Codec: Zstd, Heartbeat: time.Second,
		})
		cancel()
		net.group.Wait()
	})
}

// fetched is what Fetch gave out, compared with origin entry by entry.
func fetched(t *testing.T, origin *memLog, cfg FetchConfig) (got []geo.Offset, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	err = Fetch(ctx, cfg, func(entries []entry.Entry) error {
		for i := range entries {
			want := origin.at(entries[i].Offset)
			if !sameEntry(&entries[i], &want) {
				t.Errorf("offset %d is another entry", entries[i].Offset)
			}
			got = append(got, entries[i].Offset)
		}
		return nil
	})
	return got, err
}

func TestARangeIsFetchedAndNothingElse(t *testing.T) {
	for _, r := range []geo.Range{{First: 1, Last: 1024}, {First: 1025, Last: 2048}, {First: 1500, Last: 1500}, {First: 2000, Last: 5000}} {
		fetching(t, 5000, func(t *testing.T, _ *memNet, origin *memLog, cfg FetchConfig) {
			cfg.Range = r
			got, err := fetched(t, origin, cfg)
			if err != nil {
				t.Fatal(err)
			}
			consecutive(t, got, r.First, r.Last)
		})
	}
}

func TestHolesOfAFetchedRangeAreLeftOut(t *testing.T) {
	fetching(t, 5000, func(t *testing.T, _ *memNet, origin *memLog, cfg FetchConfig) {
		origin.deleteEntries(t, 1025, 1500, 1501, 2048)
		got, err := fetched(t, origin, cfg)
		if err != nil || len(got) != 1020 {
			t.Errorf("%d entries, %v", len(got), err)
		}
	})
	fetching(t, 5000, func(t *testing.T, _ *memNet, origin *memLog, cfg FetchConfig) {
		origin.deleteEntries(t, 1500) // here it was already known
		cfg.Held.(*memLog).deletions = origin.deletions
		got, err := fetched(t, origin, cfg)
		if err != nil || len(got) != 1023 {
			t.Errorf("%d entries, %v", len(got), err)
		}
	})
}

func TestABlockThatIsBadThereCantBeFetched(t *testing.T) {
	for _, spoil := range []func(*memLog){func(l *memLog) { l.flip(1100) }, func(l *memLog) { l.remove(1100) }} {
		badThere(t, spoil)
	}
}

func badThere(t *testing.T, spoil func(*memLog)) {
	fetching(t, 5000, func(t *testing.T, _ *memNet, origin *memLog, cfg FetchConfig) {
		spoil(origin)
		got, err := fetched(t, origin, cfg)
		var failed *FetchError
		if !errors.As(err, &failed) || failed.Cause != CauseGap || len(got) > 0 || !strings.Contains(failed.Text, "block 1") {
			t.Errorf("%d entries, %v", len(got), err)
		}
	})
}

func TestFetchFailsForAReason(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(*memNet, *memLog, *FetchConfig)
		cause Cause
	}{
		"the holder is behind":  {func(_ *memNet, _ *memLog, cfg *FetchConfig) { cfg.Range.Last = 6000 }, CauseAhead},
		"the holder trimmed it": {func(_ *memNet, l *memLog, _ *FetchConfig) { l.cut(1500) }, CauseTrimmed},
		"no log there":          {func(n *memNet, _ *memLog, _ *FetchConfig) { n.sources.Holder = &memCluster{} }, CauseNoLog},
		"other epochs": {func(_ *memNet, l *memLog, _ *FetchConfig) {
			l.epochs = geo.Epochs{{Number: 2, First: 1}}
		}, CauseEpochs},
		"a black hole": {func(n *memNet, _ *memLog, _ *FetchConfig) { n.hole = true }, CauseLost},
		"cut": {func(n *memNet, _ *memLog, _ *FetchConfig) {
			n.fault = func(toSink bool, data []byte) fault {
				if toSink && Kind(data[0]) == KindFrame {
					return cutOff
				}
				return pass
			}
		}, CauseLost},
		"a flipped bit": {func(n *memNet, _ *memLog, _ *FetchConfig) {
			n.fault = func(toSink bool, data []byte) fault {
				if toSink && Kind(data[0]) == KindFrame {
					return flip
				}
				return pass
			}
		}, CauseDamaged},
		"silence": {func(n *memNet, _ *memLog, _ *FetchConfig) {
			n.fault = func(toSink bool, data []byte) fault {
				if toSink && Kind(data[0]) != KindWelcome {
					return drop
				}
				return pass
			}
		}, CauseSilent},
	} {
		fetching(t, 5000, func(t *testing.T, net *memNet, origin *memLog, cfg FetchConfig) {
			c.spoil(net, origin, &cfg)
			got, err := fetched(t, origin, cfg)
			var failed *FetchError
			if !errors.As(err, &failed) || failed.Cause != c.cause || failed.Holder != "us-east" || failed.Log != ordersLog {
				t.Errorf("%s: %d entries, %v, want %s", name, len(got), err, c.cause)
			}
		})
	}
}

func TestFetchEndsWithItsCaller(t *testing.T) {
	fetching(t, 5000, func(t *testing.T, _ *memNet, _ *memLog, cfg FetchConfig) {
		enough := errors.New("enough")
		err := Fetch(t.Context(), cfg, func([]entry.Entry) error { return enough })
		if !errors.Is(err, enough) {
			t.Error(err)
		}
	})
	fetching(t, 5000, func(t *testing.T, net *memNet, _ *memLog, cfg FetchConfig) {
		net.delay = 10 * time.Second // longer than its caller waits, shorter than the link's patience
		cfg.Heartbeat = 10 * time.Second
		ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
		defer cancel()
		if err := Fetch(ctx, cfg, func([]entry.Entry) error { return nil }); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
}

// TestALinkNeverBringsADamagedEntry has a holder with a flipped bit in its first
// blocks, and a replica that is to be filled from it.
func TestALinkNeverBringsADamagedEntry(t *testing.T) {
	var well entry.Entry
	inWorld(t, func(w *world) {
		w.origin.publish(w.rand, 5000)
		if err := w.sealer.Seal(w.t.Context()); err != nil {
			w.t.Fatal(err)
		}
		well = w.origin.at(1500)
		w.origin.flip(1500)
	}, func(w *world) {
		status := w.halted(CauseGap)
		if !strings.Contains(status.Reason, "block 1") || !strings.Contains(status.Reason, "geomq log repair ORDERS@us-east --region us-east") {
			w.t.Errorf("halted: %s", status.Reason)
		}
		if end := w.replica().end(); end > 1024 {
			w.t.Errorf("the replica ends at %d", end)
		}
		w.origin.change(func() { w.origin.entries[1500] = well })
		w.caughtUp()
		w.equal()
	})
}
