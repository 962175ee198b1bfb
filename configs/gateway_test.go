package configs

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"geomq/geo"
)

func TestTheGatewayExampleLoads(t *testing.T) {
	g, err := LoadGateway("examples/gateway.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if len(g.Backends) != 3 || g.Region != "us-east" || !slices.Equal(g.Prefer, []geo.Region{"eu-west"}) || g.MaxConnections != 10_000 {
		t.Errorf("%+v", g)
	}
}

func TestAWrongGatewayIsToldEverythingAtOnce(t *testing.T) {
	_, err := ParseGateway([]byte(`
listen: 0.0.0.0:4222
admin: 127.0.0.1
region: us-east
prefer: [us-east, eu, eu]
failback: sometimes
dead_after: 1s
probe: 900ms
drain_rate: 0
colour: blue
tls: {cert: a.pem, client_ca: ca.pem}
backends:
  - server: http://127.0.0.1:1
    region: us-east
  - region: us-east
  - {server: "nats://127.0.0.1:2", region: us-east}
  - {server: "nats://u:p@127.0.0.1:2", region: US}
  - {server: "nats://127.0.0.1:4222", region: eu}
  - {server: "nats://10.0.0.9:4222", region: eu}
`))
	var problems Problems
	if !errors.As(err, &problems) {
		t.Fatal(err)
	}
	var got []string
	for _, p := range problems {
		got = append(got, p.Path)
	}
	for _, want := range []string{
		"admin", "prefer[0]", "prefer[2]", "failback", "probe", "drain_rate", "colour", "tls.cert",
		"backends[0]", "backends[1].server", "backends[3]", "backends[3].region", "backends[4].server",
	} {
		if !slices.Contains(got, want) {
			t.Errorf("nothing about %s in\n%v", want, err)
		}
	}
	if slices.Contains(got, "backends[5].server") {
		t.Error("another machine's port is taken for the gateway's own")
	}
	if strings.Contains(err.Error(), "u:p") {
		t.Error("a password is in the message")
	}
	_, err = ParseGateway([]byte("listen: 0.0.0.0:4222\nbackends: []\n"))
	if err == nil || !strings.Contains(err.Error(), "listen (line 1)") || !strings.Contains(err.Error(), "backends (line 2)") {
		t.Error(err)
	}
}

func FuzzParseGateway(f *testing.F) {
	f.Add([]byte("backends: [{server: nats://h:1, region: a}]"))
	f.Add([]byte("tls: {cert: a, key: b}\nbackends: {}"))
	f.Add([]byte("dead_after: 5\nprobe: -1s"))
	f.Fuzz(func(t *testing.T, data []byte) {
		g, err := ParseGateway(data)
		if err == nil && len(g.Validate()) > 0 {
			t.Errorf("%q gave what Validate refuses", data)
		}
	})
}
