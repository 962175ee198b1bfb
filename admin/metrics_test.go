package admin

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

// metricNames is what dashboards and alerts rely on: names are added, never
// changed.
var metricNames = []string{
	"geomq_build_info",
	"geomq_link_applied_offset", "geomq_link_credit_bytes", "geomq_link_credit_used_bytes", "geomq_link_entries_total",
	"geomq_link_frames_total", "geomq_link_halted", "geomq_link_head_offset", "geomq_link_lag_bytes", "geomq_link_lag_entries",
	"geomq_link_lag_seconds", "geomq_link_last_heartbeat_timestamp_seconds", "geomq_link_raw_bytes_total",
	"geomq_link_reconnects_total", "geomq_link_refused_total", "geomq_link_repeated_entries_total", "geomq_link_resent_entries_total",
	"geomq_link_round_trip_seconds", "geomq_link_seals_total", "geomq_link_up", "geomq_link_wire_bytes_total",
	"geomq_log_bytes", "geomq_log_entries", "geomq_log_epoch", "geomq_log_first_offset", "geomq_log_last_offset",
	"geomq_log_open", "geomq_log_sealed_offset",
	"geomq_region_nodes",
}

func full() *node {
	b := orders("eu-west", 5)
	pulled("eu-west", 5, 9, ptr(1.5))(&b.status)
	l := &b.status.Links[0]
	l.LagBytes, l.RTTSeconds, l.LastHeartbeat = ptr(uint64(100)), ptr(0.08), time.Unix(1700000000, 0)
	l.Refused = map[string]uint64{"checksum": 2}
	b.peers = []Node{{Region: "eu-west", Name: "n1", Self: true}, peer("us-east", "n1"), {Region: "us-east", Name: "n2"}}
	return b
}

func registry(t *testing.T, b Backend) *prometheus.Registry {
	t.Helper()
	r := prometheus.NewPedanticRegistry()
	if err := r.Register(collector{b, "v0.1.0"}); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestMetricsKeepTheirNamesAndTheConventions(t *testing.T) {
	r := registry(t, full())
	problems, err := testutil.GatherAndLint(r)
	if err != nil || len(problems) > 0 {
		t.Errorf("%v %v", err, problems)
	}
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]bool{}
	for _, f := range families {
		got[f.GetName()] = true
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				if strings.Contains(l.GetValue(), "@") {
					t.Errorf("%s carries a stream's name: %s=%s", f.GetName(), l.GetName(), l.GetValue())
				}
			}
		}
	}
	if names := slices.Sorted(maps.Keys(got)); !slices.Equal(names, metricNames) {
		t.Errorf("%q, want %q", names, metricNames)
	}
}

func TestAnUnknownLagIsAbsentAndNotZero(t *testing.T) {
	b := full()
	b.status.Links[0].LagEntries, b.status.Links[0].LagBytes, b.status.Links[0].LagSeconds = nil, nil, nil
	count, err := testutil.GatherAndCount(registry(t, b), "geomq_link_lag_entries", "geomq_link_lag_bytes", "geomq_link_lag_seconds")
	if err != nil || count != 0 {
		t.Errorf("%d figures, %v", count, err)
	}
}

func TestFiguresAndLabels(t *testing.T) {
	want := `
# HELP geomq_link_lag_seconds Age of the oldest entry that the replica lacks, absent without a fresh head.
# TYPE geomq_link_lag_seconds gauge
geomq_link_lag_seconds{log="ORDERS",origin="us-east",queue="0",region="eu-west"} 1.5
# HELP geomq_link_refused_total Frames and entries that were refused, by cause.
# TYPE geomq_link_refused_total counter
geomq_link_refused_total{cause="checksum",log="ORDERS",origin="us-east",queue="0",region="eu-west"} 2
# HELP geomq_region_nodes Nodes of the region that gossip sees alive.
# TYPE geomq_region_nodes gauge
geomq_region_nodes{region="ap-south"} 0
geomq_region_nodes{region="eu-west"} 1
geomq_region_nodes{region="us-east"} 1
`
	err := testutil.GatherAndCompare(registry(t, full()), strings.NewReader(want), "geomq_link_lag_seconds", "geomq_link_refused_total", "geomq_region_nodes")
	if err != nil {
		t.Error(err)
	}
}

// TestALinkThatIsListedTwiceDoesNotBreakTheScrape: one row for the run before a
// restart, one for that behind it.
func TestALinkThatIsListedTwiceDoesNotBreakTheScrape(t *testing.T) {
	b := full()
	b.status.Links = append(b.status.Links, b.status.Links[0])
	s := serve(t, b)
	code, body := fetch(t, s, "GET", "/metrics", "")
	if code != 200 || strings.Count(body, "\ngeomq_link_up{") != 1 || !strings.Contains(body, "\ngo_goroutines ") {
		t.Errorf("%d %s", code, body)
	}
}
