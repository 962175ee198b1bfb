package configs

import (
	"fmt"
	"strings"
	"time"

	"geomq/geo"
	"geomq/geo/gateway"

	"go.yaml.in/yaml/v3"
)

// Gateway is the configuration of a gateway that runs alone, beside applications.
// Addresses are host:port.
type Gateway struct {
	// Listen is for clients, Admin for metrics, status and health checks. Port 0
	// picks a free one.
	Listen string
	Admin  string
	// Advertise is what clients are told of this and other gateways.
	Advertise []string
	// Insecure allows listeners beyond loopback although clients may speak in clear.
	Insecure bool
	// Region is the gateway's own; empty: none is own.
	Region geo.Region
	// Prefer orders the other regions; those it doesn't name follow by round trip.
	Prefer   []geo.Region
	Failback Failback
	// HomeAfter is for how long a more preferred region must have been well before
	// clients are taken back to it.
	HomeAfter time.Duration
	// DeadAfter is the silence after which a backend counts as dead, Probe the time
	// between two probes of it.
	DeadAfter   time.Duration
	Probe       time.Duration
	DialTimeout time.Duration
	// DrainRate is how many connections a second are closed where there is no hurry.
	DrainRate      int
	MaxConnections int
	TLS            GatewayTLS
	Backends       []Backend
}

// Backend is one NATS server behind a gateway.
type Backend struct {
	// Server is nats://[USER:PASSWORD@]HOST:PORT; what stands before the @ is for
	// the gateway's own probe. It holds a secret then.
	Server string
	Region geo.Region
	// Name stands in logs and metrics; the server's address by default.
	Name string
	// Admin is the base URL of the node's admin API, if it has one.
	Admin string
	// Preference orders the backends of a region, the least first.
	Preference int
}

// GatewayTLS says who speaks TLS. Names of files count from the folder of the
// configuration.
type GatewayTLS struct {
	// Cert and Key have TLS of clients end at the gateway; without them it is passed
	// on.
	Cert, Key string
	// ClientCA has clients show a certificate that it has signed.
	ClientCA string
	// HandshakeFirst is for clients and backends that speak TLS from the first byte.
	HandshakeFirst bool
	// BackendCA is what backends' certificates are checked against instead of the
	// system's; BackendCert and BackendKey are shown to them.
	BackendCA, BackendCert, BackendKey string
}

// Failback says whether clients are taken back to a region that is well again.
type Failback string

const (
	// FailbackAuto takes them back gently.
	FailbackAuto Failback = "auto"
	// FailbackManual leaves them where they are.
	FailbackManual Failback = "manual"
)

// GatewayDefaults is a Gateway with everything that has a default. It lacks
// Backends.
func GatewayDefaults() Gateway {
	return Gateway{
		Listen: "127.0.0.1:4222", Admin: "127.0.0.1:8310", Failback: FailbackAuto,
		HomeAfter: 30 * time.Second, DeadAfter: 2 * time.Second, Probe: 500 * time.Millisecond, DialTimeout: time.Second,
		DrainRate: 100, MaxConnections: 10_000,
	}
}

func (g *Gateway) fields() section {
	return section{
		{"listen", textOf(&g.Listen), "", "Where clients connect; port 0 picks a free one."},
		{"admin", textOf(&g.Admin), "", "Where metrics, status and health checks are."},
		{"advertise", textsOf(&g.Advertise), "none", "host:port of this and other gateways, told to clients; with two they reconnect without waiting."},
		{"insecure", flagOf(&g.Insecure), "", "Allow listeners beyond loopback although clients may speak in clear."},
		{"region", textOf(&g.Region), "none", "The gateway's own region, whose backends come first."},
		{"prefer", textsOf(&g.Prefer), "by round trip", "The order of further regions."},
		{"failback", textOf(&g.Failback), "", "auto: take clients back to a preferred region that is well again; manual: leave them."},
		{"home_after", spanOf(&g.HomeAfter), "", "How long a region must have been well before that, 1s to 1h."},
		{"dead_after", spanOf(&g.DeadAfter), "", "Silence after which a backend is dead, 200ms to 1m."},
		{"probe", spanOf(&g.Probe), "", "Time between two probes, 50ms to half of dead_after."},
		{"dial_timeout", spanOf(&g.DialTimeout), "", "How long connecting to a backend may take, 100ms to 10s."},
		{"drain_rate", wholeOf(&g.DrainRate), "", "Connections closed per second and backend where there is no hurry."},
		{"max_connections", wholeOf(&g.MaxConnections), "", "Open connections at most."},
		{"tls", g.TLS.fields(), "", ""},
		{"backends", backendsOf(&g.Backends), "required", "The NATS servers clients are taken to."},
	}
}

func (t *GatewayTLS) fields() section {
	return section{
		{"cert", textOf(&t.Cert), "none", "Certificate file; TLS of clients ends at the gateway then, else it is passed on."},
		{"key", textOf(&t.Key), "none", "Key file of cert."},
		{"client_ca", textOf(&t.ClientCA), "none", "File of CAs of which clients must show a certificate."},
		{"handshake_first", flagOf(&t.HandshakeFirst), "", "TLS from the first byte on, as servers with handshake_first: true speak it."},
		{"backend_ca", textOf(&t.BackendCA), "the system's", "File of CAs of backends."},
		{"backend_cert", textOf(&t.BackendCert), "none", "Certificate file shown to backends."},
		{"backend_key", textOf(&t.BackendKey), "none", "Key file of backend_cert."},
	}
}

func (b *Backend) fields() section {
	return section{
		{"server", textOf(&b.Server), "required", "nats://[USER:PASSWORD@]HOST:PORT; user and password are for probes."},
		{"region", textOf(&b.Region), "required", "The region it stands in."},
		{"name", textOf(&b.Name), "the server's address", "What logs and metrics call it."},
		{"admin", textOf(&b.Admin), "none", "http://HOST:PORT of its node's admin API, asked whether it is ready."},
		{"preference", wholeOf(&b.Preference), "", "Order within the region, the least first; alike ones share clients."},
	}
}

// backends is the list of backends.
type backends struct{ at *[]Backend }

func backendsOf(at *[]Backend) value { return backends{at} }

func (v backends) decode(d *decoder, path string, n *yaml.Node) {
	if n.Kind != yaml.SequenceNode {
		d.fail(path, "is %s, not a list of backends; begin each with \"- server: nats://HOST:PORT\"", kindOf(n))
		return
	}
	if len(n.Content) > maxBackends {
		d.fail(path, "names %d backends, at most %d fit", len(n.Content), maxBackends)
		return
	}
	*v.at = make([]Backend, len(n.Content))
	for i, item := range n.Content {
		d.read(index(path, i), item.Line, item, (*v.at)[i].fields())
	}
}

func (v backends) encode() *yaml.Node { return nil }

// LoadGateway reads the configuration of a gateway in a file of at most 1 MiB. The
// error wraps Problems for one that is wrong, and the error of package os for a
// file that can't be read.
func LoadGateway(path string) (*Gateway, error) {
	data, err := readFile(path, maxFile+1)
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	g, err := ParseGateway(data)
	if err != nil {
		return nil, fmt.Errorf("%s is no valid configuration of a gateway:\n%w", path, err)
	}
	return g, nil
}

// ParseGateway reads the configuration of a gateway, fills in its defaults and
// validates it. The error is Problems, with all of them.
func ParseGateway(data []byte) (*Gateway, error) {
	g, d := GatewayDefaults(), newDecoder()
	if len(data) > maxFile {
		d.report("", 0, "the file is larger than 1MiB")
		return nil, d.problems
	}
	root, ok := d.document(data)
	if !ok {
		return nil, d.problems
	}
	if root != nil {
		g.fields().decode(d, "", root)
	}
	if !d.failed[""] {
		d.judge(g.Validate())
	}
	if err := d.sorted().Err(); err != nil {
		return nil, err
	}
	return &g, nil
}

// Backend is b as package gateway has it. The error wraps gateway.ErrBackend.
func (b Backend) Backend() (gateway.Backend, error) {
	made := gateway.Backend{}
	if err := made.SetServer(b.Server); err != nil {
		return made, err
	}
	made.Region, made.Admin, made.Preference = b.Region, b.Admin, b.Preference
	if b.Name != "" {
		made.Name = b.Name
	}
	return made, gateway.CheckBackends([]gateway.Backend{made})
}

// ParseBackend reads REGION=nats://…[,admin=URL][,name=NAME] as on command lines;
// see gateway.ParseBackend, whose error it returns.
func ParseBackend(text string) (Backend, error) {
	parsed, err := gateway.ParseBackend(text)
	if err != nil {
		return Backend{}, err
	}
	server, _, _ := strings.Cut(text, ",")
	_, server, _ = strings.Cut(server, "=")
	return Backend{Server: server, Region: parsed.Region, Name: parsed.Name, Admin: parsed.Admin}, nil
}
