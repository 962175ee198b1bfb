package configs

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// good is a file without a mistake; each refusal below adds one.
const good = "region: us-east\ndata: d\n"

// twoRegions and oneLog are beginnings that many refusals need.
const (
	twoRegions = good + "regions: [us-east, eu-west]\n"
	oneLog     = good + "logs:\n- name: ORDERS\n  topics: [orders.>]\n"
	exposed    = good + "insecure: true\ngossip: {key: MDEyMzQ1Njc4OWFiY2RlZg==}\n"
)

var refusals = []struct {
	name, file string
	path       string // of the problem that must be among those reported
	line       int
	words      string // in its text
	only       bool   // and nothing else may be reported
}{
	// The form of the file.
	{"no YAML", good + "logs: [", "", 3, "no YAML", true},
	{"tab", "region: us-east\n\tdata: d\n", "", 2, "no YAML", true},
	{"a list", "- a\n", "", 1, "is a list, not a mapping", true},
	{"text", "hello\n", "", 1, "is text, not a mapping", true},
	{"empty", "", "region", 0, "is required", false},
	{"only a comment", "# nothing\n", "data", 0, "is required", false},
	{"null", "~\n", "data", 0, "is required", false},
	{"two documents", good + "---\nregion: eu-west\n", "", 3, "second document", true},
	{"broken second document", good + "---\nregion: [\n", "", 4, "no YAML", true},
	{"field twice", good + "data: e\n", "data", 3, "a second time, first in line 2", true},
	{"section twice", good + "link: {credit: 2MiB}\nlink: {}\n", "link", 4, "a second time", true},
	{"unknown field", good + "insecur: true\n", "insecur", 3, "did you mean insecure?", true},
	{"unknown field of a log", oneLog + "  topcis: [a.b]\n", "logs[0].topcis", 6, "did you mean topics?", true},
	{"hyphen for underscore", oneLog + "  dedupe-window: 1m\n", "logs[0].dedupe-window", 6, "did you mean dedupe_window?", true},
	{"field one level too high", oneLog + "  max_age: 7d\n", "logs[0].max_age", 6, "did you mean retention.max_age?", true},
	{"unlike any field", good + "link: {weather: fine}\n", "link.weather", 3, "known here are credit, frame", true},
	{"key that is no text", good + "? [a, b]\n: c\n", "?", 3, "unknown field", true},
	{"key that a terminal obeys", good + "\"\\e[31m\": c\n", `"\x1b[31m"`, 3, "unknown field", true},
	{"alias", "region: &r us-east\ndata: *r\n", "data", 2, "is an alias (*r)", true},
	{"merge key", good + "link: &l {credit: 2MiB}\nbroker:\n  <<: *l\n", "broker.\"<<\"", 5, "merge keys", true},
	{"no value", good + "logs:\n", "logs", 3, "has no value", true},
	{"empty text", good + "node: ''\n", "node", 3, "is empty", true},

	// Kinds of values.
	{"number for text", "region: us-east\ndata: 17\n", "data", 2, "is a number, not text", true},
	{"date for text", good + "node: 2020-01-01\n", "node", 3, "is a date, not text", true},
	{"list for text", good + "node: [a]\n", "node", 3, "is a list, not text", true},
	{"text for flag", good + "insecure: yes\n", "insecure", 3, "write true or false", true},
	{"number for flag", good + "insecure: 1\n", "insecure", 3, "write true or false", true},
	{"text for number", good + "broker: {brokers: three}\n", "broker.brokers", 3, "is text, not a whole number", true},
	{"octal", good + "broker: {brokers: 01}\n", "broker.brokers", 3, "no whole number in plain digits", true},
	{"fraction", good + "broker: {brokers: 1.5}\n", "broker.brokers", 3, "no whole number", true},
	{"number beyond 64 bits", good + "broker: {brokers: 99999999999999999999}\n", "broker.brokers", 3, "no whole number", true},
	{"text for list", good + "regions: us-east\n", "regions", 3, "is text, not a list", true},
	{"text for section", good + "listen: 4222\n", "listen", 3, "is a number, not a mapping", true},
	{"mapping for logs", good + "logs: {name: A}\n", "logs", 3, "is a mapping, not a list of logs", true},
	{"text for a log", good + "logs:\n- ORDERS\n", "logs[0]", 4, "is text, not a mapping", true},
	{"number in a list", oneLog + "- name: B\n  topics:\n  - b.c\n  - 5\n", "logs[1].topics[1]", 9, "is a number, not text", true},
	{"own tag", good + "node: !secret x\n", "node", 3, `of the kind "!secret"`, true},

	// Units.
	{"size in an unknown unit", good + "link: {credit: 16M}\n", "link.credit", 3, `the unit "M"`, true},
	{"size without a number", good + "link: {credit: lots}\n", "link.credit", 3, "not a size", true},
	{"size with a fraction", good + "link: {credit: 1.5MiB}\n", "link.credit", 3, "not a size", true},
	{"list for size", good + "link: {credit: [1]}\n", "link.credit", 3, "is a list, not a size", true},
	{"size too large", good + "broker: {max_store: 9000000TiB}\n", "broker.max_store", 3, "64-bit", true},
	{"duration without a unit", good + "link: {heartbeat: 5}\n", "link.heartbeat", 3, "has no unit; write e.g. 5s", true},
	{"duration in an unknown unit", good + "link: {heartbeat: 5sec}\n", "link.heartbeat", 3, `the unit "sec"`, true},
	{"size for a duration", oneLog + "  retention: {max_age: 10GB}\n", "logs[0].retention.max_age", 6, `the unit "GB"`, true},
	{"flag for a duration", good + "link: {heartbeat: true}\n", "link.heartbeat", 3, "not a duration", true},
	{"duration too long", oneLog + "  retention: {max_age: 99999w}\n", "logs[0].retention.max_age", 6, "292 years", true},

	// Names.
	{"no region", "data: d\n", "region", 0, "is required", true},
	{"no data", "region: us-east\n", "data", 0, "is required", true},
	{"data under ~", "region: us-east\ndata: ~/geomq\n", "data", 2, "only a shell", true},
	{"data with a NUL", "region: us-east\ndata: \"a\\0b\"\n", "data", 2, "can't be a folder", true},
	{"region in capitals", "region: US-East\ndata: d\n", "region", 1, "not a region name", true},
	{"region that views keep", "region: all\ndata: d\n", "region", 1, "merged views", true},
	{"region too long for its node", "region: " + strings.Repeat("a", 62) + "\ndata: d\n", "node", 0, "64 characters", true},
	{"node with a dot", good + "node: a.b\n", "node", 3, "not a node name", true},
	{"endless name", good + "node: " + strings.Repeat("a", 9999) + "\n", "node", 3, "9999 characters", true},
	{"own region missing", good + "regions: [eu-west]\n", "regions", 3, `lacks this node's own region "us-east"`, true},
	{"no regions", good + "regions: []\n", "regions", 3, "lacks this node's own region", true},
	{"region twice", twoRegions[:len(twoRegions)-2] + ", eu-west]\n", "regions[2]", 3, "a second time", true},
	{"bad region in the list", good + "regions: [us-east, eu_west]\n", "regions[1]", 3, "not a region name", true},
	{"too many regions", good + "regions: [us-east" + numbered(", r%d", 64) + "]\n", "regions", 3, "names 65 regions, at most 64", true},

	// Listeners.
	{"no port", good + "listen: {nats: 127.0.0.1}\n", "listen.nats", 3, "missing port", true},
	{"empty port", good + "listen: {nats: '127.0.0.1:'}\n", "listen.nats", 3, "port is missing", true},
	{"port beyond 65535", good + "listen: {admin: '127.0.0.1:65536'}\n", "listen.admin", 3, "out of range", true},
	{"endless port", good + "listen: {admin: '127.0.0.1:99999999999999999999'}\n", "listen.admin", 3, "out of range", true},
	{"negative port", good + "listen: {admin: '127.0.0.1:-1'}\n", "listen.admin", 3, "is no number", true},
	{"named port", good + "listen: {admin: '127.0.0.1:http'}\n", "listen.admin", 3, "is no number", true},
	{"no host", good + "listen: {nats: ':4222'}\n", "listen.nats", 3, "has no host", true},
	{"IPv6 without brackets", good + "listen: {nats: '::1:4222'}\n", "listen.nats", 3, "no host:port", true},
	{"no IP address", good + "listen: {nats: '127.0.0.256:1'}\n", "listen.nats", 3, "is no IP address", true},
	{"host with a scheme", good + "listen: {nats: 'nats://a:1'}\n", "listen.nats", 3, "no host:port", true},
	{"endless host", good + "listen: {nats: '" + strings.Repeat("a.", 127) + "a:1'}\n", "listen.nats", 3, "longer than 253", true},
	{"endless label", good + "listen: {nats: '" + strings.Repeat("a", 64) + ":1'}\n", "listen.nats", 3, "more than 63", true},
	{"label with a hyphen in front", good + "listen: {nats: 'a.-b:1'}\n", "listen.nats", 3, "begins or ends with a hyphen", true},
	{"host with a space", good + "listen: {nats: 'a b:1'}\n", "listen.nats", 3, "neither an IP address nor a host name", true},
	{"host with an empty label", good + "listen: {nats: 'a..b:1'}\n", "listen.nats", 3, "empty label", true},
	{"NATS beyond loopback", good + "listen: {nats: '10.0.0.5:4222'}\n", "listen.nats", 3, "insecure: true", false},
	{"cluster beyond loopback", good + "listen: {cluster: '[2001:db8::1]:6222'}\n", "listen.cluster", 3, "insecure: true", false},
	{"gossip beyond loopback", good + "listen: {gossip: 'node.example.com:7946'}\n", "listen.gossip", 3, "insecure: true", false},
	{"admin beyond loopback", good + "listen: {admin: 'localhost.example.com:80'}\n", "listen.admin", 3, "insecure: true", false},
	{"everything listens", good + "listen: {nats: '0.0.0.0:4222'}\n", "listen.nats", 3, "insecure: true", false},
	{"same port", good + "listen:\n  nats: 127.0.0.1:80\n  admin: 127.0.0.1:80\n", "listen.admin", 5, "already taken by listen.nats", true},
	{"same port as a default", good + "listen: {admin: '127.0.0.1:4222'}\n", "listen.admin", 3, "already taken by listen.nats", true},
	{"same port on localhost", good + "listen: {admin: 'LOCALHOST:4222'}\n", "listen.admin", 3, "already taken", true},
	{"same port on localhost, by IPv6", good + "listen: {nats: 'localhost:1', admin: '[::1]:1'}\n", "listen.admin", 3, "already taken", true},
	{"same port on one host", exposed + "listen: {nats: 'A.example.com:1', admin: 'a.example.com:1'}\n", "listen.admin", 5, "already taken", true},
	{"same port on all addresses", exposed + "listen: {admin: '[::]:4222'}\nadvertise: {admin: 'a:1'}\n", "listen.admin", 5, "already taken", true},
	{"same port, address written otherwise", good + "listen: {admin: '[::ffff:127.0.0.1]:4222'}\n", "listen.admin", 3, "already taken", true},
	{"all addresses advertised", exposed + "listen: {nats: '0.0.0.0:4222'}\n", "advertise.nats", 0, "is required, because listen.nats", true},
	{"all IPv6 addresses advertised", exposed + "listen: {gossip: '[::]:0'}\n", "advertise.gossip", 0, "is required", true},
	{"0.0.0.0 advertised", good + "advertise: {admin: '0.0.0.0:8300'}\n", "advertise.admin", 3, "can't be dialled", true},
	{"port 0 advertised", good + "advertise: {admin: 'a:0'}\n", "advertise.admin", 3, "port 0", true},

	// Gossip.
	{"member without a port", good + "gossip: {join: ['a:1', b]}\n", "gossip.join[1]", 3, "missing port", true},
	{"member with port 0", good + "gossip: {join: ['a:0']}\n", "gossip.join[0]", 3, "port 0", true},
	{"key and key file", good + "gossip: {key: MDEyMzQ1Njc4OWFiY2RlZg==, key_file: f}\n", "gossip.key_file", 3, "keep one", true},
	{"no key beyond loopback", good + "insecure: true\nlisten: {nats: '10.0.0.5:4222'}\n", "gossip.key", 0, "is required", true},
	{"key of 15 bytes", good + "gossip: {key: MDEyMzQ1Njc4OWFiY2Rl}\n", "gossip.key", 3, "has 15 bytes, not 16, 24 or 32", true},
	{"key in hexadecimal", good + "gossip: {key: x0123456789abcdef}\n", "gossip.key", 3, "no base64", true},
	{"key over two lines", good + "gossip: {key: \"MDEyMzQ1Njc4\\nOWFiY2RlZg==\"}\n", "gossip.key", 3, "several lines", true},

	// Broker and link.
	{"no broker", good + "broker: {brokers: 0}\n", "broker.brokers", 3, "allowed are 1 to 64", true},
	{"too many brokers", good + "broker: {brokers: 65, routes: ['a:1']}\n", "broker.brokers", 3, "allowed are 1 to 64", true},
	{"brokers without routes", good + "broker: {brokers: 3}\n", "broker.routes", 3, "is required with 3 brokers", true},
	{"routes of a sole broker", good + "broker: {routes: ['a:1']}\n", "broker.routes", 3, "broker.brokers is 1", true},
	{"bad route", good + "broker: {brokers: 2, routes: [a]}\n", "broker.routes[0]", 3, "missing port", true},
	{"payload too small", good + "broker: {max_payload: 63KiB}\n", "broker.max_payload", 3, "allowed are 64KiB to 8MiB", true},
	{"payload too large", good + "broker: {max_payload: 9MiB}\n", "broker.max_payload", 3, "allowed are 64KiB to 8MiB", true},
	{"negative store", good + "broker: {max_store: -1}\n", "broker.max_store", 3, "is negative", true},
	{"credit too small", good + "link: {credit: 1023KiB}\n", "link.credit", 3, "allowed are 1MiB to 1GiB", true},
	{"credit too large", good + "link: {credit: 1025MiB}\n", "link.credit", 3, "allowed are 1MiB to 1GiB", true},
	{"frame too small", good + "link: {frame: 65535}\n", "link.frame", 3, "allowed are 64KiB to 256KiB", true},
	{"frame too large", good + "link: {frame: 257KiB}\n", "link.frame", 3, "allowed are 64KiB to 256KiB", true},
	{"frame beyond half the credit", good + "link:\n  credit: 400KiB\n  frame: 256KiB\n", "link.frame", 5, "more than half of link.credit (400KiB)", false},
	{"an opening that waits too long", good + "broker: {open_wait: 2h}\n", "broker.open_wait", 3, "allowed are 0s to 1h", true},
	{"more than half the disk free", good + "disk: {stop_replicas: 51}\n", "disk.stop_replicas", 3, "allowed are 1 to 50", true},
	{"origins that give way before replicas", good + "disk: {fence_origins: 10}\n", "disk.fence_origins", 3, "not below disk.stop_replicas (10)", true},
	{"a negative scrub rate", good + "scrub: {rate: -1}\n", "scrub.rate", 3, "negative", true},
	{"heartbeat too often", good + "link: {heartbeat: 99ms}\n", "link.heartbeat", 3, "allowed are 100ms to 10s", true},
	{"heartbeat too seldom", good + "link: {heartbeat: 11s}\n", "link.heartbeat", 3, "allowed are 100ms to 10s", true},
	{"compression unknown", good + "link: {compression: gzip}\n", "link.compression", 3, "known are zstd, s2, none", true},
	{"detour to the own region", twoRegions + "link:\n  via:\n    us-east: h:1\n", "link.via.us-east", 6, "own region", true},
	{"detour to a strange region", twoRegions + "link:\n  via:\n    mars: h:1\n", "link.via.mars", 6, `"mars" is none of the deployment's regions`, true},
	{"detour to no region", twoRegions + "link:\n  via:\n    a.b: h:1\n", `link.via."a.b"`, 6, `"a.b" is none of the deployment's regions`, true},
	{"detour without a port", twoRegions + "link:\n  via:\n    eu-west: tunnel\n", "link.via.eu-west", 6, "no host:port", true},
	{"detour to port 0", twoRegions + "link:\n  via:\n    eu-west: tunnel:0\n", "link.via.eu-west", 6, "port 0 can't be dialled", true},
	{"detour to everywhere", twoRegions + "link:\n  via:\n    eu-west: 0.0.0.0:1\n", "link.via.eu-west", 6, "can't be dialled", true},
	{"detour that is a URL", twoRegions + "link:\n  via:\n    eu-west: nats://h:1\n", "link.via.eu-west", 6, "no host:port", true},
	{"detour to nothing", twoRegions + "link:\n  via:\n    eu-west:\n", "link.via.eu-west", 6, "has no value", true},
	{"detour to a list", twoRegions + "link:\n  via:\n    eu-west: [h:1]\n", "link.via.eu-west", 6, "is a list, not text", true},
	{"detour twice", twoRegions + "link:\n  via:\n    eu-west: h:1\n    eu-west: h:2\n", "link.via.eu-west", 7, "a second time, first in line 6", true},
	{"detour of a number", twoRegions + "link:\n  via:\n    2024: h:1\n", "link.via.2024", 6, "the region is a number", true},
	{"detours as text", twoRegions + "link:\n  via: h:1\n", "link.via", 5, "is text, not a mapping", true},
	{"too many detours", twoRegions + "link:\n  via: {" + numbered("r%d: 'h:1', ", 65) + "}\n", "link.via", 5, "names 65 regions", true},

	// Logs.
	{"log without a name", good + "logs:\n- topics: [a.b]\n", "logs[0].name", 4, "is required", true},
	{"log without topics", good + "logs:\n- name: A\n", "logs[0].topics", 4, "is required", true},
	{"log with no topic", good + "logs:\n- name: A\n  topics: []\n", "logs[0].topics", 5, "is required", true},
	{"name that a queue has", good + "logs:\n- name: ORDERS-1\n  topics: [a]\n", "logs[0].name", 4, "ends like a queue's stream", true},
	{"name with a dot", good + "logs:\n- name: a.b\n  topics: [a]\n", "logs[0].name", 4, "not a log name", true},
	{"name that geomq keeps", good + "logs:\n- name: geomq_x\n  topics: [a]\n", "logs[0].name", 4, "geomq's own streams", true},
	{"name twice", oneLog + "- name: ORDERS\n  topics: [b]\n", "logs[1].name", 6, "already the name of logs[0]", true},
	{"name twice but for case", oneLog + "- name: Orders\n  topics: [b]\n", "logs[1].name", 6, "already the name of logs[0]", true},
	{"topic for everything", good + "logs:\n- name: A\n  topics: ['>']\n", "logs[0].topics[0]", 5, "not a topic", true},
	{"topic of NATS", good + "logs:\n- name: A\n  topics: [$JS.x]\n", "logs[0].topics[0]", 5, "belongs to NATS", true},
	{"topic of geomq", good + "logs:\n- name: A\n  topics: [geomq.x]\n", "logs[0].topics[0]", 5, "belongs to geomq", true},
	{"topic with an empty token", good + "logs:\n- name: A\n  topics: [a..b]\n", "logs[0].topics[0]", 5, "empty token", true},
	{"endless topic", good + "logs:\n- name: A\n  topics: [" + strings.Repeat("a.", 300) + "a]\n", "logs[0].topics[0]", 5, "601 characters", true},
	{"topics overlap in a log", good + "logs:\n- name: A\n  topics:\n  - a.>\n  - a.b\n", "logs[0].topics[1]", 7, `"a.b" overlaps "a.>" of the same log`, true},
	{"topics overlap between logs", oneLog + "- name: B\n  topics:\n  - b\n  - orders.*\n", "logs[1].topics[1]", 9, `"orders.*" overlaps "orders.>" of log ORDERS (logs[0].topics[0])`, true},
	{"log in no region", oneLog + "  regions: []\n", "logs[0].regions", 6, "is empty", true},
	{"log in a strange region", oneLog + "  regions: [us-east, mars]\n", "logs[0].regions[1]", 6, `"mars" is none of the deployment's regions (us-east)`, true},
	{"log in a region twice", oneLog + "  regions: [us-east, us-east]\n", "logs[0].regions[1]", 6, "a second time", true},
	{"log in too many regions", oneLog + "  regions: [us-east" + numbered(", r%d", 64) + "]\n", "logs[0].regions", 6, "names 65 regions, the deployment has 1", true},
	{"mode of another version", oneLog + "  mode: multi-master\n", "logs[0].mode", 6, "this version, which has single and sync", true},
	{"mode async", oneLog + "  mode: async\n", "logs[0].mode", 6, "this version, which has single and sync", true},
	{"mode unknown", oneLog + "  mode: double\n", "logs[0].mode", 6, `"double" is unknown; known are single, sync`, true},
	{"sync on one broker", oneLog + "  mode: sync\n", "logs[0].mode", 6, "broker.brokers is 1", true},
	{"sync on two brokers", oneLog + "  mode: sync\nbroker: {brokers: 2, routes: ['a:1']}\n", "logs[0].mode", 6, "broker.brokers is 2", true},
	{"flush unknown", oneLog + "  flush: always\n", "logs[0].flush", 6, "known are async, sync", true},
	{"negative age", oneLog + "  retention: {max_age: -1h}\n", "logs[0].retention.max_age", 6, "is negative", true},
	{"age below a second", oneLog + "  retention: {max_age: 999ms}\n", "logs[0].retention.max_age", 6, "less than the least, 1s", true},
	{"negative size", oneLog + "  retention: {max_bytes: -1GiB}\n", "logs[0].retention.max_bytes", 6, "-1GiB is negative", true},
	{"negative count", oneLog + "  retention: {max_entries: -1}\n", "logs[0].retention.max_entries", 6, "-1 is negative", true},
	{"window too short", oneLog + "  dedupe_window: 99ms\n", "logs[0].dedupe_window", 6, "allowed are 100ms to 1d", true},
	{"window too long", oneLog + "  dedupe_window: 25h\n", "logs[0].dedupe_window", 6, "allowed are 100ms to 1d", true},
	{"window of nothing", oneLog + "  dedupe_window: 0s\n", "logs[0].dedupe_window", 6, "not allowed here", true},
	{"window beyond the age", oneLog + "  dedupe_window: 2m\n  retention: {max_age: 1m}\n", "logs[0].dedupe_window", 6, "longer than retention.max_age (1m)", true},
	{"too many logs", good + "logs:" + numbered("\n- {name: L%d_, topics: [a%[1]d]}", 1001), "logs", 3, "names 1001 logs, at most 1000", true},
	{"too many topics", good + "logs:\n- name: A\n  topics: [a" + numbered(", a.%d", 10_000) + "]", "logs", 3, "hold 10001 topics", true},
	{"too large a file", good + "#" + strings.Repeat("x", maxFile), "", 0, "larger than 1MiB", true},
}

func numbered(format string, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

func TestEachMistakeIsRefusedWithItsPath(t *testing.T) {
	for _, r := range refusals {
		t.Run(r.name, func(t *testing.T) {
			c, err := Parse([]byte(r.file))
			var found Problems
			if !errors.As(err, &found) || c != nil {
				t.Fatalf("accepted, or refused without Problems: %v", err)
			}
			if r.only && len(found) != 1 {
				t.Errorf("one mistake gave %d problems:\n%v", len(found), found)
			}
			for _, p := range found {
				if p.Path == r.path && p.Line == r.line && strings.Contains(p.Text, r.words) {
					return
				}
			}
			t.Errorf("want %q in line %d with %q, got:\n%v", r.path, r.line, r.words, found)
		})
	}
}
