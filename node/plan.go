package node

import (
	"slices"
	"time"

	"geomq/configs"
	"geomq/geo"
	"geomq/mirror"
)

// How long a control log keeps its records, and how many; what is still true is
// written again before that.
const (
	controlAge     = 30 * 24 * time.Hour
	controlEntries = 100_000
)

// plan lists the duties that the configuration gives to this node: the regions'
// control logs first, then the logs.
func (n *Node) plan() []*duty {
	duties := []*duty{}
	for _, region := range n.cfg.Regions {
		duties = append(duties, n.newDuty(geo.ControlLog(region), n.controlConfig(region)))
	}
	for _, log := range n.cfg.Logs {
		if !slices.Contains(log.Regions, n.cfg.Region) {
			continue
		}
		for _, origin := range log.Regions {
			duties = append(duties, n.newDuty(geo.CommitLog{Log: log.Name, Queue: geo.SoleQueue, Origin: origin}, log))
		}
	}
	return duties
}

// controlConfig is what a region's control log would be if it stood in a
// configuration. Nobody publishes to its topic: it is always fenced.
func (n *Node) controlConfig(region geo.Region) configs.Log {
	mode := configs.ModeSingle
	if n.clustered() {
		mode = configs.ModeSync
	}
	return configs.Log{
		Name: geo.ControlLog(region).Log, Topics: []geo.Topic{geo.Topic("geomq.control." + string(region) + ".none")},
		Regions: n.cfg.Regions, Mode: mode, Flush: configs.FlushSync,
		Retention:    configs.Retention{MaxAge: controlAge, MaxEntries: controlEntries},
		DedupeWindow: time.Second,
	}
}

func (n *Node) newDuty(id geo.CommitLog, log configs.Log) *duty {
	d := &duty{node: n, id: id, log: log, logger: n.log.With("log", id.Stream())}
	if id.Origin != n.cfg.Region {
		d.link = n.newLink(id, log)
	}
	return d
}

// newLink is the link into the replica of id: from its origin, or from any other
// region that holds it.
func (n *Node) newLink(id geo.CommitLog, log configs.Log) *mirror.Link {
	holders := []geo.Region{id.Origin}
	for _, region := range log.Regions {
		if region != id.Origin && region != n.cfg.Region {
			holders = append(holders, region)
		}
	}
	return mirror.NewLink(n.linkConfig(id, holders))
}

// linkConfig has everything that is the same for all links of the node.
func (n *Node) linkConfig(id geo.CommitLog, holders []geo.Region) mirror.LinkConfig {
	codec, _ := mirror.ParseCodec(string(n.cfg.Link.Compression)) // validated
	return mirror.LinkConfig{
		Log: id, Holders: holders, Asker: n.dialer, To: n.cfg.Region, Dialer: n.dialer, Replicas: n.cluster(),
		MaxEntry: n.maxEntry(), Credit: uint64(n.cfg.Link.Credit), Frame: int(n.cfg.Link.Frame), Codec: codec,
		Heartbeat: n.cfg.Link.Heartbeat, Logger: n.log,
	}
}

// topics are those that this region's producers publish to.
func (n *Node) topics() []geo.Topic {
	var topics []geo.Topic
	for _, log := range n.cfg.Logs {
		if slices.Contains(log.Regions, n.cfg.Region) {
			topics = append(topics, log.Topics...)
		}
	}
	return topics
}
