package geotest

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"geomq/configs"
	"geomq/geo"
)

// Log is the log that every region of a Regions has, and Topic its topic.
const (
	Log   = "ORDERS"
	Topic = "orders.>"
)

// openWait is how long a log of a Regions whose tail may be lost waits for regions
// that don't answer.
const openWait = 5 * time.Second

// Options say what StartRegions starts.
type Options struct {
	// Regions are the names; none stands for us-east, eu-west and ap-south.
	Regions []string
	// CutGossip lets Cut break gossip, too. Without it gossip is direct.
	CutGossip bool
	// PowerCuts lets the data folders be recorded, which PowerCut needs.
	PowerCuts bool
	// Configure changes a region's configuration before it is written.
	Configure func(*configs.Config)
}

// Regions is a deployment of one `geomq server` process per region. Between each
// two regions lie two Proxies, one for the links of each, which the verbs Cut,
// Heal, Delay, Slice and Rate harm. The admin API and clients reach every region
// directly, and so does gossip unless Options says otherwise.
//
// All methods belong to the goroutine of the test.
type Regions struct {
	sites []*site
	paths map[pull]*Proxy
}

// pull names the direction of a link: sink pulls from source.
type pull struct{ sink, source string }

// site is one region with its process.
type site struct {
	Region
	config  string // file
	data    string // folder
	gossip  string // host:port on which it listens
	relay   *relay // of its gossip, or nil
	process *Process
	// recorded says that the data folder is recorded while the region may run, and
	// recorder does it; flushed that everything is on disk before it counts.
	recorded bool
	recorder *recorder
	flushed  bool
	lives    int
	up       bool // as the test wants it; a process that ended by itself is found by Failed
}

// StartRegions starts a deployment in folders of the test's own, and returns when
// every region answers.
func StartRegions(t testing.TB, o Options) *Regions {
	t.Helper()
	if testing.Short() {
		t.Skip("processes are not what a short run is for")
	}
	if o.Regions == nil {
		o.Regions = []string{"us-east", "eu-west", "ap-south"}
	}
	r := &Regions{paths: map[pull]*Proxy{}}
	plans := make(map[string]*configs.Config, len(o.Regions))
	relays := make(map[string]*relay, len(o.Regions))
	for _, name := range o.Regions {
		plans[name] = draft(t, name, o.Regions)
		if o.CutGossip {
			relays[name] = startRelay(t, plans[name].Listen.Gossip)
			plans[name].Advertise.Gossip = relays[name].Addr()
		}
		plans[name].FillDefaults()
	}
	for _, name := range o.Regions {
		s := r.lay(t, plans, name, o.Configure)
		s.relay, s.recorded = relays[name], o.PowerCuts
		t.Cleanup(func() { s.endRecorder(t) })
		r.sites = append(r.sites, s)
	}
	for _, s := range r.sites {
		r.launch(t, s)
	}
	for _, s := range r.sites {
		s.awaitReady(t)
	}
	return r
}

// draft is a region's configuration without its neighbours.
func draft(t testing.TB, name string, regions []string) *configs.Config {
	c := configs.Defaults()
	c.Region, c.Data = geo.Region(name), filepath.Join(t.TempDir(), name)
	for _, other := range regions {
		c.Regions = append(c.Regions, geo.Region(other))
	}
	c.Listen = configs.Listen{NATS: FreePort(t), Cluster: FreePort(t), Gossip: FreePort(t), Admin: FreePort(t)}
	c.Broker.OpenWait = openWait
	c.Logs = []configs.Log{{Name: Log, Topics: []geo.Topic{Topic}}}
	return &c
}

// lay writes a region's configuration, with a Proxy on the way to each other one.
func (r *Regions) lay(t testing.TB, plans map[string]*configs.Config, name string, configure func(*configs.Config)) *site {
	t.Helper()
	c := plans[name]
	c.Link.Via = map[geo.Region]string{}
	for other, plan := range plans {
		if other == name {
			continue
		}
		path := StartProxy(t, plan.Listen.NATS)
		r.paths[pull{sink: name, source: other}] = path
		c.Link.Via[geo.Region(other)] = path.Addr()
		c.Gossip.Join = append(c.Gossip.Join, plan.Advertise.Gossip)
	}
	if configure != nil {
		configure(c)
	}
	text, err := c.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	s := &site{config: filepath.Join(t.TempDir(), name+".yaml"), data: c.Data, gossip: c.Listen.Gossip}
	s.flushed = slices.ContainsFunc(c.Logs, func(l configs.Log) bool { return l.Flush == configs.FlushSync })
	s.Region = Region{Name: name, NATS: "nats://" + c.Listen.NATS, Admin: "http://" + c.Listen.Admin}
	if err := os.WriteFile(s.config, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return s
}

func (r *Regions) launch(t testing.TB, s *site) {
	t.Helper()
	if s.recorded && s.recorder == nil {
		s.recorder = startRecorder(s.data)
	}
	s.process = Start(t, "server", "-c", s.config)
	s.lives, s.up = s.lives+1, true
}

// awaitReady returns when the region's own logs are open.
func (s *site) awaitReady(t testing.TB) {
	t.Helper()
	Await(t, 60*time.Second, func(ctx context.Context) error {
		if s.ended() {
			t.Fatalf("region %s ended with %d:\n%s", s.Name, s.process.ExitCode(), s.process.Output())
		}
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.Admin+"/readyz", nil)
		if err != nil {
			return err
		}
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			return fmt.Errorf("%s/readyz answers %s; output of %s:\n%s", s.Admin, answer.Status, s.Name, s.process.Output())
		}
		return nil
	})
}

func (s *site) ended() bool {
	select {
	case <-s.process.Done():
		return true
	default:
		return false
	}
}

// All are the regions in the order of Options.
func (r *Regions) All() []Region {
	var all []Region
	for _, s := range r.sites {
		all = append(all, s.Region)
	}
	return all
}

// Output is the end of what a region's present life has written.
func (r *Regions) Output(t testing.TB, region string) string {
	return r.site(t, region).process.Output()
}

// Failed says which regions have ended although nobody killed them.
func (r *Regions) Failed() error {
	for _, s := range r.sites {
		if s.up && s.ended() {
			return fmt.Errorf("region %s ended by itself with %d:\n%s", s.Name, s.process.ExitCode(), s.process.Output())
		}
	}
	return nil
}

func (r *Regions) site(t testing.TB, name string) *site {
	t.Helper()
	for _, s := range r.sites {
		if s.Name == name {
			return s
		}
	}
	t.Fatalf("no region %s", name)
	return nil
}

func (r *Regions) path(t testing.TB, sink, source string) *Proxy {
	t.Helper()
	p := r.paths[pull{sink, source}]
	if p == nil {
		t.Fatalf("no path by which %s pulls from %s", sink, source)
	}
	return p
}
