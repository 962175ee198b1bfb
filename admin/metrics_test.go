package admin

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"geomq/geo"
)

// metricNames is what dashboards and alerts rely on: names are added, never
// changed.
var metricNames = []string{
	"geomq_build_info", "geomq_disk_free_ratio", "geomq_disk_state", "geomq_ledger_entries", "geomq_ledger_open_entries",
	"geomq_link_applied_offset", "geomq_link_credit_bytes", "geomq_link_credit_used_bytes", "geomq_link_entries_total",
	"geomq_link_frames_total", "geomq_link_halted", "geomq_link_head_offset", "geomq_link_holder_switches_total",
	"geomq_link_lag_bytes", "geomq_link_lag_entries", "geomq_link_lag_seconds", "geomq_link_last_heartbeat_timestamp_seconds",
	"geomq_link_missing_offsets", "geomq_link_raw_bytes_total", "geomq_link_reconnects_total", "geomq_link_refused_total",
	"geomq_link_relayed", "geomq_link_repeated_entries_total", "geomq_link_resent_entries_total",
	"geomq_link_round_trip_seconds", "geomq_link_seals_total", "geomq_link_up", "geomq_link_wire_bytes_total",
	"geomq_log_bytes", "geomq_log_damaged_offsets", "geomq_log_deletions_total", "geomq_log_entries", "geomq_log_epoch",
	"geomq_log_first_offset", "geomq_log_gap_offsets", "geomq_log_holes", "geomq_log_lacking_offsets", "geomq_log_last_offset",
	"geomq_log_open", "geomq_log_sealed_offset", "geomq_region_nodes", "geomq_scrub_blocks_total",
	"geomq_scrub_failures_total", "geomq_scrub_repaired_total",
}

func full() *node {
	b := orders("eu-west", 5)
	pulled("eu-west", 5, 9, ptr(1.5))(&b.status)
	l := &b.status.Links[0]
	l.LagBytes, l.RTTSeconds, l.LastHeartbeat = ptr(uint64(100)), ptr(0.08), time.Unix(1700000000, 0)
	l.Refused = map[string]uint64{"checksum": 2}
	l.From, l.Switches, l.Missing = "ap-south", 3, geo.Ranges{{First: 6, Last: 7}}
	log := &b.status.Logs[0]
	log.Ledger, log.Scrub = &LedgerCount{Entries: 4, Open: 1}, &Scrub{Blocks: 12, Failures: 2, Repaired: 1}
	b.status.Disks = []Disk{{Region: "eu-west", Node: "n1", State: DiskLow, Free: 7, Total: 100}}
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

func TestWhatIsUnknownIsAbsentAndNotZero(t *testing.T) {
	b := full()
	b.status.Links[0].LagEntries, b.status.Links[0].LagBytes, b.status.Links[0].LagSeconds = nil, nil, nil
	b.status.Logs[0].Ledger, b.status.Logs[0].Scrub, b.status.Disks[0].Total = nil, nil, 0
	count, err := testutil.GatherAndCount(registry(t, b), "geomq_link_lag_entries", "geomq_link_lag_bytes", "geomq_link_lag_seconds",
		"geomq_ledger_entries", "geomq_scrub_blocks_total", "geomq_disk_free_ratio")
	if err != nil || count != 0 {
		t.Errorf("%d figures, %v", count, err)
	}
}

func TestFiguresAndLabels(t *testing.T) {
	want := `
# HELP geomq_disk_state Whether the node's disk is in this state (1) or not (0).
# TYPE geomq_disk_state gauge
geomq_disk_state{node="n1",region="eu-west",state="failing"} 0
geomq_disk_state{node="n1",region="eu-west",state="full"} 0
geomq_disk_state{node="n1",region="eu-west",state="low"} 1
geomq_disk_state{node="n1",region="eu-west",state="ok"} 0
# HELP geomq_link_lag_seconds Age of the oldest entry that the replica lacks, absent without a fresh head.
# TYPE geomq_link_lag_seconds gauge
geomq_link_lag_seconds{log="ORDERS",origin="us-east",queue="0",region="eu-west"} 1.5
# HELP geomq_link_missing_offsets Offsets that a halted link can't get from anyone.
# TYPE geomq_link_missing_offsets gauge
geomq_link_missing_offsets{log="ORDERS",origin="us-east",queue="0",region="eu-west"} 2
# HELP geomq_link_refused_total Frames and entries that were refused, by cause.
# TYPE geomq_link_refused_total counter
geomq_link_refused_total{cause="checksum",log="ORDERS",origin="us-east",queue="0",region="eu-west"} 2
# HELP geomq_region_nodes Nodes of the region that gossip sees alive.
# TYPE geomq_region_nodes gauge
geomq_region_nodes{region="ap-south"} 0
geomq_region_nodes{region="eu-west"} 1
geomq_region_nodes{region="us-east"} 1
`
	err := testutil.GatherAndCompare(registry(t, full()), strings.NewReader(want),
		"geomq_disk_state", "geomq_link_lag_seconds", "geomq_link_missing_offsets", "geomq_link_refused_total", "geomq_region_nodes")
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
