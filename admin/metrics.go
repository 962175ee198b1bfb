package admin

import (
	"fmt"
	"net/http"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"geomq/geo"
)

// newMetrics is the handler of /metrics. The error says which of the configured
// collectors does not fit.
func newMetrics(cfg Config) (http.Handler, error) {
	registry := prometheus.NewRegistry()
	all := append([]prometheus.Collector{
		collector{cfg.Backend, cfg.Version},
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	}, cfg.Collectors...)
	for _, c := range all {
		if err := registry.Register(c); err != nil {
			return nil, fmt.Errorf("%w: metrics: %w", ErrConfig, err)
		}
	}
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError}), nil
}

// labels of every metric of a log or link; region is the holder's, for a link
// the one it copies into.
var labels = []string{"log", "queue", "origin", "region"}

// metric is one figure of a T that may be absent.
type metric[T any] struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(*T) (float64, bool)
}

func gauge[T any](name, help string, value func(*T) float64) metric[T] {
	return optional(name, help, func(t *T) (float64, bool) { return value(t), true })
}

func optional[T any](name, help string, value func(*T) (float64, bool)) metric[T] {
	return metric[T]{prometheus.NewDesc(name, help, labels, nil), prometheus.GaugeValue, value}
}

func counter[T any](name, help string, value func(*T) uint64) metric[T] {
	return metric[T]{prometheus.NewDesc(name, help, labels, nil), prometheus.CounterValue,
		func(t *T) (float64, bool) { return float64(value(t)), true }}
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func known[N uint64 | float64](n *N) (float64, bool) {
	if n == nil {
		return 0, false
	}
	return float64(*n), true
}

// stamp is t in seconds since 1970, absent where t is zero.
func stamp(t time.Time) (float64, bool) { return float64(t.UnixMilli()) / 1000, !t.IsZero() }

var logMetrics = []metric[Log]{
	gauge("geomq_log_first_offset", "Oldest offset that the region keeps of the log.", func(l *Log) float64 { return float64(l.First) }),
	gauge("geomq_log_last_offset", "Newest offset that the region has of the log.", func(l *Log) float64 { return float64(l.Last) }),
	gauge("geomq_log_sealed_offset", "Last offset that a seal covers.", func(l *Log) float64 { return float64(l.SealedTo) }),
	gauge("geomq_log_entries", "Entries that the region keeps of the log.", func(l *Log) float64 { return float64(l.Entries) }),
	gauge("geomq_log_bytes", "Bytes that they occupy.", func(l *Log) float64 { return float64(l.Bytes) }),
	gauge("geomq_log_epoch", "Number of the newest epoch.", func(l *Log) float64 { return float64(l.Epoch) }),
	gauge("geomq_log_open", "Whether the log takes entries (1) or waits, is halted or in conflict (0).", func(l *Log) float64 { return truth(l.State == LogOpen) }),
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
}

var (
	refusedDesc = prometheus.NewDesc("geomq_link_refused_total", "Frames and entries that were refused, by cause.",
		append([]string{"cause"}, labels...), nil)
	nodesDesc = prometheus.NewDesc("geomq_region_nodes", "Nodes of the region that gossip sees alive.", []string{"region"}, nil)
	buildDesc = prometheus.NewDesc("geomq_build_info", "Always 1; the labels tell the versions.", []string{"version", "go_version"}, nil)
)

// collector reads the metrics off a Backend whenever it is asked.
type collector struct {
	backend Backend
	version string
}

// Describe sends every description, so that a name used twice shows at once.
func (collector) Describe(out chan<- *prometheus.Desc) {
	for _, m := range logMetrics {
		out <- m.desc
	}
	for _, m := range linkMetrics {
		out <- m.desc
	}
	out <- refusedDesc
	out <- nodesDesc
	out <- buildDesc
}

// Collect sends what Local says at the moment. Rows are deduplicated first: two
// of the same labels would make the whole scrape fail.
func (c collector) Collect(out chan<- prometheus.Metric) {
	local := c.backend.Local()
	for _, l := range dedupeLogs(local.Logs) {
		send(out, logMetrics, &l, string(l.Log), l.Queue, string(l.Origin), string(l.Region))
	}
	for _, l := range dedupeLinks(local.Links) {
		values := []string{string(l.Log), l.Queue, string(l.Origin), string(l.To)}
		send(out, linkMetrics, &l, values...)
		for cause, n := range l.Refused {
			out <- prometheus.MustNewConstMetric(refusedDesc, prometheus.CounterValue, float64(n), append([]string{cause}, values...)...)
		}
	}
	for region, n := range aliveNodes(local, c.backend.Peers()) {
		out <- prometheus.MustNewConstMetric(nodesDesc, prometheus.GaugeValue, float64(n), string(region))
	}
	out <- prometheus.MustNewConstMetric(buildDesc, prometheus.GaugeValue, 1, c.version, runtime.Version())
}

func send[T any](out chan<- prometheus.Metric, metrics []metric[T], row *T, values ...string) {
	for _, m := range metrics {
		if v, ok := m.value(row); ok {
			out <- prometheus.MustNewConstMetric(m.desc, m.kind, v, values...)
		}
	}
}

// aliveNodes counts the nodes that answer by gossip's judgement, with a 0 for a
// region that has none.
func aliveNodes(local Status, peers []Node) map[geo.Region]int {
	alive := map[geo.Region]int{}
	for _, r := range local.Regions {
		alive[r.Name] = 0
	}
	for _, n := range peers {
		if n.Answering || n.Self {
			alive[n.Region]++
		} else {
			alive[n.Region] += 0
		}
	}
	return alive
}
