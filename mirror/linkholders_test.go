package mirror

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"geomq/geo"
	"geomq/geo/entry"
)

// regions are a world in which the log has relays between its origin and the
// link under test: each is a replica with a link of its own from the origin. It
// carries sessions and asks.
type regions struct {
	*world
	relays map[geo.Region]*relay
	ctx    context.Context
	group  sync.WaitGroup

	mu   sync.Mutex
	dead map[geo.Region]bool // refuse whatever is sent to them
	asks map[geo.Region]int
}

// relay is a region with a replica.
type relay struct {
	name    geo.Region
	cluster *memCluster
	sources *Sources
	net     *memNet // the way from the link under test to it
	back    *memNet // its own way to the origin
	link    *Link
	stop    context.CancelFunc
}

// withRelays runs test in fake time in a world of relays. setup sees the world
// before anything runs.
func withRelays(t *testing.T, names []geo.Region, setup func(*regions), test func(*regions)) {
	t.Helper()
	var r *regions
	inWorld(t, func(w *world) {
		ctx, cancel := context.WithCancel(context.Background())
		r = &regions{world: w, ctx: ctx, relays: map[geo.Region]*relay{}, dead: map[geo.Region]bool{}, asks: map[geo.Region]int{}}
		stop := w.stopAll
		w.stopAll = func() { cancel(); stop(); r.group.Wait() }
		w.origin.publish(w.rand, 2000)
		w.cfg.Dialer, w.cfg.Asker = r, r
		for _, name := range names {
			r.add(name)
			w.cfg.Holders = append(w.cfg.Holders, name)
		}
		if setup != nil {
			setup(r)
		}
		for _, relay := range r.relays {
			r.startRelay(relay)
		}
	}, func(w *world) { test(r) })
}

func (r *regions) add(name geo.Region) {
	cluster := &memCluster{}
	log := r.cfg.Logger.With("at", name)
	sources := &Sources{Region: name, Holder: cluster, Log: log}
	r.relays[name] = &relay{name: name, cluster: cluster, sources: sources,
		net: &memNet{ctx: r.ctx, sources: sources}, back: &memNet{ctx: r.ctx, sources: &Sources{Region: "us-east", Holder: r.holder, Log: log}}}
}

// startRelay starts the relay's own link, which knows all other holders, too.
func (r *regions) startRelay(relay *relay) {
	cfg := r.cfg
	cfg.To, cfg.Replicas, cfg.Logger = relay.name, relay.cluster, cfg.Logger.With("at", relay.name)
	cfg.Holders = []geo.Region{"us-east"}
	for name := range r.relays {
		if name != relay.name {
			cfg.Holders = append(cfg.Holders, name)
		}
	}
	way := &wayOf{regions: r, from: relay}
	cfg.Dialer, cfg.Asker = way, way
	relay.link = NewLink(cfg)
	ctx, stop := context.WithCancel(r.ctx)
	relay.stop = stop
	r.group.Go(func() { relay.link.Run(ctx) })
	for _, n := range []*memNet{relay.net, relay.back} {
		r.group.Go(func() { <-r.ctx.Done(); n.group.Wait() })
	}
}

// wayOf is what a relay dials and asks: the origin over a way of its own.
type wayOf struct {
	*regions
	from *relay
}

func (w *wayOf) Dial(ctx context.Context, to geo.Region, hello []byte) (Conn, error) {
	if to == "us-east" && !w.isDead(to) {
		return w.from.back.Dial(ctx, to, hello)
	}
	return w.regions.Dial(ctx, to, hello)
}

func (w *wayOf) Ask(ctx context.Context, to geo.Region, request []byte) ([]byte, error) {
	if to == "us-east" {
		return w.askOver(ctx, to, w.from.back, request)
	}
	return w.regions.Ask(ctx, to, request)
}

var errDead = errors.New("connection refused")

func (r *regions) isDead(to geo.Region) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.dead[to]
}

func (r *regions) way(to geo.Region) *memNet {
	if relay := r.relays[to]; relay != nil {
		return relay.net
	}
	return r.world.net
}

func (r *regions) Dial(ctx context.Context, to geo.Region, hello []byte) (Conn, error) {
	if r.isDead(to) {
		return nil, errDead
	}
	return r.way(to).Dial(ctx, to, hello)
}

func (r *regions) Ask(ctx context.Context, to geo.Region, request []byte) ([]byte, error) {
	r.mu.Lock()
	r.asks[to]++
	r.mu.Unlock()
	return r.askOver(ctx, to, r.way(to), request)
}

func (r *regions) askOver(ctx context.Context, to geo.Region, way *memNet, request []byte) ([]byte, error) {
	if r.isDead(to) {
		return nil, errDead
	}
	if hole, _ := way.blocked(); hole {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	time.Sleep(2 * way.delay)
	return way.sources.Answer(ctx, request), nil
}

// kill ends a region: all its connections break, and it refuses new ones.
func (r *regions) kill(name geo.Region) {
	r.mu.Lock()
	r.dead[name] = true
	r.mu.Unlock()
	r.way(name).cutAll()
	for _, relay := range r.relays {
		if name == "us-east" {
			relay.back.cutAll()
		}
	}
}

func (r *regions) revive(name geo.Region) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.dead, name)
}

// hole makes the way from the link under test to the origin a black hole.
func (r *regions) hole(on bool) { r.world.net.set(func() { r.world.net.hole = on }) }

// from waits until the link streams from name.
func (r *regions) from(limit time.Duration, name geo.Region) {
	r.t.Helper()
	r.within(limit, func() string {
		if s := r.link.Status(); s.From != name || s.State != StateStreaming {
			return fmt.Sprintf("the link is with %s (%s), want %s", s.From, s.Why, name)
		}
		return ""
	})
}

// switched waits until the link has changed its holder n times in all.
func (r *regions) switched(n uint64) {
	r.t.Helper()
	r.within(time.Second, func() string {
		if got := r.link.Status().Switches; got != n {
			return fmt.Sprintf("%d switches, want %d", got, n)
		}
		return ""
	})
}

// relayed waits until a relay has what the origin has.
func (r *regions) relayed(name geo.Region) {
	r.t.Helper()
	r.within(30*time.Second, func() string {
		if at, end := r.relays[name].cluster.held().end(), r.origin.end(); at != end {
			return fmt.Sprintf("%s ends at %d, the origin at %d", name, at, end)
		}
		return ""
	})
}

var apSouth = []geo.Region{"ap-south"}

func TestACutToTheOriginIsBridgedByARelay(t *testing.T) {
	for _, kind := range []string{"black hole", "jam", "reset"} {
		t.Run(kind, func(t *testing.T) {
			withRelays(t, apSouth, func(r *regions) { r.relays["ap-south"].net.delay = 20 * time.Millisecond }, func(r *regions) {
				r.caughtUp()
				r.relayed("ap-south")
				r.from(time.Second, "us-east")
				limit := 5 * time.Second
				if kind == "reset" {
					limit = time.Second
				}
				r.world.net.set(func() { r.world.net.hole, r.world.net.jam = true, kind == "jam" })
				if kind == "reset" {
					r.world.net.cutAll()
				}
				r.origin.publish(r.rand, 10)
				r.within(limit, r.behind)
				for range 20 {
					r.origin.publish(r.rand, 10)
					r.within(200*time.Millisecond, r.behind)
				}
				r.switched(1)
				if s := r.link.Status(); s.From != "ap-south" || s.Origin || s.Why != "us-east does not answer" {
					t.Errorf("from %s, %q", s.From, s.Why)
				}
				time.Sleep(20 * time.Second)
				r.world.net.set(func() { r.world.net.hole, r.world.net.jam = false, false })
				r.from(6*time.Second, "us-east") // one of the patient asks may be under way
				r.switched(2)
				if s := r.link.Status(); !s.Origin || s.Why != "" {
					t.Errorf("from %s, %q", s.From, s.Why)
				}
				r.origin.publish(r.rand, 2000)
				r.caughtUp()
				r.sealed()
				r.equal()
			})
		})
	}
}

func TestAConnectionThatBreaksIsNoReasonToLeaveTheOrigin(t *testing.T) {
	withRelays(t, apSouth, nil, func(r *regions) {
		r.caughtUp()
		r.relayed("ap-south")
		for range 10 {
			r.world.net.cutAll()
			r.origin.publish(r.rand, 10)
			r.within(500*time.Millisecond, r.behind)
			time.Sleep(time.Second)
		}
		if s := r.link.Status(); s.From != "us-east" || s.Switches != 0 {
			t.Errorf("from %s, %d switches", s.From, s.Switches)
		}
	})
}

func TestNobodyIsAskedWhileTheOriginServes(t *testing.T) {
	withRelays(t, apSouth, nil, func(r *regions) {
		r.caughtUp()
		time.Sleep(time.Hour)
		r.mu.Lock()
		defer r.mu.Unlock()
		if len(r.asks) > 0 {
			t.Errorf("asked: %v", r.asks)
		}
	})
}

// Both replicas of a dead origin end up equal, whichever was ahead.
func TestReplicasOfADeadOriginPullFromEachOtherUntilTheyAreEqual(t *testing.T) {
	for _, ahead := range []string{"the relay", "the link"} {
		t.Run(ahead, func(t *testing.T) {
			withRelays(t, apSouth, nil, func(r *regions) {
				r.caughtUp()
				r.relayed("ap-south")
				mine := &memNet{ctx: r.ctx, sources: &Sources{Region: "eu-west", Holder: r.home, Log: r.cfg.Logger}}
				r.relays["eu-west"] = &relay{name: "eu-west", cluster: r.home, sources: mine.sources, net: mine, back: r.world.net}
				r.group.Go(func() { <-r.ctx.Done(); mine.group.Wait() })
				south := r.relays["ap-south"]
				south.stop()
				r.startRelay(south) // now it knows of eu-west
				r.within(5*time.Second, func() string {
					if south.link.Status().State != StateStreaming {
						return "the relay's link is not up"
					}
					return ""
				})
				if behind := south.back; ahead == "the relay" {
					r.hole(true)
				} else {
					behind.set(func() { behind.hole = true })
				}
				r.origin.publish(r.rand, 500)
				time.Sleep(500 * time.Millisecond) // nobody has noticed yet
				a, b := r.replica().end(), south.cluster.held().end()
				if a == b {
					t.Fatalf("both end at %d", a)
				}
				r.kill("us-east")
				r.within(5*time.Second, func() string {
					if a, b := r.replica().end(), south.cluster.held().end(); a != b || a != 2500 {
						return fmt.Sprintf("they end at %d and %d", a, b)
					}
					return ""
				})
				quiet(r, south)
				r.hole(false)
				south.back.set(func() { south.back.hole = false })
				r.revive("us-east")
				r.from(6*time.Second, "us-east")
				r.origin.publish(r.rand, 500)
				r.caughtUp()
				r.relayed("ap-south")
				r.equal()
				delete(r.relays, "eu-west")
			})
		})
	}
}

// quiet checks that two equal replicas leave each other in peace.
func quiet(r *regions, south *relay) {
	r.t.Helper()
	time.Sleep(10 * time.Second)
	before, other := r.link.Status().Sessions, south.link.Status().Sessions
	time.Sleep(5 * time.Minute)
	if s := r.link.Status(); s.Sessions != before || south.link.Status().Sessions != other {
		r.t.Errorf("%d and %d sessions in five minutes of nothing", s.Sessions-before, south.link.Status().Sessions-other)
	}
}

// stuckHolder can stop giving entries, while it still tells where its log ends.
type stuckHolder struct {
	Holder
	stuck atomic.Bool
}

func (h *stuckHolder) Held(ctx context.Context, log geo.CommitLog) (HeldLog, error) {
	held, err := h.Holder.Held(ctx, log)
	return stuckLog{held, h}, err
}

type stuckLog struct {
	HeldLog
	holder *stuckHolder
}

func (l stuckLog) Read(ctx context.Context, from geo.Offset) (Reader, error) {
	reader, err := l.HeldLog.Read(ctx, from)
	return stuckReader{reader, l.holder}, err
}

type stuckReader struct {
	Reader
	holder *stuckHolder
}

func (r stuckReader) Next(ctx context.Context) ([]entry.Entry, error) {
	found, err := r.Reader.Next(ctx)
	if r.holder.stuck.Load() {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return found, err
}

func TestAHolderThatStallsIsLeftForAnother(t *testing.T) {
	origin, south := new(stuckHolder), new(stuckHolder)
	withRelays(t, []geo.Region{"ap-south", "sa-east"}, func(r *regions) {
		r.relays["sa-east"].net.delay = 30 * time.Millisecond
		origin.Holder, south.Holder = r.holder, r.relays["ap-south"].cluster
		r.world.net.sources.Holder, r.relays["ap-south"].sources.Holder = origin, south
	}, func(r *regions) {
		r.caughtUp()
		r.relayed("ap-south")
		r.relayed("sa-east")
		origin.stuck.Store(true)
		r.origin.publish(r.rand, 10)
		r.within(5*time.Second, r.behind)
		r.from(0, "ap-south")
		south.stuck.Store(true)
		r.origin.publish(r.rand, 10)
		r.within(5*time.Second, r.behind)
		r.from(0, "sa-east")
		origin.stuck.Store(false)
		r.from(avoidedFor(r), "us-east")
		r.equal()
	})
}

// avoidedFor is for how long still the link leaves its origin alone.
func avoidedFor(r *regions) time.Duration {
	return time.Until(r.link.Status().Holders[0].AvoidedUntil) + 3*time.Second
}

func TestARelayWithAnOlderTableIsPassedOver(t *testing.T) {
	withRelays(t, []geo.Region{"ap-south", "sa-east"}, func(r *regions) { r.relays["sa-east"].net.delay = 30 * time.Millisecond }, func(r *regions) {
		r.caughtUp()
		r.relayed("ap-south")
		r.relayed("sa-east")
		longer := append(geo.FirstEpochs(), geo.Epoch{Number: 2, PrevEnd: 2000, First: 12_001})
		for _, log := range []*memLog{r.origin, r.replica(), r.relays["sa-east"].cluster.held()} {
			log.change(func() { log.epochs, log.last = longer, 12_000 })
		}
		r.relays["ap-south"].stop() // it hears of nothing any more
		r.kill("us-east")
		r.from(2*time.Second, "sa-east")
		time.Sleep(time.Minute)
		if s := r.link.Status(); s.From != "sa-east" || s.State != StateStreaming {
			t.Errorf("%s from %s: %s", s.State, s.From, s.Reason)
		}
	})
}

func TestARelayThatContradictsDoesNotHaltTheLink(t *testing.T) {
	withRelays(t, []geo.Region{"ap-south", "sa-east"}, func(r *regions) { r.relays["sa-east"].net.delay = 30 * time.Millisecond }, func(r *regions) {
		r.caughtUp()
		r.relayed("ap-south")
		r.relayed("sa-east")
		forge(r.relays["ap-south"].cluster.held(), 2000)
		r.relays["ap-south"].stop()
		r.hole(true)
		r.from(6*time.Second, "sa-east")
		s := r.link.Status()
		south := s.Holders[1]
		if s.Refused[CauseConflict] == 0 || !strings.HasPrefix(south.Avoided, "conflict: ") || south.AvoidedUntil.Before(time.Now()) || south.RoundTrip > time.Second {
			t.Errorf("refused %v; %+v", s.Refused, south)
		}
		r.origin.publish(r.rand, 100)
		r.within(time.Second, r.behind)
		r.equal()
	})
}

func TestTheOriginsWordHaltsTheLinkWhateverRelaysSay(t *testing.T) {
	withRelays(t, apSouth, nil, func(r *regions) {
		r.caughtUp()
		r.relayed("ap-south")
		forge(r.origin, 2000)
		r.world.net.cutAll()
		s := r.halted(CauseConflict)
		if s.From != "us-east" || s.Switches != 0 {
			t.Errorf("from %s, %d switches", s.From, s.Switches)
		}
		time.Sleep(20 * time.Second)
		if s := r.link.Status(); s.State != StateHalted || s.Cause != CauseConflict {
			t.Errorf("%s for %s", s.State, s.Cause)
		}
	})
}

func TestWhatTheOriginLacksComesFromARelay(t *testing.T) {
	withRelays(t, apSouth, nil, func(r *regions) {
		r.caughtUp()
		r.stopLink()
		<-r.linkDone
		r.origin.publish(r.rand, 400)
		r.relayed("ap-south")
		r.relays["ap-south"].stop() // it keeps what retention removes now
		r.origin.cut(2301)
		r.startLink()
		r.caughtUp()
		s := r.link.Status()
		if s.Refused[CauseTrimmed] != 1 || s.State == StateHalted {
			t.Errorf("%s, refused %v", s.State, s.Refused)
		}
		r.from(20*time.Second, "us-east")
		r.equal()
	})
}

func TestWhatNobodyHasHaltsTheLink(t *testing.T) {
	withRelays(t, apSouth, nil, func(r *regions) {
		r.caughtUp()
		r.stopLink()
		<-r.linkDone
		r.origin.publish(r.rand, 400)
		r.relayed("ap-south")
		r.origin.cut(2301)
		r.relays["ap-south"].cluster.held().cut(2301)
		r.startLink()
		if s := r.halted(CauseTrimmed); !strings.Contains(s.Reason, "2001…2300") {
			t.Errorf("the reason does not name what is missing: %s", s.Reason)
		}
	})
}

// An origin that pulls its tail back from its replicas is a sink of its own log.
func TestALinkEndsWhereItIsTold(t *testing.T) {
	withRelays(t, apSouth, nil, func(r *regions) {
		r.caughtUp()
		r.relayed("ap-south")
		r.stopLink()
		<-r.linkDone
		r.replica().change(func() {
			for l := r.replica(); l.last > 1500; l.last-- {
				delete(l.entries, l.last)
			}
		})
		cfg := r.cfg
		cfg.Holders, cfg.NoOrigin, cfg.Until = apSouth, true, 2000
		link := NewLink(cfg)
		began := time.Now()
		if err := link.Run(r.ctx); err != nil || r.replica().end() != 2000 || time.Since(began) > 2*time.Second {
			t.Errorf("%v after %s; the log ends at %d", err, time.Since(began), r.replica().end())
		}
		if s := link.Status(); s.State != StateClosed || s.Origin {
			t.Errorf("%s from %s", s.State, s.From)
		}
		r.equal()
		r.startLink()
	})
}

func TestTheLinkClosesSwiftlyWhileItAsks(t *testing.T) {
	withRelays(t, apSouth, nil, func(r *regions) {
		r.caughtUp()
		r.hole(true)
		r.from(6*time.Second, "ap-south")
		for range 30 {
			time.Sleep(100 * time.Millisecond)
			began := time.Now()
			r.stopLink()
			<-r.linkDone
			if took := time.Since(began); took > 500*time.Millisecond {
				t.Fatalf("closing took %s", took)
			}
			r.startLink()
		}
	})
}
