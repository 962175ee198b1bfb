package geotest

import (
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Seen is what a reader saw at one offset: a digest of subject, key and body.
type Seen [16]byte

// History collects what happened to one CommitLog: what its producer was told
// and what readers saw in any region. It is safe for concurrent use.
type History struct {
	// Key names a message by its Nats-Msg-Id; nil takes the id itself. It is set
	// before anything else.
	Key func(id string) string

	mu     sync.Mutex
	acked  map[string]uint64 // key → offset
	sent   map[string]bool   // keys that were published, acknowledged or not
	seen   map[uint64]Seen   // offset → what was shown there first, anywhere
	broken []string
}

// NewHistory returns an empty History.
func NewHistory() *History {
	return &History{acked: make(map[string]uint64), sent: make(map[string]bool), seen: make(map[uint64]Seen)}
}

// Sent notes that a producer is about to publish the message with key. Once that
// was called, a key that was never sent counts as a violation.
func (h *History) Sent(key string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.sent[key] = true
}

// Acked notes that the producer was told that the message with key stands at
// offset.
func (h *History) Acked(key string, offset uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if before, ok := h.acked[key]; ok && before != offset {
		h.broken = append(h.broken, fmt.Sprintf("I2: key %s was acknowledged at offset %d and at %d", key, before, offset))
	}
	h.acked[key] = offset
}

// Saw notes that a region showed something at offset.
func (h *History) Saw(region string, offset uint64, what Seen) {
	h.mu.Lock()
	defer h.mu.Unlock()
	before, ok := h.seen[offset]
	if !ok {
		h.seen[offset] = what
		return
	}
	if before != what {
		h.broken = append(h.broken, fmt.Sprintf("I4/I5: %s shows another entry at offset %d than was shown there before", region, offset))
	}
}

// ReadAcks reads "key offset" lines, as `geomq import --ack-log` writes them; a
// last line that is cut off is ignored.
func (h *History) ReadAcks(r io.Reader) error {
	lines := bufio.NewReader(r)
	for {
		line, err := lines.ReadString('\n')
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		var key string
		var offset uint64
		if _, err := fmt.Sscan(line, &key, &offset); err != nil {
			return fmt.Errorf("ack %q: %w", line, err)
		}
		h.Acked(key, offset)
	}
}

// Holding is what one region holds of the CommitLog in the end.
type Holding struct {
	Region  string
	Entries []Held
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
	if h.Key != nil {
		e.Key = h.Key(e.Key)
	}
	return e, nil
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
	last := s.CachedInfo().State.LastSeq
	if s.CachedInfo().State.Msgs == 0 {
		return holding, nil
	}
	err = h.follow(ctx, s, func(e Held) bool {
		holding.Entries = append(holding.Entries, e)
		return e.Offset < last
	})
	return holding, err
}

// follow reads a stream from its beginning until each returns false.
func (h *History) follow(ctx context.Context, s jetstream.Stream, each func(Held) bool) error {
	consumer, err := s.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{DeliverPolicy: jetstream.DeliverAllPolicy})
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

// Observe follows stream in a region and notes all that it shows, through
// restarts of the region, until ctx ends.
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
	_ = h.follow(ctx, s, func(seen Held) bool {
		h.Saw(region.Name, seen.Offset, seen.What)
		return ctx.Err() == nil
	}) // its error is the region's death or the end of the test
}

// AckCount is the number of keys that were acknowledged.
func (h *History) AckCount() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.acked)
}

// SeenCount is the number of offsets at which something was seen.
func (h *History) SeenCount() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.seen)
}
