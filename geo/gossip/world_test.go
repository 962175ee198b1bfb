package gossip

import (
	"bytes"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"geomq/geo"
)

// patience is how long a test waits for what must happen.
const patience = 10 * time.Second

// brisk is Loopback made faster, so that deaths and memory lapses fit a test.
func brisk() Timing {
	return Timing{
		Gossip:       20 * time.Millisecond,
		Probe:        100 * time.Millisecond,
		ProbeTimeout: 60 * time.Millisecond,
		Suspect:      300 * time.Millisecond,
		Sync:         300 * time.Millisecond,
		Remember:     200 * time.Millisecond,
		Rejoin:       100 * time.Millisecond,
		Stream:       time.Second,
	}
}

// trusting never gives a silent node up within a test, so that a machine that is
// busy with something else declares nobody dead.
func trusting() Timing {
	t := brisk()
	t.Suspect = time.Hour
	return t
}

// mortal is a config whose node gives silent nodes up.
func mortal(cfg Config) Config {
	cfg.Timing = brisk()
	return cfg
}

var boots struct {
	sync.Mutex
	count int
}

// config is that of the only node of a region, in a new life.
func config(region string) Config {
	boots.Lock()
	defer boots.Unlock()
	boots.count++
	return Config{
		Self: Node{
			Region:   geo.Region(region),
			Name:     region + "-1",
			Boot:     fmt.Sprintf("boot-%d", boots.count),
			Started:  time.Unix(1_700_000_000+int64(boots.count), 0),
			NATS:     "nats://127.0.0.1:4222",
			Admin:    "http://127.0.0.1:8300",
			Protocol: 1,
			Version:  "0.1.0",
		},
		Listen: "127.0.0.1:0",
		Timing: trusting(),
	}
}

// start opens a node that is closed with the test.
func start(t *testing.T, cfg Config) *Members {
	t.Helper()
	m, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// seeded is config with a member to join.
func seeded(region string, join ...string) Config {
	cfg := config(region)
	cfg.Join = join
	return cfg
}

// await waits until a node's view is as wanted.
func await(t *testing.T, m *Members, what string, wanted func([]Node) bool) {
	t.Helper()
	deadline := time.After(patience)
	for {
		changed := m.Changed()
		nodes := m.Nodes()
		if wanted(nodes) {
			return
		}
		select {
		case <-changed:
		case <-deadline:
			t.Fatalf("%s waited for %s, but sees %s", m.cfg.Self.Name, what, names(nodes))
		}
	}
}

// awaitLives waits until every node sees exactly these lives.
func awaitLives(t *testing.T, seers []*Members, lives ...*Members) {
	t.Helper()
	var want []Node
	for _, l := range lives {
		want = append(want, l.cfg.Self)
	}
	slices.SortFunc(want, byRegionAndName)
	for _, m := range seers {
		await(t, m, names(want), func(got []Node) bool { return slices.Equal(got, want) })
	}
}

// eventually waits for something that no view tells of.
func eventually(t *testing.T, what string, met func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for !met() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

func names(nodes []Node) string {
	var all []string
	for _, n := range nodes {
		all = append(all, n.member())
	}
	return "[" + strings.Join(all, " ") + "]"
}

func closeAll(t *testing.T, all ...*Members) {
	t.Helper()
	for _, m := range all {
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// logged is a log that a test reads while it is written.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) count(part string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), part)
}

func (l *logged) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

func peersFile(t *testing.T) string { return filepath.Join(t.TempDir(), "peers.json") }
