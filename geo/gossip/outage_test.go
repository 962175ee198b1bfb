package gossip

import (
	"os"
	"sync"
	"testing"
)

// fault cuts nodes off from each other.
type fault struct {
	mu    sync.Mutex
	split bool
	side  map[string]int // by gossip address
}

func (f *fault) cutFrom(side int) func(addr string) bool {
	return func(addr string) bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		there, known := f.side[addr]
		return f.split && known && there != side
	}
}

func (f *fault) set(split bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.split = split
}

func (f *fault) open(t *testing.T, side int, cfg Config) *Members {
	t.Helper()
	cfg.cut = f.cutFrom(side)
	m := start(t, mortal(cfg))
	f.mu.Lock()
	defer f.mu.Unlock()
	f.side[m.Addr()] = side
	return m
}

// Two sites lose each other for so long that each has forgotten the other's
// nodes. When the path is back they find each other, though only one side has
// seeds, and those are its own.
func TestPartitionLongerThanMemory(t *testing.T) {
	f := &fault{side: make(map[string]int)}
	a := f.open(t, 0, config("us-east"))
	b := f.open(t, 0, seeded("us-west", a.Addr()))
	c := f.open(t, 1, seeded("eu-west", a.Addr()))
	awaitLives(t, []*Members{a, b, c}, a, b, c)

	f.set(true)
	awaitLives(t, []*Members{a, b}, a, b)
	awaitLives(t, []*Members{c}, c)
	for _, m := range []*Members{a, b} {
		spyOn(t, m).awaitForgotten(t, c)
	}
	spyOn(t, c).awaitForgotten(t, a, b)

	f.set(false)
	awaitLives(t, []*Members{a, b, c}, a, b, c)
}

// Everything goes down. All but one come back on other ports, with no seed
// configured anywhere: the one address that still holds, remembered by all,
// brings them together.
func TestRestartOfAllFromPeersFiles(t *testing.T) {
	configs := map[string]*Config{}
	for _, region := range []string{"us-east", "eu-west", "ap-south"} {
		cfg := config(region)
		cfg.PeersFile = peersFile(t)
		configs[region] = &cfg
	}
	a := start(t, *configs["us-east"])
	configs["eu-west"].Join = []string{a.Addr()}
	b := start(t, *configs["eu-west"])
	configs["ap-south"].Join = []string{b.Addr()}
	c := start(t, *configs["ap-south"])
	awaitLives(t, []*Members{a, b, c}, a, b, c)
	for _, m := range []*Members{a, b, c} {
		eventually(t, "both peers in the file", func() bool {
			saved, err := readBook(m.cfg.PeersFile)
			return err == nil && len(saved.Peers) == 2
		})
	}
	closeAll(t, a, b, c)

	again := func(region string, listen string) *Members {
		cfg := config(region)
		cfg.PeersFile, cfg.Listen = configs[region].PeersFile, listen
		return start(t, cfg)
	}
	c = again("ap-south", "127.0.0.1:0")
	b = again("eu-west", "127.0.0.1:0")
	a = again("us-east", a.Addr())
	awaitLives(t, []*Members{a, b, c}, a, b, c)
}

// A damaged peers file costs a warning, and is replaced when there is news.
func TestDamagedPeersFile(t *testing.T) {
	var log logged
	cfg := config("us-east")
	cfg.PeersFile, cfg.Log = peersFile(t), log.logger()
	if err := os.WriteFile(cfg.PeersFile, []byte(`{"version":1,"peers":[{"reg`), 0o600); err != nil {
		t.Fatal(err)
	}
	a := start(t, cfg)
	if log.count("remembered peers can't be read") != 1 {
		t.Error("nobody was told that the file is damaged")
	}
	b := start(t, seeded("eu-west", a.Addr()))
	awaitLives(t, []*Members{a, b}, a, b)
	eventually(t, "a good file", func() bool {
		saved, err := readBook(cfg.PeersFile)
		return err == nil && len(saved.Peers) == 1 && saved.Peers[0].Addr == b.Addr()
	})
}

// A peers file that can't be written costs a warning, not the gossip.
func TestPeersFileInMissingFolder(t *testing.T) {
	var log logged
	cfg := config("us-east")
	cfg.PeersFile, cfg.Log = peersFile(t)+"/none/peers.json", log.logger()
	a := start(t, cfg)
	b := start(t, seeded("eu-west", a.Addr()))
	awaitLives(t, []*Members{a, b}, a, b)
	eventually(t, "a warning", func() bool { return log.count("can't be remembered") == 1 })
}
