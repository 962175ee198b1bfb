package geotest

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"geomq/geo"
)

// Holding is what one region holds of the CommitLog in the end.
type Holding struct {
	Region  string
	Entries []Held
	// Epochs is the log's table as this region has it. What it skips are holes.
	Epochs geo.Epochs
}

// Held is one entry of a Holding.
type Held struct {
	Offset uint64
	Key    string
	What   Seen
}

// keyHeaders are where an entry's key stands, at its origin and in a replica.
var keyHeaders = []string{"Nats-Msg-Id", "Gq-Nats-Msg-Id"}

// See is what a reader sees of a message with that subject, Nats-Msg-Id and body.
func See(subject, id string, body []byte) Seen {
	sum := sha256.New()
	fmt.Fprintf(sum, "%q %q %q", subject, id, body)
	return Seen(sum.Sum(nil)[:16])
}

func (h *History) held(m jetstream.Msg) (Held, error) {
	meta, err := m.Metadata()
	if err != nil {
		return Held{}, err
	}
	e := Held{Offset: meta.Sequence.Stream}
	for _, name := range keyHeaders {
		if id := m.Headers().Get(name); id != "" {
			e.Key = id
		}
	}
	e.What = See(m.Subject(), e.Key, m.Data())
	e.Key = h.name(e.Key)
	return e, nil
}

// name is what a message with that Nats-Msg-Id is called.
func (h *History) name(id string) string {
	if h.Key != nil {
		return h.Key(id)
	}
	return id
}

// Hold reads all that a region holds of stream, as any NATS client would.
func (h *History) Hold(ctx context.Context, region Region, stream string) (Holding, error) {
	holding := Holding{Region: region.Name}
	nc, err := nats.Connect(region.NATS)
	if err != nil {
		return holding, err
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		return holding, err
	}
	s, err := js.Stream(ctx, stream)
	if err != nil {
		return holding, fmt.Errorf("%s in %s: %w", stream, region.Name, err)
	}
	if holding.Epochs, err = epochsOf(s.CachedInfo().Config); err != nil {
		return holding, fmt.Errorf("%s in %s: %w", stream, region.Name, err)
	}
	last := s.CachedInfo().State.LastSeq
	if s.CachedInfo().State.Msgs == 0 {
		return holding, nil
	}
	last = holding.lastEntry(last, s.CachedInfo().State.FirstSeq)
	err = h.follow(ctx, s, nil, func(e Held) bool {
		holding.Entries = append(holding.Entries, e)
		return e.Offset < last
	})
	return holding, err
}

// holdPatiently does so as soon as the region answers. A stream that isn't there
// holds nothing.
func (h *History) holdPatiently(ctx context.Context, region Region, stream string) (Holding, error) {
	holding := Holding{Region: region.Name}
	err := within(ctx, time.Minute, func(ctx context.Context) (err error) {
		trying, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		holding, err = h.Hold(trying, region, stream)
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			return nil
		}
		return err
	})
	return holding, err
}

// lastEntry is the offset of the last entry in a log that ends at last: holes at
// the end are what the latest epoch skipped.
func (h *Holding) lastEntry(last, first uint64) uint64 {
	latest := h.Epochs.Latest()
	if last < uint64(latest.First) && uint64(latest.PrevEnd) >= first {
		return min(last, uint64(latest.PrevEnd))
	}
	return last
}

// metaEpochs is where a stream's metadata has the epoch table.
const metaEpochs = "geomq.epochs"

func epochsOf(c jetstream.StreamConfig) (geo.Epochs, error) {
	text, ok := c.Metadata[metaEpochs]
	if !ok {
		return nil, nil
	}
	return geo.ParseEpochs(text)
}

// follow reads a stream, or what of it has one of the subjects, from its beginning
// until each returns false.
func (h *History) follow(ctx context.Context, s jetstream.Stream, subjects []string, each func(Held) bool) error {
	consumer, err := s.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{DeliverPolicy: jetstream.DeliverAllPolicy, FilterSubjects: subjects})
	if err != nil {
		return err
	}
	messages, err := consumer.Messages()
	if err != nil {
		return err
	}
	defer messages.Stop()
	for {
		m, err := messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			return err
		}
		e, err := h.held(m)
		if err != nil {
			return err
		}
		if !each(e) {
			return nil
		}
	}
}

// Observe follows stream in a region and notes all that it shows under Topic,
// through restarts of the region, until ctx ends. (Who reads without a filter may
// see how geomq makes holes.)
func (h *History) Observe(ctx context.Context, region Region, stream string) {
	for ctx.Err() == nil {
		h.observe(ctx, region, stream)
		select {
		case <-ctx.Done():
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// observe ends with the first error: the region is being killed all the time.
func (h *History) observe(ctx context.Context, region Region, stream string) {
	nc, err := nats.Connect(region.NATS, nats.NoReconnect())
	if err != nil {
		return
	}
	defer nc.Close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	nc.SetClosedHandler(func(*nats.Conn) { cancel() })
	js, err := jetstream.New(nc)
	if err != nil {
		return
	}
	s, err := js.Stream(ctx, stream)
	if err != nil {
		return
	}
	_ = h.follow(ctx, s, []string{Topic}, func(seen Held) bool {
		h.Saw(region.Name, seen.Offset, seen.What)
		return ctx.Err() == nil
	}) // its error is the region's death or the end of the test
}
