package admin

import "github.com/prometheus/client_golang/prometheus"

var logMetrics = []metric[Log]{
	gauge("geomq_log_first_offset", "Oldest offset that the region keeps of the log.", func(l *Log) float64 { return float64(l.First) }),
	gauge("geomq_log_last_offset", "Newest offset that the region has of the log.", func(l *Log) float64 { return float64(l.Last) }),
	gauge("geomq_log_sealed_offset", "Last offset that a seal covers.", func(l *Log) float64 { return float64(l.SealedTo) }),
	gauge("geomq_log_entries", "Entries that the region keeps of the log.", func(l *Log) float64 { return float64(l.Entries) }),
	gauge("geomq_log_bytes", "Bytes that they occupy.", func(l *Log) float64 { return float64(l.Bytes) }),
	gauge("geomq_log_epoch", "Number of the newest epoch.", func(l *Log) float64 { return float64(l.Epoch) }),
	gauge("geomq_log_open", "Whether the log takes entries (1) or is shut to them (0).", func(l *Log) float64 { return truth(l.State == LogOpen) }),
	gauge("geomq_log_holes", "Offsets between the first and the last that hold no entry for a recorded reason.", func(l *Log) float64 { return float64(l.Holes) }),
	gauge("geomq_log_lacking_offsets", "Offsets without an entry and without a reason.", func(l *Log) float64 { return float64(l.Lacking.Len()) }),
	gauge("geomq_log_damaged_offsets", "Offsets in blocks that are not what their seal says.", func(l *Log) float64 { return float64(l.Damaged.Len()) }),
	gauge("geomq_log_gap_offsets", "Offsets that an operator gave up for this holder.", func(l *Log) float64 { return float64(l.Gaps.Len()) }),
	counter("geomq_log_deletions_total", "Records of entries deleted on purpose, since the log began.", func(l *Log) uint64 { return l.Deletions }),
	optional("geomq_ledger_entries", "Entries of the log in the region's ledger.", ofLedger(func(c *LedgerCount) uint64 { return c.Entries })),
	optional("geomq_ledger_open_entries", "Those of them that were not published again.", ofLedger(func(c *LedgerCount) uint64 { return c.Open })),
	scrubbed("geomq_scrub_blocks_total", "Sealed blocks that were read again and compared.", func(s *Scrub) uint64 { return s.Blocks }),
	scrubbed("geomq_scrub_failures_total", "Those that were not what their seal says.", func(s *Scrub) uint64 { return s.Failures }),
	scrubbed("geomq_scrub_repaired_total", "Those of the failures that were fetched again.", func(s *Scrub) uint64 { return s.Repaired }),
}

var linkMetrics = []metric[Link]{
	gauge("geomq_link_up", "Whether the link streams.", func(l *Link) float64 { return truth(l.State == LinkStreaming) }),
	gauge("geomq_link_halted", "Whether the link waits for an operator.", func(l *Link) float64 { return truth(l.State == LinkHalted) }),
	gauge("geomq_link_applied_offset", "Newest offset that the replica has.", func(l *Link) float64 { return float64(l.Applied) }),
	gauge("geomq_link_head_offset", "Newest offset heard of at the holder that serves.", func(l *Link) float64 { return float64(l.Head) }),
	optional("geomq_link_lag_entries", "Entries that the replica is behind, absent without a fresh head.", func(l *Link) (float64, bool) { return known(l.LagEntries) }),
	optional("geomq_link_lag_bytes", "Bytes that the replica is behind, absent without a fresh head.", func(l *Link) (float64, bool) { return known(l.LagBytes) }),
	optional("geomq_link_lag_seconds", "Age of the oldest entry that the replica lacks, absent without a fresh head.", func(l *Link) (float64, bool) { return known(l.LagSeconds) }),
	optional("geomq_link_round_trip_seconds", "Round trip to the holder that serves.", func(l *Link) (float64, bool) { return known(l.RTTSeconds) }),
	optional("geomq_link_last_heartbeat_timestamp_seconds", "When the last heartbeat came, in seconds since 1970.", func(l *Link) (float64, bool) { return stamp(l.LastHeartbeat) }),
	gauge("geomq_link_credit_bytes", "Bytes that the replica lets be under way.", func(l *Link) float64 { return float64(l.Credit) }),
	gauge("geomq_link_credit_used_bytes", "Bytes that are under way.", func(l *Link) float64 { return float64(l.CreditUsed) }),
	counter("geomq_link_entries_total", "Entries applied.", func(l *Link) uint64 { return l.Entries }),
	counter("geomq_link_frames_total", "Frames received.", func(l *Link) uint64 { return l.Frames }),
	counter("geomq_link_wire_bytes_total", "Bytes of frames as they came over the wire.", func(l *Link) uint64 { return l.WireBytes }),
	counter("geomq_link_raw_bytes_total", "Bytes of the same frames unpacked.", func(l *Link) uint64 { return l.RawBytes }),
	counter("geomq_link_resent_entries_total", "Entries that came again and were recognised.", func(l *Link) uint64 { return l.Resent }),
	counter("geomq_link_repeated_entries_total", "Entries with a key that stands at another offset too.", func(l *Link) uint64 { return l.Repeated }),
	counter("geomq_link_seals_total", "Seals that were compared and agreed.", func(l *Link) uint64 { return l.Seals }),
	counter("geomq_link_reconnects_total", "Times the link was opened again.", func(l *Link) uint64 { return l.Reconnects }),
	counter("geomq_link_holder_switches_total", "Times the link went to another holder.", func(l *Link) uint64 { return l.Switches }),
	gauge("geomq_link_relayed", "Whether the link pulls from another holder than the origin.", func(l *Link) float64 { return truth(l.From != l.Origin) }),
	gauge("geomq_link_missing_offsets", "Offsets that a halted link can't get from anyone.", func(l *Link) float64 { return float64(l.Missing.Len()) }),
}

var (
	refusedDesc = prometheus.NewDesc("geomq_link_refused_total", "Frames and entries that were refused, by cause.",
		append([]string{"cause"}, labels...), nil)
	nodesDesc     = prometheus.NewDesc("geomq_region_nodes", "Nodes of the region that gossip sees alive.", []string{"region"}, nil)
	diskFreeDesc  = prometheus.NewDesc("geomq_disk_free_ratio", "How much of the node's disk is free, from 0 to 1.", []string{"region", "node"}, nil)
	diskStateDesc = prometheus.NewDesc("geomq_disk_state", "Whether the node's disk is in this state (1) or not (0).", []string{"region", "node", "state"}, nil)
	buildDesc     = prometheus.NewDesc("geomq_build_info", "Always 1; the labels tell the versions.", []string{"version", "go_version"}, nil)
)
