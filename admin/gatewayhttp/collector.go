package gatewayhttp

import (
	"github.com/prometheus/client_golang/prometheus"

	"geomq/geo/gateway"
)

// Source tells what a gateway does at the moment; Gateway.Status is one.
type Source func() gateway.Status

var byBackend = []string{"backend", "region"}

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("geomq_gateway_"+name, help, labels, nil)
}

var (
	servesDesc      = desc("serves", "1 while some backend takes clients.")
	limitDesc       = desc("max_connections", "Open connections at most.")
	openDesc        = desc("connections", "Open connections of clients.", byBackend...)
	openedDesc      = desc("opened_total", "Connections of clients that reached a backend.", byBackend...)
	closedDesc      = desc("closed_total", "Connections that ended, by cause; backend is empty where they reached none.", append(byBackend, "cause")...)
	failuresDesc    = desc("dial_failures_total", "Connections to a backend that could not be made for a client.", byBackend...)
	bytesDesc       = desc("bytes_total", "Bytes passed on, by direction as clients see it.", append(byBackend, "direction")...)
	tripDesc        = desc("probe_round_trip_seconds", "Smoothed round trip of probes.", byBackend...)
	stateDesc       = desc("backend_state", "1 for the state in which the backend is.", append(byBackend, "state")...)
	transitionsDesc = desc("backend_transitions_total", "How often the backend came into the state.", append(byBackend, "state")...)
)

// Collector gives a gateway's figures to a registry.
type Collector struct{ Source Source }

// Describe sends every description, so that a name used twice shows at once.
func (Collector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		servesDesc, limitDesc, openDesc, openedDesc, closedDesc, failuresDesc, bytesDesc, tripDesc, stateDesc, transitionsDesc,
	} {
		out <- d
	}
}

// Collect sends what the gateway's status says at the moment.
func (c Collector) Collect(out chan<- prometheus.Metric) {
	st := c.Source()
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	count := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, v, labels...)
	}
	gauge(servesDesc, truth(st.Serves))
	gauge(limitDesc, float64(st.MaxConnections))
	for cause, n := range st.Closed {
		count(closedDesc, float64(n), "", "", string(cause))
	}
	for _, b := range st.Backends {
		labels := []string{b.Name, string(b.Region)}
		with := func(last string) []string { return append(labels[:2:2], last) }
		gauge(openDesc, float64(b.Connections), labels...)
		count(openedDesc, float64(b.Opened), labels...)
		count(failuresDesc, float64(b.DialFailures), labels...)
		count(bytesDesc, float64(b.Received), with("sent")...)
		count(bytesDesc, float64(b.Sent), with("received")...)
		gauge(tripDesc, b.RoundTrip/1000, labels...)
		for cause, n := range b.Closed {
			count(closedDesc, float64(n), with(string(cause))...)
		}
		for _, s := range gateway.States() {
			gauge(stateDesc, truth(s == b.State), with(string(s))...)
			count(transitionsDesc, float64(b.Became[s]), with(string(s))...)
		}
	}
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// Collectors are what a node adds to its own metrics for the gateway in it, nothing
// where it has none.
func Collectors(g *gateway.Gateway) []prometheus.Collector {
	if g == nil {
		return nil
	}
	return []prometheus.Collector{Collector{g.Status}}
}
