package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"geomq/geo"
)

var purge = PurgeOrder{Log: "ORDERS@us-east", Before: 3}

// post sends body as an order with the given headers on top of those it needs.
func post(t *testing.T, url, body string, headers ...string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Geomq-Verb", "1")
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
		if headers[i] == "Host" {
			request.Host = headers[i+1]
		}
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

// TestAWebPageCanNotGiveOrders: what a form or a script of another site can make a
// browser send, by our name or by one that it had resolved to us.
func TestAWebPageCanNotGiveOrders(t *testing.T) {
	b := &operator{node: orders("us-east", 5)}
	s := serve(t, b)
	url, body := s.URL()+"/api/v1/do/log/purge", `{"log":"ORDERS@us-east","before":3}`
	for name, c := range map[string]struct {
		headers []string
		code    int
	}{
		"a form":                        {[]string{"Geomq-Verb", "", "Content-Type", "application/x-www-form-urlencoded"}, 403},
		"a script without a preflight":  {[]string{"Geomq-Verb", "", "Content-Type", "text/plain"}, 403},
		"JSON without the header":       {[]string{"Geomq-Verb", ""}, 403},
		"the header without JSON":       {[]string{"Content-Type", "text/plain"}, 403},
		"a page of another site":        {[]string{"Origin", "https://evil.example.com"}, 403},
		"a page that is a file":         {[]string{"Origin", "null"}, 403},
		"a page by DNS rebinding":       {[]string{"Host", "evil.example.com"}, 421},
		"a page of this node's":         {[]string{"Origin", s.URL()}, 200},
		"JSON with a character set":     {[]string{"Content-Type", "application/json; charset=utf-8"}, 200},
		"what the command line does":    {nil, 200},
		"an order that was passed on":   {[]string{forwardHeader, "1"}, 200},
		"a preflight is not asked here": {[]string{"Access-Control-Request-Method", "POST"}, 200},
	} {
		before := len(b.took())
		code, answer := post(t, url, body, c.headers...)
		if taken := len(b.took()) > before; code != c.code || taken != (c.code == 200) {
			t.Errorf("%s: %d (want %d), carried out: %v, %s", name, code, c.code, taken, answer)
		}
	}
	if code, _ := fetch(t, s, "GET", "/api/v1/do/log/purge", ""); code != 405 {
		t.Errorf("GET: %d", code)
	}
	if code, answer := fetch(t, s, "OPTIONS", "/api/v1/do/log/purge", ""); code != 405 || strings.Contains(answer, "Access-Control") {
		t.Errorf("a preflight: %d %s", code, answer)
	}
}

// exposed is a listener at an address of the network.
type exposed struct{ net.Listener }

func (exposed) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(10, 0, 0, 5), Port: 8300} }

func TestOrdersBeyondLoopbackNeedInsecure(t *testing.T) {
	order, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://10.0.0.5:8300"+pathOf(purge.Verb()), nil)
	if err != nil {
		t.Fatal(err)
	}
	order.Header.Set("Content-Type", "application/json")
	order.Header.Set(orderHeader, "1")
	s := &Server{listener: exposed{}}
	if reason := s.forbids(order); !strings.Contains(reason, "10.0.0.5:8300") || !strings.Contains(reason, "insecure: true") {
		t.Errorf("%q", reason)
	}
	s.cfg.Insecure = true
	if reason := s.forbids(order); reason != "" {
		t.Errorf("with insecure: true: %q", reason)
	}
}

func TestOrdersThatMeanNothingAreRefused(t *testing.T) {
	b := &operator{node: orders("us-east", 5)}
	s := serve(t, b)
	for _, c := range []struct{ path, body, part string }{
		{"log/purge", `{"log":"ORDERS@us-east"}`, "exactly one of"},
		{"log/purge", `{"log":"ORDERS@us-east","before":1,"keep":0}`, "exactly one of"},
		{"log/purge", `{"log":"ORDERS","before":1}`, "ORDERS@us-east"},
		{"log/purge", `{"log":"GEOMQ@us-east","before":1}`, "kept by geomq itself"},
		{"log/purge", `{"log":"ORDERS@us-east","before":1,"dryrun":true}`, "unknown field"},
		{"log/purge", `log=ORDERS`, "no order to log purge"},
		{"log/delete", `{"log":"ORDERS@us-east"}`, "name the offsets"},
		{"log/delete", `{"log":"ORDERS@us-east","offsets":[{"first":5,"last":9},{"first":9,"last":9}]}`, "name the offsets"},
		{"log/repair", `{"log":"ORDERS@us-east"}`, "not a region name"},
		{"log/repair", `{"log":"ORDERS@us-east","region":"eu-west","from":"eu-west"}`, "from itself"},
		{"link/accept-gap", `{"log":"ORDERS@us-east","region":"us-east"}`, "is the origin"},
		{"link/accept-gap", `{"log":"ORDERS@us-east","region":"eu-west","ranges":[{"first":0,"last":1}]}`, "out of place"},
		{"ledger/republish", `{"region":"us-east"}`, "either ids"},
		{"ledger/republish", `{"region":"us-east","ids":["x"],"log":"ORDERS@us-east"}`, "either ids"},
	} {
		if code, answer := post(t, s.URL()+"/api/v1/do/"+c.path, c.body); code != 400 || !strings.Contains(answer, c.part) {
			t.Errorf("%s %s: %d %s", c.path, c.body, code, answer)
		}
	}
	if took := b.took(); len(took) > 0 {
		t.Errorf("carried out: %v", took)
	}
	if code, _ := post(t, s.URL()+"/api/v1/do/log/burn", `{}`); code != 404 {
		t.Errorf("an unknown verb: %d", code)
	}
	if code, _ := post(t, s.URL()+"/api/v1/do/log/purge", strings.Repeat(" ", maxOrder+1)); code != 400 {
		t.Errorf("a huge order: %d", code)
	}
}

// join makes the nodes of all regions known to each other and serves them.
func join(t *testing.T, all map[geo.Region]*operator) map[geo.Region]*Server {
	t.Helper()
	servers := map[geo.Region]*Server{}
	for region, b := range all {
		servers[region] = serve(t, b)
	}
	for region, b := range all {
		b.node.mu.Lock()
		for other, s := range servers {
			n := peer(string(other), "n1")
			n.Admin, n.Self = s.URL(), other == region
			b.peers = append(b.peers, n)
		}
		b.node.mu.Unlock()
	}
	return servers
}

// TestAnyNodeTakesAnyOrder: each is carried out once, in the region that can.
func TestAnyNodeTakesAnyOrder(t *testing.T) {
	all := operators("us-east", "eu-west", "ap-south")
	servers := join(t, all)
	for _, c := range []struct {
		order Order
		in    geo.Region
	}{
		{purge, "us-east"},
		{PurgeOrder{Log: "ORDERS@eu-west", Keep: ptr(uint64(0)), DryRun: true}, "eu-west"},
		{DeleteOrder{Log: "ORDERS-3@us-east", Offsets: geo.Ranges{{First: 2, Last: 2}}, Reason: "by law"}, "us-east"},
		{RepairOrder{Log: "ORDERS@us-east", Region: "eu-west", From: "ap-south"}, "eu-west"},
		{AcceptGapOrder{Log: "ORDERS@us-east", Region: "ap-south"}, "ap-south"},
		{RepublishOrder{Region: "eu-west", IDs: []string{"ORDERS@us-east/1/7"}}, "eu-west"},
	} {
		for asked, s := range servers {
			before := len(all[c.in].took())
			got, err := dial(t, s.URL()).Do(t.Context(), c.order, nil)
			if err != nil || got.Region != c.in || got.Node != "n1" || got.Verb != c.order.Verb() || got.DryRun != c.order.Dry() || got.Text != "done" {
				t.Fatalf("%s by %s: %v %+v", c.order.Verb(), asked, err, got)
			}
			took := all[c.in].took()
			want, _ := json.Marshal(c.order)
			if have, _ := json.Marshal(took[len(took)-1]); len(took) != before+1 || string(have) != string(want) {
				t.Errorf("%s by %s: %d times, as %s", c.order.Verb(), asked, len(took)-before, have)
			}
		}
	}
}

func TestAnOrderForASilentRegionSaysSo(t *testing.T) {
	b := &operator{node: orders("us-east", 5)}
	b.peers = []Node{{Region: "us-east", Name: "n1", Self: true}, {Region: "eu-west", Name: "n1", Admin: "http://127.0.0.1:1"}}
	c := dial(t, serve(t, b).URL())
	for region, part := range map[geo.Region]string{"eu-west": "nothing answers at http://127.0.0.1:1", "ap-south": "none is known now"} {
		_, err := c.Do(t.Context(), RepairOrder{Log: "ORDERS@us-east", Region: region}, nil)
		if !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "no node of "+string(region)) || !strings.Contains(err.Error(), part) {
			t.Errorf("%s: %v", region, err)
		}
	}
	if _, err := c.Do(t.Context(), RepairOrder{Log: "ORDERS@us-east", Region: "nowhere"}, nil); !errors.Is(err, ErrBadRequest) || !strings.Contains(err.Error(), "no region nowhere") {
		t.Errorf("a region that does not exist: %v", err)
	}
	// A node that takes the order and dies may have done some of it.
	dies := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	defer dies.Close()
	b.node.mu.Lock()
	b.peers[1].Admin = dies.URL
	b.node.mu.Unlock()
	if _, err := c.Do(t.Context(), RepairOrder{Log: "ORDERS@us-east", Region: "eu-west"}, nil); !errors.Is(err, ErrNotReady) || !strings.Contains(err.Error(), "may be done in part") {
		t.Errorf("a node that dies: %v", err)
	}
}

// TestTheNodeThatLeadsCarriesItOut: two nodes of a region, the first of which says
// that the other has to do it; the region is asked from another one and from itself.
func TestTheNodeThatLeadsCarriesItOut(t *testing.T) {
	follower, leader, far := &operator{node: orders("us-east", 5)}, &operator{node: orders("us-east", 5)}, &operator{node: orders("eu-west", 5)}
	follower.do = func(context.Context, Order, Report) (Outcome, error) {
		return Outcome{}, fmt.Errorf("%w: n2 leads ORDERS@us-east", ErrElsewhere)
	}
	servers := map[string]*Server{"n1": serve(t, follower), "n2": serve(t, leader), "far": serve(t, far)}
	for self, b := range map[string]*operator{"n1": follower, "n2": leader, "far": far} {
		b.peers = []Node{
			{Region: "us-east", Name: "n1", Admin: servers["n1"].URL(), Self: self == "n1", Answering: true},
			{Region: "us-east", Name: "n2", Admin: servers["n2"].URL(), Self: self == "n2", Answering: true},
			{Region: "eu-west", Name: "far", Admin: servers["far"].URL(), Self: self == "far", Answering: true},
		}
	}
	for name, s := range servers {
		if got, err := dial(t, s.URL()).Do(t.Context(), purge, nil); err != nil || got.Node != "n2" {
			t.Errorf("asked at %s: %v, done by %q", name, err, got.Node)
		}
	}
	leader.do = follower.do // nobody leads
	if _, err := dial(t, servers["far"].URL()).Do(t.Context(), purge, nil); !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "n2 leads") {
		t.Errorf("nobody leads: %v", err)
	}
}

func TestStepsAreToldAsTheyHappen(t *testing.T) {
	all := operators("us-east", "eu-west")
	goOn := make(chan struct{})
	all["us-east"].do = func(_ context.Context, _ Order, report Report) (Outcome, error) {
		report(Step{Name: "record", State: StepPlanned})
		report(Step{Name: "remove", State: StepPlanned})
		report(Step{Name: "record", State: StepDone})
		<-goOn
		for n := range uint64(1000) {
			report(Step{Name: "remove", State: StepRunning, Done: n, Total: 1000})
		}
		report(Step{Name: "remove", State: StepDone, Done: 1000, Total: 1000})
		return Outcome{Entries: 1000, Text: "1,000 entries are gone"}, nil
	}
	servers := join(t, all)
	told := 0
	got, err := dial(t, servers["eu-west"].URL()).Do(t.Context(), purge, func(s Step) {
		if told++; s == (Step{Name: "record", State: StepDone}) {
			close(goOn) // it would hang if news came only at the end
		}
	})
	if err != nil || got.Entries != 1000 || got.Text != "1,000 entries are gone" {
		t.Fatalf("%v %+v", err, got)
	}
	want := []Step{{Name: "record", State: StepDone}, {Name: "remove", State: StepDone, Done: 1000, Total: 1000}}
	if len(got.Steps) != 2 || got.Steps[0] != want[0] || got.Steps[1] != want[1] || told > 100 {
		t.Errorf("told %d times, at last %+v", told, got.Steps)
	}
}

func TestAnOrderThatFails(t *testing.T) {
	all := operators("us-east", "eu-west")
	b, c := all["us-east"], dial(t, join(t, all)["eu-west"].URL())
	for name, want := range map[string]error{"refused": ErrRefused, "not found": ErrNotFound, "not ready": ErrNotReady} {
		for _, begun := range []bool{false, true} {
			b.do = func(_ context.Context, _ Order, report Report) (Outcome, error) {
				if begun {
					report(Step{Name: "record", State: StepFailed, Note: name})
				}
				return Outcome{}, fmt.Errorf("%w: because", want)
			}
			var last Step
			_, err := c.Do(t.Context(), purge, func(s Step) { last = s })
			if !errors.Is(err, want) || !strings.Contains(err.Error(), "because") || begun != (last.Note == name) {
				t.Errorf("%s, begun %v: %v, last told %+v", name, begun, err, last)
			}
		}
	}
}

// TestWhoeverGivesUpEndsTheOrder: Ctrl-C at the command line reaches the node that
// works, through the one that passed the order on.
func TestWhoeverGivesUpEndsTheOrder(t *testing.T) {
	all := operators("us-east", "eu-west")
	begun, ended := make(chan struct{}), make(chan struct{})
	all["us-east"].do = func(ctx context.Context, _ Order, report Report) (Outcome, error) {
		report(Step{Name: "remove", State: StepRunning})
		close(begun)
		<-ctx.Done()
		close(ended)
		return Outcome{}, ctx.Err()
	}
	ctx, cancel := context.WithCancel(t.Context())
	c := dial(t, join(t, all)["eu-west"].URL())
	go func() { <-begun; cancel() }()
	if _, err := c.Do(ctx, purge, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Fatal("the order goes on")
	}
}

func TestAnAnswerThatIsCutOffIsNoOutcome(t *testing.T) {
	step := `{"step":{"name":"remove","state":"running"}}` + "\n"
	for body, want := range map[string]error{
		"": ErrNoAnswer, step: ErrNoAnswer, "{}\n" + step: ErrNoAnswer, step + "<html>\n": ErrForeign,
		step + `{"error":{"code":"refused","message":"x"}}`: ErrRefused, `{"outcome":{"text":"ok"}}`: nil,
	} {
		if _, err := foreign(t, 200, body).Do(t.Context(), purge, nil); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", body, err, want)
		}
	}
}

func TestANodeThatTakesNoOrders(t *testing.T) {
	c := dial(t, serve(t, orders("us-east", 5)).URL())
	if _, err := c.Do(t.Context(), purge, nil); !errors.Is(err, ErrNotReady) {
		t.Errorf("%v", err)
	}
	if _, err := c.Ledger(t.Context(), "us-east", LedgerQuery{}); !errors.Is(err, ErrNotReady) {
		t.Errorf("%v", err)
	}
}
