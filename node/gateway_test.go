package node_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"geomq/configs"
	"geomq/geo"
	"geomq/geotest"
)

// through is a client with default reconnects at a gateway.
func through(t *testing.T, gateway string) (*nats.Conn, jetstream.JetStream) {
	t.Helper()
	nc, err := nats.Connect("nats://"+gateway, nats.MaxReconnects(-1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	return nc, js
}

// acknowledged tries until a publish is acknowledged, for patience at most.
func acknowledged(t *testing.T, js jetstream.JetStream, patience time.Duration) (took time.Duration) {
	t.Helper()
	began := time.Now()
	geotest.Await(t, patience, func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, 500*time.Millisecond)
		defer cancel()
		_, err := js.Publish(ctx, "orders.x", []byte("through a gateway"), jetstream.WithRetryAttempts(0))
		return err
	})
	return time.Since(began)
}

func TestANodesGatewayTakesClientsToItsBrokerAndIsInItsMetrics(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *configs.Config) { c.Listen.Gateway = "127.0.0.1:0" }, "us-east")
	n := w.nodes["us-east"]
	nc, js := through(t, n.Gateway())
	acknowledged(t, js, 20*time.Second)
	geotest.Await(t, startPatience, func(ctx context.Context) error {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, n.Admin()+"/metrics", nil)
		if err != nil {
			return err
		}
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		for _, want := range []string{"geomq_gateway_serves 1", `geomq_gateway_backend_state{backend="us-east-1",region="us-east",state="up"} 1`} {
			if err == nil && !strings.Contains(string(text), want+"\n") {
				err = fmt.Errorf("the metrics lack %s", want)
			}
		}
		return err
	})
	w.stops["us-east"]()
	geotest.Await(t, startPatience, func(context.Context) error {
		if nc.IsConnected() {
			return fmt.Errorf("the client is still connected to a node that has stopped")
		}
		return nil
	})
}

// brokerProcesses are a region of three brokers as processes, a gateway in each.
func brokerProcesses(t *testing.T) (processes map[string]*geotest.Process, cfgs map[string]*configs.Config) {
	t.Helper()
	processes, cfgs = map[string]*geotest.Process{}, map[string]*configs.Config{}
	seed, routes := freePort(t), []string{freePort(t), freePort(t), freePort(t)}
	for i, cluster := range routes {
		cfg := configs.Defaults()
		cfg.Region, cfg.Node, cfg.Data = "us-east", fmt.Sprintf("us-east-%d", i+1), t.TempDir()
		cfg.Listen = configs.Listen{NATS: freePort(t), Cluster: cluster, Gossip: freePort(t), Admin: freePort(t), Gateway: freePort(t)}
		if i == 0 {
			cfg.Listen.Gossip = seed
		}
		cfg.Gossip.Join, cfg.Broker.Brokers, cfg.Broker.Routes = []string{seed}, len(routes), routes
		cfg.Logs = []configs.Log{{Name: "ORDERS", Topics: []geo.Topic{"orders.>"}}}
		cfg.FillDefaults()
		text, err := cfg.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(cfg.Data, "geomq.yaml")
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		processes[cfg.Node], cfgs[cfg.Node] = geotest.Start(t, "server", "-c", file), &cfg
	}
	return processes, cfgs
}

// Three brokers, a gateway in each and one alone: a client goes on when the broker
// it is at is killed.
func TestClientsOfGatewaysOutliveTheirBrokers(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("starts processes")
	}
	processes, cfgs := brokerProcesses(t)
	alone, args := freePort(t), []string{"gateway", "--region", "us-east"}
	for _, cfg := range cfgs {
		args = append(args, "--backend", fmt.Sprintf("us-east=nats://%s,admin=http://%s,name=%s", cfg.Listen.NATS, cfg.Listen.Admin, cfg.Node))
	}
	geotest.Start(t, append(args, "--listen", alone, "--admin", freePort(t))...)
	geotest.Await(t, startPatience, func(context.Context) error {
		dialled, err := nats.Connect("nats://" + alone)
		if err == nil {
			dialled.Close()
		}
		return err
	})
	nc, js := through(t, alone)
	acknowledged(t, js, startPatience)

	killed := nc.ConnectedServerName()
	processes[killed].Kill()
	t.Logf("%s was killed; the next ack came after %s", killed, acknowledged(t, js, 40*time.Second))

	var left string
	for name := range processes {
		if name != killed && name != nc.ConnectedServerName() {
			left = name
		}
	}
	_, beside := through(t, cfgs[left].Listen.Gateway)
	acknowledged(t, beside, 40*time.Second)
}
