package geotest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"geomq/geo"
)

// Workload is producers in regions and readers everywhere, all of them plain NATS
// clients, with a History per origin.
type Workload struct {
	Histories map[string]*History // by origin

	regions  []Region
	clients  map[string]jetstream.JetStream
	producer map[string]*producer
	quit     context.CancelFunc    // ends the readers
	lost     map[string]geo.Ranges // by origin, of Excuse
}

// StartWorkload lets a producer in each of the origins, or in each region if none
// is named, publish rate messages a second, one after the other, each again and
// again until it is acknowledged.
func StartWorkload(t testing.TB, r *Regions, rate int, seed uint64, origins ...string) *Workload {
	t.Helper()
	w := &Workload{Histories: map[string]*History{}, lost: map[string]geo.Ranges{}, regions: r.All(), clients: map[string]jetstream.JetStream{}, producer: map[string]*producer{}}
	reading, quit := context.WithCancel(t.Context())
	w.quit = quit
	for i, origin := range w.regions {
		js := connect(t, origin)
		w.clients[origin.Name] = js
		if len(origins) > 0 && !slices.Contains(origins, origin.Name) {
			continue
		}
		h := NewHistory()
		h.Key, h.Origin = lineOf, origin.Name
		w.Histories[origin.Name] = h
		for _, region := range w.regions {
			go h.Observe(reading, region, stream(origin.Name))
		}
		p := &producer{js: js, history: h, region: origin.Name, every: time.Second / time.Duration(rate), stop: make(chan struct{}), done: make(chan struct{})}
		p.rng = rand.New(rand.NewPCG(seed, uint64(i)))
		w.producer[origin.Name] = p
		go p.run(t.Context())
	}
	return w
}

func connect(t testing.TB, region Region) jetstream.JetStream {
	t.Helper()
	nc, err := nats.Connect(region.NATS, nats.MaxReconnects(-1), nats.ReconnectWait(10*time.Millisecond), nats.ReconnectJitter(0, 0),
		nats.RetryOnFailedConnect(true), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	return js
}

func stream(origin string) string { return Log + "@" + origin }

// Finish lets every producer bring its last message home; the test fails where
// that takes longer than patience.
func (w *Workload) Finish(t testing.TB, patience time.Duration) {
	t.Helper()
	for _, p := range w.producer {
		close(p.stop)
	}
	late := time.After(patience)
	for region, p := range w.producer {
		select {
		case <-p.done:
		case <-late:
			t.Fatalf("the producer of %s has not finished within %s", region, patience)
		}
	}
}

// AckCount is the number of messages acknowledged in all regions.
func (w *Workload) AckCount() int {
	n := 0
	for _, h := range w.Histories {
		n += h.AckCount()
	}
	return n
}

// Ends are the last offsets of all logs at their origins.
func (w *Workload) Ends(ctx context.Context) (map[string]uint64, error) {
	ends := map[string]uint64{}
	for origin := range w.Histories {
		end, err := w.end(ctx, origin, origin)
		if err != nil {
			return nil, err
		}
		ends[origin] = end
	}
	return ends, nil
}

func (w *Workload) end(ctx context.Context, region, origin string) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	s, err := w.clients[region].Stream(ctx, stream(origin))
	if err != nil {
		return 0, fmt.Errorf("%s in %s: %w", stream(origin), region, err)
	}
	return s.CachedInfo().State.LastSeq, nil
}

// Reached says which replicas have not come to the given ends.
func (w *Workload) Reached(ctx context.Context, ends map[string]uint64) error {
	for _, region := range w.regions {
		for origin, want := range ends {
			got, err := w.end(ctx, region.Name, origin)
			if err != nil {
				return err
			}
			if got < want {
				return fmt.Errorf("%s in %s ends at %d, at its origin at %d", stream(origin), region.Name, got, want)
			}
		}
	}
	return nil
}

// Harmed notes that a region's disk may have lost what came after since. It is to
// be called before the region starts again, when readers have let go of it.
func (w *Workload) Harmed(region string, since time.Time) {
	for _, h := range w.Histories {
		h.Harmed(region, since)
	}
}

// Found notes what a harmed region still holds (Autopsy): just that is not lost.
func (w *Workload) Found(region string, holdings map[string]Holding) {
	w.Harmed(region, time.Time{})
	for origin, holding := range holdings {
		for _, e := range holding.Entries {
			w.Histories[origin].Saw(region, e.Offset, e.What)
		}
	}
}

// Check reads what the regions hold in the end and compares it with all that was
// seen and acknowledged.
func (w *Workload) Check(ctx context.Context) error {
	account, err := w.Judge(ctx, nil)
	if err == nil && account.Nowhere.Len() > 0 {
		err = fmt.Errorf("I1: %d acknowledged entries are nowhere", account.Nowhere.Len())
	}
	return err
}

// Judge does so where disks may have been harmed, and tells what became of what
// was acknowledged. Ledger are the ids, by origin and offset, that some ledger holds.
func (w *Workload) Judge(ctx context.Context, ledger map[string]map[uint64]string) (Account, error) {
	w.quit()
	var sum Account
	var errs []error
	for origin, h := range w.Histories {
		holdings, err := w.hold(ctx, origin)
		if err != nil {
			return sum, err
		}
		account, err := h.Judge(holdings, Terms{Order: placeOf, Ledger: ledger[origin], Holes: w.lost[origin]})
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", stream(origin), err))
		}
		sum.Add(account)
	}
	return sum, errors.Join(errs...)
}

func (w *Workload) hold(ctx context.Context, origin string) ([]Holding, error) {
	var holdings []Holding
	for _, region := range w.regions {
		var holding Holding
		err := within(ctx, time.Minute, func(ctx context.Context) (err error) {
			holding, err = w.Histories[origin].Hold(ctx, region, stream(origin))
			return err
		})
		if err != nil {
			return nil, err
		}
		holdings = append(holdings, holding)
	}
	return holdings, nil
}

// SeenCount is the number of offsets at which readers or producers saw something.
func (w *Workload) SeenCount() int {
	n := 0
	for _, h := range w.Histories {
		n += h.SeenCount()
	}
	return n
}
