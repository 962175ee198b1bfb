package dev

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"

	"geomq/configs"
	"geomq/geo"
)

// The log that a dev deployment has.
const (
	devLog   = geo.LogName("ORDERS")
	devTopic = geo.Topic("orders.>")
)

// DefaultRegions are those of `geomq dev` without --regions.
func DefaultRegions() []geo.Region { return []geo.Region{"us-east", "eu-west", "ap-south"} }

// DefaultData is the folder used where none is named.
func DefaultData() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find a folder for data: %w; name one with --data", err)
	}
	return filepath.Join(cache, "geomq", "dev"), nil
}

// Addresses is what dev.json holds.
type Addresses struct {
	Regions []RegionAddresses `json:"regions"`
}

// RegionAddresses leads to the first node of a region.
type RegionAddresses struct {
	Name  geo.Region `json:"name"`
	NATS  string     `json:"nats"`
	Admin string     `json:"admin"`
}

// AddressesFile is where a deployment with that data folder writes Addresses
// once everything answers.
func AddressesFile(data string) string { return filepath.Join(data, "dev.json") }

// lay picks ports, makes the key, and writes one configuration per node.
func (o *Options) lay() ([]*configs.Config, error) {
	key, err := o.key()
	if err != nil {
		return nil, err
	}
	picked, err := o.pickPorts()
	if err != nil {
		return nil, err
	}
	var cfgs []*configs.Config
	for _, region := range o.Regions {
		for i := range o.Brokers {
			cfg := o.config(region, i, picked)
			cfg.Gossip.Key = key
			if err := o.write(cfg); err != nil {
				return nil, err
			}
			cfgs = append(cfgs, cfg)
		}
	}
	return cfgs, nil
}

func nodeName(region geo.Region, i int) string { return fmt.Sprintf("%s-%d", region, i+1) }

func (o *Options) pickPorts() (map[string]ports, error) {
	p := &picker{random: o.RandomPorts, last: lastPorts(o.Data), taken: map[int]bool{}, shifted: func(what string, wanted, got int) {
		fmt.Fprintf(o.Out, "port %d is taken: the %s is %d\n", wanted, what, got)
	}}
	picked := map[string]ports{}
	for r, region := range o.Regions {
		for i := range o.Brokers {
			name := nodeName(region, i)
			ports, err := p.node(name, r*o.Brokers+i)
			if err != nil {
				return nil, err
			}
			picked[name] = ports
		}
	}
	text, err := json.Marshal(picked)
	if err != nil {
		return nil, err
	}
	return picked, writeFile(portsFile(o.Data), text)
}

// config is that of one node. It joins the first node of the first region, and
// the first of its own.
func (o *Options) config(region geo.Region, i int, picked map[string]ports) *configs.Config {
	at := func(port int) string { return net.JoinHostPort(loopback, strconv.Itoa(port)) }
	name := nodeName(region, i)
	own := picked[name]
	cfg := configs.Defaults()
	cfg.Region, cfg.Node, cfg.Regions = region, name, o.Regions
	cfg.Data = filepath.Join(o.Data, string(region), name)
	cfg.Listen = configs.Listen{NATS: at(own.NATS), Cluster: at(own.Cluster), Gossip: at(own.Gossip), Admin: at(own.Admin)}
	for _, seed := range []string{nodeName(o.Regions[0], 0), nodeName(region, 0)} {
		if address := at(picked[seed].Gossip); seed != name && (len(cfg.Gossip.Join) == 0 || cfg.Gossip.Join[0] != address) {
			cfg.Gossip.Join = append(cfg.Gossip.Join, address)
		}
	}
	cfg.Broker.Brokers = o.Brokers
	for other := range o.Brokers {
		if other != i {
			cfg.Broker.Routes = append(cfg.Broker.Routes, at(picked[nodeName(region, other)].Cluster))
		}
	}
	cfg.Logs = []configs.Log{{Name: devLog, Topics: []geo.Topic{devTopic}}}
	cfg.FillDefaults()
	return &cfg
}

// write keeps the configuration beside the node's data, for people to read.
func (o *Options) write(cfg *configs.Config) error {
	text, err := cfg.Marshal()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(cfg.Data, 0o700); err != nil {
		return fmt.Errorf("make the data folder of %s: %w", cfg.Node, err)
	}
	return writeFile(filepath.Join(cfg.Data, "geomq.yaml"), text)
}

// key reads the deployment's gossip key, or makes it.
func (o *Options) key() (configs.GossipKey, error) {
	path := filepath.Join(o.Data, "key")
	text, err := os.ReadFile(path)
	if err == nil {
		return configs.GossipKey(text), nil
	}
	if !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("read the gossip key: %w", err)
	}
	raw := make([]byte, 32)
	rand.Read(raw) // never fails
	key := base64.StdEncoding.EncodeToString(raw)
	return configs.GossipKey(key), writeFile(path, []byte(key))
}

// writeFile replaces a file as a whole, readable by its owner alone.
func writeFile(path string, data []byte) error {
	temporary := path + ".new"
	if err := os.WriteFile(temporary, data, 0o600); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return os.Rename(temporary, path)
}
