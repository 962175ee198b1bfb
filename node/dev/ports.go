package dev

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
)

// loopback is where every listener of a dev deployment is.
const loopback = "127.0.0.1"

// span is how many ports from a default one on are tried.
const span = 1000

// ports are one node's.
type ports struct {
	NATS    int `json:"nats"`
	Cluster int `json:"cluster"`
	Gossip  int `json:"gossip"`
	Admin   int `json:"admin"`
}

// Default ports of the first node; the others' follow.
var firstPorts = ports{NATS: 4222, Cluster: 6222, Gossip: 7946, Admin: 8300}

// picker gives out ports that are free, each once.
type picker struct {
	random bool
	last   map[string]ports // of the start before, by node
	taken  map[int]bool
	// shifted is told of a default port that was busy.
	shifted func(what string, wanted, got int)
}

// node picks the ports of the node that is number index of all.
func (p *picker) node(name string, index int) (ports, error) {
	var picked ports
	var errs []error
	last := p.last[name]
	for _, listener := range []struct {
		what        string
		first, last int
		to          *int
	}{
		{"NATS", firstPorts.NATS, last.NATS, &picked.NATS},
		{"cluster", firstPorts.Cluster, last.Cluster, &picked.Cluster},
		{"gossip", firstPorts.Gossip, last.Gossip, &picked.Gossip},
		{"admin", firstPorts.Admin, last.Admin, &picked.Admin},
	} {
		port, err := p.pick(listener.what+" port of "+name, listener.first+index, listener.last)
		errs = append(errs, err)
		*listener.to = port
	}
	return picked, errors.Join(errs...)
}

func (p *picker) pick(what string, wanted, last int) (int, error) {
	// A port of the start before is taken again if it is of the kind asked for.
	byDefault := last >= wanted && last < wanted+span
	if last != 0 && byDefault != p.random && p.free(last) {
		p.taken[last] = true
		return last, nil
	}
	if p.random {
		return p.any(what)
	}
	for port := wanted; port < wanted+span; port++ {
		if !p.free(port) {
			continue
		}
		p.taken[port] = true
		if port != wanted {
			p.shifted(what, wanted, port)
		}
		return port, nil
	}
	return 0, fmt.Errorf("no free %s from %d to %d: stop what uses them or take --ports random", what, wanted, wanted+span-1)
}

// Random ports lie below those that systems give to clients. A client that looks
// for its broker again and again would else happen to connect to itself, and
// keep the broker from its port.
const firstRandom, lastRandom = 10_000, 32_000

// any takes a random port that is free, for TCP and UDP.
func (p *picker) any(what string) (int, error) {
	for range 1000 {
		if port := firstRandom + rand.IntN(lastRandom-firstRandom); p.free(port) {
			p.taken[port] = true
			return port, nil
		}
	}
	return 0, fmt.Errorf("find a free %s: none of a thousand between %d and %d is", what, firstRandom, lastRandom)
}

// free tells whether both TCP and UDP can be listened on, since gossip uses
// both.
func (p *picker) free(port int) bool {
	if p.taken[port] || port > 65535 {
		return false
	}
	address := net.JoinHostPort(loopback, strconv.Itoa(port))
	tcp, err := net.Listen("tcp", address)
	if err != nil {
		return false
	}
	tcp.Close()
	udp, err := net.ListenPacket("udp", address)
	if err != nil {
		return false
	}
	udp.Close()
	return true
}

func portsFile(data string) string { return filepath.Join(data, "ports.json") }

// lastPorts reads the ports of the start before; a missing or damaged file only
// means that others are picked.
func lastPorts(data string) map[string]ports {
	text, err := os.ReadFile(portsFile(data))
	if err != nil {
		return nil
	}
	var last map[string]ports
	if json.Unmarshal(text, &last) != nil {
		return nil
	}
	return last
}
