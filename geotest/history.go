package geotest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"geomq/geo"
)

// Seen is what a reader saw at one offset: a digest of subject, key and body.
type Seen [16]byte

// History collects what happened to one CommitLog: what its producer was told
// and what readers saw in any region. It is safe for concurrent use.
type History struct {
	// Key names a message by its Nats-Msg-Id; nil takes the id itself. It is set
	// before anything else.
	Key func(id string) string
	// Origin is the region whose log it is; only Harmed needs it.
	Origin string

	mu     sync.Mutex
	acked  map[string]uint64 // key → offset
	sent   map[string]bool   // keys that were published, acknowledged or not
	seen   map[uint64]sight  // by offset: what was shown there first, anywhere
	shown  map[string]*witness
	broken []string
}

// sight is what a region has shown, and when.
type sight struct {
	what   Seen
	region string
	at     time.Time
}

// String tells by whom and when.
func (s sight) String() string { return s.region + " showed at " + s.at.UTC().Format("15:04:05.000") }

// NewHistory returns an empty History.
func NewHistory() *History {
	return &History{acked: make(map[string]uint64), sent: make(map[string]bool), seen: make(map[uint64]sight), shown: make(map[string]*witness)}
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
	h.witness(h.Origin).saw(geo.Offset(offset), time.Now())
}

// Saw notes that a region showed something at offset.
func (h *History) Saw(region string, offset uint64, what Seen) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := sight{what, region, time.Now()}
	h.witness(region).saw(geo.Offset(offset), now.at)
	before, ok := h.seen[offset]
	if !ok {
		h.seen[offset] = now
		return
	}
	if before.what != what {
		h.broken = append(h.broken, fmt.Sprintf("I4/I5: at offset %d %s another entry than %s", offset, now, before))
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
