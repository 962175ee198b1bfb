package configs

import (
	"slices"
	"time"

	"geomq/geo"
)

const (
	maxBackends                = 256
	maxDrainRate               = 100_000
	maxConnections             = 1_000_000
	minDeadAfter, maxDeadAfter = 200 * time.Millisecond, time.Minute
	minProbe                   = 50 * time.Millisecond
	minDial, maxDial           = 100 * time.Millisecond, 10 * time.Second
	minHome, maxHome           = time.Second, time.Hour
)

// Validate says everything that is wrong with g; nil means that a gateway can be
// built from it. Files are not looked at.
func (g *Gateway) Validate() Problems {
	var ps Problems
	g.validateListeners(&ps)
	g.validateRegions(&ps)
	checkWord(&ps, "failback", g.Failback, FailbackAuto, FailbackManual)
	checkRange(&ps, "home_after", Duration(g.HomeAfter), Duration(minHome), Duration(maxHome))
	checkRange(&ps, "dead_after", Duration(g.DeadAfter), Duration(minDeadAfter), Duration(maxDeadAfter))
	checkRange(&ps, "probe", Duration(g.Probe), Duration(minProbe), max(Duration(g.DeadAfter/2), Duration(minProbe)))
	checkRange(&ps, "dial_timeout", Duration(g.DialTimeout), Duration(minDial), Duration(maxDial))
	checkRange(&ps, "drain_rate", g.DrainRate, 1, maxDrainRate)
	checkRange(&ps, "max_connections", g.MaxConnections, 1, maxConnections)
	g.TLS.validate(&ps)
	g.validateBackends(&ps)
	return ps
}

func (g *Gateway) validateListeners(ps *Problems) {
	clients, wrong := parseAddress(g.Listen)
	if wrong != nil {
		ps.add("listen", "%v", wrong)
	} else if !clients.loopback() && !g.Insecure && g.TLS.Cert == "" {
		ps.add("listen", "%s can be reached from other machines, and clients may speak in clear; "+
			"give the gateway a tls.cert, or set insecure: true where the backends want TLS or inside a private network", quote(g.Listen))
	}
	admin, err := parseAddress(g.Admin)
	switch {
	case err != nil:
		ps.add("admin", "%v", err)
	case !admin.loopback() && !g.Insecure:
		ps.add("admin", "%s can be reached from other machines, and nobody has to log in; "+
			"listen on 127.0.0.1, or set insecure: true inside a private network or VPN", quote(g.Admin))
	case wrong == nil && admin.conflicts(clients):
		ps.add("admin", "%s is already taken by listen (%s); use another port", quote(g.Admin), quote(g.Listen))
	}
	for i, address := range g.Advertise {
		checkDialled(ps, index("advertise", i), address)
	}
}

func (g *Gateway) validateRegions(ps *Problems) {
	if g.Region != "" {
		if bad := badName(string(g.Region), geo.ParseRegion); bad != "" {
			ps.add("region", "%s", bad)
		}
	}
	for i, r := range g.Prefer {
		at := index("prefer", i)
		if bad := badName(string(r), geo.ParseRegion); bad != "" {
			ps.add(at, "%s", bad)
			continue
		}
		if r == g.Region {
			ps.add(at, "%s is the gateway's own region, which comes first anyway; take it out", quote(string(r)))
		}
		if slices.Index(g.Prefer, r) < i {
			ps.add(at, "%s stands here a second time; keep one", quote(string(r)))
		}
	}
}

func (t *GatewayTLS) validate(ps *Problems) {
	pair := func(cert, key, first, second string) {
		if (cert == "") != (key == "") {
			ps.add(first, "goes with %s; give both or neither", second)
		}
	}
	pair(t.Cert, t.Key, "tls.cert", "tls.key")
	pair(t.BackendCert, t.BackendKey, "tls.backend_cert", "tls.backend_key")
	if t.ClientCA != "" && t.Cert == "" {
		ps.add("tls.client_ca", "needs tls.cert: where TLS is passed on, backends check clients' certificates")
	}
}

func (g *Gateway) validateBackends(ps *Problems) {
	if len(g.Backends) == 0 {
		ps.add("backends", "is required; name at least one NATS server")
	}
	if len(g.Backends) > maxBackends {
		ps.add("backends", "names %d backends, at most %d fit", len(g.Backends), maxBackends)
		return
	}
	names := map[string]int{}
	for i, b := range g.Backends {
		at := index("backends", i)
		if b.Region == "" {
			ps.add(at+".region", "is required; name the region it stands in, e.g. us-east")
		} else if bad := badName(string(b.Region), geo.ParseRegion); bad != "" {
			ps.add(at+".region", "%s", bad)
		}
		if b.Server == "" {
			ps.add(at+".server", "is required; write nats://HOST:PORT")
			continue
		}
		made, err := b.Backend()
		if err != nil {
			ps.add(at, "%v", err)
			continue
		}
		if g.leadsHere(made.NATS) {
			ps.add(at+".server", "%s is where the gateway itself listens; name a NATS server", quote(b.Server))
			continue
		}
		if first, ok := names[made.Name]; ok {
			ps.add(at, "%s is already the name of backends[%d]; give one of them another name", quote(made.Name), first)
			continue
		}
		names[made.Name] = i
	}
}

// leadsHere tells whether an address is the gateway's own.
func (g *Gateway) leadsHere(server string) bool {
	own, err := parseAddress(g.Listen)
	if err != nil {
		return false
	}
	other, err := parseAddress(server)
	return err == nil && own.conflicts(other) && (other.loopback() || !own.unspecified())
}
