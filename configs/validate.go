package configs

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"geomq/geo"
)

const (
	maxRegions = 64
	maxBrokers = 64
	maxLogs    = 1000
	// longestName bounds names and topics before their parsers repeat them in a
	// message. It is also what a topic may have: NATS refuses a control line of
	// more than 4 KiB, and replicas put a prefix in front of the subject.
	longestName = 255

	minPayload, maxPayload     = 64 * kib, 8 * mib
	minCredit, maxCredit       = mib, gib
	minFrame, maxFrame         = 64 * kib, 256 * kib
	minHeartbeat, maxHeartbeat = 100 * time.Millisecond, 10 * time.Second
	minDedupe, maxDedupe       = 100 * time.Millisecond, day
	minMaxAge                  = time.Second
	maxOpenWait                = time.Hour
	maxDiskFree                = 50 // percent
)

// Validate says everything that is wrong with c, whose defaults must have been
// filled in; nil means that a node can be built from it. It looks only at the
// values: whether the folder can be written and the ports are free shows when the
// node starts. The problems carry no lines.
func (c *Config) Validate() Problems {
	var ps Problems
	c.validateNames(&ps)
	c.validateData(&ps)
	c.Listen.validate(&ps, c.Insecure)
	c.Advertise.validate(&ps, c.Listen)
	c.Gossip.validate(&ps, c.Listen)
	c.Broker.validate(&ps)
	c.Link.validate(&ps)
	c.validateVia(&ps)
	c.Disk.validate(&ps)
	if c.Scrub.Rate < 0 {
		ps.add("scrub.rate", "%v is negative; 0 is no scrubbing", c.Scrub.Rate)
	}
	c.validateLogs(&ps)
	return ps
}

// validateNames reports a bad region once, not again for what is derived from it.
func (c *Config) validateNames(ps *Problems) {
	bad := badName(string(c.Region), geo.ParseRegion)
	switch {
	case c.Region == "":
		ps.add("region", "is required; name the region this node stands in, e.g. us-east")
	case bad != "":
		ps.add("region", "%s", bad)
	}
	if bad == "" || c.Node != "" && c.Node != defaultNode(c.Region) {
		if bad := badName(c.Node, geo.ParseRegion); bad != "" {
			ps.add("node", "%s", strings.Replace(bad, geo.ErrRegion.Error(), "not a node name", 1))
		}
	}
	c.validateRegions(ps)
}

func (c *Config) validateRegions(ps *Problems) {
	if len(c.Regions) > maxRegions {
		ps.add("regions", "names %d regions, at most %d fit", len(c.Regions), maxRegions)
		return
	}
	if c.Region != "" && !slices.Contains(c.Regions, c.Region) {
		ps.add("regions", "lacks this node's own region %s; add it", quote(string(c.Region)))
	}
	for i, r := range c.Regions {
		at := index("regions", i)
		if bad := badName(string(r), geo.ParseRegion); bad != "" && r != c.Region {
			ps.add(at, "%s", bad)
		}
		if slices.Index(c.Regions, r) < i {
			ps.add(at, "%s stands here a second time; keep one", quote(string(r)))
		}
	}
}

func (c *Config) validateData(ps *Problems) {
	switch {
	case c.Data == "":
		ps.add("data", "is required; name a folder for what the node keeps, e.g. /var/lib/geomq")
	case !utf8.ValidString(c.Data) || strings.ContainsRune(c.Data, 0):
		ps.add("data", "%s can't be a folder's name", quote(c.Data))
	case c.Data == "~" || strings.HasPrefix(c.Data, "~/"):
		ps.add("data", "%s begins with ~, which only a shell understands; write the folder out", quote(c.Data))
	}
}

func (b *Broker) validate(ps *Problems) {
	checkRange(ps, "broker.brokers", b.Brokers, 1, maxBrokers)
	checkRange(ps, "broker.max_payload", b.MaxPayload, minPayload, maxPayload)
	checkRange(ps, "broker.open_wait", Duration(b.OpenWait), 0, Duration(maxOpenWait))
	if b.MaxStore < 0 {
		ps.add("broker.max_store", "%v is negative; 0 is as much as the disk has", b.MaxStore)
	}
	if b.Brokers > 1 && len(b.Routes) == 0 {
		ps.add("broker.routes", "is required with %d brokers; name the cluster address of another one", b.Brokers)
	}
	if b.Brokers == 1 && len(b.Routes) > 0 {
		ps.add("broker.routes", "names other brokers, but broker.brokers is 1; set it to how many the region has")
	}
	for i, route := range b.Routes {
		checkDialled(ps, index("broker.routes", i), route)
	}
}

func (d *Disk) validate(ps *Problems) {
	checkRange(ps, "disk.stop_replicas", d.StopReplicas, 1, maxDiskFree)
	checkRange(ps, "disk.fence_origins", d.FenceOrigins, 0, maxDiskFree)
	if d.FenceOrigins >= d.StopReplicas {
		ps.add("disk.fence_origins", "%d is not below disk.stop_replicas (%d); replicas can be fetched again, so they give way first", d.FenceOrigins, d.StopReplicas)
	}
}

func (l *Link) validate(ps *Problems) {
	checkRange(ps, "link.credit", l.Credit, minCredit, maxCredit)
	checkRange(ps, "link.frame", l.Frame, minFrame, maxFrame)
	if l.Frame > l.Credit/2 {
		ps.add("link.frame", "%v is more than half of link.credit (%v); a link needs two frames on the way", l.Frame, l.Credit)
	}
	checkRange(ps, "link.heartbeat", Duration(l.Heartbeat), Duration(minHeartbeat), Duration(maxHeartbeat))
	checkWord(ps, "link.compression", l.Compression, CompressionZstd, CompressionS2, CompressionNone)
}

// badName is why parse refuses text, "" if it doesn't.
func badName[T any](text string, parse func(string) (T, error)) string {
	if len(text) > longestName {
		return fmt.Sprintf("%s has %d characters, which is too long", quote(text), len(text))
	}
	if _, err := parse(text); err != nil {
		return err.Error()
	}
	return ""
}

func checkRange[T int | Bytes | Duration](ps *Problems, path string, v, least, most T) {
	if v < least || v > most {
		ps.add(path, "%v is out of range; allowed are %v to %v", v, least, most)
	}
}

func checkWord[T ~string](ps *Problems, path string, word T, known ...T) {
	if !slices.Contains(known, word) {
		ps.add(path, "%s is unknown; known are %s", quote(string(word)), list(known))
	}
}
