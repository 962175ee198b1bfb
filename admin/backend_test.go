package admin

import (
	"context"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"net/http"
	"sync"
	"testing"
	"time"

	"geomq/geo"
	"geomq/geo/entry"
	"geomq/mirror/verify"
)

func peer(region, name string) Node {
	return Node{Region: geo.Region(region), Name: name, Answering: true}
}

// node is a Backend over a fixed Status and entries of one stream.
type node struct {
	mu      sync.Mutex
	status  Status
	peers   []Node
	ready   error
	stream  string
	entries map[geo.Offset]entry.Entry
	// failAt ends the digests with errDisk before that offset.
	failAt geo.Offset
}

var errDisk = fmt.Errorf("disk: input/output error")

func (n *node) Local() Status { n.mu.Lock(); defer n.mu.Unlock(); return n.status }
func (n *node) Peers() []Node { n.mu.Lock(); defer n.mu.Unlock(); return n.peers }
func (n *node) Ready() error  { return n.ready }

func (n *node) Digests(_ context.Context, q DigestQuery, yield func(verify.Stretch) error) error {
	if q.Stream != n.stream {
		return fmt.Errorf("%w: no stream %s", ErrNotFound, q.Stream)
	}
	return verify.Digest(verify.DigesterConfig{Range: q.Range, Step: q.Step, Yield: func(s verify.Stretch) error {
		if n.failAt > 0 && s.Range.Last >= n.failAt {
			return errDisk
		}
		return yield(s)
	}}, n.stored(q.Range))
}

func (n *node) stored(r geo.Range) iter.Seq2[*entry.Entry, error] {
	return func(yield func(*entry.Entry, error) bool) {
		for o := r.First; o <= r.Last; o++ {
			if e, ok := n.entries[o]; ok && !yield(&e, nil) {
				return
			}
		}
	}
}

func (n *node) Entry(_ context.Context, stream string, offset geo.Offset) (EntryView, error) {
	e, ok := n.entries[offset]
	if !ok || stream != n.stream {
		return EntryView{}, fmt.Errorf("%w: %s has no entry at %d", ErrNotFound, stream, offset)
	}
	return ViewEntry(stream, &e), nil
}

// orders is a node in region that holds n entries of ORDERS@us-east.
func orders(region geo.Region, n geo.Offset) *node {
	b := &node{status: three(local, held(region, n)), stream: "ORDERS@us-east", entries: map[geo.Offset]entry.Entry{}}
	b.status.Region, b.status.Node = region, "n1"
	for o := geo.Offset(1); o <= n; o++ {
		b.entries[o] = entry.Entry{Offset: o, Time: int64(o), Subject: []byte("orders.a"), Body: []byte{byte(o), 0, 255}}
	}
	return b
}

// serve runs a server over b for the length of the test.
func serve(t *testing.T, b Backend, change ...func(*Config)) *Server {
	t.Helper()
	cfg := Config{Listen: "127.0.0.1:0", Backend: b, Version: "v0.1.0", Log: slog.New(slog.DiscardHandler)}
	for _, c := range change {
		c(&cfg)
	}
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("Run: %v", err)
			}
		case <-time.After(10 * time.Second):
			t.Error("Run does not end")
		}
	})
	return s
}

func dial(t *testing.T, url string) *Client {
	t.Helper()
	c, err := NewClient(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// fetch asks the server for path with a Host and method of choice.
func fetch(t *testing.T, s *Server, method, path, host string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, s.URL()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if host != "" {
		request.Host = host
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}
