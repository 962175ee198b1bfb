package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"geomq/geo"
	"geomq/geo/entry"
	"geomq/mirror/verify"
)

var ordersLog = geo.CommitLog{Log: "ORDERS", Queue: geo.SoleQueue, Origin: "us-east"}

func query(first, last geo.Offset, step uint64) DigestQuery {
	return DigestQuery{Stream: "ORDERS@us-east", Range: geo.Range{First: first, Last: last}, Step: step}
}

func TestVerifyOverTheAPI(t *testing.T) {
	us, eu := orders("us-east", 3000), orders("eu-west", 2500)
	holders := []verify.Holder{dial(t, serve(t, us).URL()).Holder("us-east"), dial(t, serve(t, eu).URL()).Holder("eu-west")}
	report, err := verify.Verify(t.Context(), ordersLog, holders, nil)
	if err != nil || report.Outcome != verify.Clean || report.Entries != 2500 {
		t.Fatalf("%v %s", err, report)
	}
	e := eu.entries[2100]
	e.Body = []byte("x")
	eu.entries[2100] = e
	report, err = verify.Verify(t.Context(), ordersLog, holders, nil)
	if err != nil || report.Outcome != verify.Different || report.Differences[0].First != 2100 {
		t.Fatalf("%v %s", err, report)
	}
	if text, err := json.Marshal(report); err != nil || !bytes.Contains(text, []byte(`"outcome":"different"`)) {
		t.Errorf("%v %s", err, text)
	}
}

func TestAHolderThatCannotProveAnythingSaysWhy(t *testing.T) {
	conflict, waiting := orders("eu-west", 5), orders("eu-west", 5)
	conflict.status.Logs[0].State, waiting.status.Logs[0].State = LogConflict, LogWaiting
	other := orders("eu-west", 5)
	other.status.Logs = nil
	for _, c := range []struct {
		node *node
		want error
	}{{conflict, ErrNotFound}, {waiting, ErrNotReady}, {other, ErrNotFound}, {orders("ap-south", 5), ErrForeign}} {
		_, err := dial(t, serve(t, c.node).URL()).Holder("eu-west").Extent(t.Context(), ordersLog)
		if !errors.Is(err, c.want) {
			t.Errorf("%v, want %v", err, c.want)
		}
	}
}

func TestDigestsThatEndEarlyAreNoticed(t *testing.T) {
	failing := orders("us-east", 3000)
	failing.failAt = 2000
	server := serve(t, failing)
	got := 0
	err := dial(t, server.URL()).Digests(t.Context(), query(1, 3000, 1024), func(verify.Stretch) error { got++; return nil })
	var told *Error
	if !errors.As(err, &told) || got != 1 || !strings.Contains(err.Error(), errDisk.Error()) {
		t.Errorf("behind the first line: %v after %d stretches", err, got)
	}
	failing.failAt = 1
	if code, body := fetch(t, server, "GET", "/api/v1/digests?stream=ORDERS@us-east", ""); code != 500 {
		t.Errorf("before the first line: %d %s", code, body)
	}
	if _, body := fetch(t, serve(t, orders("us-east", 0)), "GET", "/api/v1/digests?stream=ORDERS@us-east", ""); body != "{\"done\":true}\n" {
		t.Errorf("an empty log: %q", body)
	}
}

func TestYieldsErrorComesBack(t *testing.T) {
	stop := errors.New("seen enough")
	err := dial(t, serve(t, orders("us-east", 3000)).URL()).Digests(t.Context(), query(1, 3000, 1), func(verify.Stretch) error { return stop })
	if err != stop {
		t.Errorf("%v", err)
	}
}

func TestAnEntryArrivesByteForByte(t *testing.T) {
	b := orders("us-east", 3)
	b.entries[2] = entry.Entry{Offset: 2, Time: 1700000000123456789, Subject: []byte("orders.x"), Header: []byte("NATS/1.0\r\nA: \xff\r\n\r\n"), Body: []byte{0, 255, 10}}
	c := dial(t, serve(t, b).URL())
	want := b.entries[2]
	got, err := c.Entry(t.Context(), "ORDERS@us-east", 2)
	if err != nil || !bytes.Equal(got.Body, want.Body) || !bytes.Equal(got.Header, want.Header) || got.Time.UnixNano() != want.Time {
		t.Errorf("%v %+v", err, got)
	}
	if got.Digest != ViewEntry("", &want).Digest || len(got.Digest) != 32 {
		t.Errorf("digest %s", got.Digest)
	}
	if plain, err := c.Entry(t.Context(), "ORDERS@us-east", 1); err != nil || plain.Header != nil {
		t.Errorf("no header came as %q, %v", plain.Header, err)
	}
	if _, err := c.Entry(t.Context(), "ORDERS@us-east", 9); !errors.Is(err, ErrNotFound) {
		t.Errorf("%v", err)
	}
}

// foreign answers every request with status and body.
func foreign(t *testing.T, status int, body string) *Client {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}))
	t.Cleanup(s.Close)
	return dial(t, s.URL)
}

func TestWhatIsNoNodeIsTold(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
	}{
		"a web page": {200, "<html>"}, "its error page": {502, "<html>"}, "a redirect": {302, ""},
		"another version": {200, `{"api":"v2"}`}, "a newer node": {404, `{"error":{"code":"unknown_version","message":"v2"}}`},
	} {
		if _, err := foreign(t, c.status, c.body).Status(t.Context(), ScopeAll); !errors.Is(err, ErrForeign) {
			t.Errorf("%s: %v", name, err)
		}
	}
	stretch := `{"first":1,"last":1024,"entries":1,"digest":"` + strings.Repeat("0", 32) + `"}` + "\n"
	for body, want := range map[string]error{
		"": ErrNoAnswer, stretch: ErrNoAnswer, stretch + "<html>\n": ErrForeign, `{"first":1,"digest":"zz"}`: ErrForeign,
		stretch + strings.Repeat("x", maxLine+1): ErrForeign, stretch + `{"done":tr`: ErrForeign,
		`{"error":{"code":"not_found","message":"gone"}}`: ErrNotFound,
	} {
		err := foreign(t, 200, body).Digests(t.Context(), query(1, 9, 1), func(verify.Stretch) error { return nil })
		if !errors.Is(err, want) {
			t.Errorf("%.60q: %v, want %v", body, err, want)
		}
	}
}

func TestNothingAnswers(t *testing.T) {
	closed, err := New(Config{Listen: "127.0.0.1:0", Backend: orders("us-east", 1)})
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	_, err = dial(t, closed.URL()).Status(t.Context(), ScopeLocal)
	want := "nothing answers at " + closed.URL() + ": is a node running? start one with `geomq dev`, or name another with --admin"
	if !errors.Is(err, ErrNoAnswer) || err.Error() != want {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50e6)
	defer cancel()
	if _, err := dial(t, black(t)).Status(ctx, ScopeLocal); !errors.Is(err, ErrNoAnswer) || !strings.Contains(err.Error(), "did not answer in time") {
		t.Errorf("%v", err)
	}
	for _, base := range []string{"", "ftp://x", "http://", "http://a b"} {
		if _, err := NewClient(base); !errors.Is(err, ErrBadRequest) {
			t.Errorf("%q: %v", base, err)
		}
	}
	if c, err := NewClient("127.0.0.1:8300"); err != nil || c.URL() != "http://127.0.0.1:8300" {
		t.Errorf("%v", err)
	}
}

func TestARedirectIsNotFollowed(t *testing.T) {
	node := serve(t, orders("us-east", 1))
	s := httptest.NewServer(http.RedirectHandler(node.URL()+"/api/v1/status", http.StatusFound))
	t.Cleanup(s.Close)
	if _, err := dial(t, s.URL).Status(t.Context(), ScopeLocal); !errors.Is(err, ErrForeign) {
		t.Errorf("%v", err)
	}
}

// TestOnlyTheNodesSilenceCounts: verify may look closely at a block for longer
// than a node may be silent, but a node that stops in the middle is given up.
func TestOnlyTheNodesSilenceCounts(t *testing.T) {
	c := dial(t, serve(t, orders("us-east", 3000)).URL())
	c.silence = 200 * time.Millisecond
	slow := func(s verify.Stretch) error {
		if s.Range.First == 1 {
			<-time.After(2 * c.silence)
		}
		return nil
	}
	if err := c.Digests(t.Context(), query(1, 3000, 1), slow); err != nil { // too much for any buffer on the way
		t.Errorf("a slow reader: %v", err)
	}
	stuck := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusOK)
		http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}))
	t.Cleanup(stuck.Close)
	c = dial(t, stuck.URL)
	c.silence = 50 * time.Millisecond
	if err := c.Digests(t.Context(), query(1, 9, 1), slow); !errors.Is(err, ErrNoAnswer) || !errors.Is(err, errSilent) {
		t.Errorf("a node that fell silent: %v", err)
	}
}

// FuzzDigestLine feeds a line that no server of ours wrote.
func FuzzDigestLine(f *testing.F) {
	f.Add([]byte(`{"first":1,"last":1024,"entries":3,"digest":"00112233445566778899aabbccddeeff"}`))
	f.Add([]byte(`{"done":true}`))
	f.Add([]byte(`{"error":{"code":"internal","message":"x"}}`))
	c, err := NewClient("127.0.0.1:1")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		yields := 0
		done, err := c.digestLine(line, func(verify.Stretch) error { yields++; return nil })
		if (done || err != nil) == (yields == 1) {
			t.Errorf("%q: done %v, error %v, %d stretches", line, done, err, yields)
		}
	})
}
