package gossip

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"geomq/geo"
)

var full = Node{
	Region:   "us-east",
	Name:     "us-east-1",
	Boot:     "018f3c4e-7b1a-7c3e-9f00-0123456789ab",
	Started:  time.Unix(1_700_000_000, 123_456_789).UTC(),
	NATS:     "nats://10.0.0.1:4222",
	Admin:    "http://10.0.0.1:8300",
	Protocol: 3,
	Version:  "0.1.0",
}

func TestMetaComesBackAsSent(t *testing.T) {
	bare := Node{Region: "eu", Name: "n", Boot: "b"}
	for _, n := range []Node{full, bare} {
		for _, number := range []uint64{0, 1, maxLife} {
			got, gotNumber, err := decodeMeta(n.member(), encodeMeta(n, number))
			if err != nil || got != n || gotNumber != number {
				t.Errorf("%v, life %d came back as %v, life %d, %v", n, number, got, gotNumber, err)
			}
		}
	}
}

// A later release adds fields at the end; this one still reads those it knows.
func TestMetaMayGrowAtItsEnd(t *testing.T) {
	got, _, err := decodeMeta(full.member(), append(encodeMeta(full, 1), "more to come"...))
	if err != nil || got != full {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestEveryCutOffMetaIsRefused(t *testing.T) {
	meta := encodeMeta(full, 1)
	for size := range meta {
		if _, _, err := decodeMeta(full.member(), meta[:size]); !errors.Is(err, errMeta) {
			t.Errorf("the first %d of %d bytes: %v", size, len(meta), err)
		}
	}
}

// The layout is what other releases read; a change of it needs another version.
func TestMetaLayout(t *testing.T) {
	n := Node{Started: time.Unix(0, 300), NATS: "n", Admin: "ad", Version: "ver", Protocol: 2}
	want := []byte("\x01\xac\x02\x02\x07\x01n\x02ad\x03ver")
	if got := encodeMeta(n, 7); !bytes.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func FuzzMeta(f *testing.F) {
	f.Add(full.member(), encodeMeta(full, 1))
	f.Add("eu/n/b", encodeMeta(Node{}, maxLife))
	f.Add("", []byte{})
	f.Add("a/b/c/d", []byte{metaVersion})
	f.Add("eu/n/b", bytes.Repeat([]byte{0xff}, maxMeta))
	f.Add("eu/n/b", []byte("\x01\x00\x00\x00\xff\x03"))
	f.Fuzz(func(t *testing.T, member string, meta []byte) {
		n, number, err := decodeMeta(member, meta)
		if err != nil {
			if !errors.Is(err, errMeta) || n != (Node{}) {
				t.Fatalf("refused with %v and %v", err, n)
			}
			return
		}
		told := n
		told.Started = time.Time{} // any that a uvarint holds is let in
		if problems := told.problems(); len(problems) > 0 {
			t.Fatalf("%v was let in: %v", n, problems)
		}
		if n.member() != member {
			t.Fatalf("%q became %q", member, n.member())
		}
		again, numberAgain, err := decodeMeta(n.member(), encodeMeta(n, number))
		if err != nil || again != n || numberAgain != number {
			t.Fatalf("%v, life %d came back as %v, life %d, %v", n, number, again, numberAgain, err)
		}
	})
}

func TestOpenNamesEveryProblem(t *testing.T) {
	cfg := config("us-east")
	cfg.Self.Region, cfg.Self.Name, cfg.Self.Boot = "US", "a/b", ""
	cfg.Self.Version, cfg.Self.Protocol = "1\n2", -1
	cfg.Self.Started = time.Unix(0, 0).UTC()
	cfg.Listen, cfg.Advertise, cfg.Join = "7946", "host", []string{"10.0.0.1:7946", "10.0.0.2:x"}
	cfg.Key = []byte("short")
	cfg.Timing.Gossip = 0
	_, err := Open(cfg)
	if !errors.Is(err, ErrConfig) || !errors.Is(err, geo.ErrRegion) {
		t.Fatalf("got %v", err)
	}
	for _, field := range []string{"self.region", "self.name", "self.boot", "self.version", "self.protocol",
		"self.started", "listen:", "advertise:", "join[1]", "key:", "timing:"} {
		if !strings.Contains(err.Error(), field) {
			t.Errorf("the error doesn't name %s:\n%v", field, err)
		}
	}
}

func TestOpenRefusesSelfThatDoesNotFit(t *testing.T) {
	cfg := config("us-east")
	cfg.Self.Admin = "http://" + strings.Repeat("a", maxMeta)
	_, err := Open(cfg)
	if !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), "shorten") {
		t.Fatalf("got %v", err)
	}
	// The longest that fits goes all the way through.
	cfg = config("us-east")
	cfg.Self.Admin = strings.Repeat("a", maxMeta-len(encodeMeta(cfg.Self, maxLife))+len(cfg.Self.Admin)-1)
	if size := len(encodeMeta(cfg.Self, maxLife)); size != maxMeta {
		t.Fatalf("the test's meta has %d bytes", size)
	}
	a := start(t, cfg)
	b := start(t, seeded("eu-west", a.Addr()))
	awaitLives(t, []*Members{a, b}, a, b)
}

func TestOpenOnTakenPort(t *testing.T) {
	a := start(t, config("us-east"))
	cfg := config("eu-west")
	cfg.Listen = a.Addr()
	if _, err := Open(cfg); !errors.Is(err, ErrListen) {
		t.Fatalf("got %v, want %v", err, ErrListen)
	}
}

// An address to advertise may be a host name and leave the port to Listen.
func TestAdvertisedAddressWithTheRealPort(t *testing.T) {
	cfg := config("us-east")
	cfg.Advertise = "localhost:0"
	a := start(t, cfg)
	b := start(t, seeded("eu-west", a.Addr()))
	awaitLives(t, []*Members{a, b}, a, b)
	b.mu.Lock()
	defer b.mu.Unlock()
	if got := b.reached[a.cfg.Self.member()].String(); got != a.Addr() {
		t.Errorf("the others reach it at %s, want %s", got, a.Addr())
	}
}
