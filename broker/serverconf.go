package broker

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// maxControlLine leaves room for a producer's longest subject with an ingest
// prefix in front and a batch's reply behind.
const maxControlLine = 64 << 10

// The server is configured by a text, not by Go values: a reload takes back what
// was set from Go.

// serverConfig writes the server's configuration.
func serverConfig(c Config) (string, error) {
	host, port, err := hostPort(c.Listen)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("server_name: %q", c.Name)
	line("host: %q", host)
	line("port: %d", port)
	if c.ClientAdvertise != "" {
		line("client_advertise: %q", c.ClientAdvertise)
	}
	line("max_payload: %d", c.MaxPayload)
	line("max_pending: %d", max(64<<20, 8*c.MaxPayload))
	line("max_control_line: %d", maxControlLine)
	line("jetstream {")
	line("  store_dir: %q", c.Data)
	line("  domain: %q", c.Cluster)
	if c.MaxStore > 0 {
		line("  max_file_store: %d", c.MaxStore)
	}
	if c.SyncAlways {
		line("  sync_interval: always")
	}
	line("}")
	b.WriteString(accounts(c))
	if c.clustered() {
		text, err := clusterBlock(c)
		if err != nil {
			return "", err
		}
		b.WriteString(text)
	}
	return b.String(), nil
}

// accounts keeps clients and links apart: what travels between regions is
// neither seen by clients nor can its users touch a stream.
func accounts(c Config) string {
	user := func(name string) string {
		return fmt.Sprintf("{user: %q, password: %q}", name, password(c.Secret, name))
	}
	var b strings.Builder
	fmt.Fprintf(&b, "accounts {\n  %s {\n    jetstream: enabled\n    mappings {\n", accountApp)
	for _, m := range mappings(c.Cluster) {
		fmt.Fprintf(&b, "      %q: %q\n", m[0], m[1])
	}
	fmt.Fprintf(&b, "    }\n    users: [\n      %s\n", user(userAgent))
	fmt.Fprintf(&b, "      {user: %q, permissions: {\n        publish: {deny: %s}\n        subscribe: {deny: %s}\n      }}\n    ]\n  }\n",
		userClient, quoted(clientNeverPublishes()), quoted(clientNeverSubscribes()))
	fmt.Fprintf(&b, "  LINK {users: [%s]}\n", user(userLink))
	fmt.Fprintf(&b, "  SYS {\n    mappings {\n")
	for _, m := range systemMappings() {
		fmt.Fprintf(&b, "      %q: %q\n", m[0], m[1])
	}
	fmt.Fprintf(&b, "    }\n    users: [%s]\n  }\n}\n", user(userSystem))
	fmt.Fprintf(&b, "system_account: SYS\nno_auth_user: %q\n", userClient)
	return b.String()
}

func clusterBlock(c Config) (string, error) {
	host, port, err := hostPort(c.ClusterListen)
	if err != nil {
		return "", err
	}
	secret := password(c.Secret, userRoute)
	routes := make([]string, len(c.Routes))
	for i, address := range c.Routes {
		routes[i] = "nats-route://" + userRoute + ":" + secret + "@" + address
	}
	advertise := ""
	if c.ClusterAdvertise != "" {
		advertise = fmt.Sprintf("  advertise: %q\n", c.ClusterAdvertise)
	}
	return fmt.Sprintf("cluster {\n  name: %q\n  host: %q\n  port: %d\n%s  authorization {user: %q, password: %q}\n  routes: %s\n}\n",
		c.Cluster, host, port, advertise, userRoute, secret, quoted(routes)), nil
}

func quoted(texts []string) string {
	each := make([]string, len(texts))
	for i, text := range texts {
		each[i] = strconv.Quote(text)
	}
	return "[" + strings.Join(each, ", ") + "]"
}

// writeServerConfig puts the configuration, which holds passwords, into the data
// folder and returns its path.
func writeServerConfig(c Config) (string, error) {
	text, err := serverConfig(c)
	if err != nil {
		return "", err
	}
	path := filepath.Join(c.Data, "server.conf")
	if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
		return "", err
	}
	return path, os.Rename(path+".new", path)
}
