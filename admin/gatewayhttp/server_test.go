package gatewayhttp

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"geomq/geo/gateway"
)

func fixed() gateway.Status {
	return gateway.Status{
		Listen: "127.0.0.1:4222", Region: "us-east", Serves: true, Connections: 3, MaxConnections: 10,
		Closed: map[gateway.Cause]uint64{gateway.CauseNone: 7},
		Backends: []gateway.BackendStatus{{
			Name: "a", Region: "us-east", State: gateway.StateUp, RoundTrip: 1.5, Connections: 3, Opened: 5, DialFailures: 1,
			Received: 100, Sent: 200, Closed: map[gateway.Cause]uint64{gateway.CauseDead: 2},
			Became: map[gateway.State]uint64{gateway.StateUp: 1},
		}},
	}
}

func start(t *testing.T, source Source) string {
	s, err := New("127.0.0.1:0", source)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return "http://" + s.Addr()
}

func get(t *testing.T, url string, change func(*http.Request)) (int, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(request)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}

func TestMetricsCarryEveryFigure(t *testing.T) {
	_, text := get(t, start(t, fixed)+"/metrics", nil)
	for _, want := range []string{
		"geomq_gateway_serves 1", "geomq_gateway_max_connections 10",
		`geomq_gateway_connections{backend="a",region="us-east"} 3`,
		`geomq_gateway_opened_total{backend="a",region="us-east"} 5`,
		`geomq_gateway_closed_total{backend="a",cause="dead",region="us-east"} 2`,
		`geomq_gateway_closed_total{backend="",cause="no-backend",region=""} 7`,
		`geomq_gateway_dial_failures_total{backend="a",region="us-east"} 1`,
		`geomq_gateway_bytes_total{backend="a",direction="sent",region="us-east"} 100`,
		`geomq_gateway_probe_round_trip_seconds{backend="a",region="us-east"} 0.0015`,
		`geomq_gateway_backend_state{backend="a",region="us-east",state="up"} 1`,
		`geomq_gateway_backend_state{backend="a",region="us-east",state="dead"} 0`,
		`geomq_gateway_backend_transitions_total{backend="a",region="us-east",state="up"} 1`,
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("the metrics lack %s", want)
		}
	}
}

func TestTheStatusComesBackAsItWas(t *testing.T) {
	st, err := Fetch(t.Context(), start(t, fixed))
	if err != nil || st.Backends[0].Closed[gateway.CauseDead] != 2 || st.Region != "us-east" {
		t.Errorf("%+v, %v", st, err)
	}
	if _, err := Fetch(t.Context(), "http://127.0.0.1:1"); !errors.Is(err, ErrNoAnswer) {
		t.Error(err)
	}
}

func TestReadyFollowsTheBackends(t *testing.T) {
	var serves atomic.Bool
	base := start(t, func() gateway.Status { return gateway.Status{Serves: serves.Load()} })
	if code, _ := get(t, base+"/readyz", nil); code != http.StatusServiceUnavailable {
		t.Errorf("without a backend: %d", code)
	}
	serves.Store(true)
	if code, _ := get(t, base+"/readyz", nil); code != http.StatusOK {
		t.Errorf("with one: %d", code)
	}
}

func TestPagesOfOtherSitesReadNothing(t *testing.T) {
	base := start(t, fixed)
	if code, _ := get(t, base+"/status", func(r *http.Request) { r.Host = "evil.example" }); code != http.StatusMisdirectedRequest {
		t.Errorf("for another name: %d", code)
	}
	if code, _ := get(t, base+"/status", func(r *http.Request) { r.Method = http.MethodPost }); code != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", code)
	}
}
