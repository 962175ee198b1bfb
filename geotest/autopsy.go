package geotest

import (
	"os"
	"path/filepath"
	"testing"

	"geomq/configs"
)

// Autopsy tells what the data folder of a killed region still holds of each
// origin's log: a node on its own starts from a copy of the folder, is read, and
// is killed. Nothing of the region itself is changed.
func (r *Regions) Autopsy(t testing.TB, region string, histories map[string]*History) map[string]Holding {
	t.Helper()
	lone := r.exhume(t, region)
	t.Cleanup(lone.process.Kill)
	defer lone.process.Kill()
	found := map[string]Holding{}
	for origin, h := range histories {
		holding, err := h.holdPatiently(t.Context(), lone.Region, stream(origin))
		if err != nil {
			t.Fatalf("what %s still has of %s: %v\n%s", region, stream(origin), err, lone.process.Output())
		}
		found[origin] = holding
	}
	return found
}

// exhume starts a node from a copy of region's folder that no other one reaches.
func (r *Regions) exhume(t testing.TB, region string) *site {
	t.Helper()
	s := r.site(t, region)
	c, err := configs.Load(s.config)
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	c.Data = filepath.Join(folder, "data")
	if err := os.CopyFS(c.Data, os.DirFS(s.data)); err != nil {
		t.Fatal(err)
	}
	c.Listen = configs.Listen{NATS: FreePort(t), Cluster: FreePort(t), Gossip: FreePort(t), Admin: FreePort(t)}
	c.Advertise = configs.Advertise{NATS: c.Listen.NATS, Gossip: c.Listen.Gossip, Admin: c.Listen.Admin}
	c.Gossip.Join = nil
	for _, other := range c.Regions {
		if string(other) != region {
			c.Link.Via[other] = FreePort(t) // where nobody listens
		}
	}
	lone := &site{config: filepath.Join(folder, "config.yaml"), data: c.Data}
	lone.Region = Region{Name: region, NATS: "nats://" + c.Listen.NATS, Admin: "http://" + c.Listen.Admin}
	text, err := c.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(lone.config, text, 0o600); err != nil {
		t.Fatal(err)
	}
	lone.process = Start(t, "server", "-c", lone.config)
	return lone
}
