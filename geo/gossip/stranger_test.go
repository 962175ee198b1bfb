package gossip

import (
	"bytes"
	"errors"
	"log"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/memberlist"
)

// stranger is a plain memberlist that speaks to our nodes.
type stranger struct {
	list *memberlist.Memberlist
	meta []byte
	to   string

	mu    sync.Mutex
	known []string // what the other side remembers, dead or alive
}

func newStranger(t *testing.T, name string, meta []byte, change func(*memberlist.Config)) *stranger {
	t.Helper()
	s := &stranger{meta: meta}
	conf := memberlist.DefaultLocalConfig()
	conf.Name, conf.Label = name, label
	conf.BindAddr, conf.BindPort = "127.0.0.1", 0
	conf.Delegate, conf.Merge = s, s
	conf.Logger = log.New(&bytes.Buffer{}, "", 0)
	if change != nil {
		change(conf)
	}
	list, err := memberlist.Create(conf)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { list.Shutdown() })
	s.list = list
	return s
}

func (*stranger) NotifyMsg([]byte)                {}
func (*stranger) GetBroadcasts(_, _ int) [][]byte { return nil }
func (*stranger) LocalState(bool) []byte          { return nil }
func (*stranger) MergeRemoteState([]byte, bool)   {}

func (s *stranger) NodeMeta(int) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.meta
}

// NotifyMerge notes what the other side tells and takes none of it over.
func (s *stranger) NotifyMerge(peers []*memberlist.Node) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.known = nil
	for _, p := range peers {
		s.known = append(s.known, p.Name)
	}
	return errors.New("only looking")
}

// spyOn opens a stranger that reads what a node remembers.
func spyOn(t *testing.T, m *Members) *stranger {
	t.Helper()
	s := newStranger(t, "spy on "+m.cfg.Self.Name, nil, nil)
	s.to = m.Addr()
	return s
}

func (s *stranger) remembered() []string {
	s.list.Join([]string{s.to})
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.known
}

func (s *stranger) awaitForgotten(t *testing.T, gone ...*Members) {
	t.Helper()
	eventually(t, s.to+" to forget the dead", func() bool {
		known := s.remembered()
		return len(known) > 0 && !slices.ContainsFunc(gone, func(m *Members) bool {
			return slices.Contains(known, m.cfg.Self.member())
		})
	})
}

var keyA, keyB = []byte("0123456789abcdef"), []byte("fedcba9876543210")

func keyed(cfg Config, key []byte) Config {
	cfg.Key = key
	return cfg
}

// Nodes with one key find each other; one with another key and one without stay
// out, disturb nobody, and are logged once and not by the packet.
func TestOtherKeysAreKeptOut(t *testing.T) {
	var log logged
	cfg := keyed(config("us-east"), keyA)
	cfg.Log = log.logger()
	a := start(t, cfg)
	wrong := start(t, keyed(seeded("ap-south", a.Addr()), keyB))
	open := start(t, seeded("sa-east", a.Addr()))
	eventually(t, "a warning about the key", func() bool { return log.count("not encrypted with our key") == 1 })

	before := refusals(a)
	flood(t, a.Addr(), append([]byte{244, byte(len(label))}, label+"\x01noise that nobody can decrypt, however hard they try"...))
	eventually(t, "the noise to be refused", func() bool { return refusals(a) >= before+50 })

	b := start(t, keyed(seeded("eu-west", a.Addr()), keyA))
	awaitLives(t, []*Members{a, b}, a, b)
	awaitLives(t, []*Members{wrong}, wrong)
	awaitLives(t, []*Members{open}, open)
	if n := log.count("not encrypted with our key"); n != 1 {
		t.Errorf("the warning was logged %d times, want once", n)
	}
}

// refusals counts refusals for the key that were not logged.
func refusals(m *Members) int {
	m.logs.limit.mu.Lock()
	defer m.logs.limit.mu.Unlock()
	return m.logs.limit.of("key").withheld
}

func flood(t *testing.T, addr string, packet []byte) {
	t.Helper()
	conn, err := net.Dial("udp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for range 200 {
		if _, err := conn.Write(packet); err != nil {
			t.Fatal(err)
		}
	}
}

// Another system's gossip, without our label, and plain noise over UDP and TCP
// are refused.
func TestOtherSystemsAreKeptOut(t *testing.T) {
	var log logged
	cfg := config("us-east")
	cfg.Log = log.logger()
	a := start(t, cfg)
	other := newStranger(t, "us-east/other/boot", nil, func(c *memberlist.Config) { c.Label = "" })
	if _, err := other.list.Join([]string{a.Addr()}); err == nil {
		t.Error("a system without our label could join")
	}
	for _, noise := range []string{"\x00", "GET / HTTP/1.1\r\n\r\n", "\xf4\x05geomq", "\xf4\x05geomq\x07\xff\xff", "\xf4\xff"} {
		flood(t, a.Addr(), []byte(noise))
		conn, err := net.Dial("tcp", a.Addr())
		if err != nil {
			t.Fatal(err)
		}
		conn.Write([]byte(noise))
		conn.Close()
	}
	b := start(t, seeded("eu-west", a.Addr()))
	awaitLives(t, []*Members{a, b}, a, b)
	if n := log.count("no geomq node"); n != 1 {
		t.Errorf("the stranger was logged %d times, want once", n)
	}
}

// Members that hold the key but whose name or meta we can't read take part in the
// gossip, pass news on, and are in no view.
func TestUnreadableMembersAreLeftOut(t *testing.T) {
	a := start(t, config("us-east"))
	good := encodeMeta(Node{NATS: "nats://127.0.0.1:4222"}, 1)
	for name, meta := range map[string][]byte{
		"eu-west/no-meta/x":             nil,
		"eu-west/later-version/x":       append([]byte{metaVersion + 1}, good[1:]...),
		"eu-west/cut-off/x":             good[:len(good)-1],
		"eu-west/noise/x":               bytes.Repeat([]byte{0xff}, maxMeta),
		"eu-west/two-parts":             good,
		"EU_WEST/not-a-region/x":        good,
		"eu-west//x":                    good,
		"eu-west/bell\a/x":              good,
		"eu-west/unprintable/x":         encodeMeta(Node{Version: "\x1b[2J"}, 1),
		"eu-west/not-utf8/x":            encodeMeta(Node{Admin: "\xff"}, 1),
		strings.Repeat("a", 200) + "/b": good,
	} {
		s := newStranger(t, name, meta, func(c *memberlist.Config) { c.Merge = nil })
		if _, err := s.list.Join([]string{a.Addr()}); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "all strangers to be members", func() bool { return a.list.NumMembers() == 12 })
	b := start(t, seeded("ap-south", a.Addr()))
	awaitLives(t, []*Members{a, b}, a, b)
}

// A node that we could read turns unreadable, as at an upgrade of it alone: it
// leaves the view until we can read it again.
func TestMemberThatTurnsUnreadableLeavesTheView(t *testing.T) {
	a := start(t, config("us-east"))
	n := config("eu-west").Self
	n.Started = n.Started.UTC()
	readable := encodeMeta(n, 1)
	s := newStranger(t, n.member(), readable, func(c *memberlist.Config) { c.Merge = nil })
	if _, err := s.list.Join([]string{a.Addr()}); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		meta []byte
		want int
	}{{readable, 1}, {[]byte("?"), 0}, {readable, 1}} {
		s.tell(t, tt.meta)
		await(t, a, "the member as it now is", func([]Node) bool { return len(a.Region("eu-west")) == tt.want })
	}
}

// tell announces another meta.
func (s *stranger) tell(t *testing.T, meta []byte) {
	t.Helper()
	s.mu.Lock()
	s.meta = meta
	s.mu.Unlock()
	if err := s.list.UpdateNode(patience); err != nil {
		t.Fatal(err)
	}
}

// A stranger connects and says nothing, a join hangs at a dead end: neither holds
// up Close.
func TestCloseDoesNotWaitForSilentConnections(t *testing.T) {
	deadEnd, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer deadEnd.Close()
	cfg := seeded("us-east", deadEnd.Addr().String())
	cfg.Timing.Stream = time.Hour
	a := start(t, cfg)
	hanging, err := deadEnd.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer hanging.Close()
	silent, err := net.Dial("tcp", a.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	eventually(t, "the stranger to be let in", func() bool {
		a.wire.mu.Lock()
		defer a.wire.mu.Unlock()
		return len(a.wire.conns) == 2
	})
	done := make(chan error)
	go func() { done <- a.Close() }()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(patience):
		t.Fatal("Close hangs")
	}
}
