package geotest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Workload is a producer in every region and readers everywhere, all of them
// plain NATS clients, with a History per origin.
type Workload struct {
	Histories map[string]*History // by origin

	regions  []Region
	clients  map[string]jetstream.JetStream
	producer map[string]*producer
	quit     context.CancelFunc // ends the readers
}

// StartWorkload lets each region's producer publish rate messages a second, one
// after the other, each again and again until it is acknowledged.
func StartWorkload(t testing.TB, r *Regions, rate int, seed uint64) *Workload {
	t.Helper()
	w := &Workload{Histories: map[string]*History{}, regions: r.All(), clients: map[string]jetstream.JetStream{}, producer: map[string]*producer{}}
	reading, quit := context.WithCancel(t.Context())
	w.quit = quit
	for i, origin := range w.regions {
		h := NewHistory()
		h.Key = lineOf
		w.Histories[origin.Name] = h
		js := connect(t, origin)
		w.clients[origin.Name] = js
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
	nc, err := nats.Connect(region.NATS, nats.MaxReconnects(-1), nats.ReconnectWait(50*time.Millisecond), nats.ReconnectJitter(0, 0),
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
	for _, origin := range w.regions {
		end, err := w.end(ctx, origin.Name, origin.Name)
		if err != nil {
			return nil, err
		}
		ends[origin.Name] = end
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

// Check reads what the regions hold in the end and compares it with all that was
// seen and acknowledged.
func (w *Workload) Check(ctx context.Context) error {
	w.quit()
	var errs []error
	for origin, h := range w.Histories {
		holdings, err := w.hold(ctx, origin)
		if err != nil {
			return err
		}
		if err := h.Check(holdings, placeOf); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", stream(origin), err))
		}
	}
	return errors.Join(errs...)
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

// producer publishes in one region.
type producer struct {
	js      jetstream.JetStream
	history *History
	region  string
	every   time.Duration
	rng     *rand.Rand
	stop    chan struct{}
	done    chan struct{}
}

func (p *producer) run(ctx context.Context) {
	defer close(p.done)
	ticker := time.NewTicker(p.every)
	defer ticker.Stop()
	for n := 1; ; n++ {
		select {
		case <-ticker.C:
		case <-p.stop:
			return
		case <-ctx.Done():
			return
		}
		p.publish(ctx, n)
	}
}

// publish tries until the message is acknowledged or ctx ends.
func (p *producer) publish(ctx context.Context, n int) {
	m := &nats.Msg{Subject: "orders.created." + strconv.Itoa(p.rng.IntN(50)), Data: p.body(), Header: nats.Header{}}
	id := fmt.Sprintf("%s-%d", p.region, n)
	m.Header.Set("Nats-Msg-Id", id)
	m.Header["Trace"] = []string{id, "", "b"}
	p.history.Sent(strconv.Itoa(n))
	for ctx.Err() == nil {
		trying, cancel := context.WithTimeout(ctx, 2*time.Second)
		ack, err := p.js.PublishMsg(trying, m, jetstream.WithRetryAttempts(0))
		cancel()
		if err == nil {
			p.history.Acked(strconv.Itoa(n), ack.Sequence)
			p.history.Saw("the producer", ack.Sequence, See(m.Subject, id, m.Data))
			return
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
		}
	}
}

// letters are what bodies are made of: text, and bytes that are none.
const letters = "abcdefgh\x00\xff{}\": ,"

// body is mostly a few hundred bytes, sometimes none and sometimes a lot.
func (p *producer) body() []byte {
	size := 100 + p.rng.IntN(700)
	switch p.rng.IntN(200) {
	case 0:
		size = 0
	case 1:
		size = 20_000 + p.rng.IntN(60_000)
	}
	body := make([]byte, size)
	for i := range body {
		body[i] = letters[p.rng.IntN(len(letters))]
	}
	return body
}

// lineOf is the number that a message's id ends with.
func lineOf(id string) string { return id[strings.LastIndexByte(id, '-')+1:] }

// placeOf is the place of a key in its producer's order.
func placeOf(key string) int {
	n, err := strconv.Atoi(key)
	if err != nil {
		return -1
	}
	return n
}
