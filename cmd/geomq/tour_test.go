package main

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"geomq/node/dev"
)

const events = 500

// startDev runs the real `geomq dev` until the test ends and returns its folder.
func startDev(t *testing.T) string {
	t.Helper()
	data := t.TempDir()
	c := newCLI(nil)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, c.app, []string{"dev", "--data", data, "--ports", "random", "--regions", "tokyo,paris"})
	}()
	t.Cleanup(func() {
		cancel()
		if code := <-ended; code != exitOK {
			t.Errorf("geomq dev ended with exit code %d:\n%s%s", code, c.outBuffer.String(), c.errBuffer.String())
		}
	})
	awaitTrue(t, func() bool {
		_, err := os.Stat(dev.AddressesFile(data))
		return err == nil || len(ended) > 0
	}, func() string { return "no dev.json:\n" + c.outBuffer.String() + c.errBuffer.String() })
	return data
}

// writeEvents makes a compressed file of events with one malformed line.
func writeEvents(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "events.ndjson.gz")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := gzip.NewWriter(file)
	for n := range events {
		fmt.Fprintf(w, "{\"n\":%d,\"page\":\"P%d\"}\n", n, n%7)
	}
	fmt.Fprintln(w, "this is no JSON")
	for _, close := range []func() error{w.Close, file.Close} {
		if err := close(); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

// TestTour does by command line, against real regions, what a user does first.
func TestTour(t *testing.T) {
	data, file := startDev(t), writeEvents(t)
	do := func(want int, line ...string) result {
		t.Helper()
		c := newCLI(nil)
		c.in = strings.NewReader("from stdin")
		r := c.run(t.Context(), append(line, "--dev", data)...)
		if r.code != want {
			t.Fatalf("geomq %s: exit code %d, want %d\n%s%s", strings.Join(line, " "), r.code, want, r.out, r.err)
		}
		return r
	}
	contains(t, do(exitOK, "region", "ls").out, "tokyo", "paris", "nats://127.0.0.1:")
	contains(t, do(exitOK, "pub", "orders.created", "hello", "--header", "Source:test").out, "ORDERS@tokyo  offset 1  orders.created")
	contains(t, do(exitOK, "pub", "orders.created", "-", "--key", "a.b", "--region", "paris").out, "ORDERS@paris  offset 1  orders.created.a%2Eb")

	r := do(exitOK, "import", file, "--topic", "orders.created", "--key", "page", "--dedupe")
	contains(t, r.out, "501 lines in", "500 published into ORDERS@tokyo (offsets 2 to 501), 1 skipped (1 not a JSON object)")
	contains(t, r.err, `line 501: not a JSON object: "this is no JSON"`)
	r = do(exitOK, "import", file, "--topic", "orders.created", "--key", "page", "--dedupe", "--json")
	var counts importCounts
	if err := json.Unmarshal([]byte(r.out), &counts); err != nil || counts.Published != 0 || counts.AlreadyThere != events {
		t.Errorf("a second run: %v, %s", err, r.out)
	}
	contains(t, do(exitFailed, "import", file, "--topic", "orders.created", "--on-error", "stop").err, "line 501", "import stopped")
	contains(t, do(exitFailed, "import", file, "--topic", "bills.created").err, `"bills.created"`)

	readEverything(t, do)
	awaitTrue(t, func() bool {
		return strings.Contains(do(exitOK, "verify", "ORDERS@tokyo").out, "equal up to offset 1,001 in 2 regions")
	}, func() string { return do(exitOK, "verify").out })
}

// readEverything reads both origins' logs in the other region.
func readEverything(t *testing.T, do func(want int, line ...string) result) {
	t.Helper()
	r := do(exitOK, "sub", "ORDERS@tokyo", "--from", "beginning", "--count", "501", "--region", "paris", "--json")
	lines := strings.Split(strings.TrimSpace(r.out), "\n")
	var first, last struct {
		Origin, Subject, Body string
		Offset                int
		Headers               map[string][]string
	}
	for at, into := range map[int]any{0: &first, len(lines) - 1: &last} {
		if err := json.Unmarshal([]byte(lines[at]), into); err != nil {
			t.Fatal(err)
		}
	}
	if first.Origin != "tokyo" || first.Offset != 1 || first.Body != "hello" || first.Headers["Source"][0] != "test" {
		t.Errorf("first entry %+v", first)
	}
	if last.Offset != 501 || last.Subject != "orders.created.P2" {
		t.Errorf("last entry %+v", last)
	}
	contains(t, do(exitOK, "sub", "ORDERS", "--origin", "paris", "--from", "1", "--count", "1", "--region", "tokyo").out, "paris  1  orders.created.a%2Eb  age ", "from stdin")
	contains(t, do(exitFailed, "sub", "BILLS", "--region", "tokyo").err, "BILLS", "ORDERS@tokyo")
}

// TestServerServesUntilItIsStopped runs a real node from a file, as a unit of
// systemd would, and asks it by the address in its log.
func TestServerServesUntilItIsStopped(t *testing.T) {
	file := writeConfig(t, fmt.Sprintf(`
region: tokyo
data: %s
listen: {nats: 127.0.0.1:0, gossip: 127.0.0.1:0, admin: 127.0.0.1:0}
logs:
  - {name: ORDERS, topics: [orders.>]}
`, t.TempDir()))
	server := newCLI(nil)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ended := make(chan int, 1)
	go func() { ended <- run(ctx, server.app, []string{"server", "-c", file}) }()
	server.errBuffer.await(t, "msg=ready")
	_, ready, _ := strings.Cut(server.errBuffer.String(), "msg=ready")
	_, address, _ := strings.Cut(ready, " admin=")
	address, _, _ = strings.Cut(address, "\n")

	r := newCLI(nil).run(t.Context(), "pub", "orders.created", "x", "--admin", address)
	contains(t, r.out, "ORDERS@tokyo  offset 1")
	r = newCLI(nil).run(t.Context(), "status", "--admin", address)
	if r.code != exitNotSafe {
		t.Errorf("a log that one region keeps passes for safe to lose: exit code %d\n%s", r.code, r.out)
	}
	contains(t, r.out, "SAFE to lose tokyo: no, ORDERS is kept only here")

	cancel()
	if code := <-ended; code != exitOK {
		t.Errorf("exit code %d:\n%s", code, server.errBuffer.String())
	}
	contains(t, server.errBuffer.String(), "msg=stopped")
}
