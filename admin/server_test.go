package admin

import (
	"context"
	"errors"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"geomq/geo"
)

func TestLivenessAndReadiness(t *testing.T) {
	b := orders("us-east", 1)
	s := serve(t, b)
	if code, body := fetch(t, s, "GET", "/healthz", ""); code != 200 || body != "ok\n" {
		t.Errorf("healthz: %d %q", code, body)
	}
	if code, _ := fetch(t, s, "GET", "/readyz", ""); code != 200 {
		t.Errorf("readyz: %d", code)
	}
	b2 := orders("us-east", 1)
	b2.ready = errors.New("log ORDERS waits for its broker")
	s2 := serve(t, b2)
	if code, body := fetch(t, s2, "GET", "/readyz", ""); code != 503 || !strings.Contains(body, "waits for its broker") {
		t.Errorf("readyz: %d %q", code, body)
	}
	if err := dial(t, s2.URL()).Ready(t.Context()); !errors.Is(err, ErrNotReady) || !strings.Contains(err.Error(), "waits for its broker") {
		t.Errorf("Ready: %v", err)
	}
	if code, _ := fetch(t, s2, "GET", "/healthz", ""); code != 200 {
		t.Errorf("a node that is not ready still lives: %d", code)
	}
}

func TestErrorsAreJSONWithTheRightStatus(t *testing.T) {
	s := serve(t, orders("us-east", 5))
	for _, c := range []struct {
		method, path string
		status       int
		part         string
	}{
		{"GET", "/", 404, `"not_found"`},
		{"GET", "/api/v2/status", 404, `"unknown_version"`},
		{"GET", "/api/v2/status", 404, "speaks API v1"},
		{"GET", "/api/v1/nothing", 404, `"not_found"`},
		{"POST", "/api/v1/status", 405, `"method_not_allowed"`},
		{"DELETE", "/healthz", 405, `"method_not_allowed"`},
		{"OPTIONS", "/api/v1/status", 405, `"method_not_allowed"`},
		{"GET", "/api/v1/status?scope=galaxy", 400, `"bad_request"`},
		{"GET", "/api/v1/digests", 400, "name the stream"},
		{"GET", "/api/v1/digests?stream=ORDERS@us-east&step=7", 400, "step is 1024 or 1"},
		{"GET", "/api/v1/digests?stream=ORDERS@us-east&first=0", 400, "no offset"},
		{"GET", "/api/v1/digests?stream=ORDERS@us-east&first=9&last=3", 400, "before first"},
		{"GET", "/api/v1/digests?stream=NO@us-east", 404, "holds no stream"},
		{"GET", "/api/v1/digests?stream=NO@us-east&first=1&last=2", 404, `"not_found"`},
		{"GET", "/api/v1/entries/ORDERS@us-east/99", 404, "no entry at 99"},
		{"GET", "/api/v1/entries/ORDERS@us-east/last", 400, "no offset"},
	} {
		code, body := fetch(t, s, c.method, c.path, "")
		if code != c.status || !strings.HasPrefix(body, `{"error":{"code":`) || !strings.Contains(body, c.part) {
			t.Errorf("%s %s: %d %s", c.method, c.path, code, body)
		}
	}
}

// TestAnotherHostsNameIsRefused is DNS rebinding: a page's own name resolves to
// us, and its script asks us under that name.
func TestAnotherHostsNameIsRefused(t *testing.T) {
	s := serve(t, orders("us-east", 1), func(c *Config) { c.Names = []string{"mq.example.org"} })
	for host, want := range map[string]int{
		"": 200, "localhost": 200, "LocalHost:8300": 200, "[::1]:8300": 200, "10.1.2.3": 200, "mq.example.org:8300": 200,
		"evil.example.com": 421, "evil.example.com:8300": 421, "localhost.evil.example.com": 421, "127.0.0.1.evil.example.com": 421,
	} {
		for _, path := range []string{"/api/v1/status", "/metrics"} {
			if code, body := fetch(t, s, "GET", path, host); code != want {
				t.Errorf("Host %q at %s: %d, want %d: %.100s", host, path, code, want, body)
			}
		}
	}
}

func TestAHugeHeaderIsRefused(t *testing.T) {
	s := serve(t, orders("us-east", 1))
	if code, _ := fetch(t, s, "GET", "/healthz?"+strings.Repeat("x", 64<<10), ""); code != 431 {
		t.Errorf("status %d", code)
	}
}

func TestPartsOfTheStatus(t *testing.T) {
	s := serve(t, orders("us-east", 5))
	for path, part := range map[string]string{
		"regions": `{"regions":[{"name":"us-east","configured":true,`,
		"logs":    `{"logs":[{"log":"ORDERS","queue":"0","origin":"us-east","region":"us-east","role":"origin","stream":"ORDERS@us-east"`,
		"links":   `{"links":[]}`,
	} {
		for _, scope := range []string{"", "?scope=local", "?scope=all"} {
			if _, body := fetch(t, s, "GET", "/api/v1/"+path+scope, ""); scope != "?scope=all" && !strings.HasPrefix(body, part) {
				t.Errorf("%s%s: %s", path, scope, body)
			}
		}
	}
}

// black listens and never says a word, as a node whose process is suspended.
func black(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return "http://" + l.Addr().String()
}

// TestAllRegionsAreAskedAndSilenceBlocksNobody has one region that answers, one
// that is suspended, one that is gone, and a node that sits in another region
// than gossip says.
func TestAllRegionsAreAskedAndSilenceBlocksNobody(t *testing.T) {
	europe := orders("eu-west", 7)
	pulled("eu-west", 7, 9, ptr(0.5))(&europe.status)
	at := func(region, name, url string) Node { n := peer(region, name); n.Admin = url; return n }
	us := orders("us-east", 9)
	us.peers = []Node{
		{Region: "us-east", Name: "n1", Self: true}, at("eu-west", "n1", serve(t, europe).URL()),
		at("ap-south", "n1", black(t)), at("ap-south", "n2", "http://127.0.0.1:1"),
		at("sa-west", "n1", serve(t, orders("eu-west", 1000)).URL()),
	}
	s := serve(t, us, func(c *Config) { c.PeerTimeout = 300 * time.Millisecond })
	began := time.Now()
	got, err := dial(t, s.URL()).Status(t.Context(), ScopeAll)
	if took := time.Since(began); err != nil || took > 5*time.Second {
		t.Fatalf("%v after %s", err, took)
	}
	states := map[geo.Region]RegionState{}
	for _, r := range got.Regions {
		states[r.Name] = r.State
	}
	if states["us-east"] != RegionUp || states["eu-west"] != RegionUp || states["ap-south"] != RegionUnreachable || states["sa-west"] != RegionUnreachable {
		t.Errorf("regions: %v", states)
	}
	if len(got.Logs) != 2 || len(got.Links) != 1 || got.Scope != ScopeAll || len(got.Problems) != 2 {
		t.Errorf("%d logs, %d links, problems %q", len(got.Logs), len(got.Links), got.Problems)
	}
	if text := got.Verdict.Regions[0].Text; text != "SAFE to lose us-east: no, ≤ 2 entries (0.5 s) are nowhere else" {
		t.Error(text)
	}
}

func TestANodeDoesNotAskItself(t *testing.T) {
	us := orders("us-east", 9)
	us.peers = []Node{{Region: "us-east", Name: "n1", Self: true, Admin: black(t)}}
	s := serve(t, us, func(c *Config) { c.PeerTimeout = time.Minute })
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if got, err := dial(t, s.URL()).Status(ctx, ScopeAll); err != nil || !got.Regions[0].Nodes[0].Answering {
		t.Errorf("%v %+v", err, got.Regions)
	}
}

func TestABusyPortIsTold(t *testing.T) {
	s := serve(t, orders("us-east", 1))
	if _, err := New(Config{Listen: s.Addr(), Backend: orders("us-east", 1)}); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("%v", err)
	}
	if _, err := New(Config{Listen: "127.0.0.1:0"}); !errors.Is(err, ErrConfig) {
		t.Errorf("no backend: %v", err)
	}
}

func TestCloseWithoutRunFreesTheAddress(t *testing.T) {
	s, err := New(Config{Listen: "127.0.0.1:0", Backend: orders("us-east", 1)})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Run(context.Background()); err != nil {
		t.Errorf("Run behind Close: %v", err)
	}
	again, err := New(Config{Listen: s.Addr(), Backend: orders("us-east", 1)})
	if err != nil {
		t.Fatal(err)
	}
	again.Close()
}
