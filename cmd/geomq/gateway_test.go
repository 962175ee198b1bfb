package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"geomq/geo/gateway"
)

// natsLike greets as a NATS server and answers PING; what it says is enough for a
// gateway and for a client that only pings.
func natsLike(t *testing.T) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	open := make(chan net.Conn, 1000)
	group.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			open <- conn
			group.Go(func() { answerPings(conn) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		for len(open) > 0 {
			(<-open).Close()
		}
		group.Wait()
	})
	return l.Addr().String()
}

func answerPings(conn net.Conn) {
	defer conn.Close()
	if _, err := io.WriteString(conn, "INFO {\"server_id\":\"X\",\"max_payload\":1048576}\r\n"); err != nil {
		return
	}
	for in := bufio.NewScanner(conn); in.Scan(); {
		if strings.TrimSpace(in.Text()) != "PING" {
			continue
		}
		if _, err := io.WriteString(conn, "PONG\r\n"); err != nil {
			return
		}
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// startGateway runs a command line until the test ends.
func startGateway(t *testing.T, args ...string) (stop func() result) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan result, 1)
	go func() { done <- newCLI(nil).run(ctx, append([]string{"gateway"}, args...)...) }()
	var once sync.Once
	var last result
	stop = func() result {
		once.Do(func() { cancel(); last = <-done })
		return last
	}
	t.Cleanup(func() { stop() })
	return stop
}

func until(t *testing.T, condition func() error) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		err := condition()
		if err == nil {
			return
		}
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatal(err)
		}
	}
}

func TestAGatewayRunsShowsItsStatusAndStops(t *testing.T) {
	server, listen, admin := natsLike(t), freeAddress(t), freeAddress(t)
	stop := startGateway(t, "--backend", "us-east=nats://"+server+",name=one", "--backend", "eu-west=nats://127.0.0.1:1,name=two",
		"--region", "us-east", "--listen", listen, "--admin", admin)
	var st gateway.Status
	until(t, func() error {
		r := newCLI(nil).run(t.Context(), "gateway", "status", "--admin", "http://"+admin, "--json")
		if r.code != exitOK {
			return errors.New(r.err)
		}
		if err := json.Unmarshal([]byte(r.out), &st); err != nil || len(st.Backends) != 2 {
			return fmt.Errorf("%s: %w", r.out, err)
		}
		if st.Backends[0].State != gateway.StateUp || st.Backends[1].State != gateway.StateRefusing {
			return fmt.Errorf("%+v", st.Backends)
		}
		return nil
	})
	conn, err := net.Dial("tcp", listen)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if line, err := bufio.NewReader(conn).ReadString('\n'); err != nil || !strings.HasPrefix(line, "INFO ") {
		t.Errorf("a client hears %q, %v", line, err)
	}
	r := newCLI(nil).run(t.Context(), "gateway", "status", "--admin", "http://"+admin)
	contains(t, r.out, "gateway at "+listen+": 1 connection", "one", "refusing", "nobody listens")
	if r := stop(); r.code != exitOK {
		t.Errorf("exit code %d: %s", r.code, r.err)
	}
	r = newCLI(nil).run(t.Context(), "gateway", "status", "--admin", "http://"+admin)
	if r.code != exitFailed {
		t.Errorf("without a gateway: exit code %d: %s", r.code, r.out)
	}
	contains(t, r.err, "no gateway answers")
}

func TestAGatewayIsToldWhatItNeeds(t *testing.T) {
	file := filepath.Join(t.TempDir(), "gateway.yaml")
	if err := os.WriteFile(file, []byte("listen: 0.0.0.0:4222\nbackends: [{server: x://y, region: a}]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args    []string
		code    int
		message string
	}{
		{nil, exitUsage, "needs -c FILE or --backend"},
		{[]string{"--backend", "nats://h:1"}, exitUsage, "REGION"},
		{[]string{"--backend", "a=nats://h:1", "--backend", "a=nats://h:1"}, exitUsage, "already the name"},
		{[]string{"--backend", "a=nats://h:1", "--listen", "0.0.0.0:1"}, exitUsage, "reached from other machines"},
		{[]string{"-c", file, "--listen", "127.0.0.1:1"}, exitUsage, "exclude each other"},
		{[]string{"-c", file}, exitFailed, "2 problems"},
		{[]string{"-c", file + ".missing"}, exitFailed, "no such file"},
	} {
		r := newCLI(nil).run(t.Context(), append([]string{"gateway"}, c.args...)...)
		if r.code != c.code || !strings.Contains(r.err, c.message) {
			t.Errorf("%v: exit code %d, %s", c.args, r.code, r.err)
		}
	}
}

func TestTheExampleOfAGatewayIsValid(t *testing.T) {
	r := newCLI(nil).run(t.Context(), "gateway", "-c", "../../configs/examples/gateway.yaml", "--check")
	if r.code != exitOK {
		t.Fatal(r.err)
	}
	contains(t, r.out, "ok: listens on 127.0.0.1:4222", "3 backends")
}
