package configs

// field is one field of a mapping. The tables below are the only place that
// knows keys: reading, writing, suggestions and Reference all walk them.
type field struct {
	key   string
	value value
	// derived says in words what an absent field means, where that is no constant.
	derived string
	text    string
}

// section is a mapping with known fields.
type section []field

func (c *Config) fields() section {
	return section{
		{"region", textOf(&c.Region), "required", "The region this node stands in: a DNS label such as us-east."},
		{"node", textOf(&c.Node), "REGION-1", "The node's name, unique in its region."},
		{"regions", textsOf(&c.Regions), "[REGION]", "All regions of the deployment, the same list on every node; 64 at most."},
		{"data", textOf(&c.Data), "required", "Folder of everything the node keeps."},
		{"insecure", flagOf(&c.Insecure), "", "Allow listeners beyond loopback although nothing is encrypted yet."},
		{"listen", c.Listen.fields(), "", ""},
		{"advertise", c.Advertise.fields(), "", ""},
		{"gossip", c.Gossip.fields(), "", ""},
		{"broker", c.Broker.fields(), "", ""},
		{"link", c.Link.fields(), "", ""},
		{"disk", c.Disk.fields(), "", ""},
		{"scrub", c.Scrub.fields(), "", ""},
		{"logs", logsOf(&c.Logs), "", ""},
	}
}

func (l *Listen) fields() section {
	return section{
		{"nats", textOf(&l.NATS), "", "Where clients and the links of other regions connect; port 0 picks a free one."},
		{"cluster", textOf(&l.Cluster), "", "Where the other brokers of the region connect; unused by a sole broker."},
		{"gossip", textOf(&l.Gossip), "", "Where nodes of all regions gossip, over TCP and UDP."},
		{"admin", textOf(&l.Admin), "", "Where the HTTP API, metrics and health checks are."},
		{"gateway", textOf(&l.Gateway), "none", "Where a gateway takes clients to whichever broker of the region serves."},
	}
}

func (a *Advertise) fields() section {
	const derived = "what is listened on"
	return section{
		{"nats", textOf(&a.NATS), derived, "What others dial for listen.nats; required behind 0.0.0.0 or [::]."},
		{"gossip", textOf(&a.Gossip), derived, "What others dial for listen.gossip; required behind 0.0.0.0 or [::]."},
		{"admin", textOf(&a.Admin), derived, "What others dial for listen.admin; required behind 0.0.0.0 or [::]."},
	}
}

func (g *Gossip) fields() section {
	return section{
		{"join", textsOf(&g.Join), "none", "Members of any region to join by; one that answers is enough."},
		{"key", textOf(&g.Key), "none", "Base64 of 16, 24 or 32 bytes, the same on every node; needed beyond loopback."},
		{"key_file", textOf(&g.KeyFile), "none", "File that holds the key, instead of key; counts from the folder of this file."},
	}
}

func (b *Broker) fields() section {
	return section{
		{"routes", textsOf(&b.Routes), "none", "Cluster addresses of other brokers in this region."},
		{"brokers", wholeOf(&b.Brokers), "", "How many brokers the region has; 64 at most."},
		{"max_payload", sizeOf(&b.MaxPayload), "", "The largest message, 64KiB to 8MiB."},
		{"max_store", sizeOf(&b.MaxStore), "", "What the broker may keep on disk; 0 is as much as the disk has."},
		{"open_wait", spanOf(&b.OpenWait), "", "How long a log that may have lost its newest entries waits for regions that could have them, up to 1h."},
	}
}

func (d *Disk) fields() section {
	return section{
		{"stop_replicas", wholeOf(&d.StopReplicas), "", "Percent of free disk at which links stop pulling, 1 to 50."},
		{"fence_origins", wholeOf(&d.FenceOrigins), "", "Percent of free disk at which producers are refused, below stop_replicas."},
	}
}

func (s *Scrub) fields() section {
	return section{
		{"rate", sizeOf(&s.Rate), "", "Bytes a second read again in the background to compare them with their seals; 0 is none."},
	}
}

func (l *Link) fields() section {
	return section{
		{"credit", sizeOf(&l.Credit), "", "What a link may hold in memory, 1MiB to 1GiB."},
		{"frame", sizeOf(&l.Frame), "", "What a frame holds before compression, 64KiB to 256KiB."},
		{"compression", textOf(&l.Compression), "", "zstd, s2 or none."},
		{"heartbeat", spanOf(&l.Heartbeat), "", "How often an idle link reports, 100ms to 10s."},
		{"via", detoursOf(&l.Via), "none", "REGION: host:port to dial for a region's links instead of what its nodes advertise, such as a tunnel."},
	}
}

func (l *Log) fields() section {
	return section{
		{"name", textOf(&l.Name), "required", "The log's name: letters, digits, '_' and '-', such as ORDERS."},
		{"topics", textsOf(&l.Topics), "required", "Subjects that the log takes, such as orders.>; no two logs may overlap."},
		{"regions", textsOf(&l.Regions), "all regions", "Which regions have the log."},
		{"mode", textOf(&l.Mode), "sync with 3 brokers or more, else single", "single: one broker keeps an entry; sync: a majority of 3 or 5."},
		{"flush", textOf(&l.Flush), string(FlushAsync), "async: acknowledge from the page cache; sync: after fsync."},
		{"retention", l.Retention.fields(), "", ""},
		{"dedupe_window", positiveSpanOf(&l.DedupeWindow), "2m, or retention.max_age if less", "How long message ids are remembered, 100ms to 24h."},
	}
}

func (r *Retention) fields() section {
	return section{
		{"max_age", spanOf(&r.MaxAge), "no limit", "Age at which entries go, such as 7d; 1s at least."},
		{"max_bytes", sizeOf(&r.MaxBytes), "no limit", "How much one CommitLog of the log may hold."},
		{"max_entries", wholeOf(&r.MaxEntries), "no limit", "How many entries one CommitLog of the log may hold."},
	}
}
