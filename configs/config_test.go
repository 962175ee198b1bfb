package configs

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"geomq/geo"
)

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func parsed(t *testing.T, file string) *Config {
	t.Helper()
	c, err := Parse([]byte(file))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestTheShortestFileGetsEveryDefault(t *testing.T) {
	c := parsed(t, oneLog)
	want := Config{
		Region:  "us-east",
		Node:    "us-east-1",
		Regions: []geo.Region{"us-east"},
		Data:    "d",
		Listen: Listen{NATS: "127.0.0.1:4222", Cluster: "127.0.0.1:6222",
			Gossip: "127.0.0.1:7946", Admin: "127.0.0.1:8300"},
		Advertise: Advertise{NATS: "127.0.0.1:4222", Gossip: "127.0.0.1:7946", Admin: "127.0.0.1:8300"},
		Broker:    Broker{Brokers: 1, MaxPayload: 1 << 20, OpenWait: 30 * time.Second},
		Link: Link{Credit: 16 << 20, Frame: 256 << 10,
			Compression: CompressionZstd, Heartbeat: time.Second},
		Disk:  Disk{StopReplicas: 10, FenceOrigins: 5},
		Scrub: Scrub{Rate: 8 << 20},
		Logs: []Log{{Name: "ORDERS", Topics: []geo.Topic{"orders.>"}, Regions: []geo.Region{"us-east"},
			Mode: ModeSingle, Flush: FlushAsync, DedupeWindow: 2 * time.Minute}},
	}
	if !reflect.DeepEqual(*c, want) {
		t.Errorf("got\n%+v\nwant\n%+v", *c, want)
	}
}

func TestEveryFieldIsRead(t *testing.T) {
	const key = "MDEyMzQ1Njc4OWFiY2RlZg=="
	c := parsed(t, `
region: us-east
node: n7
regions: [eu-west, us-east]
data: /d
insecure: true
listen: {nats: "0.0.0.0:1", cluster: "h:2", gossip: "[::1]:3", admin: "localhost:0"}
advertise: {nats: "n:4", gossip: "g:5", admin: "a:6"}
gossip: {join: ["j:7"], key: `+key+`}
broker: {routes: ["r:8"], brokers: 3, max_payload: 2MiB, max_store: 10GB, open_wait: 1m}
link: {credit: 8MiB, frame: 65536, compression: s2, heartbeat: 1.5s, via: {eu-west: "tunnel:9"}}
disk: {stop_replicas: 20, fence_origins: 0}
scrub: {rate: 0}
logs:
- name: A
  topics: [a.>, b]
  regions: [us-east]
  mode: single
  flush: sync
  retention: {max_age: 2w, max_bytes: 1GiB, max_entries: 9}
  dedupe_window: 1d
- {name: B, topics: [c]}
`)
	want := Config{
		Region: "us-east", Node: "n7", Regions: []geo.Region{"eu-west", "us-east"}, Data: "/d", Insecure: true,
		Listen:    Listen{NATS: "0.0.0.0:1", Cluster: "h:2", Gossip: "[::1]:3", Admin: "localhost:0"},
		Advertise: Advertise{NATS: "n:4", Gossip: "g:5", Admin: "a:6"},
		Gossip:    Gossip{Join: []string{"j:7"}, Key: key},
		Broker:    Broker{Routes: []string{"r:8"}, Brokers: 3, MaxPayload: 2 << 20, MaxStore: 10e9, OpenWait: time.Minute},
		Link: Link{Credit: 8 << 20, Frame: 65536, Compression: CompressionS2, Heartbeat: 1500 * time.Millisecond,
			Via: map[geo.Region]string{"eu-west": "tunnel:9"}},
		Disk: Disk{StopReplicas: 20},
		Logs: []Log{
			{Name: "A", Topics: []geo.Topic{"a.>", "b"}, Regions: []geo.Region{"us-east"}, Mode: ModeSingle, Flush: FlushSync,
				Retention: Retention{MaxAge: 14 * 24 * time.Hour, MaxBytes: 1 << 30, MaxEntries: 9}, DedupeWindow: 24 * time.Hour},
			{Name: "B", Topics: []geo.Topic{"c"}, Regions: []geo.Region{"eu-west", "us-east"}, Mode: ModeSync, Flush: FlushAsync,
				DedupeWindow: 2 * time.Minute},
		},
	}
	if !reflect.DeepEqual(*c, want) {
		t.Errorf("got\n%+v\nwant\n%+v", *c, want)
	}
}

func TestDefaultsThatFollowFromOtherFields(t *testing.T) {
	short := parsed(t, oneLog+"  retention: {max_age: 30s}\n")
	if got := short.Logs[0].DedupeWindow; got != 30*time.Second {
		t.Errorf("keys are remembered for %v, longer than entries of 30s", got)
	}
	c := parsed(t, exposed+"listen: {nats: '127.0.0.1:0', gossip: '0.0.0.0:0', admin: '10.0.0.1:8300'}\nadvertise: {gossip: 'g:1'}\n")
	want := Advertise{NATS: "", Gossip: "g:1", Admin: "10.0.0.1:8300"}
	if c.Advertise != want {
		t.Errorf("advertised are %+v, want %+v: a port picked at the start is not known yet", c.Advertise, want)
	}
}

// What looks like a mistake but is none.
func TestAcceptedConfigurations(t *testing.T) {
	for name, file := range map[string]string{
		"ports picked at the start":    good + "listen: {nats: '127.0.0.1:0', cluster: '127.0.0.1:0', gossip: '127.0.0.1:0', admin: '127.0.0.1:0'}\n",
		"one port, several addresses":  good + "listen: {nats: '127.0.0.1:80', admin: '127.0.0.2:80', gossip: 'localhost:81', cluster: '127.0.0.2:81'}\n",
		"one port, several hosts":      exposed + "listen: {nats: 'a.example.com:80', admin: 'b.example.com:80', gossip: '10.0.0.1:80'}\n",
		"every spelling of loopback":   good + "listen: {nats: 'localhost:1', cluster: '[::1]:2', gossip: '127.9.9.9:3', admin: 'LOCALHOST:4'}\n",
		"two brokers with single logs": oneLog + "broker: {brokers: 2, routes: ['10.0.0.2:6222']}\n",
		"four brokers with sync logs":  oneLog + "  mode: sync\nbroker: {brokers: 4, routes: ['a:1', 'b:1']}\n",
		"sync log of another region":   twoRegions + "logs: [{name: A, topics: [a], regions: [eu-west], mode: sync}]\n",
		"topics that only look alike":  good + "logs: [{name: A, topics: [a.*, a.b.c, a]}, {name: B, topics: [a.*.d, b.>]}]\n",
		"detour to some regions":       twoRegions + "link: {via: {eu-west: '[2001:db8::1]:4222'}}\n",
		"no detours":                   good + "link: {via: {}}\n",
		"detour to digits":             good + "regions: [us-east, '2024']\nlink: {via: {'2024': 'localhost:1'}}\n",
		"no logs yet":                  good + "logs: []\n",
		"name of a container":          good + "gossip: {join: ['geomq_eu.my_net:7946', 'a.b.:1']}\n",
		"size with a space":            good + "link: {credit: 2 MiB}\n",
		"name that looks like a word":  "region: no\ndata: 'on'\n",
		"quoted digits":                "region: '2024'\ndata: d\n",
		"byte order mark":              "\ufeff" + good,
		"carriage returns":             strings.ReplaceAll(oneLog, "\n", "\r\n"),
	} {
		if _, err := Parse([]byte(file)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Validate is handed what a program built, so it can't count on Parse.
func TestValidateOfAnEmptyConfig(t *testing.T) {
	var c Config
	if ps := c.Validate(); len(ps) < 5 {
		t.Errorf("an empty Config has only these problems:\n%v", ps)
	}
	built := Defaults()
	built.Region, built.Data = "us-east", "d"
	built.Logs = []Log{{Name: "A", Topics: []geo.Topic{"a"}}}
	if ps := built.Validate(); len(ps) == 0 {
		t.Error("a log without mode, flush and window passed before FillDefaults")
	}
	built.FillDefaults()
	if ps := built.Validate(); len(ps) > 0 {
		t.Errorf("defaults are refused:\n%v", ps)
	}
	built.Logs[0].Regions[0] = "changed"
	if built.Regions[0] != "us-east" {
		t.Error("a log shares the list of regions, so changing one changes both")
	}
}

func TestTheKeyStaysOutOfSight(t *testing.T) {
	c := parsed(t, exposed)
	asJSON, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{fmt.Sprintf("%v %+v %#v %s %q", c, *c, *c, c.Gossip.Key, c.Gossip.Key), string(asJSON)} {
		if strings.Contains(text, "MDEy") || !strings.Contains(text, hidden) {
			t.Errorf("the key can be read in %s", text)
		}
	}
}

// A field that is added to a struct but not to the tables could be neither set nor
// found in the reference.
func TestEveryFieldIsInTheReference(t *testing.T) {
	want := map[string]bool{}
	paths(reflect.TypeFor[Config](), "", want)
	got := map[string]bool{}
	for _, f := range Reference() {
		got[f.Path] = true
		if f.Text == "" || f.Default == "" {
			t.Errorf("%s has no text or no default: %+v", f.Path, f)
		}
	}
	if a, b := sortedKeys(got), sortedKeys(want); !slices.Equal(a, b) {
		t.Errorf("the reference has\n%v\nthe structs have\n%v", a, b)
	}
}

func paths(typ reflect.Type, path string, into map[string]bool) {
	for _, f := range reflect.VisibleFields(typ) {
		at := join(path, snake(f.Name))
		switch {
		case f.Type.Kind() == reflect.Struct:
			paths(f.Type, at, into)
		case f.Type.Kind() == reflect.Slice && f.Type.Elem().Kind() == reflect.Struct:
			paths(f.Type.Elem(), at+"[]", into)
		default:
			into[at] = true
		}
	}
}

func snake(name string) string {
	var b strings.Builder
	for i, r := range name {
		if i > 0 && unicode.IsUpper(r) && unicode.IsLower(rune(name[i-1])) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

func TestTheReferenceTellsTheRealDefaults(t *testing.T) {
	want := map[string]string{
		"region": "required", "listen.nats": "127.0.0.1:4222", "insecure": "false", "broker.max_payload": "1MiB",
		"broker.max_store": "0", "link.credit": "16MiB", "link.frame": "256KiB", "link.heartbeat": "1s", "logs[].flush": "async",
	}
	for _, f := range Reference() {
		if d, ok := want[f.Path]; ok && d != f.Default {
			t.Errorf("%s: the reference says %q, the default is %q", f.Path, f.Default, d)
		}
	}
}
