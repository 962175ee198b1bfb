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

// ofLedger is absent where the ledger is not known.
func ofLedger(value func(*LedgerCount) uint64) func(*Log) (float64, bool) {
	return func(l *Log) (float64, bool) {
		if l.Ledger == nil {
			return 0, false
		}
		return float64(value(l.Ledger)), true
	}
}

// scrubbed is a counter that is absent where scrubbing is off.
func scrubbed(name, help string, value func(*Scrub) uint64) metric[Log] {
	m := optional(name, help, func(l *Log) (float64, bool) {
		if l.Scrub == nil {
			return 0, false
		}
		return float64(value(l.Scrub)), true
	})
	m.kind = prometheus.CounterValue
	return m
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
	out <- diskFreeDesc
	out <- diskStateDesc
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
	for _, d := range dedupeDisks(local.Disks) {
		d.collect(out)
	}
	for region, n := range aliveNodes(local, c.backend.Peers()) {
		out <- prometheus.MustNewConstMetric(nodesDesc, prometheus.GaugeValue, float64(n), string(region))
	}
	out <- prometheus.MustNewConstMetric(buildDesc, prometheus.GaugeValue, 1, c.version, runtime.Version())
}

func (d Disk) collect(out chan<- prometheus.Metric) {
	if ratio, ok := d.Ratio(); ok {
		out <- prometheus.MustNewConstMetric(diskFreeDesc, prometheus.GaugeValue, ratio, string(d.Region), d.Node)
	}
	for _, s := range diskStates {
		out <- prometheus.MustNewConstMetric(diskStateDesc, prometheus.GaugeValue, truth(d.State == s), string(d.Region), d.Node, string(s))
	}
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
