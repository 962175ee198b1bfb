package gossip

import (
	"net"
	"slices"
	"testing"
	"time"
)

// Each node names just one other, and everybody comes to know everybody.
func TestThreeRegionsEachNamingOneOther(t *testing.T) {
	a := start(t, config("us-east"))
	b := start(t, seeded("eu-west", a.Addr()))
	c := start(t, seeded("ap-south", b.Addr()))
	awaitLives(t, []*Members{a, b, c}, a, b, c)

	got := a.Region("eu-west")
	if !slices.Equal(got, []Node{b.cfg.Self}) {
		t.Errorf("us-east sees %v in eu-west, want %v", got, b.cfg.Self)
	}
	if got := a.Region("sa-east"); len(got) != 0 {
		t.Errorf("us-east sees %v in a region without nodes", got)
	}
}

// The seed comes up after those that name it, at the address they know, and
// names itself too.
func TestSeedThatIsLate(t *testing.T) {
	seed := freeAddr(t)
	a := start(t, seeded("us-east", seed))
	b := start(t, seeded("eu-west", seed))
	if len(a.Nodes()) != 1 || len(b.Nodes()) != 1 {
		t.Fatal("a node whose seed is down must start with itself alone in view")
	}
	cfg := seeded("ap-south", seed)
	cfg.Listen = seed
	c := start(t, cfg)
	awaitLives(t, []*Members{a, b, c}, a, b, c)
}

// A host name is a seed as good as an address.
func TestSeedByHostName(t *testing.T) {
	a := start(t, config("us-east"))
	_, port, _ := net.SplitHostPort(a.Addr())
	b := start(t, seeded("eu-west", "localhost:"+port))
	awaitLives(t, []*Members{a, b}, a, b)
}

// A node is killed and comes back elsewhere while everybody still believes its
// old life to be alive. All see the new life, newcomers included, who hear of
// both lives at once and in any order.
func TestReturnUnderAnotherAddressWhileOldLifeIsBelievedAlive(t *testing.T) {
	// Without probes nobody is suspected; suspects are not told to newcomers.
	open := func(cfg Config) *Members { cfg.Timing.Probe = time.Hour; return start(t, cfg) }
	a := open(config("us-east"))
	b := open(seeded("eu-west", a.Addr()))
	c := open(seeded("ap-south", a.Addr()))
	awaitLives(t, []*Members{a, b, c}, a, b, c)

	closeAll(t, b)
	back := open(seeded("eu-west", a.Addr()))
	awaitLives(t, []*Members{a, c, back}, a, back, c)
	if !livesAt(a, b.cfg.Self) || !livesAt(c, b.cfg.Self) {
		t.Fatal("the old life was given up already; the test proves nothing")
	}

	for _, region := range []string{"r1", "r2", "r3", "r4", "r5", "r6"} {
		newcomer := open(seeded(region, c.Addr()))
		eventually(t, "the newcomer to hear of both lives", func() bool {
			return livesAt(newcomer, b.cfg.Self) && livesAt(newcomer, back.cfg.Self)
		})
		await(t, newcomer, "the new life of eu-west", func(nodes []Node) bool {
			return slices.Contains(nodes, back.cfg.Self)
		})
	}
}

func livesAt(m *Members, n Node) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	l, known := m.view.lives[n.member()]
	return known && l.alive
}

// The old life is given up by itself, and the new one stays.
func TestOldLifeVanishesByItself(t *testing.T) {
	a := start(t, mortal(config("us-east")))
	b := start(t, mortal(seeded("eu-west", a.Addr())))
	awaitLives(t, []*Members{a, b}, a, b)
	closeAll(t, b)
	back := start(t, mortal(seeded("eu-west", a.Addr())))
	eventually(t, "the end of the old life", func() bool { return !livesAt(a, b.cfg.Self) })
	awaitLives(t, []*Members{a, back}, a, back)
}

// A killed node that doesn't come back disappears from all views.
func TestKilledNodeDisappears(t *testing.T) {
	a := start(t, mortal(config("us-east")))
	b := start(t, mortal(seeded("eu-west", a.Addr())))
	c := start(t, mortal(seeded("ap-south", a.Addr())))
	awaitLives(t, []*Members{a, b, c}, a, b, c)
	closeAll(t, c)
	awaitLives(t, []*Members{a, b}, a, b)
}

// A node that leaves is gone at once, though nobody would suspect it for an hour.
func TestLeaveIsSeenAtOnce(t *testing.T) {
	a := start(t, config("us-east"))
	b := start(t, seeded("eu-west", a.Addr()))
	c := start(t, seeded("ap-south", a.Addr()))
	awaitLives(t, []*Members{a, b, c}, a, b, c)
	if err := c.Leave(patience); err != nil {
		t.Fatal(err)
	}
	awaitLives(t, []*Members{a, b}, a, b)

	if err := c.Leave(patience); err != nil {
		t.Errorf("a second Leave: %v", err)
	}
	closeAll(t, c, c)
	if err := c.Leave(patience); err != nil {
		t.Errorf("a Leave after Close: %v", err)
	}
}

// One who has nobody to say goodbye to doesn't wait.
func TestLeaveAlone(t *testing.T) {
	a := start(t, config("us-east"))
	began := time.Now()
	if err := a.Leave(patience); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > patience/2 {
		t.Errorf("it took %s", took)
	}
}

// A change between taking the channel and reading the view isn't missed, and
// whoever waits is woken.
func TestChangedTellsOfEveryChange(t *testing.T) {
	a := start(t, config("us-east"))
	changed := a.Changed()
	b := start(t, seeded("eu-west", a.Addr()))
	select {
	case <-changed:
	case <-time.After(patience):
		t.Fatal("a node was found and nobody was told")
	}
	if got := a.Region("eu-west"); len(got) != 1 || got[0] != b.cfg.Self {
		t.Errorf("after the change eu-west is %v", got)
	}
	select {
	case <-a.Changed():
		t.Error("the channel taken after the change is closed already")
	default:
	}
}

// Two processes take turns at one name; a node that joins both ends up with the
// one that started later, and the older one is told.
func TestOlderProcessOfTheSameNameIsToldOfItsRival(t *testing.T) {
	var log logged
	cfg := config("us-east")
	cfg.Log = log.logger()
	older := start(t, cfg)
	cfg = seeded("us-east", older.Addr())
	rival := start(t, cfg)
	seer := start(t, seeded("eu-west", older.Addr()))
	awaitLives(t, []*Members{seer}, seer, rival)
	eventually(t, "a warning", func() bool { return log.count("another process has taken this node's name") > 0 })
	if got := older.Region("us-east"); !slices.Equal(got, []Node{older.cfg.Self}) {
		t.Errorf("a node must see itself as itself, it sees %v", got)
	}
}

// freeAddr is an address nobody listens on at the moment.
func freeAddr(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}
