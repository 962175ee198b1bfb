package main

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"geomq/admin"
	"geomq/cmd/geomq/internal/term"
	"geomq/geo"
	"geomq/geo/entry"
	"geomq/mirror/verify"
)

var threeRegions = []geo.Region{"us-east", "eu-west", "ap-south"}

// noon is the time of every fixed status.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func ptr[T any](v T) *T { return &v }

// fakeRegion is the Backend of a region that holds ORDERS@us-east. The tests
// change its entries and then run commands against the real admin server.
type fakeRegion struct {
	name    geo.Region
	entries map[geo.Offset]entry.Entry
	last    geo.Offset
	server  *admin.Server
	all     *fakeDeployment
	stop    func()
	// change is done to the region's status, if it is set.
	change func(*admin.Status)
	orders
}

// fakeDeployment is three of them.
type fakeDeployment struct {
	regions map[geo.Region]*fakeRegion
}

// newDeployment serves three regions that hold the same n entries.
func newDeployment(t *testing.T, n geo.Offset) *fakeDeployment {
	t.Helper()
	d := &fakeDeployment{regions: map[geo.Region]*fakeRegion{}}
	for _, name := range threeRegions {
		r := &fakeRegion{name: name, entries: map[geo.Offset]entry.Entry{}, last: n, all: d}
		for o := geo.Offset(1); o <= n; o++ {
			r.entries[o] = order(o)
		}
		d.regions[name] = r
		var err error
		r.server, err = admin.New(admin.Config{Listen: "127.0.0.1:0", Backend: r, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, r := range d.regions {
		r.serve(t)
	}
	return d
}

func order(o geo.Offset) entry.Entry {
	return entry.Entry{
		Offset: o, Time: noon.UnixNano() + int64(o),
		Subject: []byte("orders.created"), Header: []byte("NATS/1.0\r\nSource: test\r\n\r\n"),
		Body: fmt.Appendf(nil, `{"customer":"somebody with a long name","number":%d,"total":"12.50"}`, o),
	}
}

// serve answers until the test ends or stop is called.
func (r *fakeRegion) serve(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.server.Run(ctx) }()
	r.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the admin server of %s: %v", r.name, err)
		}
	})
	t.Cleanup(r.stop)
}

func (d *fakeDeployment) url(region geo.Region) string { return d.regions[region].server.URL() }

func (r *fakeRegion) Local() admin.Status {
	st := admin.Status{Region: r.name, Node: string(r.name) + "-1", At: noon}
	for _, name := range threeRegions {
		st.Regions = append(st.Regions, admin.Region{Name: name, Configured: true})
	}
	role := admin.RoleReplica
	if r.name == "us-east" {
		role = admin.RoleOrigin
	}
	st.Logs = []admin.Log{{
		Log: "ORDERS", Queue: "0", Origin: "us-east", Region: r.name, Role: role, Stream: "ORDERS@us-east",
		Topics: []geo.Topic{"orders.>"}, Regions: threeRegions, First: 1, Last: r.last, Entries: uint64(len(r.entries)),
		Bytes: 100 * uint64(len(r.entries)), LastTime: noon, Epoch: 1, Mode: "single", Flush: "async", Replicas: 1, State: admin.LogOpen,
	}}
	if role == admin.RoleReplica {
		st.Links = []admin.Link{{
			Log: "ORDERS", Queue: "0", Origin: "us-east", From: "us-east", To: r.name, Node: st.Node,
			State: admin.LinkStreaming, Applied: r.last, Head: r.last, LagEntries: ptr(uint64(0)), LagBytes: ptr(uint64(0)), LagSeconds: ptr(0.0),
		}}
	}
	if r.change != nil {
		r.change(&st)
	}
	return st
}

func (r *fakeRegion) Peers() []admin.Node {
	var nodes []admin.Node
	for _, name := range threeRegions {
		nodes = append(nodes, admin.Node{
			Region: name, Name: string(name) + "-1", NATS: "nats://" + string(name) + ".example:4222",
			Admin: r.all.url(name), Self: name == r.name, Answering: true,
		})
	}
	return nodes
}

func (r *fakeRegion) Ready() error { return nil }

func (r *fakeRegion) Digests(_ context.Context, q admin.DigestQuery, yield func(verify.Stretch) error) error {
	return verify.Digest(verify.DigesterConfig{Range: q.Range, Step: q.Step, Yield: yield}, r.stored(q.Range))
}

func (r *fakeRegion) stored(within geo.Range) iter.Seq2[*entry.Entry, error] {
	return func(yield func(*entry.Entry, error) bool) {
		for o := within.First; o <= within.Last; o++ {
			if e, ok := r.entries[o]; ok && !yield(&e, nil) {
				return
			}
		}
	}
}

func (r *fakeRegion) Entry(_ context.Context, stream string, offset geo.Offset) (admin.EntryView, error) {
	e, ok := r.entries[offset]
	if !ok || stream != "ORDERS@us-east" {
		return admin.EntryView{}, fmt.Errorf("%w: %s has nothing at %d", admin.ErrNotFound, stream, offset)
	}
	return admin.ViewEntry(stream, &e), nil
}

// result is what a command left behind.
type result struct {
	code     int
	out, err string
}

// cli is an app in memory.
type cli struct {
	*app
	outBuffer, errBuffer *safeBuffer
}

func newCLI(env map[string]string) *cli {
	out, err := &safeBuffer{}, &safeBuffer{}
	a := newApp()
	a.in, a.out, a.err = strings.NewReader(""), term.Output{Writer: out}, term.Output{Writer: err}
	a.lookup = func(name string) (string, bool) { v, ok := env[name]; return v, ok }
	a.now = func() time.Time { return noon }
	a.devData = func() (string, error) { return "", fmt.Errorf("no dev deployment in this test") }
	a.version = "1.2.3"
	return &cli{app: a, outBuffer: out, errBuffer: err}
}

// run executes a command line, e.g. run(t, "log", "ls").
func (c *cli) run(ctx context.Context, args ...string) result {
	code := run(ctx, c.app, args)
	return result{code: code, out: c.outBuffer.take(), err: c.errBuffer.take()}
}

// runAgainst executes a command line with --admin at a region of d.
func runAgainst(t *testing.T, d *fakeDeployment, args ...string) result {
	t.Helper()
	return newCLI(nil).run(t.Context(), append(args, "--admin", d.url("us-east"))...)
}

// safeBuffer may be written and read by different goroutines.
type safeBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}

func (b *safeBuffer) take() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	text := b.buffer.String()
	b.buffer.Reset()
	return text
}

// await waits until b contains text.
func (b *safeBuffer) await(t *testing.T, text string) {
	t.Helper()
	awaitTrue(t, func() bool { return strings.Contains(b.String(), text) }, func() string {
		return fmt.Sprintf("%q never appeared in:\n%s", text, b.String())
	})
}

func awaitTrue(t *testing.T, condition func() bool, otherwise func() string) {
	t.Helper()
	late := time.After(10 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-late:
			t.Fatal(otherwise())
		case <-tick.C:
		}
	}
}

// contains fails the test unless text holds every part.
func contains(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%q is missing from:\n%s", part, text)
		}
	}
}
